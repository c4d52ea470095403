//! Keys of every algorithm in every format, tested against PyJWT.

use system_tests::{
    Environment, SECRET, Service, Sqlite, environment, forge::pem, run_python, wait, with,
};

const PAIRS: [(&str, &str); 3] = [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519")];

/// Checks tokens of `login` with `signing`, of PyJWT with `key`, and `validate` with `verifying`.
fn check(database: &Environment, algorithm: &str, key: &str, signing: &str, verifying: &str) {
    let port = wait::free_port().to_string();
    let issuer = format!("http://127.0.0.1:{port}");
    let tokens = [("JWT_ISSUER", issuer.as_str()), ("JWT_AUDIENCE", "https://api.example.com")];
    let login = with(with(database.clone(), &tokens), &[("JWT_SECRET", signing)]);
    let login = Service::start("login", login);
    let validate = [("JWT_SECRET", verifying), ("PORT", port.as_str())];
    let _validate = Service::start("validate", with(environment(&tokens), &validate));
    let script = environment(&[
        ("ISSUER", issuer.as_str()),
        ("LOGIN", &login.url("/login")),
        ("ALGORITHM", algorithm),
        ("KEY", key),
    ]);
    let checked = run_python("jwk_set.py", &script);
    assert!(checked.status.success(), "{algorithm}: {}", checked.stderr);
    assert!(checked.stderr.contains("Ran 3 tests"), "{}", checked.stderr);
}

#[tokio::test]
#[ignore = "needs PyJWT: make test"]
async fn keys_in_every_format_sign_and_verify_together_with_pyjwt() {
    let store = Sqlite::with(&[("ada@example.com", "a long enough passphrase")]).await;
    let database = store.variables();
    for (algorithm, name) in PAIRS {
        let private = pem(name);
        check(&database, algorithm, &private, &private, &pem(&format!("{name}-public")));
        let variables = environment(&[("ALGORITHM", algorithm), ("KEY", &private)]);
        let made = run_python("private_jwk.py", &variables);
        assert!(made.status.success(), "{}", made.stderr);
        check(&database, algorithm, &private, &made.stdout, &made.stdout);
    }
    check(&database, "HS256", SECRET, SECRET, SECRET);
}
