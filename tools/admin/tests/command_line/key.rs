//! `key`, on files.

#[path = "../../../../shared/src/keys/tests/pem_of.rs"]
mod pem_of;

use std::{
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    time::SystemTime,
};

use serde_json::{Value, json};
use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{Subject, issue, verify},
};

use self::pem_of::pem_of;
use crate::support::{Place, Run};

const TEXT: &str = "a canary in a mine of 32 bytes, at least";
const PEM_KID: &str = "WoLN1VTOljL8ypxr0b5PV8fwBQGWz_fvMkGfVCVwJ_M";
const FILE: &str = "keys";

/// `auth-admin key …` on the file of this place. It may print nothing of a private key.
fn key(place: &Place, arguments: &[&str]) -> Run {
    let file = place.path(FILE);
    let run = place.run([&["key"], arguments, &["--file", file.to_str().unwrap()]].concat());
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let set: Value = serde_json::from_str(&text).unwrap_or_default();
    for key in set["keys"].as_array().into_iter().flatten() {
        for secret in ["d", "k"].iter().filter_map(|name| key[name].as_str()) {
            assert!(!run.out.contains(secret) && !run.err.contains(secret), "{run:?}");
        }
    }
    run
}

fn keys(place: &Place) -> Keys {
    let text = std::fs::read_to_string(place.path(FILE)).unwrap();
    Keys::read(&text.trim_end_matches('\n').into()).unwrap()
}

fn token(keys: &Keys) -> String {
    let subject = Subject { id: "7", username: "ada@example.com", admin: false };
    issue(keys, &TokenConfig::default(), subject, SystemTime::now()).unwrap().token
}

fn is_valid(place: &Place, token: &str) -> bool {
    verify(&keys(place), &TokenConfig::default(), token, SystemTime::now()).is_ok()
}

/// The lines of `key list` without its head, each blank a single one.
fn list(place: &Place) -> Vec<String> {
    let listed = key(place, &["list"]).good();
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    listed.lines().skip(1).map(line).collect()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_key_of_each_kind_signs_tokens_that_it_verifies() {
    for (alg, kind) in
        [("RS256", "private"), ("ES256", "private"), ("EdDSA", "private"), ("HS256", "symmetric")]
    {
        let place = Place::new();
        let kid = key(&place, &["new", "--alg", alg]).good();
        let kid = kid.trim_end();
        assert_eq!(kid.len(), if alg == "HS256" { 1 } else { 43 });
        assert_eq!(list(&place), [format!("{kid} {alg} signs {kind}")]);
        assert!(is_valid(&place, &token(&keys(&place))));
        assert_eq!(mode(&place.path(FILE)), 0o600);
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let place = Place::new();
    let file = place.write(FILE, TEXT);
    let refusal = key(&place, &["new", "--alg", "ES256"]).refused(1);
    assert!(refusal.contains("exists already") && refusal.contains("key rotate"), "{refusal}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TEXT);

    std::fs::remove_file(&file).unwrap();
    symlink(place.path("elsewhere"), &file).unwrap();
    key(&place, &["new", "--alg", "ES256"]).refused(1);
    assert!(!place.path("elsewhere").exists());
}

#[test]
fn a_whole_rotation_leaves_no_token_behind() {
    let place = Place::new();
    place.write(FILE, &format!("{TEXT}\n"));
    let old = token(&keys(&place));
    assert_eq!(list(&place), ["- HS256 signs symmetric"]);

    let said = key(&place, &["rotate", "--alg", "ES256", "--kid", "two", "--stage"]).good();
    assert_eq!(
        said,
        "staged two (ES256); signing goes on with the key without a kid (HS256)\n\
         next: wait until every instance has it, then: auth-admin key promote two\n"
    );
    assert_eq!(list(&place), ["- HS256 signs symmetric", "two ES256 verifies private"]);
    assert!(is_valid(&place, &old));
    assert!(is_valid(&place, &token(&keys(&place))));

    let json: Value = serde_json::from_str(&key(&place, &["list", "--json"]).good()).unwrap();
    let first = json!({ "kid": null, "alg": "HS256", "signs": true, "kind": "symmetric" });
    let second = json!({ "kid": "two", "alg": "ES256", "signs": false, "kind": "private" });
    assert_eq!(json, json!([first, second]));

    let said = key(&place, &["promote", "two"]).good();
    assert_eq!(
        said,
        "two (ES256) signs now; the key without a kid (HS256) verifies\n\
         next: wait until the last token of the old key has expired, then: auth-admin key retire \
         --without-kid\n"
    );
    assert_eq!(list(&place), ["two ES256 signs private", "- HS256 verifies symmetric"]);
    let new = token(&keys(&place));
    assert!(is_valid(&place, &old) && is_valid(&place, &new));

    let said = key(&place, &["retire", "--without-kid"]).good();
    assert_eq!(said, "retired the key without a kid (HS256); two (ES256) signs\n");
    assert_eq!(list(&place), ["two ES256 signs private"]);
    assert!(!is_valid(&place, &old) && is_valid(&place, &new));
}

#[test]
fn keys_that_can_only_verify_may_be_there() {
    let place = Place::new();
    let public = pem_of("p256-public");
    place.write(FILE, public);
    for arguments in [&["rotate"][..], &["rotate", "--alg", "EdDSA"]] {
        let refusal = key(&place, arguments).refused(1);
        assert!(refusal.contains("holds public keys alone"), "{refusal}");
    }
    assert_eq!(std::fs::read_to_string(place.path(FILE)).unwrap(), public);
    assert_eq!(list(&place), [format!("{PEM_KID} ES256 verifies public")]);
    let refusal = key(&place, &["promote", PEM_KID]).refused(1);
    assert!(refusal.starts_with("error: this key can only verify"), "{refusal}");
}

#[test]
fn members_of_others_are_kept() {
    let place = Place::new();
    let old =
        format!(r#"{{"kty":"oct","kid":"one","k":"{}","note":{{"by":"ada"}}}}"#, "c".repeat(64));
    place.write(FILE, &format!(r#"{{"keys":[{old}],"version":1.0}}"#));
    key(&place, &["rotate", "--alg", "EdDSA"]).good();
    let text = std::fs::read_to_string(place.path(FILE)).unwrap();
    assert!(text.contains(&old) && text.contains(r#""version":1.0"#), "{text}");
}

#[test]
fn a_refused_change_leaves_the_file_as_it_was() {
    let place = Place::new();
    key(&place, &["new", "--alg", "HS256", "--kid", "one"]).good();
    let before = std::fs::read_to_string(place.path(FILE)).unwrap();
    for (arguments, reason) in [
        (&["rotate", "--kid", "one"][..], "has the same `kid` as another key"),
        (&["rotate", "--bits", "4096"], "--bits is for RS256, and this is HS256"),
        (&["retire", "one"], "one (HS256) is the only key"),
        (&["retire", "two"], "there is no key with the kid two"),
        (&["retire", "--without-kid"], "there is no key without a kid"),
        (&["promote", "-o"], "there is no key with the kid -o"),
    ] {
        let refusal = key(&place, arguments).refused(1);
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{refusal}");
    }
    assert_eq!(key(&place, &["promote", "one"]).good(), "one (HS256) signs already\n");
    key(&place, &["rotate", "--alg", "ES256", "--kid", "--two"]).good();
    let refusal = key(&place, &["retire", "--two"]).refused(1);
    assert!(refusal.contains("--two (ES256) signs; promote another first"), "{refusal}");
    key(&place, &["promote", "one"]).good();
    key(&place, &["retire", "--two"]).good();
    assert_eq!(std::fs::read_to_string(place.path(FILE)).unwrap(), before);
}

#[test]
fn behind_a_link_the_target_is_replaced_and_nothing_is_left_over() {
    let place = Place::new();
    std::fs::create_dir(place.path("behind")).unwrap();
    let target = place.write("behind/target", TEXT);
    let file = place.path(FILE);
    symlink("behind/target", &file).unwrap();
    key(&place, &["rotate"]).good();
    assert!(file.is_symlink() && !target.is_symlink());
    assert_eq!(keys(&place).iter().count(), 2);
    let left = std::fs::read_dir(place.path("behind")).unwrap().count();
    assert_eq!(left, 1, "no temporary file");
}

#[test]
fn group_access_is_kept_and_that_of_others_is_not() {
    let place = Place::new();
    let file = place.write(FILE, TEXT);
    for (before, after) in [(0o640, 0o640), (0o644, 0o640), (0o600, 0o600), (0o666, 0o660)] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(before)).unwrap();
        key(&place, &["rotate"]).good();
        assert_eq!(mode(&file), after);
    }
}

#[test]
fn what_holds_no_keys_is_refused_and_not_quoted() {
    let place = Place::new();
    for arguments in [&["list"][..], &["public"], &["rotate", "--alg", "ES256"]] {
        let missing = key(&place, arguments).refused(1);
        assert!(missing.starts_with(&format!("error: {}: No such", place.path(FILE).display())));
    }
    for material in ["canary", "{\"keys\":[{\"kty\":\"canary\"}]}", "{\"canary\":1}", ""] {
        place.write(FILE, material);
        for arguments in [&["list"][..], &["public"], &["rotate", "--alg", "ES256"]] {
            let refusal = key(&place, arguments).refused(1);
            let place = format!("error: {}: ", place.path(FILE).display());
            assert!(refusal.starts_with(&place) && refusal.lines().count() == 1, "{refusal}");
        }
    }
}
