//! What the JSON answers have in common: errors and how durations and times are written.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use crate::observe::histogram::Quantiles;
use crate::observe::store::view::name_of;
use crate::sql::digest::Digest;
use crate::sql::facts::Facts;

/// `{"error":"one sentence"}` and a status.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    sentence: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, sentence: impl Into<String>) -> ApiError {
        ApiError { status, sentence: sentence.into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.sentence }))).into_response()
    }
}

/// Milliseconds to the microsecond: more digits would claim more than we know.
pub(super) fn ms(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 1e3).round() / 1e3
}

/// RFC 3339, UTC, to the millisecond.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A digest with what it stands for; a shape whose text is not known is called by its digest.
pub(super) fn sql(digest: Digest, facts: Option<&Arc<Facts>>) -> String {
    facts.map(|facts| facts.sql.clone()).filter(|sql| !sql.is_empty()).unwrap_or_else(|| name_of(digest))
}

/// Quantiles in milliseconds.
#[derive(Debug, serde::Serialize)]
pub(super) struct QuantilesMs {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

impl From<Quantiles> for QuantilesMs {
    fn from(q: Quantiles) -> QuantilesMs {
        QuantilesMs { p50: ms(q.p50), p95: ms(q.p95), p99: ms(q.p99), max: ms(q.max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds() {
        let check = |nanos: u64, wanted: f64| assert_eq!(ms(Duration::from_nanos(nanos)), wanted);
        check(0, 0.0);
        check(1_499, 0.001);
        check(1_500_000, 1.5);
        check(60_000_000_000, 60_000.0);
    }

    #[test]
    fn times() {
        let at = Timestamp::from_millisecond(1_795_341_600_120).unwrap();
        assert_eq!(time(at), "2026-11-22T10:00:00.120Z");
    }
}
