//! `docs/rotation.md`, done as it is written.

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

/// A section, as `rotation.yaml` describes it.
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

/// What the section with this title says to do: blocks, each with its language, and `Wait`.
fn steps(title: &str) -> Vec<(String, String)> {
    let guide = fs::read_to_string(workspace().join("docs/rotation.md")).expect("it is there");
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
fn every_block_of_the_guide_is_in_a_section_that_is_followed() {
    let guide = fs::read_to_string(workspace().join("docs/rotation.md")).expect("it is there");
    let sections = sections();
    let followed = sections.iter().flat_map(|section| steps(&section.title));
    let blocks = followed.filter(|(language, _)| language != "Wait").count();
    assert_eq!(2 * blocks, guide.lines().filter(|line| line.starts_with("```")).count());
    assert!(guide.lines().all(|line| !line.starts_with("    ")), "a block that is only indented");
}

/// Does what a section says under load, but for blocks in SQL of another product, as a person at a
/// shell in a directory of their own.
fn follow(server: &DatabaseServer, section: &Section) {
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
                end_connections(server);
            }
            _ => continue,
        }
        thread::sleep(A_WHILE);
    }
    clock.advance(REFRESH);
    thread::sleep(A_WHILE);
    // Where a key leaked, that requests are refused is the point.
    if title != "A key that leaked" {
        assert_all_good(load, title);
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
fn the_guide_refuses_no_valid_request_with_mariadb() {
    let sections = sections();
    thread::scope(|scope| {
        for sections in sections.chunks(3) {
            scope.spawn(|| sections.iter().for_each(|it| follow(&mariadb::start(), it)));
        }
    });
}

#[test]
#[ignore = "needs MySQL 9, moto and libfaketime: make verify"]
fn the_guide_refuses_no_valid_request_with_mysql_9() {
    follow(&mysql9::start(), sections().last().expect("the file with the password"));
}
