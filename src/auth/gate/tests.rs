//! What clients may send to the gate, byte for byte.

use proptest::prelude::*;

use super::super::tests::{SEEDS, bodies, credential, settle};
use super::*;

/// Plays a conversation: the messages' bodies in order, then what came of it: what was asked last, or the refusal.
fn play(method: Method, kind: &str, messages: &[&[u8]]) -> String {
    play_over(None, method, kind, messages)
}

/// The same over TLS, if there is an end point.
fn play_over(end_point: Option<&EndPoint>, method: Method, kind: &str, messages: &[&[u8]]) -> String {
    let mut out = Vec::new();
    let mut step = Gate::begin(method, "app", credential(kind).as_ref(), SEEDS, end_point, &mut out);
    for message in messages {
        let Step::Continue(gate) = step else { return format!("over before {}", message.escape_ascii()) };
        let step_after = gate.hear(message, &mut out);
        step = settle(step_after, &mut out);
    }
    match step {
        Step::Refused(Refusal { sqlstate, message, reason }) => format!("{sqlstate} {message}: {reason}"),
        Step::Proven(proven) => format!("proven, password {}", proven.password.is_some()),
        Step::Continue(_) => bodies(b'R', &out).last().unwrap().escape_ascii().to_string(),
        Step::Slow(_) => unreachable!("settled"),
    }
}

fn check(method: Method, kind: &str, messages: &[&[u8]], expected: &str) {
    let found = play(method, kind, messages);
    assert!(found.contains(expected), "{method:?} {kind}: {found}");
}

const MECHANISM: &[u8] = b"SCRAM-SHA-256\0";

/// SASLInitialResponse with the right length.
fn initial(response: &[u8]) -> Vec<u8> {
    initial_of(MECHANISM, response)
}

fn initial_of(mechanism: &[u8], response: &[u8]) -> Vec<u8> {
    let length = u32::try_from(response.len()).unwrap().to_be_bytes();
    [mechanism, &length, response].concat()
}

#[test]
fn what_is_asked() {
    check(Method::Trust, "plain", &[], "proven, password false");
    check(Method::Trust, "none", &[], "proven, password false");
    for kind in ["plain", "md5", "scram", "none"] {
        check(Method::Plain, kind, &[], r"\x00\x00\x00\x03");
        check(Method::ScramSha256, kind, &[], r"\x00\x00\x00\nSCRAM-SHA-256\x00\x00");
    }
    check(Method::Md5, "plain", &[], r"\x00\x00\x00\x05\x01\x02\x03\x04");
    check(Method::Md5, "md5", &[], r"\x00\x00\x00\x05\x01\x02\x03\x04");
    check(Method::Md5, "none", &[], r"\x00\x00\x00\x05\x01\x02\x03\x04");
    check(Method::Md5, "scram", &[], r"\x00\x00\x00\nSCRAM-SHA-256\x00\x00");
}

#[test]
fn cleartext_passwords() {
    for kind in ["plain", "md5", "scram"] {
        check(Method::Plain, kind, &[b"secret\0"], "proven, password true");
        check(Method::Plain, kind, &[b"Secret\0"], "28P01 password authentication failed");
        check(Method::Plain, kind, &[b"\0"], "28P01 empty password returned by client");
        check(Method::Plain, kind, &[b"secret"], "08P01 invalid password packet size");
        check(Method::Plain, kind, &[b"secret\0x"], "08P01 invalid password packet size");
        check(Method::Plain, kind, &[b"secret\0\0"], "08P01 invalid password packet size");
        check(Method::Plain, kind, &[b""], "08P01 invalid password packet size");
        check(Method::Plain, kind, &[&[b'x'; 70_000]], "08P01 invalid message format");
        check(Method::Plain, kind, &[b"secret\0", b"secret\0"], "over before secret");
    }
    check(Method::Plain, "none", &[b"secret\0"], "no such user, or none with a password");
}

#[test]
fn md5_answers() {
    let right = [&Md5Hash::new(b"secret", "app").answer(SEEDS.md5_salt)[..], b"\0"].concat();
    check(Method::Md5, "plain", &[&right], "proven, password false");
    check(Method::Md5, "md5", &[&right], "proven, password false");
    check(Method::Md5, "none", &[&right], "no such user, or none with a password");
    check(Method::Md5, "md5", &[b"secret\0"], "28P01 password authentication failed");
    check(Method::Md5, "md5", &[b"\0"], "28P01 empty password");
    check(Method::Md5, "md5", &[&right[..35]], "08P01");
}

#[test]
fn sasl_initial_responses() {
    let asked = r"\x00\x00\x00\x0br=abc";
    for kind in ["plain", "md5", "scram", "none"] {
        let check = |message: &[u8], expected| check(Method::ScramSha256, kind, &[message], expected);
        check(&initial(b"n,,n=,r=abc"), asked);
        check(&initial(b"y,,n=,r=abc"), asked);
        check(b"", "08P01 invalid message format");
        check(b"SCRAM-SHA-256", "08P01 invalid message format");
        check(MECHANISM, "08P01 invalid message format");
        check(b"SCRAM-SHA-256\0\0\0\0", "08P01 invalid message format");
        check(b"SCRAM-SHA-256\0\0\0\0\x03ab", "08P01 invalid message format");
        check(b"SCRAM-SHA-256\0\0\0\0\x01ab", "08P01 invalid message format");
        check(b"SCRAM-SHA-256\0\x7f\xff\xff\xffab", "08P01 invalid message format");
        check(b"SCRAM-SHA-256\0\xff\xff\xff\xffab", "08P01 invalid message format");
        check(b"SCRAM-SHA-256-PLUS\0\0\0\0\0", "08P01 client selected an invalid SASL authentication mechanism");
        check(b"\0", "08P01 client selected an invalid SASL");
        check(b"secret\0", "08P01 client selected an invalid SASL");
        check(&initial(b""), "08P01 malformed SCRAM message");
        check(&initial(b"p=tls-unique,,n=,r=abc"), "08P01 malformed SCRAM message");
        check(&initial(b"n,a=admin,n=,r=abc"), "08P01 malformed SCRAM message");
    }
}

/// Over TLS both are offered, whoever asks; who chose which must keep to it.
#[test]
fn bound_logins() {
    const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS\0";
    let end_point = EndPoint::from(&b"certificate"[..]);
    for kind in ["plain", "md5", "scram", "none"] {
        let check = |messages: &[&[u8]], expected: &str| {
            let found = play_over(Some(&end_point), Method::ScramSha256, kind, messages);
            assert!(found.contains(expected), "{kind}: {found}");
        };
        check(&[], r"\x00\x00\x00\nSCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00");
        let asked = r"\x00\x00\x00\x0br=abc";
        let bound = initial_of(PLUS, b"p=tls-server-end-point,,n=,r=abc");
        check(&[&bound], asked);
        check(&[&initial(b"n,,n=,r=abc")], asked);
        check(&[&initial(b"y,,n=,r=abc")], "28000 SCRAM channel binding negotiation error");
        check(&[&initial(b"p=tls-server-end-point,,n=,r=abc")], "08P01 malformed SCRAM message");
        check(&[&initial_of(PLUS, b"n,,n=,r=abc")], "08P01 malformed SCRAM message");
        check(&[&initial_of(PLUS, b"y,,n=,r=abc")], "08P01 malformed SCRAM message");
        check(&[&initial_of(PLUS, b"p=tls-unique,,n=,r=abc")], "08P01 malformed SCRAM message");
        check(&[&initial_of(b"SCRAM-SHA-1\0", b"n,,n=,r=abc")], "08P01 client selected an invalid SASL");
        check(&[b"SCRAM-SHA-256-PLUS\0\xff\xff\xff\xff", b"p=tls-server-end-point,,n=,r=abc"], asked);
        check(&[b"SCRAM-SHA-256-PLUS\0\xff\xff\xff\xff", b"n,,n=,r=abc"], "08P01 malformed SCRAM message");
        // `n,,`, as if it had never begun with another header.
        let unbound = b"c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        check(&[&bound, unbound], "28000 SCRAM channel binding check failed");
    }
}

#[test]
fn an_initial_response_may_come_later() {
    let nothing = b"SCRAM-SHA-256\0\xff\xff\xff\xff";
    for kind in ["plain", "scram", "none"] {
        check(Method::ScramSha256, kind, &[nothing], r"\x00\x00\x00\x0b");
        check(Method::ScramSha256, kind, &[nothing, b"n,,n=,r=abc"], r"\x00\x00\x00\x0br=abc");
        check(Method::ScramSha256, kind, &[nothing, b""], "08P01 malformed SCRAM message");
        check(Method::ScramSha256, kind, &[nothing, nothing], "08P01 malformed SCRAM message");
    }
}

#[test]
fn a_malformed_proof_is_no_wrong_password() {
    for kind in ["plain", "md5", "scram", "none"] {
        let check =
            |proof: &[u8], expected| check(Method::ScramSha256, kind, &[&initial(b"n,,n=,r=abc"), proof], expected);
        check(b"", "08P01 malformed SCRAM message");
        check(b"c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "08P01 malformed SCRAM message");
        check(&initial(b"n,,n=,r=abc"), "08P01 malformed SCRAM message");
    }
}

/// Two attempts look alike, whether or not the user exists: same salt both times, same count, same length.
#[test]
fn a_made_up_user_has_a_salt_that_stays() {
    let asked = |kind| play(Method::ScramSha256, kind, &[&initial(b"n,,n=,r=abc")]);
    assert_eq!(asked("none"), asked("none"));
    assert_eq!(asked("none"), asked("md5"));
    assert_eq!(asked("none"), asked("plain"));
}

#[test]
fn no_secret_is_shown() {
    let mut out = Vec::new();
    let begun =
        |method, out: &mut Vec<u8>| match Gate::begin(method, "app", credential("plain").as_ref(), SEEDS, None, out) {
            Step::Continue(gate) => gate,
            other => panic!("{other:?}"),
        };
    let plain = begun(Method::Plain, &mut out);
    let shown = format!("{plain:?} {:?}", plain_proven(&mut out));
    assert!(!shown.contains("secret\""), "{shown}");
    let slow = begun(Method::ScramSha256, &mut out).hear(&initial(b"n,,n=,r=abc"), &mut out);
    assert!(matches!(slow, Step::Slow(_)));
    assert!(!format!("{slow:?}").contains("secret\""), "{slow:?}");
}

fn plain_proven(out: &mut Vec<u8>) -> Step {
    match Gate::begin(Method::Plain, "app", credential("plain").as_ref(), SEEDS, None, out) {
        Step::Continue(gate) => gate.hear(b"secret\0", out),
        other => other,
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_panic_nobody(messages: [Vec<u8>; 3], head in "(n|y|p=x|),(a=b|),n=,r=[a-z,=]{0,9}") {
        let initial = initial(head.as_bytes());
        for method in [Method::Plain, Method::Md5, Method::ScramSha256] {
            let first = [&messages[0][..], &initial];
            for first in first {
                let found = play(method, "scram", &[first, &messages[1], &messages[2]]);
                prop_assert!(!found.contains("proven"), "{}", found);
            }
        }
    }
}
