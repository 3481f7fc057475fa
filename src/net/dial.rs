//! Opening a connection to a server: TCP or unix, name resolution, socket options, TLS. What is said then is not ours.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::resolve::Names;
use super::stream::Plain;
use super::{Stream, Talk, talk, tls};
use crate::config::tcp::Tcp;
use crate::config::{TlsMode, TlsNegotiation};
use crate::protocol::encode;

/// Where a server is, and how to reach it.
#[derive(Debug, Clone)]
pub struct Address {
    /// Host name, IP address, or a directory for a unix socket.
    pub host: String,
    /// Where that is, if the name is not to be resolved: it is what a certificate is held against all the same.
    pub hostaddr: Option<IpAddr>,
    /// Port, also of a unix socket.
    pub port: u16,
    /// libpq's `sslmode`.
    pub tls_mode: TlsMode,
    /// How TLS begins.
    pub negotiation: TlsNegotiation,
    /// How to speak TLS; `None` with `disable`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// When a connection to it is taken for dead.
    pub tcp: Tcp,
    /// Who looks its name up.
    pub names: Names,
}

/// Why a server cannot be reached.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum DialError {
    #[error("host name {host:?} cannot be resolved: {error}")]
    Resolve { host: String, error: io::Error },
    #[error("{to}: {error}")]
    Connect { to: String, error: io::Error },
    #[error("{0} does not speak TLS, which sslmode {1} asks for")]
    NoTls(String, &'static str),
    #[error("TLS with {to}: {error}")]
    Tls { to: String, error: io::Error },
    #[error("{to}: {error}")]
    Talk { to: String, error: talk::TalkError },
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match () {
            () if self.is_unix() => write!(f, "{}/.s.PGSQL.{}", self.host, self.port),
            () if self.host.contains(':') => write!(f, "[{}]:{}", self.host, self.port),
            () => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Address {
    /// Whether it is a unix socket.
    pub fn is_unix(&self) -> bool {
        self.host.starts_with('/') && self.hostaddr.is_none()
    }

    /// The addresses that its name has now, each to be tried by itself; it alone where nothing is to be resolved. `patience` is how
    /// long the name server has, zero for ever.
    pub async fn places(self: &Arc<Self>, patience: Duration) -> Result<Vec<Arc<Address>>, DialError> {
        if self.is_unix() || self.hostaddr.is_some() || self.host.parse::<IpAddr>().is_ok() {
            return Ok(vec![self.clone()]);
        }
        let at = |address: SocketAddr| match address {
            // A link of this machine's; an address alone would not say which.
            SocketAddr::V6(scoped) if scoped.scope_id() != 0 => self.clone(),
            _ => Arc::new(Address { hostaddr: Some(address.ip()), ..Address::clone(self) }),
        };
        let found = match patience.is_zero() {
            true => self.resolve().await,
            false => timeout(patience, self.resolve()).await.unwrap_or_else(|_| Err(self.unresolved(patience))),
        };
        Ok(found?.into_iter().map(at).collect())
    }

    /// One address at least.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        let failed = |error| DialError::Resolve { host: self.host.clone(), error };
        self.names.resolve(&self.host, self.port).await.map_err(failed)
    }

    fn unresolved(&self, patience: Duration) -> DialError {
        let why = format!("no answer from a name server within {patience:?} (server_connect_timeout)");
        DialError::Resolve { host: self.host.clone(), error: io::Error::new(io::ErrorKind::TimedOut, why) }
    }

    /// Connects, with TLS as the address' own mode has it.
    pub async fn dial(&self) -> Result<Stream, DialError> {
        self.dial_as(self.tls_mode).await
    }

    /// Connects, with TLS as `mode` has it; `allow` begins without. Of [`Address::places`] the first that the system knows.
    pub async fn dial_as(&self, mode: TlsMode) -> Result<Stream, DialError> {
        if self.is_unix() {
            let path = self.to_string();
            let unix = UnixStream::connect(&path).await.map_err(|error| DialError::Connect { to: path, error })?;
            return Ok(Stream::Unix(unix));
        }
        let tcp = self.connect_tcp().await?;
        match (&self.tls, mode) {
            (None, _) | (_, TlsMode::Disable | TlsMode::Allow) => Ok(Stream::Tcp(tcp)),
            (Some(config), _) if self.negotiation == TlsNegotiation::Direct => self.secure_directly(tcp, config).await,
            (Some(config), mode) => self.secure(tcp, config, mode).await,
        }
    }

    async fn connect_tcp(&self) -> Result<TcpStream, DialError> {
        let address = match self.hostaddr.or_else(|| self.host.parse().ok()) {
            Some(ip) => SocketAddr::new(ip, self.port),
            None => self.resolve().await?[0],
        };
        connect_one(address, &self.tcp).await.map_err(|error| DialError::Connect { to: self.at(address), error })
    }

    /// The name, and the address where that is another.
    fn at(&self, address: SocketAddr) -> String {
        let (name, address) = (self.to_string(), address.to_string());
        if name == address { name } else { format!("{name} ({address})") }
    }

    /// SSLRequest, its answer, the handshake.
    async fn secure(
        &self,
        tcp: TcpStream,
        config: &Arc<rustls::ClientConfig>,
        mode: TlsMode,
    ) -> Result<Stream, DialError> {
        let to = || self.to_string();
        let mut talk = Talk::new(Stream::Tcp(tcp));
        encode::ssl_request(&mut talk.out);
        talk.flush().await.map_err(|error| DialError::Talk { to: to(), error })?;
        let answer = talk.byte().await.map_err(|error| DialError::Talk { to: to(), error })?;
        match (answer, mode) {
            (b'S', _) if talk.is_ahead() => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "bytes before the handshake (CVE-2021-23222)");
                Err(DialError::Tls { to: to(), error })
            }
            (b'S', _) => match talk.into_parts().0 {
                Stream::Tcp(tcp) => self.handshake(tcp, config).await.map(secured),
                other => Ok(other),
            },
            (b'N', TlsMode::Prefer) => Ok(talk.into_parts().0),
            (b'N', _) => Err(DialError::NoTls(to(), mode_name(mode))),
            _ => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "not an answer to SSLRequest");
                Err(DialError::Tls { to: to(), error })
            }
        }
    }

    /// The handshake without a word before it. A server that does not name the protocol in it may be one of another.
    async fn secure_directly(&self, tcp: TcpStream, config: &Arc<rustls::ClientConfig>) -> Result<Stream, DialError> {
        let tls = self.handshake(tcp, config).await?;
        if tls.get_ref().1.alpn_protocol() != Some(tls::ALPN) {
            let error = io::Error::new(io::ErrorKind::InvalidData, "the server did not agree on the protocol (ALPN)");
            return Err(DialError::Tls { to: self.to_string(), error });
        }
        Ok(secured(tls))
    }

    async fn handshake(&self, tcp: TcpStream, config: &Arc<rustls::ClientConfig>) -> Result<TlsStream, DialError> {
        let name = tls::server_name(&self.host, self.tls_mode)
            .map_err(|error| DialError::Tls { to: self.to_string(), error: io::Error::other(error) })?;
        let tls = TlsConnector::from(config.clone()).connect(name, Plain::Tcp(tcp)).await;
        tls.map_err(|error| DialError::Tls { to: self.to_string(), error })
    }
}

type TlsStream = tokio_rustls::client::TlsStream<Plain>;

fn secured(tls: TlsStream) -> Stream {
    Stream::TlsConnected(Box::new(tls))
}

async fn connect_one(address: SocketAddr, options: &Tcp) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    tune(&tcp, options)?;
    Ok(tcp)
}

/// What every TCP socket of ours gets: no delay, and that a vanished peer is noticed.
pub fn tune<'s>(socket: impl Into<SockRef<'s>>, tcp: &Tcp) -> io::Result<()> {
    let socket = socket.into();
    socket.set_tcp_nodelay(true)?;
    if !tcp.user_timeout.is_zero() {
        set_user_timeout(&socket, tcp.user_timeout)?;
    }
    if !tcp.keepalive {
        return Ok(());
    }
    let mut keepalive = TcpKeepalive::new();
    if !tcp.idle.is_zero() {
        keepalive = keepalive.with_time(tcp.idle);
    }
    if !tcp.interval.is_zero() {
        keepalive = keepalive.with_interval(tcp.interval);
    }
    if tcp.count > 0 {
        keepalive = keepalive.with_retries(tcp.count);
    }
    socket.set_tcp_keepalive(&keepalive)
}

#[cfg(target_os = "linux")]
fn set_user_timeout(socket: &SockRef, timeout: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(timeout))
}

#[cfg(not(target_os = "linux"))]
fn set_user_timeout(_: &SockRef, _: Duration) -> io::Result<()> {
    Ok(())
}

fn mode_name(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "disable",
        TlsMode::Allow => "allow",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "dial_tests.rs"]
mod tests;
