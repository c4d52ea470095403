//! `auth-admin key` on Secrets Manager.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{Subject, issue, verify},
};
use system_tests::{
    Environment, binaries,
    moto::Moto,
    process::{Output, command, output},
    scratch,
    service::Service,
    wait,
};

const LIMIT: Duration = Duration::from_secs(30);
const TEXT: &str = "a canary in a mine of 32 bytes, at least";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Runs `auth-admin key …`. It may print nothing of a symmetric key of these tests.
fn run(variables: &Environment, arguments: &[&str]) -> Output {
    let mut auth_admin = command(binaries::path("auth-admin"), variables);
    auth_admin.arg("key").args(arguments);
    let output = output(auth_admin, b"", LIMIT);
    assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"), "{output:?}");
    output
}

/// The output of a command that went well.
#[track_caller]
fn good(moto: &Moto, arguments: &[&str]) -> String {
    let output = run(&moto.variables(), arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    output.stdout
}

/// The complaint of a command that was refused.
#[track_caller]
fn refused(variables: &Environment, arguments: &[&str]) -> String {
    let output = run(variables, arguments);
    assert_eq!((output.status.code(), output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    output.stderr
}

/// The text at this stage; `None` if there is none.
fn text(moto: &Moto, id: &str, stage: &str) -> Option<String> {
    let body = json!({ "SecretId": id, "VersionStage": stage });
    let (status, answer) = moto.ask("GetSecretValue", &body);
    (status == 200).then(|| answer["SecretString"].as_str().expect("a text").to_owned())
}

fn keys(text: &str) -> Keys {
    Keys::read(&text.into()).expect("keys")
}

fn token(text: &str) -> String {
    let subject = Subject { id: "7", username: "ada@example.com", admin: false };
    let issued = issue(&keys(text), &TokenConfig::default(), subject, SystemTime::now());
    issued.expect("a token").token
}

fn is_valid(text: &str, token: &str) -> bool {
    verify(&keys(text), &TokenConfig::default(), token, SystemTime::now()).is_ok()
}

#[test]
#[ignore = "needs moto: make test"]
fn a_secret_goes_through_a_whole_rotation() {
    let moto = Moto::start();
    // With the line break that the service does not count as part of it.
    let _ = moto.create_secret("auth/jwt", &format!("{TEXT}\n"));
    let secret = ["--secret-id", "auth/jwt"];
    let key = |arguments: &[&str]| good(&moto, &[arguments, &secret].concat());
    let stage = |stage| text(&moto, "auth/jwt", stage);
    let old = token(TEXT);

    let said = key(&["rotate", "--alg", "ES256", "--kid", "two", "--stage"]);
    assert!(said.starts_with("staged two (ES256); signing goes on with the key"), "{said}");
    let staged = stage(CURRENT).unwrap();
    assert!(is_valid(&staged, &old) && is_valid(TEXT, &token(&staged)));

    assert!(key(&["promote", "two"]).starts_with("two (ES256) signs now"));
    let promoted = stage(CURRENT).unwrap();
    let new = token(&promoted);
    assert!(is_valid(&promoted, &old) && !is_valid(TEXT, &new));
    assert_eq!(stage(PREVIOUS), Some(staged));

    let said = key(&["retire", "--without-kid"]);
    assert_eq!(said, "retired the key without a kid (HS256); two (ES256) signs\n");
    let retired = stage(CURRENT).unwrap();
    assert!(!is_valid(&retired, &old) && is_valid(&retired, &new));
    assert_eq!(stage(PREVIOUS), None, "it would go on verifying");

    let listed: Value = serde_json::from_str(&key(&["list", "--json"])).unwrap();
    let two = json!({ "kid": "two", "alg": "ES256", "signs": true, "kind": "private" });
    assert_eq!(listed, json!([two]));
}

#[test]
#[ignore = "needs moto: make test"]
fn a_new_key_makes_the_secret_or_fills_an_empty_one_and_replaces_none() {
    let moto = Moto::start();
    let kid = good(&moto, &["new", "--alg", "EdDSA", "--secret-id", "made"]);
    let made = text(&moto, "made", CURRENT).unwrap();
    assert_eq!(keys(&made).signing().unwrap().id(), Some(kid.trim_end()));

    for by_arn in [false, true] {
        let name = format!("empty-{by_arn}");
        let (status, created) = moto.ask("CreateSecret", &json!({ "Name": name }));
        assert_eq!(status, 200);
        let id = if by_arn { created["ARN"].as_str().unwrap() } else { &name };
        good(&moto, &["new", "--alg", "HS256", "--secret-id", id]);
        assert!(keys(&text(&moto, id, CURRENT).unwrap()).signing().is_some());
    }

    let refusal = refused(&moto.variables(), &["new", "--alg", "EdDSA", "--secret-id", "made"]);
    assert!(refusal.contains("secret made: has a value already"), "{refusal}");
    assert!(refusal.contains("key rotate"), "{refusal}");
    assert_eq!(text(&moto, "made", CURRENT), Some(made));
}

#[test]
#[ignore = "needs moto: make test"]
fn the_public_set_is_the_one_that_validate_serves() {
    let moto = Moto::start();
    good(&moto, &["new", "--alg", "EdDSA", "--secret-id", "jwt"]);
    good(&moto, &["rotate", "--alg", "ES256", "--secret-id", "jwt"]);
    // What was there before verifies as well.
    let other = good(&moto, &["new", "--alg", "RS256", "--secret-id", "other"]);
    // In two steps: moto's own PutSecretValue forgets which version AWSCURRENT was moved to.
    let version = moto.put_pending("jwt", &text(&moto, "other", CURRENT).unwrap());
    moto.make_current("jwt", &version);

    let mut variables = moto.variables();
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    let validate = Service::start("validate", variables);
    let served = validate.request("GET", "/.well-known/jwks.json").send();
    let printed = good(&moto, &["public", "--secret-id", "jwt"]);
    assert_eq!(printed.strip_suffix('\n'), Some(served.text()));
    assert!(printed.contains(other.trim_end()) && printed.contains("ES256"), "{printed}");
}

#[test]
#[ignore = "needs moto: make test"]
fn what_secrets_manager_refuses_is_said_in_one_line() {
    let moto = Moto::start();
    let _ = moto.create_secret("short", "canary");
    let _ = moto.create_secret("one", TEXT);
    good(&moto, &["new", "--alg", "HS256", "--kid", "two", "--secret-id", "two"]);
    moto.create_binary_secret("binary");
    for (arguments, secret, reason) in [
        (&["list"][..], "gone", "answered HTTP 404 ResourceNotFoundException: "),
        (&["rotate"], "gone", "; make it with: auth-admin key new"),
        (&["public"], "gone", "ResourceNotFoundException"),
        (&["list"], "binary", "holds no text"),
        (&["new", "--alg", "ES256"], "binary", "holds no text"),
        (&["rotate"], "short", "shorter than 32 bytes"),
        (&["rotate", "--kid", "two", "--alg", "HS256", "--stage"], "two", "has the same `kid`"),
    ] {
        let refusal = refused(&moto.variables(), &[arguments, &["--secret-id", secret]].concat());
        let place = format!("error: secret {secret}: ");
        assert!(refusal.starts_with(&place) && refusal.contains(reason), "{refusal}");
    }
    let refusal = refused(&moto.variables(), &["retire", "--without-kid", "--secret-id", "one"]);
    assert!(refusal.contains("is the only key"), "{refusal}");
    assert_eq!(text(&moto, "one", CURRENT).as_deref(), Some(TEXT));

    let mut variables = moto.variables();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        variables.insert(name.into(), String::new());
    }
    assert!(refused(&variables, &["list", "--secret-id", "one"]).contains("AWS_REGION"));
    let nobody = Moto::variables_for(wait::free_port());
    assert!(refused(&nobody, &["list", "--secret-id", "one"]).contains("cannot be asked"));
}

/// An operator who retires a key must learn that it still verifies. The last answers refuse.
#[test]
fn a_label_that_cannot_be_taken_away_is_said_with_what_to_do() {
    let set = json!({ "keys": [
        { "kty": "oct", "kid": "one", "k": "a".repeat(64) },
        { "kty": "oct", "kid": "two", "k": "b".repeat(64) },
    ] });
    let held = json!({ "SecretString": set.to_string(), "VersionId": "v1" });
    let denied = json!({ "__type": "AccessDeniedException", "Message": "not you" });
    let done = (200, json!({ "VersionId": "v2" }));
    let answers =
        [(200, held.clone()), done.clone(), done.clone(), done, (400, denied), (200, held)];
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let variables = Moto::variables_for(listener.local_addr().unwrap().port());
    let server = thread::spawn(move || answers.map(|answer| serve(&listener, &answer)));

    let refusal = refused(&variables, &["retire", "two", "--secret-id", "jwt"]);
    assert_eq!(
        refusal,
        "error: secret jwt: the keys were changed, but what was there before goes on verifying, \
         since AWSPREVIOUS was not taken away: Secrets Manager answered HTTP 400 \
         AccessDeniedException: not you; do it with: aws secretsmanager \
         update-secret-version-stage --secret-id jwt --version-stage AWSPREVIOUS \
         --remove-from-version-id v1\n"
    );
    let [_, put, current, unlabel, update, _] = server.join().unwrap();
    assert!(current.contains("AWSCURRENT") && current.contains("MoveToVersionId"), "{current}");
    assert!(unlabel.contains("auth-admin-") && !unlabel.contains("MoveToVersionId"), "{unlabel}");
    assert!(put.contains("aaaa") && !put.contains("bbbb"), "{put}");
    assert!(update.contains("AWSPREVIOUS") && !update.contains("MoveToVersionId"), "{update}");
}

/// `validate` reads the public keys alone. The one label that stays is that of the keys.
#[test]
fn the_label_of_the_public_keys_is_taken_away_whatever_becomes_of_the_other_one() {
    let folder = scratch::directory();
    let file = folder.path().join("keys").display().to_string();
    let key = |arguments: &[&str]| {
        run(&Environment::new(), &[arguments, &["--file", &file]].concat()).stdout
    };
    key(&["new", "--alg", "ES256", "--kid", "one"]);
    key(&["rotate", "--stage", "--kid", "two"]);
    let (public, private) = (key(&["public"]), fs::read_to_string(&file).unwrap());
    let held = |text: &str| (200, json!({ "SecretString": text, "VersionId": "v1" }));
    let denied = (400, json!({ "__type": "AccessDeniedException", "Message": "not you" }));
    let mut answers = vec![held(&public), held(&public), held(&private)];
    // Both are written, and the label of the public keys is taken away.
    answers.extend(vec![(200, json!({ "VersionId": "v2" })); 7]);
    answers.extend([denied, held(&private), held(&public)]);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let variables = Moto::variables_for(listener.local_addr().unwrap().port());
    let server = thread::spawn(move || -> Vec<String> {
        answers.iter().map(|answer| serve(&listener, answer)).collect()
    });
    let places = ["--secret-id", "jwt", "--public-secret-id", "public"];
    let said = run(&variables, &[&["retire", "two"][..], &places].concat());
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    assert!(said.stderr.contains("secret jwt: the keys were changed, but what"), "{said:?}");
    let asked = server.join().unwrap();
    assert!(asked[9].contains("AWSPREVIOUS") && asked[9].contains("\"public\""), "{asked:?}");
}

/// Answers one request, on a connection of its own, and gives what was asked.
fn serve(listener: &TcpListener, (status, body): &(u16, Value)) -> String {
    let (mut connection, _) = listener.accept().unwrap();
    let mut asked = String::new();
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut length = 0;
    while !asked.ends_with("\r\n\r\n") {
        let start = asked.len();
        reader.read_line(&mut asked).unwrap();
        if let Some(("content-length", value)) = asked[start..].trim().split_once(": ") {
            length = value.parse().unwrap();
        }
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).unwrap();
    let body = body.to_string();
    write!(
        connection,
        "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.1\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    String::from_utf8(content).unwrap()
}
