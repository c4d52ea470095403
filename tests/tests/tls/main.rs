//! `MYSQL_SSL_MODE` and `MYSQL_SSL_CA` against servers with each kind of certificate.

mod caching_sha2;
mod url;

use std::path::{Path, PathBuf};

use shared::users::UserStore;
use system_tests::{
    Environment,
    certificates::Authority,
    database::{
        DatabaseServer,
        Tls::{self, Off, OtherName, Valid},
    },
    mariadb, mysql9, scratch, stores,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Encrypted,
    Plain,
    Refused,
}
use Outcome::{Encrypted, Plain, Refused};

/// The file in `MYSQL_SSL_CA`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ca {
    None,
    Right,
    Wrong,
}
use Ca::{None as NoCa, Right, Wrong};

const PASSWORD: &str = "secret";

type Row = (&'static str, Tls, &'static str, Ca, &'static str, Outcome);

/// Rows of one kind of server stand together: between them it is restarted.
const ROWS: [Row; 25] = [
    ("disabled is plain though TLS is offered", Valid, "DISABLED", NoCa, "localhost", Plain),
    ("disabled looks at no CA", Valid, "DISABLED", Wrong, "localhost", Plain),
    ("preferred takes TLS where it is offered", Valid, "PREFERRED", NoCa, "localhost", Encrypted),
    ("preferred checks no certificate", Valid, "PREFERRED", Wrong, "localhost", Encrypted),
    ("no mode is preferred", Valid, "", NoCa, "localhost", Encrypted),
    ("no mode with the right CA", Valid, "", Right, "localhost", Encrypted),
    ("no mode with a wrong CA verifies it", Valid, "", Wrong, "localhost", Refused),
    ("required checks no certificate", Valid, "REQUIRED", NoCa, "localhost", Encrypted),
    ("required, as mysql, looks at no CA", Valid, "REQUIRED", Wrong, "localhost", Encrypted),
    ("verify-ca with the right CA", Valid, "VERIFY_CA", Right, "localhost", Encrypted),
    ("verify-ca with a wrong CA", Valid, "VERIFY_CA", Wrong, "localhost", Refused),
    ("verify-identity by name", Valid, "VERIFY_IDENTITY", Right, "localhost", Encrypted),
    ("verify-identity by address", Valid, "VERIFY_IDENTITY", Right, "127.0.0.1", Encrypted),
    ("verify-identity with a wrong CA", Valid, "VERIFY_IDENTITY", Wrong, "localhost", Refused),
    ("required takes another name", OtherName, "REQUIRED", Right, "localhost", Encrypted),
    ("verify-ca takes another name", OtherName, "VERIFY_CA", Right, "localhost", Encrypted),
    ("verify-ca takes another address", OtherName, "VERIFY_CA", Right, "127.0.0.1", Encrypted),
    ("verify-ca, another name, wrong CA", OtherName, "VERIFY_CA", Wrong, "localhost", Refused),
    ("identity of another name", OtherName, "VERIFY_IDENTITY", Right, "localhost", Refused),
    ("identity of another address", OtherName, "VERIFY_IDENTITY", Right, "127.0.0.1", Refused),
    ("disabled without TLS", Off, "DISABLED", NoCa, "localhost", Plain),
    ("preferred without TLS", Off, "PREFERRED", NoCa, "localhost", Plain),
    ("required without TLS", Off, "REQUIRED", NoCa, "localhost", Refused),
    ("verify-ca without TLS", Off, "VERIFY_CA", Right, "localhost", Refused),
    ("verify-identity without TLS", Off, "VERIFY_IDENTITY", Right, "localhost", Refused),
];

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn each_ssl_mode_does_to_mariadb_what_the_mysql_client_does() {
    every_row(mariadb::start()).await;
}

#[tokio::test]
#[ignore = "needs MySQL 9: make verify"]
async fn each_ssl_mode_does_to_mysql_9_what_the_mysql_client_does() {
    every_row(mysql9::start()).await;
}

async fn every_row(mut server: DatabaseServer) {
    let directory = scratch::directory();
    let wrong = Authority::new(directory.path(), "wrong-ca").certificate().to_owned();
    make_accounts(&server);
    // MySQL takes a password that it hasn't seen over TLS only, see `caching_sha2`.
    server.show_password("anyone", PASSWORD);
    let mut failures = Vec::new();
    let mut current = Valid;
    for (name, tls, mode, ca, host, expected) in ROWS {
        if tls != current {
            server.restart(tls);
            server.show_password("anyone", PASSWORD);
            current = tls;
        }
        let variables = variables(&server, mode, certificate(ca, &server, &wrong), host);
        let outcome = connect(&variables).await;
        if outcome != expected {
            failures.push(format!("{name}: {outcome:?}, expected {expected:?}"));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", server.name(), failures.join("\n"));
}

fn make_accounts(server: &DatabaseServer) {
    server.sql(&format!(
        "CREATE DATABASE auth;
         CREATE USER anyone@'%' IDENTIFIED BY '{PASSWORD}';
         CREATE USER tls_only@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;
         GRANT SELECT ON auth.* TO anyone@'%'; GRANT SELECT ON auth.* TO tls_only@'%';",
    ));
}

fn certificate(ca: Ca, server: &DatabaseServer, wrong: &Path) -> Option<PathBuf> {
    match ca {
        NoCa => None,
        Right => Some(server.ca().to_owned()),
        Wrong => Some(wrong.to_owned()),
    }
}

fn variables(server: &DatabaseServer, mode: &str, ca: Option<PathBuf>, host: &str) -> Environment {
    let mut variables = server.login_variables();
    variables.insert("MYSQL_PASSWORD".into(), PASSWORD.into());
    variables.insert("MYSQL_HOST".into(), host.into());
    // An empty variable counts as unset.
    variables.insert("MYSQL_SSL_MODE".into(), mode.into());
    let ca = ca.map(|path| path.display().to_string());
    variables.insert("MYSQL_SSL_CA".into(), ca.unwrap_or_default());
    variables
}

async fn connect(variables: &Environment) -> Outcome {
    let may_log_in = async |user: &str| {
        let mut variables = variables.clone();
        variables.insert("MYSQL_USER".into(), user.into());
        stores::open(&variables, 1).await.ping().await.is_ok()
    };
    match (may_log_in("anyone").await, may_log_in("tls_only").await) {
        (true, true) => Encrypted,
        (true, false) => Plain,
        (false, false) => Refused,
        (false, true) => panic!("an account without REQUIRE SSL was refused"),
    }
}
