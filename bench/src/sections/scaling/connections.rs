//! `validate` with one connection and with a thousand.

use crate::{
    paced::Pace,
    plan::Plan,
    report::{Row, Section, Unit},
    sections::services::plain_validate,
    series::Series,
};

const COUNTS: [usize; 4] = [1, 10, 100, 1_000];
/// What one connection can ask for one after the other, with room.
const PER_SECOND: f64 = 2_000.0;

pub(super) fn measure(section: &mut Section, plan: Plan) {
    let contender = plain_validate("validate", "HS256", "info");
    let (address, request) = (contender.server.address(), contender.requests.first());
    let mut of = COUNTS.map(|count| (count, Series::default(), Series::default()));
    let mut rates = COUNTS.map(|_| Series::default());
    plan.each_round("1 to 1,000 connections", || {
        for ((count, median, p99), rate) in of.iter_mut().zip(&mut rates) {
            let pace = Pace { per_second: PER_SECOND, connections: *count };
            let latencies = pace.run(address, &request, plan.time);
            median.push(latencies.median());
            p99.push(latencies.quantile(0.99));
            let answered = contender.requests.flood(address, *count, plan.time);
            rate.push(answered.per_second());
        }
    });
    let first = of[0].1.clone();
    let name = |count, what| format!("validate, {count} connections, {what}");
    for (count, median, p99) in &of {
        let row = Row::new(&name(*count, "median"), Unit::Milliseconds, median);
        section.rows.push(row.beside("with 1 connection", &median.ratio_to(&first)));
        section.rows.push(Row::new(&name(*count, "p99"), Unit::Milliseconds, p99));
    }
    let busy = &rates[1];
    for ((count, ..), rate) in of.iter().zip(&rates) {
        let row = Row::new(&name(*count, "full load"), Unit::RequestsPerSecond, rate);
        section.rows.push(row.beside("with 10 connections", &rate.ratio_to(busy)));
    }
    section.note(format!(
        "Latencies are at {PER_SECOND} requests a second in all, over so many connections: none \
         has to wait for another one. At full load each connection waits for the others, and the \
         requests a second are what has to stay."
    ));
}
