//! `template.yaml` grants only necessary permissions, and the deployed programs keep the contract
//! in AWS's Lambda emulator. `tests/sam` checks the template by the rules of AWS.

use std::{fs, time::Duration};

use serde_json::Value;
use system_tests::{
    Lambda, Moto, SECRET, add_users, command, environment, lambda::check_contract, mariadb, output,
    token, with, workspace,
};

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

#[test]
fn the_template_grants_the_expected_permissions_and_no_others() {
    let template = read(TEMPLATE);
    let facts = read(include_str!("../../data/access.yaml"));
    for (path, fact) in facts.as_object().expect("pointers") {
        assert_eq!(template.pointer(path).unwrap_or(&Value::Null), fact, "{path}");
    }
    let resources = template["Resources"].as_object().expect("resources").values();
    let types = resources.filter_map(|resource| resource["Type"].as_str());
    assert_eq!(types.filter(|it| it.starts_with("AWS::IAM::")).count(), 3, "roles and policies");
}

#[test]
fn docs_lambda_md_lists_every_parameter_with_its_default() {
    let template = read(TEMPLATE);
    let declared = template["Parameters"].as_object().expect("parameters").iter();
    let declared = declared.map(|(name, parameter)| {
        let default = match &parameter["Default"] {
            Value::Null => "required".to_owned(),
            Value::String(text) if text.is_empty() => String::new(),
            Value::String(text) => format!("`{text}`"),
            value => format!("`{value}`"),
        };
        (format!("`{name}`"), default)
    });
    let rows = include_str!("../../../docs/lambda.md").lines().map(|line| line.split('|'));
    let rows = rows.map(|cells| cells.map(str::trim).collect::<Vec<_>>());
    let listed = rows.skip_while(|cells| cells.get(1) != Some(&"parameter")).skip(2);
    let listed = listed.map_while(|cells| Some(((*cells.get(1)?).into(), (*cells.get(2)?).into())));
    let mut declared: Vec<(String, String)> = declared.collect();
    let mut listed: Vec<(String, String)> = listed.collect();
    declared.sort();
    listed.sort();
    assert_eq!(listed, declared);
}

#[test]
#[ignore = "needs SAM and make release: make verify"]
fn only_programs_for_the_architecture_of_the_template_can_be_deployed() {
    let built = workspace().join("target/lambda");
    let template = fs::read_to_string(built.join("template.yaml")).expect("make release wrote it");
    let architecture = read(&template)["Globals"]["Function"]["Architectures"][0].take();
    for name in ["login", "validate", "authorizer"] {
        let program = fs::read(built.join(name).join("bootstrap")).expect("make release built it");
        // e_machine of the ELF header.
        let expected = match program[18..20] {
            [0x3e, 0] => "x86_64",
            [0xb7, 0] => "arm64",
            _ => "unknown",
        };
        assert_eq!(architecture, expected, "{name}");
    }
    let mut package = command("sam", &environment(&[("SAM_CLI_TELEMETRY", "0")]));
    package.current_dir(workspace()).args(["package", "--region", "eu-west-1"]);
    package.args(["--template-file", "template.yaml", "--s3-bucket", "bucket"]);
    let refused = output(package, b"", Duration::from_mins(1));
    assert!(!refused.status.success(), "{}", refused.stdout);
    let reason = "refers to a file or folder that does not exist";
    assert!(refused.stderr.contains(reason), "{}", refused.stderr);
}

/// Like in the template, the key is fetched from Secrets Manager at the start.
#[tokio::test]
#[ignore = "needs MariaDB, moto and make release: make verify"]
async fn the_release_keeps_the_contract_and_the_authorizer_answers_its_sample_events() {
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
