//! `docs/rotation.md`, done as it is written.

use std::fs;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use system_tests::{
    clock::Clock,
    database::AUTH_PASSWORD,
    mariadb,
    moto::Moto,
    mysql9,
    process::{binary, command, output},
    python, scratch, workspace,
};
use tempfile::TempDir;

use super::*;

const STEP_LIMIT: Duration = Duration::from_mins(1);
const KEY: (&str, &str) = ("JWT_SECRET", "a key for HS256 of 32 bytes or more");
/// What there is before a section is done.
const KEYS_IN_SECRETS_MANAGER: &str = "auth-admin key new --alg ES256 --kid 2026-06 \
    --secret-id auth/jwt --public-secret-id auth/jwt-public";
const TEXT_IN_SECRETS_MANAGER: &str = "aws secretsmanager create-secret --name auth/jwt \
    --secret-string 'the text that the Flask service had'";
const KEYS_IN_KUBERNETES: &str =
    "auth-admin key new --alg ES256 --kid 2026-06 --file keys.json --public-file public.json
    create='kubectl --namespace auth create secret generic'
    $create auth-jwt --from-file keys.json --dry-run=client --output yaml | kubectl apply -f -
    $create auth-jwt-public --from-file keys.json=public.json --dry-run=client --output yaml |
      kubectl apply -f -
    rm keys.json public.json";
const PASSWORD_IN_SECRETS_MANAGER: &str = r#"aws secretsmanager create-secret --name auth/database --secret-string \
      '{"username": "auth_user", "password": "the old password"}'
    echo '{"username": "auth_user", "password": "the new password"}' >database.json"#;
const PASSWORD_IN_KUBERNETES: &str = "echo 'the old password' >MYSQL_PASSWORD
    kubectl --namespace auth create secret generic auth-secret --from-file MYSQL_PASSWORD \
      --dry-run=client --output yaml | kubectl apply -f -
    echo 'the new password' >MYSQL_PASSWORD";

/// What the section with this title says to do: blocks, each with its language, and `Wait`.
fn section(title: &str) -> Vec<(String, String)> {
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

/// The `kid` of the key that signed a token.
fn kid(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header"));
    let header: Value = serde_json::from_slice(&header.expect("Base64url")).expect("JSON");
    header["kid"].clone()
}

/// Where a section is done, by a person at a shell in a directory of their own.
struct Scene<'a> {
    directory: TempDir,
    environment: Environment,
    clock: Clock,
    server: &'a DatabaseServer,
}

impl<'a> Scene<'a> {
    fn new(manager: &Environment, server: &'a DatabaseServer, made: &str) -> Self {
        let directory = scratch::directory();
        let mut environment = manager.clone();
        environment.insert("VOLUMES".into(), directory.path().display().to_string());
        let scene = Self { directory, environment, clock: Clock::new(), server };
        scene.shell(made);
        users::add(server, users::quick());
        scene
    }

    fn shell(&self, text: &str) {
        let mut bash = command("bash", &self.environment);
        let (admin, aws) = (binary("auth-admin"), python::program("aws"));
        let kubectl = workspace().join("tests/tests/rotation");
        let folders = [Some(&*kubectl), admin.parent(), aws.parent()];
        let path = folders.iter().flatten().map(|folder| folder.display().to_string() + ":");
        let path = path.collect::<String>() + &std::env::var("PATH").unwrap_or_default();
        bash.args(["-euo", "pipefail", "-c", text]).env("PATH", path);
        bash.current_dir(self.directory.path());
        let done = output(bash, b"", STEP_LIMIT);
        assert!(done.status.success(), "{text}\n{}{}", done.stdout, done.stderr);
    }

    /// `login` and `validate` with variables of their own. Files are those of mounted Secrets.
    fn start(&self, own: [&[(&str, &str)]; 2]) -> Functions {
        let mut address = self.server.login_variables();
        address.remove("MYSQL_PASSWORD");
        let parts = [&self.environment, &self.clock.variables(), &address];
        let [login, validate] = own.map(|own| {
            let mut all = variables(&parts, own);
            for (_, path) in all.iter_mut().filter(|(name, _)| name.ends_with("_FILE")) {
                *path = self.directory.path().join(&*path).display().to_string();
            }
            all
        });
        Functions::start(login, validate)
    }

    /// The same with keys that are named by this variable.
    fn start_with_keys(&self, variable: &str, [login, validate]: [&str; 2]) -> Functions {
        let password = ("MYSQL_PASSWORD", AUTH_PASSWORD);
        self.start([&[(variable, login), password], &[(variable, validate)]])
    }

    /// Does all steps under load, but for blocks in SQL of another product. These tokens stay
    /// valid until the last one.
    fn play(&mut self, title: &str, functions: &Functions, tokens: &[String]) {
        let product = format!("sql {}", self.server.name()).to_lowercase();
        let load = functions.load();
        load.validate_too(tokens);
        let steps = section(title);
        for (number, (language, text)) in steps.iter().enumerate() {
            if number + 1 == steps.len() {
                load.validate_too(&[]);
            }
            match language.as_str() {
                "Wait" => self.clock.advance(REFRESH),
                "sh" => self.shell(text),
                sql => {
                    if product.starts_with(sql) {
                        self.server.sql(text);
                        end_connections(self.server);
                    }
                    continue;
                }
            }
            thread::sleep(A_WHILE);
        }
        self.clock.advance(REFRESH);
        thread::sleep(A_WHILE);
        load.all_good(title);
    }
}

/// At the end of this section `2026-12` signs, and tokens from before are refused.
fn rotates(title: &str, manager: &Environment, made: &str, variable: &str, places: [&str; 2]) {
    let server = mariadb::shared();
    let mut scene = Scene::new(manager, &server, made);
    let functions = scene.start_with_keys(variable, places);
    let token = functions.log_in();
    scene.play(title, &functions, std::slice::from_ref(&token));
    assert_eq!(kid(&functions.log_in()), "2026-12", "{title}");
    functions.refuses(&token);
    let left = scene.directory.path().join("keys.json").exists();
    assert!(!left, "nothing secret is left behind");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_signing_key_in_secrets_manager() {
    let (moto, places) = (Moto::start(), ["auth/jwt", "auth/jwt-public"]);
    let title = "The signing key in Secrets Manager";
    rotates(title, &moto.variables(), KEYS_IN_SECRETS_MANAGER, "JWT_SECRET_ID", places);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn from_a_shared_text_to_a_key_pair() {
    let (moto, places) = (Moto::start(), ["auth/jwt"; 2]);
    let title = "From a shared text to a key pair";
    rotates(title, &moto.variables(), TEXT_IN_SECRETS_MANAGER, "JWT_SECRET_ID", places);
}

#[test]
#[ignore = "needs MariaDB and libfaketime: make test"]
fn the_signing_key_in_a_kubernetes_secret() {
    let places = ["auth-jwt/keys.json", "auth-jwt-public/keys.json"];
    let title = "The signing key in a Kubernetes Secret";
    rotates(title, &Environment::new(), KEYS_IN_KUBERNETES, "JWT_SECRET_FILE", places);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_key_that_leaked() {
    let (moto, server) = (Moto::start(), mariadb::shared());
    let mut scene = Scene::new(&moto.variables(), &server, KEYS_IN_SECRETS_MANAGER);
    let functions = scene.start_with_keys("JWT_SECRET_ID", ["auth/jwt", "auth/jwt-public"]);
    let leaked = functions.log_in();
    for (_, text) in section("A key that leaked") {
        scene.shell(&text);
    }
    scene.clock.advance(REFRESH);
    functions.refuses(&leaked);
    // An instance of `login` that has not looked yet goes on signing with the old key.
    wait::until("the new key signs", SOON, || {
        (functions.validate(&functions.log_in()) == 200).then_some(())
    });
}

/// In this section the account gets another password, and `login` the same from `source`.
fn replaces_the_password(
    title: &str,
    manager: &Environment,
    server: &DatabaseServer,
    made: &str,
    source: (&str, &str),
) {
    server.init();
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    let mut scene = Scene::new(manager, server, made);
    let functions = scene.start([&[KEY, source], &[KEY]]);
    scene.play(title, &functions, &[]);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_database_password_in_secrets_manager() {
    let (moto, server) = (Moto::start(), mariadb::start());
    let (title, source) =
        ("The database password in Secrets Manager", ("DATABASE_SECRET_ID", "auth/database"));
    let made = PASSWORD_IN_SECRETS_MANAGER;
    replaces_the_password(title, &moto.variables(), &server, made, source);
}

fn the_database_password_in_a_mounted_file(server: &DatabaseServer) {
    let title = "The database password in a mounted file";
    let source = ("MYSQL_PASSWORD_FILE", "auth-secret/MYSQL_PASSWORD");
    replaces_the_password(title, &Environment::new(), server, PASSWORD_IN_KUBERNETES, source);
}

#[test]
#[ignore = "needs MariaDB and libfaketime: make test"]
fn the_database_password_of_mariadb_in_a_mounted_file() {
    the_database_password_in_a_mounted_file(&mariadb::start());
}

#[test]
#[ignore = "needs MySQL 9 and libfaketime: make verify"]
fn the_database_password_of_mysql_9_in_a_mounted_file() {
    the_database_password_in_a_mounted_file(&mysql9::start());
}
