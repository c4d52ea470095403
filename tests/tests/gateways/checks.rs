//! What is proven of each gateway: the rows of the matrix.

mod identity;
mod outage;
mod passing;
mod stopped;
mod websocket;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::setup::Setup;

/// A row: what is said in a cell, or a panic.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    run: fn(&mut Setup<'_>) -> String,
}

impl Check {
    /// What stands in the cell; `None` if the check failed, whose reasons are on standard error.
    pub(crate) fn run(&self, setup: &mut Setup<'_>) -> Option<String> {
        setup.upstream.take();
        let cell = catch_unwind(AssertUnwindSafe(|| (self.run)(setup))).ok();
        if cell.is_none() {
            eprintln!("{}, {}: FAILED", setup.example.name, self.name);
        }
        cell
    }
}

/// All rows, in their order: the last ones end `validate`.
pub(crate) const CHECKS: [Check; 20] = [
    check("no token", stopped::without_a_token),
    check("a forged token", stopped::with_a_forged_token),
    check("an expired token", stopped::with_an_expired_token),
    check("a garbage token", stopped::with_a_garbage_token),
    check("two tokens", stopped::with_two_tokens),
    check("a path around it", stopped::on_paths_that_need_none),
    check("methods and bodies", passing::every_method_with_its_body),
    check("path and query", passing::paths_and_queries),
    check("login through it", passing::a_login),
    check("the user and groups", identity::comes_from_validate),
    check("copies: other case", identity::copies_in_other_case),
    check("copies: _ for -", identity::copies_with_underscores),
    check("copies: . or ~ for -", identity::copies_with_other_signs),
    check("copies: twice, empty", identity::doubled_and_empty_copies),
    check("named in Connection", identity::named_as_hop_by_hop),
    check("WebSocket", websocket::passes_with_a_token),
    check("Upgrade: h2c", websocket::is_the_only_upgrade),
    check("validate silent", outage::silent),
    check("validate down", outage::down),
    check("validate keyless", outage::without_keys),
];

const fn check(name: &'static str, run: fn(&mut Setup<'_>) -> String) -> Check {
    Check { name, run }
}

/// The check of this name.
pub(crate) fn named(name: &str) -> Check {
    *CHECKS.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no {name}"))
}
