//! No public certificate authority.
//!
//! sqlx adds the CA that it is given (`MYSQL_SSL_CA`) to those of this crate, and with
//! `VERIFY_CA` checks no host name: with the real list, a certificate that any public CA
//! gave to anybody would pass for the database's. The `mysql` client trusts the given CA
//! alone, and with this so do we.

#![forbid(unsafe_code)]

use rustls_pki_types::TrustAnchor;

/// None.
pub const TLS_SERVER_ROOTS: &[TrustAnchor<'static>] = &[];
