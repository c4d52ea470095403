//! Through the Lambda runtime protocol, where no server bounds a head or reads its lines
//! before the function does.

use serde_json::json;
use system_tests::{
    cargo_lambda::{CargoLambda, EventDoor},
    contract::{ContractRequest, SECRET},
    forge,
    gateway_events::Gateway,
};

use crate::{
    row::{Attack, Expected, attack, bearer, passes, refused, try_all},
    target::{HS256, environment, honest, with_header, with_payload},
};

fn rows(good: &str) -> Vec<Attack> {
    const RESOURCES: &str = "CVE-2025-30204, CVE-2025-27144";
    const VALUE: &str = "RFC 9110 5.5";
    let message = forge::message(r#"{"alg":"none"}"#, honest());
    let deep = with_payload(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    let missing =
        |name: &str, source, request| attack(name, source, request, Expected::MissingBearer);
    let header =
        |value: String| ContractRequest::new("GET", "/validate").header("authorization", value);
    vec![
        passes("the token as it is", good),
        refused("1 MB", RESOURCES, &"A".repeat(1_000_000)),
        refused("100,000 dots", RESOURCES, &".".repeat(100_000)),
        refused("10,000 deep", "RFC 8259 9", &deep),
        refused("a claim of 60 KiB", RESOURCES, &{
            with_payload(honest().replace('}', &format!(r#","x":"{}"}}"#, "x".repeat(60_000))))
        }),
        refused("alg none", "RFC 8725 3.2", &forge::seal(&message, "")),
        refused("an empty key", "CVE-2019-20933", &forge::hs256("", HS256, honest())),
        refused("no signature", "CVE-2020-28042", good.rsplit_once('.').unwrap().0),
        refused("a JWE", "RFC 8725 2.3", &format!("{good}.x.y")),
        missing("two joined by a comma", "RFC 9110 5.3", bearer(&format!("{good}, Bearer {good}"))),
        missing("Basic", "RFC 9110 11.4", ContractRequest::new("GET", "/validate").basic("a", "b")),
        missing("letters outside ASCII", "RFC 6750 2.1", bearer(&good.replace('.', "\u{ff0e}"))),
        missing(
            "a line break and a header",
            VALUE,
            header(format!("Basic a\r\nAuthorization: Bearer {good}")),
        ),
        missing("a NUL before it", VALUE, header(format!("\0Bearer {good}"))),
        missing("a NUL behind it", VALUE, header(format!("Bearer {good}\0"))),
        missing("a line break behind it", VALUE, header(format!("Bearer {good}\r\n"))),
    ]
}

#[test]
#[ignore = "needs cargo-lambda: make test"]
fn what_a_server_would_refuse_the_function_refuses_itself() {
    let folder = system_tests::scratch::directory();
    let url = format!("sqlite:{}", folder.path().join("users.sqlite").display());
    let functions =
        CargoLambda::watch(&environment(&[("JWT_SECRET", SECRET), ("DATABASE_URL", &url)]));
    // While they are built, callers give up; the runtime reports that as an error.
    let before = functions.log().len();
    let good = with_header(HS256);
    for gateway in Gateway::ALL {
        let door = EventDoor { functions: &functions, gateway };
        try_all(&door, "validate", &bearer(&good), &rows(&good));
    }
    malformed_events(&functions, &good);
    let log = &functions.log()[before..];
    for mark in ["eyJ", "canary", "panicked", r#""level":"ERROR""#, SECRET] {
        assert_eq!(log.lines().find(|line| line.contains(mark)), None, "{mark} is in the log");
    }
}

/// Members of wrong types, and headers that make no URL or no method.
fn malformed_events(functions: &CargoLambda, good: &str) {
    let event = |method: &str, path: &str, name: &str, value: &str| {
        let mut event = Gateway::FunctionUrl.event(&ContractRequest::new("GET", "/").bearer(good));
        event["requestContext"]["http"]["method"] = method.into();
        event["requestContext"]["http"]["path"] = path.into();
        event["rawPath"] = path.into();
        event["headers"][name] = value.into();
        event
    };
    for (name, event, good) in [
        ("the control", event("GET", "/", "x-a", "b"), &[200][..]),
        ("a host that is none", event("GET", "/", "host", "a b/c@d:xyz"), &[200]),
        ("a scheme that is none", event("GET", "/", "x-forwarded-proto", "ht tp"), &[200]),
        ("a header name that is none", event("GET", "/", "a b\r\n", "c"), &[200, 400, 401]),
        ("a method that is none, to who answers all", event("G T", "/", "x-a", "b"), &[200]),
        ("no path", event("GET", "", "x-a", "b"), &[200, 400, 404]),
        ("a path with a NUL", event("GET", "/validate/\0", "x-a", "b"), &[200, 400, 404]),
        ("a path that is a URL", event("GET", "http://other/", "x-a", "b"), &[200, 400, 404]),
    ] {
        let answer = functions.invoke("validate", &event);
        let status = answer["statusCode"].as_u64().unwrap();
        assert!(good.contains(&status), "{name}: {answer}");
    }
    let long = json!({ "authorization": format!("Bearer {}", "A".repeat(4_000_000)) });
    let mut event = event("GET", "/", "x-a", "b");
    event["headers"] = long;
    assert_eq!(functions.invoke("validate", &event)["statusCode"], 403, "4 MB");
}
