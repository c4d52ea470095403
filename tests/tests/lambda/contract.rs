//! The contract, as each gateway calls a function.

use serde_json::Value;
use system_tests::{
    contract::{SECRET, USER, add_users},
    environment,
    lambda::{Lambda, check_contract},
    mariadb, users, with,
};

#[tokio::test]
#[ignore = "needs MariaDB and cargo-lambda: make test"]
async fn the_contract_holds_through_every_gateway_and_no_credential_is_logged_even_at_trace() {
    let server = mariadb::shared();
    add_users(&server).await;
    let all = [("BASE_PATH", "/auth"), ("RUST_LOG", "trace")];
    let validate = Lambda::start("validate", "1", environment(&all));
    // Each gateway sends the same wrong passwords.
    let failures = [("LOGIN_MAX_FAILURES", "100")];
    let mut variables = with(with(server.login_variables(), &all), &failures);
    variables.extend(users::variables(users::quick()));
    let login = Lambda::start("login", "1", variables);
    check_contract(&login, &validate);

    let token = login.request("POST", "/auth/login").basic(USER.0, USER.1).send();
    assert_eq!(token.status, 200, "below the base path of a function URL");
    let validated = validate.request("GET", "/auth/validate").bearer(token.text()).send();
    assert_eq!((validated.status, validated.header("x-auth-request-user")), (200, Some(USER.0)));

    for function in [&login.function, &validate.function] {
        let log = function.log();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let requests: Vec<_> = lines.filter(|line| line["message"] == "request").collect();
        let id_of_lambda =
            |line: &Value| line["request_id"].as_str().is_some_and(|id| id.len() == 36);
        assert!(!requests.is_empty() && requests.iter().all(id_of_lambda), "{log}");
        // The rows' credentials, and what Base64 makes of an e-mail or a token's beginning.
        for credential in
            ["eyJ", "Basic ", "Bearer ", "Lovelace", "QWRhLkxvdmVsYWNl", "pässwörd", SECRET]
        {
            assert!(!log.contains(credential), "{credential} is in the log");
        }
    }
}
