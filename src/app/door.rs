//! Accepts, and gives each new client to the worker with the fewest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tracing::error;

use super::crew::Crew;
use crate::net::Stream;
use crate::net::listen::Listener;
use crate::observe::who::Addr;
use crate::session::welcome::{Welcomed, welcome};
use crate::session::{Lobby, Worker};

/// Without descriptors or memory, accepting fails at once and again; a pause lets others finish.
const BREATH: Duration = Duration::from_millis(50);

/// A socket on its way to its loop.
enum Arrival {
    /// This one.
    Here(Stream),
    /// Another: out of the one that has accepted it, not yet in its own.
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Arrival {
    /// A socket belongs to the loop that it was registered with, so it is taken out of one and put into the other.
    fn leave(stream: Stream) -> io::Result<Arrival> {
        match stream {
            Stream::Tcp(tcp) => tcp.into_std().map(Arrival::Tcp),
            Stream::Unix(unix) => unix.into_std().map(Arrival::Unix),
            Stream::TlsAccepted(_) | Stream::TlsConnected(_) => Err(io::Error::other("TLS before the handshake")),
        }
    }

    fn arrive(self) -> io::Result<Stream> {
        match self {
            Arrival::Here(stream) => Ok(stream),
            Arrival::Tcp(tcp) => TcpStream::from_std(tcp).map(Stream::Tcp),
            Arrival::Unix(unix) => UnixStream::from_std(unix).map(Stream::Unix),
        }
    }
}

/// Accepts until the doors are closed. The listener, and a socket's file with it, goes before `closed` does: who waits for that
/// knows that it has gone.
pub(super) async fn accept(listener: Listener, lobby: Arc<Lobby>, crew: Crew, mut closed: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closed.changed() => break,
        };
        match accepted {
            Ok((stream, from)) => {
                if let Err(error) = admit(stream, from, &lobby, &crew) {
                    error!(event = "accept_failed", %error);
                }
            }
            Err(error) => {
                error!(event = "accept_failed", %error, message = "raise the limit of open files if it is reached");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
}

fn admit(stream: Stream, from: Addr, lobby: &Arc<Lobby>, crew: &Crew) -> io::Result<()> {
    let hand = crew.least_busy();
    let (worker, lobby) = (hand.worker.clone(), lobby.clone());
    if worker.index == crew.first().worker.index {
        tokio::spawn(live(Arrival::Here(stream), from, worker, lobby));
    } else {
        hand.runtime.spawn(live(Arrival::leave(stream)?, from, worker, lobby));
    }
    Ok(())
}

/// A client from its first byte to its last. The login is boxed: it needs far more room than the session after it, which is
/// what a client at rest costs. So is what is rare: every client's task has room for the largest.
fn live(arrival: Arrival, from: Addr, worker: Arc<Worker>, lobby: Arc<Lobby>) -> impl Future<Output = ()> + Send {
    let login = Box::pin(enter(arrival, from, worker, lobby));
    async {
        match login.await {
            Some(Welcomed::Session(session)) => session.run().await,
            Some(Welcomed::Replication(replication)) => Box::pin(replication.run()).await,
            None => {}
        }
    }
}

async fn enter(arrival: Arrival, from: Addr, worker: Arc<Worker>, lobby: Arc<Lobby>) -> Option<Welcomed> {
    match arrival.arrive() {
        Ok(stream) => welcome(stream, from, worker, lobby).await,
        Err(error) => {
            error!(event = "accept_failed", %error);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the task of a resting client takes, beside its `Session` and `Client`.
    const MOST: usize = 280;

    #[test]
    fn a_resting_client_is_small() {
        fn size<F>(_: fn(Arrival, Addr, Arc<Worker>, Arc<Lobby>) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(live) <= MOST, "{}", size(live));
    }
}
