//! Statements that want a database for themselves: who leaves, and who does not.

use crate::support::client::{self, Client};
use crate::support::peer::{Peer, Server};
use crate::support::{pgweir, stage, wire};

/// A client of this database, and the server that it leaves at rest.
fn rest(pgweir: &pgweir::Pgweir, peer: &Peer, database: &str) -> (Client, Server) {
    let mut conn = client::connect(pgweir.addr);
    conn.send(&wire::startup(&[("user", "app"), ("database", database)]));
    let mut server = peer.serve();
    let mut client = Client::welcome(conn);
    client.send(&wire::query("select 1"));
    server.answer("select 1", &wire::one_row(b"1"));
    client.expect("T D C Z");
    (client, server)
}

#[test]
fn only_servers_of_that_database_at_that_place_leave() {
    let (here, elsewhere) = (Peer::new(), Peer::new());
    let database = |name: &str, peer: &Peer, dbname: &str| {
        let port = peer.addr().port();
        format!("[databases.{name}]\nhost = \"127.0.0.1\"\nport = {port}\ndbname = \"{dbname}\"\n")
    };
    let databases =
        [database("named", &here, "d"), database("beside", &here, "e"), database("namesake", &elsewhere, "d")];
    let pgweir = pgweir::start(&(stage::toml(here.addr().port(), "") + &databases.concat()), &[]);
    let (mut client, mut own) = rest(&pgweir, &here, "app");
    let (_named, mut leaves) = rest(&pgweir, &here, "named");
    let (mut beside, mut stays) = rest(&pgweir, &here, "beside");
    let (mut namesake, mut stays_elsewhere) = rest(&pgweir, &elsewhere, "namesake");

    client.send(&wire::query("drop database d"));
    assert_eq!(own.hear("Q"), "drop database d");
    leaves.expect("X");
    own.send(&wire::done("DROP DATABASE", b'I'));
    client.expect("C Z");
    for (client, server) in [(&mut beside, &mut stays), (&mut namesake, &mut stays_elsewhere), (&mut client, &mut own)]
    {
        client.send(&wire::query("select 2"));
        server.answer("select 2", &wire::one_row(b"2"));
        client.expect("T D C Z");
    }
}

#[test]
fn a_server_in_use_stays_until_it_comes_back() {
    let peer = Peer::new();
    let named = format!("[databases.named]\nhost = \"127.0.0.1\"\nport = {}\ndbname = \"d\"\n", peer.addr().port());
    let pgweir = pgweir::start(&(stage::toml(peer.addr().port(), "") + &named), &[]);
    let (mut client, mut own) = rest(&pgweir, &peer, "app");
    let (mut user, mut used) = rest(&pgweir, &peer, "named");
    user.send(&wire::query("begin"));
    used.answer("begin", &wire::done("BEGIN", b'T'));
    user.expect("C Z");
    client.send(&wire::extended("alter database d rename to f"));
    own.expect("P B D E S");
    user.send(&wire::query("commit"));
    used.answer("commit", &wire::done("COMMIT", b'I'));
    user.expect("C Z");
    used.expect("X");
}
