//! The SQLSTATEs that we say ourselves, by Postgres' names for them. Pure.
//!
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

/// Five characters.
pub type SqlState = [u8; 5];

/// `protocol_violation`
pub const PROTOCOL_VIOLATION: SqlState = *b"08P01";
/// `connection_failure`: the server was lost or cannot be reached.
pub const CONNECTION_FAILURE: SqlState = *b"08006";
/// `feature_not_supported`
pub const FEATURE_NOT_SUPPORTED: SqlState = *b"0A000";
/// `idle_in_transaction_session_timeout`
pub const IDLE_IN_TRANSACTION_TIMEOUT: SqlState = *b"25P03";
/// `transaction_timeout`
pub const TRANSACTION_TIMEOUT: SqlState = *b"25P04";
/// `invalid_authorization_specification`
pub const INVALID_AUTHORIZATION: SqlState = *b"28000";
/// `invalid_password`
pub const INVALID_PASSWORD: SqlState = *b"28P01";
/// `invalid_sql_statement_name`: of a prepared statement
pub const INVALID_STATEMENT_NAME: SqlState = *b"26000";
/// `duplicate_prepared_statement`
pub const DUPLICATE_STATEMENT: SqlState = *b"42P05";
/// `syntax_error`
pub const SYNTAX_ERROR: SqlState = *b"42601";
/// `invalid_catalog_name`
pub const INVALID_CATALOG_NAME: SqlState = *b"3D000";
/// `too_many_connections`
pub const TOO_MANY_CONNECTIONS: SqlState = *b"53300";
/// configuration_limit_exceeded
pub const CONFIGURATION_LIMIT_EXCEEDED: SqlState = *b"53400";
/// `query_canceled`
pub const QUERY_CANCELED: SqlState = *b"57014";
/// `admin_shutdown`
pub const ADMIN_SHUTDOWN: SqlState = *b"57P01";
/// `cannot_connect_now`
pub const CANNOT_CONNECT_NOW: SqlState = *b"57P03";
/// `idle_session_timeout`
pub const IDLE_SESSION_TIMEOUT: SqlState = *b"57P05";
