//! The steps of a count.
//!
//! SQLite's counts take them here. MySQL takes the same ones in one statement each, which
//! is tested against these.

use super::{
    Admission, Rule,
    store::{check_limit, until},
};

/// A row of the table; times in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) failures: i64,
    /// Checks under way,
    pub(super) checks: i64,
    /// which are believed in until then.
    pub(super) checks_until: i64,
    pub(super) locked_until: i64,
    pub(super) forget_at: i64,
}

impl Count {
    pub(super) fn begin(&mut self, rule: &Rule, now: i64) -> Admission {
        if self.locked_until > now {
            return Admission::Locked(until(self.locked_until, now));
        }
        self.failures = if self.forget_at > now { self.failures } else { 0 };
        self.checks = if self.checks_until > now { self.checks } else { 0 };
        if self.checks >= (rule.max_failures - self.failures).max(1) {
            return Admission::Full;
        }
        let alone = self.failures == 0 && self.checks == 0;
        self.checks += 1;
        self.checks_until = now + check_limit();
        Admission::Admitted { alone }
    }

    pub(super) fn fail(&mut self, rule: &Rule, now: i64) -> i64 {
        let remembered = if self.forget_at > now { self.failures } else { 0 };
        self.failures = remembered + 1;
        self.checks = (self.checks - 1).max(0);
        if rule.from_last || remembered == 0 {
            self.forget_at = now + rule.window;
        }
        let lock = now + rule.lock(self.failures);
        self.locked_until = if rule.locks(self.failures) { lock.min(self.forget_at) } else { 0 };
        self.failures
    }

    pub(super) fn end(&mut self, clear: bool) {
        self.checks = (self.checks - 1).max(0);
        if clear {
            (self.failures, self.locked_until, self.forget_at) = (0, 0, 0);
        }
    }
}

#[cfg(test)]
mod tests;
