//! A static binary looks names up without the C library's plug-ins, and trusts files alone.

use std::{fs, net::Ipv4Addr};

use system_tests::{
    Environment, container,
    contract::{SECRET, USER, add_users},
    database::Tls,
    mariadb,
    name_server::NameServer,
    scratch, stores,
};

/// The name in the certificate of a server with [`Tls::OtherName`].
const NAME: &str = "db.example";
const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 53);
const CA: &str = "/run/config/ca.pem";

#[tokio::test]
#[ignore = "needs MariaDB, root and the images: make test"]
async fn the_database_is_found_by_name_and_known_by_its_certificate() {
    let mut server = mariadb::start();
    server.init();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    server.restart(Tls::OtherName);

    let folder = scratch::directory();
    let resolver = folder.path().join("resolv.conf");
    fs::write(&resolver, format!("nameserver {NAME_SERVER}\n")).expect("scratch can be written");
    let names = NameServer::start(NAME_SERVER, NAME);
    let ca = format!("--volume={}:{CA}:ro", server.ca().display());
    let by_server = format!("--volume={}:/etc/resolv.conf:ro", resolver.display());
    let by_file = format!("--add-host={NAME}:127.0.0.1");
    for by in [&by_file, &by_server] {
        let login = container::start("login", &[&ca, by], variables(&server.login_variables()));
        let answer = login.request("POST", "/login").basic(USER.0, USER.1).send();
        assert_eq!(answer.status, 200, "{by}: {}", login.log());
    }
    assert!(names.answered() > 0, "the name server was asked");
}

fn variables(database: &Environment) -> Environment {
    let mut variables = database.clone();
    for (name, value) in [
        ("MYSQL_HOST", NAME),
        ("MYSQL_SSL_MODE", "VERIFY_IDENTITY"),
        ("MYSQL_SSL_CA", CA),
        ("JWT_SECRET", SECRET),
    ] {
        variables.insert(name.into(), value.into());
    }
    variables
}
