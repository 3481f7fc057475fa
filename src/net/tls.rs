//! TLS settings made into what rustls needs, for both sides. Not the handshake (`stream`), not when TLS is asked for: modes
//! `allow`, `prefer` and `require` differ only in that, and it is the caller's part. Files are read here, so not on a loop.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion, WantsVerifier};
use thiserror::Error;

use crate::auth::EndPoint;
use crate::config::{TlsClient, TlsMode, TlsServer};

mod end_point;
mod verify;

pub use end_point::end_point;

use verify::{Anyone, Chain};

/// A mistake in `[tls.client]`, `[tls.server]` or a database's own: names the section, the key, the file, and what would be
/// right.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct TlsError(String);

/// How we speak TLS to clients.
#[derive(Debug, Clone)]
pub struct Acceptor {
    /// For rustls.
    pub config: Arc<ServerConfig>,
    /// What a client's login can be bound to: our certificate.
    pub end_point: Option<EndPoint>,
}

/// We are the TLS server: what `[tls.client]` asks for; `None` when it is off. From `verify-ca` on a client must have a
/// certificate that `ca_file` signed, like PgBouncer's `client_tls_sslmode`; below, none is asked for.
pub fn acceptor(tls: &TlsClient) -> Result<Option<Acceptor>, TlsError> {
    if tls.mode == TlsMode::Disable {
        return Ok(None);
    }
    let section = Section("tls.client");
    let cert_file = section.need("cert_file", &tls.cert_file, in_words(tls.mode))?;
    let key_file = section.need("key_file", &tls.key_file, in_words(tls.mode))?;
    let certificates = section.certificates("cert_file", cert_file)?;
    let end_point = certificates.first().and_then(end_point);
    let mut config = builder(ServerConfig::builder_with_provider)
        .with_client_cert_verifier(client_verifier(&section, tls)?)
        .with_single_cert(certificates, section.key(key_file)?)
        .map_err(|error| section.pair(cert_file, key_file, &error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(|error| TlsError(format!("TLS session tickets: {error}")))?;
    config.send_tls13_tickets = TICKETS;
    Ok(Some(Acceptor { config: Arc::new(config), end_point }))
}

/// We are the TLS client: what `[tls.server]` or a URL asks for, with libpq's meaning of `sslmode`; `None` when it is off.
/// `section` is where that stands in the file. `verify-full` is about the name that the connection is made with: see
/// [`server_name`]. Share the result: it remembers sessions, and a resumed one costs a fraction.
pub fn connector(tls: &TlsServer, section: &str) -> Result<Option<Arc<ClientConfig>>, TlsError> {
    if tls.mode == TlsMode::Disable {
        return Ok(None);
    }
    let section = Section(section);
    let builder = builder(ClientConfig::builder_with_provider).dangerous();
    let builder = match chain(&section, tls)? {
        Some(chain) => builder.with_custom_certificate_verifier(Arc::new(chain)),
        None => builder.with_custom_certificate_verifier(Arc::new(Anyone::new(&provider()))),
    };
    let mut config = match (&tls.cert_file, &tls.key_file) {
        (None, None) => builder.with_no_client_auth(),
        (cert_file, key_file) => {
            let cert_file = section.need("cert_file", cert_file, "key_file")?;
            let key_file = section.need("key_file", key_file, "cert_file")?;
            builder
                .with_client_auth_cert(section.certificates("cert_file", cert_file)?, section.key(key_file)?)
                .map_err(|error| section.pair(cert_file, key_file, &error))?
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Some(Arc::new(config)))
}

/// The name to give to the handshake: sent to the server (SNI) when it is a host name, and compared with its certificate
/// under `verify-full`. Other modes do not compare, so there a host that cannot stand in a certificate is no obstacle.
pub fn server_name(host: &str, mode: TlsMode) -> Result<ServerName<'static>, TlsError> {
    match ServerName::try_from(host.to_owned()) {
        Ok(name) => Ok(name),
        Err(_) if mode != TlsMode::VerifyFull => Ok(NO_NAME.into()),
        Err(_) => Err(TlsError(format!("host {host:?} cannot be verified: wanted is a host name or an IP address"))),
    }
}

/// The protocol's registered name. Needed for direct TLS, and harmless otherwise.
/// <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL>
pub const ALPN: &[u8] = b"postgresql";

/// Tickets sent after a handshake: enough for a client that comes back, and few drivers do.
const TICKETS: usize = 1;

/// Addresses are never sent as SNI.
const NO_NAME: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn client_verifier(section: &Section<'_>, tls: &TlsClient) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if !matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull) {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let ca_file = section.need("ca_file", &tls.ca_file, in_words(tls.mode))?;
    let (roots, _) = section.roots(ca_file)?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| section.file("ca_file", ca_file, &error, ROOTS))
}

/// What the server's certificate is held against; `None` when anything will do. A `ca_file` that was given is used in
/// every mode, as libpq does.
fn chain(section: &Section<'_>, tls: &TlsServer) -> Result<Option<Chain>, TlsError> {
    let verify = matches!(tls.mode, TlsMode::VerifyCa | TlsMode::VerifyFull);
    let (roots, own) = match &tls.ca_file {
        Some(ca_file) => section.roots(ca_file)?,
        None if verify => (system_roots(section)?, Vec::new()),
        None => return Ok(None),
    };
    Ok(Some(Chain::new(roots, own, tls.mode == TlsMode::VerifyFull, &provider())))
}

fn system_roots(section: &Section<'_>) -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map_or("none are installed".to_owned(), |error| error.to_string());
    let section = section.0;
    Err(TlsError(format!("[{section}] ca_file is not set and the system's root certificates cannot be used: {why}")))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

type Begin<Side> = fn(Arc<CryptoProvider>) -> ConfigBuilder<Side, rustls::WantsVersions>;

fn builder<Side: rustls::ConfigSide>(begin: Begin<Side>) -> ConfigBuilder<Side, WantsVerifier> {
    const VERSIONS: &[&SupportedProtocolVersion] = rustls::DEFAULT_VERSIONS;
    begin(provider()).with_protocol_versions(VERSIONS).expect("ring has cipher suites for TLS 1.2 and 1.3")
}

/// A section of the file, which every complaint names.
struct Section<'s>(&'s str);

const CERTIFICATES: &str = "a certificate chain in PEM, our own certificate first";
const KEY: &str = "one private key in PEM (PKCS#8, PKCS#1 or SEC1), not encrypted";
const ROOTS: &str = "the certificates of authorities in PEM";

impl Section<'_> {
    fn need<'a>(&self, key: &str, path: &'a Option<PathBuf>, because: &str) -> Result<&'a Path, TlsError> {
        let Section(section) = self;
        let missing = || TlsError(format!("[{section}] {key} is not set: {because} needs one"));
        path.as_deref().ok_or_else(missing)
    }

    fn certificates(&self, key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let wanted = if key == "ca_file" { ROOTS } else { CERTIFICATES };
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(certificates) if certificates.is_empty() => Err(self.file(key, path, &"no certificate in it", wanted)),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.file(key, path, &error, wanted)),
        }
    }

    fn key(&self, path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => self.file("key_file", path, &"no private key in it", KEY),
            error => self.file("key_file", path, &error, KEY),
        })
    }

    /// The trust anchors of a file, and the certificates as they stand in it.
    fn roots(&self, path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TlsError> {
        let certificates = self.certificates("ca_file", path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| self.file("ca_file", path, &error, ROOTS))?;
        }
        Ok((roots, certificates))
    }

    fn file(&self, key: &str, path: &Path, problem: &dyn std::fmt::Display, wanted: &str) -> TlsError {
        let Section(section) = self;
        TlsError(format!("[{section}] {key} = {path:?}: {problem}; wanted is {wanted}"))
    }

    fn pair(&self, cert_file: &Path, key_file: &Path, problem: &rustls::Error) -> TlsError {
        let Section(section) = self;
        let what = match problem {
            rustls::Error::InconsistentKeys(_) => "do not go together",
            _ => "cannot be used",
        };
        TlsError(format!(
            "[{section}] cert_file = {cert_file:?} and key_file = {key_file:?} {what}: {problem}; \
             wanted is {CERTIFICATES}, and its key"
        ))
    }
}

fn in_words(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "mode = \"disable\"",
        TlsMode::Allow => "mode = \"allow\"",
        TlsMode::Prefer => "mode = \"prefer\"",
        TlsMode::Require => "mode = \"require\"",
        TlsMode::VerifyCa => "mode = \"verify-ca\"",
        TlsMode::VerifyFull => "mode = \"verify-full\"",
    }
}

#[cfg(test)]
mod tests;
