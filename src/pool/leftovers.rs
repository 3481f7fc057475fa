//! Settings that a client has left on a server and that Postgres may refuse to take back. Pure.

use super::parameters::{Parameters, rank, reset, whole};

impl Parameters {
    /// Those that a client left which another one does not have, and whose RESET Postgres may refuse to whoever logged in: they were
    /// set by a role, or a function, that may do more. The Query, and `self` without them.
    pub fn leftovers(&self, wanted: &Parameters) -> Option<(String, Parameters)> {
        let is_left = |name: &&str| rank(name) == 0 && wanted.quiet(name).is_none() && !is_anybodys(name);
        let (mut rest, mut sql) = (self.clone(), String::new());
        for name in self.all_quiet().filter(is_left) {
            reset(&mut sql, name);
            rest.unset_quiet(name);
        }
        (!sql.is_empty()).then(|| (whole(&sql), rest))
    }
}

/// Whether anybody may set it at any time, of those that clients usually set; for all there are Postgres' catalogue would have to be asked. The
/// applications' own are anybody's but for those of extensions.
/// <https://www.postgresql.org/docs/current/runtime-config-client.html>
fn is_anybodys(name: &str) -> bool {
    const OF_EXTENSIONS: [&str; 4] = ["pg", "pl", "auto_explain", "timescaledb"];
    const USUAL: [&str; 21] = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "transaction_timeout",
        "search_path",
        "work_mem",
        "maintenance_work_mem",
        "extra_float_digits",
        "bytea_output",
        "row_security",
        "jit",
        "synchronous_commit",
        "client_min_messages",
        "check_function_bodies",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "default_transaction_deferrable",
        "default_tablespace",
        "default_table_access_method",
        "xmloption",
    ];
    let name = name.to_ascii_lowercase();
    match name.split_once('.') {
        Some((prefix, _)) => !OF_EXTENSIONS.iter().any(|of| prefix.starts_with(of)),
        None => USUAL.contains(&&*name) || name.starts_with("enable_") || name.starts_with("geqo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::parameters::tests::parse;

    #[test]
    fn what_may_not_be_reset() {
        let left = |present: &str, wanted: &str| {
            let left = parse(present).leftovers(&parse(wanted));
            left.map_or(String::new(), |(sql, rest)| {
                format!("{sql} {}", rest.all_quiet().collect::<Vec<_>>().join(" "))
            })
        };
        let reset = whole(r#"RESET "log_statement"; "#);
        assert_eq!(left("log_statement=all statement_timeout=1", ""), format!("{reset} statement_timeout"));
        assert_eq!(left("log_statement=all", "log_statement=none"), "");
        assert_eq!(left("statement_timeout=1 role=x my.tenant=2 enable_seqscan=off", ""), "");
        assert_ne!(left("plpgsql.extra_errors=all", ""), "");
        assert_ne!(left("temp_buffers=1MB", ""), "", "not once a temporary table has been looked at");
    }
}
