//! Tokens that are long, deep or full of dots: refused, and cheaply.

use std::time::{Duration, SystemTime};

use shared::{
    config::TokenConfig,
    keys::Keys,
    token::{InvalidToken, verify},
};
use system_tests::{contract::SECRET, forge};

use crate::{
    raw::{self, exchange},
    row::{Attack, bearer, passes, refused, try_all},
    target::{HS256, Target, honest, with_payload},
};

const RESOURCES: &str = "CVE-2025-30204, CVE-2025-27144";

/// An honest token of exactly so many bytes.
fn long(bytes: usize) -> String {
    let with = |filler: usize| {
        with_payload(honest().replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(filler))))
    };
    let short = with(0).len();
    (0..4)
        .map(|more| with((bytes - short) * 3 / 4 + more))
        .find(|token| token.len() == bytes)
        .unwrap()
}

/// An honest token with `value` as a claim that means nothing.
fn holding(value: &str) -> String {
    with_payload(honest().replace('}', &format!(r#","x":{value}}}"#)))
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn what_is_larger_than_a_token_is_refused_over_http() {
    let target = Target::validate(SECRET);
    let flood = |count: usize| format!("{{{}}}", members(count));
    let deep_header = format!(r#"{{"alg":"HS256","x":{}}}"#, nested(1_000));
    let rows: Vec<Attack> = vec![
        passes("8 KiB", &long(8 * 1024)),
        passes("a claim that is 100 deep", &holding(&nested(100))),
        passes("300 members", &holding(&flood(300))),
        refused("8 KiB and a byte", RESOURCES, &long(8 * 1024 + 1)),
        refused("9 KiB", RESOURCES, &long(9 * 1024)),
        refused("8,192 dots", RESOURCES, &".".repeat(8 * 1024)),
        refused("4,000 parts", RESOURCES, &"A.".repeat(4_000)),
        refused(
            "dots before a token",
            RESOURCES,
            &format!("{}{}", ".".repeat(7_000), holding("1")),
        ),
        refused("a claim that is 2,500 deep", "RFC 8259 9", &holding(&nested(2_500))),
        refused("a list that is never closed", "RFC 8259 9", &holding(&"[".repeat(5_000))),
        refused("objects that are never closed", "RFC 8259 9", &holding(&r#"{"x":"#.repeat(1_000))),
        refused(
            "a header that is 1,000 deep",
            "RFC 8259 9",
            &forge::hs256(SECRET, &deep_header, honest()),
        ),
        refused(
            "a number of 5,000 digits and an exponent",
            "RFC 8259 9",
            &holding(&format!("{}e999", "9".repeat(5_000))),
        ),
    ];
    try_all(&target, "validate", &bearer(&with_payload(honest())), &rows);
    heads_are_bounded(&target);
    target.end(&[SECRET]);
}

/// The door has a bound of its own, beyond that of the verifier.
fn heads_are_bounded(target: &Target) {
    let head = |token: &str| {
        format!(
            "GET /validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
    };
    for (name, token, statuses) in [
        ("the control", with_payload(honest()), &[200][..]),
        ("1 MB", "A".repeat(1_000_000), &[431, 403]),
        ("1 MB, properly signed", long(1_000_000), &[431, 403]),
        ("100,000 dots", ".".repeat(100_000), &[431, 403]),
        ("60 KiB, properly signed", long(60 * 1024), &[431, 403]),
        ("17 KiB, properly signed", long(17 * 1024), &[431, 403]),
        ("the control again", with_payload(honest()), &[200]),
    ] {
        let answer = exchange(target.service(), head(&token).as_bytes());
        let [status] = raw::statuses(&answer)[..] else { panic!("{name}: {answer}") };
        assert!(statuses.contains(&status), "{name} (RFC 6585 5): {status}");
    }
}

fn members(count: usize) -> String {
    (0..count).map(|index| format!(r#""m{index}":0"#)).collect::<Vec<_>>().join(",")
}

/// Where no door bounds the head, as on Lambda, the verifier does. In an unoptimised build.
#[test]
fn size_costs_the_verifier_nothing() {
    const LIMIT: Duration = Duration::from_millis(50);
    let deep = |depth| forge::hs256(SECRET, HS256, nested(depth));
    let keys = Keys::read(&SECRET.into()).unwrap();
    let check = |token: &str| {
        let start = std::time::Instant::now();
        let outcome = verify(&keys, &TokenConfig::default(), token, SystemTime::now()).map(drop);
        (outcome, start.elapsed())
    };
    for (name, token, expected) in [
        ("the control", holding("1"), Ok(())),
        ("8 KiB", long(8 * 1024), Ok(())),
        ("1 MB, properly signed", long(1_000_000), Err(InvalidToken::TooLong)),
        ("6 MB, as much as an event holds", "A".repeat(6_000_000), Err(InvalidToken::TooLong)),
        ("100,000 dots", ".".repeat(100_000), Err(InvalidToken::TooLong)),
        ("a million dots", ".".repeat(1_000_000), Err(InvalidToken::TooLong)),
        ("8,192 dots", ".".repeat(8 * 1024), Err(InvalidToken::Malformed)),
        ("10,000 deep", deep(10_000), Err(InvalidToken::TooLong)),
        ("2,900 deep", deep(2_900), Err(InvalidToken::NotStrictJson)),
        ("129 deep", deep(129), Err(InvalidToken::NotStrictJson)),
    ] {
        // The best of some: others use this machine as well.
        let tries = [(); 5].map(|()| check(&token));
        assert!(tries.iter().all(|(outcome, _)| *outcome == expected), "{name}: {tries:?}");
        let best = tries.iter().map(|(_, time)| *time).min().unwrap();
        assert!(best < LIMIT, "{name} ({RESOURCES}) took {best:?}");
    }
}
