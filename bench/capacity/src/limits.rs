//! What breaks first: each need beside the limit that it meets.

use crate::{
    resources::{KeyFetches, Logins, MODEL, Model, Validations, across, by_rate},
    rounding::figure,
    table::Table,
};

/// A limit, and how much of it a rate of logins and as many validations needs.
#[derive(Debug, Clone)]
pub(crate) struct Strain {
    /// What is limited, and to what.
    pub(crate) limit: String,
    /// The need over the limit: above 1 it breaks.
    pub(crate) share: f64,
}

/// All limits at a rate: first what this repository sets, then what the platforms set.
pub(crate) fn strains(model: &Model, per_second: f64) -> Vec<Strain> {
    let platform = &model.platform;
    let logins = Logins::at(model, per_second);
    let validations = Validations::at(model, per_second);
    let keys = KeyFetches::at(model, per_second);
    let of = |what: &str, limit: f64, need: f64| Strain {
        limit: format!("{what}: {}", figure(limit)),
        share: need / limit,
    };
    let account = platform.account_concurrency.value;
    let rate = platform.gateway_rate.value;
    let secrets = platform.secret_rate.value;
    vec![
        of("set here: `LoginRateLimit`", platform.login_rate_limit.value, per_second),
        of(
            "set here: `LoginReservedConcurrency`",
            platform.reserved_concurrency.value,
            logins.environments,
        ),
        of("set here: `max-scale` of `login`", platform.max_scale.value, logins.pods),
        of("Lambda: concurrency, logins", account, logins.concurrency),
        of("Lambda: concurrency, validations", account, validations.concurrency),
        of("API Gateway: requests a second, each function", rate, per_second),
        of("one database: connections of Lambda", platform.connections.value, logins.environments),
        of("one database: connections of pods", platform.connections.value, logins.pod_connections),
        of("one database: commits a second", platform.commit_rate.value, logins.commits),
        of("one database: vCPUs", platform.database_cores.value, logins.database_cores),
        of("Secrets Manager: refresh, Lambda", secrets, keys.lambda),
        of("Secrets Manager: unknown keys, Lambda", secrets, keys.unknown_keys),
    ]
}

/// The table of limits: what is more than there is, in bold.
pub(crate) fn table() -> Table {
    let mut table = by_rate("need ÷ limit", "of each a second");
    for (index, strain) in strains(&MODEL, 1.0).iter().enumerate() {
        table.row(across(&strain.limit, |rate| cell(strains(&MODEL, rate)[index].share)));
    }
    table
}

fn cell(share: f64) -> String {
    let text = if share < 0.001 { "< 0.001".to_owned() } else { figure(share) };
    if share > 1.0 { format!("**{text}**") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(limit: &str, per_second: f64) -> f64 {
        let strains = strains(&MODEL, per_second);
        let found: Vec<_> =
            strains.iter().filter(|strain| strain.limit.starts_with(limit)).collect();
        assert_eq!(found.len(), 1, "{limit}");
        found[0].share
    }

    #[test]
    fn the_gateway_lets_a_tenth_of_a_hundred_thousand_through() {
        assert!((share("API Gateway", 100_000.0) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_more_than_there_is_is_bold() {
        assert_eq!(cell(0.99), "0.99");
        assert_eq!(cell(1.5), "**1.5**");
        assert_eq!(cell(0.000_01), "< 0.001");
    }

    #[test]
    fn what_is_shipped_breaks_before_the_platforms_do() {
        let strains = strains(&MODEL, 1000.0);
        let (here, there): (Vec<_>, Vec<_>) =
            strains.iter().partition(|strain| strain.limit.starts_with("set here"));
        let most = |strains: &[&Strain]| strains.iter().map(|it| it.share).fold(0.0, f64::max);
        assert!(most(&here) > most(&there));
    }
}
