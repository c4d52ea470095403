//! What each client does with the real functions: passwords, and tokens that expire.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use system_tests::contract::{token, token_with};

use crate::{EMAIL, PASSWORD, for_each_client, functions::Functions};

/// What is run, `JWT_TTL_SECONDS` of `login`, a variable of the client (none if it is empty), its
/// standard input and its arguments; how often it prints the claims, or a part of the line that
/// says why it does not; and what `login` and `validate` answered.
type Row = (
    &'static str,
    &'static str,
    (&'static str, String),
    String,
    &'static [&'static str],
    Result<usize, &'static str>,
    (&'static [u64], &'static [u64]),
);

/// A genuine token of an hour ago, which was valid for a minute.
fn expired() -> String {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3600;
    token_with(&json!({ "username": EMAIL, "admin": false, "iat": then, "exp": then + 60 }))
}

#[rustfmt::skip]
fn rows() -> [Row; 9] {
    let day = "86400";
    let line = format!("{PASSWORD}\n");
    let none = String::new;
    [
        ("a password in UTF-8", day, ("AUTH_PASSWORD", PASSWORD.into()), none(), &[], Ok(1), (&[200], &[200])),
        ("it on standard input", day, ("AUTH_PASSWORD", none()), line, &[], Ok(1), (&[200], &[200])),
        ("it without a line break", day, ("AUTH_PASSWORD", none()), PASSWORD.into(), &[], Ok(1), (&[200], &[200])),
        ("no password at all", day, ("AUTH_PASSWORD", none()), none(), &[], Err("no password"), (&[], &[])),
        ("a wrong password once", day, ("AUTH_PASSWORD", "wröng".into()), none(), &[], Err("auth: login: 401 invalid credentials"), (&[401], &[])),
        ("an expired token", day, ("AUTH_TOKEN", expired()), none(), &["2"], Ok(2), (&[200], &[403, 200, 200])),
        ("a good token", day, ("AUTH_TOKEN", token(EMAIL, false)), none(), &["2"], Ok(2), (&[], &[200, 200])),
        ("a token at its end", "2", ("AUTH_TOKEN", none()), none(), &["2", "1.9"], Ok(2), (&[200, 200], &[200, 200])),
        ("a young token", day, ("AUTH_TOKEN", none()), none(), &["2", "0.1"], Ok(2), (&[200], &[200, 200])),
    ]
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make verify"]
fn every_client_logs_in_as_often_as_it_has_to() {
    for_each_client(|client| {
        for (name, lifetime, (variable, value), input, arguments, result, statuses) in rows() {
            let what = format!("{}, {name}", client.name);
            println!("{what}");
            let functions = Functions::start(&[("JWT_TTL_SECONDS", lifetime)]);
            let mut variables = functions.variables();
            variables.insert(variable.into(), value);
            variables.retain(|_, value| !value.is_empty());
            let run = client.run(&variables, arguments, &input);
            match result {
                Ok(times) => run.assert_claims(times),
                Err(why) => assert!(run.assert_failed().contains(why), "{what}"),
            }
            functions.answered(&what, statuses);
        }
    });
}
