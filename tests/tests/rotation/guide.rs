//! `docs/rotation.md`, done as it is written.

use std::{fs, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
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
const PASSWORD: (&str, &str) = ("MYSQL_PASSWORD", AUTH_PASSWORD);
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

/// Where a section is done, by a person at a shell in a directory of their own.
struct Scene {
    directory: TempDir,
    moto: Moto,
    clock: Clock,
    server: Arc<DatabaseServer>,
}

impl Scene {
    fn new(server: Arc<DatabaseServer>, made: &str) -> Self {
        let (directory, clock) = (scratch::directory(), Clock::new());
        let scene = Self { directory, moto: Moto::start(), clock, server };
        scene.shell(made);
        users::add(&scene.server, users::quick());
        scene
    }

    fn shell(&self, text: &str) {
        let mut bash = command("bash", &self.moto.variables());
        let kubectl = workspace().join("tests/tests/rotation/kubectl");
        let path = [kubectl, binary("auth-admin"), python::program("aws")]
            .map(|program| program.with_file_name("").display().to_string() + ":");
        let path = path.concat() + &std::env::var("PATH").unwrap_or_default();
        bash.args(["-euo", "pipefail", "-c", text]).env("PATH", path);
        bash.env("VOLUMES", self.directory.path()).current_dir(self.directory.path());
        let done = output(bash, b"", STEP_LIMIT);
        assert!(done.status.success(), "{text}\n{}{}", done.stdout, done.stderr);
    }

    /// `login` and `validate` with a source of keys each, and the first one with a password of the
    /// database. Files are those of mounted Secrets.
    fn start(&self, keys: [(&str, &str); 2], password: (&str, &str)) -> Functions {
        let [login, validate] = [&[keys[0], password][..], &keys[1..]].map(|own| {
            let mut address = self.server.login_variables();
            address.remove("MYSQL_PASSWORD");
            let mut all = variables([self.moto.variables(), self.clock.variables(), address], own);
            for (_, path) in all.iter_mut().filter(|(name, _)| name.ends_with("_FILE")) {
                *path = self.directory.path().join(&*path).display().to_string();
            }
            all
        });
        Functions::start(login, validate)
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
                sql if product.starts_with(sql) => {
                    self.server.sql(text);
                    end_connections(&self.server);
                }
                _ => continue,
            }
            thread::sleep(A_WHILE);
        }
        self.clock.advance(REFRESH);
        thread::sleep(A_WHILE);
        load.all_good(title);
    }
}

/// At the end of this section `2026-12` signs, and tokens from before are refused.
fn rotates(title: &str, made: &str, variable: &str, places: [&str; 2]) {
    let mut scene = Scene::new(mariadb::shared(), made);
    let functions = scene.start(places.map(|place| (variable, place)), PASSWORD);
    let token = functions.log_in();
    scene.play(title, &functions, std::slice::from_ref(&token));
    let header = URL_SAFE_NO_PAD.decode(functions.log_in().split('.').next().unwrap_or_default());
    let header = String::from_utf8(header.expect("Base64url")).expect("UTF-8");
    assert!(header.contains(r#""kid":"2026-12""#), "{title}: {header}");
    functions.refuses(&token);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_signing_key_in_secrets_manager() {
    let (title, places) = ("The signing key in Secrets Manager", ["auth/jwt", "auth/jwt-public"]);
    rotates(title, KEYS_IN_SECRETS_MANAGER, "JWT_SECRET_ID", places);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn from_a_shared_text_to_a_key_pair() {
    let title = "From a shared text to a key pair";
    rotates(title, TEXT_IN_SECRETS_MANAGER, "JWT_SECRET_ID", ["auth/jwt"; 2]);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_signing_key_in_a_kubernetes_secret() {
    let places = ["auth-jwt/keys.json", "auth-jwt-public/keys.json"];
    let title = "The signing key in a Kubernetes Secret";
    rotates(title, KEYS_IN_KUBERNETES, "JWT_SECRET_FILE", places);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_key_that_leaked() {
    let mut scene = Scene::new(mariadb::shared(), KEYS_IN_SECRETS_MANAGER);
    let keys = ["auth/jwt", "auth/jwt-public"].map(|secret| ("JWT_SECRET_ID", secret));
    let functions = scene.start(keys, PASSWORD);
    let leaked = functions.log_in();
    for (_, text) in section("A key that leaked") {
        scene.shell(&text);
    }
    scene.clock.advance(REFRESH);
    functions.refuses(&leaked);
    // An instance of `login` that has not looked yet goes on signing with the old key.
    let signs = || (functions.validate(&functions.log_in()) == 200).then_some(());
    wait::until("the new key signs", SOON, signs);
}

/// In this section the account gets another password, and `login` the same from `source`.
fn replaces_the_password(title: &str, server: DatabaseServer, made: &str, source: (&str, &str)) {
    server.init();
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    let mut scene = Scene::new(Arc::new(server), made);
    let functions = scene.start([KEY; 2], source);
    scene.play(title, &functions, &[]);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_database_password_in_secrets_manager() {
    let title = "The database password in Secrets Manager";
    let source = ("DATABASE_SECRET_ID", "auth/database");
    replaces_the_password(title, mariadb::start(), PASSWORD_IN_SECRETS_MANAGER, source);
}

const IN_A_FILE: &str = "The database password in a mounted file";
const FILE: (&str, &str) = ("MYSQL_PASSWORD_FILE", "auth-secret/MYSQL_PASSWORD");

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_database_password_of_mariadb_in_a_mounted_file() {
    replaces_the_password(IN_A_FILE, mariadb::start(), PASSWORD_IN_KUBERNETES, FILE);
}

#[test]
#[ignore = "needs MySQL 9, moto and libfaketime: make verify"]
fn the_database_password_of_mysql_9_in_a_mounted_file() {
    replaces_the_password(IN_A_FILE, mysql9::start(), PASSWORD_IN_KUBERNETES, FILE);
}
