//! pgweir between a client and a server that both do what the test says: the usual scene.

use super::client::{self, Client};
use super::peer::{Peer, Server};
use super::pgweir::{self, Pgweir};
use super::wire::Conn;
use super::{http, wire};

/// pgweir and the server behind it.
#[derive(Debug)]
pub struct Stage {
    pub peer: Peer,
    pub pgweir: Pgweir,
}

impl Stage {
    /// One server at a time for one database, no passwords; `settings` are lines of `[pool]`.
    pub fn new(settings: &str) -> Stage {
        Stage::before(Peer::new(), settings, &[])
    }

    /// In front of this server, with these variables in pgweir's environment.
    pub fn before(peer: Peer, settings: &str, environment: &[(&str, &str)]) -> Stage {
        let toml = toml(peer.addr().port(), settings);
        Stage { pgweir: pgweir::start(&toml, environment), peer }
    }

    /// The first client, and the server that pgweir opens for it.
    #[track_caller]
    pub fn first(&self) -> (Client, Server) {
        let conn = self.start();
        let server = self.peer.serve();
        (Client::welcome(conn), server)
    }

    /// A further client, for whose login no server is needed.
    #[track_caller]
    pub fn client(&self) -> Client {
        Client::login(self.pgweir.addr)
    }

    /// A client that has said hello and not been answered.
    pub fn start(&self) -> Conn {
        client::start(self.pgweir.addr, "app")
    }

    /// This client asks something and is answered by this server: all is well.
    #[track_caller]
    pub fn converse(&self, client: &mut Client, server: &mut Server) {
        client.send(&wire::query("select 'well'"));
        server.answer("select 'well'", &wire::one_row(b"well"));
        client.expect("T D C Z");
    }

    /// The same with the next server that pgweir opens.
    #[track_caller]
    pub fn converse_anew(&self, client: &mut Client) -> Server {
        client.send(&wire::query("select 'anew'"));
        let mut server = self.peer.serve();
        server.answer("select 'anew'", &wire::one_row(b"anew"));
        client.expect("T D C Z");
        server
    }

    /// Returns once this client waits for a server.
    pub fn wait_until_waiting(&self, client: &Client) {
        http::wait_for_state(self.pgweir.http, client.id, "waiting");
    }
}

/// The file for a server on this port.
pub fn toml(port: u16, settings: &str) -> String {
    format!(
        "[pool]\npool_size = 1\n{settings}\n\
         [auth]\nauth_type = \"trust\"\n\
         [tls.server]\nmode = \"disable\"\n\
         [databases.app]\nhost = \"127.0.0.1\"\nport = {port}\n"
    )
}
