//! What one server remembers: its parameters, its prepared statements. Kept in step with what was sent to it and what it
//! answered, so that it is known even after an error in the middle of a batch. Pure.

use std::sync::Arc;

use hashbrown::HashMap;

use super::parameters::{self, Parameters};

/// Names a statement across the servers of a pool: `pgweir_<id>`.
pub type StatementId = u64;

/// What a server remembers.
#[derive(Debug)]
pub struct Memory {
    /// Its parameters; the same `Arc` as its last client's, which makes the common comparison one of pointers.
    pub parameters: Arc<Parameters>,
    /// What it reported when it was opened, and goes back to by RESET.
    origin: Arc<Parameters>,
    statements: HashMap<StatementId, Kept>,
    most: usize,
    uses: u64,
    unnamed: Unnamed,
}

/// Whose unnamed statement the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// None.
    None,
    /// The one with this stamp.
    Stamp(u64),
    /// An error fell between the sending and the knowing.
    Unsure,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    state: State,
    used: u64,
    /// The batch of its client's in which its Parse was sent.
    batch: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its Parse is under way.
    Arriving,
    /// It is there.
    Present,
    /// It may be there: to be closed before it is parsed again.
    Unsure,
}

/// What must be sent before a statement can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Nothing: it is there, or arrives before what is sent now.
    Nothing,
    /// A Parse.
    Parse,
    /// A Close, then a Parse.
    CloseAndParse,
}

impl Memory {
    /// A fresh server's, which keeps at the most `most` named statements.
    pub fn new(parameters: Arc<Parameters>, most: usize) -> Memory {
        let origin = parameters.clone();
        let (statements, unnamed) = (HashMap::new(), Unnamed::None);
        Memory { parameters, origin, statements, most: most.max(1), uses: 0, unnamed }
    }

    /// What a reported parameter is after RESET.
    pub fn starts(&self, name: &str) -> Option<&str> {
        self.origin.reported(name)
    }

    /// That has changed.
    pub fn restarts(&mut self, name: &str, value: &str) {
        if self.starts(name) != Some(value) {
            Arc::make_mut(&mut self.origin).report(name, value);
        }
    }

    /// Whether a reported parameter has this value after RESET.
    pub fn starts_with(&self, name: &str, value: &str) -> bool {
        self.origin.reported(name) == Some(value)
    }

    /// What a client that started with `own` lacks of that once all is put back: name, value. Of `role` and
    /// `session_authorization` nothing.
    pub fn lost_by_reset<'a>(&self, own: &'a Parameters) -> impl Iterator<Item = (&'a str, &'a str)> + use<'_, 'a> {
        let reported = own.all_reported().filter(|(name, value)| {
            self.origin.reported(name).is_some_and(|started| started != *value) && !parameters::is_fixed(name)
        });
        let quiet = own.all_quiet().filter_map(|name| Some((name, own.quiet(name)?)));
        reported.chain(quiet).filter(|(name, _)| parameters::rank(name) == 0)
    }

    /// What it takes to use this statement now. Counts as a use.
    pub fn lacks(&mut self, id: StatementId) -> Lack {
        self.uses += 1;
        match self.statements.get_mut(&id) {
            None => Lack::Parse,
            Some(Kept { state: State::Unsure, .. }) => Lack::CloseAndParse,
            Some(kept) => {
                kept.used = self.uses;
                Lack::Nothing
            }
        }
    }

    /// A Parse of this statement is being sent. When there are too many: the one to be closed for it.
    pub fn arriving(&mut self, id: StatementId, batch: u32) -> Option<StatementId> {
        let full = self.statements.len() >= self.most && !self.statements.contains_key(&id);
        let evicted = if full { self.least_used() } else { None };
        if let Some(old) = evicted {
            self.statements.remove(&old);
        }
        self.uses += 1;
        self.statements.insert(id, Kept { state: State::Arriving, used: self.uses, batch });
        evicted
    }

    /// Whether its Parse was sent in an earlier batch than this one, and may have been skipped there.
    pub fn is_in_doubt(&self, id: StatementId, batch: u32) -> bool {
        self.statements.get(&id).is_some_and(|kept| kept.state == State::Arriving && kept.batch != batch)
    }

    /// The server parsed it.
    pub fn arrived(&mut self, id: StatementId) {
        if let Some(kept) = self.statements.get_mut(&id)
            && kept.state == State::Arriving
        {
            kept.state = State::Present;
        }
    }

    /// Its Parse failed or was skipped.
    pub fn not_arrived(&mut self, id: StatementId) {
        if self.statements.get(&id).is_some_and(|kept| kept.state == State::Arriving) {
            self.statements.remove(&id);
        }
    }

    /// Whether the server has it is not known any more: a Close was skipped, a DEALLOCATE may have failed.
    pub fn unsure(&mut self, id: StatementId) {
        self.statements.insert(id, Kept { state: State::Unsure, used: 0, batch: 0 });
    }

    /// Some may have been dropped that nobody told of.
    pub fn doubt_statements(&mut self) {
        for kept in self.statements.values_mut().filter(|kept| kept.state == State::Present) {
            kept.state = State::Unsure;
        }
    }

    /// Whether it has this statement, or will have it when it reads what is sent now.
    pub fn has(&self, id: StatementId) -> bool {
        self.statements.get(&id).is_some_and(|kept| kept.state != State::Unsure)
    }

    /// Replies will not be looked at any more: what was under way may have arrived or not.
    pub fn unsettle(&mut self) {
        for kept in self.statements.values_mut().filter(|kept| kept.state == State::Arriving) {
            kept.state = State::Unsure;
        }
        self.unnamed = Unnamed::Unsure;
    }

    /// A statement has ended with this command tag. Whether it has dropped all prepared statements.
    pub fn see_complete(&mut self, tag: &[u8]) -> bool {
        let drops = matches!(tag, b"DEALLOCATE ALL" | b"DISCARD ALL");
        if drops {
            self.forget_statements();
        }
        if tag == b"DISCARD ALL" {
            Arc::make_mut(&mut self.parameters).forget_quiet();
        }
        drops
    }

    /// DEALLOCATE ALL or DISCARD ALL. What is under way was sent after it.
    pub fn forget_statements(&mut self) {
        self.statements.retain(|_, kept| kept.state != State::Present);
        self.unnamed = Unnamed::Unsure;
    }

    /// Whose unnamed statement it has.
    pub fn unnamed(&self) -> Unnamed {
        self.unnamed
    }

    /// A Parse of an unnamed statement, or something that ends it, is being sent.
    pub fn set_unnamed(&mut self, unnamed: Unnamed) {
        self.unnamed = unnamed;
    }

    fn least_used(&self) -> Option<StatementId> {
        let idle = self.statements.iter().filter(|(_, kept)| kept.state != State::Arriving);
        idle.min_by_key(|(_, kept)| kept.used).map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `?1` use · `+1` send a Parse · `1` it succeeded · `-1` it failed · `~1` unsure · `0` forget all.
    #[track_caller]
    fn check(script: &str, expected: &str) {
        let mut memory = Memory::new(Arc::default(), 2);
        let mut said = Vec::new();
        for word in script.split(' ') {
            let id: StatementId = word.trim_start_matches(['?', '+', '-', '~']).parse().unwrap();
            match &word[..1] {
                "?" => said.push(format!("{:?}", memory.lacks(id))),
                "+" => said.extend(memory.arriving(id, 0).map(|old| format!("evict{old}"))),
                "-" => memory.not_arrived(id),
                "~" => memory.unsure(id),
                "0" => memory.forget_statements(),
                _ => memory.arrived(id),
            }
        }
        assert_eq!(said.join(" "), expected, "{script}");
    }

    #[test]
    fn statements() {
        check("?1 +1 ?1 1 ?1", "Parse Nothing Nothing");
        check("+1 -1 ?1", "Parse");
        check("+1 1 -1 ?1", "Nothing");
        check("+1 1 ~1 ?1 +1 1 ?1", "CloseAndParse Nothing");
        check("+1 1 +2 2 ?1 +3 3 ?1 ?2 ?3", "Nothing evict2 Nothing Parse Nothing");
        check("+1 +2 +3", "");
        check("+1 1 0 ?1", "Parse");
        check("+1 1 +2 0 ?1 2 ?2", "Parse Nothing");
    }
}
