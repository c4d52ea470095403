//! What holds for every input of the parsers that read what clients send, or what an operator
//! put into a secret or a database.
//!
//! Each property takes any bytes, and panics if it does not hold. Two call it: cargo-fuzz, which
//! needs the nightly compiler and searches for minutes; and the tests of this crate, which run
//! the whole corpus and random changes of it whenever `make test` runs. That is why this is a member
//! of the workspace, and the crate around it, which only libFuzzer can link, is not.

mod keys;
mod requests;
mod stored_hash;
mod token;

use std::sync::LazyLock;

use keys::{jwk, key_material, pem};
use requests::{authorization, cookie, forwarded_for, lambda_event};
use stored_hash::stored_hash;
use token::signed_token;

/// Panics on an input for which it does not hold.
pub type Property = fn(&[u8]);

/// Every property by the name of its corpus.
pub const PROPERTIES: [(&str, Property); 9] = [
    ("authorization", authorization),
    ("cookie", cookie),
    ("forwarded_for", forwarded_for),
    ("jwk", jwk),
    ("key_material", key_material),
    ("lambda_event", lambda_event),
    ("pem", pem),
    ("signed_token", signed_token),
    ("stored_hash", stored_hash),
];

/// The property that the variable `PROPERTY` names, for the fuzzer.
pub fn chosen(input: &[u8]) {
    static CHOSEN: LazyLock<Property> = LazyLock::new(|| {
        let name = std::env::var("PROPERTY").unwrap_or_default();
        let property = PROPERTIES.iter().find(|(known, _)| *known == name);
        property.expect("PROPERTY names one").1
    });
    CHOSEN(input);
}
