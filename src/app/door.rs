//! Accepts, and gives each new client to the worker with the fewest.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tracing::error;

use super::crew::{Crew, Hand};
use crate::net::Stream;
use crate::net::listen::Listener;
use crate::observe::who::Addr;
use crate::session::welcome::welcome;
use crate::session::{Lobby, Worker};

/// Without descriptors or memory, accepting fails at once and again; a pause lets others finish.
const BREATH: Duration = Duration::from_millis(50);

/// A socket between two loops.
enum Moved {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
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
    let lobby = lobby.clone();
    if hand.worker.index == crew.first().worker.index {
        tokio::spawn(live(stream, from, hand.worker.clone(), lobby));
        return Ok(());
    }
    move_to(hand, stream, from, lobby)
}

/// A socket belongs to the loop that it was registered with, so it is taken out of one and put into the other.
fn move_to(hand: &Hand, stream: Stream, from: Addr, lobby: Arc<Lobby>) -> io::Result<()> {
    let moved = match stream {
        Stream::Tcp(tcp) => Moved::Tcp(tcp.into_std()?),
        Stream::Unix(unix) => Moved::Unix(unix.into_std()?),
        Stream::TlsAccepted(_) | Stream::TlsConnected(_) => return Err(io::Error::other("TLS before the handshake")),
    };
    let worker = hand.worker.clone();
    hand.runtime.spawn(async move {
        let stream = match moved {
            Moved::Tcp(tcp) => TcpStream::from_std(tcp).map(Stream::Tcp),
            Moved::Unix(unix) => UnixStream::from_std(unix).map(Stream::Unix),
        };
        match stream {
            Ok(stream) => live(stream, from, worker, lobby).await,
            Err(error) => error!(event = "accept_failed", %error),
        }
    });
    Ok(())
}

/// A client from its first byte to its last. The login is boxed: it needs far more room than the session after it, which is
/// what a client at rest costs.
fn live(stream: Stream, from: Addr, worker: Arc<Worker>, lobby: Arc<Lobby>) -> impl Future<Output = ()> + Send {
    let login = Box::pin(welcome(stream, from, worker, lobby));
    async {
        if let Some(session) = login.await {
            session.run().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the task of a resting client takes, beside its `Session` and `Client`.
    const MOST: usize = 384;

    #[test]
    fn a_resting_client_is_small() {
        fn size<F>(_: fn(Stream, Addr, Arc<Worker>, Arc<Lobby>) -> F) -> usize {
            size_of::<F>()
        }
        assert!(size(live) <= MOST, "{}", size(live));
    }
}
