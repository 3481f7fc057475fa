//! What is stored about a password: itself, its md5 hash, or a SCRAM verifier; and how keys are derived from a password.
//! Not the conversations (`md5`, `scram`). Pure.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::key::{Key, Password};
use super::md5::Md5Hash;

/// Iterations of a verifier made by us: Postgres' default (`scram_iterations`), and RFC 7677's minimum.
pub const DEFAULT_ITERATIONS: u32 = 4096;

/// More iterations are never computed: about a second of one core. A hostile server may ask for 2³¹.
pub const MAX_ITERATIONS: u32 = 1_000_000;

/// Salts of verifiers made by us, in bytes. Postgres' length.
pub const SALT_LENGTH: usize = 16;

/// One user's secret, as the operator wrote it or as it stands in `pg_authid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password itself.
    Plain(Password),
    /// `md5` and 32 hexadecimal digits: the hash of password and user name.
    Md5(Md5Hash),
    /// `SCRAM-SHA-256$iterations:salt$stored key:server key`.
    Scram(Verifier),
}

impl Secret {
    /// Reads a secret by its shape, as Postgres does: what is neither md5 nor a SCRAM verifier is a plain password.
    pub fn parse(text: &str) -> Secret {
        let md5 = || Md5Hash::parse(text).map(Secret::Md5);
        let scram = || Verifier::parse(text).map(Secret::Scram);
        md5().or_else(scram).unwrap_or_else(|| Secret::Plain(text.into()))
    }

    /// What is suspicious about a text that [`Secret::parse`] takes for a plain password though it was hardly meant as one.
    pub fn suspicion(text: &str) -> Option<&'static str> {
        let plain = matches!(Secret::parse(text), Secret::Plain(_));
        (plain && text.starts_with(PREFIX)).then_some("begins like a SCRAM verifier but is not a valid one")
    }
}

/// What lets one check a SCRAM proof without knowing the password (RFC 5802, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// PBKDF2's rounds.
    pub iterations: u32,
    /// PBKDF2's salt, decoded.
    pub salt: Vec<u8>,
    /// The hash of the client key.
    pub stored_key: Key,
    /// Signs our side of the conversation.
    pub server_key: Key,
}

const PREFIX: &str = "SCRAM-SHA-256$";

impl Verifier {
    /// Reads `SCRAM-SHA-256$iterations:salt$stored key:server key`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Verifier> {
        let (cost, keys) = text.strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = cost.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        Some(Verifier {
            iterations: parse_iterations(iterations.as_bytes())?,
            salt,
            stored_key: decode_key(stored_key.as_bytes())?,
            server_key: decode_key(server_key.as_bytes())?,
        })
    }
}

/// The keys that RFC 5802 derives from a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// Proves that one knows the password.
    pub client_key: Key,
    /// Its hash: checks such a proof.
    pub stored_key: Key,
    /// Proves that one holds the verifier.
    pub server_key: Key,
}

impl Keys {
    /// The verifier that these keys belong to, given what they were derived with.
    pub fn verifier(&self, salt: &[u8], iterations: u32) -> Verifier {
        Verifier { iterations, salt: salt.to_vec(), stored_key: self.stored_key, server_key: self.server_key }
    }
}

/// Derives the keys of a password. Slow on purpose (PBKDF2; a millisecond or more): never call it on a worker's loop.
///
/// # Panics
/// When asked for more than [`MAX_ITERATIONS`], or none: whoever reads a number from a peer checks it first.
pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Keys {
    assert!((1..=MAX_ITERATIONS).contains(&iterations), "the iteration count was checked when it was read");
    let salted = Key(pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(&prepare(password), salt, iterations));
    let client_key = hmac(&salted, b"Client Key");
    Keys { client_key, stored_key: hash(&client_key), server_key: hmac(&salted, b"Server Key") }
}

/// A salt that stays the same for a user as long as `key` does, so that who asks twice cannot tell a user that exists
/// from one that does not.
pub fn stable_salt(key: &[u8; 32], user: &str) -> [u8; SALT_LENGTH] {
    let digest = hmac(&Key(*key), user.as_bytes()).0;
    std::array::from_fn(|at| digest[at])
}

/// SASLprep, and Postgres' way out: what it forbids (or is not UTF-8, or would become empty) is taken as it is.
fn prepare(password: &[u8]) -> Cow<'_, [u8]> {
    let prepared = std::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    match prepared {
        Some(Cow::Owned(text)) if !text.is_empty() => Cow::Owned(text.into_bytes()),
        _ => Cow::Borrowed(password),
    }
}

pub(super) fn hmac(key: &Key, message: &[u8]) -> Key {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(message);
    Key(mac.finalize().into_bytes().into())
}

pub(super) fn hash(key: &Key) -> Key {
    Key(Sha256::digest(key.0).into())
}

/// A key written in base64, of exactly 32 bytes.
pub(super) fn decode_key(text: &[u8]) -> Option<Key> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Key)
}

/// A count from 1 to [`MAX_ITERATIONS`]: digits only, none of them a leading zero.
pub(super) fn parse_iterations(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit) && !text.starts_with(b"0");
    let count = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    (1..=MAX_ITERATIONS).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests;
