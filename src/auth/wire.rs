//! The bytes of the few messages of a login, both directions. Not the rest of the protocol (`protocol`). Pure.
//! <https://www.postgresql.org/docs/current/protocol-message-formats.html>

/// AuthenticationOk.
pub(super) const OK: u32 = 0;
/// AuthenticationCleartextPassword.
pub(super) const CLEARTEXT_PASSWORD: u32 = 3;
/// AuthenticationMD5Password; four bytes of salt follow.
pub(super) const MD5_PASSWORD: u32 = 5;
/// AuthenticationSASL; mechanism names follow, each ended by a zero, and one more zero.
pub(super) const SASL: u32 = 10;
/// AuthenticationSASLContinue; the mechanism's bytes follow.
pub(super) const SASL_CONTINUE: u32 = 11;
/// AuthenticationSASLFinal; the mechanism's bytes follow.
pub(super) const SASL_FINAL: u32 = 12;

/// The mechanism's name, as registered by RFC 7677.
pub(super) const SCRAM_SHA_256: &[u8] = b"SCRAM-SHA-256";

/// The same, bound to the TLS connection.
pub(super) const SCRAM_SHA_256_PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";

/// Appends a whole `R` message.
pub(super) fn put_request(out: &mut Vec<u8>, code: u32, rest: &[u8]) {
    put(out, b'R', &[&code.to_be_bytes(), rest]);
}

/// Appends a whole PasswordMessage: a string, ended by a zero.
pub(super) fn put_password(out: &mut Vec<u8>, password: &[u8]) {
    put(out, b'p', &[password, b"\0"]);
}

/// Appends a whole SASLInitialResponse.
pub(super) fn put_sasl_initial(out: &mut Vec<u8>, mechanism: &[u8], response: &[u8]) {
    let length = length_word(response.len());
    put(out, b'p', &[mechanism, b"\0", &length, response]);
}

/// Appends a whole SASLResponse.
pub(super) fn put_sasl_response(out: &mut Vec<u8>, response: &[u8]) {
    put(out, b'p', &[response]);
}

/// The string before the first zero byte, and what follows that byte.
pub(super) fn take_string(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = body.iter().position(|&byte| byte == 0)?;
    Some((&body[..end], &body[end + 1..]))
}

/// The big-endian word in front, and what follows.
pub(super) fn take_word(body: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = body.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*word), rest))
}

fn put(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let body: usize = parts.iter().map(|part| part.len()).sum();
    out.push(tag);
    out.extend_from_slice(&length_word(body + 4));
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

fn length_word(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("login messages are far below 4 GiB").to_be_bytes()
}
