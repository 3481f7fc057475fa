//! PgBouncer's settings that are something else here: another key, or none. Pure.

/// Those whose meaning is here under another name.
const RENAMED: &[(&str, &str)] = &[
    ("client_tls_ca_file", "tls.client.ca_file"),
    ("client_tls_cert_file", "tls.client.cert_file"),
    ("client_tls_key_file", "tls.client.key_file"),
    ("client_tls_sslmode", "tls.client.mode"),
    ("default_pool_size", "pool.pool_size"),
    ("listen_addr", "listen.addr"),
    ("listen_port", "listen.addr"),
    ("max_client_conn", "pool.max_clients"),
    ("reserve_pool", "databases.<name>.reserve_pool_size"),
    ("server_tls_ca_file", "tls.server.ca_file"),
    ("server_tls_cert_file", "tls.server.cert_file"),
    ("server_tls_key_file", "tls.server.key_file"),
    ("server_tls_sslmode", "tls.server.mode"),
    ("sslmode", "databases.<name>.tls.mode"),
    ("verbose", "log.level"),
];

const USERS: &str = "each user of it is a [users.<name>] here, with its password or verifier";
const NO_QUERY: &str =
    "users are not looked up in Postgres: each is a [users.<name>] here, with its password or verifier";
const STARTUP: &str = "it belongs into [databases.<name>.startup]";
const IN_URL: &str = "it belongs into the url: postgres://…?target_session_attrs=read-write";
const NEEDLESS: &str = "leave it out, it is not needed here";
const NOT_OFFERED: &str = "leave it out, it is not offered";
const LOG: &str = "leave it out: the log is standard error, the numbers are at /metrics";

/// Those that have no key here, and what to do about them.
const WITHOUT_KEY: &[(&[&str], &str)] = &[
    (&["auth_file", "userlist"], USERS),
    (&["auth_dbname", "auth_query", "auth_user"], NO_QUERY),
    (&["application_name", "client_encoding", "datestyle", "timezone"], STARTUP),
    (&["target_session_attrs"], IN_URL),
    (
        &[
            "conffile",
            "disable_pqexec",
            "ignore_startup_parameters",
            "max_packet_size",
            "peer_id",
            "pkt_buf",
            "sbuf_loopcnt",
            "server_check_query",
            "server_reset_query_always",
            "service_name",
            "so_reuseport",
            "tcp_defer_accept",
            "tcp_socket_buffer",
            "track_extra_parameters",
        ],
        NEEDLESS,
    ),
    (
        &[
            "application_name_add_host",
            "auth_hba_file",
            "auth_ident_file",
            "auth_ldap_options",
            "auth_ldap_parameter",
            "autodb_idle_timeout",
            "cancel_wait_timeout",
            "client_tls13_ciphers",
            "client_tls_ciphers",
            "client_tls_dheparams",
            "client_tls_ecdhcurve",
            "client_tls_protocols",
            "connect_query",
            "dns_max_ttl",
            "dns_nxdomain_ttl",
            "dns_zone_check_period",
            "load_balance_hosts",
            "login_notify_message",
            "pool_idle_timeout",
            "query_wait_notify",
            "resolv_conf",
            "scram_iterations",
            "server_fast_close",
            "server_round_robin",
            "server_tls13_ciphers",
            "server_tls_ciphers",
            "server_tls_protocols",
            "suspend_timeout",
            "unix_socket_group",
        ],
        NOT_OFFERED,
    ),
    (
        &[
            "job_name",
            "log_pooler_errors",
            "log_stats",
            "logfile",
            "pidfile",
            "stats_period",
            "syslog",
            "syslog_facility",
            "syslog_ident",
        ],
        LOG,
    ),
];

/// The key that is called so by PgBouncer.
pub(super) fn renamed(theirs: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(name, _)| *name == theirs).map(|(_, ours)| *ours)
}

/// What to do about a setting of PgBouncer's for which there is no key.
pub(super) fn advice(theirs: &str) -> Option<&'static str> {
    WITHOUT_KEY.iter().find(|(names, _)| names.contains(&theirs)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::super::listing::known;
    use super::*;

    #[test]
    fn they_lead_to_keys_that_exist() {
        let keys: Vec<String> = known().iter().map(|path| path.to_string().replace("\"<name>\"", "<name>")).collect();
        for (theirs, ours) in RENAMED {
            assert!(keys.iter().any(|key| key == ours), "{theirs} leads to {ours}");
        }
    }

    #[test]
    fn what_has_no_key_is_no_key() {
        let keys = known();
        for name in WITHOUT_KEY.iter().flat_map(|(names, _)| *names) {
            assert!(keys.iter().all(|key| key.last() != *name), "{name}");
            assert!(renamed(name).is_none(), "{name}");
        }
    }
}
