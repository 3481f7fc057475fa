//! SCRAM, both sides, against whatever the other side says; and that only a right proof is taken.

use pgweir::auth::scram::binding::{Binding, EndPoint};
use pgweir::auth::scram::client::{Answered, Challenged, Fault, MAX_SALT, MIN_SALT, Opening};
use pgweir::auth::scram::server::{Challenge, Terms, challenge};
use pgweir::auth::verifier::{MAX_ITERATIONS, Verifier};
use pgweir::auth::{Key, Secret};

/// The example of RFC 7677.
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

/// Nobody's keys: what is proven with others is wrong.
const KEY: Key = Key([7; 32]);

/// The first byte says who speaks and on which terms; a zero stands between two messages.
pub(crate) fn run(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let (first, second) = match rest.iter().position(|&byte| byte == 0) {
        Some(zero) => (&rest[..zero], &rest[zero + 1..]),
        None => (rest, &b""[..]),
    };
    match kind % 8 {
        0..3 => client_says(first, second, &Terms::Unbound),
        3 => client_says(first, second, &Terms::Declined),
        4 => client_says(first, second, &Terms::Bound(end_point())),
        5 => server_says(first, second, Binding::Unable),
        6 => server_says(first, second, Binding::To(end_point())),
        _ => secret(rest),
    }
}

fn end_point() -> EndPoint {
    EndPoint::from(&[9; 32][..])
}

/// We are the server.
fn client_says(first: &[u8], last: &[u8], terms: &Terms) {
    let verifier = Verifier { iterations: 4096, salt: vec![1; 16], stored_key: KEY, server_key: KEY };
    let Ok((message, asked)) = challenge(first, &verifier, SERVER_NONCE, terms) else { return };
    assert!(message.len() <= first.len() + SERVER_NONCE.len() + 64 && message.starts_with("r="));
    refuses(asked, last);
}

fn refuses(asked: Challenge, last: &[u8]) {
    assert!(asked.verify(last).is_err(), "nobody has this key");
}

/// We are the client.
fn server_says(first: &[u8], last: &[u8], binding: Binding) {
    let opening = Opening::new("user", CLIENT_NONCE.to_owned(), binding);
    assert!(opening.message().ends_with(CLIENT_NONCE));
    if let Ok(challenged) = opening.hear(first) {
        disbelieves(answer(&challenged), last);
    }
}

fn answer(challenged: &Challenged) -> Answered {
    assert!((MIN_SALT..=MAX_SALT).contains(&challenged.salt.len()));
    assert!((1..=MAX_ITERATIONS).contains(&challenged.iterations));
    challenged.answer(&KEY, &KEY).1
}

fn disbelieves(answered: Answered, last: &[u8]) {
    match answered.check(last) {
        Ok(()) => panic!("nobody has this signature"),
        Err(Fault::Refused(word)) => assert!(word.len() <= 64 && word.is_ascii()),
        Err(_) => {}
    }
}

/// What an operator may write as a user's secret.
fn secret(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(verifier) = Verifier::parse(text) {
        assert!((1..=MAX_ITERATIONS).contains(&verifier.iterations));
    }
    let _ = (Secret::parse(text), Secret::suspicion(text));
}
