//! Changes of keys at the same time, in a file and in Secrets Manager: what is said is true.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::thread;

use serde_json::{Value, json};
use system_tests::{Environment, moto::Moto, process::Output, scratch, service::run};

/// A file or a secret.
struct Place {
    variables: Environment,
    option: [String; 2],
}

impl Place {
    fn key(&self, arguments: &[&str]) -> Output {
        let option = self.option.each_ref().map(String::as_str);
        run("auth-admin", &[&["key"], arguments, &option].concat(), &self.variables, "")
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.key(arguments);
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    /// All of these at the same time.
    fn at_once<const N: usize>(&self, commands: &[&[&str]; N]) -> [Output; N] {
        thread::scope(|scope| {
            let running = commands.map(|arguments| scope.spawn(move || self.key(arguments)));
            running.map(|it| it.join().unwrap())
        })
    }

    /// The keys that are there.
    fn names(&self) -> Vec<String> {
        let listed: Value = serde_json::from_str(&self.good(&["list", "--json"])).unwrap();
        let names = listed.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }
}

fn six_are_staged_at_once(place: &Place) -> usize {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    place.good(&["new", "--alg", "HS256", "--kid", "first"]);
    let stage = NAMES.map(|name| ["rotate", "--stage", "--kid", name]);
    let outputs = place.at_once(&stage.each_ref().map(|arguments| &arguments[..]));
    let there = place.names();
    for (name, output) in NAMES.iter().zip(&outputs) {
        let success = output.status.success();
        assert_eq!(there.contains(&(*name).to_owned()), success, "{output:?}: {there:?}");
        let told = success || output.stderr.contains("was changed meanwhile, so try again");
        assert!(told, "{output:?}");
    }
    assert_eq!(there.iter().filter(|name| *name == "first").count(), 1);
    outputs.iter().filter(|output| output.status.success()).count()
}

/// Whether the key was reported as retired.
fn one_is_retired_beside_another_change(place: &Place) -> bool {
    place.good(&["new", "--alg", "HS256", "--kid", "old"]);
    place.good(&["rotate", "--kid", "new"]);
    let [retired, _] =
        place.at_once(&[&["retire", "old"], &["rotate", "--stage", "--kid", "other"]]);
    let there = place.names();
    let success = retired.status.success();
    assert_eq!(there.contains(&"old".to_owned()), !success, "{retired:?}: {there:?}");
    success
}

fn file(folder: &tempfile::TempDir, name: &str) -> Place {
    let path = folder.path().join(name).display().to_string();
    Place { variables: Environment::new(), option: ["--file".into(), path] }
}

fn secret(moto: &Moto, name: &str) -> Place {
    Place { variables: moto.variables(), option: ["--secret-id".into(), name.into()] }
}

#[test]
fn changes_of_a_file_wait_for_each_other() {
    let folder = scratch::directory();
    assert_eq!(six_are_staged_at_once(&file(&folder, "six")), 6);
    for round in 0..10 {
        assert!(one_is_retired_beside_another_change(&file(&folder, &round.to_string())));
    }
}

#[test]
#[ignore = "needs moto: make test"]
fn of_changes_of_a_secret_one_is_made_and_the_others_say_that_they_were_not() {
    let moto = Moto::start();
    assert!(six_are_staged_at_once(&secret(&moto, "six")) >= 1);
    let mut retired = 0;
    for round in 0..10 {
        let name = format!("retired-{round}");
        if one_is_retired_beside_another_change(&secret(&moto, &name)) {
            let body = json!({ "SecretId": name, "VersionStage": "AWSPREVIOUS" });
            let (_, previous) = moto.ask("GetSecretValue", &body);
            let text = previous["SecretString"].as_str().unwrap_or_default();
            assert!(!text.contains("\"old\""), "it would go on verifying");
            retired += 1;
        }
    }
    assert!(retired > 0, "it was the other change each time");
}
