//! An error in a configuration is seen.

use std::thread;

use system_tests::{scratch, service::Service};

use crate::{
    checks::CHECKS,
    setup::{self, EXAMPLES, Setup},
};

/// The gateway, what stands in its files, what is put there, and the check that must fail.
type Planted = (&'static str, &'static str, &'static str, &'static str);

const AROUND: &str = "a path around it";

const PLANTED: [Planted; 15] = [
    ("nginx", "auth_request /_validate;", "", "no token"),
    ("nginx", "location @", "location /healthz { proxy_pass http://api; } location @", AROUND),
    ("nginx", "X-Auth-Request-User $auth_user", "X-A a", "the user and groups"),
    ("nginx", "X-Auth-Request-Groups $auth_groups", "X-A a", "copies: other case"),
    ("nginx", "underscores_in_headers off", "underscores_in_headers on", "copies: _ for -"),
    ("nginx", "~*^websocket$\" websocket", "~*.\" $http_upgrade", "Upgrade: h2c"),
    ("caddy", "request_header -*groups", "", "copies: . or ~ for -"),
    ("caddy", "request_header @other -Connection", "", "named in Connection"),
    ("traefik", "middlewares: [validate]", "middlewares: []", "a forged token"),
    ("traefik", "aliasHeadersStrategy: delete", "aliasHeadersStrategy: keep", "copies: _ for -"),
    ("traefik", "priority: 1", "priority: 3", "login through it"),
    ("envoy-ext-authz", "failure_mode_allow: false", "failure_mode_allow: true", "validate down"),
    ("envoy-ext-authz", "- exact: x-auth-request-groups", "", "the user and groups"),
    ("envoy-jwt-authn", "x[^a-z0-9]auth", "x-auth", "copies: _ for -"),
    ("envoy-jwt-authn", "requirement_name: token", "requires: { allow_missing: {} }", "no token"),
];

#[tokio::test]
#[ignore = "needs nginx, Caddy, Traefik and Envoy: make test"]
async fn a_planted_error_is_seen_in_a_gateway() {
    let folder = scratch::directory();
    let login = setup::login(folder.path()).await;
    println!("{} configurations with an error; what fails below has to", PLANTED.len());
    // A few at once, for small machines.
    for planted in PLANTED.chunks(4) {
        thread::scope(|scope| {
            for planted in planted {
                scope.spawn(|| is_seen(planted, &login));
            }
        });
    }
}

fn is_seen(&(name, right, wrong, check): &Planted, login: &Service) {
    let example = EXAMPLES.iter().find(|it| it.name == name).expect("an example");
    let mut setup = Setup::start(example, login, &[(right, wrong)]);
    let row = CHECKS.iter().find(|row| row.0 == check).expect("a check");
    assert_eq!(row.run(&mut setup), None, "{name} with {wrong:?}: {check}");
}
