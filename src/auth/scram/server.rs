//! We are the server: challenge a client and check its proof against a verifier. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::attributes::{Attributes, Complaint};
use super::binding::{self, Binding, EndPoint};
use super::is_nonce;
use crate::auth::key::Key;
use crate::auth::verifier::{Verifier, decode_key, hash, hmac};

/// Why a client's SCRAM message is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// It breaks RFC 5802, or asks for what was not offered.
    #[error("{0}")]
    Malformed(&'static str),
    /// It says that channel binding was not offered, though it was: somebody in between has kept the offer back.
    #[error("the client could bind the channel and was made to believe that we cannot")]
    Downgrade,
    /// It is bound to another connection than this one: somebody in between passes the login on.
    #[error("the channel binding (c=) is not of this connection")]
    OtherChannel,
    /// It is well made, by someone who does not know the password.
    #[error("wrong password")]
    WrongProof,
}

impl From<Complaint> for Fault {
    fn from(complaint: Complaint) -> Self {
        Fault::Malformed(complaint)
    }
}

/// A challenge was sent; the client's proof is awaited.
#[derive(Debug)]
pub struct Challenge {
    binding: Binding,
    nonce: Vec<u8>,
    signed_so_far: Vec<u8>,
    stored_key: Key,
    server_key: Key,
}

/// The client proved that it knows the password.
#[derive(Debug)]
pub struct Accepted {
    /// What the proof gave away: enough to log in to a server that holds the same verifier.
    pub client_key: Key,
    /// The server-final message: proves to the client that we hold the verifier.
    pub message: String,
}

/// Which mechanism the client chose among those offered.
#[derive(Debug, Clone)]
pub enum Terms {
    /// SCRAM-SHA-256; nothing else was offered.
    Unbound,
    /// SCRAM-SHA-256, although SCRAM-SHA-256-PLUS was offered.
    Declined,
    /// SCRAM-SHA-256-PLUS, over a connection whose server, which is us, has this end point.
    Bound(EndPoint),
}

/// Hears a client-first message; gives the server-first message and what waits for the answer to it. `nonce` is our part
/// of the nonce, printable.
pub fn challenge(
    client_first: &[u8],
    verifier: &Verifier,
    nonce: &str,
    terms: &Terms,
) -> Result<(String, Challenge), Fault> {
    let (binding, bare) = split_header(client_first, terms)?;
    let nonce = [client_nonce(bare)?, nonce.as_bytes()].concat();
    let salt = STANDARD.encode(&verifier.salt);
    let message = format!("r={},s={salt},i={}", String::from_utf8_lossy(&nonce), verifier.iterations);
    let signed_so_far = [bare, b",", message.as_bytes(), b","].concat();
    let Verifier { stored_key, server_key, .. } = *verifier;
    Ok((message, Challenge { binding, nonce, signed_so_far, stored_key, server_key }))
}

impl Challenge {
    /// Hears the client-final message.
    pub fn verify(self, client_final: &[u8]) -> Result<Accepted, Fault> {
        let (unproven, proof) = split_proof(client_final)?;
        self.check_attributes(unproven)?;
        let signed = [&self.signed_so_far, unproven].concat();
        let client_key = hmac(&self.stored_key, &signed).xor(&proof);
        if hash(&client_key) != self.stored_key {
            return Err(Fault::WrongProof);
        }
        let message = format!("v={}", STANDARD.encode(hmac(&self.server_key, &signed).0));
        Ok(Accepted { client_key, message })
    }

    fn check_attributes(&self, unproven: &[u8]) -> Result<(), Fault> {
        let mut attributes = Attributes::of(unproven);
        let echo = attributes.expect(b'c', "the channel binding (c=) is missing")?;
        match &self.binding {
            binding if echo == binding.echo().as_bytes() => {}
            Binding::To(_) => return Err(Fault::OtherChannel),
            _ => return Err("the channel binding (c=) is not what the client began with".into()),
        }
        if attributes.expect(b'r', "the nonce (r=) is missing")? != self.nonce {
            return Err("the nonce (r=) is not the one that was sent".into());
        }
        Ok(attributes.ignore_extensions()?)
    }
}

/// Splits a client-first message into its GS2 header, understood, and the bare message.
fn split_header<'m>(client_first: &'m [u8], terms: &Terms) -> Result<(Binding, &'m [u8]), Fault> {
    let (binding, rest) = match (client_first, terms) {
        ([b'n' | b'y', b',', ..], Terms::Bound(_)) => return Err("SCRAM-SHA-256-PLUS without channel binding".into()),
        ([b'n', b',', rest @ ..], _) => (Binding::Unable, rest),
        ([b'y', b',', ..], Terms::Declined) => return Err(Fault::Downgrade),
        ([b'y', b',', rest @ ..], Terms::Unbound) => (Binding::Unoffered, rest),
        ([b'p', b'=', rest @ ..], Terms::Bound(end_point)) => (Binding::To(end_point.clone()), split_type(rest)?),
        ([b'p', b'=', ..], _) => return Err("channel binding in a mechanism that does not have it".into()),
        _ => return Err("the channel binding flag is neither n, y nor p".into()),
    };
    match rest {
        [b',', bare @ ..] => Ok((binding, bare)),
        [b'a', b'=', ..] => Err("an authorization identity (a=) is not supported".into()),
        _ => Err("the channel binding flag is not followed by two commas".into()),
    }
}

/// What follows the type of channel binding and its comma.
fn split_type(rest: &[u8]) -> Result<&[u8], Complaint> {
    let rest = rest.strip_prefix(binding::TYPE).and_then(|rest| rest.strip_prefix(b","));
    rest.ok_or("the channel binding's type is not tls-server-end-point")
}

/// The nonce of a bare client-first message. The name in it is ignored, as Postgres does: the startup packet has it.
fn client_nonce(bare: &[u8]) -> Result<&[u8], Complaint> {
    let mut attributes = Attributes::of(bare);
    attributes.expect(b'n', "the user name (n=) is missing")?;
    let nonce = attributes.expect(b'r', "the nonce (r=) is missing")?;
    attributes.ignore_extensions()?;
    is_nonce(nonce).then_some(nonce).ok_or("the nonce (r=) is empty or not printable")
}

/// Splits a client-final message at its last comma, where the proof must be.
fn split_proof(client_final: &[u8]) -> Result<(&[u8], Key), Complaint> {
    const MISSING: Complaint = "the proof (p=) is missing or not last";
    let comma = client_final.iter().rposition(|&byte| byte == b',').ok_or(MISSING)?;
    let proof = client_final[comma + 1..].strip_prefix(b"p=").ok_or(MISSING)?;
    let proof = decode_key(proof).ok_or("the proof (p=) is not 32 bytes of base64")?;
    Ok((&client_final[..comma], proof))
}
