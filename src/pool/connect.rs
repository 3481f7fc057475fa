//! Opening a server: dial, startup packet, login, the parameters that it reports. What fails becomes a complaint that a
//! client can read: the server's own words, or which address and why.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::cancel::Line;
use super::parameters::Parameters;
use super::{Route, lock};
use crate::auth::{KeyCache, Login, LoginError, LoginStep};
use crate::config::TlsMode;
use crate::net::dial::{Address, DialError};
use crate::net::talk::{Message, TalkError};
use crate::net::{Stream, Talk};
use crate::protocol::backend;
use crate::protocol::encode::{self, Complaint};
use crate::protocol::sqlstate;
use crate::protocol::startup::LONGEST_KEY;

/// A server that let us in.
#[derive(Debug)]
pub struct Opened {
    /// Its stream, nothing read ahead.
    pub stream: Stream,
    /// What it reported.
    pub parameters: Parameters,
    /// How to cancel.
    pub line: Arc<Line>,
}

/// Why no server could be opened.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ConnectError {
    #[error("{0}")]
    Dial(#[from] DialError),
    #[error("{0}")]
    Talk(#[from] TalkError),
    #[error("{0}")]
    Login(#[from] LoginError),
    #[error("{}", backend::error_line(.0))]
    Refused(Vec<u8>),
    #[error("the server said {0:?} during the login")]
    Unexpected(char),
    #[error("the server gave a cancel key of {0} bytes; 256 are the most")]
    CancelKey(usize),
    #[error("no answer within {0:?} (server_connect_timeout)")]
    Late(Duration),
    #[error("{0}, and target_session_attrs asks for another")]
    Unfit(&'static str),
    #[error("{}", each(.0))]
    Everywhere(Vec<(String, ConnectError)>),
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
    #[error("the attempt broke off, a defect of pgweir's: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// What to do where Postgres itself takes no more.
const FULL: &str =
    "Postgres has no room: raise its max_connections, or the limit of its role or database, or lower pool_size.";

/// Parameters of a startup packet.
type Startup = [(String, String)];

/// Opens a server as the route says, within its time for each address.
pub async fn open(route: &Route, keys: &Mutex<KeyCache>) -> Result<Opened, ConnectError> {
    open_with(route, &route.startup, keys).await
}

/// The same with other parameters in the startup packet than the route has. As libpq has it, each of a name's addresses has that
/// time, and the next is tried where one does not let us come so far as to be answered, or is not what is asked for.
pub async fn open_with(route: &Route, startup: &Startup, keys: &Mutex<KeyCache>) -> Result<Opened, ConnectError> {
    let patience = route.connect_timeout;
    let places = route.address.places(patience).await?;
    let mut failed = Vec::new();
    for place in &places {
        match within(patience, attempt(route, place, startup, keys)).await {
            Err(error) if error.is_on_the_way() || matches!(error, ConnectError::Unfit(_)) => {
                failed.push((place.hostaddr.map_or_else(|| place.to_string(), |addr| addr.to_string()), error));
            }
            outcome => return outcome,
        }
    }
    Err(ConnectError::of_all(failed))
}

/// Each address with what is wrong there.
fn each(failed: &[(String, ConnectError)]) -> String {
    let line = |(place, why): &(String, ConnectError)| match why {
        // It says itself where.
        ConnectError::Dial(DialError::Connect { .. }) => why.to_string(),
        _ => format!("{place}: {why}"),
    };
    failed.iter().map(line).collect::<Vec<_>>().join("; ")
}

async fn within<T>(
    patience: Duration,
    attempt: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    if patience.is_zero() {
        return attempt.await;
    }
    tokio::time::timeout(patience, attempt).await.unwrap_or(Err(ConnectError::Late(patience)))
}

/// libpq's `allow` begins without TLS and `prefer` with it; both try the other way when that is refused.
///
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
async fn attempt(
    route: &Route,
    place: &Arc<Address>,
    startup: &Startup,
    keys: &Mutex<KeyCache>,
) -> Result<Opened, ConnectError> {
    let attempt_as = |mode| attempt_as(mode, route, place, startup, keys);
    match (place.tls_mode, attempt_as(place.tls_mode).await) {
        (TlsMode::Allow, Err(why)) if why.may_be_for_tls() && place.tls.is_some() => attempt_as(TlsMode::Require).await,
        (TlsMode::Prefer, Err(why)) if why.may_be_for_tls() => attempt_as(TlsMode::Disable).await,
        (_, outcome) => outcome,
    }
}

async fn attempt_as(
    mode: TlsMode,
    route: &Route,
    place: &Arc<Address>,
    startup: &Startup,
    keys: &Mutex<KeyCache>,
) -> Result<Opened, ConnectError> {
    let mut talk = Talk::new(place.dial_as(mode).await?);
    let fixed = [("user", route.user.as_str()), ("database", route.dbname.as_str())];
    let further = startup.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    encode::startup(&mut talk.out, fixed.into_iter().chain(further));
    talk.flush().await?;
    log_in(&mut talk, route, keys).await?;
    let opened = welcome(talk, place).await?;
    let reported = |name| opened.parameters.reported(name);
    let objection =
        route.demands.target.objection(reported("default_transaction_read_only"), reported("in_hot_standby"));
    objection.map_or(Ok(()), |why| Err(ConnectError::Unfit(why)))?;
    Ok(opened)
}

/// Until AuthenticationOk.
async fn log_in(talk: &mut Talk, route: &Route, keys: &Mutex<KeyCache>) -> Result<(), ConnectError> {
    let mut nonce = [0; 18];
    getrandom::fill(&mut nonce).map_err(ConnectError::Random)?;
    let login = Login::new(&route.user, route.key.clone(), &nonce, talk.stream.end_point());
    let mut login = if route.demands.binding { login.bound() } else { login };
    loop {
        let message = talk.message().await?;
        let body = match message.tag {
            backend::AUTHENTICATION => message.body,
            backend::NOTICE | backend::NEGOTIATE => continue,
            _ => return Err(refused(message)),
        };
        let known = lock(keys).clone();
        login = match login.hear(&body, &known, &mut talk.out) {
            LoginStep::Continue(login) => login,
            LoginStep::Authenticated => return Ok(()),
            LoginStep::Failed(why) => return Err(why.into()),
            LoginStep::Slow(work) => match derive(work, talk, keys).await? {
                LoginStep::Continue(login) => login,
                LoginStep::Failed(why) => return Err(why.into()),
                _ => return Err(LoginError::Protocol("a challenge that leads nowhere").into()),
            },
        };
        talk.flush().await?;
    }
}

/// PBKDF2, away from the worker's loop.
async fn derive(
    work: crate::auth::SlowLogin,
    talk: &mut Talk,
    keys: &Mutex<KeyCache>,
) -> Result<LoginStep, ConnectError> {
    let done = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let (step, derived) = work.run(&mut out);
        (step, derived, out)
    });
    let (step, derived, out) = done.await.map_err(|_| LoginError::Protocol("the login's keys could not be derived"))?;
    lock(keys).keep(derived);
    talk.out.extend(out);
    Ok(step)
}

/// From AuthenticationOk to ReadyForQuery, and what came with that: a server that is told to go may say so at once.
async fn welcome(mut talk: Talk, place: &Arc<Address>) -> Result<Opened, ConnectError> {
    let (mut parameters, mut process_id, mut key, mut ready) = (Parameters::default(), 0, Vec::new(), false);
    while !ready || talk.is_ahead() {
        let message = talk.message().await?;
        match message.tag {
            backend::PARAMETER_STATUS => {
                if let Some((name, value)) = backend::parameter_status(&message.body) {
                    parameters.report(name, value);
                }
            }
            backend::KEY => {
                if let Some((id, secret)) = backend::key_data(&message.body) {
                    if secret.len() > LONGEST_KEY {
                        return Err(ConnectError::CancelKey(secret.len()));
                    }
                    (process_id, key) = (id, secret.to_vec());
                }
            }
            backend::READY if !ready => ready = true,
            backend::NOTICE | backend::NEGOTIATE => {}
            _ => return Err(refused(message)),
        }
    }
    let line = Line::new(process_id, &key, place.clone());
    Ok(Opened { stream: talk.into_parts().0, parameters, line: Arc::new(line) })
}

fn refused(message: Message) -> ConnectError {
    match message.tag {
        backend::ERROR => ConnectError::Refused(message.body),
        tag => ConnectError::Unexpected(char::from(tag)),
    }
}

impl ConnectError {
    /// Of the addresses of a name, one at least.
    fn of_all(mut failed: Vec<(String, ConnectError)>) -> ConnectError {
        match failed.pop() {
            Some((_, why)) if failed.is_empty() => why,
            last => ConnectError::Everywhere(failed.into_iter().chain(last).collect()),
        }
    }

    /// Whether nobody has answered there who would know of us.
    fn is_on_the_way(&self) -> bool {
        let unheard = matches!(self, ConnectError::Dial(DialError::Connect { .. } | DialError::Talk { .. }));
        unheard || matches!(self, ConnectError::Late(_) | ConnectError::Talk(_))
    }

    /// Whether TLS, or its absence, may be what the server minds: a failed handshake, or pg_hba.conf (28000).
    fn may_be_for_tls(&self) -> bool {
        match self {
            ConnectError::Dial(DialError::Tls { .. }) => true,
            ConnectError::Refused(body) => backend::sqlstate(body) == Some(sqlstate::INVALID_AUTHORIZATION),
            _ => false,
        }
    }

    /// For clients. A server's own ErrorResponse keeps its code and its words.
    pub fn complaint(&self, route: &Route, since: Instant, now: Instant) -> Complaint {
        let whence = format!(
            "pgweir tried to open a server for database \"{}\" and user \"{}\" at {}, for {} ms.",
            route.dbname,
            route.user,
            route.address,
            now.saturating_duration_since(since).as_millis()
        );
        match self {
            ConnectError::Refused(body) => {
                let mut complaint = Complaint::of_server(body).detail(whence);
                // Otherwise a client whose own login was right would look for the mistake in its password.
                if complaint.sqlstate.starts_with(b"28") {
                    complaint.message = format!("pgweir could not log in to the server: {}", complaint.message);
                }
                // Nor for the limit in pgweir's configuration.
                if complaint.sqlstate == sqlstate::TOO_MANY_CONNECTIONS {
                    return complaint.hint(FULL);
                }
                complaint
            }
            ConnectError::Login(why) => Complaint::fatal(
                sqlstate::INVALID_AUTHORIZATION,
                format!("pgweir could not log in to the server: {why}"),
            )
            .detail(whence),
            other => Complaint::fatal(
                sqlstate::CONNECTION_FAILURE,
                format!("pgweir could not connect to the server: {other}"),
            )
            .detail(whence)
            .hint(other.hint()),
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            ConnectError::Dial(DialError::Resolve { .. }) => "Is the host's name right, and can it be resolved here?",
            ConnectError::Dial(DialError::NoTls(..)) => {
                "Let Postgres speak TLS (ssl = on), or ask for less by sslmode."
            }
            ConnectError::Dial(DialError::Tls { .. }) => {
                "Is its certificate one that sslrootcert (ca_file) trusts, and for this host name? sslnegotiation=direct takes \
                 PostgreSQL 17."
            }
            ConnectError::Talk(TalkError::Length(_) | TalkError::TooLong(_)) | ConnectError::Unexpected(_) => {
                "Is it a Postgres that answers at this address?"
            }
            ConnectError::Everywhere(failed) => {
                // Where one answers, that is what there is to say.
                let unfit = failed.iter().find(|(_, why)| matches!(why, ConnectError::Unfit(_)));
                unfit.or(failed.last()).map_or("", |(_, why)| why.hint())
            }
            ConnectError::Unfit(_) => "Is one to be promoted, or does the host's name lead to another by now?",
            _ => "Is the server running, and does it accept connections at this address?",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_at_each_address_is_told() {
        let refused = || {
            let (to, error) = ("db:5432 (10.0.0.1:5432)".to_owned(), std::io::Error::other("refused"));
            ("10.0.0.1".to_owned(), ConnectError::Dial(DialError::Connect { to, error }))
        };
        let standby = || ("10.0.0.2".to_owned(), ConnectError::Unfit("it is a standby"));
        let late = || ("10.0.0.3".to_owned(), ConnectError::Late(Duration::from_secs(5)));
        let check = |failed: Vec<(String, ConnectError)>, text: &str, hint: &str| {
            let why = ConnectError::of_all(failed);
            assert_eq!(why.to_string(), text);
            assert!(why.hint().starts_with(hint), "{text}: {}", why.hint());
        };
        let (standby_only, late_only) = (
            "it is a standby, and target_session_attrs asks for another",
            "no answer within 5s (server_connect_timeout)",
        );
        check(vec![standby()], standby_only, "Is one to be promoted");
        check(vec![late()], late_only, "Is the server running");
        check(
            vec![refused(), standby(), late()],
            &format!("db:5432 (10.0.0.1:5432): refused; 10.0.0.2: {standby_only}; 10.0.0.3: {late_only}"),
            "Is one to be promoted",
        );
    }
}
