//! `DATABASE_URL` says the same as `MYSQL_SSL_MODE` and `MYSQL_SSL_CA`, in its own words.

use shared::users::UserStore;
use system_tests::{
    Environment, certificates::Authority, database::DatabaseServer, mariadb, scratch, stores,
};

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn a_url_has_the_same_modes() {
    let server = mariadb::shared();
    let directory = scratch::directory();
    let wrong = Authority::new(directory.path(), "wrong-ca").certificate().display().to_string();
    let right = server.ca().display().to_string();
    server.sql("CREATE USER url@'%' IDENTIFIED BY 'p@ss' REQUIRE SSL");
    server.sql("GRANT SELECT ON auth.* TO url@'%'");
    for (parameters, connects) in [
        (String::new(), true),
        ("?ssl-mode=DISABLED".into(), false),
        ("?ssl-mode=REQUIRED".into(), true),
        (format!("?ssl-mode=VERIFY_CA&ssl-ca={right}"), true),
        (format!("?ssl-mode=VERIFY_CA&ssl-ca={wrong}"), false),
        (format!("?ssl-ca={right}"), true),
        (format!("?ssl-ca={wrong}"), false),
        (format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={right}"), true),
        (format!("?ssl-mode=VERIFY_IDENTITY&ssl-ca={wrong}"), false),
    ] {
        assert_eq!(may_log_in(&server, &parameters).await, connects, "{parameters}");
    }
}

async fn may_log_in(server: &DatabaseServer, parameters: &str) -> bool {
    let url = format!("mysql://url:p%40ss@localhost:{}/auth{parameters}", server.port());
    let variables = Environment::from([("DATABASE_URL".into(), url)]);
    stores::open(&variables, 1).await.ping().await.is_ok()
}
