//! `token inspect`

use std::time::SystemTime;

use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{Subject, issue},
};

use crate::support::{Place, Run, finish};

const KEY: &str = "a canary in a mine of 32 bytes, at least";

fn token() -> String {
    let (keys, config) = (Keys::read(&KEY.into()).unwrap(), TokenConfig::default());
    let subject = Subject { id: "7", username: "ada@example.com", admin: true };
    issue(&keys, &config, subject, SystemTime::now()).unwrap().token
}

fn inspect(variables: &[(&str, &str)], token: &str) -> Run {
    let place = Place::new();
    let mut command = place.command();
    command.env_remove("DATABASE_URL").envs(variables.iter().copied());
    finish(command.args(["token", "inspect", "-"]), &format!("{token}\n"))
}

#[test]
fn a_token_is_shown_with_what_is_known_of_it() {
    let place = Place::new();
    let file = place.write("key", &format!("{KEY}\n")).display().to_string();
    for (variables, code, verdict) in [
        (&[][..], 0, "not verified: set JWT_SECRET, JWT_SECRET_FILE or JWT_SECRET_ID"),
        (&[("JWT_SECRET", KEY)], 0, "valid"),
        (&[("JWT_SECRET_FILE", &file)], 0, "valid"),
        (&[("JWT_SECRET", "another canary of 32 bytes, at least")], 1, "invalid: wrong signature"),
        (&[("JWT_SECRET", KEY), ("JWT_ISSUER", "us")], 1, "invalid: unacceptable claim iss"),
    ] {
        let run = inspect(variables, &token());
        assert_eq!((run.code, run.err.as_str()), (Some(code), ""), "{verdict}");
        for part in [
            "header {\n  \"alg\": \"HS256\",\n  \"typ\": \"JWT\"\n}\nclaims {\n",
            "  \"username\": \"ada@example.com\"\n}\niat 20",
            "Z\nexp 20",
            &format!("Z\n{verdict}\n"),
        ] {
            assert!(run.out.contains(part), "{part} is not in {}", run.out);
        }
    }
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    let place = Place::new();
    let run = place.run(["token", "inspect", "canary.canary.canary"]);
    assert!(run.refused(1).starts_with("error: this is not a token"));
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
