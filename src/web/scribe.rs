//! Who makes answers that may take a while: one at a time, however many are asked for, so that they never take more than
//! one processor from those who work; and not on the thread that asks: it lets clients in as well, who would wait for ten
//! thousand statements to be put in order.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::WebState;
use super::filter::Filter;

/// Shared by all who ask.
#[derive(Debug, Clone)]
pub(super) struct Scribe(Arc<Semaphore>);

impl Default for Scribe {
    fn default() -> Scribe {
        Scribe(Arc::new(Semaphore::new(1)))
    }
}

impl Scribe {
    /// Has an answer made.
    pub(super) async fn make(&self, answer: impl FnOnce() -> Response + Send + 'static) -> Response {
        let turn = self.0.clone().acquire_owned().await;
        // It has its turn until it is made, also when nobody waits for it any more.
        let make = move || {
            let _turn = turn;
            answer()
        };
        let made = tokio::task::spawn_blocking(make).await;
        made.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }

    /// An address that answers with a list in JSON.
    pub(super) fn list<T: Serialize + 'static>(&self, list: fn(&WebState, Filter) -> Vec<T>) -> MethodRouter<WebState> {
        let scribe = self.clone();
        get(move |State(state): State<WebState>, filter: Filter| {
            let scribe = scribe.clone();
            async move { scribe.make(move || Json(list(&state, filter)).into_response()).await }
        })
    }
}
