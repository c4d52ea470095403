//! JOSE headers, in properly signed tokens.

use serde_json::json;

use super::*;

#[test]
fn headers_decide_as_the_contract_says() {
    use InvalidToken::{NotStrictJson, UnknownKey, UnsupportedHeader};
    let long_kid = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(5_000));
    for (why, header, expected) in [
        ("the least", r#"{"alg":"HS256"}"#, Ok(())),
        ("members that nobody knows", r#"{"alg":"HS256","x":{"y":[1]}}"#, Ok(())),
        (
            "an embedded key is not looked at",
            r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}"#,
            Ok(()),
        ),
        (
            "a key's address is not looked at",
            r#"{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"x","x5c":["x"]}"#,
            Ok(()),
        ),
        ("alg none", r#"{"alg":"none"}"#, Err(UnsupportedHeader)),
        ("alg None", r#"{"alg":"None"}"#, Err(UnsupportedHeader)),
        ("alg NONE", r#"{"alg":"NONE"}"#, Err(UnsupportedHeader)),
        ("alg nOnE", r#"{"alg":"nOnE"}"#, Err(UnsupportedHeader)),
        ("alg in lower case", r#"{"alg":"hs256"}"#, Err(UnsupportedHeader)),
        ("another HMAC", r#"{"alg":"HS512"}"#, Err(UnsupportedHeader)),
        ("an asymmetric algorithm", r#"{"alg":"RS256"}"#, Err(UnknownKey)),
        ("no alg", r#"{"typ":"JWT"}"#, Err(UnsupportedHeader)),
        ("alg a number", r#"{"alg":256}"#, Err(UnsupportedHeader)),
        ("alg null", r#"{"alg":null}"#, Err(UnsupportedHeader)),
        ("alg a list", r#"{"alg":["HS256"]}"#, Err(UnsupportedHeader)),
        ("alg twice", r#"{"alg":"HS256","alg":"HS256"}"#, Err(NotStrictJson)),
        ("alg twice, once escaped", r#"{"alg":"HS256","\u0061lg":"HS256"}"#, Err(NotStrictJson)),
        ("typ an object", r#"{"alg":"HS256","typ":{}}"#, Err(UnsupportedHeader)),
        ("kid a number", r#"{"alg":"HS256","kid":1}"#, Err(UnsupportedHeader)),
        ("a kid that names no key", r#"{"alg":"HS256","kid":"other"}"#, Err(UnknownKey)),
        ("an empty kid", r#"{"alg":"HS256","kid":""}"#, Err(UnknownKey)),
        ("kid a path", r#"{"alg":"HS256","kid":"../../dev/null"}"#, Err(UnknownKey)),
        ("kid an injection", r#"{"alg":"HS256","kid":"' UNION SELECT '1"}"#, Err(UnknownKey)),
        ("a long kid", &long_kid, Err(UnknownKey)),
        ("crit", r#"{"alg":"HS256","crit":["exp"],"exp":1}"#, Err(UnsupportedHeader)),
        ("an empty crit", r#"{"alg":"HS256","crit":[]}"#, Err(UnsupportedHeader)),
        ("crit null", r#"{"alg":"HS256","crit":null}"#, Err(UnsupportedHeader)),
        ("b64", r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, Err(UnsupportedHeader)),
        ("b64 true", r#"{"alg":"HS256","b64":true}"#, Err(UnsupportedHeader)),
        ("zip", r#"{"alg":"HS256","zip":"DEF"}"#, Err(UnsupportedHeader)),
        ("a list", r#"["HS256"]"#, Err(NotStrictJson)),
        ("nothing", "", Err(NotStrictJson)),
        ("not JSON", "{alg:HS256}", Err(NotStrictJson)),
    ] {
        assert_eq!(outcome(&signed(header, &claims(&json!({})))), expected, "{why}");
    }
}
