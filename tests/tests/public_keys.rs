//! `auth-admin key` keeps the public keys in step with the private ones, in a place of their own.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{fs, os::unix::fs::PermissionsExt, thread};

use serde_json::{Value, json};
use system_tests::{Environment, moto::Moto, process::Output, scratch, service::run};

/// A place of keys, and beside it that of their public halves.
struct Places {
    variables: Environment,
    options: [String; 4],
}

impl Places {
    fn files(folder: &tempfile::TempDir) -> Self {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let options = ["--file".into(), path("keys"), "--public-file".into(), path("public")];
        Self { variables: Environment::new(), options }
    }

    fn secrets(moto: &Moto, name: &str) -> Self {
        let [option, public] = ["--secret-id", "--public-secret-id"].map(str::to_owned);
        let options = [option, name.to_owned(), public, format!("{name}-public")];
        Self { variables: moto.variables(), options }
    }

    fn run(&self, arguments: &[&str], options: &[String]) -> Output {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        run("auth-admin", &[&["key"], arguments, &options].concat(), &self.variables, "")
    }

    fn key(&self, arguments: &[&str]) -> Output {
        self.run(arguments, &self.options)
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) {
        let output = self.key(arguments);
        assert!(output.status.success(), "{output:?}");
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str], reason: &str) {
        let output = self.key(arguments);
        assert!(!output.status.success() && output.stderr.contains(reason), "{output:?}");
    }

    /// The kid and the kind of each key, of the private place and of the public one.
    fn listed(&self) -> [Vec<(String, String)>; 2] {
        [&self.options[..2], &self.options[2..]].map(|options| {
            let option = options[0].replace("public-", "");
            let output = self.run(&["list", "--json"], &[option, options[1].clone()]);
            let keys: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
            let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
            keys.iter().map(|key| (text(key, "kid"), text(key, "kind"))).collect()
        })
    }

    /// That both places have keys of these names, and the public one no private half.
    #[track_caller]
    fn hold(&self, names: &[&str]) {
        let of = |kind: &str| -> Vec<_> {
            names.iter().map(|name| ((*name).to_owned(), kind.to_owned())).collect()
        };
        assert_eq!(self.listed(), [of("private"), of("public")]);
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
    let without = places.run(&["rotate", "--kid", "three"], &places.options[..2]);
    assert!(without.status.success());
    places.refused(&["rotate", "--kid", "four"], "auth-admin key publish");
    places.refused(&["promote", "two"], "not the public halves");
    places.good(&["publish"]);
    places.hold(&["three", "two"]);

    let shared = ["rotate", "--alg", "HS256", "--kid", "shared"];
    places.refused(&shared, "has no public half");
    places.hold(&["three", "two"]);
}

#[test]
fn each_change_of_a_file_reaches_the_public_one() {
    let folder = scratch::directory();
    let mut places = Places::files(&folder);
    each_change_reaches_both(&places);
    let modes = [1, 3].map(|at| fs::metadata(&places.options[at]).unwrap().permissions().mode());
    assert_eq!(modes.map(|mode| mode & 0o777), [0o600, 0o644]);

    // The place of the keys themselves, by another name.
    let private = fs::read_to_string(&places.options[1]).unwrap();
    places.options[3] = folder.path().join("link").display().to_string();
    std::os::unix::fs::symlink(&places.options[1], &places.options[3]).unwrap();
    for arguments in [&["rotate"][..], &["publish"]] {
        places.refused(arguments, "holds more than public keys");
    }
    assert_eq!(fs::read_to_string(&places.options[1]).unwrap(), private);
}

#[test]
#[ignore = "needs moto: make test"]
fn each_change_of_a_secret_reaches_the_public_one() {
    let moto = Moto::start();
    each_change_reaches_both(&Places::secrets(&moto, "jwt"));
}

#[test]
#[ignore = "needs moto: make test"]
fn a_retired_key_is_in_no_version_that_verifies() {
    let moto = Moto::start();
    let places = Places::secrets(&moto, "jwt");
    places.good(&["new", "--alg", "ES256", "--kid", "one"]);
    places.good(&["rotate", "--kid", "two"]);
    let versions = |id: &str| {
        let text = |stage: &str| {
            let body = json!({ "SecretId": id, "VersionStage": stage });
            let (_, answer) = moto.ask("GetSecretValue", &body);
            answer["SecretString"].as_str().unwrap_or_default().to_owned()
        };
        text("AWSCURRENT") + &text("AWSPREVIOUS")
    };
    let both = ["jwt", "jwt-public"];
    assert!(both.map(versions).iter().all(|texts| texts.contains("\"one\"")));
    places.good(&["retire", "one"]);
    assert!(!both.map(versions).iter().any(|texts| texts.contains("\"one\"")));
}

/// Nothing signs that does not verify, whichever of them is made.
#[test]
#[ignore = "needs moto: make test"]
fn changes_at_the_same_time_leave_no_key_that_signs_and_is_not_published() {
    let moto = Moto::start();
    for round in 0..6 {
        let places = Places::secrets(&moto, &round.to_string());
        places.good(&["new", "--alg", "EdDSA", "--kid", "old"]);
        places.good(&["rotate", "--stage", "--kid", "next"]);
        let changes: [&[&str]; 3] =
            [&["rotate", "--kid", "new"], &["promote", "next"], &["retire", "next"]];
        let outputs = thread::scope(|scope| {
            let running = changes.map(|it| scope.spawn(|| places.key(it)));
            running.map(|it| it.join().unwrap())
        });
        let [private, public] = places.listed();
        let signs = &private[0].0;
        assert!(public.iter().any(|(kid, _)| kid == signs), "{private:?} {public:?} {outputs:?}");
        let made = outputs.iter().filter(|output| output.status.success()).count();
        assert!(made >= 1, "{outputs:?}");
        places.good(&["publish"]);
        let [private, public] = places.listed().map(|it| it.into_iter().map(|(kid, _)| kid));
        assert_eq!(private.collect::<Vec<_>>(), public.collect::<Vec<_>>());
    }
}
