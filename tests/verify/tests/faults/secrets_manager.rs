//! A Secrets Manager that answers late, with failures, or with nonsense.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use system_tests::{
    clock::Clock,
    fake_http,
    moto::{self, Moto},
    wait,
};

use super::*;

/// What becomes of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Slow(Duration),
    /// There is this one instead, a status and a body of JSON.
    Instead(u16, &'static str),
    /// The head and a part of the body come, and then the connection ends.
    Truncated,
}

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

/// A set whose first key signs, and stays the same.
fn key_set(more: usize) -> String {
    let key = |name: &str, secret: &str| json!({ "kty": "oct", "kid": name, "k": URL_SAFE_NO_PAD.encode(secret) });
    let more = more.to_string();
    json!({ "keys": [key("signs", SECRET), key(&more, &more.repeat(40))] }).to_string()
}

/// What leads to a Secrets Manager through a proxy with the fault that is set.
fn variables(manager: u16, fault: &Arc<Mutex<Fault>>) -> Environment {
    let fault = Arc::clone(fault);
    let port = fake_http::start(move |head, body| {
        let fault = *fault.lock().expect("no test panics with it");
        if let Fault::Instead(status, body) = fault {
            return fake_http::json(status, body);
        }
        let mut answer = moto::pass_on(manager, head, body);
        match fault {
            Fault::Slow(time) => thread::sleep(time),
            Fault::Truncated => answer.truncate(answer.len() - 20),
            _ => {}
        }
        answer
    });
    let mut variables = Moto::variables_for(port);
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    variables
}

fn set(current: &Mutex<Fault>, fault: Fault) {
    *current.lock().expect("no test panics with it") = fault;
}

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make verify"]
fn in_operation_no_client_notices_and_a_new_secret_comes_in_the_end() {
    let (moto, mut clock) = (Moto::start(), Clock::new());
    let (_server, mut all) = server();
    let _ = moto.create_secret("jwt", &key_set(0));
    let current = Arc::new(Mutex::new(Fault::None));
    all.extend(variables(moto.port(), &current));
    all.extend(clock.variables());
    let functions = Functions::start(|name| Service::start(name, all.clone()));
    let renewals = || {
        [&functions.login, &functions.validate]
            .map(|function| function.log().matches("a secret was renewed").count())
    };
    for (number, (name, fault)) in (1..).zip(FAULTS) {
        let observation = Observation::begin(name, &functions);
        moto.put_secret("jwt", &key_set(number));
        let before = renewals();
        set(&current, fault);
        clock.advance(REFRESH);
        observation.suffer();
        // Now the keys count as hours old, and are waited for if that makes sense.
        clock.advance(4 * 3600);
        observation.suffer();
        set(&current, Fault::None);
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
    let (moto, (_server, mut database)) = (Moto::start(), server());
    let _ = moto.create_secret("jwt", &key_set(0));
    let [user, password] =
        ["MYSQL_USER", "MYSQL_PASSWORD"].map(|name| database.remove(name).expect("it is there"));
    let account = json!({ "username": user, "password": password });
    let _ = moto.create_secret("db", &account.to_string());
    database.insert("DATABASE_SECRET_ID".into(), "db".into());
    thread::scope(|scope| {
        for (name, fault) in FAULTS {
            let (manager, database) = (moto.port(), &database);
            scope.spawn(move || start_amid(name, fault, manager, database));
        }
    });
}

fn start_amid(name: &str, fault: Fault, manager: u16, database: &Environment) {
    let current = Arc::new(Mutex::new(fault));
    let mut all = variables(manager, &current);
    all.extend(database.clone());
    // Slow is not too slow where an attempt may take longer.
    let serves = fault == Fault::Slow(Duration::from_secs(1));
    let functions = Functions::start(|function| {
        let start = if serves { Service::start } else { Service::start_unready };
        let since = Instant::now();
        let started = start(function, all.clone());
        // Both secrets of `login` are asked for at once; one takes 5 s.
        assert!(since.elapsed() < Duration::from_secs(9), "{name}: {:?}", since.elapsed());
        started
    });
    let Functions { login, validate } = functions;
    let token = token("ada@example.com", false);
    let requests = || {
        [
            validate.request("GET", "/validate").bearer(&token),
            validate.request("GET", "/.well-known/jwks.json"),
            login.request("POST", "/login").basic(&users::email("right", 0), users::PASSWORD),
        ]
    };
    if !serves {
        let ready = validate.request("GET", "/readyz").send();
        assert_eq!(ready.text(), r#"{"status":"starting","keys":"unreachable"}"#, "{name}");
        assert_eq!(validate.request("GET", "/healthz").send().status, 200, "{name}");
        for request in requests() {
            let sent = Instant::now();
            let answer = request.send();
            assert!(sent.elapsed() < Duration::from_secs(4), "{name}: {:?}", sent.elapsed());
            assert_eq!((answer.status, answer.text()), (503, "service unavailable"), "{name}");
            assert_eq!(answer.header("retry-after"), Some("2"), "{name}");
        }
    }
    set(&current, Fault::None);
    let healed = Instant::now();
    wait::until(name, Duration::from_secs(10), || {
        requests().into_iter().all(|request| request.send().status == 200).then_some(())
    });
    println!("FAULT {name}, at the start | well after {:.1} s", healed.elapsed().as_secs_f64());
}
