//! Known attacks on tokens, credentials and HTTP, by family: each row says what is tried
//! and who described it, and each has a request beside it that differs in just the attack
//! and is let through.
//!
//! What a row cannot see, [`target::Target::end`] does: that the process lives, logged no
//! error, and no credential.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod authorization;
mod claims;
mod clock;
mod confusion;
mod credentials;
mod credentials_rows;
mod elliptic;
mod encoding;
mod framing;
mod header;
mod kid;
mod lambda;
mod life_cycle;
mod raw;
mod row;
mod rsa;
mod signature;
mod size;
mod surface;
mod target;
mod weak_keys;
