//! Texts and outcomes in, settlements out.

use super::*;

/// `Q:TEXT` a Query, `E:TEXT` an Execute of what was prepared, `C:TAG`, `X:TAG` a tag by the extended protocol, `!` an error;
/// separated by `|`.
fn play(script: &str, pins: Pins) -> Settlement {
    let mut watch = Watch::default();
    let idle = Moment { batch: 0, status: TransactionStatus::Idle, backslash: false };
    for word in script.split('|').map(str::trim) {
        let (kind, text) = word.split_once(':').unwrap_or((word, ""));
        let bytes = text.as_bytes();
        match kind {
            "Q" => drop(watch.query(bytes, true, idle)),
            "T" => drop(watch.query(bytes, true, Moment { status: TransactionStatus::Open, ..idle })),
            "L" => drop(watch.query(bytes, false, idle)),
            "E" => watch.execution(effects_and_calls(bytes, false), bytes, &|_| None, idle),
            "C" => watch.completed(bytes, false, 0),
            "X" => watch.completed(bytes, true, 0),
            "!" => watch.failed(0),
            _ => panic!("{word}"),
        }
    }
    watch.settle(pins)
}

/// What it came to: `=a:1` known, `?a` asked, `+` what the client is known to have, `*` all, `#lock` looked at, `!load` tied.
fn shown(settlement: &Settlement) -> String {
    let change = |change: &Change| match &change.to {
        To::Value(value) => format!("={}:{value}", change.name),
        To::Default => format!("={}", change.name),
        To::AllDefault => "=*".to_string(),
        To::Unread => "=?".to_string(),
    };
    let words: Vec<String> = match settlement {
        Settlement::Known(changes) => changes.iter().map(change).collect(),
        Settlement::Ask(question) => {
            let mut words: Vec<String> = question.changes.iter().map(change).collect();
            words.extend(question.names.iter().map(|name| format!("?{name}")));
            words.extend(question.spelled.iter().map(|name| format!("~{name}")));
            words.extend(question.known.then(|| "+".to_string()));
            words.extend(question.all.then(|| "*".to_string()));
            words.extend(question.pins.iter().map(|pin| format!("#{}", pin.as_str())));
            words.extend(question.tied.iter().map(|pin| format!("!{}", pin.as_str())));
            words.extend(question.released.then(|| "released".to_string()));
            words
        }
    };
    words.join(" ")
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(shown(&play(script, Pins::NONE)), expected, "{script}");
}

#[track_caller]
fn check_pinned(pin: Pin, script: &str, expected: &str) {
    assert_eq!(shown(&play(script, pin.into())), expected, "{script}");
}

#[test]
fn settings() {
    check("Q:select 1|C:SELECT 1", "");
    check("Q:set work_mem = 1|C:SET", "=work_mem:1");
    check("Q:set a.b to 'x'; reset work_mem|C:SET|C:RESET", "=a.b:x =work_mem");
    check("Q:set local work_mem = 1|C:SET", "");
    check("Q:begin|C:BEGIN|T:set work_mem = 1|C:SET|T:commit|C:COMMIT", "=work_mem:1");
    check("Q:begin|C:BEGIN|T:set work_mem = 1|C:SET|T:rollback|C:ROLLBACK", "?work_mem");
    check("Q:set work_mem = 1; select 1/0|C:SET|!", "?work_mem");
    check("Q:select 1/0|!|Q:set work_mem = 1|C:SET", "=work_mem:1");
    check("Q:reset all|C:RESET", "=*");
    check("Q:begin|T:reset all|C:RESET|T:rollback|C:ROLLBACK", "+");
    check("Q:set search_path from current|C:SET", "?search_path");
    check("Q:do $$ begin set work_mem = 1; end $$|C:DO", "*");
    check("Q:discard all|C:DISCARD ALL", "=session_authorization =role:none =*");
}

#[test]
fn what_stands_behind_a_rollback_is_not_undone_by_it() {
    check("T:rollback; reset all|C:ROLLBACK|C:RESET", "=*");
    check("T:set a.b = 1|C:SET|T:rollback; reset all|C:ROLLBACK|C:RESET", "=a.b:1 =*");
    check("T:set a.b = 1|C:SET|T:rollback; set a.b = 2|C:ROLLBACK|C:SET", "=a.b:1 =a.b:2");
    check("T:set a.b = 1|C:SET|T:rollback; set c.d = 2|C:ROLLBACK|C:SET", "=c.d:2 ?a.b");
    check("T:set role x|C:SET|T:rollback; reset all|C:ROLLBACK|C:RESET", "=* ?role");
    check("T:set a.b = 1; rollback; reset c.d|C:SET|C:ROLLBACK|C:RESET", "=c.d ?a.b");
    check("T:rollback; begin; set a.b = 1; rollback|C:ROLLBACK|C:BEGIN|C:SET|C:ROLLBACK", "?a.b");
    check("T:rollback; set a.b = 1; select 1/0|C:ROLLBACK|C:SET|!", "?a.b");
    check("T:rollback; reset a.b; rollback to x|C:ROLLBACK|C:RESET|!", "?a.b");
    check("E:rollback|E:set a.b = 1|X:ROLLBACK|X:SET", "=a.b:1");
    check("E:set a.b = 1|E:rollback|X:SET|X:ROLLBACK", "?a.b");
    check("T:commit; reset all|C:ROLLBACK|C:RESET", "+");
    let mut watch = Watch::default();
    let at = |batch| Moment { batch, status: TransactionStatus::Open, backslash: false };
    watch.query(b"reset datestyle; rollback; reset timezone", true, at(1));
    watch.completed(b"ROLLBACK", false, 1);
    assert!(watch.changed.resets("TimeZone", 1) && !watch.changed.resets("DateStyle", 1));
}

#[test]
fn who_may_have_ended_to_listen_goes_on() {
    let mut watch = Watch::default();
    let at = |batch| Moment { batch, status: TransactionStatus::Open, backslash: false };
    watch.query(b"unlisten a", true, at(1));
    watch.query(b"rollback; unlisten b", true, at(2));
    watch.completed(b"ROLLBACK", false, 2);
    assert_eq!(watch.take_listens(), [Listen::Off("b".into())]);
    watch.query(b"unlisten b; select 1/0", true, at(3));
    watch.failed(3);
    watch.query(b"unlisten c", true, at(4));
    assert_eq!(watch.take_listens(), [Listen::Off("c".into())]);
    // Who listens again has never ended to.
    watch.query(b"unlisten *", true, at(5));
    watch.query(b"listen d", true, at(6));
    assert_eq!(watch.take_listens(), [Listen::AllOff, Listen::On("d".into())]);
}

#[test]
fn settings_by_the_extended_protocol() {
    check("E:set work_mem = 1|X:SET", "=work_mem:1");
    check("E:set work_mem = 1", "?work_mem");
    check("E:set work_mem = 1|!", "?work_mem");
    check("E:select set_config('work_mem', '1', false)|X:SELECT 1", "?work_mem");
}

#[test]
fn ties() {
    check("Q:select pg_advisory_lock(1)|C:SELECT 1", "#advisory_lock");
    check("Q:select pg_advisory_xact_lock(1)|C:SELECT 1", "");
    check("Q:create temp table t()|C:CREATE TABLE", "#temp");
    check("Q:listen a|C:LISTEN", "#listen");
    check("Q:load 'x'|C:LOAD", "!load");
    check("Q:set temp_buffers = '4MB'|C:SET", "=temp_buffers:4MB !setting");
    check("Q:reset temp_buffers|C:RESET", "=temp_buffers");
    check("Q:select currval('s')|C:SELECT 1", "!sequence");
    check("T:select currval('s')|C:SELECT 1", "");
    check("Q:insert into t values (1); select lastval()", "");
    check("Q:select pg_advisory_unlock(1)|C:SELECT 1", "");
    check("Q:set work_mem = 1; listen a|C:SET|C:LISTEN", "=work_mem:1 #listen");
    check("Q:select set_config(concat('a', 'b'), '1', false)|C:SELECT 1", "* !setting");
}

#[test]
fn releases() {
    check_pinned(Pin::Lock, "Q:select pg_advisory_unlock(1)|C:SELECT 1", "#advisory_lock");
    check_pinned(Pin::Lock, "Q:select 1|C:SELECT 1", "");
    check_pinned(Pin::Temp, "Q:drop table t|C:DROP TABLE", "#temp");
    check_pinned(Pin::Temp, "Q:unlisten *|C:UNLISTEN", "");
    check_pinned(Pin::Setting, "Q:reset all|C:RESET", "=* #setting");
    check_pinned(Pin::Setting, "Q:reset all; select 1/0|C:RESET|!", "+");
    check_pinned(Pin::Setting, "Q:reset a.b|C:RESET", "=a.b");
    let both = play("Q:reset all|C:RESET", Pins::NONE.with(Pin::Setting, true).with(Pin::Prepare, true));
    assert_eq!(shown(&both), "=*", "what is prepared may yet set it");
    check_pinned(Pin::Listen, "Q:discard all|C:DISCARD ALL", "=session_authorization =role:none =* released");
}

#[test]
fn names_are_asked_for_that_a_text_has_and_hides() {
    check("Q:do $$ begin perform f('a.b'); end $$|C:DO", "");
    check("Q:do $$ begin execute 'set A.b = 1'; end $$|C:DO", "~a.b *");
    check("Q:select set_config('a.b', '1', false)|C:SELECT 1", "=a.b:1");
    check("Q:prepare p as select set_config('a.b', '1', false)|C:PREPARE", "?a.b #prepare !setting");
}

#[test]
fn texts_too_long_to_be_read_tell_by_their_tags() {
    check("L:insert into|C:INSERT 0 1", "");
    check("L:insert into|C:INSERT 0 1|C:SET", "* !setting");
    check("L:insert into|C:INSERT 0 1|C:RESET", "*");
    check("L:insert into|C:INSERT 0 1|C:CREATE TABLE", "#temp");
    check("L:insert into|C:INSERT 0 1|C:LISTEN", "#listen");
}

#[test]
fn a_function_called_by_its_oid() {
    let mut watch = Watch::default();
    watch.function(177);
    assert!(watch.is_clean());
    watch.function(2880);
    assert_eq!(shown(&watch.settle(Pins::NONE)), "#advisory_lock");
}

#[test]
fn what_a_batch_puts_back() {
    let mut watch = Watch::default();
    let at = |batch| Moment { batch, status: TransactionStatus::Idle, backslash: false };
    watch.query(b"reset all", true, at(1));
    watch.query(b"reset datestyle", true, at(2));
    watch.query(b"reset all; set timezone to 'x'", true, at(3));
    assert!(watch.changed.resets("TimeZone", 1) && watch.changed.resets("DateStyle", 2));
    assert!(
        !watch.changed.resets("TimeZone", 0)
            && !watch.changed.resets("TimeZone", 2)
            && !watch.changed.resets("TimeZone", 3)
    );
    watch.failed(1);
    assert!(!watch.changed.resets("TimeZone", 1) && watch.changed.resets("DateStyle", 2));
}

#[test]
fn the_last_change_of_a_setting_says_whether_it_is_reset() {
    let check = |text: &str, expected: bool| {
        let mut watch = Watch::default();
        watch.query(text.as_bytes(), true, Moment { batch: 0, status: TransactionStatus::Idle, backslash: false });
        assert_eq!(watch.changed.resets("TimeZone", 0), expected, "{text}");
    };
    check("reset timezone", true);
    check("set timezone = 'x'; reset timezone", true);
    check("reset timezone; set time zone 'x'", false);
    check("reset timezone; set work_mem = 1", true);
    check("set timezone = 'x'; reset all", true);
    check("reset all; set timezone = 'x'", false);
    check("reset work_mem", false);
}
