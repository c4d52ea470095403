//! `login` beside the hash alone, and what it takes beyond the hash.

mod beyond;

use system_tests::database::DatabaseServer;

use super::services::{database_with_users, flask, login_in_cluster, logins, variables};
use crate::{
    contender::Contender,
    hash_loop::{HashLoop, Kind},
    machine::cores,
    plan::Plan,
    report::{Row, Section, Target, Unit},
    server::{Server, function, on_cores},
};

/// For each core: enough that a slot never waits for a login, and fewer than may wait.
const CONNECTIONS_PER_CORE: usize = 4;

pub(crate) fn measure(plan: Plan) -> Section {
    let database = database_with_users();
    let mut section = Section::new("login");
    full_load(&mut section, &database, plan);
    one_core(&mut section, &database, plan);
    beyond::measure(&mut section, plan);
    section.note(
        "The loops compute Argon2id with the same parameters (m=19456, t=2, p=1), a thread on each \
         core: `ours` by shared::password as login calls it, `argon2` by that crate in memory that \
         is used again, `C` by argon2-cffi. Here, login and `ours` have the memory of a hash in \
         huge pages, as in k8s-knative/base/login.yaml. wrk and MariaDB are on the same cores as \
         login, which is why there is a row for one core of two as well.",
    );
    section
}

fn full_load(section: &mut Section, database: &DatabaseServer, plan: Plan) {
    let (count, every) = (cores(), format!("0-{}", cores() - 1));
    let mut login = login_on("login", &every, database);
    let mut loops =
        [Kind::Ours, Kind::Crate, Kind::Reference].map(|kind| HashLoop::new(kind, &every, count));
    let mut others = [
        python("Flask, argon2-cffi", "argon2", database),
        python("Flask, plain text", "plain", database),
    ];
    plan.each_round("login at full load", || {
        login.measure(CONNECTIONS_PER_CORE * count, plan.time);
        for it in &mut loops {
            it.measure(plan.time);
        }
        for other in &mut others {
            other.measure(CONNECTIONS_PER_CORE * count, plan.time);
        }
    });
    let [ours, rust, reference] = &loops;
    let rate = login.rate_row().beside("the loop, ours", &login.rate.ratio_to(&ours.rate));
    section.rows.push(rate.target(Target::AtLeast(0.97)));
    hash_rows(section, "", &loops);
    for other in &others {
        let ratio = login.rate.ratio_to(&other.rate);
        section.rows.push(login.rate_row().beside(&other.name, &ratio));
    }
    section.rows.extend(others.iter().map(Contender::rate_row));
    let cpu = login.cpu_row().beside("the loop, ours", &login.cpu.ratio_to(&ours.cpu));
    section.rows.push(cpu);
    for (name, it) in [("ours", ours), ("argon2", rust), ("C", reference)] {
        section.rows.push(Row::new(&format!("hash, {name}"), Unit::CpuMicroseconds, &it.cpu));
    }
}

/// On the first core, with everybody else on the others.
fn one_core(section: &mut Section, database: &DatabaseServer, plan: Plan) {
    if cores() == 1 {
        return;
    }
    let mut login = login_on("login on one core", "0", database);
    let mut loops =
        [Kind::Ours, Kind::Crate, Kind::Reference].map(|kind| HashLoop::new(kind, "0", 1));
    plan.each_round("login on one core", || {
        login.measure(CONNECTIONS_PER_CORE, plan.time);
        for it in &mut loops {
            it.measure(plan.time);
        }
    });
    let ratio = login.rate.ratio_to(&loops[0].rate);
    section.rows.push(login.rate_row().beside("the loop, ours, on one core", &ratio));
    hash_rows(section, " on one core", &loops);
}

fn hash_rows(section: &mut Section, place: &str, loops: &[HashLoop; 3]) {
    let [ours, rust, reference] = loops;
    let row = |name: &str, it: &HashLoop| {
        Row::new(&format!("hash, {name}{place}"), Unit::RequestsPerSecond, &it.rate)
    };
    let beside = |name, it: &HashLoop| {
        row(name, it).beside(&format!("C{place}"), &it.rate.ratio_to(&reference.rate))
    };
    section.rows.push(beside("ours", ours).target(Target::AtLeast(1.1)));
    section.rows.extend([beside("argon2", rust), row("C", reference)]);
}

fn login_on(name: &str, cores: &str, database: &DatabaseServer) -> Contender {
    let line = on_cores(cores, &function("login"));
    Contender::new(name, Server::start(&line, login_in_cluster(database)), logins())
}

/// With the same users; for `plain` in a table of its own.
fn python(name: &str, passwords: &str, database: &DatabaseServer) -> Contender {
    let table = if passwords == "plain" { "flask" } else { "auth" };
    if passwords == "plain" {
        database.sql(&format!(
            "CREATE DATABASE flask; CREATE TABLE flask.user (
               id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(255) NOT NULL UNIQUE,
               password VARCHAR(255) NOT NULL);
             INSERT INTO flask.user (email, password) SELECT email, '{}' FROM auth.user",
            system_tests::traffic::users::PASSWORD
        ));
    }
    let port = database.port().to_string();
    let account = variables([
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_PORT", &port),
        ("MYSQL_USER", "root"),
        ("MYSQL_PASSWORD", ""),
        ("MYSQL_DB", table),
    ]);
    flask(name, passwords, account, logins())
}
