//! `docs/rotation.md`, done as it is written.

mod kubernetes;

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use shared::keys::Keys;
use system_tests::{
    Environment, binaries,
    database::DatabaseServer,
    mariadb,
    moto::Moto,
    mysql9,
    process::{command, output},
    python, scratch, workspace,
};

use super::*;
use kubernetes::Cluster;

const STEP_LIMIT: Duration = Duration::from_mins(1);

/// What a section of the guide says to do.
enum Step {
    /// A block, and the language that it is in.
    Run {
        language: String,
        text: String,
    },
    Wait,
}

/// The steps of the section with this title.
fn section(title: &str) -> Vec<Step> {
    let guide =
        fs::read_to_string(workspace().join("docs/rotation.md")).expect("the guide is there");
    let (_, section) = guide.split_once(&format!("\n## {title}\n")).expect("the section is there");
    let section = section.split("\n## ").next().expect("a split has a first part");
    let mut steps = Vec::new();
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            steps.push(Step::Run { language: language.to_owned(), text: block.join("\n") });
        } else if line.starts_with("Wait") {
            steps.push(Step::Wait);
        }
    }
    assert!(!steps.is_empty(), "{title}");
    steps
}

/// Runs a block as a person at a shell would, in `directory`.
fn shell(text: &str, directory: &Path, variables: &Environment) {
    let mut bash = command("bash", variables);
    let admin = binaries::path("auth-admin");
    let venv = python::program("aws");
    let folders = [Some(directory), admin.parent(), venv.parent()];
    let path: Vec<_> =
        folders.iter().flatten().map(|folder| folder.display().to_string()).collect();
    let path = format!("{}:{}", path.join(":"), std::env::var("PATH").unwrap_or_default());
    bash.args(["-euo", "pipefail", "-c", text]).current_dir(directory).env("PATH", path);
    let done = output(bash, b"", STEP_LIMIT);
    assert!(done.status.success(), "{text}\n{}{}", done.stdout, done.stderr);
}

/// Where a section is done.
struct Scene<'a> {
    functions: &'a Functions,
    clock: &'a mut Clock,
    server: Option<&'a DatabaseServer>,
    directory: &'a Path,
    variables: Environment,
    /// A token that stays valid until the last step.
    token: Option<String>,
}

impl Scene<'_> {
    /// Does all steps under load, but for blocks in SQL of another product than `product`.
    fn play(&mut self, title: &str, product: &str) {
        let load = self.functions.load();
        load.traffic.validate_too(self.token.as_slice());
        let steps = section(title);
        for (number, step) in steps.iter().enumerate() {
            if number + 1 == steps.len() {
                load.traffic.validate_too(&[]);
                thread::sleep(Duration::from_millis(200));
            }
            match step {
                Step::Wait => self.clock.advance(REFRESH),
                Step::Run { language, text } if language == "sh" => {
                    shell(text, self.directory, &self.variables);
                }
                Step::Run { language, text } => {
                    if language == "sql" || *language == format!("sql {product}") {
                        let server = self.server.expect("a section with SQL has a server");
                        server.sql(text);
                        end_connections(server);
                    }
                }
            }
            thread::sleep(Duration::from_millis(500));
        }
        self.clock.advance(REFRESH);
        thread::sleep(Duration::from_millis(500));
        load.all_good(title);
    }
}

/// `login` with its keys in the secret `auth/jwt`, `validate` with those of another one.
fn with_moto(
    moto: &Moto,
    clock: &Clock,
    server: &DatabaseServer,
    validate_reads: &str,
) -> Functions {
    users::add(server, users::quick());
    let start = |name: &str, secret: &str| {
        let parts = [&moto.variables(), &server.login_variables(), &clock.variables()];
        Service::start(name, variables(&parts, &[("JWT_SECRET_ID", secret)]))
    };
    Functions { login: start("login", "auth/jwt"), validate: start("validate", validate_reads) }
}

const NEW: &str = "auth-admin key new --alg ES256 --kid 2026-06 --secret-id auth/jwt \
                   --public-secret-id auth/jwt-public";

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_signing_key_in_secrets_manager() {
    let _alone = alone();
    let (moto, mut clock, folder) = (Moto::start(), Clock::new(), scratch::directory());
    let server = mariadb::shared();
    shell(NEW, folder.path(), &moto.variables());
    let functions = with_moto(&moto, &clock, &server, "auth/jwt-public");
    let title = "The signing key in Secrets Manager";
    rotates(&functions, &mut clock, folder.path(), moto.variables(), title);
}

/// A section at whose end `2026-12` signs, and tokens from before are refused.
fn rotates(
    functions: &Functions,
    clock: &mut Clock,
    directory: &Path,
    variables: Environment,
    title: &str,
) {
    let token = functions.log_in();
    let mut scene =
        Scene { functions, clock, server: None, directory, variables, token: Some(token.clone()) };
    scene.play(title, "");
    assert_eq!(kid(&functions.log_in()).as_deref(), Some("2026-12"), "{title}");
    wait::until(title, SOON, || (functions.validate(&token) == 403).then_some(()));
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn from_a_shared_text_to_a_key_pair() {
    let _alone = alone();
    let (moto, mut clock, folder) = (Moto::start(), Clock::new(), scratch::directory());
    let server = mariadb::shared();
    let _ = moto.create_secret("auth/jwt", "the text that the Flask service had");
    let functions = with_moto(&moto, &clock, &server, "auth/jwt");
    let title = "From a shared text to a key pair";
    rotates(&functions, &mut clock, folder.path(), moto.variables(), title);
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn a_key_that_leaked() {
    let _alone = alone();
    let (moto, mut clock, folder) = (Moto::start(), Clock::new(), scratch::directory());
    let server = mariadb::shared();
    shell(NEW, folder.path(), &moto.variables());
    let functions = with_moto(&moto, &clock, &server, "auth/jwt-public");
    let leaked = functions.log_in();
    for step in section("A key that leaked") {
        let Step::Run { text, .. } = step else { panic!("nobody waits") };
        shell(&text, folder.path(), &moto.variables());
    }
    clock.advance(REFRESH);
    wait::until("the key is refused", SOON, || (functions.validate(&leaked) == 403).then_some(()));
    // An instance of `login` that has not looked yet goes on signing with the old key.
    wait::until("the new key signs", SOON, || {
        (functions.validate(&functions.log_in()) == 200).then_some(())
    });
}

#[test]
#[ignore = "needs MariaDB and libfaketime: make test"]
fn the_signing_key_in_a_kubernetes_secret() {
    let _alone = alone();
    let (server, mut clock, cluster) = (mariadb::shared(), Clock::new(), Cluster::new());
    users::add(&server, users::quick());
    let new = "auth-admin key new --alg ES256 --kid 2026-06 --file new.json";
    shell(new, cluster.directory(), &cluster.variables());
    let key = fs::read_to_string(cluster.directory().join("new.json")).expect("a file");
    cluster.create("auth-jwt", "keys.json", &key);
    let public = Keys::read(&key.into()).expect("keys").public_set();
    cluster.create("auth-jwt-public", "keys.json", &public);
    let start = |name: &str, secret: &str| {
        let path = cluster.mounted(secret, "keys.json");
        let parts = [&server.login_variables(), &clock.variables()];
        Service::start(name, variables(&parts, &[("JWT_SECRET_FILE", &path)]))
    };
    let login = start("login", "auth-jwt");
    let functions = Functions { login, validate: start("validate", "auth-jwt-public") };
    let title = "The signing key in a Kubernetes Secret";
    rotates(&functions, &mut clock, cluster.directory(), cluster.variables(), title);
    assert!(!cluster.directory().join("keys.json").exists(), "nothing secret is left behind");
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn the_database_password_in_secrets_manager() {
    let _alone = alone();
    let (moto, mut clock, folder) = (Moto::start(), Clock::new(), scratch::directory());
    let server = mariadb::start();
    server.init();
    users::add(&server, users::quick());
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    let secret = json!({ "username": "auth_user", "password": "the old password" });
    let _ = moto.create_secret("auth/database", &secret.to_string());
    let mut address = server.login_variables();
    address.remove("MYSQL_PASSWORD");
    let functions = database_functions(
        &[&moto.variables(), &address, &clock.variables()],
        ("DATABASE_SECRET_ID", "auth/database"),
    );
    let mut scene = Scene {
        functions: &functions,
        clock: &mut clock,
        server: Some(&server),
        directory: folder.path(),
        variables: moto.variables(),
        token: None,
    };
    let new = json!({ "username": "auth_user", "password": "the new password" });
    fs::write(folder.path().join("database.json"), new.to_string()).unwrap();
    scene.play("The database password in Secrets Manager", "mariadb");
}

/// `login` with its password from `source`, and `validate` with the same key.
fn database_functions(parts: &[&Environment], source: (&str, &str)) -> Functions {
    let key = ("JWT_SECRET", "a key for HS256 of 32 bytes or more");
    let login = Service::start("login", variables(parts, &[key, source]));
    let validate = variables(parts, &[key]);
    let validate = Service::start("validate", validate);
    let functions = Functions { login, validate };
    assert_eq!(functions.validate(&functions.log_in()), 200);
    functions
}

fn the_database_password_in_a_mounted_file(server: &DatabaseServer, product: &str) {
    let (mut clock, cluster) = (Clock::new(), Cluster::new());
    server.init();
    users::add(server, users::quick());
    server.sql("ALTER USER auth_user@'%' IDENTIFIED BY 'the old password'");
    cluster.create("auth-secret", "MYSQL_PASSWORD", "the old password");
    let path = cluster.mounted("auth-secret", "MYSQL_PASSWORD");
    let mut address = server.login_variables();
    address.remove("MYSQL_PASSWORD");
    let functions =
        database_functions(&[&address, &clock.variables()], ("MYSQL_PASSWORD_FILE", &path));
    let mut scene = Scene {
        functions: &functions,
        clock: &mut clock,
        server: Some(server),
        directory: cluster.directory(),
        variables: cluster.variables(),
        token: None,
    };
    let file = cluster.directory().join("MYSQL_PASSWORD");
    fs::write(file, "the new password\n").expect("scratch can be written");
    scene.play("The database password in a mounted file", product);
}

#[test]
#[ignore = "needs MariaDB and libfaketime: make test"]
fn the_database_password_of_mariadb_in_a_mounted_file() {
    let _alone = alone();
    the_database_password_in_a_mounted_file(&mariadb::start(), "mariadb");
}

#[test]
#[ignore = "needs MySQL 9 and libfaketime: make verify"]
fn the_database_password_of_mysql_9_in_a_mounted_file() {
    let _alone = alone();
    the_database_password_in_a_mounted_file(&mysql9::start(), "mysql");
}
