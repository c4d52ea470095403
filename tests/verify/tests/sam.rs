//! `template.yaml`: it is right, it gives each what it needs and nothing more, and what it deploys holds the
//! contract behind AWS's emulator of the runtime interface.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Environment,
    contract::{SECRET, add_users, token},
    lambda::{Lambda, check_contract},
    mariadb,
    moto::Moto,
    process::{command, output},
    with, workspace,
};

#[test]
#[ignore = "needs SAM: make verify"]
fn the_template_is_right_by_the_rules_of_aws_and_ours() {
    let check = command(workspace().join("tests/sam"), &Environment::new());
    let checked = output(check, b"", Duration::from_mins(2));
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn the_template_gives_each_what_it_needs_and_nothing_more() {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).expect("YAML");
    let template = read(include_str!("../../../template.yaml"));
    let facts = read(include_str!("../../data/access.yaml"));
    for (path, fact) in facts.as_object().expect("pointers") {
        assert_eq!(template.pointer(path).unwrap_or(&Value::Null), fact, "{path}");
    }
    let resources = template["Resources"].as_object().expect("resources").values();
    let types = resources.filter_map(|resource| resource["Type"].as_str());
    assert_eq!(types.filter(|it| it.starts_with("AWS::IAM::")).count(), 3, "roles and policies");
}

/// As in the template: the key comes from Secrets Manager when the environment starts.
#[tokio::test]
#[ignore = "needs MariaDB, moto and make release: make verify"]
async fn what_is_deployed_holds_the_contract_and_answers_the_sample_events_of_the_authorizer() {
    let server = mariadb::shared();
    add_users(&server).await;
    let manager = Moto::start();
    let key = manager.create_secret("signing-key", SECRET);
    let variables = with(manager.variables(), &[("JWT_SECRET_ID", &key)]);
    let [validate, authorizer] =
        ["validate", "authorizer"].map(|name| Lambda::start_release(name, &variables));
    // Each gateway sends the same wrong passwords.
    let mut variables = with(variables, &[("LOGIN_MAX_FAILURES", "100")]);
    variables.extend(server.login_variables());
    let login = Lambda::start_release("login", &variables);
    check_contract(&login, &validate);
    let token = token("ada@example.com", false);
    for file in fs::read_dir(workspace().join("events")).expect("the events") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(case) = name.strip_prefix("authorizer-") else { continue };
        let event = fs::read_to_string(&path).expect("an event").replace("${TOKEN}", &token);
        let answer = authorizer.invoke(&serde_json::from_str(&event).expect("JSON"));
        let is_allowed = answer["isAuthorized"] == true
            || answer["policyDocument"]["Statement"][0]["Effect"] == "Allow";
        assert_eq!(is_allowed, case.starts_with("allow-"), "{name}: {answer}");
    }
    let logs = [login, validate, authorizer].map(|lambda| lambda.function.log());
    assert!(logs.iter().all(|log| !log.contains(SECRET)));
}
