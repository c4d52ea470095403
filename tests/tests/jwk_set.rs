//! Keys of every kind, in every form, between us and another implementation.

use shared::users::{NewUser, SqliteUsers, UserDirectory};
use system_tests::{
    Environment,
    contract::{SECRET, hash},
    forge::pem,
    python, scratch,
    service::Service,
    wait,
};

const PAIRS: [(&str, &str); 3] = [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519")];

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `login` with `signs`, `validate` with `verifies`, and PyJWT with `key` between them.
async fn check(algorithm: &str, key: &str, signs: &str, verifies: &str) {
    let folder = scratch::directory();
    let path = folder.path().join("users.sqlite");
    let users = SqliteUsers::open(&path).await.expect("scratch can be written");
    let hash = hash("a long enough passphrase").await;
    users
        .add(&[NewUser { email: "ada@example.com".into(), hash, admin: false }])
        .await
        .expect("scratch can be written");

    let port = wait::free_port().to_string();
    let issuer = format!("http://127.0.0.1:{port}");
    let database = format!("sqlite:{}", path.display());
    let tokens = [("JWT_ISSUER", issuer.as_str()), ("JWT_AUDIENCE", "https://api.example.com")];
    let login = [("JWT_SECRET", signs), ("DATABASE_URL", &database)];
    let login = Service::start("login", environment(&[&tokens[..], &login].concat()));
    let validate = [("JWT_SECRET", verifies), ("PORT", port.as_str())];
    let _validate = Service::start("validate", environment(&[&tokens[..], &validate].concat()));

    let script = environment(&[
        ("ISSUER", issuer.as_str()),
        ("LOGIN", &login.url("/login")),
        ("ALGORITHM", algorithm),
        ("KEY", key),
    ]);
    let checked = python::run("jwk_set.py", &script);
    assert!(checked.status.success(), "{algorithm}: {}", checked.stderr);
    assert!(checked.stderr.contains("Ran 3 tests"), "{}", checked.stderr);
}

#[tokio::test]
#[ignore = "needs PyJWT: make test"]
async fn pem_keys_and_pyjwt_understand_each_other() {
    for (algorithm, name) in PAIRS {
        let private = pem(name);
        check(algorithm, &private, &private, &pem(&format!("{name}-public"))).await;
    }
}

#[tokio::test]
#[ignore = "needs PyJWT: make test"]
async fn private_jwks_of_pyjwt_sign_and_verify() {
    for (algorithm, name) in PAIRS {
        let private = pem(name);
        let variables = environment(&[("ALGORITHM", algorithm), ("KEY", &private)]);
        let made = python::run("private_jwk.py", &variables);
        assert!(made.status.success(), "{}", made.stderr);
        check(algorithm, &private, &made.stdout, &made.stdout).await;
    }
}

#[tokio::test]
#[ignore = "needs PyJWT: make test"]
async fn a_text_and_pyjwt_understand_each_other_and_nothing_is_published() {
    check("HS256", SECRET, SECRET, SECRET).await;
}

#[test]
fn unusable_keys_are_one_clear_problem_each() {
    let set = |members: &str| format!(r#"{{"keys":[{members}]}}"#);
    let oct = format!(r#"{{"kty":"oct","kid":"one","k":"{}"}}"#, "a".repeat(64));
    for (function, key, reason) in [
        ("validate", pem("p256").replace("MIG", "AAA"), "a private key that cannot be read"),
        ("validate", pem("rsa-1024"), "fewer than 2048 bits"),
        ("validate", pem("p384"), "another curve"),
        ("validate", set(&format!("{oct},{oct}")), "key 2 of the JWK Set has the same `kid`"),
        ("validate", set(&oct.replace('}', r#","use":"enc"}"#)), "not for signatures"),
        ("validate", set(""), "without keys"),
        ("login", pem("ed25519-public"), "holds no key that can sign"),
    ] {
        let database = ("DATABASE_URL", "mysql://u:p@127.0.0.1/auth");
        let variables = environment(&[("JWT_SECRET", &key), database]);
        let output = system_tests::service::run(function, &[], &variables, "");
        assert_eq!(output.status.code(), Some(78), "{reason}: {}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains("JWT_SECRET: "), "{}", output.stderr);
        assert!(output.stderr.contains(reason), "{reason}: {}", output.stderr);
    }
}
