//! `init.sql` and `upgrade-from-flask.sql`, run like an administrator does: with the default
//! options of the product's own client.

use std::{fs, time::Duration};

use secrecy::ExposeSecret;
use shared::users::NewUser;
use system_tests::{
    command,
    database::{AUTH_PASSWORD, set_auth_password},
    environment, output,
};

use super::*;

/// The order matters: each test starts from the state that the previous one leaves.
pub(crate) async fn suite(server: &DatabaseServer) {
    // Some servers refuse tables without a primary key, also temporary tables.
    let variable = match server.name() {
        "MariaDB" => "innodb_force_primary_key",
        _ => "sql_require_primary_key",
    };
    server.sql(&format!("SET GLOBAL {variable} = ON; DROP DATABASE auth; DROP USER auth_user@'%'"));
    the_account_is_locked_until_it_has_a_password(server).await;
    the_account_may_only_look_up_users_and_replace_hashes(server).await;
    the_table_of_the_flask_service_has_to_be_upgraded_first(server);
    for options in ["CHARSET=utf8mb4 COLLATE=utf8mb4_bin", "ENGINE=MyISAM CHARSET=latin1"] {
        users_of_the_flask_service_keep_their_ids_and_passwords(server, options).await;
    }
    an_admin_column_with_text_makes_no_administrators(server).await;
}

/// Runs `init.sql` twice, since it may be repeated at any time.
fn init(server: &DatabaseServer, set_password: &str) {
    for _ in 0..2 {
        server.init_after(set_password);
    }
}

async fn the_account_is_locked_until_it_has_a_password(server: &DatabaseServer) {
    let may_log_in = async |password: &str| {
        let variables = with(server.login_variables(), &[("MYSQL_PASSWORD", password)]);
        open(&variables, 1).await.database.query("SELECT 1", &[]).await.is_ok()
    };
    // An empty password counts as no password.
    for set_password in ["", "SET @auth_password = '';"] {
        init(server, set_password);
        let account = server.query("SHOW CREATE USER 'auth_user'@'%'");
        assert!(account.contains("ACCOUNT LOCK"), "{account}");
    }
    init(server, "SET @auth_password = 'simple';");
    assert!(may_log_in("simple").await);
    // As the MySQL image on minikube runs it.
    let variables = environment(&[
        ("AUTH_PASSWORD", "it's \"hard\" \\ to %s quote ü"),
        ("MYSQL_ROOT_PASSWORD", ""),
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_TCP_PORT", &server.port.to_string()),
        ("INIT_SQL", workspace().join("init.sql").to_str().unwrap()),
    ]);
    let script = workspace().join("k8s-knative/overlays/minikube/initialise.sh");
    let initialised = output(command(script, &variables), b"", Duration::from_mins(1));
    assert!(initialised.status.success(), "{initialised:?}");
    assert!(may_log_in(&variables["AUTH_PASSWORD"]).await);
    let quoted = AUTH_PASSWORD.replace('\\', r"\\").replace('\'', "''");
    for set_password in [&set_auth_password(), "", &format!("SET @auth_password = '{quoted}';")] {
        init(server, set_password);
        assert!(may_log_in(AUTH_PASSWORD).await && !may_log_in("simple").await, "{set_password}");
    }
}

async fn the_account_may_only_look_up_users_and_replace_hashes(server: &DatabaseServer) {
    assert_eq!(server.query("SELECT COUNT(*) FROM auth.user"), "0");
    let email = "rights@example.com";
    server.sql(&format!("INSERT INTO auth.user (email, password) VALUES ('{email}', 'hash')"));
    let [login, _] = open_both(server).await;
    let user = find(&login, email).await.unwrap();
    assert!(login.users.replace_hash(&user, "stronger").await.unwrap());

    let new = NewUser { email: "new@example.com".into(), hash: "hash".into(), admin: true };
    for (right, outcome) in [
        ("INSERT", login.add(&[new]).await.map_err(|error| error.to_string())),
        ("DELETE", login.remove(&user).await.map(drop).map_err(|error| error.to_string())),
        (
            "UPDATE admin",
            login.set_admin(&user, true).await.map(drop).map_err(|error| error.to_string()),
        ),
    ] {
        let message = outcome.expect_err(right);
        assert!(message.contains("command denied"), "{right}: {message}");
    }
    assert_eq!(login.page(None, 1).await.unwrap()[0].created_at, None, "no privilege");
    let rows = server.query("SELECT email, password, admin FROM auth.user");
    assert_eq!(rows, format!("{email}\tstronger\t0"));
    let grants = server.query("SHOW GRANTS FOR 'auth_user'@'%'");
    assert_eq!(grants.lines().count(), 3, "USAGE and two tables: {grants}");
}

fn run_upgrade(server: &DatabaseServer) {
    let script = fs::read_to_string(workspace().join("docs/upgrade-from-flask.sql")).unwrap();
    assert_eq!(server.run_sql(&format!("USE auth;\n{script}")).as_deref(), Ok(""));
}

/// Makes a database with this table `user` and these rows, and upgrades it twice. Ids, e-mails and
/// passwords must not change.
fn upgrade(server: &DatabaseServer, table: &str, rows: &str) {
    server.sql(&format!(
        "DROP DATABASE auth; CREATE DATABASE auth; USE auth;
         SET sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO';
         CREATE TABLE user (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
           email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255) NOT NULL {table};
         INSERT INTO user VALUES {rows}",
    ));
    let stored = || server.query("SELECT id, email, password FROM auth.user ORDER BY id");
    let before = stored();
    for _ in 0..2 {
        run_upgrade(server);
    }
    init(server, "");
    assert_eq!(stored(), before, "{table}");
}

/// `init.sql`, `user grant`, `check` and `login` name the script that has to run first.
fn the_table_of_the_flask_service_has_to_be_upgraded_first(server: &DatabaseServer) {
    server.sql(
        "DROP DATABASE auth; DROP USER auth_user@'%'; CREATE DATABASE auth; USE auth;
         CREATE TABLE user (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
           email VARCHAR(255) NOT NULL UNIQUE, password VARCHAR(255) NOT NULL);
         INSERT INTO user (email, password) VALUES ('georgio@email.com', 'Admin123')",
    );
    let upgrade = "run docs/upgrade-from-flask.sql";
    let script = fs::read_to_string(workspace().join("init.sql")).unwrap();
    let refused = server.run_sql(&format!("{}\n{script}", set_auth_password())).unwrap_err();
    assert!(refused.contains(upgrade) && !refused.contains("Unknown column"), "{refused}");
    let accounts = "SELECT COUNT(*) FROM mysql.user WHERE user = 'auth_user'";
    assert_eq!(server.query(accounts), "0");

    let early = crate::admin(server, "user grant georgio@email.com");
    assert_eq!(early.status.code(), Some(1));
    assert!(early.stderr.contains(upgrade), "{}", early.stderr);
    let checked = crate::admin(server, "check");
    assert_eq!(checked.status.code(), Some(1));
    assert!(checked.stdout.contains(upgrade), "{}", checked.stdout);
    let login = login(server.root_variables(), &[]);
    assert_eq!(log_in(&login, "georgio@email.com", "Admin123").status, 503);
    assert!(login.log().contains("run init.sql again"), "{}", login.log());
    run_upgrade(server);
    server.init();
}

/// The old tables were made by hand and differ in details, hence `options`. The steps after the
/// scripts are those of docs/moving-over.md.
async fn users_of_the_flask_service_keep_their_ids_and_passwords(
    server: &DatabaseServer,
    options: &str,
) {
    let rows = "(0, 'zero@example.com', 'plain'), (7, 'Jörg@example.com', 'Pässwörd '),
        (40, 'nine@example.com', REPEAT('é', 255)), (9007199254740992, 'even@example.com', 'p'),
        (9007199254740993, 'odd@example.com', 'p')";
    upgrade(server, &format!(") {options}"), rows);

    // Compared as floating-point numbers, 2^53 and the next integer are equal.
    let [_, admin] = open_both(server).await;
    assert_eq!(admin.page(None, 1).await.unwrap()[0].user.id, "0", "the first page has the id 0");
    let last = admin.page(Some("9007199254740992"), 9).await.unwrap();
    assert_eq!(last.len(), 1, "the next page has only 9007199254740993");
    let odd = find(&admin, "odd@example.com").await.unwrap();
    assert!(admin.set_hash(&odd, "new").await.unwrap());
    assert!(admin.remove(&odd).await.unwrap());
    let even = find(&admin, "even@example.com").await.unwrap();
    assert_eq!(even.password.expose_secret(), "p");

    for line in ["upgrade-plaintext --yes", "user grant zero@example.com"] {
        let output = crate::admin(server, line);
        assert!(output.status.success(), "{}", output.stderr);
    }
    let login = login(server.login_variables(), &[]);
    for (email, password, id, admin) in
        [("zero@example.com", "plain", "0", true), ("JöRG@example.com", "Pässwörd ", "7", false)]
    {
        let claims = claims(&login, email, password).unwrap();
        assert_eq!((&claims["sub"], &claims["admin"]), (&id.into(), &admin.into()), "{email}");
    }
}

async fn an_admin_column_with_text_makes_no_administrators(server: &DatabaseServer) {
    for (column, value, kept) in [
        ("ENUM('n','y') NOT NULL", "'y'", "0\ty"),
        ("SET('user','admin')", "'admin'", "0\tadmin"),
        ("VARCHAR(5)", "'true'", "0\ttrue"),
        ("INT NOT NULL DEFAULT 0", "1", "1"),
    ] {
        upgrade(server, &format!(", admin {column})"), &format!("(1, 'ada@b', 'x', {value})"));
        let columns = if kept.contains('\t') { "admin, admin_before_upgrade" } else { "admin" };
        assert_eq!(server.query(&format!("SELECT {columns} FROM auth.user")), kept, "{column}");
        let [login, _] = open_both(server).await;
        assert_eq!(find(&login, "ada@b").await.unwrap().admin, kept == "1", "{column}");
    }
}
