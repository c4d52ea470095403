//! Claims, in properly signed tokens.

use serde_json::json;

use super::*;

#[test]
fn claims_decide_as_the_contract_says() {
    use InvalidToken::{Claim, Expired, NotStrictJson, NotYetValid};
    for (why, changes, expected) in [
        ("exp ahead", json!({ "exp": NOW + 1 }), Ok(())),
        ("exp now, within the leeway", json!({ "exp": NOW }), Ok(())),
        ("exp behind, within the leeway", json!({ "exp": NOW - 4 }), Ok(())),
        (
            "exp behind by a fraction less than the leeway",
            json!({ "exp": 1_799_999_995.5 }),
            Ok(()),
        ),
        ("exp behind by the leeway", json!({ "exp": NOW - 5 }), Err(Expired)),
        ("exp long ago", json!({ "exp": 0 }), Err(Expired)),
        ("exp negative", json!({ "exp": -1 }), Err(Expired)),
        ("exp far ahead", json!({ "exp": u64::MAX }), Ok(())),
        ("no exp", json!({ "exp": null }), Err(Claim("exp"))),
        ("exp a text", json!({ "exp": "9999999999" }), Err(Claim("exp"))),
        ("exp a boolean", json!({ "exp": true }), Err(Claim("exp"))),
        ("exp a list", json!({ "exp": [NOW + 60] }), Err(Claim("exp"))),
        ("nbf behind", json!({ "nbf": NOW }), Ok(())),
        ("nbf ahead, within the leeway", json!({ "nbf": NOW + 5 }), Ok(())),
        ("nbf ahead", json!({ "nbf": NOW + 6 }), Err(NotYetValid)),
        ("nbf a text", json!({ "nbf": "0" }), Err(Claim("nbf"))),
        ("iat ahead, within the leeway", json!({ "iat": NOW + 5 }), Ok(())),
        ("iat ahead", json!({ "iat": NOW + 6 }), Err(NotYetValid)),
        ("iat a text", json!({ "iat": "0" }), Err(Claim("iat"))),
        ("admin true", json!({ "admin": true }), Ok(())),
        ("no admin", json!({ "admin": null }), Err(Claim("admin"))),
        ("admin a number", json!({ "admin": 1 }), Err(Claim("admin"))),
        ("admin a text", json!({ "admin": "true" }), Err(Claim("admin"))),
        ("username in Unicode", json!({ "username": "ädä@example.com" }), Ok(())),
        ("no username", json!({ "username": null }), Err(Claim("username"))),
        ("username empty", json!({ "username": "" }), Err(Claim("username"))),
        ("username blank", json!({ "username": " \u{a0}" }), Err(Claim("username"))),
        (
            "username with a blank behind it",
            json!({ "username": "ada@example.com " }),
            Err(Claim("username")),
        ),
        ("username a number", json!({ "username": 7 }), Err(Claim("username"))),
        (
            "username with a line break",
            json!({ "username": "a\r\nX-Admin: 1" }),
            Err(Claim("username")),
        ),
        ("username with NUL", json!({ "username": "a\0" }), Err(Claim("username"))),
        ("username with a C1 control", json!({ "username": "a\u{85}" }), Err(Claim("username"))),
        ("iss that nobody demands", json!({ "iss": "x" }), Ok(())),
        ("iss a list", json!({ "iss": [] }), Err(Claim("iss"))),
        ("aud a list that nobody demands", json!({ "aud": ["x", "y"] }), Ok(())),
        ("aud a number", json!({ "aud": 1 }), Err(Claim("aud"))),
        ("aud a list of numbers", json!({ "aud": [1] }), Err(Claim("aud"))),
        ("sub a number", json!({ "sub": 7 }), Err(Claim("sub"))),
        ("jti an object", json!({ "jti": {} }), Err(Claim("jti"))),
    ] {
        assert_eq!(outcome(&signed(HEADER, &claims(&changes))), expected, "{why}");
    }
    for (why, payload) in [
        (
            "exp twice",
            format!(r#"{{"username":"a","admin":false,"exp":{NOW},"exp":{}}}"#, NOW + 60),
        ),
        (
            "a nested member twice",
            format!(r#"{{"username":"a","admin":false,"exp":{},"o":{{"a":1,"a":2}}}}"#, NOW + 60),
        ),
        ("exp null", r#"{"username":"a","admin":false,"exp":1e400}"#.to_owned()),
        ("not an object", "[]".to_owned()),
        ("nothing", String::new()),
        ("deep", "[".repeat(5_000)),
    ] {
        assert_eq!(outcome(&signed(HEADER, &payload)), Err(NotStrictJson), "{why}");
    }
    let null = r#"{"username":"a","admin":false,"exp":null}"#;
    assert_eq!(outcome(&signed(HEADER, null)), Err(Claim("exp")), "exp null");
}

#[test]
fn issuer_and_audience_equal_what_is_demanded() {
    for (why, issuer, audience, given, expected) in [
        ("both right", Some("i"), Some("a"), json!({ "iss": "i", "aud": "a" }), Ok(())),
        ("no iss", Some("i"), None, json!({}), Err("iss")),
        ("another iss", Some("i"), None, json!({ "iss": "j" }), Err("iss")),
        ("a longer iss", Some("i"), None, json!({ "iss": "i2" }), Err("iss")),
        ("a shorter iss", Some("issuer"), None, json!({ "iss": "iss" }), Err("iss")),
        ("iss a list", Some("i"), None, json!({ "iss": ["i"] }), Err("iss")),
        ("no aud", None, Some("a"), json!({}), Err("aud")),
        ("another aud", None, Some("a"), json!({ "aud": "b" }), Err("aud")),
        ("aud a list with it", None, Some("a"), json!({ "aud": ["a"] }), Err("aud")),
        ("aud an empty list", None, Some("a"), json!({ "aud": [] }), Err("aud")),
        ("aud in another case", None, Some("a"), json!({ "aud": "A" }), Err("aud")),
    ] {
        let config = demanding(issuer, audience);
        let token = signed(HEADER, &claims(&given));
        let outcome = verify(&keys(SECRET), &config, &token, now()).map(drop);
        assert_eq!(outcome, expected.map_err(InvalidToken::Claim), "{why}");
    }
}
