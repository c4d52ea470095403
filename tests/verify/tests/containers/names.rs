//! A static binary looks names up without the C library's plug-ins, and trusts files alone.

use std::{fs, time::Duration};

use system_tests::{
    Environment,
    contract::{SECRET, USER, add_users},
    database::Tls,
    mariadb,
    process::{Process, command},
    python, scratch, stores, wait,
};

use crate::container;

/// The name in the certificate of a server with [`Tls::OtherName`].
const NAME: &str = "db.example";
const NAME_SERVER: &str = "127.0.53.53";
const CA: &str = "/run/config/ca.pem";

#[tokio::test]
#[ignore = "needs MariaDB, root, the Python packages and the images: make verify"]
async fn the_database_is_found_by_name_and_known_by_its_certificate() {
    let mut server = mariadb::start();
    server.init();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    server.restart(Tls::OtherName);
    let mut variables = server.login_variables();
    for (name, value) in [
        ("MYSQL_HOST", NAME),
        ("MYSQL_SSL_MODE", "VERIFY_IDENTITY"),
        ("MYSQL_SSL_CA", CA),
        ("JWT_SECRET", SECRET),
    ] {
        variables.insert(name.into(), value.into());
    }

    let folder = scratch::directory();
    let [zone, resolver] = ["zone", "resolv.conf"].map(|name| folder.path().join(name));
    fs::write(&zone, format!("{NAME}. 1 IN A 127.0.0.1\n")).expect("scratch");
    fs::write(&resolver, format!("nameserver {NAME_SERVER}\n")).expect("scratch");
    let mut names = command(python::program("python"), &Environment::new());
    names.args(["-u", "-m", "dnslib.zoneresolver", "--address", NAME_SERVER, "--zone"]).arg(&zone);
    let names = Process::start("name server", names);
    let was_asked = || names.log().contains("Request:").then_some(());
    wait::until("it listens", Duration::from_secs(20), || {
        names.log().contains("Starting Zone Resolver").then_some(())
    });

    let ca = format!("--volume={}:{CA}:ro", server.ca().display());
    let by_file = format!("--add-host={NAME}:127.0.0.1");
    let by_server = format!("--volume={}:/etc/resolv.conf:ro", resolver.display());
    for by in [&by_file, &by_server] {
        assert_eq!(was_asked(), None, "the file is enough");
        let login = container::start("login", &[&ca, by], variables.clone());
        let answer = login.request("POST", "/login").basic(USER.0, USER.1).send();
        assert_eq!(answer.status, 200, "{by}: {}", login.log());
    }
    assert_eq!(was_asked(), Some(()), "{}", names.log());
}
