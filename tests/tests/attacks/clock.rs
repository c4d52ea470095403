//! The borders of `exp`, `nbf` and `iat`, with a leeway of 5 s, to the millisecond.
//!
//! Time is a value here. Whole seconds and types stand in `shared/src/token/tests/claims.rs`,
//! and the same over HTTP in `claims.rs` beside this file.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::{config::TokenConfig, keys::Keys, token::verify};
use system_tests::{contract::SECRET, forge};

use crate::target::HS256;

const CLAIM: u64 = 1_800_000_000;

fn at(millis: i64) -> SystemTime {
    let base = i64::try_from(CLAIM * 1000).unwrap();
    UNIX_EPOCH + Duration::from_millis(u64::try_from(base + millis).unwrap())
}

fn verifies(claims: &str, now: SystemTime) -> bool {
    let keys = Keys::read(&SECRET.into()).unwrap();
    let payload = format!(r#"{{"username":"a","admin":false,{claims}}}"#);
    let token = forge::hs256(SECRET, HS256, payload);
    verify(&keys, &TokenConfig::default(), &token, now).is_ok()
}

#[test]
fn each_time_has_exact_borders() {
    let exp = |value: &str| format!(r#""exp":{value}"#);
    let start = |name: &str, value: &str| format!(r#""{name}":{value},"exp":4102444800"#);
    // Milliseconds from the claim to the clock, and whether the token verifies.
    let mut rows = Vec::new();
    for (name, source, claims) in [
        ("exp", "RFC 7519 4.1.4", exp("1800000000")),
        ("exp with a fraction of 0", "RFC 7519 2", exp("1800000000.0")),
        ("exp with an exponent", "RFC 7519 2", exp("1.8e9")),
    ] {
        for (millis, good) in [
            (-3_600_000, true),
            (-1, true),
            (0, true),
            (1, true),
            (4_999, true),
            (5_000, false),
            (5_001, false),
            (3_600_000, false),
        ] {
            rows.push((
                format!("{name}, {millis} ms behind it"),
                source,
                claims.clone(),
                millis,
                good,
            ));
        }
    }
    for (claim, source) in [("nbf", "RFC 7519 4.1.5"), ("iat", "RFC 7519 4.1.6")] {
        for (form, value) in [("", "1800000000"), (" with an exponent", "1.8e9")] {
            for (millis, good) in [
                (-3_600_000, false),
                (-5_001, false),
                (-5_000, true),
                (-4_999, true),
                (-1, true),
                (0, true),
                (3_600_000, true),
            ] {
                let name = format!("{claim}{form}, {millis} ms behind it");
                rows.push((name, source, start(claim, value), millis, good));
            }
        }
    }
    for (claims, millis, good) in [
        (exp("1800000000.5"), 5_499, true),
        (exp("1800000000.5"), 5_500, false),
        (start("nbf", "1800000000.5"), -4_501, false),
        (start("nbf", "1800000000.5"), -4_500, true),
        (start("iat", "1800000000.5"), -4_501, false),
        (start("iat", "1800000000.5"), -4_500, true),
    ] {
        let name = format!("a fraction: {claims} at {millis} ms");
        rows.push((name, "RFC 7519 2", claims, millis, good));
    }
    for (name, source, claims, millis, good) in rows {
        assert_eq!(verifies(&claims, at(millis)), good, "{name} ({source})");
    }
}

#[test]
fn no_clock_makes_an_endless_token() {
    let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
    for (name, claims, now, good) in [
        ("the clock at 1970", r#""exp":1"#, UNIX_EPOCH, true),
        ("the clock before 1970", r#""exp":1"#, UNIX_EPOCH - Duration::from_secs(9), true),
        (
            "the clock before 1970, exp too",
            r#""exp":-9"#,
            UNIX_EPOCH - Duration::from_secs(9),
            false,
        ),
        ("the clock far ahead", r#""exp":4102444800"#, far, false),
        ("the clock far ahead, exp farther", r#""exp":1e300"#, far, true),
        ("nbf behind exp", r#""exp":1800000000,"nbf":1800000100"#, at(50_000), false),
    ] {
        assert_eq!(verifies(claims, now), good, "{name} (RFC 8725 3.8)");
    }
}
