//! Proving who one is: clients to us (`gate`), us to servers (`login`). Not where secrets come from (`config`), not the
//! sockets that carry the messages. Pure: nonces and salts are arguments, bytes are appended to the caller's buffer.
//!
//! Reading order: `key` (bytes that do not show themselves), `verifier` (what is stored about a password), `md5` and
//! `scram` (the two conversations), `credential` (one user's secret, shared by all logins), `gate`, `login`.
//!
//! Whatever costs PBKDF2 is a step of its own, called `Slow`: it must run on a blocking thread, never on a worker's loop.

mod credential;
pub mod gate;
mod key;
pub mod login;
pub mod md5;
pub mod scram;
pub mod verifier;
mod wire;

pub use credential::Credential;
pub use gate::{Gate, Proven, Refusal, Seeds, SlowCheck, Step};
pub use key::{Key, Password};
pub use login::{DerivedKeys, KeyCache, Login, LoginError, LoginStep, ServerKey, SlowLogin};
pub use scram::binding::EndPoint;
pub use verifier::{Keys, Secret, Verifier};

/// How a client proves who it is; PgBouncer's `auth_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It does not.
    Trust,
    /// AuthenticationCleartextPassword; works with every kind of secret.
    Plain,
    /// AuthenticationMD5Password; a user whose secret is a SCRAM verifier gets the SCRAM conversation.
    Md5,
    /// AuthenticationSASL; a user whose secret is an md5 hash cannot log in.
    ScramSha256,
}

/// Our part of one SCRAM nonce, before base64: as long as Postgres' own.
pub type Nonce = [u8; 18];

/// A password message (`p`) may be as long as this, with its length word. Postgres' own limit (PG_MAX_AUTH_TOKEN_LENGTH).
pub const MAX_PASSWORD_MESSAGE: usize = 65535;

#[cfg(test)]
mod tests;
