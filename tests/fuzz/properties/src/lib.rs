//! Properties of the parsers for input from clients, secrets and the database: facts that hold for
//! every input.
//!
//! Each property is a function that takes any bytes and panics if it does not hold. It is called by
//! cargo-fuzz, which needs the nightly compiler and searches for minutes, and by the tests of this
//! crate, which `make test` runs with the corpus and random changes of it. Hence this crate is in
//! the workspace; the parent package is not, since only libFuzzer can link it.

mod keys;
mod requests;
mod stored_hash;
mod token;

use std::sync::LazyLock;

use keys::{jwk, key_material, pem};
use requests::{authorization, cookie, forwarded_for, lambda_event};
use stored_hash::stored_hash;
use token::signed_token;

/// A function that panics if the property does not hold for an input.
pub type Property = fn(&[u8]);

/// Every property, with its name in the corpus.
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

/// For the fuzzer: runs the property that the variable `PROPERTY` names.
pub fn run_selected(input: &[u8]) {
    static SELECTED: LazyLock<Property> = LazyLock::new(|| {
        let name = std::env::var("PROPERTY").unwrap_or_default();
        let property = PROPERTIES.iter().find(|(known, _)| *known == name);
        property.expect("PROPERTY names a property").1
    });
    SELECTED(input);
}
