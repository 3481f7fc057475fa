//! What HTTP shows: the dashboard, health, metrics, JSON. Reads the newest snapshot, the list of clients and what the
//! analyst knows; can neither see nor slow a pool or a session, and changes nothing.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, map_response};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::answer::ApiError;
use self::guests::Guests;
use self::scribe::Scribe;
use crate::observe::insight::Insight;
use crate::observe::process::Process;
use crate::observe::snapshot::{ClientSource, SnapshotCell};

mod answer;
mod clients;
mod filter;
mod findings;
mod guests;
mod history;
mod host;
mod metrics;
mod page;
mod pages;
mod pools;
mod problems;
mod scribe;
mod slow;
mod statements;

/// All that the web may read.
#[derive(Debug, Clone)]
pub struct WebState {
    /// The newest picture.
    pub snapshots: Arc<SnapshotCell>,
    /// Lists the clients when asked.
    pub clients: ClientSource,
    /// What the analyst knows.
    pub insight: Insight,
}

/// Answers requests, on `places` connections at once, until `stop` is over, then finishes those under way, though not for long.
///
/// # Errors
/// Those of the listener that are not one connection's.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    places: usize,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopped, grace) = oneshot::channel();
    let stop = async move {
        stop.await;
        let _ = stopped.send(());
    };
    let local = listener.local_addr()?.ip().is_loopback();
    let router = match local {
        true => router(state).layer(from_fn(host::ours_only)),
        false => router(state),
    };
    let serving = axum::serve(Guests::new(listener, places, QUIET_MAX), router);
    tokio::select! {
        result = serving.with_graceful_shutdown(stop) => result,
        () = after(grace, GRACE) => Ok(()),
    }
}

async fn after(stopped: oneshot::Receiver<()>, patience: Duration) {
    match stopped.await {
        Ok(()) => tokio::time::sleep(patience).await,
        Err(_) => std::future::pending().await,
    }
}

/// A connection on which nothing moves for longer is closed. Longer than the usual minute between two scrapes.
const QUIET_MAX: Duration = Duration::from_secs(90);
/// Answers are short; a reader that needs longer than this is stuck.
const GRACE: Duration = Duration::from_secs(2);

fn router(state: WebState) -> Router {
    let scribe = Scribe::default();
    let scraped = scribe.clone();
    Router::new()
        .merge(pages::router(&scribe))
        .route("/addresses", get(|| async { Html(page::ADDRESSES) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(async move |State(state): State<WebState>| scraped.make(move || metrics(&state)).await))
        .route("/api/pools", scribe.list(pools::list))
        .route("/api/clients", scribe.list(clients::list))
        .route("/api/statements", scribe.list(statements::list))
        .route("/api/slow", scribe.list(slow::list))
        .route("/api/findings", scribe.list(findings::list))
        .route("/api/problems", scribe.list(problems::list))
        .route("/api/history", scribe.list(history::list))
        .fallback(|| async {
            ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address; /addresses lists those that exist")
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here")
        })
        .with_state(state)
        .layer(map_response(pages::guarded))
}

async fn readyz(State(state): State<WebState>) -> impl IntoResponse {
    match state.snapshots.get().ready.why_not() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn metrics(state: &WebState) -> Response {
    let text = metrics::text(state.snapshots.get(), Process::read(), state.insight.totals());
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

#[cfg(test)]
mod tests;
