//! One of those that are measured in turn.

use std::{thread, time::Duration};

use system_tests::{raw::Connection, wait};

use crate::{
    http_load::Requests,
    proc_usage,
    report::{Row, Unit},
    series::{Series, float},
    server::Server,
};

const START_LIMIT: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(1);

/// A service with what it is asked, and what was measured of it, round by round.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) requests: Requests,
    /// Answered requests in a second.
    pub(crate) rate: Series,
    /// Microseconds on a CPU for each of them.
    pub(crate) cpu: Series,
}

impl Contender {
    /// One that has been asked for the first time.
    pub(crate) fn new(name: &str, server: Server, requests: Requests) -> Self {
        let (rate, cpu) = Default::default();
        let contender = Self { name: name.to_owned(), server, requests, rate, cpu };
        // gunicorn listens before it has a worker.
        wait::until(&format!("{name} answers with 200"), START_LIMIT, || {
            let connection = Connection::open(contender.server.address());
            let answer = connection.and_then(|mut it| it.exchange(contender.requests.first()));
            answer.ok().filter(|answer| answer.status == 200)
        });
        // Connections to a database, memory of a hash, code that is loaded when it is needed.
        let _ = contender.requests.flood(contender.server.address(), 2, Duration::from_secs(1));
        // wrk hangs up in the middle of a login, and a login outlives its client.
        thread::sleep(SETTLE);
        contender
    }

    /// One round at full load.
    pub(crate) fn measure(&mut self, connections: usize, time: Duration) {
        let before = proc_usage::cpu(self.server.id());
        let answered = self.requests.flood(self.server.address(), connections, time);
        let cpu = proc_usage::cpu(self.server.id()).saturating_sub(before);
        assert!(!cpu.is_zero(), "{} has done nothing", self.name);
        self.rate.push(answered.per_second());
        self.cpu.push(cpu.as_secs_f64() * 1e6 / float(answered.requests));
    }

    /// The rate as a row.
    pub(crate) fn rate_row(&self) -> Row {
        Row::new(&self.name, Unit::RequestsPerSecond, &self.rate)
    }

    /// CPU as a row.
    pub(crate) fn cpu_row(&self) -> Row {
        Row::new(&self.name, Unit::CpuMicroseconds, &self.cpu)
    }
}
