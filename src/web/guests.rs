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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// A listener that accepts no more than so many connections at once; the kernel's queue holds the others.
pub(super) struct Guests {
    listener: TcpListener,
    places: Arc<Semaphore>,
    quiet_max: Duration,
}

impl Guests {
    pub(super) fn new(listener: TcpListener, places: usize, quiet_max: Duration) -> Guests {
        Guests { listener, places: Arc::new(Semaphore::new(places)), quiet_max }
    }
}

impl Listener for Guests {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        (Guest::new(stream, place, self.quiet_max), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection. It fails when nothing moved for `quiet_max`, in either direction.
pub(super) struct Guest {
    stream: TcpStream,
    quiet: Pin<Box<Sleep>>,
    quiet_max: Duration,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, quiet_max: Duration) -> Guest {
        Guest { stream, quiet: Box::pin(sleep(quiet_max)), quiet_max, _place: place }
    }

    /// Does a step of the stream; one that must wait may also end with the patience.
    fn step<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(result) = poll(Pin::new(&mut self.stream), cx) {
            self.quiet.as_mut().reset(Instant::now() + self.quiet_max);
            return Poll::Ready(result);
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
        tokio::select! {
            biased;
            _ = guests.accept() => panic!("there was no place"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        guests.accept().await;
    }
}
