//! A client logs in to us: what is asked, what is heard, and who is let in. Not the startup packet before, not the
//! ErrorResponse after. Pure: seeds are arguments; messages are appended to the caller's buffer.
//!
//! A state owns what it may hear, so a message out of order has nowhere to go. A user that does not exist has the same
//! conversation, at the same cost, as one whose password is wrong. What still tells them apart: with [`Method::Plain`] and
//! [`Method::Md5`] users that do not exist are treated like those with a plain secret, so a user whose secret is a SCRAM
//! verifier shows; and so does the first SCRAM login with a plain secret that nobody has derived yet
//! ([`Credential::derive`]).

use super::credential::Credential;
use super::key::{Key, Password};
use super::md5::Md5Hash;
use super::scram::binding::EndPoint;
use super::scram::nonce_text;
use super::scram::server::{Accepted, Challenge, Fault, Terms, challenge};
use super::verifier::{DEFAULT_ITERATIONS, Secret, Verifier, derive, hmac, stable_salt};
use super::wire::{self, put_request, take_string, take_word};
use super::{MAX_PASSWORD_MESSAGE, Method, Nonce};

/// A login under way: a request was sent, a password message (`p`) is awaited.
#[derive(Debug)]
pub struct Gate {
    user: String,
    awaits: Awaits,
}

/// What a login needs of chance.
#[derive(Clone, Copy, Default)]
pub struct Seeds {
    /// New for each login.
    pub nonce: Nonce,
    /// New for each login.
    pub md5_salt: [u8; 4],
    /// Drawn once, the same as long as the process lives: what users that do not exist are made of.
    pub mock_key: [u8; 32],
}

/// What follows. The driver first sends what was appended to its buffer, whatever the step.
#[derive(Debug)]
pub enum Step {
    /// Read one more password message and let the gate hear it.
    Continue(Gate),
    /// Run this on a blocking thread.
    Slow(SlowCheck),
    /// The client is who it says it is; AuthenticationOk is in the buffer.
    Proven(Proven),
    /// Send this as ErrorResponse and close.
    Refused(Refusal),
}

/// What the client's login gave away; it lets us log in to a server as this client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// Recovered from a SCRAM proof.
    pub client_key: Option<Key>,
    /// From AuthenticationCleartextPassword.
    pub password: Option<Password>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `28P01`, `28000` for a login that somebody in between may have meddled with, or `08P01` for a message that breaks
    /// the protocol.
    pub sqlstate: &'static str,
    /// For the client: Postgres' sentence, which does not say whether the user exists.
    pub message: String,
    /// For the log: the truth.
    pub reason: &'static str,
}

#[derive(Debug)]
enum Awaits {
    /// The password itself. `None`: the user does not exist.
    Password(Option<Credential>),
    Md5Answer {
        salt: [u8; 4],
        hash: Md5Hash,
        doom: Doom,
    },
    /// SASLInitialResponse. With an end point, SCRAM-SHA-256-PLUS was offered too.
    Mechanism(Claim, Option<EndPoint>),
    /// The client-first message, because it was not in SASLInitialResponse.
    ClientFirst(Claim, Terms),
    Proof(Challenge, Doom),
}

/// Why a login will be refused whatever the client proves; `None` for one that may succeed.
type Doom = Option<&'static str>;

/// Whose proof is to be checked, and the nonce for it.
#[derive(Debug)]
struct Claim {
    nonce: String,
    against: Against,
}

#[derive(Debug)]
enum Against {
    Credential(Credential),
    /// Made up, so that the conversation can go on to its end.
    Mock(Verifier, &'static str),
}

impl Gate {
    /// Asks the client to prove that it is `user`; `credential` is `None` for a user that does not exist. With
    /// [`Method::Trust`] nothing is asked. `end_point` is that of our certificate, when the connection is in TLS.
    pub fn begin(
        method: Method,
        user: &str,
        credential: Option<&Credential>,
        seeds: Seeds,
        end_point: Option<&EndPoint>,
        out: &mut Vec<u8>,
    ) -> Step {
        let awaits = match method {
            Method::Trust => return admit(Proven::default(), out),
            Method::Plain => ask_password(credential, out),
            Method::Md5 if !has_only_scram(credential) => ask_md5(user, credential, &seeds, out),
            Method::Md5 | Method::ScramSha256 => ask_scram(user, credential, &seeds, end_point, out),
        };
        Step::Continue(Gate { user: user.to_owned(), awaits })
    }

    /// Hears the body of one password message: what follows its length word.
    pub fn hear(self, body: &[u8], out: &mut Vec<u8>) -> Step {
        let Gate { user, awaits } = self;
        if body.len() > MAX_PASSWORD_MESSAGE {
            return malformed("invalid message format", "the password message is too long");
        }
        match awaits {
            Awaits::Password(credential) => hear_password(user, credential, body, out),
            Awaits::Md5Answer { salt, hash, doom } => hear_md5(&user, salt, hash, doom, body, out),
            Awaits::Mechanism(claim, end_point) => hear_mechanism(user, claim, end_point, body, out),
            Awaits::ClientFirst(claim, terms) => hear_client_first(user, claim, terms, body, out),
            Awaits::Proof(challenge, doom) => hear_proof(&user, challenge, doom, body, out),
        }
    }
}

/// Work that costs PBKDF2. It does not touch the worker's loop: run it on a blocking thread.
#[derive(Debug)]
pub struct SlowCheck {
    user: String,
    work: Work,
}

#[derive(Debug)]
enum Work {
    /// Is this the password of this verifier?
    Compare { password: Password, verifier: Verifier },
    /// Derive a plain password's keys, then go on with the client-first message.
    Derive { credential: Credential, nonce: String, terms: Terms, client_first: Vec<u8> },
}

impl SlowCheck {
    /// Does the work; `out` as in [`Gate::hear`].
    pub fn run(self, out: &mut Vec<u8>) -> Step {
        match self.work {
            Work::Compare { password, verifier } => {
                let keys = derive(password.as_bytes(), &verifier.salt, verifier.iterations);
                let right = keys.stored_key == verifier.stored_key;
                conclude(&self.user, right, None, Proven { password: Some(password), client_key: None }, out)
            }
            Work::Derive { credential, nonce, terms, client_first } => {
                credential.derive();
                let claim = Claim { nonce, against: Against::Credential(credential) };
                hear_client_first(self.user, claim, terms, &client_first, out)
            }
        }
    }
}

const WRONG_PASSWORD: &str = "wrong password";
const NO_SUCH_USER: &str = "no such user, or none with a password";
const MD5_UNDER_SCRAM: &str = "the user's secret is an md5 hash, with which scram-sha-256 cannot work";

fn has_only_scram(credential: Option<&Credential>) -> bool {
    credential.is_some_and(|credential| matches!(credential.secret(), Secret::Scram(_)))
}

fn ask_password(credential: Option<&Credential>, out: &mut Vec<u8>) -> Awaits {
    put_request(out, wire::CLEARTEXT_PASSWORD, b"");
    Awaits::Password(credential.cloned())
}

fn hear_password(user: String, credential: Option<Credential>, body: &[u8], out: &mut Vec<u8>) -> Step {
    let password = match read_password(body) {
        Ok(password) => Password::from(password),
        Err(refusal) => return Step::Refused(refusal),
    };
    let right = match credential.as_ref().map(Credential::secret) {
        None => return refuse(&user, NO_SUCH_USER),
        Some(Secret::Plain(own)) => password == *own,
        Some(Secret::Md5(hash)) => Md5Hash::new(password.as_bytes(), &user) == *hash,
        Some(Secret::Scram(verifier)) => {
            return Step::Slow(SlowCheck { user, work: Work::Compare { password, verifier: verifier.clone() } });
        }
    };
    conclude(&user, right, None, Proven { password: Some(password), client_key: None }, out)
}

fn ask_md5(user: &str, credential: Option<&Credential>, seeds: &Seeds, out: &mut Vec<u8>) -> Awaits {
    let salt = seeds.md5_salt;
    put_request(out, wire::MD5_PASSWORD, &salt);
    match credential.and_then(Credential::md5) {
        Some(hash) => Awaits::Md5Answer { salt, hash, doom: None },
        None => Awaits::Md5Answer { salt, hash: Md5Hash::new(&seeds.mock_key, user), doom: Some(NO_SUCH_USER) },
    }
}

fn hear_md5(user: &str, salt: [u8; 4], hash: Md5Hash, doom: Doom, body: &[u8], out: &mut Vec<u8>) -> Step {
    match read_password(body) {
        Ok(answer) => conclude(user, hash.accepts(salt, answer), doom, Proven::default(), out),
        Err(refusal) => Step::Refused(refusal),
    }
}

fn ask_scram(
    user: &str,
    credential: Option<&Credential>,
    seeds: &Seeds,
    end_point: Option<&EndPoint>,
    out: &mut Vec<u8>,
) -> Awaits {
    // The better one first: clients take the first that they know.
    let plus: &[&[u8]] = if end_point.is_some() { &[wire::SCRAM_SHA_256_PLUS, b"\0"] } else { &[] };
    put_request(out, wire::SASL, &[plus, &[wire::SCRAM_SHA_256, b"\0\0"]].concat().concat());
    let against = match credential {
        None => Against::Mock(mock_verifier(user, &seeds.mock_key), NO_SUCH_USER),
        Some(own) if matches!(own.secret(), Secret::Md5(_)) => {
            Against::Mock(mock_verifier(user, &seeds.mock_key), MD5_UNDER_SCRAM)
        }
        Some(own) => Against::Credential(own.clone()),
    };
    Awaits::Mechanism(Claim { nonce: nonce_text(&seeds.nonce), against }, end_point.cloned())
}

/// A verifier that no password has, the same at every login of this user.
fn mock_verifier(user: &str, mock_key: &[u8; 32]) -> Verifier {
    let key = |purpose: &str| hmac(&Key(*mock_key), format!("{purpose} {user}").as_bytes());
    Verifier {
        iterations: DEFAULT_ITERATIONS,
        salt: stable_salt(mock_key, user).to_vec(),
        stored_key: key("stored key of"),
        server_key: key("server key of"),
    }
}

fn hear_mechanism(user: String, claim: Claim, end_point: Option<EndPoint>, body: &[u8], out: &mut Vec<u8>) -> Step {
    let Some((mechanism, rest)) = take_string(body) else {
        return malformed("invalid message format", "the SASL mechanism's name has no end");
    };
    let terms = match (mechanism, end_point) {
        (wire::SCRAM_SHA_256_PLUS, Some(end_point)) => Terms::Bound(end_point),
        (wire::SCRAM_SHA_256, Some(_)) => Terms::Declined,
        (wire::SCRAM_SHA_256, None) => Terms::Unbound,
        _ => {
            let message = "client selected an invalid SASL authentication mechanism";
            return malformed(message, "the client asked for a SASL mechanism that was not offered");
        }
    };
    match take_word(rest) {
        Some((NO_RESPONSE, [])) => {
            put_request(out, wire::SASL_CONTINUE, b"");
            Step::Continue(Gate { user, awaits: Awaits::ClientFirst(claim, terms) })
        }
        Some((length, response)) if usize::try_from(length) == Ok(response.len()) => {
            hear_client_first(user, claim, terms, response, out)
        }
        _ => malformed("invalid message format", "the initial response's length is wrong"),
    }
}

/// -1: the initial response comes in a message of its own.
const NO_RESPONSE: u32 = u32::MAX;

fn hear_client_first(user: String, claim: Claim, terms: Terms, client_first: &[u8], out: &mut Vec<u8>) -> Step {
    let Claim { nonce, against } = claim;
    let (verifier, doom) = match &against {
        Against::Mock(verifier, doom) => (verifier, Some(*doom)),
        Against::Credential(credential) => match credential.verifier() {
            Some(verifier) => (verifier, None),
            None => {
                let (credential, client_first) = (credential.clone(), client_first.to_vec());
                let work = Work::Derive { credential, nonce, terms, client_first };
                return Step::Slow(SlowCheck { user, work });
            }
        },
    };
    match challenge(client_first, verifier, &nonce, &terms) {
        Ok((message, challenge)) => {
            put_request(out, wire::SASL_CONTINUE, message.as_bytes());
            Step::Continue(Gate { user, awaits: Awaits::Proof(challenge, doom) })
        }
        Err(fault) => fail(&user, fault),
    }
}

fn hear_proof(user: &str, challenge: Challenge, doom: Doom, body: &[u8], out: &mut Vec<u8>) -> Step {
    match (challenge.verify(body), doom) {
        (Ok(Accepted { client_key, message }), None) => {
            put_request(out, wire::SASL_FINAL, message.as_bytes());
            admit(Proven { client_key: Some(client_key), password: None }, out)
        }
        (Ok(_), Some(doom)) | (Err(Fault::WrongProof), Some(doom)) => refuse(user, doom),
        (Err(fault), _) => fail(user, fault),
    }
}

/// The string of a PasswordMessage, which must be all of it, and not empty: that some drivers send when they have none.
fn read_password(body: &[u8]) -> Result<&[u8], Refusal> {
    match take_string(body) {
        Some((b"", [])) => Err(Refusal {
            sqlstate: "28P01",
            message: "empty password returned by client".to_owned(),
            reason: "the client sent an empty password",
        }),
        Some((password, [])) => Ok(password),
        _ => Err(violation("invalid password packet size", "the password message is not one string")),
    }
}

fn conclude(user: &str, right: bool, doom: Doom, proven: Proven, out: &mut Vec<u8>) -> Step {
    match (right, doom) {
        (true, None) => admit(proven, out),
        (false, None) => refuse(user, WRONG_PASSWORD),
        (_, Some(doom)) => refuse(user, doom),
    }
}

fn admit(proven: Proven, out: &mut Vec<u8>) -> Step {
    put_request(out, wire::OK, b"");
    Step::Proven(proven)
}

fn fail(user: &str, fault: Fault) -> Step {
    match fault {
        Fault::WrongProof => refuse(user, WRONG_PASSWORD),
        Fault::Malformed(complaint) => malformed("malformed SCRAM message", complaint),
        Fault::Downgrade => {
            unbound("SCRAM channel binding negotiation error", "channel binding was kept from the client")
        }
        Fault::OtherChannel => {
            unbound("SCRAM channel binding check failed", "the login is bound to another connection")
        }
    }
}

fn refuse(user: &str, reason: &'static str) -> Step {
    let message = format!("password authentication failed for user \"{user}\"");
    Step::Refused(Refusal { sqlstate: "28P01", message, reason })
}

fn unbound(message: &str, reason: &'static str) -> Step {
    Step::Refused(Refusal { sqlstate: "28000", message: message.to_owned(), reason })
}

fn malformed(message: &str, reason: &'static str) -> Step {
    Step::Refused(violation(message, reason))
}

fn violation(message: &str, reason: &'static str) -> Refusal {
    Refusal { sqlstate: "08P01", message: message.to_owned(), reason }
}

#[cfg(test)]
mod tests;
