//! `template.yaml`: it is right, it gives each what it needs and nothing more, and what it deploys holds the
//! contract behind AWS's emulator of the runtime interface.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use system_tests::{
    Environment,
    contract::{SECRET, add_users, check, is_doubled, token},
    gateway_events::Gateway,
    lambda::Lambda,
    mariadb,
    moto::Moto,
    process::{Output, command, output},
    scratch, stores, workspace,
};

fn template() -> String {
    fs::read_to_string(workspace().join("template.yaml")).expect("the template")
}

/// The template with other texts.
fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(template(), |text, (right, wrong)| {
        assert!(text.contains(right), "{right}");
        text.replacen(right, wrong, 1)
    })
}

fn lint(template: &Path) -> Output {
    let mut check = command(workspace().join("tests/sam"), &Environment::new());
    check.arg(template);
    output(check, b"", Duration::from_mins(2))
}

#[test]
#[ignore = "needs SAM: make verify"]
fn the_template_is_right_and_an_error_in_it_is_seen() {
    let checked = lint(&workspace().join("template.yaml"));
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);

    // SAM's own rules, and ours, which are asked where SAM finds nothing.
    let mistakes =
        with(&[("MemorySize: 1769", "MemorySizes: 1769"), ("Timeout: 15", "Timeout: 15000")]);
    let open = with(&[
        ("JWT_SECRET_ID: !Ref", "JWT_SECRET: !Ref"),
        ("MYSQL_HOST: !Ref", "MYSQL_PASSWORD: !Ref"),
        ("MYSQL_DB: !Ref", "DATABASE_URL: !Ref"),
        (
            "      ReservedConcurrentExecutions:\n        !If [ReservesValidate, !Ref \
             ValidateReservedConcurrency, !Ref AWS::NoValue]\n",
            "",
        ),
        (
            "CodeUri: target/lambda/login",
            "CodeUri: target/lambda/login\n      FunctionUrlConfig: { AuthType: NONE }",
        ),
    ]);
    let ours = fs::read_to_string(workspace().join("tests/cloudformation-rules")).expect("rules");
    let ours: Vec<&str> = ours.lines().filter_map(|rule| rule.split('"').nth(1)).collect();
    assert_eq!(ours.len(), 5);
    let folder = scratch::directory();
    let path = folder.path().join("template.yaml");
    for (text, seen) in [(mistakes, vec!["MemorySizes", "15000"]), (open, ours)] {
        fs::write(&path, text).expect("a copy");
        let checked = lint(&path);
        let said = checked.stdout + &checked.stderr;
        assert!(!checked.status.success(), "{said}");
        for seen in seen {
            assert!(said.contains(seen), "{seen}: {said}");
        }
    }
}

#[test]
fn the_template_gives_each_what_it_needs_and_nothing_more() {
    let read = |text: &str| serde_saphyr::from_str::<Value>(text).expect("YAML");
    let (template, facts) = (read(&template()), read(include_str!("../../data/access.yaml")));
    for (path, fact) in facts.as_object().expect("pointers") {
        assert_eq!(template.pointer(path).unwrap_or(&Value::Null), fact, "{path}");
    }
    let resources = template["Resources"].as_object().expect("resources").values();
    let types = resources.filter_map(|resource| resource["Type"].as_str());
    assert_eq!(types.filter(|it| it.starts_with("AWS::IAM::")).count(), 3, "roles and policies");
}

#[test]
fn no_parameter_has_a_secret_for_a_default() {
    for line in template().lines().filter(|line| line.trim_start().starts_with("Default:")) {
        let value = line.split_once(':').expect("a value").1.trim();
        let is_secret = ["password", "secret", "key"].iter().any(|word| value.contains(word));
        assert!(value == "key-pair" || !is_secret && value.len() < 60, "{line}");
    }
}

/// As in the template: the key comes from Secrets Manager when the environment starts.
#[tokio::test]
#[ignore = "needs MariaDB, moto and make release: make verify"]
async fn the_contract_holds_for_what_is_deployed_with_a_key_from_secrets_manager() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    let manager = Moto::start();
    let mut variables = manager.variables();
    variables.insert("JWT_SECRET_ID".into(), manager.create_secret("signing-key", SECRET));
    let validate = Lambda::start_release("validate", &variables);
    variables.extend(server.login_variables());
    // Each gateway sends the same wrong passwords.
    variables.insert("LOGIN_MAX_FAILURES".into(), "100".into());
    let login = Lambda::start_release("login", &variables);
    for gateway in Gateway::ALL {
        let function = |name: &str| if name == "login" { &login } else { &validate };
        check(
            |name, request| function(name).send(gateway, request),
            |_, request| gateway.gives_all_values() || !is_doubled(request),
        );
    }
    let logs = [login, validate].map(|lambda| lambda.function.log());
    assert!(logs.iter().all(|log| !log.contains(SECRET)));
}

/// Each sample event, with a token that `validate` would accept.
#[test]
#[ignore = "needs make release: make verify"]
fn the_authorizer_that_is_deployed_answers_the_sample_events() {
    let authorizer =
        Lambda::start_release("authorizer", &[("JWT_SECRET".into(), SECRET.into())].into());
    let token = token("ada@example.com", false);
    let mut answered = [0, 0];
    for file in fs::read_dir(workspace().join("events")).expect("the events") {
        let path = file.expect("a file").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(case) = name.strip_prefix("authorizer-") else { continue };
        let event = fs::read_to_string(&path).expect("an event").replace("${TOKEN}", &token);
        let answer = authorizer.invoke(&serde_json::from_str(&event).expect("JSON"));
        let is_allowed = answer["isAuthorized"] == json!(true)
            || answer["policyDocument"]["Statement"][0]["Effect"] == json!("Allow");
        let allowed = case.starts_with("allow-");
        assert_eq!(is_allowed, allowed, "{name}: {answer}");
        answered[usize::from(allowed)] += 1;
    }
    assert!(answered.iter().all(|&cases| cases >= 3), "{answered:?}");
}
