//! The real binary, on an SQLite file of its own for each test.
//!
//! Every password in these tests has `canary` in it, and every run is checked for
//! having printed none of them.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod import;
mod key;
mod prompts;
mod support;
mod surface;
mod token;
mod upgrade;
mod users;
