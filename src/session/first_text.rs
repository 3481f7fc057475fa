//! The text that a request begins with. Pure.

use super::statements::Statements;
use crate::net::Lane;
use crate::protocol::frame::cut_str;
use crate::protocol::frontend::{self, Bind, Parse};

/// It, empty for one that is not known, of a client that has prepared these; `None` for a message of another kind, or one of which
/// not enough has arrived.
pub(super) fn first_text<'a>(up: &'a Lane, own: Option<&'a Statements>) -> Option<&'a [u8]> {
    let frame = up.frame().ok()??;
    match frame.tag {
        frontend::QUERY => Some(cut_str(frame.body).map_or(frame.body, |(text, _)| text)),
        frontend::PARSE => frame.whole().and_then(Parse::read).map(|parse| parse.query()),
        frontend::BIND => {
            let bind = frame.whole().and_then(Bind::read)?;
            Some(own.and_then(|own| own.text_of(bind.statement)).unwrap_or_default())
        }
        _ => None,
    }
}
