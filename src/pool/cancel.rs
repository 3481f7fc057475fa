//! Stopping what a server runs for one client, and never for another.
//!
//! A cancel is a connection of its own, and its effect comes whenever Postgres gets to it. So a server is not lent again
//! until every cancel that is under way to it has been seen closed by Postgres: by then its signal has been sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::server::Server;
use crate::net::dial::Address;
use crate::net::{Stream, Talk};
use crate::protocol::encode;

/// A cancel that takes longer than this to reach the server is given up, and the server closed, for it may still arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// What others may know of a server that serves somebody: how to cancel what it runs.
#[derive(Debug)]
pub struct Line {
    /// Its process id.
    pub process_id: u32,
    key: Vec<u8>,
    address: Arc<Address>,
    cancels: Mutex<Cancels>,
    passed: Notify,
}

#[derive(Debug, Default)]
struct Cancels {
    under_way: usize,
    /// What runs is no client's, but ours: none is sent.
    held: bool,
    /// One of them was given up: it may arrive at any time.
    stray: bool,
    /// The server, given back meanwhile.
    parked: Option<Box<Server>>,
}

/// What becomes of a server that is given back.
#[derive(Debug)]
pub enum Release {
    /// It may be lent.
    Free(Box<Server>),
    /// A cancel is under way to it; whoever sees its end gives it back.
    Parked,
    /// A cancel went astray to it: it is to be closed.
    Unsafe(Box<Server>),
}

impl Line {
    /// Of a server that gave us this key.
    pub fn new(process_id: u32, key: &[u8], address: Arc<Address>) -> Line {
        Line { process_id, key: key.to_vec(), address, cancels: Mutex::default(), passed: Notify::new() }
    }

    /// What runs next is ours, and a cancel is for what comes behind it: it waits until [`Line::pass`].
    pub fn hold(&self) {
        self.lock().held = true;
    }

    /// What is ours is over.
    pub fn pass(&self) {
        self.lock().held = false;
        self.passed.notify_waiters();
    }

    /// Notes that a cancel is under way. To be called while the client is known to be served here.
    pub fn begin(&self) {
        self.lock().under_way += 1;
    }

    /// Sends the cancel that was begun and waits until Postgres has closed the connection. The server, if it was given
    /// back meanwhile and this was the last.
    pub async fn cancel(&self) -> Option<Release> {
        let sent = match tokio::time::timeout(PATIENCE, self.wait_its_turn()).await {
            Ok(()) => tokio::time::timeout(PATIENCE, self.deliver()).await.is_ok_and(|sent| sent.is_ok()),
            // Nothing has been sent that could arrive later.
            Err(_) => true,
        };
        let mut cancels = self.lock();
        cancels.under_way -= 1;
        cancels.stray |= !sent;
        if cancels.under_way > 0 {
            return None;
        }
        let (server, stray) = (cancels.parked.take()?, cancels.stray);
        Some(if stray { Release::Unsafe(server) } else { Release::Free(server) })
    }

    /// A server is given back by its client.
    pub fn release(&self, server: Box<Server>) -> Release {
        let mut cancels = self.lock();
        match (cancels.under_way, cancels.stray) {
            (0, false) => Release::Free(server),
            (0, true) => Release::Unsafe(server),
            _ => {
                cancels.parked = Some(server);
                Release::Parked
            }
        }
    }

    async fn wait_its_turn(&self) {
        let passed = self.passed.notified();
        let held = self.lock().held;
        if held {
            passed.await;
        }
    }

    async fn deliver(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut talk = Talk::new(self.address.dial().await?);
        encode::cancel_request(&mut talk.out, self.process_id, &self.key);
        talk.flush().await?;
        wait_for_end(&mut talk.stream).await;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cancels> {
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Postgres answers a cancel by closing; a reset is as good.
async fn wait_for_end(stream: &mut Stream) {
    let mut room = [0; 64];
    while let Ok(1..) = std::future::poll_fn(|cx| stream.poll_read(cx, &mut room)).await {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{TlsMode, TlsNegotiation};
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn what_is_ours_is_not_cancelled() {
        let postgres = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (host, port) = ("127.0.0.1".to_owned(), postgres.local_addr().unwrap().port());
        let negotiation = TlsNegotiation::Postgres;
        let address = Address {
            host,
            hostaddr: None,
            port,
            tls_mode: TlsMode::Disable,
            negotiation,
            tls: None,
            tcp: Default::default(),
            names: Default::default(),
        };
        let line = Line::new(7, b"1234", Arc::new(address));
        line.hold();
        line.begin();
        let (mut cancel, mut arrival) = (pin!(line.cancel()), pin!(postgres.accept()));
        for _ in 0..3 {
            let early =
                poll_fn(|cx| Poll::Ready(cancel.as_mut().poll(cx).is_ready() || arrival.as_mut().poll(cx).is_ready()));
            assert!(!early.await);
            tokio::task::yield_now().await;
        }
        line.pass();
        tokio::join!(cancel, async { drop(arrival.await.unwrap()) });
        // Nothing of it is under way any more, and nothing went astray.
        let cancels = line.lock();
        assert!(cancels.under_way == 0 && !cancels.stray);
    }
}
