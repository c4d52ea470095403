//! What `login` does to its database, and what a pause does to `login`.

use std::process::Command;

use shared::users::{NewUser, SqliteUsers, UserDirectory, UserStore};
use system_tests::{
    Environment,
    contract::{SECRET, hash},
    database::DatabaseServer,
    mariadb, scratch,
    service::Service,
    stores,
};

const PASSWORD: &str = "a long enough passphrase";

fn with_key(mut variables: Environment) -> Environment {
    variables.insert("JWT_SECRET".into(), SECRET.into());
    variables
}

async fn user(email: &str) -> NewUser {
    NewUser { email: email.into(), hash: hash(PASSWORD).await, admin: false }
}

async fn server_with_ada() -> DatabaseServer {
    let server = mariadb::start();
    server.init();
    let users = stores::open(&server.root_variables(), 1).await;
    users.add(&[user("ada@example.com").await]).await.expect("ada is new");
    server
}

fn log_in(login: &Service, email: &str) -> u16 {
    login.request("POST", "/login").basic(email, PASSWORD).send().status
}

#[tokio::test]
async fn the_configured_cost_is_that_of_the_hash_which_a_login_stores() {
    use secrecy::ExposeSecret;

    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    let users = SqliteUsers::open(&path).await.unwrap();
    users.add(&[user("ada@example.com").await]).await.unwrap();
    let mut variables = with_key([].into());
    variables.insert("DATABASE_URL".into(), format!("sqlite:{}", path.display()));
    variables.insert("ARGON2_MEMORY_KIB".into(), "8192".into());
    variables.insert("ARGON2_ITERATIONS".into(), "3".into());
    variables.insert("ARGON2_PARALLELISM".into(), "2".into());
    let login = Service::start("login", variables);
    assert_eq!(log_in(&login, "ada@example.com"), 200);

    let stored = users.find_by_email("ada@example.com").await.unwrap().unwrap().password;
    assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=8192,t=3,p=2$"));
    let (_, log) = login.terminate();
    assert!(log.contains(r#""message":"authn_password_rehashed","user_id":"1""#), "{log}");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_hash_that_cannot_be_stored_is_logged_and_the_login_succeeds() {
    let server = server_with_ada().await;
    server.sql("REVOKE UPDATE (password) ON auth.user FROM 'auth_user'@'%'");
    let mut variables = with_key(server.login_variables());
    variables.insert("ARGON2_ITERATIONS".into(), "3".into());
    let login = Service::start("login", variables);
    assert_eq!(log_in(&login, "ada@example.com"), 200);
    let (_, log) = login.terminate();
    assert!(log.contains("the new password hash was not stored"), "{log}");
    assert!(log.contains("UPDATE command denied"), "{log}");
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_client_does_not_notice_that_the_connection_died_while_the_process_was_frozen() {
    let server = server_with_ada().await;
    let mut login = Service::start("login", with_key(server.login_variables()));
    assert_eq!(log_in(&login, "ada@example.com"), 200);

    let id = login.process().id().to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    signal("-STOP");
    let connections = "SELECT id FROM information_schema.processlist WHERE user = 'auth_user'";
    // One may have been on its way out already; those in the pool are not.
    let listed = server.query(connections);
    let kill = |id: &&str| server.run_sql(&format!("KILL CONNECTION {id}")).is_ok();
    assert!(listed.lines().filter(kill).count() > 0, "{listed}");
    signal("-CONT");
    assert_eq!(log_in(&login, "ada@example.com"), 200);
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn readiness_tells_when_the_database_answers() {
    let server = mariadb::shared();
    let login = Service::start("login", with_key(server.login_variables()));
    system_tests::wait::until("the state", std::time::Duration::from_secs(10), || {
        let ready = login.request("GET", "/readyz").send();
        (ready.text() == r#"{"status":"ready","keys":"ok","database":"ok"}"#).then_some(())
    });
}
