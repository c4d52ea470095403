//! What a login takes beyond its hash: time, statements, and ways to the database and back.

use std::time::{Duration, Instant};

use shared::config::Argon2Config;
use system_tests::{
    database::DatabaseServer,
    raw::Connection,
    tcp_proxy::TcpProxy,
    traffic::users::{self, quick},
};

use crate::{
    hash_loop::Checks,
    plan::Plan,
    report::{Row, Section, Target, Unit},
    sections::services::{credentials, database_with_hashes, login_variables},
    series::{Series, float, ms},
    server::{Server, alone, function},
};

/// In one round.
const LOGINS: usize = 40;
/// How much longer a packet takes on its way, in either direction: much, beside what hashes
/// differ by.
const DELAY: Duration = Duration::from_millis(50);

pub(super) fn measure(section: &mut Section, plan: Plan) {
    let database = database_with_hashes(quick());
    let proxy = TcpProxy::start(database.port());
    let mut variables = login_variables(&database);
    variables.extend(users::variables(quick()));
    let mut near = Client::new(variables.clone());
    variables.insert("MYSQL_PORT".into(), proxy.port().to_string());
    let mut far = Client::new(variables);
    let mut checks = Checks::new(quick());
    let (mut beyond, mut statements, mut ways) =
        (Series::default(), Series::default(), Series::default());
    plan.each_round("one login at a time", || {
        beyond.push(near.beyond(&mut checks));
        statements.push(near.statements(&database));
        ways.push(far.ways(&proxy));
    });
    let row = |what, unit, series| Row::new(what, unit, series);
    let what = "login without its hash, one at a time, median";
    section.rows.push(row(what, Unit::Milliseconds, &beyond).target(Target::Below(1.0)));
    let what = "round trips to the database before the answer";
    section.rows.push(row(what, Unit::PerLogin, &ways).target(Target::AtMost(1.05)));
    section.rows.push(row("statements", Unit::PerLogin, &statements));
    let Argon2Config { memory_kib, iterations, .. } = quick();
    section.note(format!(
        "Beyond the hash: logins and hashes of ours in turn, one at a time; the difference of \
         their medians, with the cheapest hash that login takes (m={memory_kib}, t={iterations}), \
         since it is noise here. Round trips: by how much a login takes longer if the database is \
         {} ms further away, so that statements at the same time count once.",
        2 * DELAY.as_millis(),
    ));
}

/// Who logs in on a kept connection.
struct Client {
    _server: Server,
    connection: Connection,
    requests: Vec<String>,
    next: usize,
}

impl Client {
    fn new(variables: system_tests::Environment) -> Self {
        let server = Server::start(&alone(&function("login")), variables);
        let connection = Connection::open(server.address()).expect("it listens");
        let request = |value: String| {
            format!("POST /login HTTP/1.1\r\nHost: h\r\nAuthorization: {value}\r\n\r\n")
        };
        let requests = credentials().into_iter().map(request).collect();
        let mut client = Self { _server: server, connection, requests, next: 0 };
        for _ in 0..4 {
            client.log_in();
        }
        client
    }

    fn log_in(&mut self) -> Duration {
        let request = &self.requests[self.next % self.requests.len()];
        self.next += 1;
        let since = Instant::now();
        let answer = self.connection.exchange(request).expect("an answer");
        let took = since.elapsed();
        assert_eq!(answer.status, 200, "{}", answer.body);
        took
    }

    fn times(&mut self) -> Series {
        (0..LOGINS).map(|_| ms(self.log_in())).collect()
    }

    fn beyond(&mut self, checks: &mut Checks) -> f64 {
        let (mut logins, mut hashes) = (Series::default(), Series::default());
        for _ in 0..LOGINS {
            logins.push_ms(self.log_in());
            let since = Instant::now();
            checks.right_password();
            hashes.push_ms(since.elapsed());
        }
        logins.median() - hashes.median()
    }

    fn statements(&mut self, database: &DatabaseServer) -> f64 {
        let questions = || {
            let row = database.query("SHOW GLOBAL STATUS LIKE 'Questions'");
            let count = row.split('\t').nth(1).and_then(|count| count.parse::<u64>().ok());
            count.expect("a number")
        };
        let own = {
            let before = questions();
            questions() - before
        };
        let before = questions();
        self.times();
        float(questions() - before - own) / float(LOGINS as u64)
    }

    fn ways(&mut self, proxy: &TcpProxy) -> f64 {
        let near = self.times();
        proxy.delay(DELAY);
        let far = self.times();
        proxy.delay(Duration::ZERO);
        (far.median() - near.median()) / ms(2 * DELAY)
    }
}
