//! Prepared statements by scripts: what two clients say, what each server gets to read.

use super::*;
use crate::pool::culprits::Culprits;
use crate::pool::hunt::Suspects;
use crate::pool::parameters::Parameters;
use std::io::IoSlice;

/// A message in words: `P:name=text`, `B:name`, `D:name`, `C:name`, `Q:text` (`_` is a space, `~` is `_`), `E`, `S`.
fn encode_word(word: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (tag, name) = (word.as_bytes()[0], word.get(2..).unwrap_or(""));
    let rest = name.replace('_', " ").replace('~', "_");
    match tag {
        b'P' => {
            let (name, text) = rest.split_once('=').unwrap();
            encode::parse(&mut out, name.as_bytes(), &[text.as_bytes(), &[0, 0, 0]].concat());
        }
        b'B' => {
            encode::bind_front(&mut out, b"", name.as_bytes(), 6);
            out.extend([0; 6]);
        }
        b'D' | b'C' => encode::on_statement(&mut out, tag, name.as_bytes()),
        b'Q' => encode::query(&mut out, &rest),
        _ => encode::bare(&mut out, tag),
    }
    out
}

fn decode(mut bytes: &[u8]) -> String {
    let mut words = Vec::new();
    while let Some(frame) = Frame::read(bytes).unwrap() {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("pgweir_", "#").replace(' ', "_");
        words.push(match frame.tag {
            b'P' => {
                let parse = Parse::read(frame.body).unwrap();
                format!("P:{}={}", text(parse.name), text(parse.query()))
            }
            b'B' => format!("B:{}", text(Bind::read(frame.body).unwrap().statement)),
            b'D' | b'C' => format!("{}:{}", frame.tag as char, text(&frame.body[1..frame.body.len() - 1])),
            b'Q' => format!("Q:{}", text(&frame.body[..frame.body.len() - 1])),
            tag => (tag as char).to_string(),
        });
        bytes = &bytes[frame.size..];
    }
    words.join(" ")
}

struct Scene {
    catalog: Mutex<Catalog>,
    servers: Vec<Memory>,
    clients: Vec<Statements>,
}

/// Each line is a batch: `client>server: messages | replies`, and what the server got to read, with `!` for what we answered.
#[track_caller]
fn check(most: usize, batches: &[(&str, &str)]) {
    let mut scene = Scene {
        catalog: Mutex::default(),
        servers: (0..3).map(|_| Memory::new(Arc::default(), most)).collect(),
        clients: (0..3).map(Statements::new).collect(),
    };
    for (batch, expected) in batches {
        assert_eq!(scene.play(batch), *expected, "{batch}");
    }
}

impl Scene {
    fn play(&mut self, batch: &str) -> String {
        let (who, talk) = batch.split_once(": ").unwrap();
        let (client, server): (usize, usize) =
            who.split_once('>').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap();
        let (said, replies) = talk.split_once(" | ").unwrap_or((talk, ""));
        let (mut lane, mut dialogue) = (Lane::new(4096), Dialogue::default());
        said.split(' ').for_each(|word| lane.push(&encode_word(word)));
        self.judge(client, server, &mut lane, &mut dialogue);
        let mut got = decode(&bytes(&lane));
        let mut answer = |dialogue: &mut Dialogue| {
            while dialogue.answer().is_some() {
                got.push('!');
            }
        };
        answer(&mut dialogue);
        for word in replies.split(' ').filter(|word| !word.is_empty()) {
            let mut body = word.get(2..).unwrap_or("").replace('_', " ").into_bytes();
            body.push(0);
            let frame = Frame { tag: word.as_bytes()[0], size: body.len() + 5, body: &body };
            dialogue.receive(&frame, &mut self.servers[server]);
            answer(&mut dialogue);
        }
        dialogue.settled().for_each(|change| self.clients[client].settle(change));
        got
    }

    fn judge(&mut self, client: usize, server: usize, lane: &mut Lane, dialogue: &mut Dialogue) {
        while let Ok(Some(frame)) = lane.frame() {
            let (tag, size) = (frame.tag, frame.size);
            if b"QPBDC".contains(&tag) {
                let (statements, memory) = (&mut self.clients[client], &mut self.servers[server]);
                let mut watch = Watch::default();
                let (watch, meaning) = (&mut watch, &mut Meaning::default());
                let dialect = self.catalog.lock().unwrap().dialect(&Parameters::default());
                let culprits = Culprits::default();
                let desk = Desk {
                    statements,
                    memory,
                    dialogue,
                    lane,
                    watch,
                    meaning,
                    backslash: false,
                    temporary: false,
                    drops: tag == b'Q',
                    suspects: Suspects { hunting: false, culprits: &culprits, novelties: None },
                    dialect,
                    catalog: &self.catalog,
                };
                let judged = { desk }.judge();
                assert_eq!(judged, Judged::Done);
            } else {
                dialogue.send(tag, Owed::by(tag));
                lane.forward(size);
            }
        }
    }
}

fn bytes(lane: &Lane) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); crate::net::lane::SLICES];
    let filled = lane.slices(&mut slices);
    slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
}

#[test]
fn a_statement_follows_its_client() {
    check(
        9,
        &[
            ("0>0: P:s=one S | 1 Z:I", "P:#1=one S"),
            ("0>0: B:s E S | 2 C Z:I", "B:#1 E S"),
            ("0>1: B:s E S | 1 2 C Z:I", "P:#1=one B:#1 E S"),
            ("0>1: B:s E S | 2 C Z:I", "B:#1 E S"),
            ("0>2: D:s S | 1 t n Z:I", "P:#1=one D:#1 S"),
        ],
    );
}

#[test]
fn a_statement_is_shared() {
    check(
        9,
        &[
            ("0>0: P:s=one B:s E S | 1 2 C Z:I", "P:#1=one B:#1 E S"),
            ("1>0: P:t=one B:t E S | 2 C Z:I", "B:#1 E S!"),
            ("1>0: B:s S | E Z:I", "B:s S"),
            ("1>0: P:u=two S | 1 Z:I", "P:#2=two S"),
        ],
    );
}

#[test]
fn names_taken_and_unknown() {
    check(
        9,
        &[
            ("0>0: P:s=one S | 1 Z:I", "P:#1=one S"),
            ("0>1: P:s=two S | 1 E Z:I", "P:#1=one P:#1=two S"),
            ("0>0: C:s S | Z:I", "S!"),
            ("0>0: B:s S | E Z:I", "B:s S"),
            ("0>0: C:nope S | 3 Z:I", "C:nope S"),
            ("0>0: P:s=two S | 1 Z:I", "P:#2=two S"),
            ("1>0: B:pgweir_1 S | E Z:I", "B:#18446744073709551615 S"),
            ("1>0: D:pgweir_1 S | E Z:I", "D:#18446744073709551615 S"),
            ("1>0: C:pgweir_1 S | Z:I", "S!"),
        ],
    );
}

#[test]
fn failures_leave_no_trace() {
    check(
        9,
        &[
            ("0>0: P:s=bad B:s S | E Z:I", "P:#1=bad B:#1 S"),
            ("0>0: B:s S | E Z:I", "B:s S"),
            ("0>0: P:s=bad S | 1 Z:I", "P:#1=bad S"),
            ("0>0: P:x=other C:s B:x S | E Z:I", "P:#2=other B:#2 S"),
            ("0>0: B:s S | 2 Z:I", "B:#1 S"),
            ("0>0: B:x S | E Z:I", "B:x S"),
        ],
    );
}

#[test]
fn each_batch_of_a_pipeline_has_its_own_end() {
    check(
        9,
        &[
            ("0>0: P:a=bad S P:b=good S | E Z:I 1 Z:I", "P:#1=bad S P:#2=good S"),
            ("0>0: B:b S | 2 Z:I", "B:#2 S"),
            ("0>0: B:a S | E Z:I", "B:a S"),
        ],
    );
}

#[test]
fn what_is_parsed_behind_deallocate_all_stays() {
    check(
        9,
        &[
            ("0>0: P:o=old S | 1 Z:I", "P:#1=old S"),
            ("0>0: Q:DEALLOCATE_ALL P:s=one S | C:DEALLOCATE_ALL Z:I 1 Z:I", "Q:DEALLOCATE_ALL P:#2=one S"),
            ("0>0: B:s S | 2 Z:I", "B:#2 S"),
            ("0>0: B:o S | E Z:I", "B:o S"),
            ("1>0: P:t=one S | Z:I", "S!"),
        ],
    );
}

#[test]
fn the_least_used_goes() {
    check(
        2,
        &[
            ("0>0: P:a=a P:b=b S | 1 1 Z:I", "P:#1=a P:#2=b S"),
            ("0>0: B:a S | 2 Z:I", "B:#1 S"),
            ("0>0: P:c=c S | 3 1 Z:I", "C:#2 P:#3=c S"),
            ("0>0: B:b S | 3 1 2 Z:I", "C:#1 P:#2=b B:#2 S"),
        ],
    );
}

#[test]
fn an_eviction_that_was_skipped() {
    check(
        1,
        &[
            ("0>0: P:a=a S | 1 Z:I", "P:#1=a S"),
            ("0>0: B:nope P:b=b S | E Z:I", "B:nope C:#1 P:#2=b S"),
            ("0>0: B:a S | 3 1 2 Z:I", "C:#1 P:#1=a B:#1 S"),
        ],
    );
}

#[test]
fn unnamed_statements_stay_with_their_client() {
    check(
        9,
        &[
            ("0>0: P:=one D: S | 1 t n Z:I", "P:=one D: S"),
            ("0>0: B: E S | 2 C Z:I", "B: E S"),
            ("1>0: B: S | 3 E Z:I", "C: B: S"),
            ("0>0: B: E S | 1 2 C Z:I", "P:=one B: E S"),
            ("0>1: B: E S | 1 2 C Z:I", "P:=one B: E S"),
            ("0>1: Q:x | C:X Z:I", "Q:x"),
            ("0>1: B: S | E Z:I", "B: S"),
        ],
    );
}

#[test]
fn an_unnamed_statement_that_was_skipped_is_none() {
    check(
        9,
        &[
            ("0>0: B:nope P:=one S | E Z:I", "B:nope P:=one S"),
            ("0>0: B: S | 3 E Z:I", "C: B: S"),
            ("0>0: P:=one S | 1 Z:I", "P:=one S"),
            ("0>0: B:nope P:=two S | E Z:I", "B:nope P:=two S"),
            ("0>0: B: S | 3 E Z:I", "C: B: S"),
        ],
    );
}

#[test]
fn deallocate_by_sql() {
    check(
        9,
        &[
            ("0>0: P:s=one S | 1 Z:I", "P:#1=one S"),
            ("0>1: Q:deallocate_s; | 1 C:DEALLOCATE Z:I", "P:#1= Q:deallocate_\"#1\";"),
            ("0>0: B:s S | E Z:I", "B:s S"),
            ("1>1: P:t=one S | 3 1 Z:I", "C:#1 P:#1=one S"),
            ("1>1: P:=DEALLOCATE_\"t\" B: E S | 1 2 C:DEALLOCATE Z:I", "P:=DEALLOCATE_\"#1\" B: E S"),
            ("1>1: B:t S | E Z:I", "B:t S"),
            ("1>0: P:t=one S | Z:I", "S!"),
            ("1>0: Q:DEALLOCATE_ALL | C:DEALLOCATE_ALL Z:I", "Q:DEALLOCATE_ALL"),
            ("1>0: B:t S | E Z:I", "B:t S"),
            ("1>0: P:t=one S | 1 Z:I", "P:#1=one S"),
        ],
    );
}

#[test]
fn a_deallocate_that_fails_takes_no_other_name() {
    check(
        9,
        &[
            ("0>0: P:a=one P:b=two S | 1 1 Z:I", "P:#1=one P:#2=two S"),
            ("0>0: Q:deallocate_a | E Z:I", "Q:deallocate_\"#1\""),
            ("0>0: Q:deallocate_b | C:DEALLOCATE Z:I", "Q:deallocate_\"#2\""),
            ("0>0: B:b S | E Z:I", "B:b S"),
            ("0>0: B:a S | 3 1 2 Z:I", "C:#1 P:#1=one B:#1 S"),
        ],
    );
}

#[test]
fn nobody_deallocates_what_is_not_his() {
    check(
        9,
        &[
            ("0>0: P:s=one S | 1 Z:I", "P:#1=one S"),
            ("1>0: Q:DEALLOCATE_pgweir~1 | E Z:I", "Q:DEALLOCATE_\"#18446744073709551615\""),
            ("0>0: B:s S | 2 Z:I", "B:#1 S"),
        ],
    );
}
