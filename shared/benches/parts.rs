//! The time of each part of a request: `make bench-parts`.

use std::{hint::black_box, time::SystemTime};

use axum::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, AUTHORIZATION},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{
    authorization::{BasicCredentials, bearer_token},
    config::{Argon2Config, IssueConfig, VerifyConfig},
    keys::Keys,
    password::PasswordHasher,
    respond::{Cause, Refusal, logged_in, refused, verified},
    token::{Subject, issue, verify},
};
use tokio::runtime::Builder;

#[path = "../src/keys/tests/pem_of.rs"]
mod pem_of;

use pem_of::pem_of;

const SUBJECT: Subject<'static> = Subject { id: "7", username: "ada@example.com", admin: false };
const PASSWORD: &str = "correct horse battery staple";

criterion_group!(parts, parse, sign, check, hash, respond);
criterion_main!(parts);

fn keys() -> [Keys; 4] {
    let secret = "a secret for this benchmark, of 32 bytes or more";
    [secret, pem_of("p256"), pem_of("ed25519"), pem_of("rsa-2048")]
        .map(|material| Keys::read(&material.into()).expect("a usable key"))
}

fn alg(keys: &Keys) -> &'static str {
    keys.signing().expect("a key that signs").alg()
}

fn headers(authorization: &str) -> HeaderMap {
    let authorization = HeaderValue::from_str(authorization).expect("a header");
    [(ACCEPT, HeaderValue::from_static("*/*")), (AUTHORIZATION, authorization)]
        .into_iter()
        .collect()
}

fn parse(criterion: &mut Criterion) {
    let basic = STANDARD.encode(format!("{}:{PASSWORD}", SUBJECT.username));
    let basic = headers(&format!("Basic {basic}"));
    criterion.bench_function("parse/Basic", |bencher| {
        bencher.iter(|| BasicCredentials::from_headers(black_box(&basic)));
    });
    let bearer = headers("Bearer aaaaaaaa.bbbbbbbb.cccccccc");
    criterion.bench_function("parse/Bearer", |bencher| {
        bencher.iter(|| bearer_token(black_box(&bearer)).is_some());
    });
}

fn sign(criterion: &mut Criterion) {
    let config = IssueConfig::default();
    for keys in keys() {
        criterion.bench_function(&format!("sign/{}", alg(&keys)), |bencher| {
            bencher.iter(|| issue(&keys, &config, black_box(SUBJECT), SystemTime::now()));
        });
    }
}

fn check(criterion: &mut Criterion) {
    let config = VerifyConfig::default();
    for keys in keys() {
        let token = issue(&keys, &IssueConfig::default(), SUBJECT, SystemTime::now());
        let token = token.expect("a token");
        criterion.bench_function(&format!("verify/{}", alg(&keys)), |bencher| {
            bencher.iter(|| verify(&keys, &config, black_box(&token), SystemTime::now()));
        });
    }
}

fn hash(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let hasher = PasswordHasher::new(Argon2Config::default(), 1);
    let stored = runtime.block_on(hasher.hash(PASSWORD.into())).expect("a hash");
    let mut group = criterion.benchmark_group("hash");
    group.sample_size(20);
    for (name, password) in [("right", PASSWORD), ("wrong", "wrong")] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let stored = Some(stored.as_str().into());
                let check = hasher.admit().expect("a place");
                runtime.block_on(check.verify(password.into(), stored)).expect("a check")
            });
        });
    }
    group.finish();
}

fn respond(criterion: &mut Criterion) {
    let (config, now) = (IssueConfig::default(), SystemTime::now());
    let [keys, ..] = keys();
    let issued = issue(&keys, &config, SUBJECT, now).expect("a token");
    let request = headers("Bearer x");
    criterion.bench_function("respond/logged in", |bencher| {
        bencher.iter(|| logged_in(black_box(&issued), config.lifetime, SUBJECT.id, &request));
    });
    criterion.bench_function("respond/verified", |bencher| {
        let token = verify(&keys, &VerifyConfig::default(), &issued, now).expect("it verifies");
        bencher.iter(|| verified(black_box(&token)));
    });
    criterion.bench_function("respond/refused", |bencher| {
        bencher.iter(|| refused(Refusal::NotAuthorized, Cause::default(), black_box(&request)));
    });
}
