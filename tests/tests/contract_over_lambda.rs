//! The contract, through the Lambda runtime protocol.

use std::fs;

use serde_json::Value;
use shared::users::{NewUser, UserDirectory};
use system_tests::{
    Environment,
    cargo_lambda::{CargoLambda, EventDoor, answer, events_folder},
    contract::{
        ContractRequest, Row, SECRET, USER, add_users, check, hash, login_rows, token,
        validate_rows,
    },
    gateway_events::Gateway,
    http::Request,
    mariadb, process, python, stores,
};

const DEMO: (&str, &str) = ("demo@example.com", "correct horse battery staple");

/// One emulator for everything: to start it costs more than all the rest.
#[tokio::test]
#[ignore = "needs MariaDB and cargo-lambda: make test"]
async fn the_contract_holds_through_every_gateway() {
    let server = mariadb::shared();
    let directory = stores::open(&server.root_variables(), 1).await;
    add_users(&directory).await;
    let demo = NewUser { email: DEMO.0.into(), hash: hash(DEMO.1).await, admin: false };
    directory.add(&[demo]).await.unwrap();

    let mut variables = server.login_variables();
    variables.insert("JWT_SECRET".into(), SECRET.into());
    let functions = CargoLambda::watch(&variables);
    for gateway in Gateway::ALL {
        let door = EventDoor { functions: &functions, gateway };
        let visible = |row: &Row| gateway.gives_all_values() || !is_doubled(row);
        let rows: Vec<Row> = login_rows().into_iter().filter(visible).collect();
        check(&door, "login", &rows);
        let rows: Vec<Row> = validate_rows().into_iter().filter(visible).collect();
        check(&door, "validate", &rows);
    }
    function_urls_answer(&functions);
    every_sample_event_is_answered_as_its_name_says(&functions);
    cargo_lambda_invoke_prints_the_answer(&functions);
    log_lines_carry_the_request_id_of_lambda(&functions);
}

/// Without multi-value headers a load balancer gives a function the last value alone.
fn is_doubled(row: &Row) -> bool {
    let named = row.request.headers.iter().filter(|(name, _)| *name == "authorization");
    named.count() > 1
}

fn function_urls_answer(functions: &CargoLambda) {
    let basic = ContractRequest::new("POST", "/login").basic(USER.0, USER.1).headers.remove(0).1;
    let login = Request::new("POST", &functions.function_url("login", "/login"));
    let token = login.header("authorization", basic).send();
    assert_eq!(token.status, 200, "{}", token.text());
    let validate = Request::new("GET", &functions.function_url("validate", "/validate"));
    let bearer = format!("Bearer {}", token.text());
    let validated = validate.header("authorization", bearer).send();
    assert_eq!((validated.status, validated.header("x-auth-request-user")), (200, Some(USER.0)));
}

/// `login-401-wrong-password.json` is an event of `login`, answered with 401.
fn every_sample_event_is_answered_as_its_name_says(functions: &CargoLambda) {
    let mut exercised = 0;
    for entry in fs::read_dir(events_folder()).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(case) = name.strip_suffix(".json") else { continue };
        let [function, status, ..] = case.split('-').collect::<Vec<_>>()[..] else {
            panic!("{name}")
        };
        let text = fs::read_to_string(&path).expect("a text");
        let text = text.replace("${TOKEN}", &token(DEMO.0, false));
        let event: Value = serde_json::from_str(&text).expect("an event is JSON");
        let answer = answer(&functions.invoke(function, &event));
        assert_eq!(answer.status.to_string(), status, "{name}: {}", answer.text());
        exercised += 1;
    }
    assert!(exercised >= 12, "only {exercised} events were found");
}

fn cargo_lambda_invoke_prints_the_answer(functions: &CargoLambda) {
    let event = events_folder().join("login-200-function-url.json");
    let mut invoke = process::command(python::program("cargo-lambda"), &Environment::new());
    invoke.args(["lambda", "invoke", "login", "--data-file", &event.to_string_lossy()]);
    invoke.args(["--invoke-address", "127.0.0.1", "--invoke-port", functions.port()]);
    let output = process::output(invoke, b"", std::time::Duration::from_secs(30));
    assert!(output.status.success(), "{}", output.stderr);
    let printed: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(printed["statusCode"], 200);
}

fn log_lines_carry_the_request_id_of_lambda(functions: &CargoLambda) {
    let log = functions.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut requests = lines.filter(|line| line["message"] == "request").peekable();
    assert!(requests.peek().is_some(), "{log}");
    assert!(requests.all(|line| line["request_id"].as_str().is_some_and(|id| id.len() == 36)));
}
