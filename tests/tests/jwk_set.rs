//! Keys of every kind, in every form, between us and another implementation.

use system_tests::{
    Environment, SECRET, Service, Sqlite, environment, forge::pem, run_python, wait, with,
};

const PAIRS: [(&str, &str); 3] = [("RS256", "rsa-2048"), ("ES256", "p256"), ("EdDSA", "ed25519")];

/// `login` with `signs`, `validate` with `verifies`, and PyJWT with `key` between them.
fn check(database: &Environment, algorithm: &str, key: &str, signs: &str, verifies: &str) {
    let port = wait::free_port().to_string();
    let issuer = format!("http://127.0.0.1:{port}");
    let tokens = [("JWT_ISSUER", issuer.as_str()), ("JWT_AUDIENCE", "https://api.example.com")];
    let login = with(with(database.clone(), &tokens), &[("JWT_SECRET", signs)]);
    let login = Service::start("login", login);
    let validate = [("JWT_SECRET", verifies), ("PORT", port.as_str())];
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
async fn pem_private_jwks_of_pyjwt_and_a_text_sign_and_verify_here_and_there() {
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
