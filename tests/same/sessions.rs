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
        "a: E nowhere 0\na: Q select 1\na: Q set work_mem='7MB'\na: S\na: wait\nb: Q select 1\nb: wait\na: Q show work_mem",
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

/// In a transaction as elsewhere a setting goes back to what its client started with, not to what a server did.
#[test]
fn settings_put_back_in_a_transaction() {
    let scripts = ["reset timezone", "set timezone to default", "reset all", "set time zone local"].map(|reset| {
        format!(
            "a: login TimeZone=Asia/Tokyo work_mem=3MB\na: Q set timezone='Europe/Rome'; set work_mem='5MB'\na: Q begin\na: Q {reset}\na: wait
             a: Q show timezone\na: Q reset work_mem\na: Q savepoint s\na: Q show work_mem\na: Q set timezone='UTC'\na: wait
             a: Q show timezone\na: Q rollback to s\na: Q show timezone\na: Q commit\na: wait\nb: Q show timezone; show work_mem\nb: wait
             a: Q show timezone; show work_mem\na: Q begin\na: Q {reset}\na: wait\na: Q rollback\na: wait
             b: Q select 1\nb: wait\na: Q show timezone; show work_mem"
        )
    });
    check(&scripts.each_ref().map(String::as_str));
    check(&[
        "a: login work_mem=3MB\na: Q set work_mem='5MB'\na: Q begin\na: P - reset work_mem\na: B - -\na: E - 0\na: S\na: wait\na: P - show work_mem\na: B - -\na: D P -\na: E - 0\na: S\na: Q rollback\na: wait\na: Q show work_mem",
        "a: login work_mem=3MB TimeZone=Asia/Tokyo\na: Q begin\na: Q reset work_mem; reset timezone; set work_mem='7MB'; set timezone='UTC'\na: wait\na: Q show work_mem; show timezone\na: Q commit\na: wait\nb: Q select 1\nb: wait\na: Q show work_mem; show timezone",
        "a: login application_name=mine IntervalStyle=iso_8601 work_mem=3MB\na: P s discard all\na: B - s\na: E - 0\na: E nowhere 0\na: S\na: wait\na: Q show application_name; show work_mem\na: wait\nb: Q select 1\nb: wait\na: Q show intervalstyle; show work_mem",
        "a: login work_mem=3MB\na: Q begin; set work_mem='7MB'; reset all\na: wait\na: Q show work_mem\na: Q commit\na: wait\nb: Q select 1\nb: wait\na: Q show work_mem",
        "a: login app.tenant=one\na: Q begin; set app.tenant='two'\na: Q reset app.tenant\na: wait\na: Q show app.tenant\na: Q commit\na: wait\nb: Q select coalesce(current_setting('app.tenant', true), '') = 'one'\nb: wait\na: Q show app.tenant",
    ]);
}

/// What SQL's PREPARE has made is closed by the message as well.
#[test]
fn prepared_by_sql_closed_by_message() {
    check(&[
        "a: Q prepare s as select 1\na: wait\na: C S s\na: S\na: wait\na: Q execute s\na: wait\nb: Q select 1",
        "a: Q prepare s as select 1\na: C S s\na: P s select 2\na: B - s\na: E - 0\na: S\na: wait\nb: Q select 1\nb: wait\na: B - s\na: E - 0\na: S",
        "a: C S never\na: S\na: wait\nb: P s select 1\nb: C S s\nb: C S s\nb: B - s\nb: S",
    ]);
}
