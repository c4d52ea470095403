//! `auth-admin key` on Secrets Manager, and the secret of the public halves in step with the keys.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::thread;

use serde_json::{Value, json};
use system_tests::{Environment, Moto, Output, fake_http, moto, service, wait};

const LABELS: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];

/// A secret of keys, and perhaps another of their public halves.
struct Keys {
    variables: Environment,
    name: String,
    options: String,
}

impl Keys {
    fn alone(moto: &Moto, name: &str) -> Self {
        let options = format!("--secret-id {name}");
        Self { variables: moto.variables(), name: name.into(), options }
    }

    fn both(moto: &Moto, name: &str) -> Self {
        let options = format!("--secret-id {name} --public-secret-id {name}-public");
        Self { options, ..Self::alone(moto, name) }
    }

    /// Runs `auth-admin key …`. It may print nothing of a symmetric key of these tests.
    fn key(&self, line: &str) -> Output {
        let line = format!("key {line} {}", self.options);
        let words: Vec<_> = line.split(' ').collect();
        let output = service::run("auth-admin", &words, &self.variables, "");
        assert!(!format!("{output:?}").contains("canary"), "{output:?}");
        output
    }

    #[track_caller]
    fn good(&self, line: &str) {
        let output = self.key(line);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }

    #[track_caller]
    fn refused(&self, line: &str, reason: &str) {
        let output = self.key(line);
        assert_eq!((output.status.code(), output.stdout.as_str()), (Some(1), ""), "{output:?}");
        let is_a_line = output.stderr.starts_with("error: ") && output.stderr.lines().count() == 1;
        assert!(is_a_line && output.stderr.contains(reason), "{output:?}");
    }

    /// All of these at the same time, each of which may be told to try again.
    fn at_once(&self, lines: &[&str; 3]) -> [Output; 3] {
        thread::scope(|scope| {
            let running = lines.map(|line| scope.spawn(move || self.key(line)));
            running.map(|it| it.join().unwrap())
        })
    }

    /// The names of the private keys in the one secret, and of the public ones in the other.
    fn listed(&self) -> [Vec<String>; 2] {
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
fn nothing_is_changed_where_the_public_keys_are_not_in_step() {
    let moto = Moto::start();
    let keys = Keys::both(&moto, "jwt");
    for name in ["jwt", "jwt-public"] {
        let _ = moto.call("CreateSecret", &json!({ "Name": name }));
    }
    keys.good("new --alg ES256 --kid one");
    keys.refused("new --alg ES256", "already");
    Keys::alone(&moto, "jwt").good("rotate --kid two");
    keys.refused("rotate --kid three", "auth-admin key publish");
    keys.refused("promote one", "not the public halves");
    keys.good("publish");
    keys.refused("rotate --alg HS256 --kid shared", "has no public half");
    assert_eq!(keys.listed(), [["two", "one"]; 2]);
}

#[test]
#[ignore = "needs moto: make test"]
fn another_change_between_the_two_secrets_is_said() {
    let moto = Moto::start();
    let mut keys = Keys::both(&moto, "jwt");
    let manager = moto.port;
    keys.variables = Moto::variables_for(fake_http::start(move |head, body| {
        let is_public = body.contains("jwt-public");
        let written = if is_public { body.replace("mine", "hers") } else { body.to_owned() };
        moto::forward(manager, head, &written)
    }));
    keys.refused("new --alg ES256 --kid mine", "jwt-public: holds other keys by now; the keys");
}

#[test]
#[ignore = "needs moto: make test"]
fn an_empty_secret_is_filled_and_what_secrets_manager_refuses_is_said_in_one_line() {
    const TEXT: &str = "a canary in a mine of 32 bytes, at least";
    let moto = Moto::start();
    for id in ["Name", "ARN"] {
        let created = moto.call("CreateSecret", &json!({ "Name": id }));
        Keys::alone(&moto, created[id].as_str().unwrap()).good("new --alg HS256");
        assert!(moto.text(id, LABELS[0]).is_some());
    }

    let _ = moto.create_secret("one", TEXT);
    let _ = moto.call("CreateSecret", &json!({ "Name": "binary", "SecretBinary": "AAEC" }));
    for (line, secret, reason) in [
        ("list", "gone", "secret gone: is not there; make it with: auth-admin key new"),
        ("list", "binary", "secret binary: the secret holds no text"),
        ("new --alg ES256", "one", "one: has a value already; add a key to it with: auth-admin"),
    ] {
        Keys::alone(&moto, secret).refused(line, reason);
    }
    assert_eq!(moto.text("one", LABELS[0]).as_deref(), Some(TEXT));

    let mut keys = Keys::alone(&moto, "one");
    keys.variables.retain(|name, _| !name.ends_with("REGION"));
    keys.refused("list", "AWS_REGION");
    keys.variables = Moto::variables_for(wait::free_port());
    keys.refused("list", "cannot be asked");
}

#[test]
#[ignore = "needs moto: make test"]
fn of_changes_at_once_one_is_made_and_nothing_signs_that_does_not_verify() {
    let moto = Moto::start();
    for name in ["0", "1", "2"] {
        let keys = Keys::both(&moto, name);
        keys.good("new --alg EdDSA --kid old");
        keys.good("rotate --stage --kid next");
        let outputs = keys.at_once(&["rotate --kid new", "promote next", "retire next"]);
        let [private, public] = keys.listed();
        assert!(public.contains(&private[0]), "{private:?} {public:?} {outputs:?}");
        if outputs[2].status.success() {
            let texts = LABELS.map(|label| moto.text(name, label).unwrap_or_default());
            assert!(!texts.concat().contains("\"next\""), "it would go on verifying");
        }
        keys.good("publish");
        let [private, public] = keys.listed();
        assert_eq!(private, public);
    }

    // Each staged key is there if that was reported, and else the report says so.
    let keys = Keys::alone(&moto, "0");
    let lines = ["rotate --stage --kid a", "rotate --stage --kid b", "rotate --stage --kid c"];
    let outputs = keys.at_once(&lines);
    let there = &keys.listed()[0];
    assert!(outputs.iter().any(|output| output.status.success()), "{outputs:?}");
    for (line, output) in lines.iter().zip(&outputs) {
        let is_there = there.iter().any(|kid| line.ends_with(kid));
        let told = output.stderr.contains("was changed meanwhile, so try again");
        assert_eq!((output.status.success(), told), (is_there, !is_there), "{output:?}: {there:?}");
    }
}

/// `validate` reads the public keys alone. An operator who retires a key must learn that it
/// still verifies.
#[test]
#[ignore = "needs moto: make test"]
fn a_label_that_stays_is_said_and_that_of_the_public_keys_is_taken_away_all_the_same() {
    let moto = Moto::start();
    let mut keys = Keys::both(&moto, "jwt");
    keys.good("new --alg ES256 --kid one");
    keys.good("rotate --stage --kid two");
    let manager = moto.port;
    keys.variables = Moto::variables_for(fake_http::start(move |head, body| {
        let takes_away = body.contains("AWSPREVIOUS") && head.contains("UpdateSecretVersionStage");
        if takes_away && body.contains("\"jwt\"") {
            let denied = json!({ "__type": "AccessDeniedException", "Message": "not you" });
            return fake_http::json(400, &denied.to_string());
        }
        moto::forward(manager, head, body)
    }));
    let reason = "goes on verifying, since AWSPREVIOUS was not taken away: Secrets Manager answered \
                  HTTP 400 AccessDeniedException: not you; do it with: aws secretsmanager";
    keys.refused("retire two", reason);
    let stays = ["jwt", "jwt-public"].map(|id| moto.text(id, LABELS[1]).is_some());
    assert_eq!(stays, [true, false]);
}
