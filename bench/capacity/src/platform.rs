//! What the platforms allow and what this repository sets: quotas, limits, settings.

use crate::figure::Figure;

/// The figures that are not measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform {
    /// The share of each core that may be busy.
    pub(crate) utilisation: Figure,
    /// Hash slots, and cores, of a pod of `login`.
    pub(crate) slots_of_pod: Figure,
    /// Pods of `login` at most, as shipped.
    pub(crate) max_scale: Figure,
    /// `LoginReservedConcurrency`, as shipped.
    pub(crate) reserved_concurrency: Figure,
    /// `LoginRateLimit`, as shipped, a second.
    pub(crate) login_rate_limit: Figure,
    /// Concurrency of an AWS account, for all functions of a region.
    pub(crate) account_concurrency: Figure,
    /// Invocations a second for each unit of that concurrency.
    pub(crate) invocations_of_concurrency: Figure,
    /// New environments a second of one function.
    pub(crate) environments_a_second: Figure,
    /// Requests a second that all APIs of an account let through.
    pub(crate) gateway_rate: Figure,
    /// Statements of a login, and those of them that commit.
    pub(crate) statements: Figure,
    /// See [`Self::statements`].
    pub(crate) commits: Figure,
    /// Connections of a database server at most.
    pub(crate) connections: Figure,
    /// Commits a second of a database server.
    pub(crate) commit_rate: Figure,
    /// Cores of a database server.
    pub(crate) database_cores: Figure,
    /// Calls of `GetSecretValue` a second of an account.
    pub(crate) secret_rate: Figure,
    /// `SECRET_REFRESH_SECONDS`.
    pub(crate) refresh_s: Figure,
    /// How often tokens with unknown keys have a process fetch its keys at most, in seconds.
    pub(crate) demand_s: Figure,
}

/// Defaults of November 2026, in us-east-1.
pub(crate) const DEFAULTS: Platform = Platform {
    utilisation: Figure {
        what: "share of each core that may be busy, of compute and of databases",
        value: 0.6,
        unit: "",
        source: "assumed: the rest is for peaks and for a zone that fails",
    },
    slots_of_pod: Figure {
        what: "a pod of `login`",
        value: 2.0,
        unit: "slots on two cores",
        source: "`k8s-knative/base/login.yaml` (its request is half a core: set two)",
    },
    max_scale: Figure {
        what: "`max-scale` of `login`",
        value: 10.0,
        unit: "pods",
        source: "`k8s-knative/base/login.yaml`",
    },
    reserved_concurrency: Figure {
        what: "`LoginReservedConcurrency`",
        value: 20.0,
        unit: "",
        source: "`template.yaml`",
    },
    login_rate_limit: Figure {
        what: "`LoginRateLimit`",
        value: 50.0,
        unit: "a second",
        source: "`template.yaml`",
    },
    account_concurrency: Figure {
        what: "concurrency of an account",
        value: 1000.0,
        unit: "",
        source: "AWS's default; can be raised to tens of thousands and more",
    },
    invocations_of_concurrency: Figure {
        what: "invocations a second for each unit of it",
        value: 10.0,
        unit: "",
        source: "AWS, *Understanding concurrency and requests per second*",
    },
    environments_a_second: Figure {
        what: "new environments of a function (or 10 times as many requests a second)",
        value: 100.0,
        unit: "a second",
        source: "AWS: 1,000 in 10 s",
    },
    gateway_rate: Figure {
        what: "requests through API Gateway",
        value: 10_000.0,
        unit: "a second",
        source: "AWS's default for an account and region; can be raised",
    },
    statements: Figure {
        what: "statements of a login",
        value: 3.0,
        unit: "",
        source: "`throttle/mysql.rs` BEGIN and END, `users/sql.rs` FIND",
    },
    commits: Figure {
        what: "of them commit",
        value: 2.0,
        unit: "",
        source: "BEGIN and END; old rows are deleted a thousand at a time",
    },
    connections: Figure {
        what: "connections of a database",
        value: 16_000.0,
        unit: "",
        source: "Aurora MySQL's most; 1,000 by default with 16 GiB",
    },
    commit_rate: Figure {
        what: "durable commits of a primary",
        value: 20_000.0,
        unit: "a second",
        source: "assumed, with group commit: measure yours",
    },
    database_cores: Figure { what: "a primary", value: 32.0, unit: "cores", source: "assumed" },
    secret_rate: Figure {
        what: "`GetSecretValue`",
        value: 10_000.0,
        unit: "a second",
        source: "AWS, for an account and region",
    },
    refresh_s: Figure {
        what: "`SECRET_REFRESH_SECONDS`",
        value: 300.0,
        unit: "s",
        source: "default",
    },
    demand_s: Figure {
        what: "a token with an unknown key has a process ask again at most every",
        value: 10.0,
        unit: "s",
        source: "`secrets/cache/state.rs`",
    },
};

impl Platform {
    /// All of them, in the order of the page.
    pub(crate) fn all(&self) -> [Figure; 17] {
        [
            self.utilisation,
            self.slots_of_pod,
            self.max_scale,
            self.reserved_concurrency,
            self.login_rate_limit,
            self.account_concurrency,
            self.invocations_of_concurrency,
            self.environments_a_second,
            self.gateway_rate,
            self.statements,
            self.commits,
            self.connections,
            self.commit_rate,
            self.database_cores,
            self.secret_rate,
            self.refresh_s,
            self.demand_s,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository;

    #[test]
    fn settings_are_those_that_are_shipped() {
        let manifest = repository::read("k8s-knative/base/login.yaml").unwrap();
        let (scale, slots) = (DEFAULTS.max_scale.value, DEFAULTS.slots_of_pod.value);
        assert!(manifest.contains(&format!("max-scale: \"{scale}\"")));
        assert!(manifest.contains(&format!("value: \"{slots}\"")));
        let template = repository::read("template.yaml").unwrap();
        for (name, figure) in [
            ("LoginReservedConcurrency", DEFAULTS.reserved_concurrency),
            ("LoginRateLimit", DEFAULTS.login_rate_limit),
        ] {
            let declared = format!("  {name}:\n    Type: Number\n    Default: {}\n", figure.value);
            assert!(template.contains(&declared), "{declared}");
        }
    }
}
