//! 429 and 503 of the real functions.

use std::time::Duration;

use system_tests::{clock::Clock, database::Tls, mariadb, service::Service, stores, wait};

use crate::{
    CLIENTS, EMAIL, for_each_client,
    functions::{Functions, add_user, statuses, variables, with_key},
};

const LIMIT: Duration = Duration::from_secs(20);

/// The seventh failure locks for 4 s, so that a client has time to start and be told so.
#[test]
#[ignore = "needs faketime, curl, jq, requests and Node: make verify"]
fn a_locked_account_is_waited_for_as_long_as_it_is_locked() {
    for_each_client(|client| {
        let mut clock = Clock::new();
        let faked = clock.variables();
        let faked: Vec<_> = faked.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
        let functions = Functions::start(&faked);
        let fail = || assert_eq!(functions.login().basic(EMAIL, "wrong").send().status, 401);
        for lock in [0, 0, 0, 0, 0, 1, 2] {
            clock.advance(lock);
            fail();
        }
        let run = client.run(&functions.variables(), &[], "");
        run.assert_claims(1);
        let login = [401, 401, 401, 401, 401, 401, 401, 429, 200];
        functions.answered(client.name, (&login, &[200]));
        assert!(run.time >= Duration::from_secs(2), "{}: {:?}", client.name, run.time);
    });
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs MariaDB, curl, jq, requests and Node: make verify"]
async fn a_database_that_is_away_for_a_while_is_waited_for() {
    let mut server = mariadb::start();
    server.init();
    add_user(&stores::open(&server.root_variables(), 1).await).await;
    let login = Service::start("login", with_key(server.login_variables()));
    let validate = Service::start("validate", with_key([].into()));
    let variables = variables(&login.url("/login"), &validate.url("/validate"));
    server.stop();
    std::thread::scope(|scope| {
        for client in &CLIENTS {
            let variables = &variables;
            scope.spawn(move || client.run(variables, &[], "").assert_claims(1));
        }
        wait::until("a 503 for each client", LIMIT, || {
            (statuses(&login).len() >= CLIENTS.len()).then_some(())
        });
        server.restart(Tls::Valid);
    });
    let mut answered = statuses(&login);
    answered.sort_unstable();
    let failed = answered.iter().filter(|status| **status == 503).count();
    assert_eq!(answered.len() - failed, CLIENTS.len(), "{answered:?}");
    assert!((CLIENTS.len()..=CLIENTS.len() * 4).contains(&failed), "{answered:?}");
}
