//! The time of each part of a request: `make bench-parts`.

use std::{hint::black_box, time::SystemTime};

use axum::http::{HeaderMap, header::AUTHORIZATION};
use criterion::{Criterion, criterion_group, criterion_main};
use shared::{
    authorization::{BasicCredentials, bearer_token},
    config::{Argon2Config, IssueConfig, VerifyConfig},
    keys::Keys,
    password::PasswordHasher,
    respond::{Cause, Refusal, logged_in, refused, verified},
    token::{Subject, issue, verify},
};
use system_tests::{forge::pem, http::basic};
use tokio::runtime::Builder;

const SUBJECT: Subject<'static> =
    Subject { id: "7", username: "ada@example.com", admin: false, groups: &[] };
const PASSWORD: &str = "correct horse battery staple";

criterion_group!(parts, parse, sign_and_verify, hash, respond);
criterion_main!(parts);

fn keys() -> [Keys; 4] {
    let secret = "a secret for this benchmark, of 32 bytes or more".to_owned();
    [secret, pem("p256"), pem("ed25519"), pem("rsa-2048")]
        .map(|material| Keys::read(&material.into()).expect("a usable key"))
}

fn headers(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().expect("a header"))])
}

fn parse(criterion: &mut Criterion) {
    let basic = headers(&basic(SUBJECT.username, PASSWORD));
    criterion.bench_function("parse/Basic", |bencher| {
        bencher.iter(|| BasicCredentials::from_headers(black_box(&basic)));
    });
    let bearer = headers("Bearer aaaaaaaa.bbbbbbbb.cccccccc");
    criterion.bench_function("parse/Bearer", |bencher| {
        bencher.iter(|| bearer_token(black_box(&bearer)).is_some());
    });
}

fn sign_and_verify(criterion: &mut Criterion) {
    let (issuing, verifying) = (IssueConfig::default(), VerifyConfig::default());
    for keys in keys() {
        let alg = keys.signing().expect("a key that signs").alg();
        let sign = || issue(&keys, &issuing, black_box(SUBJECT), SystemTime::now());
        criterion.bench_function(&format!("sign/{alg}"), |bencher| bencher.iter(sign));
        let token = sign().expect("a token");
        criterion.bench_function(&format!("verify/{alg}"), |bencher| {
            bencher.iter(|| verify(&keys, &verifying, black_box(&token), SystemTime::now()));
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
                let permit = hasher.try_acquire().expect("a permit");
                let verified = hasher.verify(&permit, password.into(), stored);
                runtime.block_on(verified).expect("a verification")
            });
        });
    }
    group.finish();
}

fn respond(criterion: &mut Criterion) {
    let (config, now) = (IssueConfig::default(), SystemTime::now());
    let [keys, ..] = keys();
    let token = issue(&keys, &config, SUBJECT, now).expect("a token");
    let request = headers("Bearer x");
    criterion.bench_function("respond/logged in", |bencher| {
        bencher.iter(|| logged_in(black_box(&token), config.lifetime, SUBJECT.id, &request));
    });
    let claims = verify(&keys, &VerifyConfig::default(), &token, now).expect("it verifies");
    criterion.bench_function("respond/verified", |bencher| {
        bencher.iter(|| verified(black_box(&claims)));
    });
    criterion.bench_function("respond/refused", |bencher| {
        bencher.iter(|| refused(Refusal::NotAuthorized, Cause::default(), black_box(&request)));
    });
}
