//! Faults under load: no answer is wrong, no request hangs, `validate` is not affected, and the
//! functions recover without a restart. For each fault the test prints a summary of the answers.

mod observation;
mod secrets_manager;

use std::{io::Read, net::TcpStream, thread, time::Duration};

use system_tests::{DatabaseServer, Environment, Service, TcpProxy, Tls, mariadb, users, wait};

use observation::{Observation, Seen};

/// A server with the users of the load, and the variables of functions that use it.
fn server() -> (DatabaseServer, Environment) {
    let server = mariadb::start();
    users::add(&server, users::quick_argon2());
    let mut variables = server.login_variables();
    variables.extend(users::argon2_variables(users::quick_argon2()));
    (server, variables)
}

/// `login` and `validate` as HTTP services.
type Functions = [Service; 2];

fn start(variables: &Environment) -> Functions {
    ["login", "validate"].map(|name| Service::start(name, variables.clone()))
}

/// Starts a fault, waits for enough requests, and ends the fault.
type Fault = fn(&mut DatabaseServer, &TcpProxy, &Observation<'_>);

const FAULTS: [(&str, Seen, Fault); 7] = [
    ("MariaDB killed and started again", Seen::Failures, |server, _, observation| {
        server.process.kill();
        observation.wait_for_sample();
        server.restart(Tls::Valid);
    }),
    // Neither open nor new connections get an error.
    ("network to MariaDB black-holed", Seen::Failures, |_, proxy, observation| {
        proxy.delay(Duration::MAX);
        observation.wait_for_sample();
        proxy.delay(Duration::ZERO);
    }),
    ("each packet of MariaDB takes 1 s", Seen::MaybeFailures, |_, proxy, it| delayed(1, proxy, it)),
    ("each packet of MariaDB takes 4 s", Seen::MaybeFailures, |_, proxy, it| delayed(4, proxy, it)),
    ("table locked by another session", Seen::Failures, |server, _, observation| {
        thread::scope(|scope| {
            // The KILL below ends it, which is an error for its client.
            scope.spawn(|| server.run_sql("LOCK TABLES auth.user WRITE; DO SLEEP(25)"));
            let list = "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'";
            let id = wait::until("the lock", Duration::from_secs(10), || {
                Some(server.query(list)).filter(|id| !id.is_empty())
            });
            observation.wait_for_sample();
            server.sql(&format!("KILL CONNECTION {id}"));
        });
    }),
    ("max_connections taken by another client", Seen::Failures, |server, proxy, observation| {
        // Connections without authentication may stay open for a while.
        server.sql("SET GLOBAL max_connections = 10; SET GLOBAL connect_timeout = 600");
        let mut taken = Vec::new();
        wait::until("the fault has an effect", Duration::from_secs(20), || {
            proxy.cut_all();
            let opened =
                (taken.len()..12).flat_map(|_| TcpStream::connect(("127.0.0.1", server.port)));
            taken.extend(opened.filter(is_accepted));
            observation.has_effect().then_some(())
        });
        observation.wait_for_sample();
    }),
    // Happens during a failover. A failed login that cannot be counted must not be answered.
    ("MariaDB read-only", Seen::Failures, |server, _, observation| {
        server.sql("SET GLOBAL read_only = 1");
        observation.wait_for_sample();
        server.sql("SET GLOBAL read_only = 0");
    }),
];

/// Whether the server's first packet is its greeting, and not an error.
fn is_accepted(mut connection: &TcpStream) -> bool {
    let mut start = [0; 5];
    connection.read_exact(&mut start).is_ok() && start[4] != 0xff
}

fn delayed(seconds: u64, proxy: &TcpProxy, observation: &Observation<'_>) {
    proxy.delay(Duration::from_secs(seconds));
    observation.wait_for_sample();
    proxy.delay(Duration::ZERO);
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_failing_database_causes_503_in_time_and_needs_no_restart() {
    let (mut server, mut variables) = server();
    let proxy = TcpProxy::start(server.port);
    variables.insert("MYSQL_PORT".into(), proxy.port.to_string());
    server.stop();
    let functions = start(&variables);
    let late = Observation::start_during_fault("MariaDB starts after login", &functions);
    late.wait_for_sample();
    server.restart(Tls::Valid);
    late.recover(Seen::Failures);
    for (name, seen, fault) in FAULTS {
        let observation = Observation::start(name, &functions);
        fault(&mut server, &proxy, &observation);
        observation.recover(seen);
    }
}
