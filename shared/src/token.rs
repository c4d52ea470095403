//! Tokens: JWTs (RFC 7519) in the compact serialisation of JWS (RFC 7515).

mod issue;
mod members;
mod verify;

pub use issue::{Subject, issue};
pub use verify::{InvalidToken, VerifiedClaims, VerifyError, verify, verify_with_newest};

#[cfg(test)]
mod tests;
