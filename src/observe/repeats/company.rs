//! Whether the inserts of one shape come alone or with other writes: one beside an update in each of many transactions is no
//! loop of inserts, however many follow each other. Pure.

/// What is known of a row of inserts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Company {
    /// The last one's transaction block.
    block: Option<u32>,
    /// It is the only one of its shape in there, so far.
    single: bool,
    /// Something else was written in there.
    beside: bool,
    /// How many before it were the only ones, beside something else.
    accompanied: u32,
}

impl Company {
    /// One more.
    pub(super) fn step(&mut self, block: Option<u32>) {
        if block.is_some() && block == self.block {
            self.single = false;
            return;
        }
        *self = Company { block, single: true, beside: false, accompanied: self.accompanied() };
    }

    /// Something else was written in this block.
    pub(super) fn accompany(&mut self, block: u32) {
        self.beside |= self.block == Some(block);
    }

    /// How many came as the only one of their transaction, beside other writes.
    pub(super) fn accompanied(&self) -> u32 {
        self.accompanied + u32::from(self.single && self.beside)
    }
}
