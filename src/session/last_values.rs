//! What sequences gave last is a session's own: once a client of a pool asks for that, nobody there is told what another drew. Its
//! servers forget it in the same write that brings the next client's request, unless it is all that client's own. Who asks outside a
//! transaction is tied to its server besides (`watch`), so that it is forgotten once.

use super::owed::Owed;
use super::relay::Relay;
use crate::pool::server::Drawn;
use crate::protocol::frontend;
use crate::sql::{Effects, asks_for_a_last_value};

impl Relay<'_> {
    /// A server has been borrowed, and nothing been sent to it yet.
    #[inline]
    pub(super) fn forget_last_values(&mut self) {
        let asks = self.session.pool.asks_for_last_values() || self.asks_for_a_last_value();
        let Some(lease) = &mut self.lease else { return };
        let (client, server) = (self.session.client.id, lease.server());
        let process = server.line.process_id;
        // What it drew elsewhere since would be the last.
        let was_there = std::mem::replace(&mut self.session.last_server, process) == process;
        let is_own = match server.drawn {
            Drawn::Nothing => true,
            Drawn::By(whom) => was_there && whom == client,
            Drawn::Unknown => false,
        };
        server.drawn = if is_own || asks { Drawn::By(client) } else { Drawn::Unknown };
        if asks {
            self.forget(is_own);
        }
    }

    /// Of its own it is told.
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
