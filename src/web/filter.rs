//! `?database=&user=&application_name=&limit=`: which rows of a list are wanted. An empty value wants all, an unknown
//! name is ignored, a wrong value is an error.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;

use super::answer::ApiError;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    database: Option<String>,
    user: Option<String>,
    application_name: Option<String>,
    limit: Option<usize>,
}

impl Filter {
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
}

impl TryFrom<Asked> for Filter {
    type Error = ApiError;

    fn try_from(asked: Asked) -> Result<Filter, ApiError> {
        let limit = given(asked.limit).map(|limit| limit.parse().map_err(|_| wrong_limit(&limit))).transpose()?;
        Ok(Filter {
            database: given(asked.database),
            user: given(asked.user),
            application_name: given(asked.application_name),
            limit,
        })
    }
}

fn given(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

fn wrong_limit(limit: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, format!("limit is a number of rows, 0 or more, not {limit:?}"))
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
