//! We log in to a server: every `R` message that it may send until AuthenticationOk. Not the startup packet before, not the
//! parameters after. Pure: the nonce is an argument; messages are appended to the caller's buffer.
//!
//! Once SCRAM has begun, AuthenticationOk counts only after the server's signature was found right.

use std::collections::VecDeque;

use thiserror::Error;

use super::Nonce;
use super::credential::Credential;
use super::gate::Proven;
use super::key::{Key, Password};
use super::md5::Md5Hash;
use super::scram::binding::{Binding, EndPoint};
use super::scram::client::{Answered, Challenged, Fault, Opening};
use super::scram::nonce_text;
use super::verifier::{Keys, Secret, Verifier, derive};
use super::wire::{self, put_password, put_sasl_initial, put_sasl_response, take_string, take_word};

/// What we can prove ourselves with to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerKey {
    /// Nothing: good for a server that trusts us.
    None,
    /// The password: good for every method.
    Plain(Password),
    /// Good for md5 only.
    Md5(Md5Hash),
    /// Good for SCRAM with a server that holds the same verifier.
    Scram {
        /// Recovered from a client's proof.
        client_key: Key,
        /// What the client was checked against.
        verifier: Verifier,
    },
}

impl ServerKey {
    /// What a client's login lets us use towards the server: its secret, or what its proof gave away.
    pub fn of(credential: Option<&Credential>, proven: &Proven) -> ServerKey {
        match (credential.map(Credential::secret), &proven.password, proven.client_key) {
            (Some(Secret::Plain(password)), _, _) | (_, Some(password), _) => ServerKey::Plain(password.clone()),
            (Some(Secret::Md5(hash)), None, _) => ServerKey::Md5(*hash),
            (Some(Secret::Scram(verifier)), None, Some(client_key)) => {
                ServerKey::Scram { client_key, verifier: verifier.clone() }
            }
            (Some(Secret::Scram(_)) | None, None, _) => ServerKey::None,
        }
    }

    /// What we have, for [`LoginError::Lacking`].
    fn in_words(&self) -> &'static str {
        match self {
            ServerKey::None => "no password is known",
            ServerKey::Plain(_) => "a password is known",
            ServerKey::Md5(_) => "only an md5 hash of it is known",
            ServerKey::Scram { .. } => "only the SCRAM keys of the client's login are known",
        }
    }
}

/// A login under way.
#[derive(Debug)]
pub struct Login {
    user: String,
    key: ServerKey,
    expects: Expects,
    bound: bool,
}

#[derive(Debug)]
enum Expects {
    /// Any request, or AuthenticationOk from a server that trusts us.
    Request { nonce: String, end_point: Option<EndPoint> },
    /// AuthenticationSASLContinue.
    Challenge(Opening),
    /// AuthenticationSASLFinal.
    Signature(Answered),
    /// AuthenticationOk and nothing else.
    Ok,
}

/// What follows. The driver first sends what was appended to its buffer.
#[derive(Debug)]
pub enum LoginStep {
    /// Read one more `R` message and let the login hear it.
    Continue(Login),
    /// Run this on a blocking thread.
    Slow(SlowLogin),
    /// AuthenticationOk; what follows is no longer ours.
    Authenticated,
    /// Close the connection.
    Failed(LoginError),
}

/// Why we could not log in. An ErrorResponse of the server is not among these: the driver reads it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// The configuration gives us nothing to answer with.
    #[error("the server asks for {asked}, but {known}: set the plain password of this user for this database")]
    Lacking {
        /// The method.
        asked: &'static str,
        /// What we have instead.
        known: &'static str,
    },
    /// A method that pgweir does not speak.
    #[error(
        "the server asks for {0} authentication, which pgweir does not speak: allow scram-sha-256 in its pg_hba.conf"
    )]
    Unsupported(String),
    /// Asked for, and not to be had.
    #[error(
        "channel_binding=require, and the server does not bind logins to its certificate: that takes TLS (sslmode=require) \
         and scram-sha-256 in its pg_hba.conf"
    )]
    Unbound,
    /// The server's verifier is not the one that the client was checked against.
    #[error(
        "the server's SCRAM verifier of this user has another salt or iteration count than ours: \
         copy rolpassword from pg_authid, or set the plain password"
    )]
    OtherVerifier,
    /// The server does not keep to the protocol.
    #[error("the server broke the login protocol: {0}")]
    Protocol(&'static str),
    /// The server does not keep to SCRAM, or is not the one that knows the password.
    #[error("SCRAM login to the server failed: {0}")]
    Scram(#[from] Fault),
}

impl Login {
    /// Begins a login as `user`; nothing is sent before the server asks. `nonce` is new for each login. `end_point` is that
    /// of the server's certificate, when the connection is in TLS.
    pub fn new(user: &str, key: ServerKey, nonce: &Nonce, end_point: Option<EndPoint>) -> Login {
        let expects = Expects::Request { nonce: nonce_text(nonce), end_point };
        Login { user: user.to_owned(), key, expects, bound: false }
    }

    /// It fails where the server does not bind it to its certificate: libpq's `channel_binding=require`.
    pub fn bound(self) -> Login {
        Login { bound: true, ..self }
    }

    /// Hears the body of one `R` message: what follows its length word.
    pub fn hear(self, body: &[u8], cache: &KeyCache, out: &mut Vec<u8>) -> LoginStep {
        self.step(body, cache, out).unwrap_or_else(LoginStep::Failed)
    }

    fn step(self, body: &[u8], cache: &KeyCache, out: &mut Vec<u8>) -> Result<LoginStep, LoginError> {
        let (code, rest) = take_word(body).ok_or(LoginError::Protocol("an authentication request without a code"))?;
        let Login { user, key, expects, bound } = self;
        let then = |key, expects| Ok(LoginStep::Continue(Login { user: user.clone(), key, expects, bound }));
        if bound && matches!(expects, Expects::Request { .. }) && code != wire::SASL {
            return Err(LoginError::Unbound);
        }
        match (expects, code) {
            (Expects::Request { .. } | Expects::Ok, wire::OK) => read_ok(rest),
            (Expects::Request { .. }, wire::CLEARTEXT_PASSWORD) => {
                give_password(&key, out)?;
                then(key, Expects::Ok)
            }
            (Expects::Request { .. }, wire::MD5_PASSWORD) => {
                answer_md5(&user, &key, rest, out)?;
                then(key, Expects::Ok)
            }
            (Expects::Request { nonce, end_point }, wire::SASL) => {
                let binding = choose_binding(rest, end_point)?;
                if bound && !matches!(binding, Binding::To(_)) {
                    return Err(LoginError::Unbound);
                }
                let opening = open_scram(&key, nonce, binding, out)?;
                then(key, Expects::Challenge(opening))
            }
            (Expects::Request { .. }, other) => Err(LoginError::Unsupported(method_name(other))),
            (Expects::Challenge(opening), wire::SASL_CONTINUE) => {
                Ok(answer_challenge(user, key, opening.hear(rest)?, cache, out)?)
            }
            (Expects::Signature(answered), wire::SASL_FINAL) => {
                answered.check(rest)?;
                then(key, Expects::Ok)
            }
            (expects, _) => Err(LoginError::Protocol(expects.missed())),
        }
    }
}

impl Expects {
    /// The complaint about a message that is not the expected one.
    fn missed(&self) -> &'static str {
        match self {
            Expects::Request { .. } => "an authentication request is expected",
            Expects::Challenge(_) => "AuthenticationSASLContinue is expected",
            Expects::Signature(_) => "AuthenticationSASLFinal is expected: the server has not proved itself",
            Expects::Ok => "AuthenticationOk is expected",
        }
    }
}

/// A SCRAM challenge that needs PBKDF2 before it can be answered. Run it on a blocking thread.
#[derive(Debug)]
pub struct SlowLogin {
    user: String,
    password: Password,
    challenged: Challenged,
}

impl SlowLogin {
    /// Derives the keys and appends the answer. [`KeyCache::keep`] the keys: the next login is fast then.
    pub fn run(self, out: &mut Vec<u8>) -> (LoginStep, DerivedKeys) {
        let SlowLogin { user, password, challenged } = self;
        let keys = derive(password.as_bytes(), &challenged.salt, challenged.iterations);
        let step =
            answer(user, ServerKey::Plain(password.clone()), &challenged, &keys.client_key, &keys.server_key, out);
        let Challenged { salt, iterations, .. } = challenged;
        (step, DerivedKeys { password, salt, iterations, keys })
    }
}

/// The keys of a password with one salt and iteration count.
#[derive(Debug, Clone)]
pub struct DerivedKeys {
    password: Password,
    salt: Vec<u8>,
    iterations: u32,
    keys: Keys,
}

/// Keys that were derived before, so that PBKDF2 runs once for each verifier and not at each login. One a pool will do.
#[derive(Debug, Clone, Default)]
pub struct KeyCache {
    newest_last: VecDeque<DerivedKeys>,
}

/// A pool's servers share one salt, while a password is being changed two. More come only from a hostile server.
pub const KEYS_KEPT: usize = 4;

impl KeyCache {
    /// Remembers; forgets the oldest when there are more than [`KEYS_KEPT`].
    pub fn keep(&mut self, derived: DerivedKeys) {
        if self.find(&derived.password, &derived.salt, derived.iterations).is_some() {
            return;
        }
        self.newest_last.push_back(derived);
        if self.newest_last.len() > KEYS_KEPT {
            self.newest_last.pop_front();
        }
    }

    fn find(&self, password: &Password, salt: &[u8], iterations: u32) -> Option<&Keys> {
        let fits =
            |kept: &&DerivedKeys| kept.iterations == iterations && kept.salt == salt && kept.password == *password;
        self.newest_last.iter().find(fits).map(|kept| &kept.keys)
    }
}

fn read_ok(rest: &[u8]) -> Result<LoginStep, LoginError> {
    match rest {
        [] => Ok(LoginStep::Authenticated),
        _ => Err(LoginError::Protocol("AuthenticationOk is longer than its code")),
    }
}

/// Sent whether or not the connection is encrypted, as libpq does.
fn give_password(key: &ServerKey, out: &mut Vec<u8>) -> Result<(), LoginError> {
    let ServerKey::Plain(password) = key else {
        return Err(LoginError::Lacking { asked: "the password in clear text", known: key.in_words() });
    };
    put_password(out, password.as_bytes());
    Ok(())
}

fn answer_md5(user: &str, key: &ServerKey, salt: &[u8], out: &mut Vec<u8>) -> Result<(), LoginError> {
    let salt = salt.try_into().map_err(|_| LoginError::Protocol("the md5 salt is not of four bytes"))?;
    let hash = match key {
        ServerKey::Plain(password) => Md5Hash::new(password.as_bytes(), user),
        ServerKey::Md5(hash) => *hash,
        _ => return Err(LoginError::Lacking { asked: "an md5 password", known: key.in_words() }),
    };
    put_password(out, &hash.answer(salt));
    Ok(())
}

fn open_scram(key: &ServerKey, nonce: String, binding: Binding, out: &mut Vec<u8>) -> Result<Opening, LoginError> {
    if matches!(key, ServerKey::None | ServerKey::Md5(_)) {
        return Err(LoginError::Lacking { asked: "a SCRAM password", known: key.in_words() });
    }
    let mechanism = match binding {
        Binding::To(_) => wire::SCRAM_SHA_256_PLUS,
        Binding::Unable | Binding::Unoffered => wire::SCRAM_SHA_256,
    };
    let opening = Opening::new("", nonce, binding);
    put_sasl_initial(out, mechanism, opening.message().as_bytes());
    Ok(opening)
}

/// What is to be said about channel binding to a server that offers these mechanisms. Over TLS, one that does not offer
/// it hears that we could: if it did, then somebody in between has kept the offer back, and it refuses.
fn choose_binding(mechanisms: &[u8], end_point: Option<EndPoint>) -> Result<Binding, LoginError> {
    let offered = read_names(mechanisms)?;
    let offers = |name: &[u8]| offered.contains(&name);
    match end_point {
        Some(end_point) if offers(wire::SCRAM_SHA_256_PLUS) => Ok(Binding::To(end_point)),
        Some(_) if offers(wire::SCRAM_SHA_256) => Ok(Binding::Unoffered),
        None if offers(wire::SCRAM_SHA_256) => Ok(Binding::Unable),
        _ => {
            let names: Vec<String> = offered.iter().map(|name| name.escape_ascii().to_string()).collect();
            Err(LoginError::Unsupported(names.join(" or ")))
        }
    }
}

/// Strings, after the last of which an empty one comes.
fn read_names(mut names: &[u8]) -> Result<Vec<&[u8]>, LoginError> {
    let mut read = Vec::new();
    loop {
        match take_string(names) {
            Some((b"", [])) => return Ok(read),
            Some((name, rest)) if !name.is_empty() => {
                read.push(name);
                names = rest;
            }
            _ => return Err(LoginError::Protocol("the list of SASL mechanisms has no end")),
        }
    }
}

fn answer_challenge(
    user: String,
    key: ServerKey,
    challenged: Challenged,
    cache: &KeyCache,
    out: &mut Vec<u8>,
) -> Result<LoginStep, LoginError> {
    let (client_key, server_key) = match &key {
        ServerKey::Plain(password) => match cache.find(password, &challenged.salt, challenged.iterations) {
            Some(keys) => (keys.client_key, keys.server_key),
            None => return Ok(LoginStep::Slow(SlowLogin { user, password: password.clone(), challenged })),
        },
        ServerKey::Scram { client_key, verifier } => {
            let same = verifier.salt == challenged.salt && verifier.iterations == challenged.iterations;
            same.then_some((*client_key, verifier.server_key)).ok_or(LoginError::OtherVerifier)?
        }
        ServerKey::None | ServerKey::Md5(_) => return Err(LoginError::Protocol("SCRAM was never begun")),
    };
    Ok(answer(user, key, &challenged, &client_key, &server_key, out))
}

fn answer(
    user: String,
    key: ServerKey,
    challenged: &Challenged,
    client_key: &Key,
    server_key: &Key,
    out: &mut Vec<u8>,
) -> LoginStep {
    let (message, answered) = challenged.answer(client_key, server_key);
    put_sasl_response(out, message.as_bytes());
    // From here on it cannot become another kind of login.
    LoginStep::Continue(Login { user, key, expects: Expects::Signature(answered), bound: false })
}

/// The methods of <https://www.postgresql.org/docs/current/protocol-message-formats.html> that we leave alone.
fn method_name(code: u32) -> String {
    match code {
        2 => "Kerberos V5".to_owned(),
        6 => "SCM credential".to_owned(),
        7 => "GSSAPI".to_owned(),
        9 => "SSPI".to_owned(),
        other => format!("unknown ({other})"),
    }
}

#[cfg(test)]
mod tests;
