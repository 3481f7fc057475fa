//! Inputs made of seeds: bytes changed, put in, taken out, doubled; the front of one with the end of another.

/// Longer inputs find no more.
const LONGEST: usize = 8192;

/// Bytes at which numbers and texts turn.
const TURNS: &[u8] = b"\0\x01\x03\x04\x05\x7f\x80\xfe\xff';\"$\\,= \n-/*";

/// An endless row of inputs, the same each time.
pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutator {
    pub(crate) fn new(seeds: Vec<Vec<u8>>) -> Mutator {
        Mutator { seeds, state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let seed = self.below(self.seeds.len());
        let mut input = self.seeds[seed].clone();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    /// Below `end`, which is not 0. By xorshift, as in Marsaglia's paper.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        ((self.state >> 11) % end as u64) as usize
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below(input.len() - at + 1).min(64);
        match self.below(8) {
            0 | 1 if at < input.len() => input[at] = self.below(256) as u8,
            2 if at < input.len() => input[at] = TURNS[self.below(TURNS.len())],
            3 if at < input.len() => input[at] = input[at].wrapping_add(1),
            4 => input.insert(at, TURNS[self.below(TURNS.len())]),
            5 => drop(input.drain(at..end)),
            6 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            _ => {
                let other = self.below(self.seeds.len());
                let from = self.below(self.seeds[other].len() + 1);
                input.truncate(at);
                input.extend_from_slice(&self.seeds[other][from..]);
            }
        }
    }
}
