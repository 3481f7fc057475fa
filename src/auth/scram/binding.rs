//! Channel binding: what ties a SCRAM login to the TLS connection that carries it, so that nobody can stand between and pass
//! the login on. One type of it, `tls-server-end-point` (RFC 5929), as with Postgres. Not how the certificate is hashed
//! (`net::tls`). Pure.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The only type there is; RFC 5802 wants its name in the GS2 header.
pub(super) const TYPE: &[u8] = b"tls-server-end-point";

/// The hash of the certificate that the server of a TLS connection showed. Both ends know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndPoint(Arc<[u8]>);

impl From<&[u8]> for EndPoint {
    fn from(hash: &[u8]) -> EndPoint {
        EndPoint(hash.into())
    }
}

/// What a client says about channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// `n`: it cannot.
    Unable,
    /// `y`: it could, and was not offered it. If it was, then somebody in between has kept the offer back.
    Unoffered,
    /// `p=`: it binds itself to this.
    To(EndPoint),
}

impl Binding {
    /// The GS2 header, without an authorization identity.
    pub(super) fn header(&self) -> &'static str {
        match self {
            Binding::Unable => "n,,",
            Binding::Unoffered => "y,,",
            Binding::To(_) => "p=tls-server-end-point,,",
        }
    }

    /// `c=`: the header once more and what is bound to, which the client repeats under its proof. In base64.
    pub(super) fn echo(&self) -> String {
        let bound: &[u8] = match self {
            Binding::Unable | Binding::Unoffered => b"",
            Binding::To(EndPoint(hash)) => hash,
        };
        STANDARD.encode([self.header().as_bytes(), bound].concat())
    }
}
