//! Executes the instructions of `docs/rotation.md`.

use std::fs;

use jsonwebtoken::decode_header;
use serde::Deserialize;
use system_tests::{
    Clock, Moto, binary, clock::REFRESH, command, mariadb, mysql9, output, scratch, workspace,
};

use super::*;

const STEP_LIMIT: Duration = Duration::from_mins(1);

/// A variable of a function, and its value.
type Source = (String, String);

/// A section of the guide, from `rotation.yaml`.
#[derive(Deserialize)]
struct Section {
    title: String,
    before: String,
    keys: [Source; 2],
    password: Source,
}

fn sections() -> Vec<Section> {
    serde_saphyr::from_str(include_str!("../../data/rotation.yaml")).expect("sections")
}

/// The steps of the section with this title: code blocks with their language, and `Wait`.
fn steps(title: &str) -> Vec<(String, String)> {
    let guide = fs::read_to_string(workspace().join("docs/rotation.md")).expect("the guide");
    let (_, section) = guide.split_once(&format!("\n## {title}\n")).expect("the section is there");
    let mut steps = Vec::new();
    let mut lines = section.lines().take_while(|line| !line.starts_with("## "));
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push((language.to_owned(), block.join("\n")));
        } else if line.starts_with("Wait") {
            steps.push(("Wait".to_owned(), String::new()));
        }
    }
    assert!(!steps.is_empty(), "{title}");
    steps
}

#[test]
fn every_code_block_of_the_guide_is_in_a_tested_section() {
    let guide = fs::read_to_string(workspace().join("docs/rotation.md")).expect("the guide");
    let sections = sections();
    let followed = sections.iter().flat_map(|section| steps(&section.title));
    let blocks = followed.filter(|(language, _)| language != "Wait").count();
    assert_eq!(2 * blocks, guide.lines().filter(|line| line.starts_with("```")).count());
    assert!(guide.lines().all(|line| !line.starts_with("    ")), "an indented block");
}

/// Executes a section under load, in a shell with a new directory. SQL for another product is
/// skipped.
fn execute(server: &DatabaseServer, section: &Section) {
    let Section { title, before, keys, password } = section;
    let rotates_keys = password.0 == "MYSQL_PASSWORD";
    let (directory, moto, mut clock) = (scratch::directory(), Moto::start(), Clock::new());
    let shell = |text: &str| {
        let mut bash = command("bash", &moto.variables());
        let kubectl = workspace().join("tests/tests/rotation/kubectl");
        let path = [kubectl, binary("auth-admin"), workspace().join("target/venv/bin/aws")]
            .map(|program| program.with_file_name("").display().to_string() + ":");
        let path = path.concat() + &std::env::var("PATH").unwrap_or_default();
        bash.args(["-euo", "pipefail", "-c", text]).env("PATH", path);
        bash.env("VOLUMES", directory.path()).current_dir(directory.path());
        let done = output(bash, b"", STEP_LIMIT);
        assert!(done.status.success(), "{text}\n{}{}", done.stdout, done.stderr);
    };
    shell(before);
    server.init();
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    users::add(server, users::quick_argon2());
    let [login, validate] = keys.each_ref().map(|key| {
        let mut address = server.login_variables();
        address.remove("MYSQL_PASSWORD");
        let secrets = [key, password].map(|(name, value)| (name.as_str(), value.as_str()));
        let mut all = variables([moto.variables(), clock.variables(), address], &secrets);
        for (_, path) in all.iter_mut().filter(|(name, _)| name.ends_with("_FILE")) {
            *path = directory.path().join(&*path).display().to_string();
        }
        all
    });
    let functions = Functions::start(login, validate);
    let old = functions.log_in();

    let product = format!("sql {}", server.name()).to_lowercase();
    let (load, steps) = (functions.load(), steps(title));
    load.set_extra_tokens(std::slice::from_ref(&old));
    for (number, (language, text)) in (1..).zip(&steps) {
        if number == steps.len() && rotates_keys {
            load.set_extra_tokens(&[]);
            thread::sleep(A_WHILE);
        }
        match language.as_str() {
            "Wait" => clock.advance(REFRESH),
            "sh" => shell(text),
            sql if product.starts_with(sql) => {
                server.sql(text);
                kill_connections(server);
            }
            _ => continue,
        }
        thread::sleep(A_WHILE);
    }
    clock.advance(REFRESH);
    thread::sleep(A_WHILE);
    // After a leak, requests with the old key have to be refused.
    if title != "A key that leaked" {
        assert_none_failed(load, title);
    }
    if rotates_keys {
        wait::until("2026-12 is the only key", SOON, || {
            let new = functions.log_in();
            let header = decode_header(&new).expect("a token");
            let signs = header.kid.as_deref() == Some("2026-12") && functions.validate(&new) == 200;
            (signs && functions.validate(&old) == 403).then_some(())
        });
    }
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn following_the_guide_fails_no_valid_request_on_mariadb() {
    let sections = sections();
    thread::scope(|scope| {
        for sections in sections.chunks(3) {
            scope.spawn(|| sections.iter().for_each(|it| execute(&mariadb::start(), it)));
        }
    });
}

#[test]
#[ignore = "needs MySQL 9, moto and libfaketime: make verify"]
fn following_the_guide_fails_no_valid_request_on_mysql_9() {
    execute(&mysql9::start(), sections().last().expect("the section on a password file"));
}
