//! One user's secret, made ready for logins and shared by all of them. Not where it was configured, not a conversation.
//! Pure.

use std::sync::{Arc, OnceLock};

use super::key::Password;
use super::md5::Md5Hash;
use super::verifier::{DEFAULT_ITERATIONS, SALT_LENGTH, Secret, Verifier, derive};

/// A user's secret and what was derived from it; a clone shares both.
#[derive(Debug, Clone)]
pub struct Credential(Arc<Derived>);

#[derive(Debug)]
struct Derived {
    user: String,
    secret: Secret,
    salt: [u8; SALT_LENGTH],
    /// A plain password's verifier, made when it is first needed.
    verifier: OnceLock<Verifier>,
}

impl Credential {
    /// Fast. `salt` is used when SCRAM is spoken with a plain password; take
    /// [`stable_salt`](super::verifier::stable_salt) with the `mock_key` of [`Seeds`](super::Seeds), so that users that do
    /// not exist look the same.
    pub fn new(user: &str, secret: Secret, salt: [u8; SALT_LENGTH]) -> Credential {
        Credential(Arc::new(Derived { user: user.to_owned(), secret, salt, verifier: OnceLock::new() }))
    }

    /// The secret that it was made from.
    pub fn secret(&self) -> &Secret {
        &self.0.secret
    }

    /// Derives what SCRAM needs; slow the first time for a plain password (PBKDF2), instant otherwise. A login does it when
    /// nobody has; doing it beforehand, on a blocking thread, spares the first login the time.
    pub fn derive(&self) {
        let Secret::Plain(password) = &self.0.secret else { return };
        self.0.verifier.get_or_init(|| self.derived(password));
    }

    /// Whether [`Credential::derive`] has anything left to do.
    pub fn is_derived(&self) -> bool {
        !matches!(self.0.secret, Secret::Plain(_)) || self.0.verifier.get().is_some()
    }

    /// The verifier, if the secret has one or it has been derived already.
    pub(super) fn verifier(&self) -> Option<&Verifier> {
        match &self.0.secret {
            Secret::Plain(_) => self.0.verifier.get(),
            Secret::Scram(verifier) => Some(verifier),
            Secret::Md5(_) => None,
        }
    }

    /// The md5 hash; a SCRAM verifier has none.
    pub(super) fn md5(&self) -> Option<Md5Hash> {
        match &self.0.secret {
            Secret::Plain(password) => Some(Md5Hash::new(password.as_bytes(), &self.0.user)),
            Secret::Md5(hash) => Some(*hash),
            Secret::Scram(_) => None,
        }
    }

    fn derived(&self, password: &Password) -> Verifier {
        let salt = &self.0.salt;
        derive(password.as_bytes(), salt, DEFAULT_ITERATIONS).verifier(salt, DEFAULT_ITERATIONS)
    }
}
