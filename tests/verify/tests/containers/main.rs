//! The images, as Knative runs them: no shell, no root, nothing to write to, little memory.

mod authorities;
mod container;
mod image;
mod knative;
mod names;

use std::time::Instant;

use system_tests::{
    contract::{ContractRequest, Door, USER, add_users},
    http_door::HttpDoor,
    mariadb, stores,
};

#[tokio::test]
#[ignore = "needs MariaDB and the images: make verify"]
async fn the_contract_holds_in_containers() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    let start = |name: &str, variables| container::start(name, &["--memory=64m"], variables);
    let since = Instant::now();
    let door = HttpDoor::start_with(server.login_variables(), start);
    let first = ContractRequest::new("POST", "/login").basic(USER.0, USER.1);
    assert_eq!(door.send("login", &first).status, 200);
    println!("both containers, start to first login: {} ms", since.elapsed().as_millis());
    door.check_contract();
}
