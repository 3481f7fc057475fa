//! Postgres' md5 passwords: the stored hash and the salted answer to a challenge. Broken as a hash and kept because old
//! servers and drivers have nothing else. Pure.

use std::fmt;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// `md5(password ‖ user)` in lower-case hexadecimal: enough to log in with, so it never shows in `Debug`.
#[derive(Clone, Copy)]
pub struct Md5Hash([u8; 32]);

/// What a client answers: `md5` and 32 digits.
pub type Answer = [u8; 35];

impl Md5Hash {
    /// Hashes a password; the user's name is the salt.
    pub fn new(password: &[u8], user: &str) -> Md5Hash {
        Md5Hash(hex_digest(&[password, user.as_bytes()]))
    }

    /// Reads `md5` and 32 digits, lower case as Postgres writes them; `None` for any other text.
    pub fn parse(text: &str) -> Option<Md5Hash> {
        let digits: [u8; 32] = text.strip_prefix("md5")?.as_bytes().try_into().ok()?;
        digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some(Md5Hash(digits))
    }

    /// The answer to AuthenticationMD5Password with this salt.
    pub fn answer(&self, salt: [u8; 4]) -> Answer {
        let mut answer = [0; 35];
        answer[..3].copy_from_slice(b"md5");
        answer[3..].copy_from_slice(&hex_digest(&[&self.0, &salt]));
        answer
    }

    /// Whether a client's answer is the right one. Takes the same time for every answer of the right length.
    pub fn accepts(&self, salt: [u8; 4], answer: &[u8]) -> bool {
        self.answer(salt).ct_eq(answer).into()
    }
}

impl PartialEq for Md5Hash {
    fn eq(&self, other: &Md5Hash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Md5Hash {}

impl fmt::Debug for Md5Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Hash(…)")
    }
}

fn hex_digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(part));
    let digest: [u8; 16] = md5.finalize().into();
    std::array::from_fn(|at| {
        let nibble = if at % 2 == 0 { digest[at / 2] >> 4 } else { digest[at / 2] & 15 };
        b"0123456789abcdef"[usize::from(nibble)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digits come from another implementation of md5.
    #[test]
    fn hash_and_answer_are_those_of_others() {
        let hash = Md5Hash::new(b"secret", "app");
        assert_eq!(Md5Hash::parse("md56a422f785c9e20873908ce25d1736ae2"), Some(hash));
        assert_eq!(&hash.answer([1, 2, 3, 4]), b"md5911f527656472583a006e7727877b33e");
    }

    #[test]
    fn what_is_no_hash_is_not_taken_for_one() {
        let check = |text| assert_eq!(Md5Hash::parse(text), None, "{text}");
        check("");
        check("md5");
        check("md5aabc34ed0a2b0f1d8a1ca93b1a9d5a1");
        check("md5AABC34ED0A2B0F1D8A1CA93B1A9D5A14");
        check("md5gabc34ed0a2b0f1d8a1ca93b1a9d5a14");
        check("md5aabc34ed0a2b0f1d8a1ca93b1a9d5a144");
        check("MD5aabc34ed0a2b0f1d8a1ca93b1a9d5a14");
    }

    #[test]
    fn only_the_right_answer_is_accepted() {
        let (hash, salt) = (Md5Hash::new(b"secret", "app"), [1, 2, 3, 4]);
        let right = hash.answer(salt);
        assert!(hash.accepts(salt, &right));
        assert!(!hash.accepts([1, 2, 3, 5], &right));
        assert!(!hash.accepts(salt, &right[..34]));
        assert!(!hash.accepts(salt, b""));
        assert!(!Md5Hash::new(b"Secret", "app").accepts(salt, &right));
    }
}
