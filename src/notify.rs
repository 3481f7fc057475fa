//! Tells systemd how we are, by the datagrams of sd_notify(3). Says nothing when nobody asked (no `NOTIFY_SOCKET`), and
//! never stops the program: a message that cannot be sent is a log line.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The way to systemd, if there is one.
#[derive(Debug)]
pub struct Notify {
    socket: Option<UnixDatagram>,
}

impl Notify {
    /// As the environment says.
    pub fn from_env() -> Notify {
        match std::env::var_os("NOTIFY_SOCKET") {
            Some(name) if !name.is_empty() => Notify::to(&name),
            _ => Notify { socket: None },
        }
    }

    /// To a socket by its path, or by its abstract name after `@`.
    pub fn to(name: &OsStr) -> Notify {
        let socket = connect(name);
        if let Err(error) = &socket {
            tracing::warn!(event = "notify_failed", socket = ?name, %error);
        }
        Notify { socket: socket.ok() }
    }

    /// We listen: units that come after us may start. Also says that a reload is over.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// A reload begins; [`Notify::ready`] ends it. The time lets systemd tell this reload from an earlier one
    /// (`Type=notify-reload`).
    pub fn reloading(&self) {
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_micros()));
    }

    /// We are on our way out.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`. A line break would begin another assignment, so it becomes a space.
    pub fn status(&self, line: &str) {
        self.send(&format!("STATUS={}", line.replace(['\n', '\r'], " ")));
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::warn!(event = "notify_failed", message, %error);
        }
    }
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.connect_addr(&address(name)?)?;
    Ok(socket)
}

/// `@name` is Linux's abstract name space, which has no file.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(rest),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a path nor an abstract name")),
    }
}

fn monotonic_micros() -> i128 {
    let now = clock_gettime(ClockId::Monotonic);
    i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000
}

/// systemd reads its socket at once; when it does not, we have clients to serve.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[track_caller]
    fn check(systemd: &UnixDatagram, name: &OsStr) {
        let notify = Notify::to(name);
        notify.ready();
        assert_eq!(received(systemd), "READY=1");
        notify.status("12 clients\nMAINPID=1");
        assert_eq!(received(systemd), "STATUS=12 clients MAINPID=1");
        notify.stopping();
        assert_eq!(received(systemd), "STOPPING=1");
        let before = monotonic_micros();
        notify.reloading();
        let (what, when) = received(systemd).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(what, "RELOADING=1");
        let at: i128 = when.strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
        assert!((before..=monotonic_micros()).contains(&at));
    }

    #[test]
    fn by_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        check(&UnixDatagram::bind(&path).unwrap(), path.as_os_str());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn by_abstract_name() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("pgweir-notify-{}", std::process::id());
        let systemd = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        check(&systemd, OsStr::new(&format!("@{name}")));
    }

    #[test]
    fn nobody_there_is_no_harm() {
        for name in ["/nowhere/at/all", "@nobody-listens-here", "vsock:2:1", "relative"] {
            Notify::to(OsStr::new(name)).ready();
        }
    }
}
