//! The contract, through the Lambda runtime protocol.

use serde_json::Value;
use system_tests::{
    cargo_lambda::{CargoLambda, EventDoor},
    contract::{Row, SECRET, USER, add_users, check, login_rows, validate_rows},
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
    let functions = CargoLambda::watch(&variables);
    for gateway in Gateway::ALL {
        let door = EventDoor { functions: &functions, gateway };
        let visible = |row: &Row| gateway.gives_all_values() || !row.is_doubled();
        let rows: Vec<Row> = login_rows().into_iter().filter(visible).collect();
        check(&door, "login", &rows);
        let rows: Vec<Row> = validate_rows().into_iter().filter(visible).collect();
        check(&door, "validate", &rows);
    }
    function_urls_answer(&functions);
    log_lines_carry_the_request_id_of_lambda(&functions);
    no_credential_is_logged_even_at_trace(&functions);
}

fn function_urls_answer(functions: &CargoLambda) {
    let login = Request::new("POST", &functions.function_url("login", "/login"));
    let token = login.basic(USER.0, USER.1).send();
    assert_eq!(token.status, 200, "{}", token.text());
    let validate = Request::new("GET", &functions.function_url("validate", "/validate"));
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
