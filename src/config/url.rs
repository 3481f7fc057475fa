//! `postgres://…` as libpq reads it: user, password, one host or socket directory, port, database, parameters. What it
//! means for a database is in `fields`. Pure.
//!
//! Not the WHATWG URL: libpq also takes `postgres://user@/db?host=/run/postgresql` and an encoded directory as the host.
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::demands::{Demands, Target};
use super::tcp::{self, Tcp};
use super::{TlsMode, TlsNegotiation};

/// What a URL says; `None` where it is silent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct ServerUrl {
    pub(super) host: Option<String>,
    pub(super) hostaddr: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) dbname: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) sslmode: Option<TlsMode>,
    pub(super) sslnegotiation: Option<TlsNegotiation>,
    /// `Some(None)` is `sslrootcert=system`: the system's roots.
    pub(super) sslrootcert: Option<Option<PathBuf>>,
    pub(super) sslcert: Option<PathBuf>,
    pub(super) sslkey: Option<PathBuf>,
    pub(super) connect_timeout: Option<Duration>,
    /// What the server has to be.
    pub(super) demands: Demands,
    pub(super) tcp: Tcp,
    /// Parameters that the server takes at startup.
    pub(super) startup: Vec<(String, String)>,
}

impl ServerUrl {
    /// Reads a URL; the error says what would be right and contains no part of the password.
    pub(super) fn parse(text: &str) -> Result<ServerUrl, String> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| no_scheme(text))?;
        if text.contains(char::is_control) {
            return Err("a URL without line breaks and other control characters".to_owned());
        }
        if text.contains(char::is_whitespace) {
            return Err("a URL without blanks; %20 where one is meant".to_owned());
        }
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if rest.contains('@') {
            // Most likely the end of a password, of which nothing may be taken for a name and shown.
            return Err("%XX for each of / ? # in a user or password, and %40 for an @ after the host".to_owned());
        }
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let dbname = path.strip_prefix('/').unwrap_or(path);
        if dbname.contains(['/', '#', ';']) {
            return Err("%XX for each of / # ; in a database's name, or nothing behind it but ?name=value&…".to_owned());
        }
        let mut url = ServerUrl { dbname: decode_some(dbname, "database")?, ..ServerUrl::default() };
        url.read_authority(authority)?;
        let mut unknown = Vec::new();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            url.read_parameter(parameter, &mut unknown)?;
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            return Err(format!(
                "without {unknown}, of which libpq knows nothing: what is for the app's driver stays in the app's URL"
            ));
        }
        url.check_system_roots()?;
        Ok(url)
    }

    fn read_authority(&mut self, authority: &str) -> Result<(), String> {
        // An unencoded @ in here can only belong to the password, so the last one divides.
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.user = decode_some(user, "user")?;
        self.password = decode_some(password, "password")?;
        if place.contains(',') {
            return Err(SEVERAL.to_owned());
        }
        let (host, port) = split_port(place)?;
        self.host = decode_some(host, "host")?;
        self.port = (!port.is_empty()).then(|| parse_port(port)).transpose()?;
        Ok(())
    }

    fn read_parameter<'t>(&mut self, parameter: &'t str, unknown: &mut Vec<&'t str>) -> Result<(), String> {
        let (name, value) = parameter.split_once('=').ok_or("each parameter as name=value after the ?")?;
        let value = decode(value, name)?;
        match name {
            "host" if value.contains(',') => return Err(SEVERAL.to_owned()),
            "host" => self.host = Some(value),
            "hostaddr" => self.hostaddr = Some(value.parse().map_err(|_| "hostaddr as one IP address".to_owned())?),
            "port" => self.port = Some(parse_port(&value)?),
            "dbname" => self.dbname = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(value),
            "sslmode" => self.sslmode = Some(sslmode(&value)?),
            // As libpq has it, for the sake of JDBC.
            "ssl" if value == "true" => self.sslmode = Some(TlsMode::Require),
            "sslnegotiation" => self.sslnegotiation = Some(sslnegotiation(&value)?),
            "sslrootcert" => self.sslrootcert = Some((value != "system").then(|| value.into())),
            "sslcert" => self.sslcert = Some(value.into()),
            "sslkey" => self.sslkey = Some(value.into()),
            "connect_timeout" => self.connect_timeout = Some(connect_timeout(&value)?),
            "keepalives" => self.tcp.keepalive = tcp::read(name, &value, &(0..=1))? == 1,
            "keepalives_idle" => self.tcp.idle = Duration::from_secs(tcp::read(name, &value, &tcp::SECONDS)?),
            "keepalives_interval" => self.tcp.interval = Duration::from_secs(tcp::read(name, &value, &tcp::SECONDS)?),
            "keepalives_count" => self.tcp.count = tcp::read(name, &value, &tcp::COUNTS)?,
            "tcp_user_timeout" => {
                self.tcp.user_timeout = Duration::from_millis(tcp::read(name, &value, &tcp::MILLISECONDS)?);
            }
            "channel_binding" if value == "require" => self.demands.binding = true,
            "target_session_attrs" => self.demands.target = target(&value)?,
            "application_name" | "fallback_application_name" | "options" | "client_encoding" => {
                self.startup.push((name.replace("fallback_", ""), value));
            }
            name => match WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
                Some((_, values)) => return without_effect(name, &value, values),
                None => unknown.push(name),
            },
        }
        Ok(())
    }

    /// libpq, too, wants the host's name verified when any public authority may have signed.
    fn check_system_roots(&mut self) -> Result<(), String> {
        match (&self.sslrootcert, self.sslmode) {
            (Some(None), None) => self.sslmode = Some(TlsMode::VerifyFull),
            (Some(None), Some(mode)) if mode != TlsMode::VerifyFull => {
                return Err("sslmode=verify-full together with sslrootcert=system".to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

const SEVERAL: &str = "one host; several are not served";

fn no_scheme(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    match text.split_once("://").filter(|(scheme, _)| scheme.chars().all(plain)) {
        Some((scheme, _)) => format!("a URL that begins with postgres://, not with {scheme}://"),
        None => "a URL like postgres://user:password@host:5432/database".to_owned(),
    }
}

/// `host:port`, `[::1]:port`, either part alone, or nothing.
fn split_port(place: &str) -> Result<(&str, &str), String> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a ] after the IPv6 address")?;
        let port = if rest.is_empty() { Some("") } else { rest.strip_prefix(':') };
        return Ok((host, port.ok_or("a : between the address and the port")?));
    }
    match place.split_once(':') {
        Some((_, port)) if port.contains(':') => Err("brackets around an IPv6 address, like [::1]".to_owned()),
        Some(both) => Ok(both),
        None => Ok((place, "")),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port != 0);
    // The text is not shown: it may be the end of a password with an unencoded character.
    port.ok_or_else(|| "a port between 1 and 65535 (and %XX for each of / : @ ? # in a password)".to_owned())
}

fn decode(text: &str, what: &str) -> Result<String, String> {
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let well = |at: usize| hex(text.as_bytes().get(at + 1)) && hex(text.as_bytes().get(at + 2));
    if text.match_indices('%').any(|(at, _)| !well(at)) {
        return Err(format!("%25 for a % in a {what}"));
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| format!("a {what} that decodes to UTF-8"))?;
    if decoded.contains('\0') { Err(format!("a {what} without %00")) } else { Ok(decoded.into_owned()) }
}

fn decode_some(text: &str, what: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Ok(None) } else { decode(text, what).map(Some) }
}

fn sslmode(value: &str) -> Result<TlsMode, String> {
    let wanted = || format!("sslmode as one of {}", TlsMode::WORDS.join(", "));
    TlsMode::of_word(value).ok_or_else(wanted)
}

fn sslnegotiation(value: &str) -> Result<TlsNegotiation, String> {
    let wanted = || format!("sslnegotiation as one of {}", TlsNegotiation::WORDS.join(", "));
    TlsNegotiation::of_word(value).ok_or_else(wanted)
}

fn connect_timeout(value: &str) -> Result<Duration, String> {
    let seconds: u32 = value.parse().map_err(|_| "connect_timeout in whole seconds")?;
    Ok(Duration::from_secs(seconds.into()))
}

/// libpq's other parameters, with the values that change nothing here or promise nothing more: hosts put them into the URLs that
/// they hand out. <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    ("channel_binding", &["disable", "prefer"]),
    ("gssdelegation", &[]),
    ("gssencmode", &["disable", "prefer"]),
    ("gsslib", &[]),
    ("krbsrvname", &[]),
    ("load_balance_hosts", &["disable"]),
    ("max_protocol_version", &[]),
    ("min_protocol_version", &[]),
    ("passfile", &[]),
    ("replication", &[]),
    ("require_auth", &[]),
    ("requirepeer", &[]),
    ("requiressl", &[]),
    ("service", &[]),
    ("servicefile", &[]),
    ("ssl", &["true"]),
    ("ssl_max_protocol_version", &[]),
    ("ssl_min_protocol_version", &[]),
    ("sslcertmode", &[]),
    ("sslcompression", &["0", "1"]),
    ("sslcrl", &[]),
    ("sslcrldir", &[]),
    ("sslpassword", &[]),
    ("sslsni", &["1"]),
];

fn without_effect(name: &str, value: &str, values: &[&str]) -> Result<(), String> {
    match values.first() {
        _ if values.contains(&value) => Ok(()),
        Some(first) => Err(format!("{name}={first}, or without {name}: {value} is not offered")),
        None => Err(format!("without {name}, which is not offered")),
    }
}

fn target(value: &str) -> Result<Target, String> {
    let found = Target::NAMES.iter().find(|(name, _)| *name == value).map(|(_, target)| *target);
    found.ok_or_else(|| {
        let names: Vec<&str> = Target::NAMES.iter().map(|(name, _)| *name).collect();
        format!("target_session_attrs={}: {value} is not offered", names.join("|"))
    })
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
