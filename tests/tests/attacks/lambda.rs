//! Through the Lambda runtime protocol, where no server bounds a head or reads its lines before
//! the function does.

use system_tests::{
    cargo_lambda::{CargoLambda, EventDoor},
    contract::{ContractRequest, SECRET},
    gateway_events::Gateway,
};

use crate::{
    families,
    table::{Expected::MissingBearer, Family, try_selection},
    target::{HS256, environment, with_header},
};

/// Values that no HTTP server would let through, each with a control of its own.
fn control_characters() -> [Family; 4] {
    let good = with_header(HS256);
    let family = |value: String| {
        let mut family = Family::new(SECRET, good.as_str());
        let request = ContractRequest::new("GET", "/validate");
        let request = request.header("authorization", value.as_str());
        family.requests("RFC 9110 5.5", MissingBearer, [(value, request)]);
        family
    };
    let injected = format!("Basic a\r\nAuthorization: Bearer {good}");
    let [before, behind, line] =
        [format!("\0Bearer {good}"), format!("Bearer {good}\0"), format!("Bearer {good}\r\n")];
    [injected, before, behind, line].map(family)
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
    let of_this_key = |family: &Family| family.key == SECRET && family.config.issuer.is_none();
    let mut families: Vec<Family> = families().into_iter().filter(of_this_key).collect();
    families.extend(control_characters());
    for gateway in Gateway::ALL {
        let door = EventDoor { functions: &functions, gateway };
        for family in &families {
            // Two headers of one name do not reach a function behind every gateway, and in an event
            // a query stands beside the path.
            try_selection(family, &door, |request| {
                request.headers.len() < 2 && !request.path.contains('?')
            });
        }
    }
    let log = &functions.log()[before..];
    for mark in ["eyJ", "canary", "panicked", r#""level":"ERROR""#, SECRET] {
        assert_eq!(log.lines().find(|line| line.contains(mark)), None, "{mark} is in the log");
    }
}
