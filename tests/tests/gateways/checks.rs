//! What is proven of each gateway: the rows of the table in `examples/gateways/README.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use system_tests::{moto::Moto, raw::address, service::Service, wait};

use crate::{
    passing, requests,
    setup::Setup,
    tokens::{self, USER},
    websocket,
};

/// What a check does to a gateway.
pub(crate) enum Trial {
    /// Sends these requests, of which none arrives upstream.
    Stopped(fn() -> Vec<requests::Request>),
    /// Sends a good token with each of these header lines: upstream it is the user's all the same.
    Identity(fn() -> Vec<String>),
    /// Anything else; it panics where the gateway fails.
    Passes(fn(&Setup<'_>)),
    /// Takes `validate` away; what its clients then get.
    Outage(fn(&mut Setup<'_>) -> String),
}
use Trial::{Identity, Outage, Passes, Stopped};

/// A row: its name, what is done, and what stands in its cells: without a text it is the status.
pub(crate) struct Check(pub(crate) &'static str, Trial, &'static str);

/// All rows, in their order: the last ones end `validate`.
pub(crate) const CHECKS: [Check; 20] = [
    Check("no token", Stopped(requests::without_a_token), ""),
    Check("a forged token", Stopped(requests::with_a_forged_token), ""),
    Check("an expired token", Stopped(requests::with_an_expired_token), ""),
    Check("a garbage token", Stopped(requests::with_a_garbage_token), ""),
    Check("two tokens", Stopped(requests::with_two_tokens), "stopped"),
    Check("a path around it", Stopped(requests::on_paths_that_need_no_token), "stopped"),
    Check("methods and bodies", Passes(passing::every_method_with_its_body), "pass"),
    Check("path and query", Passes(passing::paths_and_queries), "intact"),
    Check("login through it", Passes(passing::a_login), "200"),
    Check("the user and groups", Passes(passing::the_user_and_groups), "once"),
    Check("copies: other case", Identity(requests::copies_in_other_case), "never"),
    Check("copies: _ for -", Identity(requests::copies_with_underscores), "never"),
    Check("copies: . or ~ for -", Identity(requests::copies_with_other_signs), "never"),
    Check("copies: twice, empty", Identity(requests::doubled_and_empty_copies), "never"),
    Check("named in Connection", Identity(requests::named_as_hop_by_hop), "ineffective"),
    Check("WebSocket", Passes(websocket::passes_with_a_token), "passes"),
    Check("Upgrade: h2c", Passes(websocket::is_the_only_upgrade), "never"),
    Check("validate silent", Outage(silent), ""),
    Check("validate down", Outage(down), ""),
    Check("validate keyless", Outage(without_keys), ""),
];

impl Check {
    /// What stands in the cell; `None` if the check failed, whose reasons are on standard error.
    pub(crate) fn run(&self, setup: &mut Setup<'_>) -> Option<String> {
        setup.upstream.take();
        let cell = catch_unwind(AssertUnwindSafe(|| self.cell(setup))).ok();
        if cell.is_none() {
            eprintln!("{}, {}: FAILED", setup.example.name, self.0);
        }
        cell
    }

    fn cell(&self, setup: &mut Setup<'_>) -> String {
        let seen = match self.1 {
            Stopped(requests) => statuses(setup, &requests()),
            Identity(header_lines) => {
                for lines in header_lines() {
                    let arrived = setup.passes(&tokens::good(), &lines);
                    assert_eq!(arrived.values("x-auth-request-user"), [USER], "{lines}");
                    assert_eq!(arrived.values("x-auth-request-groups"), ["users"], "{lines}");
                }
                String::new()
            }
            Passes(check) => {
                check(setup);
                String::new()
            }
            Outage(check) => check(setup),
        };
        if self.2.is_empty() { seen } else { self.2.into() }
    }
}

/// The statuses of requests that do not arrive, each once.
fn statuses(setup: &Setup<'_>, requests: &[requests::Request]) -> String {
    let mut statuses: Vec<_> = requests.iter().map(|request| setup.is_stopped(request)).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// No request passes, or, where the keys are in the gateway, those that should.
fn closed(setup: &Setup<'_>) -> String {
    if setup.example.asks {
        return statuses(setup, &[requests::with_token(tokens::good())]);
    }
    for requests in [
        requests::without_a_token(),
        requests::with_a_forged_token(),
        requests::with_an_expired_token(),
        requests::with_a_garbage_token(),
    ] {
        statuses(setup, &requests);
    }
    setup.passes(&tokens::good(), "");
    "not needed".into()
}

/// It takes connections and does not answer, for longer than the gateway is patient, and then it
/// does again.
fn silent(setup: &mut Setup<'_>) -> String {
    setup.validate.process().freeze();
    let cell = closed(setup);
    setup.validate.process().thaw();
    setup.wait_until_open();
    cell
}

/// It is gone.
fn down(setup: &mut Setup<'_>) -> String {
    setup.validate.process().kill();
    closed(setup)
}

/// It is there, and has no keys since their source is out of reach: it answers 503.
fn without_keys(setup: &mut Setup<'_>) -> String {
    let port = address(&setup.validate).port().to_string();
    setup.validate.process().kill();
    let mut variables = Moto::variables_for(wait::free_port());
    variables.extend([("PORT".into(), port), ("JWT_SECRET_ID".into(), "auth/jwt".into())]);
    setup.validate = Service::start_unready("validate", variables);
    closed(setup)
}
