//! The credentials of a request: the two schemes of the `Authorization` header
//! (RFC 9110 section 11.6.2) that this service knows.

mod basic;
mod bearer;

pub use basic::BasicCredentials;
pub use bearer::BearerToken;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use thiserror::Error;

/// The request has no usable credentials of the scheme that was asked for.
///
/// Deliberately without a cause: the client gets the same answer for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("missing credentials")]
pub struct MissingCredentials;

/// What stands behind `scheme` in the one `Authorization` header of the request.
///
/// Two headers are refused, and so is a comma: no credentials of these schemes
/// contain one, so it shows that somebody on the way joined two headers.
fn credentials<'h>(headers: &'h HeaderMap, scheme: &str) -> Result<&'h str, MissingCredentials> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(MissingCredentials);
    };
    let value = value.to_str().map_err(|_| MissingCredentials)?;
    let (name, credentials) = value.split_once(' ').ok_or(MissingCredentials)?;
    let credentials = credentials.trim_matches(' ');
    if !name.eq_ignore_ascii_case(scheme) || credentials.is_empty() || value.contains(',') {
        return Err(MissingCredentials);
    }
    Ok(credentials)
}
