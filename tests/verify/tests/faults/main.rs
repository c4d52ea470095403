//! Parts that fail while requests go on: no answer is wrong, none hangs, `validate` does
//! not notice, and all is well again without a restart. Each fault prints a line of what
//! clients saw.

mod observation;
mod secrets_manager;

use std::{io::Read, net::TcpStream, thread, time::Duration};

use system_tests::{DatabaseServer, Environment, Service, TcpProxy, Tls, mariadb, users, wait};

use observation::{Observation, Seen};

/// A server with the users of the traffic, and the variables of functions that use it.
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

/// Begins, goes on until enough have suffered, and ends.
type Fault = fn(&mut DatabaseServer, &TcpProxy, &Observation<'_>);

const FAULTS: [(&str, Seen, Fault); 7] = [
    ("MariaDB killed and started again", Seen::Failures, |server, _, observation| {
        server.process.kill();
        observation.suffer();
        server.restart(Tls::Valid);
    }),
    // No error tells those who have a connection, nor those who want one.
    ("network to MariaDB black-holed", Seen::Failures, |_, proxy, observation| {
        proxy.delay(Duration::MAX);
        observation.suffer();
        proxy.delay(Duration::ZERO);
    }),
    ("each packet of MariaDB takes 1 s", Seen::Perhaps, |_, proxy, it| delayed(1, proxy, it)),
    ("each packet of MariaDB takes 4 s", Seen::Perhaps, |_, proxy, it| delayed(4, proxy, it)),
    ("table locked by another session", Seen::Failures, |server, _, observation| {
        thread::scope(|scope| {
            // Ended by the KILL below, which is an error to its client.
            scope.spawn(|| server.run_sql("LOCK TABLES auth.user WRITE; DO SLEEP(25)"));
            let list = "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'";
            let id = wait::until("the lock", Duration::from_secs(10), || {
                Some(server.query(list)).filter(|id| !id.is_empty())
            });
            observation.suffer();
            server.sql(&format!("KILL CONNECTION {id}"));
        });
    }),
    ("max_connections taken by another client", Seen::Failures, |server, proxy, observation| {
        // Those who have not said who they are may stay a while.
        server.sql("SET GLOBAL max_connections = 10; SET GLOBAL connect_timeout = 600");
        let mut taken = Vec::new();
        wait::until("the fault is felt", Duration::from_secs(20), || {
            proxy.cut_all();
            let opened =
                (taken.len()..12).flat_map(|_| TcpStream::connect(("127.0.0.1", server.port)));
            taken.extend(opened.filter(is_let_in));
            observation.is_felt().then_some(())
        });
        observation.suffer();
    }),
    // As while a primary is replaced. A failure that cannot be counted must not be possible.
    ("MariaDB read-only", Seen::Failures, |server, _, observation| {
        server.sql("SET GLOBAL read_only = 1");
        observation.suffer();
        server.sql("SET GLOBAL read_only = 0");
    }),
];

/// Whether the server's first packet is its greeting, and not an error.
fn is_let_in(mut connection: &TcpStream) -> bool {
    let mut start = [0; 5];
    connection.read_exact(&mut start).is_ok() && start[4] != 0xff
}

fn delayed(seconds: u64, proxy: &TcpProxy, observation: &Observation<'_>) {
    proxy.delay(Duration::from_secs(seconds));
    observation.suffer();
    proxy.delay(Duration::ZERO);
}

#[test]
#[ignore = "needs MariaDB: make verify"]
fn a_database_that_fails_is_a_503_in_time_and_needs_no_restart() {
    let (mut server, mut variables) = server();
    let proxy = TcpProxy::start(server.port);
    variables.insert("MYSQL_PORT".into(), proxy.port.to_string());
    server.stop();
    let functions = start(&variables);
    let late = Observation::begin_amid_fault("MariaDB starts after login", &functions);
    late.suffer();
    server.restart(Tls::Valid);
    late.recover(Seen::Failures);
    for (name, seen, fault) in FAULTS {
        let observation = Observation::begin(name, &functions);
        fault(&mut server, &proxy, &observation);
        observation.recover(seen);
    }
}
