//! Where clients come in: TCP addresses and a unix socket.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::Stream;
use super::dial::tune;
use crate::config::tcp::Tcp;
use crate::observe::who::Addr;

/// One open door.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket; its file goes with it, and before it: until then no other file has the same number.
    Unix(SocketFile, UnixListener),
}

/// Why nobody can come in here.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {on}: {error}{hint}")]
pub struct ListenError {
    on: String,
    error: io::Error,
    hint: &'static str,
}

/// A socket's file, removed in the end, unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Which it is: its device and its number there.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: PathBuf) -> io::Result<SocketFile> {
        let identity = identity(&path)?;
        Ok(SocketFile { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

impl Listener {
    /// Binds every address that these (`host:port`) resolve to. Call it within the runtime that will accept.
    pub fn tcp(addrs: &[impl AsRef<str>], backlog: u32) -> Result<Vec<Listener>, ListenError> {
        let mut found = Vec::new();
        for addr in addrs.iter().map(AsRef::as_ref) {
            let resolved = addr.to_socket_addrs().map_err(|error| ListenError::new(addr, error))?;
            found.extend(resolved.map(|address| (addr, address)));
        }
        let bind = |&(addr, address): &(&str, SocketAddr)| {
            let others = found.iter().map(|(_, other)| *other);
            let bound = bind_tcp(address, takes_only_v6(address, others), backlog);
            bound.map(Listener::Tcp).map_err(|error| ListenError::new(addr, error))
        };
        found.iter().map(bind).collect()
    }

    /// Binds `dir/.s.PGSQL.port`. A file that nobody listens on any more is replaced.
    pub fn unix(dir: &Path, port: u16, mode: u32) -> Result<Listener, ListenError> {
        let path = dir.join(format!(".s.PGSQL.{port}"));
        let on = path.display().to_string();
        let fail = |error| ListenError::new(&on, error);
        remove_stale(&path).map_err(fail)?;
        let listener = UnixListener::bind(&path).map_err(fail)?;
        let file = SocketFile::of(path).map_err(fail)?;
        std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(mode)).map_err(fail)?;
        Ok(Listener::Unix(file, listener))
    }

    /// The next client, and where it comes from.
    pub async fn accept(&self) -> io::Result<(Stream, Addr)> {
        match self {
            Listener::Tcp(listener) => {
                let (tcp, from) = listener.accept().await?;
                Ok((Stream::Tcp(tcp), from.into()))
            }
            Listener::Unix(_, listener) => {
                let (unix, _) = listener.accept().await?;
                Ok((Stream::Unix(unix), Addr::Unix))
            }
        }
    }

    /// Where it listens, for people.
    pub fn local(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map_or_else(|error| error.to_string(), |a| a.to_string()),
            Listener::Unix(file, _) => file.path.display().to_string(),
        }
    }

    /// `tcp` or `unix`.
    pub fn kind(&self) -> &'static str {
        match self {
            Listener::Tcp(_) => "tcp",
            Listener::Unix(..) => "unix",
        }
    }

    /// The port, for a unix socket that is to have the same.
    pub fn port(&self) -> Option<u16> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Listener::Unix(..) => None,
        }
    }
}

impl ListenError {
    fn new(on: &str, error: io::Error) -> ListenError {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ": another program listens there; stop it or choose another address (listen.addr)"
            }
            io::ErrorKind::PermissionDenied => ": choose a port above 1023, or a directory that may be written",
            io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
            io::ErrorKind::AlreadyExists => ": move it away, or choose another directory (listen.unix_socket_dir)",
            _ => "",
        };
        ListenError { on: on.to_string(), error, hint }
    }
}

/// `[::]` is every address, those of IPv4 too, unless one of them is bound with the same port on its own.
fn takes_only_v6(address: SocketAddr, mut all: impl Iterator<Item = SocketAddr>) -> bool {
    !address.ip().is_unspecified() || all.any(|other| other.is_ipv4() && other.port() == address.port())
}

fn bind_tcp(address: SocketAddr, only_v6: bool, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_nonblocking(true)?;
    // What is accepted inherits these, which spares each client the calls.
    tune(&socket, &OF_CLIENTS)?;
    defer_accept(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// One that vanished is noticed as a server is. Without a time for what it has not read: a client that works for long at the first
/// rows of many leaves the others lie, and is not gone.
const OF_CLIENTS: Tcp = Tcp {
    keepalive: true,
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(10),
    count: 3,
    user_timeout: Duration::ZERO,
};

/// The kernel shows us a connection when its client has said something, or after so many seconds.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone)]
struct DeferAccept;

#[cfg(target_os = "linux")]
nix::setsockopt_impl!(
    DeferAccept,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    u32,
    nix::sys::socket::sockopt::SetStruct<u32>
);

/// In Postgres' protocol the client speaks first, so nothing is lost by looking at it only then; it spares each login a
/// wake-up. A client that says nothing is seen after a second.
#[cfg(target_os = "linux")]
fn defer_accept(socket: &Socket) -> io::Result<()> {
    nix::sys::socket::setsockopt(socket, DeferAccept, &1).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn defer_accept(_: &Socket) -> io::Result<()> {
    Ok(())
}

/// A socket file left behind refuses connections; one in use accepts them. What is no socket is somebody's, and stays.
fn remove_stale(path: &Path) -> io::Result<()> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something stands there that is no socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_says_so() {
        let first = Listener::tcp(&["127.0.0.1:0"], 16).unwrap().remove(0);
        let said = Listener::tcp(&[first.local()], 16).unwrap_err().to_string();
        assert!(said.contains(&first.local()) && said.contains("another program"), "{said}");
    }

    #[test]
    fn which_take_only_ipv6() {
        let check = |addrs: &str, expected: &str| {
            let all: Vec<SocketAddr> = addrs.split(' ').map(|addr| addr.parse().unwrap()).collect();
            let said: Vec<_> = all.iter().map(|addr| takes_only_v6(*addr, all.iter().copied()).to_string()).collect();
            assert_eq!(said[0], expected, "{addrs}");
        };
        check("[::]:1", "false");
        check("[::]:1 [::1]:1", "false");
        check("[::]:1 0.0.0.0:2", "false");
        check("[::]:1 0.0.0.0:1", "true");
        check("[::]:1 127.0.0.1:1", "true");
        check("[::1]:1", "true");
    }

    #[tokio::test]
    async fn a_socket_file_is_replaced_when_stale_and_kept_when_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".s.PGSQL.6432");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = Listener::unix(dir.path(), 6432, 0o700).unwrap();
        assert!(Listener::unix(dir.path(), 6432, 0o700).is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_socket_file_of_another_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".s.PGSQL.6432");
        let first = Listener::unix(dir.path(), 6432, 0o700).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Listener::unix(dir.path(), 6432, 0o700).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".s.PGSQL.6432");
        for make in [|path: &Path| std::fs::write(path, "mine"), |path: &Path| std::fs::create_dir(path)] {
            make(&path).unwrap();
            let said = Listener::unix(dir.path(), 6432, 0o700).unwrap_err().to_string();
            assert!(said.contains(path.to_str().unwrap()) && said.contains("no socket"), "{said}");
            assert!(path.exists());
            let _ = std::fs::remove_file(&path);
        }
    }
}
