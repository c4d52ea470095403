//! Cold starts on Lambda.

mod extension;
mod service;
mod stand_in;

use serde_json::json;
use shared::config::Argon2Config;
use system_tests::{
    Environment,
    contract::{ContractRequest, SECRET},
    database::{AUTH_PASSWORD, DatabaseServer},
    gateway_events::Gateway,
    moto::Moto,
    traffic::users,
};

use super::services::{database_with_users, variables};
use crate::{
    hash_loop::Checks,
    lambda::{ColdStart, answer_time},
    plan::Plan,
    report::{Row, Section, Target, Unit},
    series::Series,
    server::{baseline, function},
};
use extension::Extension;
use service::Service;

/// Of each, in one round.
const STARTS: usize = 20;
const KEY: (&str, &str) = ("JWT_SECRET_ID", "jwt");
const DATABASE: (&str, &str) = ("DATABASE_SECRET_ID", "database");

pub(crate) fn measure(plan: Plan) -> Section {
    let (database, moto) = (database_with_users(), Moto::start());
    let secret = database_secret(&database);
    let _ = moto.create_secret(KEY.1, SECRET);
    let _ = moto.create_secret(DATABASE.1, &secret);
    let extension = Extension::start([(KEY.1, SECRET), (DATABASE.1, &secret)]);
    let service = Service::repeating(&moto, &[KEY.1, DATABASE.1]);
    let from_extension = moto.variables().into_iter().chain(extension.variables()).collect();
    let mut all = vec![
        ColdStart::new("bare lambda_http", baseline("bare-lambda"), Environment::new()),
        ColdStart::new(
            "validate, key in a variable",
            function("validate"),
            variables([("JWT_SECRET", SECRET)]),
        )
        .within(1.25),
    ];
    all.extend(with_secrets("moto", &moto.variables()));
    all.extend(with_secrets("Secrets Manager at once, TLS", &service.variables()));
    all.extend(with_secrets("the extension", &from_extension));
    // Once, for files that have not been read.
    all.iter_mut().for_each(ColdStart::warm_up);
    assert!(extension.was_asked());
    let (mut checks, mut hashes, mut fetches) =
        (Checks::new(Argon2Config::default()), Series::default(), Series::default());
    plan.each_round("cold starts", || {
        for _ in 0..STARTS {
            all.iter_mut().for_each(ColdStart::measure);
        }
        hashes.push(answer_time(STARTS, || checks.right_password()).median());
        fetches.push(answer_time(STARTS, || fetch(&moto)).median());
    });
    let mut section = Section::new("start");
    rows(&mut section, &all);
    section.rows.push(Row::new("one hash of ours", Unit::Milliseconds, &hashes));
    let what = "moto's own answer to one GetSecretValue";
    section.rows.push(Row::new(what, Unit::Milliseconds, &fetches));
    first_answers(&mut section, &all, &hashes);
    section.rows.extend(all.iter().map(|start| {
        let what = format!("{}, at its first request for work", start.name);
        Row::new(&what, Unit::Mebibytes, &start.memory.medians_of(STARTS))
    }));
    section.note(format!(
        "From the start of the process to its first request for work; a round is the median of \
         {STARTS} starts. Secrets Manager is moto, a Python program, over plain HTTP; beside it a \
         server of ours that repeats moto's answers at once, over TLS and with all CAs of the \
         system to be read, so that what is measured is the function's own. The secrets extension \
         is a stand-in of ours that answers at once as well."
    ));
    section
}

/// Both functions, with their secrets from where `variables` lead.
fn with_secrets(source: &str, from: &Environment) -> [ColdStart; 2] {
    let with = |ids: &[(&str, &str)]| {
        let ids = ids.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        from.clone().into_iter().chain(ids).collect()
    };
    let validate = format!("validate, key from {source}");
    let login = format!("login, both secrets from {source}");
    [
        ColdStart::new(&validate, function("validate"), with(&[KEY])).within(2.5),
        ColdStart::new(&login, function("login"), with(&[KEY, DATABASE]))
            .within(3.0)
            .answering(login_event(), "\"statusCode\":200"),
    ]
}

fn rows(section: &mut Section, all: &[ColdStart]) {
    let bare = all[0].ready.medians_of(STARTS);
    for start in all {
        let ready = start.ready.medians_of(STARTS);
        let row = Row::new(&start.name, Unit::Milliseconds, &ready);
        section.rows.push(match start.bound {
            Some(bound) => {
                row.beside("bare lambda_http", &ready.ratio_to(&bare)).target(Target::AtMost(bound))
            }
            None => row,
        });
        let p90: Series = [start.ready.quantile(0.9)].into_iter().collect();
        let what = format!("{}, 9 of 10", start.name);
        section.rows.push(Row::new(&what, Unit::Milliseconds, &p90));
    }
}

/// What there is beyond a hash, from the start of the process to the answer.
fn first_answers(section: &mut Section, all: &[ColdStart], hashes: &Series) {
    for start in all.iter().filter(|start| start.answers()) {
        let answered = start.answered.medians_of(STARTS);
        let what = format!("{}, to the first answer", start.name);
        section.rows.push(Row::new(&what, Unit::Milliseconds, &answered));
        let beyond = answered.above(hashes);
        let row = Row::new(&format!("{what}, without a hash"), Unit::Milliseconds, &beyond);
        section.rows.push(row.target(Target::AtMost(15.0)));
    }
}

fn login_event() -> serde_json::Value {
    let request = ContractRequest::new("POST", "/login");
    Gateway::FunctionUrl.event(&request.basic(&users::email("right", 0), users::PASSWORD))
}

/// As RDS writes it.
fn database_secret(database: &DatabaseServer) -> String {
    json!({
        "username": "auth_user", "password": AUTH_PASSWORD, "engine": "mariadb",
        "host": "127.0.0.1", "port": database.port(), "dbname": "auth",
    })
    .to_string()
}

fn fetch(moto: &Moto) {
    let (status, _) = moto.ask("GetSecretValue", &json!({ "SecretId": KEY.1 }));
    assert_eq!(status, 200);
}
