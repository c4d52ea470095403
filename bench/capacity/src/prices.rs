//! What it is charged for: list prices of us-east-1, without discounts for volume.

use crate::figure::Figure;

/// Prices in USD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prices {
    /// A GB-second of Lambda on arm64.
    pub(crate) gb_second: Figure,
    /// A million invocations.
    pub(crate) million_invocations: Figure,
    /// A million requests through an HTTP API.
    pub(crate) million_api_requests: Figure,
    /// A core for an hour, its memory included.
    pub(crate) core_hour: Figure,
    /// A gigabyte of log lines taken in.
    pub(crate) log_gb: Figure,
}

/// List prices.
pub(crate) const LIST: Prices = Prices {
    gb_second: Figure {
        what: "Lambda, arm64",
        value: 0.000_013_333_4,
        unit: "USD a GB-second",
        source: "AWS, the first tier",
    },
    million_invocations: Figure {
        what: "Lambda",
        value: 0.2,
        unit: "USD a million invocations",
        source: "AWS",
    },
    million_api_requests: Figure {
        what: "HTTP API",
        value: 1.0,
        unit: "USD a million requests",
        source: "AWS, the first tier; a function URL costs nothing",
    },
    core_hour: Figure {
        what: "a vCPU of a pod, with its memory",
        value: 0.04,
        unit: "USD an hour",
        source: "assumed: near Fargate on arm64; reserved or spot instances are cheaper",
    },
    log_gb: Figure {
        what: "CloudWatch Logs",
        value: 0.5,
        unit: "USD a GB",
        source: "AWS; our own line alone, Lambda writes more",
    },
};

/// A month as AWS counts it, in hours.
pub(crate) const MONTH_HOURS: f64 = 730.0;
/// The same in seconds.
pub(crate) const MONTH_S: f64 = MONTH_HOURS * 3600.0;

impl Prices {
    /// All of them, in the order of the page.
    pub(crate) fn all(&self) -> [Figure; 5] {
        [
            self.gb_second,
            self.million_invocations,
            self.million_api_requests,
            self.core_hour,
            self.log_gb,
        ]
    }

    /// USD a month for invocations of so many `seconds` with so many `megabytes`.
    pub(crate) fn lambda(&self, per_second: f64, megabytes: f64, seconds: f64) -> f64 {
        let gb_seconds = megabytes / 1024.0 * seconds;
        let one = gb_seconds * self.gb_second.value + self.million_invocations.value / 1e6;
        one * per_second * MONTH_S
    }

    /// USD a month for requests through an HTTP API.
    pub(crate) fn gateway(&self, per_second: f64) -> f64 {
        self.million_api_requests.value / 1e6 * per_second * MONTH_S
    }

    /// USD a month for so many cores.
    pub(crate) fn cores(&self, cores: f64) -> f64 {
        self.core_hour.value * cores * MONTH_HOURS
    }

    /// USD a month for log lines of so many bytes.
    pub(crate) fn logs(&self, per_second: f64, bytes: f64) -> f64 {
        self.log_gb.value * bytes / 1e9 * per_second * MONTH_S
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_logins_on_lambda_cost_68_cents_and_the_gateway_a_dollar() {
        // The table of docs/operations.md: 36,300 GB-seconds, 0.48 and 0.20 USD.
        let a_month = 1e6 / MONTH_S;
        assert!((LIST.lambda(a_month, 1769.0, 0.021) - 0.684).abs() < 0.001);
        assert!((LIST.gateway(a_month) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_core_for_a_month_is_730_hours() {
        assert!((LIST.cores(1.0) - 730.0 * LIST.core_hour.value).abs() < 1e-9);
    }
}
