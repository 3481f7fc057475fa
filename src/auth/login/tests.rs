//! What servers may send to the login, byte for byte; hostile ones first of all.

use proptest::prelude::*;

use super::super::tests::{bodies, secret};
use super::*;

const ASK_OK: &[u8] = b"\0\0\0\0";
const ASK_CLEARTEXT: &[u8] = b"\0\0\0\x03";
const ASK_MD5: &[u8] = b"\0\0\0\x05\x01\x02\x03\x04";
const ASK_SCRAM: &[u8] = b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
const FINAL: &[u8] = b"\0\0\0\x0cv=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The nonce that comes of `[5; 18]`.
const NONCE: &str = "BQUFBQUFBQUFBQUFBQUFBQUF";

fn key(kind: &str) -> ServerKey {
    match (kind, secret(if kind == "none" { "plain" } else { kind })) {
        ("none", _) => ServerKey::None,
        (_, Secret::Plain(password)) => ServerKey::Plain(password),
        (_, Secret::Md5(hash)) => ServerKey::Md5(hash),
        (_, Secret::Scram(verifier)) => {
            let client_key = derive(b"secret", &verifier.salt, verifier.iterations).client_key;
            ServerKey::Scram { client_key, verifier }
        }
    }
}

/// Plays the server's messages; gives what came of it: the last answer, or the error.
fn play(key: ServerKey, messages: &[&[u8]]) -> String {
    play_over(None, key, messages)
}

/// The same over TLS, if there is an end point.
fn play_over(end_point: Option<&EndPoint>, key: ServerKey, messages: &[&[u8]]) -> String {
    let mut out = Vec::new();
    let mut step = LoginStep::Continue(Login::new("app", key, &[5; 18], end_point.cloned()));
    for message in messages {
        let LoginStep::Continue(login) = step else { return format!("over before {}", message.escape_ascii()) };
        step = login.hear(message, &KeyCache::default(), &mut out);
        if let LoginStep::Slow(slow) = step {
            step = slow.run(&mut out).0;
        }
    }
    match step {
        LoginStep::Failed(error) => error.to_string(),
        LoginStep::Authenticated => "authenticated".to_owned(),
        LoginStep::Continue(_) => bodies(b'p', &out).last().unwrap().escape_ascii().to_string(),
        LoginStep::Slow(_) => panic!("slow twice"),
    }
}

/// A login that has to be bound.
#[track_caller]
fn check_bound(end_point: Option<&EndPoint>, ask: &[u8], expected: &str) {
    let mut out = Vec::new();
    let login = Login::new("app", key("plain"), &[5; 18], end_point.cloned()).bound();
    let found = match login.hear(ask, &KeyCache::default(), &mut out) {
        LoginStep::Failed(error) => error.to_string(),
        LoginStep::Continue(_) => bodies(b'p', &out).last().unwrap().escape_ascii().to_string(),
        _ => panic!("over"),
    };
    assert!(found.contains(expected), "{found}");
}

#[test]
fn who_insists_on_channel_binding_gives_nothing_away_without() {
    let refused = "does not bind logins to its certificate";
    let end_point = EndPoint::from(&[7; 32][..]);
    for ask in [ASK_OK, ASK_CLEARTEXT, ASK_MD5, b"\0\0\0\x0aSCRAM-SHA-256\0\0"] {
        check_bound(Some(&end_point), ask, refused);
        check_bound(None, ask, refused);
    }
    check_bound(None, ASK_SCRAM, refused);
    check_bound(Some(&end_point), ASK_SCRAM, "SCRAM-SHA-256-PLUS");
}

fn check(kind: &str, messages: &[&[u8]], expected: &str) {
    let found = play(key(kind), messages);
    assert!(found.contains(expected), "{kind}: {found}");
}

fn challenge(rest: &str) -> Vec<u8> {
    [b"\0\0\0\x0b", format!("r={NONCE}{rest}").as_bytes()].concat()
}

#[test]
fn a_server_that_trusts_asks_nothing() {
    for kind in ["none", "plain", "md5", "scram"] {
        check(kind, &[ASK_OK], "authenticated");
        check(kind, &[ASK_OK, ASK_OK], "over before");
        check(kind, &[b"\0\0\0\0\0"], "AuthenticationOk is longer");
        check(kind, &[b""], "without a code");
        check(kind, &[b"\0\0\0"], "without a code");
    }
}

#[test]
fn cleartext_and_md5() {
    check("plain", &[ASK_CLEARTEXT], r"secret\x00");
    check("plain", &[ASK_CLEARTEXT, ASK_OK], "authenticated");
    check("plain", &[ASK_CLEARTEXT, ASK_CLEARTEXT], "AuthenticationOk is expected");
    check("plain", &[ASK_CLEARTEXT, ASK_SCRAM], "AuthenticationOk is expected");
    check("plain", &[ASK_MD5], "md5911f527656472583a006e7727877b33e");
    check("md5", &[ASK_MD5], "md5911f527656472583a006e7727877b33e");
    check("md5", &[ASK_MD5, ASK_OK], "authenticated");
    check("md5", &[ASK_MD5, ASK_MD5], "AuthenticationOk is expected");
    check("plain", &[b"\0\0\0\x05\x01\x02\x03"], "md5 salt");
    check("plain", &[b"\0\0\0\x05\x01\x02\x03\x04\x05"], "md5 salt");
}

#[test]
fn what_is_lacking_is_named() {
    check("none", &[ASK_CLEARTEXT], "asks for the password in clear text, but no password is known");
    check("md5", &[ASK_CLEARTEXT], "only an md5 hash");
    check("scram", &[ASK_CLEARTEXT], "only the SCRAM keys");
    check("none", &[ASK_MD5], "asks for an md5 password, but no password is known");
    check("scram", &[ASK_MD5], "only the SCRAM keys");
    check("none", &[ASK_SCRAM], "asks for a SCRAM password, but no password is known");
    check("md5", &[ASK_SCRAM], "only an md5 hash");
}

#[test]
fn what_we_do_not_speak_is_named() {
    let check = |message: &[u8], name: &str| check("plain", &[message], &format!("asks for {name} authentication"));
    check(b"\0\0\0\x02", "Kerberos V5");
    check(b"\0\0\0\x06", "SCM credential");
    check(b"\0\0\0\x07", "GSSAPI");
    check(b"\0\0\0\x09", "SSPI");
    check(b"\0\0\0\x63", "unknown (99)");
    check(b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0", "SCRAM-SHA-256-PLUS");
    check(b"\0\0\0\x0aOAUTHBEARER\0X\x1b\0\0", r"OAUTHBEARER or X\x1b");
}

#[test]
fn lists_of_mechanisms() {
    check("plain", &[b"\0\0\0\x0aSCRAM-SHA-256\0\0"], &format!("n,,n=,r={NONCE}"));
    check("plain", &[ASK_SCRAM], &format!(r"SCRAM-SHA-256\x00\x00\x00\x00 n,,n=,r={NONCE}"));
    check("plain", &[b"\0\0\0\x0a"], "has no end");
    check("plain", &[b"\0\0\0\x0aSCRAM-SHA-1"], "has no end");
    check("plain", &[b"\0\0\0\x0aSCRAM-SHA-1\0"], "has no end");
    check("plain", &[b"\0\0\0\x0aSCRAM-SHA-1\0\0x"], "has no end");
}

/// What is said of binding follows from what the server offers, and whether its certificate is known.
#[test]
fn bound_logins() {
    let end_point = EndPoint::from(&b"certificate"[..]);
    for kind in ["plain", "scram"] {
        let check = |messages: &[&[u8]], expected: &str| {
            let found = play_over(Some(&end_point), key(kind), messages);
            assert!(found.contains(expected), "{kind}: {found}");
        };
        let bound = format!("p=tls-server-end-point,,n=,r={NONCE}");
        check(&[ASK_SCRAM], &format!(r"SCRAM-SHA-256-PLUS\x00\x00\x00\x005{bound}"));
        check(&[b"\0\0\0\x0aSCRAM-SHA-256\0SCRAM-SHA-256-PLUS\0\0"], &bound);
        check(&[b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0"], &bound);
        check(&[b"\0\0\0\x0aSCRAM-SHA-256\0\0"], &format!(r"SCRAM-SHA-256\x00\x00\x00\x00 y,,n=,r={NONCE}"));
        check(&[b"\0\0\0\x0aSCRAM-SHA-1\0\0"], "asks for SCRAM-SHA-1 authentication");
        // The header and the hash: "p=tls-server-end-point,,certificate".
        let echo = "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsY2VydGlmaWNhdGU=,r=";
        check(&[ASK_SCRAM, &challenge("x,s=c2FsdCBvZiBvdXJz,i=2")], &format!("{echo}{NONCE}x,p="));
    }
}

/// A server that does not know the password must not get past any of these.
#[test]
fn a_scram_login_is_over_only_when_the_server_proved_itself() {
    let right = challenge("x,s=c2FsdCBvZiBvdXJz,i=2");
    for kind in ["plain", "scram"] {
        let check = |messages: &[&[u8]], expected: &str| check(kind, messages, expected);
        check(&[ASK_SCRAM, ASK_OK], "AuthenticationSASLContinue is expected");
        check(&[ASK_SCRAM, ASK_CLEARTEXT], "AuthenticationSASLContinue is expected");
        check(&[ASK_SCRAM, ASK_SCRAM], "AuthenticationSASLContinue is expected");
        check(&[ASK_SCRAM, FINAL], "AuthenticationSASLContinue is expected");
        check(&[ASK_SCRAM, &right], &format!("c=biws,r={NONCE}x,p="));
        check(&[ASK_SCRAM, &right, ASK_OK], "has not proved itself");
        check(&[ASK_SCRAM, &right, &right], "has not proved itself");
        check(&[ASK_SCRAM, &right, ASK_CLEARTEXT], "has not proved itself");
        check(&[ASK_SCRAM, &right, FINAL], "the server's signature is wrong");
        check(&[ASK_SCRAM, &right, b"\0\0\0\x0ce=other-error"], "the server says: other-error");
        check(&[ASK_SCRAM, &right, b"\0\0\0\x0c"], "not an attribute");
        check(&[ASK_SCRAM, &challenge("x,s=c2FsdCBvZiBvdXJz,i=2000000000")], "iteration count");
        check(&[ASK_SCRAM, &challenge("x,s=c2FsdA==,i=2")], "the salt (s=) is not between");
        check(&[ASK_SCRAM, &challenge(",s=c2FsdCBvZiBvdXJz,i=2")], "added nothing");
        check(&[ASK_SCRAM, b"\0\0\0\x0b"], "not an attribute");
    }
}

#[test]
fn another_verifier_is_named() {
    check("scram", &[ASK_SCRAM, &challenge("x,s=c2FsdCBvZiBvdXJz,i=3")], "another salt or iteration count");
    check("scram", &[ASK_SCRAM, &challenge("x,s=c2FsdCBvZiBuYXJz,i=2")], "another salt or iteration count");
}

#[test]
fn a_cache_forgets_the_oldest() {
    let mut cache = KeyCache::default();
    let derived = |salt: u8| DerivedKeys {
        password: "secret".into(),
        salt: vec![salt],
        iterations: 1,
        keys: derive(b"secret", &[salt], 1),
    };
    for salt in [0, 1, 1, 2, 3, 4] {
        cache.keep(derived(salt));
    }
    let found: Vec<u8> = (0..6).filter(|&salt| cache.find(&"secret".into(), &[salt], 1).is_some()).collect();
    assert_eq!(found, [1, 2, 3, 4]);
    assert!(cache.find(&"secret".into(), &[1], 2).is_none());
    assert!(cache.find(&"other".into(), &[1], 1).is_none());
}

proptest! {
    #[test]
    fn arbitrary_bytes_panic_nobody(messages: [Vec<u8>; 3], code in 0u8..14, rest in "[rsiev=,A0]{0,20}") {
        let coded = [&[0, 0, 0, code], rest.as_bytes()].concat();
        for kind in ["plain", "scram", "md5", "none"] {
            let found = play(key(kind), &[ASK_SCRAM, &coded, &messages[0]]);
            prop_assert_ne!(found, "authenticated");
            play(key(kind), &[&messages[0], &messages[1], &messages[2]]);
            play(key(kind), &[ASK_SCRAM, &challenge(&rest), &coded]);
            play(key(kind), &[&coded, &coded]);
        }
    }
}
