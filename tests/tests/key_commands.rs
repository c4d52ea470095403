//! `auth-admin key` on Secrets Manager, and the place of the public halves in step with the keys.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    thread,
};

use serde_json::{Value, json};
use system_tests::{
    Environment, fake_http,
    moto::{self, Moto},
    process::Output,
    scratch,
    service::{self, Service},
    wait,
};

const LABELS: [&str; 2] = ["AWSCURRENT", "AWSPREVIOUS"];

/// Runs `auth-admin key …`. It may print nothing of a symmetric key of these tests.
fn run(variables: &Environment, arguments: &[&str]) -> Output {
    let output = service::run("auth-admin", &[&["key"], arguments].concat(), variables, "");
    assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"), "{output:?}");
    output
}

/// The complaint of a command that was refused.
#[track_caller]
fn refused(variables: &Environment, arguments: &[&str]) -> String {
    let output = run(variables, arguments);
    assert_eq!((output.status.code(), output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    output.stderr
}

/// A place of keys, and beside it that of their public halves.
struct Places {
    variables: Environment,
    options: [String; 4],
}

impl Places {
    fn files(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let options = ["--file".into(), path("keys"), "--public-file".into(), path("public")];
        Self { variables: Environment::new(), options }
    }

    fn secrets(moto: &Moto, name: &str) -> Self {
        let [option, public] = ["--secret-id", "--public-secret-id"].map(str::to_owned);
        let options = [option, name.to_owned(), public, format!("{name}-public")];
        Self { variables: moto.variables(), options }
    }

    /// A command for both places, or for the keys alone.
    fn key(&self, arguments: &[&str], both: bool) -> Output {
        let options = self.options.each_ref().map(String::as_str);
        let options = if both { &options[..] } else { &options[..2] };
        run(&self.variables, &[arguments, options].concat())
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) {
        let output = self.key(arguments, true);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], reason: &str) {
        let output = self.key(arguments, true);
        assert!(!output.status.success() && output.stderr.contains(reason), "{output:?}");
    }

    /// All of these at the same time, each of which may be told to try again.
    fn at_once<const N: usize>(&self, both: bool, commands: [Vec<&str>; N]) -> [Output; N] {
        let outputs = thread::scope(|scope| {
            let running = commands.map(|it| scope.spawn(move || self.key(&it, both)));
            running.map(|it| it.join().unwrap())
        });
        assert!(outputs.iter().any(|output| output.status.success()), "{outputs:?}");
        outputs
    }

    /// The name and the kind of each key of the private place and of the public one.
    fn listed(&self) -> [Vec<String>; 2] {
        [1, 3].map(|at| {
            let place = [&*self.options[0], &self.options[at]];
            let output = run(&self.variables, &[&["list", "--json"][..], &place].concat());
            let keys: Vec<Value> = serde_json::from_str(&output.stdout).unwrap_or_default();
            let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
            keys.iter().map(|key| text(key, "kid") + " " + &text(key, "kind")).collect()
        })
    }

    /// That both places have keys of these names, and the public one no private half.
    #[track_caller]
    fn hold(&self, names: &[&str]) {
        let of = |kind| names.iter().map(|name| format!("{name} {kind}")).collect::<Vec<_>>();
        assert_eq!(self.listed(), ["private", "public"].map(of));
    }
}

fn each_change_reaches_both(places: &Places) {
    places.good(&["new", "--alg", "ES256", "--kid", "one"]);
    places.hold(&["one"]);
    places.refused(&["new", "--alg", "ES256"], "already");
    places.good(&["rotate", "--stage", "--kid", "two"]);
    places.hold(&["one", "two"]);
    places.good(&["promote", "two"]);
    places.hold(&["two", "one"]);
    places.good(&["retire", "one"]);
    places.hold(&["two"]);

    // A change that was made without the option.
    assert!(places.key(&["rotate", "--kid", "three"], false).status.success());
    places.refused(&["rotate", "--kid", "four"], "auth-admin key publish");
    places.refused(&["promote", "two"], "not the public halves");
    places.good(&["publish"]);
    places.hold(&["three", "two"]);
    places.refused(&["rotate", "--alg", "HS256", "--kid", "shared"], "has no public half");
    places.hold(&["three", "two"]);
}

#[test]
fn each_change_of_a_file_reaches_the_public_one() {
    let folder = scratch::directory();
    let mut places = Places::files(folder.path());
    each_change_reaches_both(&places);
    let modes = [1, 3].map(|at| fs::metadata(&places.options[at]).unwrap().permissions().mode());
    assert_eq!(modes.map(|mode| mode & 0o777), [0o600, 0o644]);

    // The place of the keys themselves, by another name.
    let private = fs::read_to_string(&places.options[1]).unwrap();
    places.options[3] = folder.path().join("link").display().to_string();
    symlink(&places.options[1], &places.options[3]).unwrap();
    for arguments in [&["rotate"][..], &["publish"]] {
        places.refused(arguments, "holds more than public keys");
    }
    assert_eq!(fs::read_to_string(&places.options[1]).unwrap(), private);
}

#[test]
#[ignore = "needs moto: make test"]
fn each_change_of_a_secret_reaches_the_public_one_and_no_version_keeps_a_retired_key() {
    let moto = Moto::start();
    let places = Places::secrets(&moto, "jwt");
    each_change_reaches_both(&places);
    let have_two = || {
        let texts = ["jwt", "jwt-public"]
            .map(|id| LABELS.map(|label| moto.text(id, label).unwrap_or_default()).concat());
        texts.map(|text| text.contains("\"two\""))
    };
    assert_eq!(have_two(), [true, true]);
    places.good(&["retire", "two"]);
    assert_eq!(have_two(), [false, false]);

    // What is printed is what is served, also of the keys that were there before.
    let other = Places::secrets(&moto, "other");
    other.good(&["new", "--alg", "EdDSA", "--kid", "other"]);
    moto.put_secret("jwt", &moto.text("other", LABELS[0]).unwrap());
    let mut variables = moto.variables();
    variables.insert("JWT_SECRET_ID".into(), "jwt".into());
    let validate = Service::start("validate", variables);
    let served = validate.request("GET", "/.well-known/jwks.json").send();
    let printed = places.key(&["public"], false).stdout;
    assert_eq!(printed.strip_suffix('\n'), Some(served.text()));
    assert!(["other", "three"].iter().all(|kid| printed.contains(kid)), "{printed}");
}

#[test]
#[ignore = "needs moto: make test"]
fn an_empty_secret_is_filled_and_what_secrets_manager_refuses_is_said_in_one_line() {
    const TEXT: &str = "a canary in a mine of 32 bytes, at least";
    let moto = Moto::start();
    for id in ["Name", "ARN"] {
        let created = moto.call("CreateSecret", &json!({ "Name": id }));
        let place = ["--secret-id", created[id].as_str().unwrap()];
        let new = run(&moto.variables(), &[&["new", "--alg", "HS256"][..], &place].concat());
        assert!(new.status.success() && moto.text(id, LABELS[0]).is_some(), "{new:?}");
    }

    let _ = moto.create_secret("short", "canary");
    let _ = moto.create_secret("one", TEXT);
    let _ = moto.call("CreateSecret", &json!({ "Name": "binary", "SecretBinary": "AAEC" }));
    for (arguments, secret, reason) in [
        (&["list"][..], "gone", "answered HTTP 404 ResourceNotFoundException: "),
        (&["rotate"], "gone", "; make it with: auth-admin key new"),
        (&["public"], "gone", "ResourceNotFoundException"),
        (&["list"], "binary", "holds no text"),
        (&["new", "--alg", "ES256"], "binary", "holds no text"),
        (&["new", "--alg", "ES256"], "one", "has a value already; add a key to it with: auth"),
        (&["rotate"], "short", "shorter than 32 bytes"),
        (&["retire", "--without-kid"], "one", "is the only key"),
    ] {
        let refusal = refused(&moto.variables(), &[arguments, &["--secret-id", secret]].concat());
        let said = refusal.starts_with("error: ") && refusal.contains(reason);
        assert!(said && (refusal.contains(secret) || reason == "is the only key"), "{refusal}");
    }
    assert_eq!(moto.text("one", LABELS[0]).as_deref(), Some(TEXT));

    let mut nowhere = moto.variables();
    nowhere.retain(|name, _| !name.ends_with("REGION"));
    assert!(refused(&nowhere, &["list", "--secret-id", "one"]).contains("AWS_REGION"));
    let away = Moto::variables_for(wait::free_port());
    assert!(refused(&away, &["list", "--secret-id", "one"]).contains("cannot be asked"));
}

/// Each staged key is there if that was reported, and else the report says so; how many are.
fn staged_at_once(places: &Places) -> usize {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    assert!(places.key(&["new", "--alg", "HS256", "--kid", "first"], false).status.success());
    let outputs = places.at_once(false, NAMES.map(|name| vec!["rotate", "--stage", "--kid", name]));
    let there = &places.listed()[0];
    for (name, output) in NAMES.iter().zip(&outputs) {
        let success = output.status.success();
        let listed = there.contains(&format!("{name} symmetric"));
        assert_eq!(listed, success, "{output:?}: {there:?}");
        let told = success || output.stderr.contains("was changed meanwhile, so try again");
        assert!(told, "{output:?}");
    }
    assert_eq!(there.iter().filter(|name| *name == "first symmetric").count(), 1);
    there.len() - 1
}

#[test]
fn changes_of_a_file_wait_for_each_other() {
    assert_eq!(staged_at_once(&Places::files(scratch::directory().path())), 6);
}

#[test]
#[ignore = "needs moto: make test"]
fn of_changes_of_a_secret_at_once_one_is_made_and_nothing_signs_that_does_not_verify() {
    let moto = Moto::start();
    assert!(staged_at_once(&Places::secrets(&moto, "staged")) >= 1);
    for round in 0..6 {
        let name = round.to_string();
        let places = Places::secrets(&moto, &name);
        places.good(&["new", "--alg", "EdDSA", "--kid", "old"]);
        places.good(&["rotate", "--stage", "--kid", "next"]);
        let changes =
            [vec!["rotate", "--kid", "new"], vec!["promote", "next"], vec!["retire", "next"]];
        let outputs = places.at_once(true, changes);
        let [private, public] = places.listed();
        let signs = private[0].replace("private", "public");
        assert!(public.contains(&signs), "{private:?} {public:?} {outputs:?}");
        if outputs[2].status.success() {
            let texts = LABELS.map(|label| moto.text(&name, label).unwrap_or_default());
            assert!(!texts.concat().contains("\"next\""), "it would go on verifying");
        }
        places.good(&["publish"]);
        let [private, public] = places.listed();
        let public: Vec<_> = public.iter().map(|key| key.replace("public", "private")).collect();
        assert_eq!(private, public);
    }
}

/// `validate` reads the public keys alone. An operator who retires a key must learn that it
/// still verifies.
#[test]
#[ignore = "needs moto: make test"]
fn a_label_that_stays_is_said_and_that_of_the_public_keys_is_taken_away_all_the_same() {
    let moto = Moto::start();
    let mut places = Places::secrets(&moto, "jwt");
    places.good(&["new", "--alg", "ES256", "--kid", "one"]);
    places.good(&["rotate", "--stage", "--kid", "two"]);
    let manager = moto.port();
    let port = fake_http::start(move |head, body| {
        let takes_away = body.contains("AWSPREVIOUS") && head.contains("UpdateSecretVersionStage");
        if takes_away && body.contains("\"jwt\"") {
            let denied = json!({ "__type": "AccessDeniedException", "Message": "not you" });
            return fake_http::json(400, &denied.to_string());
        }
        moto::pass_on(manager, head, body)
    });
    places.variables = Moto::variables_for(port);
    let said = places.key(&["retire", "two"], true);
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let (said, _) = said.stderr.rsplit_once(' ').unwrap_or_default();
    assert_eq!(
        said,
        "error: secret jwt: the keys were changed, but what was there before goes on verifying, \
         since AWSPREVIOUS was not taken away: Secrets Manager answered HTTP 400 \
         AccessDeniedException: not you; do it with: aws secretsmanager \
         update-secret-version-stage --secret-id jwt --version-stage AWSPREVIOUS \
         --remove-from-version-id"
    );
    let stays = ["jwt", "jwt-public"].map(|id| moto.text(id, LABELS[1]).is_some());
    assert_eq!(stays, [true, false]);
}
