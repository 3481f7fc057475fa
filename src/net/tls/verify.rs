//! How a server's certificate is judged: libpq's `verify-ca` and `verify-full` (`Chain`), and what is below (`Anyone`). Not
//! which of them applies (`tls`).

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The certificate must have been signed by someone we trust, and may have to bear the host's name.
#[derive(Debug)]
pub(super) struct Chain {
    roots: RootCertStore,
    own: Vec<CertificateDer<'static>>,
    with_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Chain {
    /// `own` are the certificates that the operator named; a server may present one of them as it is.
    pub(super) fn new(
        roots: RootCertStore,
        own: Vec<CertificateDer<'static>>,
        with_name: bool,
        provider: &CryptoProvider,
    ) -> Chain {
        Chain { roots, own, with_name, algorithms: provider.signature_verification_algorithms }
    }

    /// Postgres' manual makes a self-signed certificate with one `openssl req -x509`, and people then name that very file
    /// as ca_file. It calls itself an authority, which webpki refuses in a server and OpenSSL does not: so a certificate
    /// that the operator named is enough, unless its time is over (which webpki judges before what it may be used for).
    fn forgive(&self, presented: &CertificateDer<'_>, error: Error) -> Result<(), Error> {
        use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
        let untimely = matches!(
            error,
            Error::InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. })
        );
        let named = self.own.iter().any(|own| own == presented);
        if named && !untimely { Ok(()) } else { Err(error) }
    }
}

impl ServerCertVerifier for Chain {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(presented)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)
            .or_else(|error| self.forgive(presented, error))?;
        if self.with_name {
            verify_server_name(&certificate, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whoever answers is believed, as libpq does below `verify-ca`: this keeps out who listens, not who stands in between.
///
/// It must have the key of the certificate that it shows: a login may be bound to that, and then nobody may show another's.
/// But webpki cannot read the X.509 v1 certificates that the manual's recipe gave for years; with those nothing is proven,
/// and nothing is bound to them (`Stream::end_point`).
#[derive(Debug)]
pub(super) struct Anyone {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Anyone {
    pub(super) fn new(provider: &CryptoProvider) -> Anyone {
        Anyone { algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match ParsedCertificate::try_from(certificate) {
            Ok(_) => verify_tls12_signature(message, certificate, signature, &self.algorithms),
            Err(_) => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match ParsedCertificate::try_from(certificate) {
            Ok(_) => verify_tls13_signature(message, certificate, signature, &self.algorithms),
            Err(_) => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
