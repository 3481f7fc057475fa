//! The dashboard: pages that are written here and need nothing but themselves. [`gather`] adds up what is known, one file a page
//! turns that into HTML, [`chart`] draws. Templates escape whatever comes from outside, SQL above all, and the policy that goes
//! with each answer lets nothing run but our own script.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use maud::{Markup, html};

use self::ask::Ask;
use self::assets::Asset;
use self::frame::{Frame, Tab, document, empty};
use self::gather::Known;
use super::WebState;
use super::scribe::Scribe;
use crate::observe::health::Problem;

mod ask;
mod assets;
mod chart;
mod clients;
mod findings;
mod frame;
mod gather;
mod overview;
mod parts;
mod pool;
mod pools;
mod slow;
mod statement;
mod statements;
mod write;

/// All pages and what they load.
pub(super) fn router(scribe: &Scribe) -> Router<WebState> {
    let page = |page: Page| {
        let scribe = scribe.clone();
        get(async move |State(state): State<WebState>, uri: Uri| scribe.make(move || answer(page, &state, &uri)).await)
    };
    Router::new()
        .route("/", page(Page { tab: Tab::Overview, path: "/", title: "Overview", body: overview }))
        .route("/pools", page(Page { tab: Tab::Pools, path: "/pools", title: "Pools", body: pools }))
        .route("/pool", page(Page { tab: Tab::Pools, path: "/pool", title: "Pool", body: pool }))
        .route(
            "/statements",
            page(Page { tab: Tab::Statements, path: "/statements", title: "Statements", body: statements }),
        )
        .route(
            "/statement",
            page(Page { tab: Tab::Statements, path: "/statement", title: "Statement", body: statement }),
        )
        .route("/slow", page(Page { tab: Tab::Slow, path: "/slow", title: "Slow", body: slow }))
        .route("/findings", page(Page { tab: Tab::Findings, path: "/findings", title: "Findings", body: findings }))
        .route("/clients", page(Page { tab: Tab::Clients, path: "/clients", title: "Clients", body: clients }))
        .route("/assets/{hash}/{name}", get(asset))
}

/// One page.
#[derive(Clone, Copy)]
struct Page {
    tab: Tab,
    path: &'static str,
    title: &'static str,
    /// Its content; `None`: what was asked for is not there.
    body: fn(&Known, &Ask) -> Option<Markup>,
}

/// What is wrong, the worst first, each with the page where it can be seen.
pub(super) fn problems(state: &WebState) -> Vec<(Problem, String)> {
    let problems = gather::problems(&Known::of(state, Timestamp::now()));
    let page = |problem: Problem| {
        let page = parts::place(&problem.place, &Ask::default());
        (problem, page)
    };
    problems.into_iter().map(page).collect()
}

fn overview(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(overview::page(&gather::overview(known, ask), ask))
}

fn pools(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(pools::page(&gather::pools(known, ask), ask))
}

fn pool(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(pool::page(&gather::pool(known, ask)?, ask))
}

fn statements(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(statements::page(&gather::statements(known, ask), ask))
}

fn statement(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(statement::page(&gather::statement(known, ask)?, ask))
}

fn slow(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(slow::page(&gather::slow(known, ask), ask))
}

fn findings(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(findings::page(&gather::findings(known, ask), ask))
}

fn clients(known: &Known, ask: &Ask) -> Option<Markup> {
    Some(clients::page(&gather::clients(known, ask), ask))
}

fn answer(page: Page, state: &WebState, uri: &Uri) -> Response {
    let ask = Query::<Ask>::try_from_uri(uri).map(|Query(ask)| ask).unwrap_or_default();
    let known = Known::of(state, Timestamp::now());
    let body = (page.body)(&known, &ask);
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let frame = Frame {
        tab: page.tab,
        path: page.path,
        title: page.title,
        ask: &ask,
        version: known.snapshot.version,
        now: known.now,
        started: known.snapshot.started_at,
        not_ready: known.snapshot.ready.why_not(),
    };
    let html = document(&frame, &body.unwrap_or_else(gone));
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, html).into_response()
}

fn gone() -> Markup {
    html! { h1 { "Not here" } (empty("What was asked for is not there (any more).", "The lists above show what is.")) }
}

async fn asset(uri: Uri) -> Response {
    match Asset::at(uri.path()) {
        Some(asset) => {
            let headers = [(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
            (headers, asset.text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Nothing runs, loads or frames but what is ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const GUARDS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Headers that go with every answer, JSON too.
pub(super) async fn guarded(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
