//! Bytes that must not be seen: they never show in `Debug`, and comparing them takes the same time whatever they are.
//! Pure.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A SCRAM key, a proof or a digest: as good as the password to whoever reads it.
#[derive(Clone, Copy)]
pub struct Key(pub [u8; 32]);

impl Key {
    pub(crate) fn xor(&self, other: &Key) -> Key {
        Key(std::array::from_fn(|at| self.0[at] ^ other.0[at]))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A password as it was typed: bytes, since Postgres takes any. Cheap to clone.
#[derive(Clone)]
pub struct Password(Arc<[u8]>);

impl Password {
    /// The password's bytes, no zero at the end.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Password {
    fn from(bytes: &[u8]) -> Self {
        Password(bytes.into())
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Password(text.as_bytes().into())
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
