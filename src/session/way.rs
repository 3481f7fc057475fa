//! A statement that wants a database for itself is on its way: those who rest there leave. On a server of a client's own, also one that
//! changes what sessions start with.

use super::relay::Relay;
use crate::config::PoolMode;
use crate::protocol::frontend::{self, Parse};
use crate::sql::database::wanted;
use crate::sql::{Effects, Lexer, Token, effects};

/// What a text begins with that may make, change or drop something; BEGIN, because it may go on.
const DEFINING: [&str; 5] = ["create", "alter", "drop", "do", "begin"];

impl Relay<'_> {
    /// On a server that others will have as well: what was just looked at has these effects.
    #[inline]
    pub(super) fn make_way(&mut self, found: Effects) {
        if found.contains(Effects::DEFINES)
            && let Some(wanted) = self.exchange.meaning.take_wanted()
        {
            self.session.pool.make_way(&wanted);
        }
    }

    /// On a server of the client's own, whose texts nobody else looks at.
    #[inline]
    pub(super) fn make_way_unshared(&mut self, tag: u8) {
        if matches!(tag, frontend::QUERY | frontend::PARSE) && self.session.mode == PoolMode::Session {
            self.look_for_wanted(tag);
        }
    }

    fn look_for_wanted(&mut self, tag: u8) {
        let Ok(Some(frame)) = self.up.frame() else { return };
        let text = match tag {
            frontend::QUERY => frame.whole().and_then(|body| body.strip_suffix(&[0])),
            _ => frame.whole().and_then(Parse::read).map(|parse| parse.query()),
        };
        let (Some(text), backslash) = (text, self.session.backslash) else { return };
        let found = if may_define(text) { effects(text, backslash) } else { Effects::NONE };
        self.exchange.dialogue.expect_change(found);
        if found.contains(Effects::DEFINES)
            && let Some(wanted) = wanted(text, backslash)
        {
            self.session.pool.make_way(&wanted);
        }
    }
}

/// Whether its first word is among [`DEFINING`].
fn may_define(text: &[u8]) -> bool {
    let first = Lexer::new(text, false).find(|token| *token != Token::Symbol(b';'));
    let is = |word: &[u8], verb: &str| word.eq_ignore_ascii_case(verb.as_bytes());
    matches!(first, Some(Token::Word(word)) if DEFINING.iter().any(|verb| is(word, verb)))
}
