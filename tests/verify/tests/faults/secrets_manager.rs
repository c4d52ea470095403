//! A Secrets Manager that answers late, with failures, or with nonsense.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::json;
use system_tests::{
    clock::Clock,
    contract::{SECRET, token},
    fake_http,
    forge::encode,
    moto::{self, Moto},
};

use super::*;

/// Makes an answer, perhaps of the right one.
type Fault = fn(&dyn Fn() -> Vec<u8>) -> Vec<u8>;

const NONE: Fault = |right| right();
const FAULTS: [(&str, Fault); 6] = [
    ("answers after 1 s", |right| slow(1, right)),
    ("answers after 10 s", |right| slow(10, right)),
    ("answers 500", |_| fake_http::json(500, r#"{"__type":"InternalServiceError"}"#)),
    ("throttles", |_| fake_http::json(400, r#"{"__type":"ThrottlingException"}"#)),
    ("cuts its answers short", |right| {
        let mut answer = right();
        answer.truncate(answer.len() - 20);
        answer
    }),
    ("answers garbage", |_| fake_http::json(200, r#"{"ARN":"arn:aws:sm:eu","SecretString":["#)),
];

fn slow(seconds: u64, right: &dyn Fn() -> Vec<u8>) -> Vec<u8> {
    thread::sleep(Duration::from_secs(seconds));
    right()
}

/// `SECRET_REFRESH_SECONDS` where nothing else is configured, and a second.
const REFRESH: u64 = 301;
/// How long a source is left alone that has failed, and a second.
const PAUSE: u64 = 11;

/// moto behind a proxy with a fault. The first key of the secret `jwt` signs, and stays the same.
struct Manager {
    moto: Moto,
    fault: Arc<Mutex<Fault>>,
    variables: Environment,
}

impl Manager {
    fn start() -> Self {
        let (moto, current) = (Moto::start(), Arc::new(Mutex::new(NONE)));
        let _ = moto.create_secret("jwt", &key_set(0));
        let (port, fault) = (moto.port(), Arc::clone(&current));
        let proxy = fake_http::start(move |head, body| {
            let fault = *fault.lock().expect("no test panics with it");
            fault(&|| moto::pass_on(port, head, body))
        });
        let mut variables = Moto::variables_for(proxy);
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
fn in_operation_no_client_notices_and_a_new_secret_comes_in_the_end() {
    let (manager, mut clock, (_server, mut all)) = (Manager::start(), Clock::new(), server());
    all.extend(manager.variables.clone());
    all.extend(clock.variables());
    let functions = start(&all);
    let renewals =
        || functions.each_ref().map(|it| it.log().matches("a secret was renewed").count());
    for (number, (name, fault)) in (1..).zip(FAULTS) {
        let observation = Observation::begin(&format!("Secrets Manager {name}"), &functions);
        manager.moto.put_secret("jwt", &key_set(number));
        let before = renewals();
        manager.set(fault);
        clock.advance(REFRESH);
        observation.suffer();
        // Now the keys count as hours old, and are waited for if that makes sense.
        clock.advance(4 * 3600);
        observation.suffer();
        manager.set(NONE);
        clock.advance(PAUSE);
        wait::until("both functions have the new secret", Duration::from_secs(15), || {
            renewals().iter().zip(before).all(|(now, before)| *now > before).then_some(())
        });
        observation.recover(Seen::Nothing);
    }
}

/// All at once, since each start may take seconds.
#[test]
#[ignore = "needs MariaDB and moto: make verify"]
fn at_the_start_answers_are_503_until_it_is_well() {
    let (_server, variables) = server();
    thread::scope(|scope| {
        for (name, fault) in FAULTS {
            let variables = variables.clone();
            scope.spawn(move || start_amid(name, fault, variables));
        }
    });
}

fn start_amid(name: &str, fault: Fault, mut variables: Environment) {
    let manager = Manager::start();
    manager.set(fault);
    variables.extend(manager.variables.clone());
    // Slow is not too slow where an attempt may take longer.
    let serves = name == FAULTS[0].0;
    let [login, validate] = ["login", "validate"].map(|function| {
        let start = if serves { Service::start } else { Service::start_unready };
        let since = Instant::now();
        let started = start(function, variables.clone());
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
    let healed = Instant::now();
    wait::until(name, Duration::from_secs(10), || {
        requests().into_iter().all(|request| request.send().status == 200).then_some(())
    });
    let took = healed.elapsed().as_secs_f64();
    println!("FAULT Secrets Manager {name}, at the start | well after {took:.1} s");
}
