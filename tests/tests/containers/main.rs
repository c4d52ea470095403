//! The images, as Knative runs them: no shell, no root, nothing to write to, little memory.

mod image;
mod knative;
mod names;

use system_tests::{container, contract::add_users, http_door::HttpDoor, mariadb, stores};

#[tokio::test]
#[ignore = "needs MariaDB and the images: make test"]
async fn the_contract_holds_in_containers() {
    let server = mariadb::shared();
    add_users(&stores::open(&server.root_variables(), 1).await).await;
    let start = |name: &str, variables| container::start(name, &["--memory=64m"], variables);
    HttpDoor::start_with(server.login_variables(), start).check_contract();
}
