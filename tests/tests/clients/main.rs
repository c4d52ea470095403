//! The clients of `examples/clients`, each against the real functions, and against a service
//! that is worse than ours would ever be.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

mod canned;
mod client;
mod expiry;
mod failures;
mod functions;
mod waiting;

use client::{CLIENTS, Client};
use functions::Functions;

/// Everybody's e-mail.
const EMAIL: &str = "ada@example.com";
/// Of the kind that goes wrong where somebody quotes too little, or is not in UTF-8.
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

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn every_client_logs_in_with_a_password_in_utf_8_and_prints_the_claims() {
    for_each_client(|client| {
        let functions = Functions::start(&[]);
        let variables = functions.variables();
        client.run(&variables, &[]).assert_claims(1);
        assert_eq!(functions.statuses(), ([200].into(), [200].into()), "{}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn the_password_may_come_on_standard_input() {
    for_each_client(|client| {
        let functions = Functions::start(&[]);
        let mut variables = functions.variables();
        variables.remove("AUTH_PASSWORD");
        for input in [format!("{PASSWORD}\n"), PASSWORD.to_owned()] {
            client.run_with_input(&variables, &[], &input).assert_claims(1);
        }
        let run = client.run_with_input(&variables, &[], "");
        let failed = run.assert_failed();
        assert!(failed.contains("no password"), "{}: {failed}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn a_wrong_password_is_tried_once() {
    for_each_client(|client| {
        let functions = Functions::start(&[]);
        let mut variables = functions.variables();
        variables.insert("AUTH_PASSWORD".into(), "wröng".into());
        let run = client.run(&variables, &[]);
        let failed = run.assert_failed();
        assert_eq!(failed, "auth: login: 401 invalid credentials", "{}", client.name);
        assert_eq!(functions.statuses(), ([401].into(), [].into()), "{}", client.name);
    });
}
