//! One direction's bytes on their way from one socket to another: what was received, what of it was judged, what of that
//! was sent. No I/O: callers read into `room` and write `slices`. Pure.
//!
//! ```text
//! 0 ≤ sent ≤ judged ≤ received ≤ capacity
//! ```
//!
//! What is judged passes from the buffer that it was read into. Only where something must be put in, left out or replaced
//! is the way out a short list of pieces: bytes of the buffer, bytes of our own, bytes to drop.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::protocol::{BadLength, Frame};

/// Slices given to one write; more pieces wait for the next.
pub const SLICES: usize = 16;

/// A lane that grew for one large message gives the memory back when it is empty again.
const KEPT: usize = 2;

/// One direction's buffer and cursors.
#[derive(Debug)]
pub struct Lane {
    buffer: Vec<u8>,
    base: usize,
    sent: usize,
    judged: usize,
    received: usize,
    /// What lies between `sent` and `judged`, and what of our own goes in between; the first is none to be dropped. Empty
    /// while all of it passes.
    pieces: VecDeque<Piece>,
    own: Vec<u8>,
    own_sent: usize,
    /// What becomes of the rest of a judged frame that has not arrived.
    rest: Rest,
    /// Bytes to be sent.
    waiting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// Bytes of the buffer, to be sent.
    Pass(usize),
    /// Bytes of the buffer, not to be sent.
    Drop(usize),
    /// Bytes of ours.
    Own(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    None,
    Some(Fate, usize),
}

/// What becomes of bytes that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    Drop,
}

impl Lane {
    /// An empty lane for `capacity` bytes.
    pub fn new(capacity: usize) -> Lane {
        Lane {
            buffer: vec![0; capacity],
            base: capacity,
            sent: 0,
            judged: 0,
            received: 0,
            pieces: VecDeque::with_capacity(4),
            own: Vec::new(),
            own_sent: 0,
            rest: Rest::None,
            waiting: 0,
        }
    }

    /// Where the next bytes are to be received; empty when the lane is full.
    pub fn room(&mut self) -> &mut [u8] {
        if self.sent == self.received && self.pieces.is_empty() {
            (self.sent, self.judged, self.received) = (0, 0, 0);
        } else if self.received == self.buffer.len() {
            self.compact();
        }
        &mut self.buffer[self.received..]
    }

    /// Whether [`Lane::room`] would find any.
    pub fn has_room(&self) -> bool {
        self.received < self.buffer.len() || self.sent > 0
    }

    /// Notes that `count` bytes were received into [`Lane::room`]. When they filled it, more is likely to come: the lane
    /// grows to `most`, so that much of it comes at once.
    pub fn receive_wide(&mut self, count: usize, most: usize) {
        self.receive(count);
        if self.received == self.buffer.len() && self.buffer.len() < most {
            self.buffer.resize(most, 0);
        }
    }

    /// Notes that `count` bytes were received into [`Lane::room`].
    pub fn receive(&mut self, count: usize) {
        self.received += count;
        debug_assert!(self.received <= self.buffer.len());
        self.pass_rest();
        self.assert_order();
    }

    /// Appends bytes as if they had been received, growing as needed: for what a login read beyond its end.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.buffer.len() - self.received < bytes.len() {
            self.buffer.resize(self.received + bytes.len(), 0);
        }
        self.buffer[self.received..self.received + bytes.len()].copy_from_slice(bytes);
        self.receive(bytes.len());
    }

    /// The next frame to be judged, as far as it has arrived. `None` as well while an earlier one is passing through.
    pub fn frame(&self) -> Result<Option<Frame<'_>>, BadLength> {
        if self.rest != Rest::None {
            return Ok(None);
        }
        Frame::read(&self.buffer[self.judged..self.received])
    }

    /// The bytes received and not judged.
    pub fn unjudged(&self) -> &[u8] {
        &self.buffer[self.judged..self.received]
    }

    /// Judgement: the next `size` bytes pass, also those that have yet to arrive.
    pub fn forward(&mut self, size: usize) {
        self.judge(size, Fate::Pass);
    }

    /// Judgement: all frames in a row that have this tag pass. How many bytes they are, those to come too.
    pub fn forward_run(&mut self, tag: u8) -> usize {
        debug_assert!(self.rest == Rest::None);
        let mut at = self.judged;
        while let Ok(Some(frame)) = Frame::read(&self.buffer[at..self.received]) {
            if frame.tag != tag {
                break;
            }
            at += frame.size;
            if at >= self.received {
                break;
            }
        }
        let size = at - self.judged;
        if size > 0 {
            self.forward(size);
        }
        size
    }

    /// Judgement: the next `size` bytes are left out, also those that have yet to arrive.
    pub fn swallow(&mut self, size: usize) {
        self.judge(size, Fate::Drop);
    }

    /// Judgement: of the next `size` bytes the first `front`, which have arrived, are replaced; the rest passes. `with` is
    /// shown what it replaces.
    pub fn replace(&mut self, front: usize, size: usize, with: impl FnOnce(&mut Vec<u8>, &[u8])) {
        debug_assert!(self.rest == Rest::None);
        let before = self.own.len();
        with(&mut self.own, &self.buffer[self.judged..self.judged + front]);
        self.add(Piece::Own(self.own.len() - before));
        self.swallow(front);
        if size > front {
            self.forward(size - front);
        }
    }

    /// Puts bytes of our own after what has been judged. Not while a frame is passing through.
    pub fn insert(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(self.rest == Rest::None, "nothing goes into the middle of a message");
        let before = self.own.len();
        write(&mut self.own);
        self.add(Piece::Own(self.own.len() - before));
    }

    /// Makes room for a frame of `size` bytes that must be seen whole. Grows with what arrives, not with what is claimed.
    pub fn hold(&mut self, size: usize) {
        if self.received < self.buffer.len() {
            return;
        }
        if self.sent > 0 {
            self.compact();
        }
        let wanted = (self.received - self.sent) + size.saturating_sub(self.received - self.judged);
        if self.received == self.buffer.len() {
            self.buffer.resize(wanted.min(self.buffer.len() * 2).max(self.buffer.len() + 1), 0);
        }
    }

    /// What can be sent now, in order. How many of `slices` were filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        if let Some(slice) = self.slice() {
            slices[0] = IoSlice::new(slice);
            return 1;
        }
        let (mut at, mut own, mut filled) = (self.sent, self.own_sent, 0);
        for piece in &self.pieces {
            if filled == SLICES {
                break;
            }
            let bytes = match *piece {
                Piece::Pass(count) => advance(&self.buffer, &mut at, count),
                Piece::Own(count) => advance(&self.own, &mut own, count),
                Piece::Drop(count) => {
                    at += count;
                    continue;
                }
            };
            slices[filled] = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    /// The only slice to be sent, when there is just one: the common case.
    pub fn slice(&self) -> Option<&[u8]> {
        match (self.pieces.len(), self.pieces.front()) {
            (0, _) if self.waiting > 0 => Some(&self.buffer[self.sent..self.judged]),
            (1, Some(Piece::Pass(count))) => Some(&self.buffer[self.sent..self.sent + count]),
            (1, Some(Piece::Own(count))) => Some(&self.own[self.own_sent..self.own_sent + count]),
            _ => None,
        }
    }

    /// Notes that `count` of the bytes in [`Lane::slices`] were sent.
    pub fn send(&mut self, count: usize) {
        self.waiting -= count;
        match self.pieces.is_empty() {
            true => self.sent += count,
            false => self.send_pieces(count),
        }
        self.assert_order();
    }

    /// Whether nothing is left to be sent.
    pub fn is_sent(&self) -> bool {
        self.waiting == 0
    }

    /// How many judged bytes wait to be sent.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether it holds nothing at all: nothing to send, nothing unjudged, no frame half through.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0 && self.judged == self.received && self.rest == Rest::None
    }

    /// Whether a frame that was judged has not arrived in full.
    pub fn is_mid_frame(&self) -> bool {
        self.rest != Rest::None
    }

    /// Forgets everything, ready for the next borrower.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.own.clear();
        (self.sent, self.judged, self.received, self.own_sent, self.waiting) = (0, 0, 0, 0, 0);
        self.rest = Rest::None;
        if self.buffer.len() > KEPT * self.base {
            self.buffer.truncate(self.base);
            self.buffer.shrink_to_fit();
        }
        if self.own.capacity() > self.base {
            self.own = Vec::new();
        }
    }

    fn judge(&mut self, size: usize, fate: Fate) {
        debug_assert!(self.rest == Rest::None);
        let here = size.min(self.received - self.judged);
        if here < size {
            self.rest = Rest::Some(fate, size - here);
        }
        self.take(here, fate);
    }

    /// Newly received bytes that belong to a frame judged before.
    fn pass_rest(&mut self) {
        let Rest::Some(fate, left) = self.rest else { return };
        let here = left.min(self.received - self.judged);
        self.rest = if here == left { Rest::None } else { Rest::Some(fate, left - here) };
        self.take(here, fate);
    }

    /// The next bytes, which have arrived, are judged.
    fn take(&mut self, count: usize, fate: Fate) {
        self.judged += count;
        match fate {
            Fate::Pass if self.pieces.is_empty() => self.waiting += count,
            Fate::Drop if self.pieces.is_empty() && self.waiting == 0 => self.sent += count,
            Fate::Pass => self.add(Piece::Pass(count)),
            Fate::Drop => self.add(Piece::Drop(count)),
        }
        self.assert_order();
    }

    fn add(&mut self, piece: Piece) {
        if self.pieces.is_empty() && self.waiting > 0 {
            self.pieces.push_back(Piece::Pass(self.waiting));
        }
        match piece {
            Piece::Pass(0) | Piece::Drop(0) | Piece::Own(0) => return,
            Piece::Pass(count) | Piece::Own(count) => self.waiting += count,
            Piece::Drop(_) => {}
        }
        match (self.pieces.back_mut(), piece) {
            (Some(Piece::Pass(last)), Piece::Pass(more))
            | (Some(Piece::Drop(last)), Piece::Drop(more))
            | (Some(Piece::Own(last)), Piece::Own(more)) => *last += more,
            _ => self.pieces.push_back(piece),
        }
    }

    fn send_pieces(&mut self, mut count: usize) {
        while count > 0 {
            count -= self.send_piece(count);
            self.skip_drops();
        }
        if self.own_sent == self.own.len() {
            self.own.clear();
            self.own_sent = 0;
        }
    }

    /// Sends at most `count` bytes of the front piece; how many.
    fn send_piece(&mut self, count: usize) -> usize {
        let front = self.pieces.front_mut().expect("callers send what slices showed");
        let (left, cursor) = match front {
            Piece::Pass(left) => (left, &mut self.sent),
            Piece::Own(left) => (left, &mut self.own_sent),
            Piece::Drop(_) => unreachable!("never in front"),
        };
        let taken = count.min(*left);
        *left -= taken;
        *cursor += taken;
        if *left == 0 {
            self.pieces.pop_front();
        }
        taken
    }

    fn skip_drops(&mut self) {
        while let Some(Piece::Drop(count)) = self.pieces.front() {
            self.sent += count;
            self.pieces.pop_front();
        }
    }

    fn compact(&mut self) {
        self.buffer.copy_within(self.sent..self.received, 0);
        self.received -= self.sent;
        self.judged -= self.sent;
        self.sent = 0;
    }

    fn assert_order(&self) {
        debug_assert!(self.sent <= self.judged && self.judged <= self.received && self.received <= self.buffer.len());
        debug_assert!(!self.pieces.is_empty() || self.waiting == self.judged - self.sent);
    }
}

fn advance<'a>(bytes: &'a [u8], at: &mut usize, count: usize) -> &'a [u8] {
    let start = *at;
    *at += count;
    &bytes[start..*at]
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
