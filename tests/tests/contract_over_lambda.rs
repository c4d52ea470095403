//! The contract, through the Lambda runtime protocol.

use serde_json::Value;
use system_tests::{
    cargo_lambda::{CargoLambda, EventDoor},
    contract::{SECRET, USER, add_users, check},
    gateway_events::Gateway,
    http::Request,
    mariadb, stores,
};

/// One emulator for everything: to start it costs more than all the rest.
#[tokio::test]
#[ignore = "needs MariaDB and cargo-lambda: make test"]
async fn the_contract_holds_through_every_gateway() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;

    let mut variables = server.login_variables();
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables.insert("BASE_PATH".into(), "/auth".into());
    // Each gateway sends the same wrong passwords.
    variables.insert("LOGIN_MAX_FAILURES".into(), "100".into());
    let functions = CargoLambda::watch(&variables);
    for gateway in Gateway::ALL {
        let door = EventDoor { functions: &functions, gateway };
        check(&door, |_, row| gateway.gives_all_values() || !row.is_doubled());
    }
    function_urls_answer_below_the_base_path_too(&functions);
    log_lines_carry_the_request_id_of_lambda(&functions);
    no_credential_is_logged_even_at_trace(&functions);
}

fn function_urls_answer_below_the_base_path_too(functions: &CargoLambda) {
    let login = Request::new("POST", &functions.function_url("login", "/auth/login"));
    let token = login.basic(USER.0, USER.1).send();
    assert_eq!(token.status, 200, "{}", token.text());
    let validate = Request::new("GET", &functions.function_url("validate", "/auth/validate"));
    let validated = validate.bearer(token.text()).send();
    assert_eq!((validated.status, validated.header("x-auth-request-user")), (200, Some(USER.0)));
}

fn log_lines_carry_the_request_id_of_lambda(functions: &CargoLambda) {
    let log = functions.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut requests = lines.filter(|line| line["message"] == "request").peekable();
    assert!(requests.peek().is_some(), "{log}");
    assert!(requests.all(|line| line["request_id"].as_str().is_some_and(|id| id.len() == 36)));
}

/// The rows' credentials, and what Base64 makes of an e-mail or a token's beginning.
fn no_credential_is_logged_even_at_trace(functions: &CargoLambda) {
    let log = functions.log();
    for credential in
        ["eyJ", "Basic ", "Bearer ", "Lovelace", "QWRhLkxvdmVsYWNl", "pässwörd", SECRET]
    {
        assert!(!log.contains(credential), "{credential} is in the log");
    }
}
