//! A Secrets Manager that answers late, with errors, or with garbage.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::json;
use system_tests::{
    Clock, Moto, SECRET, clock::COOL_DOWN, clock::REFRESH, fake_http, forge::encode, moto, token,
};

use super::*;

/// The delay of an answer in seconds, and the answer, made from a call that gets the right one.
type Fault = (u64, fn(&dyn Fn() -> Vec<u8>) -> Vec<u8>);

const NONE: Fault = (0, |right| right());
const FAULTS: [(&str, Fault); 6] = [
    ("answers after 1 s", (1, NONE.1)),
    ("answers after 10 s", (10, NONE.1)),
    ("answers 500", (0, |_| fake_http::json(500, r#"{"__type":"InternalServiceError"}"#))),
    ("throttles", (0, |_| fake_http::json(400, r#"{"__type":"ThrottlingException"}"#))),
    (
        "cuts its answers short",
        (0, |right| right().split_last_chunk::<20>().expect("it is longer").0.to_vec()),
    ),
    ("answers garbage", (0, |_| fake_http::json(200, r#"{"ARN":"arn:aws:sm","SecretString":["#))),
];

/// moto behind a proxy with a fault, and the variables of functions that use it. The first key in
/// the secret `jwt`, which signs, never changes.
struct Manager {
    moto: Moto,
    fault: Arc<Mutex<Fault>>,
    variables: Environment,
}

impl Manager {
    fn start(mut variables: Environment) -> Self {
        let (moto, current) = (Moto::start(), Arc::new(Mutex::new(NONE)));
        let _ = moto.create_secret("jwt", &key_set(0));
        let (port, fault) = (moto.port, Arc::clone(&current));
        let proxy = fake_http::start(move |head, body| {
            let (seconds, fault) = *fault.lock().expect("no test panics with it");
            thread::sleep(Duration::from_secs(seconds));
            fault(&|| moto::forward(port, head, body))
        });
        variables.extend(Moto::variables_for(proxy));
        variables.insert("JWT_SECRET_ID".into(), "jwt".into());
        Self { moto, fault: current, variables }
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().expect("no test panics with it") = fault;
    }
}

fn key_set(more: usize) -> String {
    let key = |name: &str, secret: &str| json!({ "kty": "oct", "kid": name, "k": encode(secret) });
    let more = more.to_string();
    json!({ "keys": [key("signs", SECRET), key(&more, &more.repeat(40))] }).to_string()
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make verify"]
fn faults_under_load_affect_no_client_and_the_new_secret_is_fetched_after_them() {
    let ((_server, mut variables), mut clock) = (server(), Clock::new());
    variables.extend(clock.variables());
    let manager = Manager::start(variables);
    let functions = start(&manager.variables);
    let renewals =
        || functions.each_ref().map(|it| it.log().matches("a secret was renewed").count());
    for (number, (name, fault)) in (1..).zip(FAULTS) {
        let observation = Observation::start(&format!("Secrets Manager {name}"), &functions);
        manager.moto.put_secret("jwt", &key_set(number));
        let before = renewals();
        manager.set(fault);
        clock.advance(REFRESH);
        observation.wait_for_sample();
        // Now the keys are hours old, and requests may wait for a refresh.
        clock.advance(4 * 3600);
        observation.wait_for_sample();
        manager.set(NONE);
        clock.advance(COOL_DOWN);
        wait::until("both functions have the new secret", Duration::from_secs(15), || {
            renewals().iter().zip(before).all(|(now, before)| *now > before).then_some(())
        });
        observation.recover(Seen::Nothing);
    }
}

/// All faults concurrently, since each start may take seconds.
#[test]
#[ignore = "needs MariaDB and moto: make verify"]
fn with_a_fault_at_the_start_answers_are_503_until_it_ends() {
    let (_server, variables) = server();
    thread::scope(|scope| {
        for (name, fault) in FAULTS {
            let variables = variables.clone();
            scope.spawn(move || start_with_fault(name, fault, variables));
        }
    });
}

fn start_with_fault(name: &str, fault: Fault, variables: Environment) {
    let manager = Manager::start(variables);
    manager.set(fault);
    // A delay of 1 s is within the timeout of an attempt.
    let serves = name == FAULTS[0].0;
    let [login, validate] = ["login", "validate"].map(|function| {
        let start = if serves { Service::start } else { Service::start_unready };
        let since = Instant::now();
        let started = start(function, manager.variables.clone());
        assert!(since.elapsed() < Duration::from_secs(9), "{name}: {:?}", since.elapsed());
        started
    });
    let requests = || {
        [
            validate.request("GET", "/validate").bearer(&token("ada@example.com", false)),
            validate.request("GET", "/.well-known/jwks.json"),
            login.request("POST", "/login").basic(&users::email("right", 0), users::PASSWORD),
        ]
    };
    if !serves {
        for request in requests() {
            let (sent, answer) = (Instant::now(), request.send());
            assert!(sent.elapsed() < Duration::from_secs(4), "{name}: {:?}", sent.elapsed());
            let seen = (answer.status, answer.text(), answer.header("retry-after"));
            assert_eq!(seen, (503, "service unavailable", Some("2")), "{name}");
        }
    }
    manager.set(NONE);
    let ended = Instant::now();
    wait::until(name, Duration::from_secs(10), || {
        requests().into_iter().all(|request| request.send().status == 200).then_some(())
    });
    let took = ended.elapsed().as_secs_f64();
    println!("FAULT Secrets Manager {name}, at the start | recovered after {took:.1} s");
}
