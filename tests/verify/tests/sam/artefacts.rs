//! What is deployed on Lambda, behind AWS's emulator of the runtime interface.

use std::{fs, time::Instant};

use serde_json::{Value, json};
use system_tests::{
    Environment,
    contract::{ContractRequest, SECRET, USER, add_users, check, token},
    gateway_events::Gateway,
    lambda_emulator::{EmulatorDoor, LambdaEmulator},
    mariadb,
    moto::Moto,
    stores, workspace,
};

#[tokio::test]
#[ignore = "needs MariaDB and make release: make verify"]
async fn the_contract_holds_for_what_is_deployed() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    let key = Environment::from([("JWT_SECRET".into(), SECRET.into())]);
    let mut variables = server.login_variables();
    variables.extend(key.clone());
    let login = LambdaEmulator::start("login", &variables);
    let validate = LambdaEmulator::start("validate", &key);
    for gateway in Gateway::ALL {
        let door = EmulatorDoor { login: &login, validate: &validate, gateway };
        check(&door, |_, row| gateway.gives_all_values() || !row.is_doubled());
    }
}

/// Each sample event, with a token that `validate` would accept.
#[test]
#[ignore = "needs make release: make verify"]
fn the_authorizer_that_is_deployed_answers_the_sample_events() {
    let key = Environment::from([("JWT_SECRET".into(), SECRET.into())]);
    let authorizer = LambdaEmulator::start("authorizer", &key);
    let token = token("ada@example.com", false);
    let mut answered = [0, 0];
    for file in fs::read_dir(workspace().join("events")).expect("the events") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(case) = name.strip_prefix("authorizer-") else { continue };
        let event = fs::read_to_string(&path).expect("an event").replace("${TOKEN}", &token);
        let answer = authorizer.invoke(&serde_json::from_str(&event).expect("JSON"));
        let allowed = case.starts_with("allow-");
        assert_eq!(is_allowed(&answer), allowed, "{name}: {answer}");
        answered[usize::from(allowed)] += 1;
    }
    assert!(answered.iter().all(|&cases| cases >= 3), "{answered:?}");
}

fn is_allowed(answer: &Value) -> bool {
    answer["isAuthorized"] == json!(true)
        || answer["policyDocument"]["Statement"][0]["Effect"] == json!("Allow")
}

/// As in the template: the key comes from Secrets Manager when the environment starts.
#[tokio::test]
#[ignore = "needs MariaDB, moto and make release: make verify"]
async fn what_is_deployed_fetches_its_key_from_secrets_manager() {
    let server = mariadb::start();
    server.init();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    let manager = Moto::start();
    let mut variables = manager.variables();
    variables.insert("JWT_SECRET_ID".into(), manager.create_secret("signing-key", SECRET));
    variables.extend(server.login_variables());

    let login = ContractRequest::new("POST", "/login").basic(USER.0, USER.1);
    let validate =
        ContractRequest::new("GET", "/validate").bearer(&token("ada@example.com", false));
    for (name, request) in [("login", login), ("validate", validate)] {
        let function = LambdaEmulator::start(name, &variables);
        let since = Instant::now();
        let answer = function.invoke(&Gateway::HttpApi.event(&request));
        println!("{name}: cold start to first answer {} ms", since.elapsed().as_millis());
        assert_eq!(answer["statusCode"], 200, "{answer}");
        assert!(!function.log().contains(SECRET));
    }
}
