//! `key` with files.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use serde_json::{Value, json};

use crate::TestSetup;

const KEY: &str = "a canary in a mine of 32 bytes, at least";

#[test]
fn each_change_of_keys_prints_which_key_signs_and_the_next_step() {
    let setup = TestSetup::without_database();
    setup.write("keys", &format!("{KEY}\n"));
    let wait = "next: wait until the last token of the old key has expired, then: auth-admin key";
    for (line, said) in [
        ("list", "KID  ALG    SIGNS  KIND\n-    HS256  yes    symmetric\n"),
        (
            "rotate --alg ES256 --kid two --stage",
            "staged two (ES256); signing goes on with the key without a kid (HS256)\n\
             next: wait until every instance has it, then: auth-admin key promote two\n",
        ),
        (
            "promote two",
            &format!(
                "two (ES256) signs now; the key without a kid (HS256) verifies\n{wait} retire \
                 --without-kid\n"
            ),
        ),
        ("promote two", "two (ES256) signs already\n"),
        ("retire --without-kid", "retired the key without a kid (HS256); two (ES256) signs\n"),
        (
            "rotate --kid --three",
            &format!("--three (ES256) signs now; two (ES256) verifies\n{wait} retire two\n"),
        ),
    ] {
        assert_eq!(setup.succeeds(&format!("key {line} --file keys")), said, "{line}");
    }
    let listed: Value =
        serde_json::from_str(&setup.succeeds("key list --json --file keys")).unwrap();
    let key = |kid, signs| json!({ "kid": kid, "alg": "ES256", "signs": signs, "kind": "private" });
    assert_eq!(listed, json!([key("--three", true), key("two", false)]));
    for alg in ["RS256", "ES256", "EdDSA", "HS256"] {
        let named = setup.succeeds(&format!("key new --alg {alg} --file {alg}"));
        let kind = if alg == "HS256" { "symmetric" } else { "private" };
        let listed = setup.succeeds(&format!("key list --file {alg}"));
        let line: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(line, [named.trim_end(), alg, "yes", kind]);
    }
}

#[test]
fn a_refused_change_of_keys_does_not_change_the_file() {
    let setup = TestSetup::without_database();
    setup.succeeds("key new --alg HS256 --kid one --file one");
    setup.succeeds("key new --alg ES256 --kid old --file two");
    let public = setup.succeeds("key public --file two");
    setup.succeeds("key rotate --kid new --file two");
    setup.write("public", &public);
    for (name, material) in [
        ("text", "canary"),
        ("unknown", r#"{"keys":[{"kty":"canary"}]}"#),
        ("no-set", r#"{"canary":1}"#),
        ("empty", ""),
    ] {
        setup.write(name, material);
    }
    symlink("elsewhere", setup.path("dangling")).unwrap();
    for (line, file, reason) in [
        ("rotate --kid one", "one", "has the same `kid` as another key"),
        ("retire one", "one", "one (HS256) is the only key"),
        ("retire two", "one", "there is no key with the kid two"),
        ("retire --without-kid", "one", "there is no key without a kid"),
        ("promote -o", "one", "there is no key with the kid -o"),
        ("retire new", "two", "new (ES256) signs; promote another first"),
        ("new --alg ES256", "two", "exists already; add a key to it with: auth-admin key rotate"),
        ("new --alg ES256", "dangling", "exists already"),
        ("rotate --alg EdDSA", "public", "holds no key that signs"),
        ("promote old", "public", "this key can only verify"),
        ("list", "missing", "missing: is not there; make it with: auth-admin key new"),
        ("public", "missing", "No such file"),
        ("list", "text", "shorter than 32 bytes"),
        ("public", "unknown", "error: unknown: "),
        ("rotate --alg ES256", "no-set", "error: no-set: "),
        ("list", "empty", "error: empty: "),
    ] {
        let before = fs::read_to_string(setup.path(file)).ok();
        let refusal = setup.fails(&format!("key {line} --file {file}"), "");
        assert!(refusal.contains(reason) && refusal.lines().count() == 1, "{line}: {refusal}");
        assert_eq!(fs::read_to_string(setup.path(file)).ok(), before, "{line}");
    }
    assert!(!setup.path("elsewhere").exists());
}

#[test]
fn a_change_replaces_the_target_of_a_link_and_keeps_the_access_of_its_group() {
    let setup = TestSetup::without_database();
    fs::create_dir(setup.path("behind")).unwrap();
    let target = setup.write("behind/target", KEY);
    symlink("behind/target", setup.path("keys")).unwrap();
    for (before, after) in [(0o640, 0o640), (0o644, 0o640), (0o600, 0o600), (0o666, 0o660)] {
        fs::set_permissions(&target, Permissions::from_mode(before)).unwrap();
        setup.succeeds("key rotate --file keys");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o7777, after);
    }
    assert!(setup.path("keys").is_symlink() && !target.is_symlink());
    assert_eq!(setup.succeeds("key list --file behind/target").lines().count(), 6);
    let left = fs::read_dir(setup.path("behind")).unwrap().count();
    assert_eq!(left, 1, "no temporary file");

    // Public keys may be read by others, and are never written over private ones.
    let mode = |name: &str| setup.path(name).metadata().unwrap().permissions().mode() & 0o7777;
    setup.succeeds("key new --alg ES256 --file one --public-file public");
    setup.succeeds("key rotate --file one --public-file public");
    assert_eq!((mode("one"), mode("public")), (0o600, 0o644));
    assert_eq!(setup.succeeds("key list --file public").matches("  public\n").count(), 2);
    symlink("one", setup.path("link")).unwrap();
    for change in ["rotate", "publish"] {
        let refusal = setup.fails(&format!("key {change} --file one --public-file link"), "");
        assert!(refusal.contains("holds more than public keys"), "{refusal}");
    }
    assert_eq!(setup.succeeds("key list --file one").matches("  private\n").count(), 2);
}

#[test]
fn concurrent_changes_of_a_file_wait_for_each_other() {
    let setup = TestSetup::without_database();
    setup.succeeds("key new --alg HS256 --file keys");
    thread::scope(|scope| {
        for kid in ["a", "b", "c", "d", "e", "f"] {
            let line = format!("key rotate --stage --kid {kid} --file keys");
            let setup = &setup;
            scope.spawn(move || {
                let run = setup.run(&line);
                let waited = run.stderr.starts_with("waiting for another process");
                assert!(run.status.success() && (waited || run.stderr.is_empty()), "{run:?}");
            });
        }
    });
    assert_eq!(setup.succeeds("key list --file keys").lines().count(), 1 + 7);
}
