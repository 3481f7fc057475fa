//! Many at once that never come to an end.

use crate::support::client::connect;
use crate::support::peer::Peer;
use crate::support::pgweir;
use crate::support::stage::{self, Stage};
use crate::support::tls::Pair;
use crate::support::wire::{password, ssl_request, startup};

/// Fewer than `max_logins`, so that who comes after them is served.
const CROWD: usize = 200;

#[test]
fn logins_that_do_not_go_on_are_closed() {
    let stage = Stage::before(Peer::new(), "", &[("PGWEIR_POOL_CLIENT_LOGIN_TIMEOUT", "300ms")]);
    let (mut client, mut server) = stage.first();
    let hello = startup(&[("user", "app"), ("database", "app")]);
    let beginnings = [&b""[..], b"\0", &hello[..4], &hello[..hello.len() - 1]];
    let mut crowd: Vec<_> = beginnings.iter().cycle().take(CROWD).map(|_| connect(stage.pgweir.addr)).collect();
    for (conn, beginning) in crowd.iter_mut().zip(beginnings.iter().cycle()) {
        conn.send(beginning);
    }
    let mut asking = connect(stage.pgweir.addr);
    asking.send(&ssl_request());
    asking.read_raw(&mut [0; 1]);
    stage.converse(&mut client, &mut server);
    crowd.iter_mut().for_each(|conn| conn.expect_closed());
    asking.expect_closed();
    stage.converse(&mut client, &mut server);
    stage.peer.expect_nobody();
}

#[test]
fn handshakes_that_do_not_go_on_keep_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let pair = Pair::in_directory(directory.path());
    let environment = [
        ("PGWEIR_POOL_MAX_LOGINS", "1"),
        ("PGWEIR_TLS_CLIENT_MODE", "prefer"),
        ("PGWEIR_TLS_CLIENT_CERT_FILE", pair.cert.to_str().unwrap()),
        ("PGWEIR_TLS_CLIENT_KEY_FILE", pair.key.to_str().unwrap()),
    ];
    let stage = Stage::before(Peer::new(), "", &environment);
    // If each of these had a turn, for the second in which it may be silent, the first client would come too late.
    let hello = startup(&[("user", "app"), ("database", "app")]);
    let request = ssl_request();
    let crowd = [&request, &hello[..hello.len() - 1], &request[..1]].repeat(CROWD / 3);
    let crowd = crowd.into_iter().chain([&b"\x16\x03\x01"[..]]);
    let _crowd: Vec<_> = crowd
        .map(|beginning| {
            let mut conn = connect(stage.pgweir.addr);
            conn.send(beginning);
            conn
        })
        .collect();
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
}

#[test]
fn strangers_who_fall_silent_when_asked_for_a_password_keep_nobody_out() {
    let peer = Peer::new();
    let toml = stage::toml(peer.addr().port(), "max_logins = 1").replace("\"trust\"", "\"plain\"");
    let pgweir = pgweir::start(&format!("{toml}[users.app]\npassword = \"secret\"\n"), &[]);
    let hello = startup(&[("user", "app"), ("database", "app")]);
    // A second for each of these would be longer than anybody waits.
    let _crowd: Vec<_> = (0..CROWD / 8)
        .map(|_| {
            let mut conn = connect(pgweir.addr);
            conn.send(&hello);
            conn
        })
        .collect();
    let mut conn = connect(pgweir.addr);
    conn.send(&hello);
    conn.expect("R");
    conn.send(&password("secret"));
    let _server = peer.serve();
    conn.expect("R");
}

#[test]
fn logins_that_wait_for_a_server_keep_nobody_out_whose_server_is_there() {
    let (peer, silent) = (Peer::new(), Peer::new());
    let toml = stage::toml(peer.addr().port(), "max_logins = 1\nserver_connect_timeout = \"0s\"");
    let database = format!("[databases.silent]\nhost = \"127.0.0.1\"\nport = {}\n", silent.addr().port());
    let stage = Stage { pgweir: pgweir::start(&(toml + &database), &[]), peer };
    let hello = startup(&[("user", "app"), ("database", "silent")]);
    let _waiting = [(); 4].map(|()| {
        let mut conn = connect(stage.pgweir.addr);
        conn.send(&hello);
        conn
    });
    let _asked = silent.accept();
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
}
