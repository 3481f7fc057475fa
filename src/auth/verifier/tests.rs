//! Secrets by their shape, and keys against numbers computed elsewhere.

use super::*;

/// The verifier of `pencil` with the salt and count of RFC 7677's example, computed by another implementation.
const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

#[test]
fn a_secret_is_known_by_its_shape() {
    let check = |text: &str, kind: &str| {
        let found = match Secret::parse(text) {
            Secret::Plain(_) => "plain",
            Secret::Md5(_) => "md5",
            Secret::Scram(_) => "scram",
        };
        assert_eq!(found, kind, "{text}");
    };
    check("", "plain");
    check("secret", "plain");
    check("md5", "plain");
    check("md5aabc34ed0a2b0f1d8a1ca93b1a9d5a14", "md5");
    check("md5Aabc34ed0a2b0f1d8a1ca93b1a9d5a14", "plain");
    check(PENCIL, "scram");
    check(&PENCIL.replace("4096", "1"), "scram");
    check(&PENCIL.replace("4096", "1000000"), "scram");
    check(&PENCIL.replace("4096", "0"), "plain");
    check(&PENCIL.replace("4096", "04096"), "plain");
    check(&PENCIL.replace("4096", "+4096"), "plain");
    check(&PENCIL.replace("4096", "1000001"), "plain");
    check(&PENCIL.replace("4096", "99999999999999"), "plain");
    check(&PENCIL.replace("4096", ""), "plain");
    check(&PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", ""), "plain");
    check(&PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gQ"), "plain");
    check(&PENCIL.replace("SHA-256", "SHA-1"), "plain");
    check(&PENCIL[..PENCIL.len() - 1], "plain");
    check(&format!("{PENCIL} "), "plain");
    check(&PENCIL.replace("$WG5d", "$"), "plain");
}

#[test]
fn a_damaged_verifier_is_suspicious() {
    assert_eq!(Secret::suspicion(PENCIL), None);
    assert_eq!(Secret::suspicion("secret"), None);
    assert!(Secret::suspicion(&PENCIL[..80]).is_some());
}

#[test]
fn keys_are_those_of_others() {
    let salt: Vec<u8> = (0..16).collect();
    let check = |password: &[u8], salt: &[u8], iterations: u32, text: &str| {
        let made = derive(password, salt, iterations).verifier(salt, iterations);
        assert_eq!(Some(made), Verifier::parse(text), "{}", password.escape_ascii());
    };
    let pencil = Verifier::parse(PENCIL).unwrap();
    check(b"pencil", &pencil.salt, 4096, PENCIL);
    let once = |keys: &str| format!("SCRAM-SHA-256$1:AAECAwQFBgcICQoLDA0ODw==${keys}");
    let roman_nine = once("D7whIxLyoNaT7OIyvBei1PoiHnXrHaBgW2o4p9oIM9g=:+x1Fw0cL/uVo2q5rZ9LlQdGj6E9dRbcvZKNPkvHsPTI=");
    check("IX".as_bytes(), &salt, 1, &roman_nine);
    check("\u{2168}".as_bytes(), &salt, 1, &roman_nine);
    check("I\u{ad}X".as_bytes(), &salt, 1, &roman_nine);
    let spaced = once("SeTXqqOvq6iJuacFD/l30GIaNpFyeI9/2T23ixvh7zs=:9PFguAPJKZNu2Yw3F3uk27nSGRCcyuM1biIX+nQvnCA=");
    check("a b".as_bytes(), &salt, 1, &spaced);
    check("a\u{a0}b".as_bytes(), &salt, 1, &spaced);
    let not_utf8 = once("OUpd1j4CwDLX9Ei6/enhj70lCLttMDeIOrWElp2OspE=:ZnRXuA3wnfK8u3r1Gpm8z8vRquM8/PHqunRwUWt1itY=");
    check(b"\xff\xfe", &salt, 1, &not_utf8);
    let mixed_direction =
        once("XX+pp8IZhAzycugJGeuuhXHUgIfwvook5ecqb9D4nm8=:Z8f8GLbhiT5M2ARG2IwfIg6jpXvK+ceXwdA9i+EJi3k=");
    check("a\u{627}".as_bytes(), &salt, 1, &mixed_direction);
    let control = once("7wbqMmT7IEJSbHSB80rmc087SOkqknbdr+a4ekLIJlM=:JeH5fjEIocUAz1MkCPlKqD55XY62YB1p+LN+kHsWCFM=");
    check(b"a\x07", &salt, 1, &control);
    let mapped_to_nothing =
        once("1XEafmA0YKeBbTBKv3z7HF2X6NkzArtj0yYZQoG46YY=:WT4IP8ddOxF1xxHT7tmYJv8yQIolon320eQPhmvdf+o=");
    check("\u{ad}".as_bytes(), &salt, 1, &mapped_to_nothing);
}

#[test]
fn a_stable_salt_depends_on_user_and_key() {
    assert_eq!(stable_salt(&[1; 32], "app"), stable_salt(&[1; 32], "app"));
    assert_ne!(stable_salt(&[1; 32], "app"), stable_salt(&[1; 32], "apq"));
    assert_ne!(stable_salt(&[1; 32], "app"), stable_salt(&[2; 32], "app"));
}

#[test]
fn nothing_secret_is_shown() {
    let keys = derive(b"pencil", b"12345678", 1);
    let shown = format!("{:?} {:?} {keys:?}", Secret::parse("pencil"), Secret::parse(PENCIL));
    let numbers = format!("{:?} {:?}", keys.client_key.0, keys.server_key.0);
    assert!(!shown.contains("pencil") && !shown.contains(&numbers[1..12]), "{shown}");
    assert!(!format!("{:?}", Secret::parse("md5aabc34ed0a2b0f1d8a1ca93b1a9d5a14")).contains("aabc"));
}
