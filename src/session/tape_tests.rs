//! Conversations as words: what is sent, what is heard, when; and what is told of it.

use std::time::Duration;

use super::super::memo::Subject;
use super::*;
use crate::observe::report::Column;
use crate::observe::report::{Batch, Report};
use crate::observe::who::{Addr, WhoId};
use crate::sql::digest::Kind;

/// Sets the clock (`@30` ms), sends (`a1`: shape a in batch 1; capitals are transparent), completes (`c1=5`: batch 1, five
/// rows), fails (`e1`), ends a batch (`z1`) or a text (`q1`), stalls (`s`), tells (`t`).
#[track_caller]
fn check(wait: u64, words: &str, expected: &str) {
    let (mut tape, mut batch) = (Tape::default(), Batch::default());
    let mut now = 0;
    tape.begin(true, Duration::from_millis(wait));
    let whose = Whose { who: WhoId(1), client: 7, addr: Addr::Unix };
    for word in words.split_whitespace() {
        let (first, rest) = word.split_at(1);
        let (number, more) = rest.split_once('=').unwrap_or((rest, "0"));
        let number: u32 = number.parse().unwrap_or(0);
        match first {
            "@" => {
                now = u64::from(number) * 1_000_000;
                tape.go_on(now);
            }
            "s" => tape.stall(now),
            "c" if tape.running() == Some(Digest(u64::from(b'B'))) => {
                tape.complete_brief(number, more.parse().unwrap(), now);
            }
            "c" => tape.complete(number, more.parse().unwrap(), now),
            "e" => tape.fail(number, *b"57014", None, now),
            "z" => tape.end_batch(number),
            "q" => {
                tape.end_text(number);
                tape.end_batch(number);
            }
            "t" => tape.tell(&mut batch, whose, now, |report| report.sqlstate != [0; 5]),
            shape => tape.send(running(shape, number, now)),
        }
    }
    let told: Vec<String> = batch.reports.iter().map(show).collect();
    assert_eq!(told.join(" "), expected, "{words}");
}

fn running(shape: &str, batch: u32, sent: u64) -> Running {
    let byte = shape.as_bytes()[0];
    let kind = if byte.is_ascii_uppercase() { Kind::Transparent } else { Kind::Select };
    let reading = Reading { digest: Digest(u64::from(byte)), kind, ..Reading::default() };
    let bound = Bound { reading, ..Bound::default() };
    Running { bound, batch, sent, in_transaction: false, comment: None, most_rows: 0 }
}

/// `a: sent-ended wait/query/drain`, in ms, rows where there are any, `!` for an error, `~` and what its text took.
fn show(report: &Report) -> String {
    let shape = char::from(report.reading.digest.0 as u8);
    let ms = |time: Nanos| time.as_micros() / 1_000;
    let rows = if report.rows > 0 { format!("#{}", report.rows) } else { String::new() };
    let failed = if report.sqlstate == [0; 5] { "" } else { "!" };
    let text = if report.text > Nanos::ZERO { format!("~{}", ms(report.text)) } else { String::new() };
    let (sent, ended) = (ms(report.sent), ms(report.ended));
    let (wait, query, drain) = (ms(report.wait), ms(report.query), ms(report.drain));
    format!("{shape}:{sent}-{ended},{wait}/{query}/{drain}{rows}{failed}{text}")
}

#[test]
fn several_of_one_text() {
    check(0, "a0 b0 @30 c0=1 c0=2 q0 t", "a:0-15,0/15/0#1 b:15-30,0/15/0#2~30");
    check(0, "B0 a0 b0 C0 @30 c0 c0 c0 c0 q0 t", "B:0-0,0/0/0 a:0-15,0/15/0 b:15-30,0/15/0~30 C:30-30,0/0/0");
    check(0, "a0 b0 d0 @10 c0 @40 c0 c0 q0 t", "a:0-10,0/10/30 b:10-25,0/15/0 d:25-40,0/15/0~30");
    check(0, "a0 b0 @30 c0 e0 q0 t", "a:0-15,0/15/0 b:15-30,0/15/0!~30");
    check(0, "a0 b1 @30 c0 q0 c1 q1 t", "a:0-30,0/30/0 b:30-30,0/0/0");
    check(0, "a0 b0 @10 s @90 c0 c0 q0 t", "a:0-45,0/5/40 b:45-90,0/5/40~10");
}

#[test]
fn one_after_the_other() {
    check(0, "a0 @30 c0=1 z0 t", "a:0-30,0/30/0#1");
    check(8, "a0 @30 c0 z0 t @40 b1 @45 c1 z1 t", "a:0-30,8/30/0 b:40-45,0/5/0");
    check(0, "a0 @30 c0 z0 @35 t", "a:0-30,0/30/5");
    check(0, "a0 @30 z0 t", "");
}

#[test]
fn a_pipeline() {
    check(5, "a0 b0 d0 @10 c0=1 t @30 c0=2 z0 t", "a:0-10,5/10/0#1 b:10-30,0/20/0#2");
    check(0, "a0 b1 @10 c0 z0 t @20 d2 @25 c1 z1 t @26 c2 z2 t", "a:0-10,0/10/0 b:10-25,0/15/0 d:25-26,0/1/0");
    check(0, "a0 b0 d1 @10 e0 z0 @15 c1 z1 t", "a:0-10,0/10/5! d:10-15,0/5/0");
}

#[test]
fn what_is_sent_in_front_takes_no_time() {
    check(3, "B0 a0 @40 c0 c0=9 z0 t", "B:0-0,3/0/0 a:0-40,0/40/0#9");
    check(0, "B0 @1 c0 z0 t a1 @40 c1 t", "B:0-1,0/1/0 a:1-40,0/39/0");
    check(0, "a0 C0 @40 c0 c0 z0 t", "a:0-40,0/40/0 C:40-40,0/0/0");
    check(0, "C0 a0 @40 c0 @41 c0 z0 t", "C:0-40,0/40/1 a:40-41,0/1/0");
}

#[test]
fn a_client_that_does_not_take_it_is_not_a_slow_statement() {
    check(0, "a0 @10 s @110 c0=5 z0 @120 t", "a:0-110,0/10/110#5");
    check(0, "a0 @10 s @60 @70 s @100 c0 t b1 @110 c1 t", "a:0-100,0/20/80 b:100-110,0/10/0");
}

#[test]
fn what_is_taken_back_was_never_sent() {
    let mut tape = Tape::default();
    tape.begin(true, Duration::ZERO);
    tape.send(running("a", 0, 0));
    let mark = tape.mark();
    tape.send(running("b", 0, 0));
    tape.memo.describe(0, Subject::Portal);
    tape.take_back(mark);
    assert_eq!((tape.entries.len(), tape.memo.describing()), (1, 0));
}

/// Rows of `id` and `name` and what is captured of them.
#[test]
fn rows_of_a_result() {
    let column = |name: &str, oid| Column { name: name.into(), table: 1, attribute: 1, oid };
    let all = Box::new([column("at", 1114), column("id", 23), column("name", 25)]);
    let columns = Arc::new(Columns { all, linkable: Box::new([1, 2]) });
    let keys = Keys::new([1; 16]);
    let (mut tape, mut batch) = (Tape::default(), Batch::default());
    tape.begin(true, Duration::ZERO);
    let mut sent = running("a", 0, 0);
    sent.bound.capture = true;
    tape.send(sent);
    assert!(!tape.wants_rows(), "before they are described");
    tape.describe(&columns, 0b10);
    let row = |id: i32| [&b"D\0\0\0\x18\0\x03\0\0\0\x02xy\0\0\0\x04"[..], &id.to_be_bytes(), &[255; 4]].concat();
    let rows: Vec<u8> = (4..104).flat_map(row).collect();
    // Ten and a piece of the next, then the rest.
    assert_eq!(tape.read_rows(&rows[..10 * 25 + 7], &keys), 10 * 25);
    assert_eq!(tape.read_rows(&rows[10 * 25..], &keys), 54 * 25, "no more than are wanted");
    tape.complete(0, 100, 0);
    let whose = Whose { who: WhoId(1), client: 7, addr: Addr::Unix };
    tape.tell(&mut batch, whose, 0, |_| true);
    let capture = &batch.reports[0].capture.of(&batch.captures)[0];
    let hashes = capture.hashes.of(&batch.hashes);
    assert_eq!((capture.rows, hashes.len(), capture.dense), (64, 128, 0b01));
    let expected: Vec<u32> = (4..68).flat_map(|id| [keys.integer(id), 0]).collect();
    assert_eq!(hashes, expected);
    assert_eq!(&*batch.notes[0].addr, "unix");
}
