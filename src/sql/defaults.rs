//! Statements that change what sessions start with: `ALTER ROLE … SET`, `ALTER DATABASE … RESET`. Pure.

use super::lexer::{Lexer, Token};
use super::set::{follows, is};

/// Whether a statement does so whose ALTER is done.
pub(super) fn is_of_sessions(mut lexer: Lexer<'_>) -> bool {
    let Some(Token::Word(what)) = lexer.next() else { return false };
    if !["role", "user", "database"].iter().any(|own| is(what, own)) {
        return false;
    }
    lexer.next();
    if follows(&mut lexer, "in") && follows(&mut lexer, "database") {
        lexer.next();
    }
    follows(&mut lexer, "reset") || (follows(&mut lexer, "set") && !follows(&mut lexer, "tablespace"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Effects, effects};

    #[track_caller]
    fn check(text: &str, expected: bool) {
        let mut lexer = Lexer::new(text.as_bytes(), false);
        assert!(follows(&mut lexer, "alter"));
        assert_eq!(is_of_sessions(lexer), expected, "{text}");
    }

    #[test]
    fn changed() {
        check("alter role app set work_mem = '9MB'", true);
        check("ALTER USER \"App\" IN DATABASE \"App\" SET search_path TO x", true);
        check("alter role all /* */ reset all", true);
        check("alter role in in database in reset x", true);
        check("alter user current_user set x from current", true);
        check("alter database app set x = 1", true);
        check("alter database app reset x", true);
    }

    #[test]
    fn not_changed() {
        check("alter", false);
        check("alter role app with password 'set'", false);
        check("alter role app rename to set", false);
        check("alter user mapping for app server s options (set user 'x')", false);
        check("alter database app set tablespace fast", false);
        check("alter database app owner to app", false);
        check("alter table t set schema s", false);
        check("alter system set work_mem = '9MB'", false);
    }

    #[test]
    fn what_sessions_start_with() {
        let changes = |sql: &str| effects(sql.as_bytes(), false).contains(Effects::DEFAULTS | Effects::DEFINES);
        assert!(changes("alter role app set work_mem = '9MB'"));
        assert!(changes("begin; ALTER DATABASE app RESET ALL; commit"));
        assert!(changes("do $$ begin alter user app set x.y = 1; end $$"));
        assert!(!changes("alter role app password 'x'; alter table t set schema s"));
    }
}
