//! What sequences gave last is a session's own: once a client of a pool asks for that, nobody there is told what another drew. Its
//! servers forget it in the same write that brings the next client's request. Who asks outside a transaction is tied to its server
//! besides (`watch`), so that it is forgotten once.

use super::owed::Owed;
use super::relay::Relay;
use crate::protocol::frontend;
use crate::sql::{Effects, asks_for_a_last_value};

impl Relay<'_> {
    /// A server has been borrowed, and nothing been sent to it yet.
    #[inline]
    pub(super) fn forget_last_values(&mut self) {
        let client = self.session.client.id;
        let holder = self.lease.as_mut().map(|lease| std::mem::replace(&mut lease.server().holder, client));
        if self.session.pool.asks_for_last_values() || self.asks_for_a_last_value() {
            self.forget(holder == Some(client));
        }
    }

    /// Nobody has had the server since? What it would tell the client is the client's own.
    #[cold]
    fn forget(&mut self, is_own: bool) {
        self.session.pool.note_last_values();
        if !is_own {
            self.send_ours("DISCARD SEQUENCES", Owed::OurQuery);
        }
    }

    /// Whether what has arrived of the request may do so: some word of it says it, or it begins with a statement that was prepared.
    fn asks_for_a_last_value(&self) -> bool {
        let arrived = self.up.unjudged();
        match arrived.first() {
            Some(&(frontend::QUERY | frontend::PARSE)) => asks_for_a_last_value(arrived),
            Some(&frontend::BIND) => self.has_such_a_statement(),
            _ => false,
        }
    }

    fn has_such_a_statement(&self) -> bool {
        self.session.statements.as_ref().is_some_and(|own| own.named.union(own.effects).contains(Effects::CURRVAL))
    }

    /// A message has been judged that may have been such a text, perhaps behind others.
    #[inline]
    pub(super) fn note_last_values(&mut self, found: Effects, named: bool) {
        if found.contains(Effects::CURRVAL) || (named && self.has_such_a_statement()) {
            self.session.pool.note_last_values();
        }
    }
}
