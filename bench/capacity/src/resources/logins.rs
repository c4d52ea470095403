//! Logins: hashes, and the database behind them.

use super::{MODEL, Model, a_month, across, by_rate};
use crate::{
    rounding::{count, figure},
    table::Table,
};

/// Megabytes of `login` on Lambda: a whole core.
const LAMBDA_MB: f64 = 1769.0;

/// What a rate of logins takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logins {
    /// Cores of all pods.
    pub(crate) cores: f64,
    /// Pods.
    pub(crate) pods: f64,
    /// Memory of all pods, in GiB.
    pub(crate) memory_gib: f64,
    /// Environments of Lambda, each with a database connection.
    pub(crate) environments: f64,
    /// Concurrency that the account needs for them.
    pub(crate) concurrency: f64,
    /// Seconds until Lambda has them, beginning with nothing.
    pub(crate) ramp_s: f64,
    /// Database connections of all pods: one for each slot, and one more in each.
    pub(crate) pod_connections: f64,
    /// Statements a second.
    pub(crate) statements: f64,
    /// Commits a second.
    pub(crate) commits: f64,
    /// Cores of databases.
    pub(crate) database_cores: f64,
    /// Database primaries.
    pub(crate) primaries: f64,
    /// USD a month: Lambda, the HTTP API, cores for pods, logs.
    pub(crate) dollars: [f64; 4],
}

impl Logins {
    /// For so many a second.
    pub(crate) fn at(model: &Model, per_second: f64) -> Self {
        let Model { costs, platform, prices } = model;
        let cores = per_second * costs.login_core_seconds() / platform.utilisation.value;
        let pods = (cores / platform.slots_of_pod.value).ceil();
        let pod_mib = costs.login_mib.value + costs.slot_mib.value * platform.slots_of_pod.value;
        let seconds = costs.login_lambda_ms.value / 1e3;
        let environments = model.environments(per_second, seconds).ceil();
        let commits = per_second * platform.commits.value;
        let database_cores =
            per_second * costs.database_ms.value / 1e3 / platform.utilisation.value;
        let by_cores = database_cores / platform.database_cores.value;
        Self {
            cores,
            pods,
            memory_gib: pods * pod_mib / 1024.0,
            environments,
            concurrency: model.concurrency(per_second, environments),
            ramp_s: model.ramp_s(per_second, environments, costs.login_start_ms.value),
            pod_connections: pods * (platform.slots_of_pod.value + 1.0),
            statements: per_second * platform.statements.value,
            commits,
            database_cores,
            primaries: by_cores.max(commits / platform.commit_rate.value).ceil(),
            dollars: [
                prices.lambda(per_second, LAMBDA_MB, seconds),
                prices.gateway(per_second),
                prices.cores(pods * platform.slots_of_pod.value),
                prices.logs(per_second, costs.log_bytes.value),
            ],
        }
    }
}

/// The table of logins.
pub(crate) fn table() -> Table {
    let at = |rate| Logins::at(&MODEL, rate);
    let mut table = by_rate("logins", "a second");
    table.row(across("vCPUs of pods", |rate| count(at(rate).cores)));
    table.row(across("pods of two slots", |rate| count(at(rate).pods)));
    table.row(across("their memory, GiB", |rate| count(at(rate).memory_gib)));
    table.row(across("or: environments of Lambda", |rate| count(at(rate).environments)));
    table.row(across("the account's concurrency for them", |rate| count(at(rate).concurrency)));
    table.row(across("until Lambda has them, from nothing", |rate| {
        format!("{} s", figure(at(rate).ramp_s))
    }));
    table.row(across("database connections of pods", |rate| count(at(rate).pod_connections)));
    table.row(across("database connections of Lambda", |rate| count(at(rate).environments)));
    table.row(across("statements a second", |rate| figure(at(rate).statements)));
    table.row(across("commits a second", |rate| figure(at(rate).commits)));
    table.row(across("vCPUs of databases", |rate| count(at(rate).database_cores)));
    table.row(across("primaries", |rate| count(at(rate).primaries)));
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
    fn a_thousand_logins_of_20_ms_take_40_cores_at_half_use() {
        let logins = Logins::at(&simple(), 1000.0);
        assert_near(logins.cores, 40.0);
        assert_near(logins.pods, 20.0);
        assert_near(logins.pod_connections, 60.0);
        // 32 MiB and two slots of 20 MiB are 72 MiB.
        assert_near(logins.memory_gib, 20.0 * 72.0 / 1024.0);
    }

    #[test]
    fn an_environment_of_lambda_is_a_connection() {
        let logins = Logins::at(&simple(), 100_000.0);
        assert_near(logins.environments, 5_000.0);
        assert_near(logins.concurrency, 10_000.0);
    }

    #[test]
    fn commits_take_more_primaries_than_their_cores_do() {
        let logins = Logins::at(&simple(), 100_000.0);
        assert_near(logins.statements, 300_000.0);
        assert_near(logins.commits, 200_000.0);
        // 100,000 × 0.4 ms ÷ 0.5 are 80 cores, not even three primaries of 32.
        assert_near(logins.database_cores, 80.0);
        assert_near(logins.primaries, 10.0);
    }
}
