//! First packets that are none.

use std::net::SocketAddr;

use crate::support::client::{Client, connect};
use crate::support::peer::Peer;
use crate::support::stage::Stage;
use crate::support::tls::Pair;
use crate::support::wire::{packet, password, ssl_request, startup};

/// Bytes as the first of a connection: a FATAL error with this code, then the end.
#[track_caller]
fn check_refused(addr: SocketAddr, bytes: &[u8], code: &str) {
    let mut conn = connect(addr);
    conn.send(bytes);
    conn.expect_error("FATAL", code);
    conn.expect_closed();
}

#[test]
fn a_startup_packet_has_a_length_that_one_can_have() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    for length in [0_u32, 1, 3, 4, 7, 10_001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let bytes = [length.to_be_bytes(), 196_608_u32.to_be_bytes()].concat();
        check_refused(stage.pgweir.addr, &bytes, "08P01");
    }
    stage.converse(&mut client, &mut server);
}

#[test]
fn a_startup_packet_is_well_formed() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    let addr = stage.pgweir.addr;
    check_refused(addr, &packet(196_608, b""), "08P01");
    check_refused(addr, &packet(196_608, b"user\0app\0"), "08P01");
    check_refused(addr, &packet(196_608, b"user\0app\0\0\0"), "08P01");
    check_refused(addr, &packet(196_608, b"user"), "08P01");
    check_refused(addr, &packet(196_608, &[b'x'; 9_000]), "08P01");
    check_refused(addr, &packet(196_608, b"\0"), "28000");
    check_refused(addr, &packet(131_072, b"user\0app\0\0"), "0A000");
    check_refused(addr, &packet(0, b""), "0A000");
    stage.converse(&mut client, &mut server);
}

#[test]
fn a_password_comes_after_the_startup_packet() {
    let stage = Stage::new("");
    check_refused(stage.pgweir.addr, &password("secret"), "08P01");
    stage.peer.expect_nobody();
}

#[test]
fn tls_is_not_spoken_unasked() {
    let stage = Stage::new("");
    check_refused(stage.pgweir.addr, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "08P01");
    let mut conn = connect(stage.pgweir.addr);
    conn.send(&ssl_request());
    let mut answer = [0; 1];
    conn.read_raw(&mut answer);
    assert_eq!(&answer, b"N");
    conn.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    conn.expect_error("FATAL", "08P01");
    conn.expect_closed();
}

#[test]
fn encryption_is_asked_for_once() {
    let stage = Stage::new("");
    let mut conn = connect(stage.pgweir.addr);
    for code in [80_877_104, 80_877_103] {
        conn.send(&packet(code, b""));
        let mut answer = [0; 1];
        conn.read_raw(&mut answer);
        assert_eq!(&answer, b"N");
    }
    conn.send(&ssl_request());
    conn.expect_closed();
}

/// What lies behind SSLRequest was not encrypted, whoever put it there (CVE-2021-3935).
#[test]
fn nothing_comes_between_asking_for_tls_and_the_handshake() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::in_directory(directory.path());
    let environment = [
        ("PGWEIR_TLS_CLIENT_MODE", "prefer"),
        ("PGWEIR_TLS_CLIENT_CERT_FILE", pair.cert.to_str().unwrap()),
        ("PGWEIR_TLS_CLIENT_KEY_FILE", pair.key.to_str().unwrap()),
    ];
    let stage = Stage::before(Peer::new(), "", &environment);
    let more = startup(&[("user", "app"), ("database", "app")]);
    for garbage in [&b"\x16garbage and more of it"[..], b"\x16\x03\x01\0\x05\x01\xff\xff\xff\xff", &[0x16; 9000]] {
        let mut conn = connect(stage.pgweir.addr);
        conn.send(garbage);
        conn.rest();
    }
    for more in [&b"x"[..], b"\x16\x03\x01", &more] {
        let mut conn = connect(stage.pgweir.addr);
        conn.send(&[&ssl_request(), more].concat());
        conn.expect_closed();
    }
    stage.peer.expect_nobody();
    let mut conn = connect(stage.pgweir.addr);
    conn.send(&ssl_request());
    let mut answer = [0; 1];
    conn.read_raw(&mut answer);
    assert_eq!(&answer, b"S");
}

#[test]
fn a_login_hears_nothing_but_the_password() {
    let stage =
        Stage::before(Peer::new(), "", &[("PGWEIR_AUTH_AUTH_TYPE", "plain"), ("PGWEIR_USERS_APP_PASSWORD", "secret")]);
    let hello = startup(&[("user", "app"), ("database", "app")]);
    for wrong in [crate::support::wire::query("select 1"), crate::support::wire::sync(), hello.clone()] {
        let mut conn = stage.start();
        assert_eq!(conn.expect("R")[0].body, [0, 0, 0, 3]);
        conn.send(&wrong);
        conn.expect_error("FATAL", "08P01");
        conn.expect_closed();
    }
    stage.peer.expect_nobody();
    let mut conn = stage.start();
    assert_eq!(conn.expect("R")[0].body, [0, 0, 0, 3]);
    conn.send(&password("secret"));
    let mut server = stage.peer.serve();
    stage.converse(&mut Client::welcome(conn), &mut server);
}
