//! Secrets are erased from a process's memory when they are no longer needed.

#![expect(clippy::unwrap_used, reason = "in tests, helpers included")]

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    time::Duration,
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use system_tests::{Environment, Moto, Service, mariadb, run, scratch, wait, with};

const ADA: (&str, &str) = ("ada@example.com", "a password of the first user's");
const GRACE: (&str, &str) = ("grace@example.com", "another one, of the second user's");

/// A variable whose value stays in memory: proves that the search works.
const CONTROL: (&str, &str) = ("JWT_ISSUER", "a-text-that-stays");

/// Counts each text in the writable memory of this process.
fn count<const N: usize>(service: &Service, texts: [&[u8]; N]) -> [usize; N] {
    let process = format!("/proc/{}", service.process.id());
    let maps = fs::read_to_string(format!("{process}/maps")).unwrap();
    let memory = File::open(format!("{process}/mem")).unwrap();
    let mut counts = [0; N];
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // An error means that the process has freed the range meanwhile.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            for (count, text) in counts.iter_mut().zip(texts) {
                let first = text[0];
                let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
                *count += starts.filter(|(at, _)| bytes[*at..].starts_with(text)).count();
            }
        }
    }
    counts
}

/// Makes an ES256 key file; returns its path and the private number of the key.
fn key_file(folder: &tempfile::TempDir) -> (String, Vec<u8>) {
    let path = folder.path().join("keys.json").display().to_string();
    let new = ["key", "new", "--alg", "ES256", "--file", &path];
    let made = run("auth-admin", &new, &Environment::new(), "");
    assert!(made.status.success(), "{made:?}");
    let set: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    (path, URL_SAFE_NO_PAD.decode(set["keys"][0]["d"].as_str().unwrap()).unwrap())
}

#[test]
#[ignore = "needs moto: make test"]
fn a_process_that_only_verifies_does_not_keep_the_private_key() {
    let (folder, moto) = (scratch::directory(), Moto::start());
    let (path, number) = key_file(&folder);
    let _ = moto.create_secret("jwt", &fs::read_to_string(&path).unwrap());
    let text = URL_SAFE_NO_PAD.encode(&number);
    // The crypto library stores the number in little-endian order.
    let words: Vec<u8> = number.iter().rev().copied().collect();
    for key in [("JWT_SECRET_FILE", &*path), ("JWT_SECRET_ID", "jwt")] {
        let validate = Service::start("validate", with(moto.variables(), &[key, CONTROL]));
        assert_eq!(validate.request("GET", "/.well-known/jwks.json").send().status, 200);
        // The buffers of the connection to Secrets Manager are freed when it is closed.
        wait::until("the memory no longer has the key", Duration::from_secs(10), || {
            let texts = [text.as_bytes(), &number, &words, CONTROL.1.as_bytes()];
            let [text, number, words, stays] = count(&validate, texts);
            assert!(stays > 0, "the search finds nothing");
            ([text, number, words] == [0; 3]).then_some(())
        });
    }
}

#[test]
#[ignore = "needs MariaDB: make test"]
fn no_secret_of_an_earlier_login_stays_in_memory() {
    let (server, folder) = (mariadb::shared(), scratch::directory());
    for (email, password) in [ADA, GRACE] {
        let add = ["user", "add", "--password-stdin", email];
        let added = run("auth-admin", &add, &server.root_variables(), &format!("{password}\n"));
        assert!(added.status.success(), "{added:?}");
    }
    let hash = server.query("SELECT password FROM auth.user WHERE email = 'ada@example.com'");
    let (path, number) = key_file(&folder);
    let key = [("JWT_SECRET_FILE", &*path), CONTROL];
    let login = Service::start("login", with(server.login_variables(), &key));
    let token_of = |(email, password)| {
        let answer = login.request("POST", "/login").basic(email, password).send();
        assert_eq!(answer.status, 200);
        answer.text().to_owned()
    };
    let token = token_of(ADA);
    let credentials = STANDARD.encode(format!("{}:{}", ADA.0, ADA.1));
    // A connection's buffers keep the last data until other data overwrites it.
    server.sql("KILL CONNECTION USER auth_user");
    for _ in 0..2 {
        let _ = token_of(GRACE);
    }
    let hash = hash.trim().rsplit('$').next().unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let texts = [ADA.1, &credentials, hash, signature].map(str::as_bytes);
    assert_eq!(count(&login, texts), [0; 4]);
    let [key, stays] = count(&login, [&number[..], CONTROL.1.as_bytes()]);
    assert!(key > 0 && stays > 0, "the search finds nothing");
}
