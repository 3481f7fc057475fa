//! SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as machines of which each state is a type: `server` checks a client's
//! proof, `client` gives one. Not the Postgres messages around it (`gate`, `login`). Pure: nonces are arguments.
//!
//! SCRAM-SHA-256-PLUS is the same with `binding` to the TLS connection; which of the two is spoken is an argument.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Nonce;

mod attributes;
pub mod binding;
pub mod client;
pub mod server;

/// The printable form of a nonce, as both sides send it.
pub fn nonce_text(nonce: &Nonce) -> String {
    STANDARD.encode(nonce)
}

/// A nonce's characters: printable ASCII without the comma (RFC 5802, section 7).
fn is_nonce(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',')
}

#[cfg(test)]
mod tests;
