//! `MYSQL_SSL_MODE` and `MYSQL_SSL_CA` against servers with each kind of certificate.
//! The TLS options of `DATABASE_URL` are tested with its parser.

use system_tests::{Authority, Environment, Tls, scratch};

use super::*;

pub(crate) async fn suite(server: DatabaseServer) {
    set_up(&server, "");
    if server.name() == "MySQL 9" {
        a_password_that_mysql_9_has_not_cached_needs_tls(&server).await;
    }
    each_ssl_mode_does_what_the_mysql_client_does(server).await;
}

async fn each_ssl_mode_does_what_the_mysql_client_does(mut server: DatabaseServer) {
    let directory = scratch::directory();
    let wrong = Authority::new(directory.path(), "wrong-ca").certificate;
    server.sql(&format!(
        "CREATE USER anyone@'%' IDENTIFIED BY '{PASSWORD}';
         CREATE USER tls_only@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;
         GRANT SELECT ON auth.* TO anyone@'%'; GRANT SELECT ON auth.* TO tls_only@'%';",
    ));
    let mut current = Tls::Valid;
    for (name, tls, mode, ca, host, expected) in
        rows::<(String, Tls, String, String, String, String)>("tls")
    {
        if tls != current {
            server.restart(tls);
            current = tls;
        }
        // Makes MySQL cache the password's hash, without which it demands TLS, see below.
        assert!(server.client("anyone", PASSWORD, "DO 0").status.success());
        let ca = match &*ca {
            "right" => server.authority.certificate.display().to_string(),
            "wrong" => wrong.display().to_string(),
            _ => String::new(),
        };
        let connects = async |user: &str| {
            let own = [
                ("MYSQL_USER", user),
                ("MYSQL_PASSWORD", PASSWORD),
                ("MYSQL_HOST", &*host),
                // An empty variable counts as unset.
                ("MYSQL_SSL_MODE", &*mode),
                ("MYSQL_SSL_CA", &ca),
            ];
            connects(with(server.login_variables(), &own)).await
        };
        let outcome = match (connects("anyone").await, connects("tls_only").await) {
            (true, true) => "encrypted",
            (true, false) => "plain",
            (false, false) => "refused",
            (false, true) => "an account without REQUIRE SSL was refused",
        };
        assert_eq!(outcome, expected, "{}: {name}", server.name());
    }
}

async fn connects(variables: Environment) -> bool {
    open(&variables, 1).await.database.query("SELECT 1", &[]).await.is_ok()
}

/// `caching_sha2_password`, MySQL's default: the server caches a fast hash of each password that
/// was used. `login`, which is built without RSA, can send an uncached one only over TLS.
async fn a_password_that_mysql_9_has_not_cached_needs_tls(server: &DatabaseServer) {
    let may_log_in = async |mode: &str| {
        connects(with(server.login_variables(), &[("MYSQL_SSL_MODE", mode)])).await
    };
    server.sql("FLUSH PRIVILEGES");
    let login = login(server.login_variables(), &[("MYSQL_SSL_MODE", "DISABLED")]);
    assert_eq!(log_in(&login, "bob@example.com", "x").status, 503);
    let (_, log) = login.terminate();
    let line = log.lines().find(|line| line.contains("\"status\":503")).unwrap_or_default();
    assert!(line.contains("the database at ") && line.contains("TLS"), "{log}");
    for mode in ["PREFERRED", "REQUIRED"] {
        server.sql("FLUSH PRIVILEGES");
        assert!(may_log_in(mode).await, "not cached, {mode}");
        assert!(may_log_in(mode).await, "cached, {mode}");
    }
    assert!(may_log_in("DISABLED").await, "cached, without TLS");
}
