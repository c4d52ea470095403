//! A database that takes its time.

use std::time::Duration;

use system_tests::{tcp_proxy::TcpProxy, wait};

use super::*;

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_locked_table_is_a_503_in_time() {
    let _alone = alone();
    let server = server();
    let functions = Functions::start(&with_key(server.login_variables()));
    let observation = functions.observe("table locked by another session");
    std::thread::scope(|scope| {
        // Ended by the KILL below, which is an error to its client.
        scope.spawn(|| server.run_sql("LOCK TABLES auth.user WRITE; DO SLEEP(25)"));
        let sleeper = "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'";
        let id = wait::until("the lock", Duration::from_secs(10), || {
            Some(server.query(sleeper)).filter(|id| !id.is_empty())
        });
        observation.suffer();
        server.sql(&format!("KILL CONNECTION {id}"));
    });
    observation.recover(Seen::Failures);
}

fn delayed(fault: &'static str, delay: Duration) {
    let _alone = alone();
    let server = server();
    let proxy = TcpProxy::start(server.port());
    let functions = Functions::behind(&proxy, &server);
    let observation = functions.observe(fault);
    proxy.delay(delay);
    observation.suffer();
    proxy.heal();
    observation.recover(Seen::Perhaps);
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_second_for_each_packet_is_a_503_at_worst() {
    delayed("each packet of MariaDB takes 1 s", Duration::from_secs(1));
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn four_seconds_for_each_packet_are_a_503_in_time() {
    delayed("each packet of MariaDB takes 4 s", Duration::from_secs(4));
}
