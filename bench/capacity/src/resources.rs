//! What a rate of requests takes, in closed form: the rate, times what one costs, over the share
//! that may be busy (Little's law).

pub(crate) mod keys;
pub(crate) mod logins;
pub(crate) mod validations;

pub(crate) use keys::KeyFetches;
pub(crate) use logins::Logins;
pub(crate) use validations::Validations;

use crate::{
    costs::{Costs, MEASURED},
    platform::{DEFAULTS, Platform},
    prices::{LIST, Prices},
    rounding::{dollars, figure},
    table::Table,
};

/// The rates of the tables, a second.
pub(crate) const RATES: [f64; 3] = [1e3, 1e5, 1e7];

/// All that something is worked out from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    /// What a request costs.
    pub(crate) costs: Costs,
    /// What platforms allow.
    pub(crate) platform: Platform,
    /// What they charge.
    pub(crate) prices: Prices,
}

/// The model of the page.
pub(crate) const MODEL: Model = Model { costs: MEASURED, platform: DEFAULTS, prices: LIST };

impl Model {
    /// Environments of Lambda that are busy with so many invocations of so many seconds, and as
    /// many more as leave room.
    fn environments(&self, per_second: f64, seconds: f64) -> f64 {
        per_second * seconds / self.platform.utilisation.value
    }

    /// The concurrency that an account needs for them: a unit for each environment, and for each
    /// ten invocations a second.
    fn concurrency(&self, per_second: f64, environments: f64) -> f64 {
        environments.max(per_second / self.platform.invocations_of_concurrency.value)
    }

    /// Seconds until Lambda lets that rate through, beginning with nothing; the last environment
    /// starts for `start_ms`.
    fn ramp_s(&self, per_second: f64, environments: f64, start_ms: f64) -> f64 {
        let Platform { invocations_of_concurrency, environments_a_second, .. } = &self.platform;
        let requests = environments_a_second.value * invocations_of_concurrency.value;
        let made = (environments / environments_a_second.value).max(per_second / requests);
        made + start_ms / 1e3
    }
}

/// Adds the rows of what a month costs, by rate: Lambda, the HTTP API, cores for pods, logs.
fn a_month(table: &mut Table, of: impl Fn(f64) -> [f64; 4]) {
    let what = ["Lambda", "HTTP API", "pods instead of Lambda", "logs"];
    for (index, what) in what.into_iter().enumerate() {
        table.row(across(&format!("a month: {what}"), |rate| dollars(of(rate)[index])));
    }
}

/// A table with a column for each of [`RATES`].
pub(crate) fn by_rate(heading: &str, unit: &str) -> Table {
    let rates = RATES.map(|rate| format!("{} {unit}", figure(rate)));
    Table::new(&[vec![heading.to_owned()], rates.to_vec()].concat())
}

/// A row of such a table.
pub(crate) fn across(what: &str, cell: impl Fn(f64) -> String) -> Vec<String> {
    std::iter::once(what.to_owned()).chain(RATES.map(cell)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures that a person can reckon with.
    pub(super) fn simple() -> Model {
        let mut model = MODEL;
        model.platform.utilisation = model.platform.utilisation.with(0.5);
        model.platform.slots_of_pod = model.platform.slots_of_pod.with(2.0);
        model.costs.hash_ms = model.costs.hash_ms.with(19.0);
        model.costs.login_beside_ms = model.costs.login_beside_ms.with(1.0);
        model.costs.login_lambda_ms = model.costs.login_lambda_ms.with(25.0);
        model.costs.validation_us = model.costs.validation_us.with(25.0);
        model.costs.validation_lambda_ms = model.costs.validation_lambda_ms.with(1.0);
        model.costs.database_ms = model.costs.database_ms.with(0.4);
        model
    }

    pub(super) fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() <= expected.abs() * 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn environments_are_rate_times_duration_over_the_share_that_may_be_busy() {
        assert_near(simple().environments(1000.0, 0.025), 50.0);
    }

    #[test]
    fn short_invocations_are_limited_by_their_number_and_long_ones_by_their_time() {
        assert_near(simple().concurrency(1000.0, 50.0), 100.0);
        assert_near(simple().concurrency(1000.0, 150.0), 150.0);
    }

    #[test]
    fn a_hundred_environments_and_a_thousand_requests_come_a_second() {
        assert_near(simple().ramp_s(100_000.0, 5_000.0, 0.0), 100.0);
        assert_near(simple().ramp_s(10_000.0, 5_000.0, 200.0), 50.2);
    }
}
