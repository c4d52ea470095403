//! What a request costs, measured. Change a figure here, run `make capacity`, and every table of
//! docs/capacity.md follows.

use crate::figure::Figure;

/// The measured figures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// The password hash of a login, in milliseconds of one core.
    pub(crate) hash_ms: Figure,
    /// All else that a login computes, in milliseconds of one core.
    pub(crate) login_beside_ms: Figure,
    /// How long an invocation of `login` lasts, in milliseconds.
    pub(crate) login_lambda_ms: Figure,
    /// A validation over HTTP, its log line included, in microseconds of one core.
    pub(crate) validation_us: Figure,
    /// How long an invocation of `validate` lasts as it is billed, in milliseconds.
    pub(crate) validation_lambda_ms: Figure,
    /// A login that is refused with 503 for want of a slot, in microseconds of one core.
    pub(crate) refusal_us: Figure,
    /// What a login costs the database, in milliseconds of one of its cores.
    pub(crate) database_ms: Figure,
    /// Memory of an instance of `login`, in MiB.
    pub(crate) login_mib: Figure,
    /// Memory of each hash slot, in MiB.
    pub(crate) slot_mib: Figure,
    /// From the start of `login` to its first answer, in milliseconds.
    pub(crate) login_start_ms: Figure,
    /// The same of `validate`.
    pub(crate) validate_start_ms: Figure,
    /// A line of the request log, in bytes.
    pub(crate) log_bytes: Figure,
}

/// As it was measured last.
pub(crate) const MEASURED: Costs = Costs {
    hash_ms: Figure {
        what: "login: the hash",
        value: 19.0,
        unit: "ms of one core",
        source: "a core with nothing else to do; 24 under the load of `make bench`",
    },
    login_beside_ms: Figure {
        what: "login: all else",
        value: 0.25,
        unit: "ms of one core",
        source: "`make bench ONLY=login`",
    },
    login_lambda_ms: Figure {
        what: "login: an invocation at 1,769 MB",
        value: 21.0,
        unit: "ms",
        source: "request log, median ([operations.md](operations.md))",
    },
    validation_us: Figure {
        what: "validation over HTTP, with its log line",
        value: 25.0,
        unit: "µs of one core",
        source: "`make bench ONLY=validate`, HS256",
    },
    validation_lambda_ms: Figure {
        what: "validation: an invocation at 256 MB",
        value: 1.0,
        unit: "ms",
        source: "0.4 ms of one core; 1 ms is the least that is billed",
    },
    refusal_us: Figure {
        what: "login that is refused for want of a slot",
        value: 30.0,
        unit: "µs of one core",
        source: "not measured: as a validation",
    },
    database_ms: Figure {
        what: "login: the database's work",
        value: 0.3,
        unit: "ms of one of its cores",
        source: "look-ups at MariaDB on loopback, roughly",
    },
    login_mib: Figure {
        what: "memory of an instance of `login`",
        value: 32.0,
        unit: "MiB",
        source: "`cargo test --test flood`",
    },
    slot_mib: Figure {
        what: "memory of each hash slot",
        value: 20.0,
        unit: "MiB",
        source: "`cargo test --test flood`",
    },
    login_start_ms: Figure {
        what: "cold start of `login` on Lambda",
        value: 100.0,
        unit: "ms",
        source: "`make bench ONLY=start`, to the first answer",
    },
    validate_start_ms: Figure {
        what: "cold start of `validate` on Lambda",
        value: 30.0,
        unit: "ms",
        source: "emulator ([operations.md](operations.md))",
    },
    log_bytes: Figure {
        what: "a line of the request log",
        value: 250.0,
        unit: "bytes",
        source: "request log",
    },
};

impl Costs {
    /// All of them, in the order of the page.
    pub(crate) fn all(&self) -> [Figure; 12] {
        [
            self.hash_ms,
            self.login_beside_ms,
            self.login_lambda_ms,
            self.validation_us,
            self.validation_lambda_ms,
            self.refusal_us,
            self.database_ms,
            self.login_mib,
            self.slot_mib,
            self.login_start_ms,
            self.validate_start_ms,
            self.log_bytes,
        ]
    }

    /// What a login computes in all, in seconds of one core.
    pub(crate) fn login_core_seconds(&self) -> f64 {
        (self.hash_ms.value + self.login_beside_ms.value) / 1e3
    }
}
