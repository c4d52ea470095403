//! The borders of `exp`, `nbf` and `iat`, with a leeway of 5 s, to the millisecond. Time is a value
//! here; types and whole hours are in `claims.rs`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shared::{config::TokenConfig, keys::Keys, token::verify};
use system_tests::contract::SECRET;

use crate::{
    signature::{long, nested},
    target::with_payload,
};

/// The seconds that the claims say.
const CLAIM: u64 = 1_800_000_000;

fn at(millis: i64) -> SystemTime {
    let base = i64::try_from(CLAIM * 1000).unwrap();
    UNIX_EPOCH + Duration::from_millis(u64::try_from(base + millis).unwrap())
}

fn verifies(claims: &str, now: SystemTime) -> bool {
    let keys = Keys::read(&SECRET.into()).unwrap();
    let token = with_payload(format!(r#"{{"username":"a","admin":false,{claims}}}"#));
    verify(&keys, &TokenConfig::default(), &token, now).is_ok()
}

#[test]
fn each_time_has_exact_borders() {
    // The milliseconds from the claim to the clock at which a token just verifies, and those at
    // which it just does not.
    for (source, claims, good, bad) in [
        ("RFC 7519 4.1.4", r#""exp":1800000000"#, 4_999, 5_000),
        ("RFC 7519 2", r#""exp":1800000000.0"#, 4_999, 5_000),
        ("RFC 7519 2", r#""exp":1.8e9"#, 4_999, 5_000),
        ("RFC 7519 2", r#""exp":1800000000.5"#, 5_499, 5_500),
        ("RFC 7519 4.1.5", r#""exp":4102444800,"nbf":1800000000"#, -5_000, -5_001),
        ("RFC 7519 2", r#""exp":4102444800,"nbf":1.8e9"#, -5_000, -5_001),
        ("RFC 7519 2", r#""exp":4102444800,"nbf":1800000000.5"#, -4_500, -4_501),
        ("RFC 7519 4.1.6", r#""exp":4102444800,"iat":1800000000"#, -5_000, -5_001),
        ("RFC 7519 2", r#""exp":4102444800,"iat":1.8e9"#, -5_000, -5_001),
        ("RFC 7519 2", r#""exp":4102444800,"iat":1800000000.5"#, -4_500, -4_501),
    ] {
        let outward = if good < bad { 3_600_000 } else { -3_600_000 };
        for millis in [good, good / 2, good - outward] {
            assert!(verifies(claims, at(millis)), "{claims} at {millis} ms ({source})");
        }
        for millis in [bad, bad * 2, bad + outward] {
            assert!(!verifies(claims, at(millis)), "{claims} at {millis} ms ({source})");
        }
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

/// Where no server bounds the head, as on Lambda, the verifier does. In an unoptimised build.
#[test]
fn size_costs_the_verifier_nothing() {
    const LIMIT: Duration = Duration::from_millis(50);
    let keys = Keys::read(&SECRET.into()).unwrap();
    for (name, token) in [
        ("8 KiB", long(8 * 1024)),
        ("6 MB, as much as an event holds", "A".repeat(6_000_000)),
        ("a million dots", ".".repeat(1_000_000)),
        ("8,192 dots", ".".repeat(8 * 1024)),
        ("2,900 deep", with_payload(nested(2_900))),
    ] {
        let time = || {
            let start = Instant::now();
            let outcome = verify(&keys, &TokenConfig::default(), &token, SystemTime::now());
            assert_eq!(outcome.is_ok(), name == "8 KiB", "{name}");
            start.elapsed()
        };
        // The best of some: others use this machine as well.
        let best = [(); 5].map(|()| time()).into_iter().min().unwrap();
        assert!(best < LIMIT, "{name} (CVE-2025-30204, CVE-2025-27144) took {best:?}");
    }
}
