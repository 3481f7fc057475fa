//! Under which names we are asked. Where only this machine reaches us, a page from elsewhere could still have its visitor's browser
//! ask us, under a name of its own that it leads here (DNS rebinding): to the browser we would be that page's own server, and all
//! that we know would be the page's. Such a name is none of ours.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::ApiError;

/// Refuses requests for somebody else.
pub(super) async fn ours_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    match host.is_none_or(is_ours) {
        true => next.run(request).await,
        false => ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "listen.http is an address of this machine only: ask for it by its address or as localhost, not by another name",
        )
        .into_response(),
    }
}

/// An address, or a name that nobody elsewhere can have: without a point, or of this machine (RFC 6761, 6.3).
fn is_ours(host: &str) -> bool {
    let is_address = host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    is_address || !name.contains('.') || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for ours in [
            "localhost",
            "LOCALHOST.:6433",
            "pgweir:6433",
            "app.localhost:1",
            "127.0.0.1",
            "10.0.0.7:6433",
            "[::1]:6433",
            "[::1]",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["evil.example:6433", "evil.example.", "localhost.evil.example", "127.0.0.1.evil.example"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
