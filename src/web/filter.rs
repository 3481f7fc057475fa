//! `?database=&user=&application_name=&limit=`, and of what the analyst keeps `digest`, `reason`, `range` and `since`: which
//! rows of a list are wanted. An empty value wants all, an unknown name is ignored, a wrong value is an error.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;

use super::answer::ApiError;
use crate::observe::history::{LEVELS, Period};
use crate::observe::insight::Wanted;
use crate::sql::digest::Digest;

/// `?digest=`.
#[derive(Debug, Default, PartialEq, Eq)]
enum Shapes {
    #[default]
    Unasked,
    All,
    One(Digest),
}

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    database: Option<String>,
    user: Option<String>,
    application_name: Option<String>,
    limit: Option<usize>,
    digest: Shapes,
    all: bool,
    period: Period,
}

impl Filter {
    /// The same for the analyst; `limit` if none was asked for.
    pub(super) fn wanted(self, limit: usize) -> Wanted {
        let Filter { database, user, application_name, digest, .. } = self;
        let digest = if let Shapes::One(digest) = digest { Some(digest) } else { None };
        Wanted { database, user, application_name, digest, limit: self.limit.unwrap_or(limit) }
    }

    /// Whether statements are wanted that were not slow, but failed or returned very much.
    pub(super) fn all(&self) -> bool {
        self.all
    }

    /// Which part of the history is wanted.
    pub(super) fn period(&self) -> Period {
        self.period
    }

    /// Whether one shape, or all of them, were asked for by `digest`.
    pub(super) fn of_statements(&self) -> bool {
        self.digest != Shapes::Unasked
    }

    /// Whether a row of this pool is wanted.
    pub(super) fn pool(&self, database: &str, user: &str) -> bool {
        wants(&self.database, database) && wants(&self.user, user)
    }

    /// Whether a row of this application is wanted.
    pub(super) fn application(&self, name: &str) -> bool {
        wants(&self.application_name, name)
    }

    /// How many rows at the most.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

fn wants(filter: &Option<String>, value: &str) -> bool {
    filter.as_ref().is_none_or(|wanted| wanted == value)
}

/// As it stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    database: String,
    user: String,
    application_name: String,
    limit: String,
    digest: String,
    reason: String,
    range: String,
    since: String,
}

impl TryFrom<Asked> for Filter {
    type Error = ApiError;

    fn try_from(asked: Asked) -> Result<Filter, ApiError> {
        Ok(Filter {
            database: given(asked.database),
            user: given(asked.user),
            application_name: given(asked.application_name),
            limit: read("limit", asked.limit, "a number of rows, 0 or more", |limit| limit.parse().ok())?,
            digest: read("digest", asked.digest, "up to 16 hexadecimal digits or \"all\"", shapes)?.unwrap_or_default(),
            all: read("reason", asked.reason, "\"slow\" or \"all\"", all)?.unwrap_or_default(),
            period: Period {
                level: read("range", asked.range, "\"15m\", \"6h\" or \"48h\"", level)?.unwrap_or_default(),
                since: read("since", asked.since, "in milliseconds since 1970", since)?.unwrap_or_default(),
            },
        })
    }
}

fn shapes(text: &str) -> Option<Shapes> {
    match text {
        "all" => Some(Shapes::All),
        _ => u64::from_str_radix(text, 16).ok().map(|digest| Shapes::One(Digest(digest))),
    }
}

fn all(text: &str) -> Option<bool> {
    match text {
        "slow" => Some(false),
        "all" => Some(true),
        _ => None,
    }
}

fn level(text: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.name == text)
}

fn since(text: &str) -> Option<u32> {
    u32::try_from(text.parse::<u64>().ok()? / 1000).ok()
}

fn read<T>(name: &str, value: String, right: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let wrong = |value: &str| ApiError::new(StatusCode::BAD_REQUEST, format!("{name} is {right}, not {value:?}"));
    given(value).map(|value| read(&value).ok_or_else(|| wrong(&value))).transpose()
}

fn given(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

impl<S: Send + Sync> FromRequestParts<S> for Filter {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Filter, ApiError> {
        let Query(asked) = Query::<Asked>::from_request_parts(parts, state)
            .await
            .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        asked.try_into()
    }
}
