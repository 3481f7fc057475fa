//! A connection's byte stream, whatever it runs over. Polled, with buffers lent for the moment, so that a connection at
//! rest holds none.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use rustls::server::ParsedCertificate;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::{TcpStream, UnixStream};

use super::tls;
use crate::auth::EndPoint;

/// TCP, unix or TLS over either. Enum and not `dyn`: the hot path asks it four times a query.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TLS, we are the server.
    TlsAccepted(Box<tokio_rustls::server::TlsStream<Plain>>),
    /// TLS, we are the client.
    TlsConnected(Box<tokio_rustls::client::TlsStream<Plain>>),
}

/// What TLS may run over.
#[derive(Debug)]
pub enum Plain {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TCP, of which something was read before it was known to be TLS: that comes first.
    Ahead(TcpStream, Vec<u8>),
}

/// Runs an expression on whichever stream it is.
macro_rules! each {
    ($stream:expr, $inner:ident => $do:expr) => {
        match $stream {
            Stream::Tcp($inner) => $do,
            Stream::Unix($inner) => $do,
            Stream::TlsAccepted($inner) => $do,
            Stream::TlsConnected($inner) => $do,
        }
    };
}

/// The same for what is below TLS.
macro_rules! each_plain {
    ($stream:expr, $inner:ident => $do:expr) => {
        match $stream {
            Plain::Tcp($inner) => $do,
            Plain::Unix($inner) => $do,
            Plain::Ahead($inner, _) => $do,
        }
    };
}

impl Stream {
    /// Reads into `room`; 0 is the end.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(room);
        match each!(self, inner => Pin::new(inner).poll_read(cx, &mut buffer)) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes some of `bytes`.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, inner => Pin::new(inner).poll_write(cx, bytes))
    }

    /// Writes some of `slices`.
    pub fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        each!(self, inner => Pin::new(inner).poll_write_vectored(cx, slices))
    }

    /// Whether what was written may not have left: TLS gathers it.
    #[inline]
    pub fn holds_back(&self) -> bool {
        matches!(self, Stream::TlsAccepted(_) | Stream::TlsConnected(_))
    }

    /// Pushes out what TLS holds back; free on plain sockets.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(_) | Stream::Unix(_) => Poll::Ready(Ok(())),
            Stream::TlsAccepted(tls) => Pin::new(tls).poll_flush(cx),
            Stream::TlsConnected(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    /// Says goodbye (TLS close_notify, then FIN).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, inner => Pin::new(inner).poll_shutdown(cx))
    }

    /// Whether the peer said something, or left, since the last read found nothing more. Asks the runtime, not the kernel.
    pub fn has_spoken(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self {
            Stream::Tcp(tcp) => tcp.poll_read_ready(&mut cx).is_ready(),
            Stream::Unix(unix) => unix.poll_read_ready(&mut cx).is_ready(),
            Stream::TlsAccepted(tls) => tls.get_ref().0.has_spoken(),
            Stream::TlsConnected(tls) => tls.get_ref().0.has_spoken(),
        }
    }

    /// What a login to this server can be bound to, if we speak TLS with it. A certificate that webpki cannot read is
    /// nothing to be bound to, for then nobody has checked that the server has its key (`tls::verify`).
    pub fn end_point(&self) -> Option<EndPoint> {
        let Stream::TlsConnected(tls) = self else { return None };
        let certificate = tls.get_ref().1.peer_certificates()?.first()?;
        ParsedCertificate::try_from(certificate).ok()?;
        tls::end_point(certificate)
    }

    /// Whether the runtime has seen that the peer will say nothing more. `false` where that takes reading (TLS).
    pub fn has_ended(&self) -> bool {
        match self {
            Stream::Tcp(tcp) => is_read_closed(tcp.ready(Interest::READABLE)),
            Stream::Unix(unix) => is_read_closed(unix.ready(Interest::READABLE)),
            Stream::TlsAccepted(_) | Stream::TlsConnected(_) => false,
        }
    }

    /// Whether bytes are encrypted on their way.
    pub fn is_tls(&self) -> bool {
        matches!(self, Stream::TlsAccepted(_) | Stream::TlsConnected(_))
    }
}

fn is_read_closed(ready: impl Future<Output = io::Result<Ready>>) -> bool {
    match pin!(ready).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(ready)) => ready.is_read_closed(),
        Poll::Ready(Err(_)) => true,
        Poll::Pending => false,
    }
}

impl Plain {
    fn has_spoken(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self {
            Plain::Tcp(tcp) => tcp.poll_read_ready(&mut cx).is_ready(),
            Plain::Unix(unix) => unix.poll_read_ready(&mut cx).is_ready(),
            Plain::Ahead(tcp, ahead) => !ahead.is_empty() || tcp.poll_read_ready(&mut cx).is_ready(),
        }
    }
}

/// Moves as much as there is room for; what is left of it, if anything, comes next.
fn take_ahead(ahead: &mut Vec<u8>, buffer: &mut ReadBuf<'_>) {
    let rest = ahead.split_off(ahead.len().min(buffer.remaining()));
    buffer.put_slice(ahead);
    *ahead = rest;
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let plain = self.get_mut();
        if let Plain::Ahead(_, ahead) = plain
            && !ahead.is_empty()
        {
            take_ahead(ahead, buffer);
            return Poll::Ready(Ok(()));
        }
        each_plain!(plain, inner => Pin::new(inner).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each_plain!(self.get_mut(), inner => Pin::new(inner).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_plain!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx))
    }
}
