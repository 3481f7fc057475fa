//! Connections to the web side, kept few and lively: it shares its descriptors with the clients. Knows nothing of HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// A listener that keeps no more than so many connections at once: for another the one goes on which nothing has moved for longest.
pub(super) struct Guests {
    listener: TcpListener,
    places: Arc<Semaphore>,
    crowded: Arc<Notify>,
    quiet_max: Duration,
}

impl Guests {
    pub(super) fn new(listener: TcpListener, places: usize, quiet_max: Duration) -> Guests {
        Guests { listener, places: Arc::new(Semaphore::new(places)), crowded: Arc::default(), quiet_max }
    }
}

impl Listener for Guests {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        if self.places.available_permits() == 0 {
            self.crowded.notify_one();
        }
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        (Guest::new(stream, place, self.crowded.clone(), self.quiet_max), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. It fails when nothing moved for `quiet_max`, in either direction, or when its place is wanted.
pub(super) struct Guest {
    stream: TcpStream,
    /// Those who wait for longest are told first.
    wanted: Pin<Box<OwnedNotified>>,
    crowded: Arc<Notify>,
    quiet: Pin<Box<Sleep>>,
    quiet_max: Duration,
    place: OwnedSemaphorePermit,
}

impl Guest {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, crowded: Arc<Notify>, quiet_max: Duration) -> Guest {
        let wanted = Box::pin(crowded.clone().notified_owned());
        Guest { stream, wanted, crowded, quiet: Box::pin(sleep(quiet_max)), quiet_max, place }
    }

    /// Does a step of the stream; one that must wait may also end with the patience.
    fn step<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = poll(Pin::new(&mut self.stream), cx) {
            self.quiet.as_mut().reset(Instant::now() + self.quiet_max);
            self.wanted.set(self.crowded.clone().notified_owned());
            return Poll::Ready(result);
        }
        while self.wanted.as_mut().poll(cx).is_ready() {
            if self.place.semaphore().available_permits() == 0 {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // Another has gone meanwhile.
            self.wanted.set(self.crowded.clone().notified_owned());
        }
        ready!(self.quiet.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.step(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.step(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.step(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    async fn guests(places: usize, quiet_max: Duration) -> Guests {
        Guests::new(TcpListener::bind("127.0.0.1:0").await.unwrap(), places, quiet_max)
    }

    #[tokio::test]
    async fn a_quiet_guest_is_sent_away() {
        let mut guests = guests(1, Duration::from_millis(5)).await;
        let _client = TcpStream::connect(guests.local_addr().unwrap()).await.unwrap();
        let (mut guest, _) = guests.accept().await;
        assert_eq!(guest.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_place_is_free_when_its_guest_has_gone() {
        let mut guests = guests(1, Duration::from_secs(60)).await;
        let addr = guests.local_addr().unwrap();
        let (_one, _two) = (TcpStream::connect(addr).await.unwrap(), TcpStream::connect(addr).await.unwrap());
        let (first, _) = guests.accept().await;
        assert_eq!(guests.places.available_permits(), 0);
        drop(first);
        guests.accept().await;
    }

    #[tokio::test]
    async fn the_quietest_goes_for_another() {
        let mut guests = guests(2, Duration::from_secs(60)).await;
        let addr = guests.local_addr().unwrap();
        let mut clients = Vec::new();
        let mut next = async |guests: &mut Guests| {
            clients.push(TcpStream::connect(addr).await.unwrap());
            guests.accept().await.0
        };
        let (mut quiet, mut lively) = (next(&mut guests).await, next(&mut guests).await);
        let hear = |guest: &mut Guest| {
            let mut byte = [0];
            let mut buffer = ReadBuf::new(&mut byte);
            Pin::new(guest).poll_read(&mut Context::from_waker(std::task::Waker::noop()), &mut buffer)
        };
        // The one that came first has said something last.
        assert!(hear(&mut quiet).is_pending() && hear(&mut lively).is_pending());
        std::mem::swap(&mut quiet, &mut lively);
        clients[0].try_write(b"x").unwrap();
        lively.stream.readable().await.unwrap();
        assert!(matches!(hear(&mut lively), Poll::Ready(Ok(()))) && hear(&mut lively).is_pending());
        clients.push(TcpStream::connect(addr).await.unwrap());
        let told = async move { quiet.read_u8().await.unwrap_err().kind() };
        let (_, why) = tokio::join!(guests.accept(), told);
        assert_eq!(why, io::ErrorKind::TimedOut);
        assert!(hear(&mut lively).is_pending());
    }
}
