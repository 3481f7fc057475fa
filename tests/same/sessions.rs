//! Scripts by hand: what one client leaves behind is its own, and hurts nobody.

use super::check;

/// A setting that was refused was never set: nobody is to be rid of it.
#[test]
fn settings_that_are_refused() {
    let refused =
        ["session_replication_role=replica", "log_statement='all'", "port=1", "ssl=off", "shared_buffers='1MB'"];
    let scripts = refused.map(|setting| {
        format!("a: Q set {setting}\na: wait\nb: Q select 1\nb: wait\na: Q select 2\na: wait\nb: Q select 3")
    });
    check(&scripts.each_ref().map(String::as_str));
    check(&[
        "a: Q reset log_statement\na: wait\nb: Q select 1",
        "a: Q select set_config('log_statement', 'all', false)\na: wait\nb: Q select 1",
        "a: P s select set_config($1, $2, false)\na: B - s log_statement all\na: E - 0\na: S\na: wait\nb: Q select 1",
        "a: Q begin; savepoint x\na: Q set lc_messages='C'\na: Q rollback to x\na: Q commit\na: wait\nb: Q select 1",
        "a: Q begin; savepoint x; set work_mem='3MB'; savepoint y\na: Q set log_statement='all'\na: Q rollback to y; commit\na: wait
         b: Q show work_mem\nb: wait\na: Q show work_mem",
        "a: Q set dynamic_library_path='x'\na: wait\nb: Q select 1\nb: wait\na: Q select 1",
    ]);
}

/// What is said of one transaction is listed by Postgres as if it were said of the session.
#[test]
fn settings_of_a_transaction() {
    let opaque = "a: Q do $$ begin perform set_config('lock_timeout', '11', false); end $$\na: wait\nb: Q show lock_timeout\nb: wait\na: Q show lock_timeout";
    let modes = ["isolation level serializable", "read only", "isolation level repeatable read, deferrable"];
    let scripts = modes.map(|mode| format!("a: Q begin; set transaction {mode}; commit\n{opaque}"));
    check(&scripts.each_ref().map(String::as_str));
    check(&[&format!(
        "a: Q set session characteristics as transaction read only\na: Q begin; set transaction read only; commit\n{opaque}"
    )]);
}
