//! Validations, which need no database.

use super::{MODEL, Model, a_month, across, by_rate};
use crate::{
    rounding::{count, figure},
    table::Table,
};

/// Megabytes of `validate` on Lambda.
const LAMBDA_MB: f64 = 256.0;

/// What a rate of validations takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validations {
    /// Cores of all pods.
    pub(crate) cores: f64,
    /// Pods of one core.
    pub(crate) pods: f64,
    /// Environments of Lambda that are busy, and room.
    pub(crate) environments: f64,
    /// Concurrency that the account needs.
    pub(crate) concurrency: f64,
    /// Seconds until Lambda lets them through, beginning with nothing.
    pub(crate) ramp_s: f64,
    /// USD a month: Lambda, the HTTP API, cores for pods, logs.
    pub(crate) dollars: [f64; 4],
}

impl Validations {
    /// For so many a second.
    pub(crate) fn at(model: &Model, per_second: f64) -> Self {
        let Model { costs, platform, prices } = model;
        let cores = per_second * costs.validation_us.value / 1e6 / platform.utilisation.value;
        let seconds = costs.validation_lambda_ms.value / 1e3;
        let environments = model.environments(per_second, seconds).ceil();
        Self {
            cores,
            pods: cores.ceil(),
            environments,
            concurrency: model.concurrency(per_second, environments),
            ramp_s: model.ramp_s(per_second, environments, costs.validate_start_ms.value),
            dollars: [
                prices.lambda(per_second, LAMBDA_MB, seconds),
                prices.gateway(per_second),
                prices.cores(cores.ceil()),
                prices.logs(per_second, costs.log_bytes.value),
            ],
        }
    }
}

/// The table of validations.
pub(crate) fn table() -> Table {
    let at = |rate| Validations::at(&MODEL, rate);
    let mut table = by_rate("validations", "a second");
    table.row(across("vCPUs of pods, and pods of one", |rate| count(at(rate).cores)));
    table.row(across("or: environments of Lambda that are busy", |rate| {
        count(at(rate).environments)
    }));
    table.row(across("the account's concurrency for them", |rate| count(at(rate).concurrency)));
    table.row(across("until Lambda lets them through, from nothing", |rate| {
        format!("{} s", figure(at(rate).ramp_s))
    }));
    a_month(&mut table, |rate| at(rate).dollars);
    table
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{assert_near, simple},
        *,
    };

    #[test]
    fn a_hundred_thousand_validations_of_25_us_take_5_cores_at_half_use() {
        let validations = Validations::at(&simple(), 100_000.0);
        assert_near(validations.cores, 5.0);
        assert_near(validations.pods, 5.0);
    }

    #[test]
    fn validations_on_lambda_are_limited_by_their_number() {
        let validations = Validations::at(&simple(), 100_000.0);
        assert_near(validations.environments, 200.0);
        assert_near(validations.concurrency, 10_000.0);
        assert_near(validations.ramp_s, 100.0 + simple().costs.validate_start_ms.value / 1e3);
    }
}
