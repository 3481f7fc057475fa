//! Addresses to listen on and hosts to connect to, as texts: which are well formed, which lead only to this machine. Nothing is
//! resolved. Pure.

use std::net::IpAddr;
use std::path::Path;

/// `host:port` or `[v6]:port`, into host and port.
pub(super) fn split_address(addr: &str) -> Result<(&str, u16), String> {
    let wanted = "an address and a port, like \"127.0.0.1:6432\"";
    let (host, port) = addr.rsplit_once(':').ok_or(wanted)?;
    let port = port.parse().map_err(|_| wanted)?;
    if host.is_empty() || host == "*" {
        return Err(format!("\"0.0.0.0:{port}\" or \"[::]:{port}\" for every address of this machine"));
    }
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(v6) if v6.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()) => Ok((v6, port)),
        None if is_host_name(host) => Ok((host, port)),
        None if host.parse::<IpAddr>().is_ok() => Err(format!("\"[{host}]:{port}\"")),
        _ => Err(wanted.to_owned()),
    }
}

pub(super) fn check_host(host: &str) -> Result<(), String> {
    let fits = host.starts_with('/') || host.parse::<IpAddr>().is_ok() || is_host_name(host);
    match host.rsplit_once(':') {
        _ if fits => Ok(()),
        Some((name, port)) if is_host_name(name) => Err(format!("host = {name:?} and port = {port}, two keys")),
        _ => Err("a host name, an address, or a directory that starts with /".to_owned()),
    }
}

/// What can be resolved at all. Underscores are no host names, but Docker's and Kubernetes' names have them.
fn is_host_name(host: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_') || !b.is_ascii();
    !host.is_empty() && host.len() <= 253 && !host.starts_with('-') && host.bytes().all(allowed)
}

pub(super) fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn is_any(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified())
}

pub(super) fn is_dir(directory: &Path, host: &str) -> bool {
    host.starts_with('/') && Path::new(host) == directory
}
