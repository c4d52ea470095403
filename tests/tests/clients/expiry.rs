//! Tokens that have expired, and tokens that are about to.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use system_tests::contract::{token, token_with};

use crate::{EMAIL, for_each_client, functions::Functions};

/// A genuine token of an hour ago, which was valid for a minute.
fn expired_token() -> String {
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3600;
    token_with(&json!({ "username": EMAIL, "admin": false, "iat": then, "exp": then + 60 }))
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn an_expired_token_is_replaced_by_one_login() {
    for_each_client(|client| {
        let functions = Functions::start(&[]);
        let mut variables = functions.variables();
        variables.insert("AUTH_TOKEN".into(), expired_token());
        client.run(&variables, &["2"]).assert_claims(2);
        let expected = ([200].into(), [403, 200, 200].into());
        assert_eq!(functions.statuses(), expected, "{}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn a_token_that_is_good_is_used_without_a_login() {
    for_each_client(|client| {
        let functions = Functions::start(&[]);
        let mut variables = functions.variables();
        variables.insert("AUTH_TOKEN".into(), token(EMAIL, false));
        client.run(&variables, &["2"]).assert_claims(2);
        let expected = ([].into(), [200, 200].into());
        assert_eq!(functions.statuses(), expected, "{}", client.name);
    });
}

#[test]
#[ignore = "needs curl, jq, requests and Node: make test"]
fn a_token_is_renewed_ahead_of_its_end_and_not_before() {
    for_each_client(|client| {
        for (lifetime, pause, logins) in [("2", "1.9", 2), ("86400", "0.1", 1)] {
            let functions = Functions::start(&[("JWT_TTL_SECONDS", lifetime)]);
            client.run(&functions.variables(), &["2", pause]).assert_claims(2);
            let expected = (vec![200; logins], vec![200; 2]);
            assert_eq!(functions.statuses(), expected, "{}, {lifetime} s", client.name);
        }
    });
}
