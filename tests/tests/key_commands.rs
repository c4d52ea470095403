//! `auth-admin key` with Secrets Manager, and with a second secret for the public keys.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::thread;

use serde_json::{Value, json};
use system_tests::{Environment, Moto, Output, fake_http, moto, service, wait};

const LABELS: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];

/// A secret with private keys, optionally with a second one for their public keys.
struct Keys {
    variables: Environment,
    name: String,
    options: String,
}

impl Keys {
    fn private_only(moto: &Moto, name: &str) -> Self {
        let options = format!("--secret-id {name}");
        Self { variables: moto.variables(), name: name.into(), options }
    }

    fn with_public(moto: &Moto, name: &str) -> Self {
        let options = format!("--secret-id {name} --public-secret-id {name}-public");
        Self { options, ..Self::private_only(moto, name) }
    }

    /// Runs `auth-admin key …`, which must not print the symmetric keys of these tests.
    fn key(&self, line: &str) -> Output {
        let line = format!("key {line} {}", self.options);
        let words: Vec<_> = line.split(' ').collect();
        let output = service::run("auth-admin", &words, &self.variables, "");
        assert!(!format!("{output:?}").contains("canary"), "{output:?}");
        output
    }

    #[track_caller]
    fn succeeds(&self, line: &str) {
        let output = self.key(line);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }

    #[track_caller]
    fn fails(&self, line: &str, reason: &str) {
        let output = self.key(line);
        assert_eq!((output.status.code(), output.stdout.as_str()), (Some(1), ""), "{output:?}");
        let is_a_line = output.stderr.starts_with("error: ") && output.stderr.lines().count() == 1;
        assert!(is_a_line && output.stderr.contains(reason), "{output:?}");
    }

    /// Runs these commands concurrently; some may fail with the request to try again.
    fn concurrently(&self, lines: &[&str; 3]) -> [Output; 3] {
        thread::scope(|scope| {
            let running = lines.map(|line| scope.spawn(move || self.key(line)));
            running.map(|it| it.join().unwrap())
        })
    }

    /// The `kid`s of the private keys, and of the public keys in the second secret.
    fn kids(&self) -> [Vec<String>; 2] {
        [("", "private"), ("-public", "public")].map(|(suffix, kind)| {
            let options = format!("--secret-id {}{suffix}", self.name);
            let secret = Self { options, name: String::new(), variables: self.variables.clone() };
            let output = secret.key("list --json");
            let keys: Vec<Value> = serde_json::from_str(&output.stdout).unwrap_or_default();
            assert!(keys.iter().all(|key| key["kind"] == kind), "{output:?}");
            keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
        })
    }
}

#[test]
#[ignore = "needs moto: make test"]
fn nothing_is_changed_if_the_public_keys_do_not_match_the_private_keys() {
    let moto = Moto::start();
    let keys = Keys::with_public(&moto, "jwt");
    for name in ["jwt", "jwt-public"] {
        let _ = moto.call("CreateSecret", &json!({ "Name": name }));
    }
    keys.succeeds("new --alg ES256 --kid one");
    keys.fails("new --alg ES256", "already");
    Keys::private_only(&moto, "jwt").succeeds("rotate --kid two");
    keys.fails("rotate --kid three", "auth-admin key publish");
    keys.fails("promote one", "not the public halves");
    keys.succeeds("publish");
    keys.fails("rotate --alg HS256 --kid shared", "has no public half");
    assert_eq!(keys.kids(), [["two", "one"]; 2]);
}

#[test]
#[ignore = "needs moto: make test"]
fn a_concurrent_change_of_the_public_keys_is_reported() {
    let moto = Moto::start();
    let mut keys = Keys::with_public(&moto, "jwt");
    let manager = moto.port;
    keys.variables = Moto::variables_for(fake_http::start(move |head, body| {
        let is_public = body.contains("jwt-public");
        let written = if is_public { body.replace("mine", "hers") } else { body.to_owned() };
        moto::forward(manager, head, &written)
    }));
    keys.fails("new --alg ES256 --kid mine", "jwt-public: holds other keys by now; the keys");
}

#[test]
#[ignore = "needs moto: make test"]
fn an_empty_secret_is_filled_and_an_error_of_secrets_manager_is_reported_in_one_line() {
    const TEXT: &str = "a canary in a mine of 32 bytes, at least";
    let moto = Moto::start();
    for id in ["Name", "ARN"] {
        let created = moto.call("CreateSecret", &json!({ "Name": id }));
        Keys::private_only(&moto, created[id].as_str().unwrap()).succeeds("new --alg HS256");
        assert!(moto.text(id, LABELS[0]).is_some());
    }

    let _ = moto.create_secret("one", TEXT);
    let _ = moto.call("CreateSecret", &json!({ "Name": "binary", "SecretBinary": "AAEC" }));
    for (line, secret, reason) in [
        ("list", "gone", "secret gone: is not there; make it with: auth-admin key new"),
        ("list", "binary", "secret binary: the secret holds no text"),
        ("new --alg ES256", "one", "one: has a value already; add a key to it with: auth-admin"),
    ] {
        Keys::private_only(&moto, secret).fails(line, reason);
    }
    assert_eq!(moto.text("one", LABELS[0]).as_deref(), Some(TEXT));

    let mut keys = Keys::private_only(&moto, "one");
    keys.variables.retain(|name, _| !name.ends_with("REGION"));
    keys.fails("list", "AWS_REGION");
    keys.variables = Moto::variables_for(wait::free_port());
    keys.fails("list", "cannot be asked");
}

#[test]
#[ignore = "needs moto: make test"]
fn concurrent_changes_leave_no_signing_key_without_its_public_key() {
    let moto = Moto::start();
    for name in ["0", "1", "2"] {
        let keys = Keys::with_public(&moto, name);
        keys.succeeds("new --alg EdDSA --kid old");
        keys.succeeds("rotate --stage --kid next");
        let outputs = keys.concurrently(&["rotate --kid new", "promote next", "retire next"]);
        let [private, public] = keys.kids();
        assert!(public.contains(&private[0]), "{private:?} {public:?} {outputs:?}");
        if outputs[2].status.success() {
            let texts = LABELS.map(|label| moto.text(name, label).unwrap_or_default());
            assert!(!texts.concat().contains("\"next\""), "a retired key still verifies");
        }
        keys.succeeds("publish");
        let [private, public] = keys.kids();
        assert_eq!(private, public);
    }

    // A key is staged if and only if the command succeeded.
    let keys = Keys::private_only(&moto, "0");
    let lines = ["rotate --stage --kid a", "rotate --stage --kid b", "rotate --stage --kid c"];
    let outputs = keys.concurrently(&lines);
    let staged = &keys.kids()[0];
    assert!(outputs.iter().any(|output| output.status.success()), "{outputs:?}");
    for (line, output) in lines.iter().zip(&outputs) {
        let is_staged = staged.iter().any(|kid| line.ends_with(kid));
        let retry = output.stderr.contains("was changed meanwhile, so try again");
        assert_eq!((output.status.success(), retry), (is_staged, !is_staged), "{output:?}");
    }
}

/// An operator who retires a key must learn that it still verifies.
#[test]
#[ignore = "needs moto: make test"]
fn a_label_that_cannot_be_removed_is_reported_and_that_of_the_public_keys_is_still_removed() {
    let moto = Moto::start();
    let mut keys = Keys::with_public(&moto, "jwt");
    keys.succeeds("new --alg ES256 --kid one");
    keys.succeeds("rotate --stage --kid two");
    let manager = moto.port;
    keys.variables = Moto::variables_for(fake_http::start(move |head, body| {
        let removes_label =
            body.contains("AWSPREVIOUS") && head.contains("UpdateSecretVersionStage");
        if removes_label && body.contains("\"jwt\"") {
            let denied = json!({ "__type": "AccessDeniedException", "Message": "not you" });
            return fake_http::json(400, &denied.to_string());
        }
        moto::forward(manager, head, body)
    }));
    let reason = "goes on verifying, since AWSPREVIOUS was not taken away: Secrets Manager answered \
                  HTTP 400 AccessDeniedException: not you; do it with: aws secretsmanager";
    keys.fails("retire two", reason);
    let stays = ["jwt", "jwt-public"].map(|id| moto.text(id, LABELS[1]).is_some());
    assert_eq!(stays, [true, false]);
}
