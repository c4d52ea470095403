//! `token inspect`

use std::time::SystemTime;

use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{Subject, issue},
};

use crate::support::{Place, Run, finish};

const KEY: &str = "a canary in a mine of 32 bytes, at least";

fn token(config: &TokenConfig) -> String {
    let subject = Subject { id: "7", username: "ada@example.com", admin: true };
    issue(&Keys::read(&KEY.into()).unwrap(), config, subject, SystemTime::now()).unwrap().token
}

fn inspect(variables: &[(&str, &str)], token: &str) -> Run {
    let place = Place::new();
    let mut command = place.command();
    command.env_remove("DATABASE_URL").envs(variables.iter().copied());
    finish(command.args(["token", "inspect", token]), "")
}

#[test]
fn without_a_key_a_token_is_shown_and_not_verified() {
    let shown = inspect(&[], &token(&TokenConfig::default())).good();
    for part in [
        "header {\n  \"alg\": \"HS256\",\n  \"typ\": \"JWT\"\n}\nclaims {\n",
        "  \"username\": \"ada@example.com\"\n}\niat 20",
        "Z\nexp 20",
        "\nnot verified: set JWT_SECRET, JWT_SECRET_FILE or JWT_SECRET_ID\n",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn with_the_key_a_token_is_valid() {
    let token = token(&TokenConfig::default());
    let shown = inspect(&[("JWT_SECRET", KEY)], &token).good();
    assert!(shown.ends_with("\nvalid\n"), "{shown}");

    let place = Place::new();
    let file = place.write("key", &format!("{KEY}\n"));
    let mut command = place.command();
    command.env("JWT_SECRET_FILE", file).args(["token", "inspect", "-"]);
    let shown = finish(&mut command, &format!("{token}\n")).good();
    assert!(shown.ends_with("\nvalid\n"), "{shown}");
}

#[test]
fn an_invalid_token_is_shown_with_the_reason() {
    let issued = token(&TokenConfig::default());
    for (variables, reason) in [
        (&[("JWT_SECRET", "another canary of 32 bytes, at least")][..], "wrong signature"),
        (&[("JWT_SECRET", KEY), ("JWT_ISSUER", "us")], "unacceptable claim iss"),
    ] {
        let run = inspect(variables, &issued);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""));
        assert!(run.out.contains("ada@example.com"), "{}", run.out);
        assert!(run.out.ends_with(&format!("\ninvalid: {reason}\n")), "{}", run.out);
    }
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    for variables in [&[][..], &[("JWT_SECRET", KEY)]] {
        let refusal = inspect(variables, "canary.canary.canary").refused(1);
        assert!(refusal.starts_with("error: this is not a token"), "{refusal}");
    }
}

#[test]
fn a_wrong_configuration_of_the_key_is_reported_as_a_whole() {
    let variables =
        [("JWT_SECRET", KEY), ("JWT_SECRET_FILE", "/canary"), ("JWT_TTL_SECONDS", "canary")];
    let problems = inspect(&variables, "x").refused(78);
    let names: Vec<&str> = problems.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(names, ["JWT_SECRET, JWT_SECRET_FILE", "JWT_TTL_SECONDS"]);
    let short = inspect(&[("JWT_SECRET", "canary")], "x").refused(78);
    assert!(short.starts_with("error: JWT_SECRET: is shorter than 32 bytes"), "{short}");
}
