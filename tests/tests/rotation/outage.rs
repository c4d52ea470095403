//! A source that is away, and tokens that nobody knows.

use system_tests::{clock::Clock, contract::SECRET, http::Request, mariadb, moto::Moto, wait};

use super::*;

#[test]
#[ignore = "needs MariaDB, moto and libfaketime: make test"]
fn without_secrets_manager_everything_goes_on() {
    let _alone = alone();
    let (mut moto, server, mut clock) = (Moto::start(), mariadb::shared(), Clock::new());
    users::add(&server, users::quick());
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let functions = Functions::start(&variables(
        &[&moto.variables(), &server.login_variables(), &clock.variables()],
        &[("JWT_SECRET_ID", "jwt")],
    ));
    let token = functions.log_in();
    let load = functions.load();
    moto.freeze();
    clock.advance(REFRESH);
    thread::sleep(Duration::from_secs(1));
    moto.thaw();
    thread::sleep(Duration::from_secs(1));
    moto.stop();
    clock.advance(REFRESH);
    thread::sleep(Duration::from_secs(1));
    let records = load.all_good("the load");
    assert!(records.slowest() < Duration::from_secs(2), "nothing waits: {}", records.summary());
    for function in [&functions.login, &functions.validate] {
        let warning = "a secret was not renewed; the one in memory serves on";
        wait::until("a warning", SOON, || function.log().contains(warning).then_some(()));
    }
    // Hours later one waits for it, but not for long.
    clock.advance(4 * 3600);
    let since = Instant::now();
    assert_eq!(functions.validate(&token), 200);
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[test]
#[ignore = "needs moto: make test"]
fn a_thousand_tokens_that_nobody_knows_cause_one_fetch() {
    let _alone = alone();
    let moto = Moto::start();
    let _ = moto.create_secret("jwt", &key_set(&["one"]));
    let all = variables(&[&moto.variables()], &[("JWT_SECRET_ID", "jwt")]);
    let validate = Service::start("validate", all);
    let token = |number: usize| {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"HS256","kid":"{number}"}}"#));
        format!("{header}.e30.{}", "A".repeat(43))
    };
    let (before, since) = (moto.requests(), Instant::now());
    let url = validate.url("/validate");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads: Vec<_> = (0..10)
            .map(|thread| {
                let (url, token) = (&url, &token);
                scope.spawn(move || {
                    (0..100)
                        .map(|number| {
                            let token = token(thread * 100 + number);
                            Request::new("GET", url).bearer(&token).send().status
                        })
                        .collect::<Vec<u16>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses, [403; 1000]);
    println!("1,000 tokens in {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(9), "too slow to say anything");
    assert_eq!(moto.requests() - before, 2, "AWSCURRENT and AWSPREVIOUS, once");
}

#[test]
#[ignore = "needs MariaDB and moto: make test"]
fn without_a_secret_from_the_start_answers_are_503_until_it_comes() {
    let _alone = alone();
    let server = mariadb::shared();
    users::add(&server, users::quick());
    let port = wait::free_port();
    let all = variables(
        &[&Moto::variables_for(port), &server.login_variables()],
        &[("JWT_SECRET_ID", "jwt")],
    );
    let login = Service::start_unready("login", all.clone());
    let validate = Service::start_unready("validate", all);
    let token = system_tests::contract::token(USER.0, false);
    let ready = validate.request("GET", "/readyz").send();
    assert_eq!(ready.text(), r#"{"status":"starting","keys":"unreachable"}"#);
    assert_eq!(validate.request("GET", "/healthz").send().status, 200);
    for request in [
        validate.request("GET", "/validate").bearer(&token),
        validate.request("GET", "/.well-known/jwks.json"),
        login.request("POST", "/login").basic(USER.0, USER.1),
    ] {
        let answer = request.send();
        assert_eq!((answer.status, answer.text()), (503, "service unavailable"));
        assert_eq!(answer.header("retry-after"), Some("2"));
    }

    let moto = Moto::start_on(port);
    let _ = moto.create_secret("jwt", SECRET);
    for service in [&login, &validate] {
        wait::until("readiness", SOON, || {
            (service.request("GET", "/readyz").send().status == 200).then_some(())
        });
    }
    assert_eq!(validate.request("GET", "/validate").bearer(&token).send().status, 200);
    assert_eq!(login.request("POST", "/login").basic(USER.0, USER.1).send().status, 200);
}
