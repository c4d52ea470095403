//! The clients of `examples/clients`, each against the real functions, and against a service
//! that is worse than ours would ever be.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod canned;
mod client;
mod failures;
mod functions;
mod rows;
mod waiting;

use client::{CLIENTS, Client};

/// Everybody's e-mail.
const EMAIL: &str = "ada@example.com";
/// Of the kind that goes wrong where a client quotes too little, or is not in UTF-8.
const PASSWORD: &str = r#"p'ä"s\s: $w ör;d €😀 %41\"#;

/// Runs a check for every client at once.
fn for_each_client(check: impl Fn(&Client) + Sync) {
    std::thread::scope(|scope| {
        for client in &CLIENTS {
            let check = &check;
            let name = client.name.to_owned();
            std::thread::Builder::new().name(name).spawn_scoped(scope, || check(client)).unwrap();
        }
    });
}
