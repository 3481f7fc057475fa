//! The example of RFC 7677, hostile messages on both sides, and the two sides with each other.

use proptest::prelude::*;

use super::binding::{Binding, EndPoint};
use super::client::{self, Answered, Challenged, Opening};
use super::server::{self, Challenge, Terms, challenge};
use crate::auth::verifier::{Keys, Verifier, derive};

const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CLIENT_FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const CLIENT_FINAL: &str =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SERVER_FINAL: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn salt() -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(SALT).unwrap()
}

fn pencil() -> (Keys, Verifier) {
    let keys = derive(b"pencil", &salt(), 4096);
    (keys, keys.verifier(&salt(), 4096))
}

fn challenged() -> (String, Challenge) {
    challenge(CLIENT_FIRST.as_bytes(), &pencil().1, SERVER_NONCE, &Terms::Unbound).unwrap()
}

fn opening() -> Opening {
    Opening::new("user", CLIENT_NONCE.to_owned(), Binding::Unable)
}

fn answered() -> (String, Answered) {
    let keys = pencil().0;
    opening().hear(SERVER_FIRST.as_bytes()).unwrap().answer(&keys.client_key, &keys.server_key)
}

#[test]
fn the_server_speaks_as_in_rfc_7677() {
    let (message, challenge) = challenged();
    assert_eq!(message, SERVER_FIRST);
    let accepted = challenge.verify(CLIENT_FINAL.as_bytes()).unwrap();
    assert_eq!(accepted.message, SERVER_FINAL);
    assert_eq!(accepted.client_key, pencil().0.client_key);
}

#[test]
fn the_client_speaks_as_in_rfc_7677() {
    assert_eq!(opening().message(), CLIENT_FIRST);
    let (message, answered) = answered();
    assert_eq!(message, CLIENT_FINAL);
    assert_eq!(answered.check(SERVER_FINAL.as_bytes()), Ok(()));
}

#[test]
fn client_first_messages() {
    let verifier = derive(b"pencil", &salt(), 1).verifier(&salt(), 1);
    let check = |message: &str, complaint: &str| {
        let heard = challenge(message.as_bytes(), &verifier, SERVER_NONCE, &Terms::Unbound);
        let found = heard.err().map_or("fine".to_owned(), |fault| fault.to_string());
        assert!(found.contains(complaint), "{message}: {found}");
    };
    check("n,,n=user,r=abc", "fine");
    check("n,,n=,r=abc", "fine");
    check("y,,n=,r=abc", "fine");
    check("n,,n=,r=abc,x=extension", "fine");
    check("", "channel binding flag");
    check("n", "channel binding flag");
    check("n,", "two commas");
    check("n,,", "not an attribute");
    check("N,,n=,r=abc", "channel binding flag");
    check("p=tls-server-end-point,,n=,r=abc", "does not have it");
    check("p,,n=,r=abc", "channel binding flag");
    check("n,a=admin,n=,r=abc", "authorization identity");
    check("n,b=admin,n=,r=abc", "two commas");
    check("n,n=,r=abc", "two commas");
    check("n,,m=x,n=,r=abc", "mandatory extension");
    check("n,,n=,m=x,r=abc", "mandatory extension");
    check("n,,n=,r=abc,m=x", "doubled or out of place");
    check("n,,r=abc", "user name (n=) is missing");
    check("n,,r=abc,n=", "user name (n=) is missing");
    check("n,,n=", "nonce (r=) is missing");
    check("n,,n=,x=1,r=abc", "nonce (r=) is missing");
    check("n,,n=,n=,r=abc", "nonce (r=) is missing");
    check("n,,n=,r=abc,r=abc", "doubled");
    check("n,,n=,r=", "empty or not printable");
    check("n,,n=,r=a b", "empty or not printable");
    check("n,,n=,r=aé", "empty or not printable");
    check("n,,n=,r=abc,", "not an attribute");
    check("n,,n=,r=abc,x", "not an attribute");
    check("n,,n=,r=abc,1=x", "not an attribute");
    check("n,,n=a\0b,r=abc", "not an attribute");
}

#[test]
fn client_final_messages() {
    let nonce = format!("{CLIENT_NONCE}{SERVER_NONCE}");
    let proof = CLIENT_FINAL.rsplit_once(",p=").unwrap().1;
    let check = |message: &str, complaint: &str| {
        let message = message.replace("{nonce}", &nonce).replace("{proof}", proof);
        let heard = challenged().1.verify(message.as_bytes());
        let found = heard.err().map_or("fine".to_owned(), |fault| fault.to_string());
        assert!(found.contains(complaint), "{message}: {found}");
    };
    check("c=biws,r={nonce},p={proof}", "fine");
    check("c=biws,r={nonce},x=1,p={proof}", "wrong password"); // the proof covers the extension too
    check("c=biws,r={nonce},p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "wrong password");
    check("c=eSws,r={nonce},p={proof}", "not what the client began with");
    check("c=,r={nonce},p={proof}", "not what the client began with");
    check("c=biws,r={nonce}x,p={proof}", "not the one that was sent");
    check("c=biws,r=,p={proof}", "not the one that was sent");
    check("r={nonce},c=biws,p={proof}", "channel binding (c=) is missing");
    check("r={nonce},p={proof}", "channel binding (c=) is missing");
    check("c=biws,p={proof}", "nonce (r=) is missing");
    check("c=biws,c=biws,r={nonce},p={proof}", "nonce (r=) is missing");
    check("c=biws,r={nonce},r={nonce},p={proof}", "doubled");
    check("c=biws,r={nonce},p={proof},p={proof}", "doubled");
    check("c=biws,m=x,r={nonce},p={proof}", "mandatory");
    check("c=biws,r={nonce}", "proof (p=) is missing");
    check("c=biws,p={proof},r={nonce}", "proof (p=) is missing");
    check("c=biws,r={nonce},p={proof},x=1", "proof (p=) is missing");
    check("p={proof}", "proof (p=) is missing");
    check("", "proof (p=) is missing");
    check("c=biws,r={nonce},p=", "32 bytes");
    check("c=biws,r={nonce},p={proof}=", "32 bytes");
    check("c=biws,r={nonce},p=AAAA", "32 bytes");
    check("c=biws,r={nonce},p=*", "32 bytes");
}

#[test]
fn a_client_that_could_bind_repeats_its_flag() {
    let heard = |echo: &str| {
        let (_, challenge) = challenge(b"y,,n=,r=abc", &pencil().1, "def", &Terms::Unbound).unwrap();
        challenge.verify(format!("c={echo},r=abcdef,p={}", "A".repeat(43) + "=").as_bytes()).unwrap_err()
    };
    assert_eq!(heard("eSws"), server::Fault::WrongProof);
    assert!(matches!(heard("biws"), server::Fault::Malformed(_)));
}

#[test]
fn server_first_messages() {
    let check = |message: &str, complaint: &str| {
        let message = message.replace("{nonce}", CLIENT_NONCE).replace("{salt}", SALT);
        let heard = opening().hear(message.as_bytes());
        let found = heard.err().map_or("fine".to_owned(), |fault| fault.to_string());
        assert!(found.contains(complaint), "{message}: {found}");
    };
    check("r={nonce}x,s={salt},i=4096", "fine");
    check("r={nonce}x,s={salt},i=1", "fine");
    check("r={nonce}x,s={salt},i=1000000,x=1", "fine");
    check("", "not an attribute");
    check("e=other-error", "nonce (r=) is missing");
    check("s={salt},r={nonce}x,i=4096", "nonce (r=) is missing");
    check("r={nonce}x,i=4096,s={salt}", "salt (s=) is missing");
    check("r={nonce}x,s={salt}", "iteration count (i=) is missing");
    check("r={nonce}x,s={salt},s={salt},i=4096", "iteration count (i=) is missing");
    check("r={nonce}x,s={salt},i=4096,i=1", "doubled");
    check("m=x,r={nonce}x,s={salt},i=4096", "mandatory extension");
    check("r={nonce},s={salt},i=4096", "added nothing");
    check("r={nonce}\u{7f},s={salt},i=4096", "added nothing");
    check("r=x{nonce},s={salt},i=4096", "does not begin with ours");
    check("r=,s={salt},i=4096", "does not begin with ours");
    check("r={nonce}x,s=,i=4096", "between 8 and 1024");
    check("r={nonce}x,s=AAAAAAAAAA==,i=4096", "between 8 and 1024");
    check(&format!("r={{nonce}}x,s={},i=4096", "AAAA".repeat(400)), "between 8 and 1024");
    check("r={nonce}x,s=***,i=4096", "not base64");
    check("r={nonce}x,s={salt},i=0", "iteration count");
    check("r={nonce}x,s={salt},i=", "iteration count");
    check("r={nonce}x,s={salt},i=-1", "iteration count");
    check("r={nonce}x,s={salt},i=+1", "iteration count");
    check("r={nonce}x,s={salt},i=1000001", "iteration count");
    check("r={nonce}x,s={salt},i=2147483647", "iteration count");
    check("r={nonce}x,s={salt},i=99999999999999999999", "iteration count");
    check("r={nonce}x,s={salt},i=4096 ", "iteration count");
}

#[test]
fn server_final_messages() {
    let check = |message: &str, complaint: &str| {
        let found = answered().1.check(message.as_bytes()).err().map_or("fine".to_owned(), |fault| fault.to_string());
        assert!(found.contains(complaint), "{message}: {found}");
    };
    check(SERVER_FINAL, "fine");
    check(&format!("{SERVER_FINAL},x=1"), "fine");
    check(&format!("{SERVER_FINAL},{SERVER_FINAL}"), "doubled");
    check("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "signature is wrong");
    check("v=", "32 bytes");
    check("v=AAAA", "32 bytes");
    check("", "not an attribute");
    check("x=1", "neither");
    check("e=invalid-proof", "the server says: invalid-proof");
    check("e=\u{1b}[31m", "the server says: ?[31m");
}

#[test]
fn a_long_error_of_the_server_is_cut() {
    let fault = answered().1.check(format!("e={}", "x".repeat(5000)).as_bytes()).unwrap_err();
    assert_eq!(fault, client::Fault::Refused("x".repeat(64)));
}

fn end_point(certificate: &str) -> EndPoint {
    EndPoint::from(certificate.as_bytes())
}

/// The mechanism chosen, a client-first message, what is wrong with it.
#[test]
fn client_first_messages_about_binding() {
    let check = |terms: &Terms, message: &str, complaint: &str| {
        let heard = challenge(message.as_bytes(), &pencil().1, SERVER_NONCE, terms);
        let found = heard.err().map_or("fine".to_owned(), |fault| fault.to_string());
        assert!(found.contains(complaint), "{terms:?} {message}: {found}");
    };
    let (bound, declined, unbound) = (Terms::Bound(end_point("ours")), Terms::Declined, Terms::Unbound);
    check(&bound, "p=tls-server-end-point,,n=,r=abc", "fine");
    check(&bound, "p=tls-unique,,n=,r=abc", "type is not tls-server-end-point");
    check(&bound, "p=tls-server-end-poin,,n=,r=abc", "type is not tls-server-end-point");
    check(&bound, "p=tls-server-end-points,,n=,r=abc", "type is not tls-server-end-point");
    check(&bound, "p=TLS-server-end-point,,n=,r=abc", "type is not tls-server-end-point");
    check(&bound, "p=,,n=,r=abc", "type is not tls-server-end-point");
    check(&bound, "p=tls-server-end-point", "type is not tls-server-end-point");
    check(&bound, "p=tls-server-end-point,n=,r=abc", "two commas");
    check(&bound, "p=tls-server-end-point,a=admin,n=,r=abc", "authorization identity");
    check(&bound, "n,,n=,r=abc", "without channel binding");
    check(&bound, "y,,n=,r=abc", "without channel binding");
    check(&bound, "x,,n=,r=abc", "channel binding flag");
    check(&declined, "n,,n=,r=abc", "fine");
    check(&declined, "y,,n=,r=abc", "made to believe");
    check(&declined, "p=tls-server-end-point,,n=,r=abc", "does not have it");
    check(&unbound, "n,,n=,r=abc", "fine");
    check(&unbound, "y,,n=,r=abc", "fine");
    check(&unbound, "p=tls-server-end-point,,n=,r=abc", "does not have it");
}

/// What the client repeats under its proof.
#[test]
fn client_final_messages_about_binding() {
    let check = |echo: &[u8], expected: server::Fault| {
        use base64::Engine;
        let echo = base64::engine::general_purpose::STANDARD.encode(echo);
        let terms = Terms::Bound(end_point("ours"));
        let (_, challenge) = challenge(b"p=tls-server-end-point,,n=,r=abc", &pencil().1, "def", &terms).unwrap();
        let said = format!("c={echo},r=abcdef,p={}", "A".repeat(43) + "=");
        assert_eq!(challenge.verify(said.as_bytes()).unwrap_err(), expected);
    };
    check(b"p=tls-server-end-point,,ours", server::Fault::WrongProof);
    check(b"p=tls-server-end-point,,theirs", server::Fault::OtherChannel);
    check(b"p=tls-server-end-point,,", server::Fault::OtherChannel);
    check(b"p=tls-server-end-point,,ours!", server::Fault::OtherChannel);
    check(b"p=tls-unique,,ours", server::Fault::OtherChannel);
    check(b"n,,", server::Fault::OtherChannel);
    check(b"", server::Fault::OtherChannel);
}

/// The two sides with each other: what the client says of binding, what the server offered.
#[test]
fn both_ends_see_the_same_certificate() {
    let check = |binding: Binding, terms: Terms, expected: Result<(), &str>| {
        assert_eq!(converse_about(b"pencil", b"pencil", binding, &terms), expected.map_err(str::to_owned));
    };
    check(Binding::To(end_point("a")), Terms::Bound(end_point("a")), Ok(()));
    check(Binding::Unable, Terms::Declined, Ok(()));
    check(Binding::Unoffered, Terms::Unbound, Ok(()));
    let other = "the channel binding (c=) is not of this connection";
    check(Binding::To(end_point("a")), Terms::Bound(end_point("b")), Err(other));
    let kept_back = "the client could bind the channel and was made to believe that we cannot";
    check(Binding::Unoffered, Terms::Declined, Err(kept_back));
}

fn converse(ours: &[u8], theirs: &[u8]) -> Result<(), String> {
    converse_about(ours, theirs, Binding::Unable, &Terms::Unbound)
}

fn converse_about(ours: &[u8], theirs: &[u8], binding: Binding, terms: &Terms) -> Result<(), String> {
    let verifier = derive(theirs, b"saltsalt", 2).verifier(b"saltsalt", 2);
    let opening = Opening::new("", "abc".to_owned(), binding);
    let opened = challenge(opening.message().as_bytes(), &verifier, "def", terms);
    let (first, challenge) = opened.map_err(|fault| fault.to_string())?;
    let challenged: Challenged = opening.hear(first.as_bytes()).map_err(|e| e.to_string())?;
    let keys = derive(ours, &challenged.salt, challenged.iterations);
    let (answer, answered) = challenged.answer(&keys.client_key, &keys.server_key);
    let accepted = challenge.verify(answer.as_bytes()).map_err(|e| e.to_string())?;
    answered.check(accepted.message.as_bytes()).map_err(|e| e.to_string())
}

proptest! {
    #[test]
    fn any_password_opens_its_own_lock(password: Vec<u8>, text: String) {
        prop_assert_eq!(converse(&password, &password), Ok(()));
        prop_assert_eq!(converse(text.as_bytes(), text.as_bytes()), Ok(()));
    }

    #[test]
    fn no_other_password_opens_it(ours in "[a-z]{1,8}", theirs in "[a-z]{1,8}") {
        prop_assume!(ours != theirs);
        prop_assert_eq!(converse(ours.as_bytes(), theirs.as_bytes()), Err("wrong password".to_owned()));
    }

    #[test]
    fn arbitrary_bytes_panic_nobody(bytes: Vec<u8>, text in "[nyprcsivem=,a0A]{0,40}") {
        let verifier = derive(b"", b"saltsalt", 1).verifier(b"saltsalt", 1);
        let terms = Terms::Bound(EndPoint::from(&b"certificate"[..]));
        for message in [&bytes[..], text.as_bytes(), format!("n,,n=,{text}").as_bytes()] {
            let _ = challenge(message, &verifier, "def", &terms);
            let (_, waiting) = challenge(b"n,,n=,r=abc", &verifier, "def", &Terms::Declined).unwrap();
            prop_assert!(waiting.verify(message).is_err());
            let _ = Opening::new("", "abc".to_owned(), Binding::Unable).hear(message);
            let challenged = Opening::new("", "abc".to_owned(), Binding::Unable).hear(b"r=abcdef,s=c2FsdHNhbHQ=,i=1").unwrap();
            let keys = derive(b"", b"saltsalt", 1);
            prop_assert!(challenged.answer(&keys.client_key, &keys.server_key).1.check(message).is_err());
        }
    }
}
