//! The hash of a certificate to which a login can be bound: `tls-server-end-point`. Of X.509 only as much is read as says
//! with which hash the certificate was signed; whether it is to be believed was said in the handshake. Pure.
//!
//! <https://www.rfc-editor.org/rfc/rfc5929#section-4.1>

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::auth::EndPoint;

/// The end point of a server with this certificate. `None` where RFC 5929 names no hash (Ed25519) or we do not know it.
pub fn end_point(certificate: &CertificateDer<'_>) -> Option<EndPoint> {
    let hash = match signature_hash(certificate)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    Some(EndPoint::from(&hash[..]))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

const SEQUENCE: u8 = 0x30;
const OID: u8 = 0x06;

/// RSASSA-PSS, which names its hash in its parameters. <https://www.rfc-editor.org/rfc/rfc4055#section-3.1>
const PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// The parameter of it that has the hash; without it, SHA-1.
const PSS_HASH: u8 = 0xa0;

/// Signature algorithms and hashes, as object identifiers. MD5 and SHA-1 are too weak to be bound to: RFC 5929 has SHA-256
/// in their place.
const HASHES: [(&[u8], Hash); 13] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", Hash::Sha256), // md5WithRSAEncryption
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", Hash::Sha256), // sha1WithRSAEncryption
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", Hash::Sha256), // sha256WithRSAEncryption
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", Hash::Sha384), // sha384WithRSAEncryption
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", Hash::Sha512), // sha512WithRSAEncryption
    (b"\x2a\x86\x48\xce\x3d\x04\x01", Hash::Sha256),         // ecdsa-with-SHA1
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", Hash::Sha256),     // ecdsa-with-SHA256
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", Hash::Sha384),     // ecdsa-with-SHA384
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", Hash::Sha512),     // ecdsa-with-SHA512
    (b"\x2b\x0e\x03\x02\x1a", Hash::Sha256),                 // SHA-1
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", Hash::Sha256), // SHA-256
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", Hash::Sha384), // SHA-384
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", Hash::Sha512), // SHA-512
];

/// The second part of a certificate is how the first was signed.
fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    let (certificate, _) = take(SEQUENCE, certificate)?;
    let (_, rest) = take(SEQUENCE, certificate)?;
    let (algorithm, _) = take(SEQUENCE, rest)?;
    let (algorithm, parameters) = take(OID, algorithm)?;
    if algorithm == PSS { pss_hash(parameters) } else { named(algorithm) }
}

fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let (parameters, _) = take(SEQUENCE, parameters)?;
    if parameters.first() != Some(&PSS_HASH) {
        return Some(Hash::Sha256);
    }
    let (hash, _) = take(PSS_HASH, parameters)?;
    let (hash, _) = take(SEQUENCE, hash)?;
    named(take(OID, hash)?.0)
}

fn named(oid: &[u8]) -> Option<Hash> {
    HASHES.iter().find(|(known, _)| *known == oid).map(|(_, hash)| *hash)
}

/// One value of DER, which must bear this tag: its content, and what follows. Lengths up to three bytes: no handshake
/// carries more.
fn take(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = der else { return None };
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(length))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn put(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    /// A certificate with this algorithm, and whatever else.
    fn certificate(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = put(SEQUENCE, &[put(OID, oid), parameters.to_vec()].concat());
        put(SEQUENCE, &[put(SEQUENCE, b"whatever"), algorithm, put(3, b"signature")].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let check = |oid: &[u8], parameters: &[u8], expected: Option<Hash>| {
            assert_eq!(signature_hash(&certificate(oid, parameters)), expected, "{oid:x?} {parameters:x?}");
        };
        for (oid, hash) in HASHES {
            check(oid, b"", Some(hash));
            check(oid, b"\x05\0", Some(hash));
        }
        check(b"\x2b\x65\x70", b"", None); // Ed25519
        check(PSS, b"", None);
        check(PSS, &put(SEQUENCE, b""), Some(Hash::Sha256));
        let named = |oid: &[u8]| put(SEQUENCE, &put(PSS_HASH, &put(SEQUENCE, &put(OID, oid))));
        check(PSS, &named(HASHES[11].0), Some(Hash::Sha384));
        check(PSS, &named(HASHES[12].0), Some(Hash::Sha512));
        check(PSS, &named(b"\x2b"), None);
    }

    #[test]
    fn of_real_certificates() {
        let check = |algorithm, length: Option<usize>| {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let made = rcgen::CertificateParams::new(vec!["db.example".into()]).unwrap().self_signed(&key).unwrap();
            let hash = |length| match length {
                32 => Sha256::digest(made.der()).to_vec(),
                _ => Sha384::digest(made.der()).to_vec(),
            };
            assert_eq!(end_point(made.der()), length.map(|length| EndPoint::from(&hash(length)[..])));
        };
        check(&rcgen::PKCS_ECDSA_P256_SHA256, Some(32));
        check(&rcgen::PKCS_ECDSA_P384_SHA384, Some(48));
        check(&rcgen::PKCS_ED25519, None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_panic_nobody(bytes: Vec<u8>, cut in 0..60_usize) {
            let _ = signature_hash(&bytes);
            let whole = certificate(PSS, &put(SEQUENCE, &bytes));
            let _ = signature_hash(&whole);
            prop_assert_eq!(signature_hash(&whole[..cut.min(whole.len() - 1)]), None);
        }
    }
}
