//! `template.yaml` is right, and what is wrong in it would be seen.

use std::{fs, path::Path, time::Duration};

use system_tests::{
    Environment,
    process::{Output, command, output},
    scratch, workspace,
};

const LIMIT: Duration = Duration::from_mins(2);

fn check(template: &Path) -> Output {
    let mut check = command(workspace().join("tests/sam"), &Environment::new());
    check.arg(template);
    output(check, b"", LIMIT)
}

fn template() -> String {
    fs::read_to_string(workspace().join("template.yaml")).expect("the template")
}

#[test]
#[ignore = "needs SAM: make verify"]
fn the_template_is_right() {
    let checked = check(&workspace().join("template.yaml"));
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
}

#[test]
#[ignore = "needs SAM: make verify"]
fn an_error_in_the_template_is_seen() {
    let planted = [
        ("an unknown field", "MemorySize: 1769", "MemorySizes: 1769", "MemorySizes"),
        ("a wrong type", "Timeout: 15", "Timeout: soon", "soon"),
        ("a number out of range", "Timeout: 15", "Timeout: 15000", "15000"),
        ("a key in the environment", "JWT_SECRET_ID: !Ref", "JWT_SECRET: !Ref", "in the env"),
        ("a password in the environment", "MYSQL_HOST: !Ref", "MYSQL_PASSWORD: !Ref", "in the env"),
        ("a URL in the environment", "MYSQL_HOST: !Ref", "DATABASE_URL: !Ref", "in the env"),
        (
            "a function without a reservation",
            "      ReservedConcurrentExecutions:\n        !If [ReservesValidate, !Ref \
             ValidateReservedConcurrency, !Ref AWS::NoValue]\n",
            "",
            "no reserv",
        ),
        (
            "a URL for everybody",
            "CodeUri: target/lambda/login",
            "CodeUri: target/lambda/login\n      FunctionUrlConfig: { AuthType: NONE }",
            "a function URL",
        ),
        ("a parameter that is not there", "!Ref LogRetentionDays", "!Ref Retention", "Retention"),
    ];
    let folder = scratch::directory();
    let checks = planted.map(|(name, right, wrong, seen)| {
        let text = template();
        assert!(text.contains(right), "{name}: {right}");
        let path = folder.path().join(format!("{}.yaml", name.replace(' ', "-")));
        fs::write(&path, text.replacen(right, wrong, 1)).expect("a copy");
        let checked = check(&path);
        let said = checked.stdout + &checked.stderr;
        (name, !checked.status.success() && said.contains(seen), said)
    });
    for (name, seen, said) in checks {
        assert!(seen, "{name}: {said}");
    }
}

#[test]
fn no_parameter_has_a_secret_for_a_default() {
    for line in template().lines().filter(|line| line.trim_start().starts_with("Default:")) {
        let value = line.split_once(':').expect("a value").1.trim();
        let is_secret = ["password", "secret", "key"].iter().any(|word| value.contains(word));
        assert!(value == "key-pair" || !is_secret && value.len() < 60, "{line}");
    }
}
