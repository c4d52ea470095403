//! Files and memory.

use std::{fs, thread, time::Duration};

use shared::config::Argon2Config;
use system_tests::{
    Environment,
    process::{command, output},
    scratch,
};

use super::services::{database_with_users, login_in_cluster, logins, plain_validate};
use crate::{
    contender::Contender,
    machine::cores,
    plan::Plan,
    proc_usage,
    report::{Row, Section, Target, Unit},
    series::{Series, float},
    server::{Server, alone, baseline, function},
};

pub(crate) fn measure(plan: Plan) -> Section {
    let mut section = Section::new("size");
    plan.say("files");
    for (name, bound) in [("validate", 4.0), ("login", 8.0)] {
        files(&mut section, name, bound);
    }
    let bare = megabytes(&baseline("bare-lambda"));
    section.rows.push(Row::new("bare lambda_http, stripped", Unit::Megabytes, &bare));
    memory(&mut section, plan);
    section.note(
        "Zips are of `bootstrap` alone, as Lambda takes them, deflated. A process that has \
         listened for a second, without a request, is idle; `at most` is VmHWM.",
    );
    section
}

fn files(section: &mut Section, name: &str, bound: f64) {
    let binary = megabytes(&function(name));
    let row = Row::new(&format!("{name}, stripped"), Unit::Megabytes, &binary);
    section.rows.push(row.target(Target::AtMost(bound)));
    let folder = scratch::directory();
    let bootstrap = folder.path().join("bootstrap");
    fs::copy(function(name), &bootstrap).expect("scratch can be written");
    let zip = folder.path().join("function.zip");
    let mut zipper = command("python3", &Environment::new());
    zipper.args(["-m", "zipfile", "-c"]).args([&zip, &bootstrap]);
    let done = output(zipper, b"", Duration::from_mins(1));
    assert!(done.status.success(), "{}", done.stderr);
    let row = Row::new(&format!("{name}, zipped"), Unit::Megabytes, &megabytes(&zip));
    section.rows.push(row.target(Target::AtMost(bound / 2.0)));
}

fn megabytes(path: &std::path::Path) -> Series {
    let bytes = fs::metadata(path).expect("a file").len();
    [float(bytes) / 1e6].into_iter().collect()
}

/// Each round is a process of its own.
fn memory(section: &mut Section, plan: Plan) {
    let database = database_with_users();
    let mut of: [Series; 4] = Default::default();
    plan.each_round("memory", || {
        let key = Environment::from([("JWT_SECRET".into(), system_tests::contract::SECRET.into())]);
        of[0].push(idle("validate", key));
        of[1].push(idle("login", login_in_cluster(&database)));
        let validate = plain_validate("validate", "HS256", "info");
        of[2].push(most(validate, 64, plan));
        let login = Server::start(&alone(&function("login")), login_in_cluster(&database));
        of[3].push(most(Contender::new("login", login, logins()), 4 * cores(), plan));
    });
    let slots = f64::from(Argon2Config::default().memory_kib) / 1024.0 * float(cores() as u64);
    let row = |what, series| Row::new(what, Unit::Mebibytes, series);
    let rows = [
        row("validate, idle", &of[0]).target(Target::AtMost(8.0)),
        row("login, idle", &of[1]).target(Target::AtMost(12.0)),
        row("validate at full load, at most", &of[2]),
        row("login at full load, at most", &of[3]).target(Target::AtMost(slots + 16.0)),
    ];
    section.rows.extend(rows);
}

fn idle(name: &str, variables: Environment) -> f64 {
    let server = Server::start(&alone(&function(name)), variables);
    thread::sleep(Duration::from_secs(1));
    proc_usage::resident_mib(server.id())
}

fn most(mut contender: Contender, connections: usize, plan: Plan) -> f64 {
    contender.measure(connections, plan.time);
    proc_usage::peak_mib(contender.server.id())
}
