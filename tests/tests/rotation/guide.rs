//! `docs/rotation.md`, done as it is written.

use std::fs;

use jsonwebtoken::decode_header;
use system_tests::{Clock, Moto, binary, command, mariadb, mysql9, output, scratch, workspace};

use super::*;

const STEP_LIMIT: Duration = Duration::from_mins(1);

/// A variable of a function, and its value. Files are those of mounted Secrets.
type Source = (&'static str, &'static str);
const KEY: Source = ("JWT_SECRET", "a key for HS256 of 32 bytes or more");
const PASSWORD: Source = ("MYSQL_PASSWORD", "the old password");
const SECRETS: [Source; 2] = [("JWT_SECRET_ID", "auth/jwt"), ("JWT_SECRET_ID", "auth/jwt-public")];
const SECRETS_MADE: &str = "auth-admin key new --alg ES256 --kid 2026-06 \
    --secret-id auth/jwt --public-secret-id auth/jwt-public";

/// A section, what there is before it is done, the keys of `login` and `validate`, and the password
/// of the database.
type Section = (&'static str, &'static str, [Source; 2], Source);
const LEAKED: Section = ("A key that leaked", SECRETS_MADE, SECRETS, PASSWORD);
const IN_A_FILE: Section = (
    "The database password in a mounted file",
    "echo 'the old password' >MYSQL_PASSWORD
    kubectl --namespace auth create secret generic auth-secret --from-file MYSQL_PASSWORD \
      --dry-run=client --output yaml | kubectl apply -f -
    echo 'the new password' >MYSQL_PASSWORD",
    [KEY; 2],
    ("MYSQL_PASSWORD_FILE", "auth-secret/MYSQL_PASSWORD"),
);
const SECTIONS: [Section; 6] = [
    ("The signing key in Secrets Manager", SECRETS_MADE, SECRETS, PASSWORD),
    (
        "The signing key in a Kubernetes Secret",
        "auth-admin key new --alg ES256 --kid 2026-06 --file keys.json --public-file public.json
        create='kubectl --namespace auth create secret generic'
        $create auth-jwt --from-file keys.json --dry-run=client --output yaml | kubectl apply -f -
        $create auth-jwt-public --from-file keys.json=public.json --dry-run=client --output yaml |
          kubectl apply -f -
        rm keys.json public.json",
        [
            ("JWT_SECRET_FILE", "auth-jwt/keys.json"),
            ("JWT_SECRET_FILE", "auth-jwt-public/keys.json"),
        ],
        PASSWORD,
    ),
    (
        "From a shared text to a key pair",
        "aws secretsmanager create-secret --name auth/jwt \
            --secret-string 'the text that the Flask service had'",
        [SECRETS[0]; 2],
        PASSWORD,
    ),
    LEAKED,
    (
        "The database password in Secrets Manager",
        r#"aws secretsmanager create-secret --name auth/database --secret-string \
          '{"username": "auth_user", "password": "the old password"}'
        echo '{"username": "auth_user", "password": "the new password"}' >database.json"#,
        [KEY; 2],
        ("DATABASE_SECRET_ID", "auth/database"),
    ),
    IN_A_FILE,
];

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
    let followed = SECTIONS.iter().flat_map(|section| steps(section.0));
    let blocks = followed.filter(|(language, _)| language != "Wait").count();
    assert_eq!(2 * blocks, guide.lines().filter(|line| line.starts_with("```")).count());
    assert!(guide.lines().all(|line| !line.starts_with("    ")), "a block that is only indented");
}

/// Does what a section says under load, but for blocks in SQL of another product, as a person at a
/// shell in a directory of their own.
fn follow(server: &DatabaseServer, section: Section) {
    let (title, made, keys, password) = section;
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
    shell(made);
    server.init();
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    users::add(server, users::quick());
    let [login, validate] = keys.map(|key| {
        let mut address = server.login_variables();
        address.remove("MYSQL_PASSWORD");
        let mut all = variables([moto.variables(), clock.variables(), address], &[key, password]);
        for (_, path) in all.iter_mut().filter(|(name, _)| name.ends_with("_FILE")) {
            *path = directory.path().join(&*path).display().to_string();
        }
        all
    });
    let functions = Functions::start(login, validate);
    let old = functions.log_in();

    let product = format!("sql {}", server.name()).to_lowercase();
    let (load, steps) = (functions.load(), steps(title));
    load.validate_too(std::slice::from_ref(&old));
    for (number, (language, text)) in (1..).zip(&steps) {
        if number == steps.len() && password == PASSWORD {
            load.validate_too(&[]);
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
    if section != LEAKED {
        assert_all_good(load, title);
    }
    if password == PASSWORD {
        wait::until("2026-12 is the only key", SOON, || {
            let new = functions.log_in();
            let header = decode_header(&new).expect("a token");
            let signs = header.kid.as_deref() == Some("2026-12") && functions.validate(&new) == 200;
            (signs && functions.validate(&old) == 403).then_some(())
        });
    }
}

/// Two at a time.
#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_guide_refuses_no_valid_request_with_mariadb() {
    thread::scope(|scope| {
        for sections in SECTIONS.chunks(3) {
            scope.spawn(|| sections.iter().for_each(|it| follow(&mariadb::start(), *it)));
        }
    });
}

#[test]
#[ignore = "needs MySQL 9, moto and libfaketime: make verify"]
fn the_guide_refuses_no_valid_request_with_mysql_9() {
    follow(&mysql9::start(), IN_A_FILE);
}
