//! How often keys are fetched from Secrets Manager.

use super::{Logins, MODEL, Model, Validations, across, by_rate};
use crate::{
    rounding::{count, figure},
    table::Table,
};

/// Calls for the key by `login`, at each refresh.
const LOGIN_CALLS: f64 = 1.0;
/// Calls by `login` at its start: the key, and the database's account.
const LOGIN_START_CALLS: f64 = 2.0;
/// Calls by `validate`, at its start and at each refresh: `AWSCURRENT` and `AWSPREVIOUS`.
const VALIDATE_CALLS: f64 = 2.0;

/// Calls of `GetSecretValue` where both functions have the same rate of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyFetches {
    /// A second, by pods, each at a time of its own.
    pub(crate) pods: f64,
    /// A second, by as many environments of Lambda as the concurrency has room for.
    pub(crate) lambda: f64,
    /// In all, if all pods start, or refresh, at once.
    pub(crate) at_once: f64,
    /// How long Secrets Manager takes for those, in seconds.
    pub(crate) at_once_s: f64,
    /// A second, if every environment of `validate` is shown a token with an unknown key.
    pub(crate) unknown_keys: f64,
    /// The same of pods.
    pub(crate) unknown_keys_pods: f64,
}

impl KeyFetches {
    /// For so many logins and as many validations a second.
    pub(crate) fn at(model: &Model, per_second: f64) -> Self {
        let platform = &model.platform;
        let logins = Logins::at(model, per_second);
        let validations = Validations::at(model, per_second);
        let refresh = |logins: f64, validations: f64| {
            (logins * LOGIN_CALLS + validations * VALIDATE_CALLS) / platform.refresh_s.value
        };
        let at_once = logins.pods * LOGIN_START_CALLS + validations.pods * VALIDATE_CALLS;
        let demand = |processes: f64| processes * VALIDATE_CALLS / platform.demand_s.value;
        Self {
            pods: refresh(logins.pods, validations.pods),
            lambda: refresh(logins.concurrency, validations.concurrency),
            at_once,
            at_once_s: at_once / platform.secret_rate.value,
            unknown_keys: demand(validations.concurrency),
            unknown_keys_pods: demand(validations.pods),
        }
    }
}

/// The table of key fetches.
pub(crate) fn table() -> Table {
    let at = |rate| KeyFetches::at(&MODEL, rate);
    let mut table = by_rate("calls of `GetSecretValue`", "of each a second");
    table.row(across("a second, by pods", |rate| figure(at(rate).pods)));
    table.row(across("a second, by Lambda, at the most", |rate| figure(at(rate).lambda)));
    table.row(across("in all, if all pods start at once", |rate| count(at(rate).at_once)));
    table.row(across("for which the quota needs", |rate| {
        format!("{} s", figure(at(rate).at_once_s))
    }));
    table.row(across("a second, by pods, under a flood of unknown keys", |rate| {
        figure(at(rate).unknown_keys_pods)
    }));
    table.row(across("a second, by Lambda, under the same, at the most", |rate| {
        figure(at(rate).unknown_keys)
    }));
    table
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{assert_near, simple},
        *,
    };

    #[test]
    fn each_process_asks_every_300_s_and_validate_for_two_versions() {
        // 100,000 a second: 2,000 pods of login, and 5 of validate.
        let fetches = KeyFetches::at(&simple(), 100_000.0);
        assert_near(fetches.pods, (2_000.0 + 2.0 * 5.0) / 300.0);
        assert_near(fetches.lambda, (10_000.0 + 2.0 * 10_000.0) / 300.0);
    }

    #[test]
    fn a_start_of_all_pods_is_two_calls_for_each() {
        let fetches = KeyFetches::at(&simple(), 100_000.0);
        assert_near(fetches.at_once, 4_010.0);
        assert_near(fetches.at_once_s, 0.401);
    }

    #[test]
    fn unknown_keys_cost_each_process_two_calls_in_10_s() {
        assert_near(KeyFetches::at(&simple(), 100_000.0).unknown_keys, 2_000.0);
        assert_near(KeyFetches::at(&simple(), 100_000.0).unknown_keys_pods, 1.0);
    }
}
