//! The dialogue by scripts, one line each, and by random ones.

use super::*;
use crate::pool::memory::StatementId;
use proptest::prelude::*;
use std::sync::Arc;

/// Plays what the client sends (before `/`, by tag) and what the server says (after it), any number of times:
/// `Z:I`, `C`, `C:TAG`; `p7` is a Parse of statement 7, `a` a Parse that we answer, `k` a Close that we answer, `+q` a query
/// of ours, `+p7` a Parse of ours, `+c7` a Close of ours, `+s` a Sync of ours if it is time for one.
/// Says what was not forwarded (`.` for a frame from the server swallowed, `_` for a message from the client ignored,
/// `!` for an answer given, `?` for a Sync of ours that it is no time for), then the state.
fn play(script: &str) -> String {
    let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
    let mut said = String::new();
    for (index, half) in script.split('/').enumerate() {
        for word in half.split_whitespace() {
            match index % 2 {
                0 => send(&mut dialogue, &mut memory, word, &mut said),
                _ => receive(&mut dialogue, &mut memory, word, &mut said),
            }
            while dialogue.answer().is_some() {
                said.push('!');
            }
        }
    }
    let state = match () {
        () if dialogue.is_damaged() => "damaged",
        () if dialogue.is_at_rest() => "rest",
        () if dialogue.phase == Phase::Skipping => "skipping",
        () if dialogue.is_busy() => "busy",
        () if dialogue.only_prepares() => "prepared",
        () => "open",
    };
    if !said.is_empty() {
        said.push(' ');
    }
    said + state
}

fn send(dialogue: &mut Dialogue, memory: &mut Memory, word: &str, said: &mut String) {
    let tag = word.as_bytes()[0];
    let id: StatementId = word.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
    let heed = match tag {
        b'+' if word == "+s" => {
            if dialogue.only_prepares() {
                dialogue.send_sync();
            } else {
                said.push('?');
            }
            Heed::Send
        }
        b'+' => {
            dialogue.send_ours(match &word[1..2] {
                "q" => Owed::OurQuery,
                "p" => {
                    memory.arriving(id, 0);
                    Owed::OurParse(Some(id))
                }
                _ => Owed::OurClose(Some(id)),
            });
            Heed::Send
        }
        b'p' => {
            memory.arriving(id, 0);
            dialogue.send(frontend::PARSE, Some(Owed::Parse(Some(id))))
        }
        b'a' => dialogue.send(frontend::PARSE, Some(Owed::Answer(Answer::Parsed))),
        b'k' => dialogue.send(frontend::CLOSE, Some(Owed::Answer(Answer::Closed))),
        tag => dialogue.send(tag, Owed::by(tag)),
    };
    if heed == Heed::Ignore {
        said.push('_');
    }
}

fn receive(dialogue: &mut Dialogue, memory: &mut Memory, word: &str, said: &mut String) {
    let mut body = word.split_once(':').map_or("", |(_, body)| body).replace('_', " ").into_bytes();
    body.push(0);
    let frame = Frame { tag: word.as_bytes()[0], size: body.len() + 5, body: &body };
    if dialogue.receive(&frame, memory) == Verdict::Swallow {
        said.push('.');
    }
}

#[track_caller]
fn check(script: &str, expected: &str) {
    assert_eq!(play(script), expected, "{script}");
}

#[test]
fn simple() {
    check("Q / T D D C Z:I", "rest");
    check("Q / T D", "busy");
    check("Q / C C C Z:I", "rest");
    check("Q / I Z:I", "rest");
    check("Q / E Z:I", "rest");
    check("Q / N S A T C Z:I", "rest");
    check("Q / C Z:T", "open");
    check("Q / C Z:T / Q / E Z:E / Q / C Z:I", "rest");
    check("Q Q Q / C Z:I C Z:I", "busy");
    check("Q Q Q / C Z:I C Z:I C Z:I", "rest");
    check("F / V Z:I", "rest");
    check("F / E Z:I", "rest");
}

#[test]
fn extended() {
    check("P B D E S / 1 2 T D C Z:I", "rest");
    check("P B D E S / 1 2 n C Z:I", "rest");
    check("P D S / 1 t T Z:I", "rest");
    check("P B E H / 1 2 C", "open");
    check("P B E H / 1 2 C / S / Z:I", "rest");
    check("P B E C S / 1 2 s 3 Z:I", "rest");
    check("S / Z:I", "rest");
    check("S S S / Z:I Z:I Z:I", "rest");
    check("P B E S P B E S / 1 2 C Z:I 1 2 C", "busy");
    check("P B E S P B E S / 1 2 C Z:I 1 2 C Z:I", "rest");
}

#[test]
fn an_error_skips_to_sync() {
    check("P B D E S / E Z:I", "rest");
    check("P B D E S / 1 2 n E Z:I", "rest");
    check("P B E P B E S / 1 E Z:I", "rest");
    check("P B E S P B E S / E Z:I 1 2 C Z:I", "rest");
    check("P B E H / E", "skipping");
    check("P B E H / E / B E", "__ skipping");
    check("P B E H / E / B E Q S / Z:I", "___ rest");
    check("P B E Q S / E Z:I", "rest");
    check("P B E S / 1 2 D E Z:E", "open");
}

#[test]
fn copy() {
    check("Q / G / d d c / C Z:I", "rest");
    check("Q / G", "busy");
    check("Q / G / d d f / E Z:I", "rest");
    check("Q / G / d / E Z:I / d c", "__ rest");
    check("Q d d c / G C Z:I", "rest");
    check("Q d d c / E Z:I", "rest");
    check("Q / G / d S H d c / C Z:I", "__ rest");
    check("P B E S / 1 2 G / d c S / C Z:I", "rest");
    check("P B E S d c S / 1 2 G C Z:I", "rest");
    check("P B E S / 1 2 G / d c / C", "open");
    check("P B E S / 1 2 G / d / E / d c S / Z:I", "__ rest");
    check("P B E S / 1 2 G / d f S / E Z:I", "rest");
    check("P B E H / 1 2 G / d c S / C Z:I", "rest");
    check("Q / H d d c C Z:I", "rest");
    check("P B E S / 1 2 H d d c C Z:I", "rest");
    check("Q c / C Z:I", "rest");
    check("Q / G / d c / G / d c / C C Z:I", "rest");
    check("Q d c B E H / G C Z:I 2 C", "open");
    check("Q d c P H / G C Z:I 1", "open");
    check("P B E d c P S / 1 2 G C 1 Z:I", "rest");
    check("P B E S d c B E / 1 2 G C 2 C", "open");
    check("Q d c Q / G C Z:I C Z:I", "rest");
}

#[test]
fn only_prepared() {
    for (sent, replies) in [
        ("P D H", "1 t T"),
        ("P D H", "1 t n"),
        ("D H", "t T"),
        ("P H D H", "1 t T"),
        ("C H", "3"),
        ("P D H H", "1 t T"),
    ] {
        check(&format!("{sent} / {replies}"), "prepared");
        check(&format!("{sent} / {replies} / +s"), "busy");
        check(&format!("{sent} / {replies} / +s / Z:I"), ". rest");
    }
    check("P S P D H / 1 Z:I 1 t T / +s / Z:I", ". rest");
    check("P D S P D H / 1 E Z:I 1 t T / +s / Z:I", ". rest");
    check("P B E H Q P H / 1 2 C C Z:I 1 / +s / Z:I", ". rest");
    check("Q / G / d c / C Z:I / P H / 1 / +s / Z:I", ". rest");
    check("H / / +s", "? rest");
}

#[test]
fn not_only_prepared() {
    check("P D / / +s", "? busy");
    check("P D / 1 t T / +s", "? open");
    check("P D H / 1 t / +s", "? busy");
    check("P D H D / 1 t T t T / +s", "? open");
    check("P B H / 1 2 / +s", "? open");
    check("B H D H / 2 t T / +s", "? open");
    check("P B E H / 1 2 C / +s", "? open");
    check("P B E P D H / 1 2 C 1 t T / +s", "? open");
    check("P D H / E / +s", "? skipping");
    check("P D H / E / P D H +s", "___? skipping");
    check("Q / C Z:T / P D H / 1 t T / +s", "? open");
    check("Q / C Z:T / Q / E Z:E / P H / 1 / +s", "? open");
    check("Q P H / G / +s", "? busy");
}

#[test]
fn a_sync_of_ours_is_not_the_clients() {
    check("P D H / 1 t T / +s B E S / Z:I 2 C Z:I", ". rest");
    check("P D H / 1 t T / +s B E H / Z:I 2 C", ". open");
    check("P D H / 1 t T / +s B E H / Z:I 2 C / S / Z:I", ". rest");
    check("P D H / 1 t T / +s B / Z:I E / E S / Z:I", "._ rest");
    check("P D H / 1 t T / +s S / Z:I Z:I", ". rest");
    check("P D H / 1 t T / +s P D H / Z:I 1 t T", ". prepared");
    check("P D H / 1 t T / +s Q / Z:I C Z:I", ". rest");
    check("P D H / 1 t T / +s / N S A Z:I", ". rest");
    check("P D H / 1 t T / +s / E Z:I", ".. rest");
    check("P D H / 1 t T / +s / Z:I Z:I", ".. damaged");
}

#[test]
fn a_sync_of_ours_ends_no_batch_and_no_transaction() {
    let (mut dialogue, mut memory, mut said) = (Dialogue::default(), Memory::new(Arc::default(), 9), String::new());
    let mut play = |dialogue: &mut Dialogue, sent: &str, replies: &str| {
        sent.split_whitespace().for_each(|word| send(dialogue, &mut memory, word, &mut said));
        replies.split_whitespace().for_each(|word| receive(dialogue, &mut memory, word, &mut said));
        (dialogue.batch, dialogue.ahead, dialogue.answering(), dialogue.take_tally().transactions)
    };
    assert_eq!(play(&mut dialogue, "P D H", "1 t T"), (0, 0, 0, 0));
    assert_eq!(play(&mut dialogue, "+s", ""), (0, 0, 0, 0));
    assert_eq!(dialogue.readies_owed(), 1);
    assert_eq!(play(&mut dialogue, "B E S", "Z:I"), (1, 1, 0, 0));
    assert_eq!(play(&mut dialogue, "", "2 C Z:I"), (1, 0, 1, 1));
}

#[test]
fn ours() {
    check("+q Q / T D C Z:I C Z:I", ".... rest");
    check("+q Q / S T D C Z:I C Z:I", "..... rest");
    check("+q Q / E Z:I", ".. damaged");
    check("+p1 B E S / 1 2 C Z:I", ". rest");
    check("+c2 +p1 B E S / 3 1 2 C Z:I", ".. rest");
    check("+p1 B E S / E Z:I", "rest");
    check("a B E S / 2 C Z:I", "! rest");
    check("B a E S / 2 C Z:I", "! rest");
    check("B a E S / E Z:I", "rest");
    check("a H", "! prepared");
    check("p1 k S / 1 Z:I", "! rest");
}

#[test]
fn what_a_server_should_not_say() {
    check("/ D", ". damaged");
    check("/ Z:I", ". damaged");
    check("Q / Z:X", "damaged");
    check("P S / 2", "damaged");
    check("S / Z:I Z:I", ". damaged");
    check("Q / C Z:I C Z:T", ".. damaged");
    check("S / Z:I G", ". damaged");
    check("/ N", "rest");
    check("/ S A N", "rest");
}

/// What is sent, and behind `/` what is answered.
fn talk(dialogue: &mut Dialogue, memory: &mut Memory, script: &str) {
    let (sent, replies) = script.split_once('/').unwrap();
    let mut said = String::new();
    sent.split_whitespace().for_each(|word| send(dialogue, memory, word, &mut said));
    replies.split_whitespace().for_each(|word| receive(dialogue, memory, word, &mut said));
}

#[test]
fn memory_after_an_error() {
    let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
    talk(&mut dialogue, &mut memory, "+c9 p1 B E +p2 B E S p3 S/3 1 2 E Z:I 1 Z:I");
    use crate::pool::memory::Lack;
    assert_eq!((memory.lacks(1), memory.lacks(2), memory.lacks(3)), (Lack::Nothing, Lack::Parse, Lack::Nothing));
    assert_eq!(dialogue.settled().collect::<Vec<_>>(), [Settled::Kept(2)]);
    assert!(dialogue.is_at_rest());
}

#[test]
fn what_is_parsed_again_behind_an_error_is_on_its_way() {
    let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
    talk(&mut dialogue, &mut memory, "B p2 p4 S p2 S/E Z:I");
    assert!(memory.has(2) && !memory.has(4));
    talk(&mut dialogue, &mut memory, "/E Z:I");
    assert!(!memory.has(2));
}

#[test]
fn tallies() {
    let count = |script: &str| {
        let (mut dialogue, mut memory, mut said) = (Dialogue::default(), Memory::new(Arc::default(), 9), String::new());
        let (sent, replies) = script.split_once('/').unwrap();
        sent.split_whitespace().for_each(|word| send(&mut dialogue, &mut memory, word, &mut said));
        // Each reply may come in a read of its own.
        let tallies = replies.split_whitespace().map(|word| {
            receive(&mut dialogue, &mut memory, word, &mut said);
            dialogue.take_tally()
        });
        tallies.fold((0, 0), |sum, tally| (sum.0 + tally.statements, sum.1 + tally.transactions))
    };
    assert_eq!(count("Q / C Z:I"), (1, 1));
    assert_eq!(count("Q / C C Z:I"), (2, 1));
    assert_eq!(count("Q Q Q / C Z:T C Z:T C Z:I"), (3, 1));
    assert_eq!(count("P B E B E S / 1 2 C 2 C Z:I"), (2, 1));
    assert_eq!(count("+q Q / C Z:I E Z:I"), (1, 1));
    assert_eq!(count("S / Z:I"), (0, 0));
}

proptest! {
    /// Whatever a server says to whatever a client sent, nothing panics, and rest means that nothing is owed.
    #[test]
    fn any_talk(script in "([QPBDECSHFdcf] ?){0,20}/([RKSZENACIs123TntDGHWdcVv]( |:I |:T )){0,30}") {
        play(&script);
    }

    /// A well-behaved server brings every batch to rest, errors in any place.
    #[test]
    fn any_batch_comes_to_rest(batches in proptest::collection::vec(("[PBEC]{0,6}", 0usize..8), 1..6)) {
        let (mut sent, mut said) = (String::new(), String::new());
        for (batch, error_at) in &batches {
            batch.chars().for_each(|tag| sent.push_str(&format!("{tag} ")));
            sent.push_str("S ");
            for (index, tag) in batch.chars().enumerate() {
                let reply = match tag { 'P' => "1 ", 'B' => "2 ", 'E' => "D C ", _ => "3 " };
                said.push_str(if index == *error_at { "E " } else { reply });
                if index == *error_at { break; }
            }
            said.push_str("Z:I ");
        }
        prop_assert_eq!(play(&format!("{sent}/{said}")), "rest");
    }
}

/// Which replies, by their number, tell that texts may mean something else now.
#[track_caller]
fn check_redefines(replies: &str, expected: &[usize]) {
    let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
    let mut found = Vec::new();
    for (number, word) in replies.split(' ').enumerate() {
        if dialogue.owed.is_empty() {
            dialogue.send(frontend::QUERY, Some(Owed::Query));
        }
        receive(&mut dialogue, &mut memory, word, &mut String::new());
        found.extend(dialogue.take_tally().redefined.then_some(number));
    }
    assert_eq!(found, expected, "{replies}");
}

#[test]
fn what_texts_mean_changes_at_once_for_oneself_and_at_commit_for_all() {
    check_redefines("C:ALTER_TABLE Z:I", &[0, 1]);
    check_redefines("C:BEGIN Z:T C:DROP_TYPE Z:T C:SELECT_1 Z:T C:COMMIT Z:I C:SELECT_1 Z:I", &[2, 7]);
    check_redefines("C:BEGIN Z:T C:CREATE_TABLE Z:T C:ROLLBACK Z:T C:ROLLBACK Z:I C:ROLLBACK Z:I", &[2, 4, 6, 7]);
    check_redefines("C:CREATE_INDEX Z:I C:SELECT_1 Z:I C:SET Z:I C:BEGIN Z:T C:ROLLBACK Z:I", &[]);
}

/// Replies to what has these effects: those that tell that sessions start with something else now.
#[track_caller]
fn check_alters(found: Effects, replies: &str, expected: &[usize]) {
    let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
    let mut told = Vec::new();
    for (number, word) in replies.split(' ').enumerate() {
        if dialogue.owed.is_empty() {
            dialogue.expect_change(found);
            dialogue.send(frontend::QUERY, Some(Owed::Query));
        }
        receive(&mut dialogue, &mut memory, word, &mut String::new());
        told.extend(dialogue.take_tally().altered.then_some(number));
    }
    assert_eq!(told, expected, "{replies}");
}

#[test]
fn what_sessions_start_with_changes_at_commit() {
    let found = Effects::DEFINES | Effects::DEFAULTS;
    check_alters(found, "C:ALTER_ROLE Z:I", &[1]);
    check_alters(found, "C:DO Z:I", &[1]);
    check_alters(found, "C:BEGIN C:ALTER_DATABASE Z:T C:SELECT_1 Z:T C:COMMIT Z:I C:SELECT_1 Z:I", &[6]);
    check_alters(found, "E Z:I", &[]);
    check_alters(found, "C:BEGIN C:ALTER_ROLE Z:T C:ROLLBACK Z:I C:SELECT_1 Z:I", &[]);
    check_alters(found, "C:BEGIN C:ALTER_ROLE Z:T C:ROLLBACK Z:T C:COMMIT Z:I", &[6]);
    check_alters(Effects::DEFINES, "C:ALTER_ROLE Z:I C:ALTER_TABLE Z:I", &[]);
}

#[test]
fn a_database_that_was_not_there_is_told_of() {
    for (replies, expected) in
        [("C:CREATE_DATABASE Z:I", true), ("C:ALTER_DATABASE Z:I", true), ("C:DROP_DATABASE Z:I", false)]
    {
        let (mut dialogue, mut memory) = (Dialogue::default(), Memory::new(Arc::default(), 100));
        dialogue.send(frontend::QUERY, Some(Owed::Query));
        replies.split(' ').for_each(|word| receive(&mut dialogue, &mut memory, word, &mut String::new()));
        assert_eq!(dialogue.take_tally().named, expected, "{replies}");
    }
}
