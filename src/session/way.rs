//! A statement that wants a database for itself is on its way: those who rest there leave.

use super::relay::Relay;
use crate::config::PoolMode;
use crate::protocol::frontend::{self, Parse};
use crate::sql::Effects;
use crate::sql::database::wanted;

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
        if matches!(tag, frontend::QUERY | frontend::PARSE) && self.session.plan.settings.pool_mode == PoolMode::Session
        {
            self.look_for_wanted(tag);
        }
    }

    fn look_for_wanted(&mut self, tag: u8) {
        let Ok(Some(frame)) = self.up.frame() else { return };
        let text = match tag {
            frontend::QUERY => frame.whole().and_then(|body| body.strip_suffix(&[0])),
            _ => frame.whole().and_then(Parse::read).map(|parse| parse.query()),
        };
        if let Some(wanted) = text.and_then(|text| wanted(text, self.session.backslash)) {
            self.session.pool.make_way(&wanted);
        }
    }
}
