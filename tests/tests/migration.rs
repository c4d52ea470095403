//! Moving over from the Flask service, step by step as the README says it.

use serde_json::Value;
use system_tests::{
    Environment,
    contract::SECRET,
    database::set_auth_password,
    mariadb,
    process::Output,
    service::{Service, run},
    workspace,
};

const OLD_TABLE: &str = "CREATE DATABASE auth; CREATE TABLE auth.user (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email VARCHAR(255) NOT NULL UNIQUE,
    password VARCHAR(255) NOT NULL
);
INSERT INTO auth.user (email, password) VALUES
    ('georgio@example.com', 'Admin123'), ('ada@example.com', 'plain pässwörd');";

fn admin(variables: &Environment, arguments: &[&str]) -> Output {
    let output = run("auth-admin", arguments, variables, "");
    assert!(output.status.success(), "{arguments:?}: {}", output.stderr);
    output
}

fn claims(login: &Service, email: &str, password: &str) -> Option<Value> {
    let answer = login.request("POST", "/login").basic(email, password).send();
    let validate = Service::start("validate", [("JWT_SECRET".into(), SECRET.into())].into());
    let validated = validate.request("GET", "/").bearer(answer.text()).send();
    (answer.status == 200).then(|| serde_json::from_str(validated.text()).expect("claims"))
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn users_of_the_flask_service_keep_their_ids_and_passwords() {
    let server = mariadb::start();
    server.sql(OLD_TABLE);
    let upgrade = std::fs::read_to_string(workspace().join("docs/upgrade-from-flask.sql")).unwrap();
    server.run_sql(&format!("USE auth;\n{upgrade}")).unwrap();
    let init = std::fs::read_to_string(workspace().join("init.sql")).unwrap();
    server.run_sql(&(set_auth_password("a new password") + &init)).unwrap();

    let root = server.root_variables();
    let upgraded = admin(&root, &["upgrade-plaintext", "--yes"]);
    assert!(!upgraded.stdout.contains("Admin123") && !upgraded.stderr.contains("Admin123"));
    admin(&root, &["user", "grant", "georgio@example.com"]);

    let mut variables = server.login_variables();
    variables.insert("MYSQL_PASSWORD".into(), "a new password".into());
    variables.insert("JWT_SECRET".into(), SECRET.into());
    let login = Service::start("login", variables);
    let georgio = claims(&login, "georgio@example.com", "Admin123").unwrap();
    assert_eq!((&georgio["sub"], &georgio["admin"]), (&"1".into(), &true.into()));
    let ada = claims(&login, "ADA@example.com", "plain pässwörd").unwrap();
    assert_eq!((&ada["sub"], &ada["admin"]), (&"2".into(), &false.into()));
    assert_eq!(claims(&login, "ada@example.com", "wrong"), None);
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn auth_admin_looks_after_users_in_mariadb() {
    let server = mariadb::shared();
    let root = server.root_variables();
    let added = ["user", "add", "new@example.com", "--password-stdin"];
    let output = run("auth-admin", &added, &root, "a long enough passphrase\n");
    assert!(output.status.success(), "{}", output.stderr);
    let twice = ["user", "add", "NEW@example.com", "--password-stdin"];
    assert_eq!(
        run("auth-admin", &twice, &root, "a long enough passphrase\n").status.code(),
        Some(1)
    );

    let listed = admin(&root, &["user", "list", "--json"]).stdout;
    let users: Value = serde_json::from_str(&listed).unwrap();
    let new = users.as_array().unwrap().iter().find(|user| user["email"] == "new@example.com");
    assert_eq!(new.unwrap()["admin"], false);

    admin(&root, &["user", "remove", "new@example.com", "--yes"]);
    assert!(!admin(&root, &["user", "list"]).stdout.contains("new@example.com"));
}
