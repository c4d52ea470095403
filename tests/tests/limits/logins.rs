//! Logins whose clients are gone: they go on, and are no more than may be under way.

use std::{
    thread,
    time::{Duration, Instant},
};

use system_tests::{
    contract::{USER, add_users},
    http::basic,
    mariadb,
    raw::{Connection, head},
    service::Service,
    wait, with,
};

const FLOOD: Duration = Duration::from_secs(2);
/// 32 MiB, and two hashes of 20 MiB: what the documents say, in KiB.
const BOUND: usize = (32 + 2 * 20) * 1024;

/// Two clients at once that send heads of 14 KiB and hang up, as fast as they can.
fn send_and_hang_up(login: &Service) -> usize {
    let padding = format!("X-Padding: {}\r\n", "x".repeat(13 * 1024));
    let client = |number: usize| {
        let since = Instant::now();
        let mut sent = 0;
        while since.elapsed() < FLOOD {
            let credentials = basic(&format!("{number}-{sent}@example.com"), "x");
            let headers = format!("Authorization: {credentials}\r\n{padding}");
            let connection = Connection::open(login.port);
            if connection.is_ok_and(|mut it| it.send(head("POST /login", &headers)).is_ok()) {
                sent += 1;
            }
        }
        sent
    };
    thread::scope(|scope| {
        let clients = [1, 2].map(|number| scope.spawn(move || client(number)));
        clients.map(|client| client.join().unwrap()).iter().sum()
    })
}

#[tokio::test]
#[ignore = "needs MariaDB: make test"]
async fn clients_that_hang_up_leave_no_more_logins_than_may_be_under_way() {
    let mut server = mariadb::start();
    add_users(&server).await;
    let variables = [("HASH_SLOTS", "2"), ("MAX_CONNECTIONS", "100")];
    let login = Service::start("login", with(server.login_variables(), &variables));
    let status = || login.request("POST", "/login").basic(USER.0, USER.1).send().status;
    assert_eq!(status(), 200);
    for database in ["well", "frozen"] {
        if database == "frozen" {
            server.process.freeze();
        }
        let sent = send_and_hang_up(&login);
        let peak = login.process.memory_kib("VmHWM");
        println!("{sent} heads of clients that hung up, the database {database}: {peak} KiB");
        assert!(sent > 1_000, "too few for a flood: {sent}");
        assert!(peak < BOUND, "the database {database}: {peak} KiB");
    }
    server.process.thaw();
    wait::until("a login", Duration::from_secs(20), || (status() == 200).then_some(()));
}
