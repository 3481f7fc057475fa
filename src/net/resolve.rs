//! Names of hosts become addresses. The system's resolver blocks, for as long as a name server is silent: each name is looked up
//! on a thread of its own, once for all who ask meanwhile, so that one that hangs keeps nobody else waiting.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::watch;

/// What a look-up came to; `None` while it is under way. Ports are 0.
type Found = Option<Result<Arc<[SocketAddr]>, (io::ErrorKind, String)>>;

/// How a name is looked up.
type LookUp = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// The names that are being looked up.
#[derive(Clone)]
pub struct Names {
    under_way: Arc<Mutex<HashMap<String, watch::Receiver<Found>>>>,
    look_up: Arc<LookUp>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Default for Names {
    /// By the system's resolver.
    fn default() -> Names {
        Names::by(|host| Ok((host, 0).to_socket_addrs()?.collect()))
    }
}

impl Names {
    fn by(look_up: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Names {
        Names { under_way: Arc::default(), look_up: Arc::new(look_up) }
    }

    /// The addresses that a name has now, in the system's order; one at least.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let with_port = |mut address: SocketAddr| {
            address.set_port(port);
            address
        };
        Ok(self.find(host).await?.iter().copied().map(with_port).collect())
    }

    async fn find(&self, host: &str) -> io::Result<Arc<[SocketAddr]>> {
        let mut asked = self.ask(host)?;
        let found = asked.wait_for(Option::is_some).await.map(|found| found.clone());
        match found {
            Ok(Some(Ok(found))) if found.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"))
            }
            Ok(Some(Ok(found))) => Ok(found),
            Ok(Some(Err((kind, why)))) => Err(io::Error::new(kind, why)),
            Ok(None) | Err(_) => Err(io::Error::other("the look-up broke off")),
        }
    }

    /// Joins the look-up of this name that is under way, or begins one.
    fn ask(&self, host: &str) -> io::Result<watch::Receiver<Found>> {
        let mut under_way = lock(&self.under_way);
        // Not one that broke off.
        if let Some(asked) = under_way.get(host).filter(|asked| asked.has_changed().is_ok()) {
            return Ok(asked.clone());
        }
        let (tell, asked) = watch::channel(None);
        let (names, name, look_up) = (self.under_way.clone(), host.to_owned(), self.look_up.clone());
        thread::Builder::new().name("resolver".to_owned()).spawn(move || {
            let found = look_up(&name).map(Arc::from).map_err(|error| (error.kind(), error.to_string()));
            // Whoever asks from now on wants to know what is so from now on.
            lock(&names).remove(&name);
            tell.send_replace(Some(found));
        })?;
        under_way.insert(host.to_owned(), asked.clone());
        Ok(asked)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// `silent` is answered once for each message that comes, `nowhere` has no address, `bad` fails.
    fn names() -> (Names, mpsc::Sender<()>) {
        let (answer, silence) = mpsc::channel();
        let silence = Mutex::new(silence);
        let look_up = move |host: &str| match host {
            "silent" => {
                lock(&silence).recv().map_err(io::Error::other)?;
                Ok(vec!["192.0.2.1:0".parse().unwrap()])
            }
            "nowhere" => Ok(Vec::new()),
            "bad" => Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
            _ => Ok(vec!["192.0.2.2:0".parse().unwrap()]),
        };
        (Names::by(look_up), answer)
    }

    #[tokio::test]
    async fn one_that_hangs_is_asked_for_once_and_keeps_nobody_waiting() {
        let (names, answer) = names();
        let waiting: Vec<_> = (0..20).map(|_| names.ask("silent").unwrap()).collect();
        for _ in 0..20 {
            assert_eq!(names.find("other").await.unwrap()[0].ip().to_string(), "192.0.2.2");
        }
        assert_eq!(lock(&names.under_way).keys().collect::<Vec<_>>(), ["silent"]);
        // One for all.
        answer.send(()).unwrap();
        for mut asked in waiting {
            let found = asked.wait_for(Option::is_some).await.unwrap().clone();
            assert_eq!(found.unwrap().unwrap()[0].ip().to_string(), "192.0.2.1");
        }
        assert!(lock(&names.under_way).is_empty());
    }

    #[tokio::test]
    async fn why_not() {
        let (names, silent) = names();
        drop(silent);
        let mut said = Vec::new();
        for host in ["nowhere", "bad", "silent"] {
            said.push(names.find(host).await.unwrap_err().to_string());
        }
        assert_eq!(said, ["it has no address", "no such name", "receiving on a closed channel"]);
    }

    #[tokio::test]
    async fn the_port_is_the_callers() {
        let found = Names::default().resolve("localhost", 5432).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 5432));
    }
}
