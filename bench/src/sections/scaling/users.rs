//! A login with few users and with many.

use std::time::Instant;

use shared::config::Argon2Config;
use system_tests::{
    Environment,
    database::DatabaseServer,
    http::basic,
    mariadb,
    raw::Connection,
    traffic::users::{self, PASSWORD, quick},
};

use crate::{
    plan::Plan,
    report::{Row, Section, Target, Unit},
    sections::services::login_variables,
    series::{Series, ms},
    server::{Server, alone, function},
};

const COUNTS: [u64; 3] = [10, 10_000, 2_000_000];
/// In one statement.
const CHUNK: u64 = 50_000;
/// In one round.
const LOGINS: usize = 60;

pub(super) fn measure(section: &mut Section, plan: Plan) {
    let mut all = COUNTS.map(|count| Place::start(count, plan));
    plan.each_round("10 to 2,000,000 users", || {
        let mut times: [Series; 3] = Default::default();
        for _ in 0..LOGINS {
            for (place, times) in all.iter_mut().zip(&mut times) {
                times.push(place.log_in());
            }
        }
        for (place, times) in all.iter_mut().zip(&times) {
            place.medians.push(times.median());
        }
    });
    let few = all[0].medians.clone();
    for place in &all {
        let what = format!("login among {} users, median", place.count);
        let row = Row::new(&what, Unit::Milliseconds, &place.medians);
        let row = row.beside("among 10", &place.medians.ratio_to(&few));
        section.rows.push(if place.count == COUNTS[0] {
            row
        } else {
            row.target(Target::AtMost(1.1))
        });
    }
    let Argon2Config { memory_kib, iterations, .. } = quick();
    section.note(format!(
        "One login at a time, of a user at random, with the cheapest hash that login takes \
         (m={memory_kib}, t={iterations}), so that the database's part can be seen; three MariaDB \
         servers with their default buffer pool of 128 MiB, asked in turn."
    ));
}

/// `login` with a database of its own.
struct Place {
    count: u64,
    medians: Series,
    connection: Connection,
    _parts: (Server, DatabaseServer),
    random: u64,
}

impl Place {
    fn start(count: u64, plan: Plan) -> Self {
        let database = mariadb::start();
        database.init();
        add_users(&database, count, plan);
        let mut variables: Environment = login_variables(&database);
        variables.extend(users::variables(quick()));
        let login = Server::start(&alone(&function("login")), variables);
        let connection = Connection::open(login.address()).expect("it listens");
        let (medians, random, parts) = (Series::default(), 1, (login, database));
        let mut place = Self { count, medians, connection, _parts: parts, random };
        for _ in 0..4 {
            place.log_in();
        }
        place
    }

    /// Somebody, in milliseconds.
    fn log_in(&mut self) -> f64 {
        // Knuth's MMIX; its high bits are as random as this needs.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let number = 1 + (self.random >> 33) % self.count;
        let value = basic(&format!("user-{number}@example.com"), PASSWORD);
        let head = format!("POST /login HTTP/1.1\r\nHost: h\r\nAuthorization: {value}\r\n\r\n");
        let since = Instant::now();
        let answer = self.connection.exchange(head).expect("an answer");
        let took = since.elapsed();
        assert_eq!(answer.status, 200, "{}", answer.body);
        ms(took)
    }
}

fn add_users(database: &DatabaseServer, count: u64, plan: Plan) {
    let hash = users::hash(quick());
    let mut first = 1;
    while first <= count {
        let last = count.min(first + CHUNK - 1);
        if count > CHUNK {
            plan.say(&format!("adding users {first} to {last} of {count}"));
        }
        database.sql(&format!(
            "INSERT INTO auth.user (email, password)
             SELECT CONCAT('user-', seq, '@example.com'), '{hash}' FROM auth.seq_{first}_to_{last}"
        ));
        first = last + 1;
    }
    let _ = database.query("ANALYZE TABLE auth.user");
}
