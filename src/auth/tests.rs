//! The gate and the login with each other: every method with every kind of secret.

use proptest::prelude::*;

use super::verifier::{DEFAULT_ITERATIONS, derive, stable_salt};
use super::*;

pub(super) const SEEDS: Seeds = Seeds { nonce: [7; 18], md5_salt: [1, 2, 3, 4], mock_key: [9; 32] };

/// A secret of user `app` with the password `secret`, of the kind that is named.
pub(super) fn secret(kind: &str) -> Secret {
    match kind {
        "plain" => Secret::parse("secret"),
        "md5" => Secret::Md5(md5::Md5Hash::new(b"secret", "app")),
        "scram" => Secret::Scram(derive(b"secret", b"salt of ours", 2).verifier(b"salt of ours", 2)),
        _ => panic!("no such kind: {kind}"),
    }
}

/// A credential of user `app`; none when `kind` is `none`.
pub(super) fn credential(kind: &str) -> Option<Credential> {
    let salt = stable_salt(&SEEDS.mock_key, "app");
    (kind != "none").then(|| Credential::new("app", secret(kind), salt))
}

/// Splits a buffer into the bodies of its messages, all of which bear `tag`.
pub(super) fn bodies(tag: u8, mut buffer: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while !buffer.is_empty() {
        assert_eq!(buffer[0], tag);
        let length = usize::try_from(u32::from_be_bytes(buffer[1..5].try_into().unwrap())).unwrap();
        bodies.push(buffer[5..=length].to_vec());
        buffer = &buffer[length + 1..];
    }
    bodies
}

/// One login from begin to end: what each side has come to, and how many messages the client sent.
struct Talk {
    gate: Step,
    login: Result<(), LoginError>,
    answers: usize,
}

fn talk(method: Method, credential: Option<&Credential>, key: ServerKey, cache: &mut KeyCache) -> Talk {
    talk_over([None, None], method, credential, key, cache)
}

/// The same over TLS: the certificate that the gate shows, and the one that the login sees.
fn talk_over(
    [end_point, seen]: [Option<&EndPoint>; 2],
    method: Method,
    credential: Option<&Credential>,
    key: ServerKey,
    cache: &mut KeyCache,
) -> Talk {
    let (mut asked, mut answered, mut answers) = (Vec::new(), Vec::new(), 0);
    let mut gate = Gate::begin(method, "app", credential, SEEDS, end_point, &mut asked);
    let mut login = Login::new("app", key, &[5; 18], seen.cloned());
    loop {
        gate = settle(gate, &mut asked);
        for body in bodies(b'R', &std::mem::take(&mut asked)) {
            login = match hear(login, &body, cache, &mut answered) {
                Ok(Some(login)) => login,
                Ok(None) => return Talk { gate, login: Ok(()), answers },
                Err(error) => return Talk { gate, login: Err(error), answers },
            };
        }
        for body in bodies(b'p', &std::mem::take(&mut answered)) {
            answers += 1;
            gate = match gate {
                Step::Continue(gate) => gate.hear(&body, &mut asked),
                other => panic!("an answer to {other:?}"),
            };
        }
        if let Step::Refused(_) = gate {
            return Talk { gate, login: Err(LoginError::Protocol("refused")), answers };
        }
    }
}

/// Runs slow checks until something else is to be done.
pub(super) fn settle(mut step: Step, out: &mut Vec<u8>) -> Step {
    while let Step::Slow(check) = step {
        step = check.run(out);
    }
    step
}

fn hear(login: Login, body: &[u8], cache: &mut KeyCache, out: &mut Vec<u8>) -> Result<Option<Login>, LoginError> {
    let mut step = login.hear(body, cache, out);
    if let LoginStep::Slow(slow) = step {
        let derived;
        (step, derived) = slow.run(out);
        cache.keep(derived);
    }
    match step {
        LoginStep::Continue(login) => Ok(Some(login)),
        LoginStep::Authenticated => Ok(None),
        LoginStep::Failed(error) => Err(error),
        LoginStep::Slow(_) => panic!("slow twice"),
    }
}

/// Whoever stands between two connections, each with a certificate of its own, has nothing of a login that passes.
#[test]
fn a_login_passes_only_over_the_connection_that_it_is_bound_to() {
    let [a, b] = [b"a", b"b"].map(|hash| EndPoint::from(&hash[..]));
    let check = |shown: Option<&EndPoint>, seen: Option<&EndPoint>, expected: bool| {
        for kind in ["plain", "scram"] {
            let credential = credential(kind);
            let cache = &mut KeyCache::default();
            let talk = talk_over([shown, seen], Method::ScramSha256, credential.as_ref(), plain("secret"), cache);
            assert_eq!(matches!(talk.gate, Step::Proven(_)), expected, "{shown:?} {seen:?} {kind}: {:?}", talk.gate);
            assert_eq!(talk.login.is_ok(), expected, "{shown:?} {seen:?} {kind}: {:?}", talk.login);
        }
    };
    check(Some(&a), Some(&a), true);
    check(Some(&a), Some(&b), false);
    check(None, Some(&a), true);
    check(Some(&a), None, true);
    check(None, None, true);
}

fn plain(password: &str) -> ServerKey {
    ServerKey::Plain(password.into())
}

const METHODS: [Method; 4] = [Method::Trust, Method::Plain, Method::Md5, Method::ScramSha256];

#[test]
fn the_right_password_opens_whatever_can_be_opened() {
    for method in METHODS {
        for kind in ["plain", "md5", "scram"] {
            let talk = talk(method, credential(kind).as_ref(), plain("secret"), &mut KeyCache::default());
            let impossible = method == Method::ScramSha256 && kind == "md5";
            assert_eq!(matches!(talk.gate, Step::Proven(_)), !impossible, "{method:?} {kind}: {:?}", talk.gate);
            assert_eq!(talk.login.is_ok(), !impossible, "{method:?} {kind}: {:?}", talk.login);
        }
    }
}

#[test]
fn a_refusal_says_why_in_the_log_and_nothing_to_the_client() {
    let check = |method, kind, reason| {
        let talk = talk(method, credential(kind).as_ref(), plain("wrong"), &mut KeyCache::default());
        let Step::Refused(refusal) = talk.gate else { panic!("{method:?} {kind}: {:?}", talk.gate) };
        assert_eq!((refusal.sqlstate, refusal.reason), ("28P01", reason));
        assert_eq!(refusal.message, "password authentication failed for user \"app\"");
        talk.answers
    };
    for kind in ["plain", "md5", "scram"] {
        assert_eq!(check(Method::Plain, kind, "wrong password"), 1);
    }
    assert_eq!(check(Method::Plain, "none", "no such user, or none with a password"), 1);
    assert_eq!(check(Method::Md5, "plain", "wrong password"), 1);
    assert_eq!(check(Method::Md5, "md5", "wrong password"), 1);
    assert_eq!(check(Method::Md5, "scram", "wrong password"), 2);
    assert_eq!(check(Method::Md5, "none", "no such user, or none with a password"), 1);
    assert_eq!(check(Method::ScramSha256, "plain", "wrong password"), 2);
    assert_eq!(check(Method::ScramSha256, "scram", "wrong password"), 2);
    assert_eq!(check(Method::ScramSha256, "none", "no such user, or none with a password"), 2);
    let md5 = "the user's secret is an md5 hash, with which scram-sha-256 cannot work";
    assert_eq!(check(Method::ScramSha256, "md5", md5), 2);
}

/// What a login gives away logs in to a server that holds the same secret, and to one that asks in another way if it can.
#[test]
fn a_proven_client_opens_the_server_behind() {
    let check = |method, kind: &str, there: Method, possible: bool| {
        let credential = credential(kind);
        let talk_with_us = talk(method, credential.as_ref(), plain("secret"), &mut KeyCache::default());
        let Step::Proven(proven) = talk_with_us.gate else { panic!("{method:?} {kind}: {:?}", talk_with_us.gate) };
        let key = ServerKey::of(credential.as_ref(), &proven);
        let talk_with_server = talk(there, credential.as_ref(), key, &mut KeyCache::default());
        assert_eq!(
            talk_with_server.login.is_ok(),
            possible,
            "{method:?} {kind} {there:?}: {:?}",
            talk_with_server.login
        );
    };
    check(Method::Trust, "plain", Method::ScramSha256, true);
    check(Method::Trust, "scram", Method::ScramSha256, false);
    check(Method::Trust, "scram", Method::Trust, true);
    check(Method::Trust, "none", Method::Trust, true);
    check(Method::Trust, "none", Method::Plain, false);
    check(Method::Trust, "md5", Method::Md5, true);
    check(Method::Md5, "md5", Method::Md5, true);
    check(Method::Md5, "md5", Method::Plain, false);
    check(Method::Md5, "scram", Method::Md5, true);
    check(Method::Plain, "scram", Method::ScramSha256, true);
    check(Method::Plain, "md5", Method::Plain, true);
    check(Method::ScramSha256, "scram", Method::ScramSha256, true);
    check(Method::ScramSha256, "scram", Method::Plain, false);
    check(Method::ScramSha256, "plain", Method::ScramSha256, true);
}

#[test]
fn a_plain_passwords_keys_are_derived_once() {
    let credential = credential("plain").unwrap();
    let mut cache = KeyCache::default();
    for derived_before in [false, true] {
        assert_eq!(credential.is_derived(), derived_before);
        assert!(talk(Method::ScramSha256, Some(&credential), plain("secret"), &mut cache).login.is_ok());
    }
    let mut out = Vec::new();
    let login = open_scram(plain("secret"));
    assert!(matches!(login.hear(&challenge_of(&credential), &cache, &mut out), LoginStep::Continue(_)));
    let login = open_scram(plain("another"));
    assert!(matches!(login.hear(&challenge_of(&credential), &cache, &mut out), LoginStep::Slow(_)));
}

fn open_scram(key: ServerKey) -> Login {
    let step = Login::new("app", key, &[5; 18], None).hear(
        b"\0\0\0\x0aSCRAM-SHA-256\0\0",
        &KeyCache::default(),
        &mut Vec::new(),
    );
    let LoginStep::Continue(login) = step else { panic!("{step:?}") };
    login
}

/// The server-first message that our own gate sends to such a login.
fn challenge_of(credential: &Credential) -> Vec<u8> {
    let opening = scram::client::Opening::new("", scram::nonce_text(&[5; 18]), scram::binding::Binding::Unable);
    let verifier = credential.verifier().unwrap();
    assert_eq!(verifier.iterations, DEFAULT_ITERATIONS);
    let (message, _) =
        scram::server::challenge(opening.message().as_bytes(), verifier, "def", &scram::server::Terms::Unbound)
            .unwrap();
    [b"\0\0\0\x0b", message.as_bytes()].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_password_without_a_zero_opens_every_lock(password in "[^\0]{1,40}", other in "[^\0]{1,40}") {
        let scram = derive(password.as_bytes(), b"salt of ours", 2).verifier(b"salt of ours", 2);
        let md5 = md5::Md5Hash::new(password.as_bytes(), "app");
        let check = |method, secret: Secret, key: &str| {
            let credential = Credential::new("app", secret, [0; 16]);
            talk(method, Some(&credential), plain(key), &mut KeyCache::default()).login.is_ok()
        };
        for key in [&password, &other] {
            let right = *key == password;
            prop_assert_eq!(check(Method::Plain, Secret::Plain(password.as_str().into()), key), right);
            prop_assert_eq!(check(Method::Plain, Secret::Md5(md5), key), right);
            prop_assert_eq!(check(Method::Md5, Secret::Plain(password.as_str().into()), key), right);
            if right {
                prop_assert!(check(Method::ScramSha256, Secret::Scram(scram.clone()), key));
                prop_assert!(check(Method::Plain, Secret::Scram(scram.clone()), key));
            }
        }
    }
}
