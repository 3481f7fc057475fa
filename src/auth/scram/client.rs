//! We are the client: answer a server's challenge, and believe it only when it proved that it holds our verifier. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::attributes::{Attributes, Complaint};
use super::binding::Binding;
use super::is_nonce;
use crate::auth::key::Key;
use crate::auth::verifier::{decode_key, hash, hmac, parse_iterations};

/// Shorter salts than this are refused: with one, a hostile server could have computed its dictionary beforehand.
/// RFC 8018 names it as the minimum; Postgres sends 16.
pub const MIN_SALT: usize = 8;

/// Longer salts than this are refused; nobody needs them.
pub const MAX_SALT: usize = 1024;

/// Why a server's SCRAM message is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It breaks RFC 5802, or asks for more than is reasonable.
    #[error("{0}")]
    Malformed(&'static str),
    /// `e=`: the server's own word, printable characters only.
    #[error("the server says: {0}")]
    Refused(String),
    /// It does not hold our verifier: it is not the server it pretends to be.
    #[error("the server's signature is wrong: it does not know this user's password")]
    WrongSignature,
}

impl From<Complaint> for Fault {
    fn from(complaint: Complaint) -> Self {
        Fault::Malformed(complaint)
    }
}

/// The client-first message was sent; a challenge is awaited.
#[derive(Debug)]
pub struct Opening {
    binding: Binding,
    nonce: String,
    bare: String,
}

impl Opening {
    /// Begins; `nonce` is our part of the nonce, printable. Postgres ignores the name in here, so libpq and we leave it
    /// empty; it must need no escaping.
    pub fn new(user: &str, nonce: String, binding: Binding) -> Opening {
        debug_assert!(!user.contains([',', '=']) && is_nonce(nonce.as_bytes()));
        Opening { binding, bare: format!("n={user},r={nonce}"), nonce }
    }

    /// The client-first message.
    pub fn message(&self) -> String {
        format!("{}{}", self.binding.header(), self.bare)
    }

    /// Hears the server-first message.
    pub fn hear(self, server_first: &[u8]) -> Result<Challenged, Fault> {
        let mut attributes = Attributes::of(server_first);
        let nonce = attributes.expect(b'r', "the nonce (r=) is missing")?;
        let salt = attributes.expect(b's', "the salt (s=) is missing")?;
        let iterations = attributes.expect(b'i', "the iteration count (i=) is missing")?;
        attributes.ignore_extensions()?;
        Ok(Challenged {
            salt: check_salt(salt)?,
            iterations: parse_iterations(iterations).ok_or("the iteration count (i=) is not between 1 and 1000000")?,
            signed_so_far: [self.bare.as_bytes(), b",", server_first, b","].concat(),
            nonce: self.check_nonce(nonce)?,
            binding: self.binding,
        })
    }

    fn check_nonce(&self, nonce: &[u8]) -> Result<String, Complaint> {
        let added = nonce.strip_prefix(self.nonce.as_bytes()).ok_or("the nonce (r=) does not begin with ours")?;
        let printable = is_nonce(added).then(|| String::from_utf8_lossy(nonce).into_owned());
        printable.ok_or("the server added nothing printable to the nonce (r=)")
    }
}

/// The server sent its challenge; the keys are wanted.
#[derive(Debug)]
pub struct Challenged {
    /// What to derive the keys with; between [`MIN_SALT`] and [`MAX_SALT`] bytes.
    pub salt: Vec<u8>,
    /// What to derive the keys with; never above [`MAX_ITERATIONS`](crate::auth::verifier::MAX_ITERATIONS).
    pub iterations: u32,
    binding: Binding,
    nonce: String,
    signed_so_far: Vec<u8>,
}

impl Challenged {
    /// The client-final message, and what waits for the server's signature.
    pub fn answer(&self, client_key: &Key, server_key: &Key) -> (String, Answered) {
        let unproven = format!("c={},r={}", self.binding.echo(), self.nonce);
        let signed = [&self.signed_so_far, unproven.as_bytes()].concat();
        let proof = hmac(&hash(client_key), &signed).xor(client_key);
        let message = format!("{unproven},p={}", STANDARD.encode(proof.0));
        (message, Answered { signature: hmac(server_key, &signed) })
    }
}

/// The proof was sent; the server's signature is awaited.
#[derive(Debug)]
pub struct Answered {
    signature: Key,
}

impl Answered {
    /// Hears the server-final message. Only after `Ok` is the server who it says it is.
    pub fn check(self, server_final: &[u8]) -> Result<(), Fault> {
        let mut attributes = Attributes::of(server_final);
        match attributes.next().transpose()? {
            Some((b'e', word)) => Err(Fault::Refused(printable(word))),
            Some((b'v', signature)) => {
                attributes.ignore_extensions()?;
                self.compare(signature)
            }
            _ => Err(Fault::Malformed("neither a signature (v=) nor an error (e=)")),
        }
    }

    fn compare(self, signature: &[u8]) -> Result<(), Fault> {
        let signature = decode_key(signature).ok_or("the signature (v=) is not 32 bytes of base64")?;
        if signature == self.signature { Ok(()) } else { Err(Fault::WrongSignature) }
    }
}

/// The longest word of RFC 5802 has 34 characters; a hostile server's goes into our log.
const MAX_ERROR_WORD: usize = 64;

fn check_salt(text: &[u8]) -> Result<Vec<u8>, Complaint> {
    let salt = STANDARD.decode(text).map_err(|_| "the salt (s=) is not base64")?;
    let fits = (MIN_SALT..=MAX_SALT).contains(&salt.len());
    fits.then_some(salt).ok_or("the salt (s=) is not between 8 and 1024 bytes")
}

fn printable(word: &[u8]) -> String {
    word.iter().take(MAX_ERROR_WORD).map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }).collect()
}
