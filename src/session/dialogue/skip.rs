//! What is no longer owed: after an error, or because nobody will listen. Pure.

use super::super::owed::{Owed, Phase, Settled, Verdict};
use super::Dialogue;
use crate::pool::memory::{Memory, StatementId, Unnamed};

impl Dialogue {
    /// The replies that are still owed will be read by somebody else: what they would tell the memory is not known.
    pub fn abandon(&self, memory: &mut Memory) {
        memory.unsettle();
        for owed in &self.owed {
            if let Owed::OurClose(Some(id)) = *owed {
                memory.unsure(id);
            }
        }
    }

    /// After an error the server skips to the next Sync, so nothing before that is owed any more.
    pub(super) fn receive_error(&mut self, memory: &mut Memory) -> Verdict {
        let ours = matches!(self.owed.front(), Some(Owed::OurQuery | Owed::OurQuestion | Owed::OurSync));
        match self.owed.front() {
            // Whoever asked looks after it.
            Some(Owed::OurQuestion | Owed::OurSync) => {}
            Some(Owed::OurQuery) => self.damaged = true,
            Some(Owed::Query | Owed::FunctionCall) => {
                self.count_statement();
                self.end_copy();
            }
            Some(Owed::Sync) | None => self.end_copy(),
            Some(_) => {
                let asked = self.owed.iter().all(|owed| owed.is_ours());
                self.skip(memory);
                if asked && self.next() == Some(Owed::OurSync) {
                    // The client has sent nothing that would fail with it.
                    return Verdict::Swallow;
                }
                self.count_statement();
            }
        }
        if ours { Verdict::Swallow } else { Verdict::Forward }
    }

    fn end_copy(&mut self) {
        if self.phase == Phase::CopyIn {
            self.phase = Phase::Normal;
        }
    }

    fn skip(&mut self, memory: &mut Memory) {
        self.phase = Phase::Skipping;
        // The first is the one that failed.
        let mut behind = self.owed.iter().skip(1).take_while(|owed| !matches!(owed, Owed::Sync | Owed::OurSync));
        let unnamed = behind.any(|owed| *owed == Owed::Parse(None));
        let undone = self.skip_owed(memory);
        if undone > 0 {
            self.settled.push(Settled::Undone(undone));
        }
        // One that is parsed in a later batch is the client's by now.
        if unnamed && !self.owes_parse() {
            self.settled.push(Settled::UnnamedSkipped);
        }
    }

    fn parses(&self, id: StatementId) -> bool {
        self.owed
            .iter()
            .any(|owed| matches!(owed, Owed::Parse(Some(other)) | Owed::OurParse(Some(other)) if *other == id))
    }

    /// Up to the next Sync; how many changes of names were among it.
    fn skip_owed(&mut self, memory: &mut Memory) -> u32 {
        let (mut undone, mut not_parsed) = (0, Vec::new());
        while let Some(owed) = self.owed.front() {
            match *owed {
                Owed::Sync | Owed::OurSync => {
                    self.phase = Phase::Normal;
                    break;
                }
                Owed::Parse(Some(id)) => {
                    not_parsed.push(id);
                    undone += 1;
                }
                Owed::Answer(_) => undone += 1,
                Owed::OurParse(Some(id)) => not_parsed.push(id),
                Owed::OurClose(Some(id)) => memory.unsure(id),
                Owed::Parse(None) | Owed::OurParse(None) | Owed::OurClose(None) => memory.set_unnamed(Unnamed::Unsure),
                Owed::OurQuery | Owed::OurQuestion => self.damaged = true,
                Owed::Query | Owed::FunctionCall => self.ahead = self.ahead.saturating_sub(1),
                _ => {}
            }
            self.owed.pop_front();
        }
        // What a later batch parses once more is on its way.
        not_parsed.into_iter().filter(|id| !self.parses(*id)).for_each(|id| memory.not_arrived(id));
        undone
    }
}
