//! Handshakes in memory, of our two sides with each other, with certificates made for the occasion.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ClientConnection, HandshakeKind, ServerConnection};
use tempfile::TempDir;

use super::*;

/// Certificates of two authorities and of some that they signed, as files: `a.crt` is authority A, `a-db.crt` and
/// `a-db.key` are a certificate of `db.example` and 127.0.0.1 that A signed, `-old` ones are expired, `self` signed itself.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        let files = Files(tempfile::tempdir().unwrap());
        for authority in ["a", "b"] {
            let (params, key) = (params(authority, true, false), KeyPair::generate().unwrap());
            files.write(authority, &params.self_signed(&key).unwrap().pem(), &key);
            let issuer = Issuer::new(params, key);
            for (name, old) in [("db", false), ("old", true)] {
                let key = KeyPair::generate().unwrap();
                let leaf = params_of_leaf(old).signed_by(&key, &issuer).unwrap();
                files.write(&format!("{authority}-{name}"), &leaf.pem(), &key);
            }
        }
        for (name, old) in [("self", false), ("self-old", true)] {
            let key = KeyPair::generate().unwrap();
            files.write(name, &params("db.example", true, old).self_signed(&key).unwrap().pem(), &key);
        }
        fs::write(files.path("empty"), "").unwrap();
        fs::write(files.path("broken"), "-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n").unwrap();
        files
    }

    fn write(&self, name: &str, pem: &str, key: &KeyPair) {
        fs::write(self.path(&format!("{name}.crt")), pem).unwrap();
        fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Three names of files, `-` for none: certificate, key, authorities.
    fn three(&self, names: &str) -> [Option<PathBuf>; 3] {
        let mut names = names.split(' ').map(|name| (name != "-").then(|| self.path(name)));
        std::array::from_fn(|_| names.next().unwrap())
    }

    fn client_side(&self, mode: TlsMode, names: &str) -> TlsClient {
        let [cert_file, key_file, ca_file] = self.three(names);
        TlsClient { mode, cert_file, key_file, ca_file }
    }

    fn server_side(&self, mode: TlsMode, names: &str) -> TlsServer {
        let [cert_file, key_file, ca_file] = self.three(names);
        TlsServer { mode, cert_file, key_file, ca_file, ..TlsServer::default() }
    }
}

fn params_of_leaf(old: bool) -> CertificateParams {
    params("db.example", false, old)
}

fn params(name: &str, authority: bool, old: bool) -> CertificateParams {
    let names = ["db.example".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if old {
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    }
    params
}

/// Shakes hands until nobody has anything to say; gives both ends, or what was wrong.
fn shake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<(ServerConnection, ClientConnection), rustls::Error> {
    let mut server = ServerConnection::new(server.clone()).unwrap();
    let mut client = ClientConnection::new(client.clone(), name).unwrap();
    while server.wants_write() || client.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut unread = &wire[..];
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
            server.process_new_packets()?;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut unread = &wire[..];
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    Ok((server, client))
}

/// Whether a connector with these settings comes through to a server with this certificate under this name.
fn check_connector(files: &Files, server: &str, mode: TlsMode, names: &str, host: &str, expected: &str) {
    let server = files.client_side(TlsMode::Require, &format!("{server}.crt {server}.key -"));
    let (server, client) = (acceptor(&server).unwrap().unwrap().config, connector(&files.server_side(mode, names)));
    let found = shake(&server, &client.unwrap().unwrap(), server_name(host, mode).unwrap());
    let found = found.err().map_or("fine".to_owned(), |error| error.to_string());
    assert!(found.contains(expected), "{mode:?} {names} {host}: {found}");
}

fn connector(tls: &TlsServer) -> Result<Option<Arc<ClientConfig>>, TlsError> {
    super::connector(tls, "tls.server")
}

#[test]
fn without_verification_any_server_will_do() {
    let files = Files::new();
    for mode in [TlsMode::Allow, TlsMode::Prefer, TlsMode::Require] {
        for server in ["a-db", "b-db", "a-old", "self", "self-old"] {
            check_connector(&files, server, mode, "- - -", "other.example", "fine");
        }
        check_connector(&files, "a-db", mode, "- - -", "not a name", "fine");
    }
}

#[test]
fn an_authority_must_have_signed() {
    let files = Files::new();
    for mode in [TlsMode::Allow, TlsMode::Prefer, TlsMode::Require, TlsMode::VerifyCa] {
        let check = |server, names, expected| check_connector(&files, server, mode, names, "other.example", expected);
        check("a-db", "- - a.crt", "fine");
        check("b-db", "- - a.crt", "UnknownIssuer");
        check("a-old", "- - a.crt", "expired");
        check("self", "- - self.crt", "fine");
        check("self", "- - a.crt", "invalid peer certificate");
        check("self-old", "- - self-old.crt", "expired");
    }
}

#[test]
fn verify_full_also_wants_the_name() {
    let files = Files::new();
    let check =
        |server, names, host, expected| check_connector(&files, server, TlsMode::VerifyFull, names, host, expected);
    check("a-db", "- - a.crt", "db.example", "fine");
    check("a-db", "- - a.crt", "DB.example", "fine");
    check("a-db", "- - a.crt", "127.0.0.1", "fine");
    check("a-db", "- - a.crt", "other.example", "not valid for name");
    check("a-db", "- - a.crt", "127.0.0.2", "not valid for name");
    check("b-db", "- - a.crt", "db.example", "UnknownIssuer");
    check("a-old", "- - a.crt", "db.example", "expired");
    check("self", "- - self.crt", "db.example", "fine");
    check("self", "- - self.crt", "other.example", "not valid for name");
    assert!(server_name("not a name", TlsMode::VerifyFull).is_err());
}

/// Without a ca_file the system's roots decide, and they have not heard of ours. A machine may have none at all.
#[test]
fn without_a_ca_file_the_systems_roots_decide() {
    let files = Files::new();
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        match connector(&files.server_side(mode, "- - -")) {
            Ok(_) => check_connector(&files, "a-db", mode, "- - -", "db.example", "UnknownIssuer"),
            Err(error) => assert!(error.to_string().contains("system's root certificates"), "{error}"),
        }
    }
}

#[test]
fn clients_show_a_certificate_from_verify_ca_on() {
    let files = Files::new();
    let check = |mode, client: &str, expected: &str| {
        let server = acceptor(&files.client_side(mode, "a-db.crt a-db.key a.crt")).unwrap().unwrap().config;
        let client = connector(&files.server_side(TlsMode::Require, &format!("{client} -"))).unwrap().unwrap();
        let found = shake(&server, &client, server_name("db.example", TlsMode::Require).unwrap());
        let found = found.err().map_or("fine".to_owned(), |error| error.to_string());
        assert!(found.contains(expected), "{mode:?} {client:?}: {found}");
    };
    for mode in [TlsMode::Allow, TlsMode::Prefer, TlsMode::Require] {
        check(mode, "- -", "fine");
        check(mode, "b-db.crt b-db.key", "fine");
    }
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
        check(mode, "- -", "no certificates");
        check(mode, "a-db.crt a-db.key", "fine");
        check(mode, "b-db.crt b-db.key", "UnknownIssuer");
        check(mode, "a-old.crt a-old.key", "expired");
    }
}

#[test]
fn both_sides_name_the_protocol_and_resume() {
    let files = Files::new();
    let acceptor = acceptor(&files.client_side(TlsMode::Prefer, "a-db.crt a-db.key -")).unwrap().unwrap();
    let (server, bound_to) = (acceptor.config, acceptor.end_point);
    assert!(bound_to.is_some());
    let client = connector(&files.server_side(TlsMode::VerifyFull, "- - a.crt")).unwrap().unwrap();
    let name = || server_name("db.example", TlsMode::VerifyFull).unwrap();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (server, client) = shake(&server, &client, name()).unwrap();
        assert_eq!(client.handshake_kind(), Some(kind));
        assert_eq!((client.alpn_protocol(), server.alpn_protocol()), (Some(ALPN), Some(ALPN)));
        assert_eq!(end_point(&client.peer_certificates().unwrap()[0]), bound_to);
    }
    let mut silent = ClientConfig::clone(&client);
    silent.alpn_protocols.clear();
    assert!(shake(&server, &Arc::new(silent.clone()), name()).is_ok());
    silent.alpn_protocols = vec![b"h2".to_vec()];
    assert!(shake(&server, &Arc::new(silent), name()).is_err());
}

#[test]
fn disable_reads_nothing() {
    let files = Files::new();
    assert!(acceptor(&files.client_side(TlsMode::Disable, "none none none")).unwrap().is_none());
    assert!(connector(&files.server_side(TlsMode::Disable, "none none none")).unwrap().is_none());
}

#[test]
fn mistakes_name_the_key_and_the_file() {
    let files = Files::new();
    let name_both = |found: Option<TlsError>, names: &str, expected: &[&str]| {
        let found = found.map_or("no mistake".to_owned(), |error| error.to_string());
        expected.iter().for_each(|part| assert!(found.contains(part), "{names}: {found}"));
    };
    let accept = |mode, names, expected: &[&str]| {
        name_both(acceptor(&files.client_side(mode, names)).err(), names, &[expected, &["[tls.client]"]].concat());
    };
    accept(TlsMode::Require, "- - -", &["cert_file is not set", "mode = \"require\""]);
    accept(TlsMode::Require, "a-db.crt - -", &["key_file is not set"]);
    accept(TlsMode::VerifyCa, "a-db.crt a-db.key -", &["ca_file is not set", "verify-ca"]);
    accept(TlsMode::Prefer, "none a-db.key -", &["cert_file = ", "/none\"", "No such file", "certificate chain"]);
    accept(TlsMode::Prefer, "empty a-db.key -", &["/empty\"", "no certificate in it"]);
    accept(TlsMode::Prefer, "broken a-db.key -", &["/broken\"", "certificate chain"]);
    accept(TlsMode::Prefer, "a-db.key a-db.crt -", &["/a-db.key\"", "no certificate in it"]);
    accept(TlsMode::Prefer, "a-db.crt a-db.crt -", &["key_file", "no private key in it", "not encrypted"]);
    accept(TlsMode::Prefer, "a-db.crt b-db.key -", &["/a-db.crt\"", "/b-db.key\"", "do not go together"]);
    accept(TlsMode::VerifyFull, "a-db.crt a-db.key empty", &["ca_file", "/empty\"", "authorities"]);
    let connect = |mode, names, expected: &[&str]| {
        name_both(connector(&files.server_side(mode, names)).err(), names, &[expected, &["[tls.server]"]].concat());
    };
    connect(TlsMode::Prefer, "a-db.crt - -", &["key_file is not set", "cert_file needs one"]);
    connect(TlsMode::Prefer, "- a-db.key -", &["cert_file is not set", "key_file needs one"]);
    connect(TlsMode::Prefer, "a-db.crt b-db.key -", &["do not go together"]);
    connect(TlsMode::VerifyFull, "- - none", &["ca_file", "/none\"", "authorities"]);
}
