//! TLS with a client that logs in: asked for by an SSLRequest, or begun at once. Not which clients must have it
//! (`check_tls` says it, `welcome` when).

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Guest, Rules};
use crate::config::TlsMode;
use crate::net::stream::Plain;
use crate::net::{Stream, Talk, tls};
use crate::observe::rejections::Reason;
use crate::protocol::encode::Complaint;
use crate::protocol::sqlstate;
use crate::session::turned::{self, Turned};

impl Guest {
    /// Whether TLS is to be had here: it is spoken, and not over a unix socket, as with Postgres.
    pub(super) fn can_secure(&self, rules: &Rules) -> bool {
        rules.tls.is_some() && matches!(self.talk.stream, Stream::Tcp(_))
    }

    /// Answers an SSLRequest, and shakes hands if the answer is yes.
    pub(super) async fn answer_tls(&mut self, rules: &Rules) -> Result<(), Turned> {
        if !self.can_secure(rules) {
            self.talk.out.push(b'N');
            return Ok(self.talk.flush().await?);
        }
        if self.talk.is_ahead() {
            let why = "bytes before the TLS handshake (CVE-2021-3935)".to_string();
            return Err(Turned::Gone(Reason::Protocol, why));
        }
        self.talk.out.push(b'S');
        self.talk.flush().await?;
        let (tcp, _) = self.take_tcp()?;
        // Who only asks needs no permit yet. If this fails, so does what reads next.
        let (_, patience) = self.patience();
        let _ = patience.wait(tcp.readable()).await?;
        Box::pin(self.secure(rules, Plain::Tcp(tcp))).await
    }

    /// Shakes hands with a client that has begun it without asking. It must have named the protocol: otherwise it may be
    /// one of another, brought here by somebody in between (ALPACA), and Postgres refuses it too.
    pub(super) async fn begin_tls(&mut self, rules: &Rules) -> Result<(), Turned> {
        let (tcp, ahead) = self.take_tcp()?;
        Box::pin(self.secure(rules, Plain::Ahead(tcp, ahead))).await?;
        match &self.talk.stream {
            Stream::TlsAccepted(tls) if names_protocol(tls) => Ok(()),
            _ => Err(no_alpn()),
        }
    }

    /// Whether the connection is as these rules want it. It may have become what it is under others.
    pub(super) fn check_tls(&self, rules: &Rules) -> Result<(), Turned> {
        let certified = match rules.config.tls_client.mode {
            TlsMode::Disable | TlsMode::Allow | TlsMode::Prefer => return Ok(()),
            TlsMode::Require => false,
            TlsMode::VerifyCa | TlsMode::VerifyFull => true,
        };
        match &self.talk.stream {
            Stream::Tcp(_) => Err(turned::no_tls()),
            Stream::TlsAccepted(tls) if certified && !shows_certificate(tls) => Err(turned::no_certificate()),
            _ => Ok(()),
        }
    }

    /// To be boxed: it needs more room than all the rest of a login.
    async fn secure(&mut self, rules: &Rules, plain: Plain) -> Result<(), Turned> {
        let Some(acceptor) = &rules.tls else {
            return Err(Turned::Gone(Reason::Tls, "no TLS is spoken here".to_string()));
        };
        self.queue().await;
        let (_, patience) = self.patience();
        match patience.wait(TlsAcceptor::from(acceptor.config.clone()).accept(plain)).await? {
            Ok(tls) => self.talk = Talk::new(Stream::TlsAccepted(Box::new(tls))),
            Err(error) => return Err(Turned::Gone(Reason::Tls, format!("TLS handshake: {error}"))),
        }
        self.end_point.clone_from(&acceptor.end_point);
        Ok(())
    }

    /// The socket and what was read from it, in exchange for one that is closed.
    fn take_tcp(&mut self) -> Result<(TcpStream, Vec<u8>), Turned> {
        let gone = |why: &str| Turned::Gone(Reason::Tls, why.to_string());
        let (closed, _) = tokio::net::UnixStream::pair().map_err(|_| gone("the system has no sockets left"))?;
        match std::mem::replace(&mut self.talk, Talk::new(Stream::Unix(closed))).into_parts() {
            (Stream::Tcp(tcp), ahead) => Ok((tcp, ahead)),
            _ => Err(gone("TLS over something else than TCP")),
        }
    }
}

fn names_protocol(tls: &TlsStream<Plain>) -> bool {
    tls.get_ref().1.alpn_protocol() == Some(tls::ALPN)
}

/// One that was shown was verified in the handshake; none is asked for where none would be.
fn shows_certificate(tls: &TlsStream<Plain>) -> bool {
    tls.get_ref().1.peer_certificates().is_some()
}

fn no_alpn() -> Turned {
    let complaint = Complaint::fatal(
        sqlstate::PROTOCOL_VIOLATION,
        "direct TLS needs the protocol to be named in the handshake (ALPN \"postgresql\")",
    )
    .hint("Connect with sslnegotiation=postgres, or with a client that names it.");
    Turned::Away(Reason::Tls, complaint, "direct TLS without ALPN".to_string())
}
