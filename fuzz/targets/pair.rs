//! A client and a server with the pure machines between them (request, desk, dialogue, two lanes), put together as `relay`
//! puts them together, without its sockets. What holds after each step is asserted.

use std::io::IoSlice;
use std::sync::{Arc, Mutex};

use pgweir::net::Lane;
use pgweir::net::lane::SLICES;
use pgweir::pool::catalog::Catalog;
use pgweir::pool::culprits::Culprits;
use pgweir::pool::hunt::Suspects;
use pgweir::pool::memory::Memory;
use pgweir::pool::parameters::Parameters;
use pgweir::protocol::{Frame, backend, encode, frontend};
use pgweir::session::desk::{Desk, Judged};
use pgweir::session::dialogue::Dialogue;
use pgweir::session::meaning::Meaning;
use pgweir::session::owed::{Heed, Owed, Verdict, write_answer};
use pgweir::session::request::{Request, refusal, survey};
use pgweir::session::standing::MOST_OWED;
use pgweir::session::statements::Statements;
use pgweir::session::watch::Watch;

/// As in `upward`: more than this under way, and no more is judged.
const MOST_WAITING: usize = 1024 * 1024;

/// A message of the client makes the server owe as much at most: a Close and a Parse of ours, and its own reply, twice where
/// a place is made for another statement.
const OWED_BY_ONE: usize = 4;

/// So many statements has the server: few, so that some must go.
const STATEMENTS: usize = 3;

/// Both directions, and what has come out of them.
pub(crate) struct Pair {
    up: Lane,
    down: Lane,
    dialogue: Dialogue,
    statements: Statements,
    memory: Memory,
    watch: Watch,
    meaning: Meaning,
    catalog: Mutex<Catalog>,
    /// The client has a server.
    borrowed: bool,
    /// The longest message that had to be seen whole.
    held: usize,
    /// The client or the server said what ends it, or goodbye.
    pub(crate) over: bool,
    /// What the server was sent.
    pub(crate) to_server: Vec<u8>,
    /// What the client was sent.
    pub(crate) to_client: Vec<u8>,
}

impl Pair {
    /// With lanes of so many bytes.
    pub(crate) fn new(up: usize, down: usize) -> Pair {
        Pair {
            up: Lane::new(up),
            down: Lane::new(down),
            dialogue: Dialogue::default(),
            statements: Statements::new(1),
            memory: Memory::new(Arc::default(), STATEMENTS),
            watch: Watch::default(),
            meaning: Meaning::default(),
            catalog: Mutex::default(),
            borrowed: false,
            held: 0,
            over: false,
            to_server: Vec::new(),
            to_client: Vec::new(),
        }
    }

    /// The client says as much of this as there is room for; how much.
    pub(crate) fn client_says(&mut self, bytes: &[u8]) -> usize {
        let count = if self.dialogue.is_full() { 0 } else { receive(&mut self.up, bytes) };
        self.step();
        count
    }

    /// The server says as much of this as there is room for; how much. Nobody hears one that is not borrowed.
    pub(crate) fn server_says(&mut self, bytes: &[u8]) -> usize {
        if !self.borrowed || self.over {
            return bytes.len();
        }
        let count = receive(&mut self.down, bytes);
        self.judge_down();
        self.step();
        count
    }

    /// Both sockets take so many bytes at the most. Whether they took any.
    pub(crate) fn send(&mut self, most: usize) -> bool {
        let sent = send(&mut self.up, most, &mut self.to_server) + send(&mut self.down, most, &mut self.to_client);
        self.step();
        sent > 0
    }

    fn step(&mut self) {
        if !self.borrowed && !self.over && !self.up.is_empty() {
            match survey(&mut self.up) {
                Request::Complete => self.borrowed = true,
                Request::Incomplete => assert!(self.up.has_room(), "a client that nobody reads any more"),
                Request::Terminate | Request::Violation(_) => self.over = true,
            }
        }
        if self.borrowed && !self.over {
            self.judge_up();
            self.answer();
            self.sync_for_client();
            self.release();
        }
        self.check();
    }

    fn check(&self) {
        assert!(self.dialogue.owed() < MOST_OWED + OWED_BY_ONE);
        // What had to be seen whole passes whole.
        assert!(self.up.waiting() <= MOST_WAITING + (1 << 17) + self.held);
        assert!(!self.dialogue.is_at_rest() || (!self.dialogue.is_busy() && self.dialogue.readies_owed() == 0));
    }

    fn release(&mut self) {
        let midway = self.up.is_mid_frame() || self.down.is_mid_frame() || !self.down.unjudged().is_empty();
        if self.dialogue.is_at_rest() && self.up.is_sent() && !midway {
            assert!(!self.dialogue.is_open());
            self.over = self.dialogue.is_damaged();
            self.dialogue.clear();
            self.borrowed = false;
        }
    }

    /// As if somebody always waited.
    fn sync_for_client(&mut self) {
        if self.dialogue.only_prepares() && self.up.is_empty() {
            self.up.insert(|out| encode::bare(out, frontend::SYNC));
            self.dialogue.send_sync();
        }
    }

    fn judge_up(&mut self) {
        loop {
            let (tag, size) = match self.up.frame() {
                Ok(None) => return,
                Ok(Some(frame)) if refusal(&frame).is_none() => (frame.tag, frame.size),
                Ok(Some(_)) | Err(_) => return self.over = true,
            };
            if tag == frontend::TERMINATE {
                return self.over = true;
            }
            if self.up.waiting() > MOST_WAITING || self.down.waiting() > MOST_WAITING {
                return;
            }
            if self.dialogue.is_full() {
                if self.up.is_sent() && !self.up.is_mid_frame() {
                    self.up.insert(|out| encode::bare(out, frontend::FLUSH));
                }
                return;
            }
            match self.judge(tag, size) {
                Judged::Done => {}
                Judged::Hold | Judged::Await => {
                    self.held = self.held.max(size);
                    return;
                }
                Judged::Violation(_) => return self.over = true,
            }
        }
    }

    fn judge(&mut self, tag: u8, size: usize) -> Judged {
        let named =
            [frontend::QUERY, frontend::PARSE, frontend::BIND, frontend::DESCRIBE, frontend::CLOSE].contains(&tag);
        if tag == frontend::EXECUTE && self.dialogue.is_listening() {
            self.dialogue.expect_change(self.meaning.execute());
        }
        if !self.dialogue.is_listening() || !named {
            return self.pass(tag, size);
        }
        if tag != frontend::QUERY && self.dialogue.is_dropping() {
            return Judged::Hold;
        }
        if tag == frontend::QUERY && !self.reads_query(size) {
            return Judged::Hold;
        }
        let Pair { up: lane, dialogue, statements, memory, watch, meaning, catalog, .. } = self;
        let dialect = meaning.dialect(&Parameters::default(), catalog);
        let (backslash, temporary, culprits) = (false, false, &Culprits::default());
        Desk {
            statements,
            memory,
            dialogue,
            lane,
            watch,
            meaning,
            backslash,
            temporary,
            drops: tag == frontend::QUERY,
            suspects: Suspects { hunting: false, culprits, novelties: None },
            dialect,
            catalog,
        }
        .judge()
    }

    /// Looks at a Query's text. Whether all of it is there.
    fn reads_query(&mut self, size: usize) -> bool {
        let Ok(Some(frame)) = self.up.frame() else { return true };
        if frame.is_complete() {
            let text = frame.body.strip_suffix(&[0]).unwrap_or(frame.body);
            let found = self.watch.query(text, true, self.dialogue.moment(false));
            self.dialogue.expect_change(self.meaning.query(found, text, false));
            if text.trim_ascii_start().get(..4).is_some_and(|start| b"deal disc".windows(4).any(|drop| drop == start)) {
                self.dialogue.expect_drop();
            }
            return true;
        }
        self.up.hold(size);
        false
    }

    fn pass(&mut self, tag: u8, size: usize) -> Judged {
        match self.dialogue.send(tag, Owed::by(tag)) {
            Heed::Send => self.up.forward(size),
            Heed::Ignore => self.up.swallow(size),
        }
        Judged::Done
    }

    fn judge_down(&mut self) {
        loop {
            self.answer();
            let (size, verdict) = match self.down.frame() {
                Ok(None) => return,
                Ok(Some(frame)) if !backend::is_known(frame.tag) => return self.over = true,
                Ok(Some(frame)) if needs_all(&frame) => (frame.size, None),
                Ok(Some(frame)) => (frame.size, Some(self.dialogue.receive(&frame, &mut self.memory))),
                Err(_) => return self.over = true,
            };
            match verdict {
                None => return self.down.hold(size),
                Some(Verdict::Forward) => self.down.forward(size),
                Some(Verdict::Swallow) => self.down.swallow(size),
            }
            self.settle();
        }
    }

    fn answer(&mut self) {
        while !self.down.is_mid_frame()
            && let Some(answer) = self.dialogue.answer()
        {
            self.down.insert(|out| write_answer(out, answer));
        }
        self.settle();
    }

    fn settle(&mut self) {
        self.dialogue.settled().for_each(|change| self.statements.settle(change));
        if self.dialogue.is_at_rest() {
            self.meaning.settle();
        }
    }
}

fn needs_all(frame: &Frame<'_>) -> bool {
    let read = [backend::ERROR, backend::PARAMETER_STATUS, backend::COMPLETE, backend::READY].contains(&frame.tag);
    read && !frame.is_complete() && frame.size <= MOST_WAITING
}

fn receive(lane: &mut Lane, bytes: &[u8]) -> usize {
    if !lane.has_room() {
        return 0;
    }
    let room = lane.room();
    let count = room.len().min(bytes.len());
    room[..count].copy_from_slice(&bytes[..count]);
    lane.receive(count);
    count
}

fn send(lane: &mut Lane, most: usize, out: &mut Vec<u8>) -> usize {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = lane.slices(&mut slices);
    let before = out.len();
    slices[..filled].iter().for_each(|slice| out.extend_from_slice(slice));
    assert!(out.len() - before <= lane.waiting());
    out.truncate(before + most);
    let count = out.len() - before;
    lane.send(count);
    count
}
