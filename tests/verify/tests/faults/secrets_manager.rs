//! A Secrets Manager that answers late, with failures, or with nonsense.

use std::{
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use system_tests::{
    clock::Clock,
    contract::token,
    faulty_http::{Fault, FaultyHttp},
    moto::Moto,
    wait,
};

use super::*;

const FAULTS: [(&str, Fault); 6] = [
    ("Secrets Manager answers after 1 s", Fault::Slow(Duration::from_secs(1))),
    ("Secrets Manager answers after 10 s", Fault::Slow(Duration::from_secs(10))),
    (
        "Secrets Manager answers 500",
        Fault::Instead(500, r#"{"__type":"InternalServiceError","message":"later"}"#),
    ),
    (
        "Secrets Manager throttles",
        Fault::Instead(400, r#"{"__type":"ThrottlingException","message":"slower"}"#),
    ),
    ("Secrets Manager cuts its answers short", Fault::Truncated),
    (
        "Secrets Manager answers garbage",
        Fault::Instead(200, r#"{"ARN":"arn:aws:secretsmanager:eu","SecretString":["#),
    ),
];
/// `SECRET_REFRESH_SECONDS` where nothing else is configured, and a second.
const REFRESH: u64 = 301;
/// How long a source is left alone that has failed, and a second.
const PAUSE: u64 = 11;
/// Nobody waits for a secret longer than 2 s.
const SLOWEST: Duration = Duration::from_secs(4);

/// A set whose first key signs, and stays the same.
fn key_set(more: Option<usize>) -> String {
    let key = |name: &str, secret: &str| json!({ "kty": "oct", "kid": name, "k": URL_SAFE_NO_PAD.encode(secret) });
    let more = more.map(|number| number.to_string());
    let more = more.iter().map(|name| key(name, &name.repeat(40)));
    let keys: Vec<_> = std::iter::once(key("signs", SECRET)).chain(more).collect();
    json!({ "keys": keys }).to_string()
}

fn variables(proxy: &FaultyHttp) -> Environment {
    let mut variables = Moto::variables_for(proxy.port());
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    variables
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make verify"]
fn in_operation_nobody_notices_and_a_new_secret_comes_in_the_end() {
    let _alone = alone();
    let (moto, server, mut clock) = (Moto::start(), server(), Clock::new());
    let proxy = FaultyHttp::start(moto.port(), Fault::None);
    let _ = moto.create_secret("jwt", &key_set(None));
    let mut all = variables(&proxy);
    all.extend(server.login_variables());
    all.extend(clock.variables());
    let functions = Functions::start(&all);
    for (number, (name, fault)) in FAULTS.into_iter().enumerate() {
        let observation = functions.observe(name).slowest_login(SLOWEST);
        moto.put_secret("jwt", &key_set(Some(number)));
        let before = renewals(&functions);
        proxy.set(fault);
        clock.advance(REFRESH);
        observation.suffer();
        // Now the keys count as hours old, and are waited for if that makes sense.
        clock.advance(4 * 3600);
        observation.suffer();
        proxy.set(Fault::None);
        clock.advance(PAUSE);
        let since = Instant::now();
        wait::until("both functions have the new secret", Duration::from_secs(15), || {
            let now = renewals(&functions);
            (now[0] > before[0] && now[1] > before[1]).then_some(())
        });
        println!("{name}: renewed {:.1} s after", since.elapsed().as_secs_f64());
        observation.recover(Seen::Nothing);
    }
}

fn renewals(functions: &Functions) -> [usize; 2] {
    let count = |service: &Service| service.log().matches("a secret was renewed").count();
    [count(&functions.login), count(&functions.validate)]
}

/// All at once, since each start may take seconds.
#[test]
#[ignore = "needs MariaDB and moto: make verify"]
fn at_the_start_answers_are_503_until_it_is_well() {
    let _alone = alone();
    let (moto, server) = (Moto::start(), server());
    let _ = moto.create_secret("jwt", &key_set(None));
    thread::scope(|scope| {
        for (name, fault) in FAULTS {
            let (port, database) = (moto.port(), server.login_variables());
            scope.spawn(move || {
                let proxy = FaultyHttp::start(port, fault);
                let mut all = variables(&proxy);
                all.extend(users::variables(users::quick()));
                all.extend(database);
                start_amid(name, fault, &proxy, &all);
            });
        }
    });
}

fn start_amid(name: &str, fault: Fault, proxy: &FaultyHttp, variables: &Environment) {
    // Slow is not too slow where an attempt may take longer.
    let serves = fault == Fault::Slow(Duration::from_secs(1));
    let start = if serves { Service::start } else { Service::start_unready };
    let since = Instant::now();
    let (validate, login) = thread::scope(|scope| {
        let login = scope.spawn(|| start("login", variables.clone()));
        (start("validate", variables.clone()), login.join().expect("it starts"))
    });
    let started = since.elapsed();
    let requests = || {
        let token = token("ada@example.com", false);
        [
            validate.request("GET", "/validate").bearer(&token),
            login.request("POST", "/login").basic(&users::email("right", 0), users::PASSWORD),
        ]
    };
    let mut slowest = Duration::ZERO;
    for request in requests().into_iter().filter(|_| !serves) {
        let sent = Instant::now();
        let answer = request.send();
        slowest = slowest.max(sent.elapsed());
        assert_eq!((answer.status, answer.text()), (503, "service unavailable"), "{name}");
    }
    assert!(slowest < SLOWEST, "{name}: {slowest:?}");
    proxy.set(Fault::None);
    let healed = Instant::now();
    for service in [&login, &validate] {
        wait::until("readiness", Duration::from_secs(10), || {
            (service.request("GET", "/readyz").send().status == 200).then_some(())
        });
    }
    let ready = healed.elapsed();
    for request in requests() {
        assert_eq!(request.send().status, 200, "{name}");
    }
    println!(
        "FAULT {name}, at the start | listening after {:.1} s, slowest 503 {:.1} s, \
         ready {:.1} s after the end",
        started.as_secs_f64(),
        slowest.as_secs_f64(),
        ready.as_secs_f64(),
    );
}
