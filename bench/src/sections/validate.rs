//! `validate` over HTTP, at full load and at half of it.

use system_tests::{Environment, scratch};

use super::services::{self, bare, flask, key_and_token, nginx, plain_validate};
use crate::{
    contender::Contender,
    http_load::Requests,
    paced::Pace,
    plan::Plan,
    report::{Row, Section, Target, Unit},
    series::Series,
};

/// Kept busy by one thread of `wrk`.
const CONNECTIONS: usize = 64;
/// At half of full load.
const HALF_LOAD_CONNECTIONS: usize = 32;

pub(crate) fn measure(plan: Plan) -> Section {
    let folder = scratch::directory();
    let answer = folder.path().join("answer");
    let body = services::record_answer(&answer);
    let (_, token) = key_and_token("HS256");
    let flask_requests = Requests::new("GET", "/validate", &[token]);
    let mut all = [
        plain_validate("validate, HS256", "HS256", "info"),
        bare("bare axum", "bare-axum", &answer),
        bare("bare hyper", "bare-hyper", &answer),
        nginx(folder.path(), &body),
        flask("Flask, 3 workers", "plain", Environment::new(), flask_requests),
        plain_validate("validate, HS256, RUST_LOG=error", "HS256", "error"),
        plain_validate("validate, Ed25519", "EdDSA", "info"),
        plain_validate("validate, ES256", "ES256", "info"),
        plain_validate("validate, RS256", "RS256", "info"),
    ];
    plan.each_round("validate at full load", || {
        for contender in &mut all {
            contender.measure(CONNECTIONS, plan.time);
        }
    });
    let mut section = Section::new("validate");
    rates(&mut section, &all);
    costs(&mut section, &all);
    half_load(&mut section, &all, plan);
    section.note(
        "Log lines go to /dev/null, one a request, but for the row that says otherwise; the bare \
         services, nginx and Flask write none. wrk has one thread and 64 connections, and is on \
         the same cores. gunicorn's sync workers close each connection behind its answer.",
    );
    section
}

fn rates(section: &mut Section, all: &[Contender]) {
    let [ours, axum, hyper, nginx, flask, others @ ..] = all else { unreachable!("they are nine") };
    let beside = |contender: &Contender, other: &Contender| {
        contender.rate_row().beside(&other.name, &contender.rate.ratio_to(&other.rate))
    };
    section.rows.push(beside(ours, axum).target(Target::AtLeast(0.95)));
    section.rows.push(beside(ours, flask).target(Target::AtLeast(25.0)));
    section.rows.extend([beside(ours, hyper), beside(ours, nginx)]);
    section.rows.extend(others.iter().map(|other| beside(other, axum)));
    section.rows.extend([axum, hyper, nginx, flask].map(Contender::rate_row));
}

fn costs(section: &mut Section, all: &[Contender]) {
    let [ours, axum, hyper, nginx, flask, others @ ..] = all else { unreachable!("they are nine") };
    let beside = |contender: &Contender, other: &Contender| {
        contender.cpu_row().beside(&other.name, &contender.cpu.ratio_to(&other.cpu))
    };
    section.rows.push(beside(ours, axum).target(Target::AtMost(1.1)));
    section.rows.push(beside(ours, hyper));
    section.rows.extend(others.iter().map(|other| beside(other, axum)));
    section.rows.extend([axum, hyper, nginx, flask].map(Contender::cpu_row));
}

/// Each at half of its own full load, so that none of them has a queue.
fn half_load(section: &mut Section, all: &[Contender], plan: Plan) {
    let (ours, bare) = (&all[0], &all[1]);
    let mut of = [ours, bare].map(|contender| (contender, Series::default(), Series::default()));
    plan.each_round("validate at half of full load", || {
        for (contender, median, p99) in &mut of {
            let per_second = contender.rate.median() / 2.0;
            let pace = Pace { per_second, connections: HALF_LOAD_CONNECTIONS };
            let request = contender.requests.first();
            let latencies = pace.run(contender.server.address(), &request, plan.time);
            median.push(latencies.median());
            p99.push(latencies.quantile(0.99));
        }
    });
    let [(_, our_median, our_p99), (_, bare_median, bare_p99)] = &of;
    let name = |contender: &Contender, what| format!("{}, {what} at half load", contender.name);
    let row =
        |contender, what, series| Row::new(&name(contender, what), Unit::Milliseconds, series);
    section.rows.push(row(ours, "p99", our_p99).target(Target::Below(2.0)));
    section.rows.push(row(ours, "median", our_median));
    section.rows.push(row(bare, "p99", bare_p99));
    section.rows.push(row(bare, "median", bare_median));
}
