//! A database that is not there.

use system_tests::{database::Tls, tcp_proxy::TcpProxy};

use super::*;

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_database_that_is_killed_and_comes_back_needs_no_restart() {
    let _alone = alone();
    let mut server = server();
    let functions = Functions::start(&with_key(server.login_variables()));
    let observation = functions.observe("MariaDB killed and started again");
    server.crash();
    observation.suffer();
    server.restart(Tls::Valid);
    observation.recover(Seen::Failures);
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_database_that_comes_up_late_needs_no_restart() {
    let _alone = alone();
    let mut server = server();
    server.stop();
    let functions = Functions::start(&with_key(server.login_variables()));
    let observation = Observation::begin_amid_fault("MariaDB starts after login", &functions);
    observation.suffer();
    server.restart(Tls::Valid);
    observation.recover(Seen::Failures);
}

/// Packets vanish, and nobody is told: neither who has a connection nor who wants one.
#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_network_that_swallows_everything_is_a_503_in_time() {
    let _alone = alone();
    let server = server();
    let proxy = TcpProxy::start(server.port());
    let functions = Functions::behind(&proxy, &server);
    let observation = functions.observe("network to MariaDB black-holed");
    proxy.black_hole();
    observation.suffer();
    proxy.heal();
    observation.recover(Seen::Failures);
}
