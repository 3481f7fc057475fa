//! A transcript may be cut anywhere: request, desk, dialogue and both lanes together let the same bytes out.

use pgweir::protocol::Frame;
use proptest::prelude::*;

use crate::pair::Pair;
use crate::talk::{self, STAY};

/// How one run is cut: the lanes' sizes, how much is read at once, how much is written.
#[derive(Debug, Clone)]
struct Cut {
    lanes: (usize, usize),
    reads: Vec<usize>,
    writes: Vec<usize>,
}

const WHOLE: usize = 1 << 16;

/// What the server and what the client was sent, message by message.
type Heard = [Vec<String>; 2];

fn messages(mut bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    while let Ok(Some(frame)) = Frame::read(bytes) {
        said.push(format!("{} {}", char::from(frame.tag), frame.whole().unwrap().escape_ascii()));
        bytes = &bytes[frame.size..];
    }
    assert!(bytes.is_empty(), "half a message");
    said
}

/// Shows the first message that differs.
fn same(turns: &[(&str, &str)], cut: &Cut) {
    let (cut, whole) = (play(turns, cut), whole(turns));
    for (cut, whole) in cut.iter().zip(&whole) {
        cut.iter().zip(whole).enumerate().for_each(|(number, (cut, whole))| assert_eq!(cut, whole, "message {number}"));
        assert_eq!(cut.len(), whole.len());
    }
}

/// What the server and the client are sent, all turns one after the other; what is said in a turn is cut.
fn play(turns: &[(&str, &str)], cut: &Cut) -> Heard {
    let mut pair = Pair::new(cut.lanes.0, cut.lanes.1);
    let (mut reads, mut writes) = (cut.reads.iter().cycle(), cut.writes.iter().cycle());
    for (client, server) in turns {
        let said = [(talk::from_client(client), true), (talk::from_server(server), false)];
        for (bytes, up) in said {
            let mut at = 0;
            while at < bytes.len() {
                let end = bytes.len().min(at + reads.next().unwrap());
                let heard = if up { pair.client_says(&bytes[at..end]) } else { pair.server_says(&bytes[at..end]) };
                at += heard;
                assert!(pair.send(*writes.next().unwrap()) || heard > 0, "{client} / {server} hangs");
            }
            while pair.send(WHOLE) {}
        }
        assert!(!pair.over, "{client} / {server}");
    }
    [messages(&pair.to_server), messages(&pair.to_client)]
}

fn whole(turns: &[(&str, &str)]) -> Heard {
    play(turns, &Cut { lanes: (WHOLE, WHOLE), reads: vec![WHOLE], writes: vec![WHOLE] })
}

fn cuts() -> impl Strategy<Value = Cut> {
    let sizes = || proptest::collection::vec(1usize..80, 1..9);
    ((8usize..200, 8usize..200), sizes(), sizes()).prop_map(|(lanes, reads, writes)| Cut { lanes, reads, writes })
}

#[test]
fn the_stay_is_answered_in_full() {
    for turn in 1..=STAY.len() {
        let (client, server) = STAY[turn - 1];
        let (before, after) = (whole(&STAY[..turn - 1]), whole(&STAY[..turn]));
        assert!(before[0].len() < after[0].len() && before[1].len() < after[1].len(), "{client} / {server}");
    }
}

#[test]
fn one_byte_at_a_time() {
    let cut = Cut { lanes: (64, 64), reads: vec![1], writes: vec![1] };
    same(STAY, &cut);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_stay_in_any_pieces(cut in cuts()) {
        same(STAY, &cut);
    }

    #[test]
    fn any_turns_in_any_pieces(turns in proptest::collection::vec(prop::sample::select(apart()), 1..8), cut in cuts()) {
        same(&turns, &cut);
    }
}

/// The turns that need none of the others: they end without a transaction, and name no statement.
fn apart() -> Vec<(&'static str, &'static str)> {
    let names = ["mine", "two", "three", "new", "ahead", "rollback"];
    let alone =
        |(client, server): &(&str, &str)| server.ends_with("Z:I") && !names.iter().any(|name| client.contains(name));
    STAY.iter().copied().filter(alone).collect()
}
