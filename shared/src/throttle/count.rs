//! The steps of a count.
//!
//! SQLite's counts take them here. MySQL takes the same ones in one statement each, which
//! is tested against these.

use super::{
    Admission, Rule,
    store::{check_limit, furthest, until},
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
        self.forget_at = if self.forget_at > now { self.remembered(rule, now) } else { 0 };
        self.failures = if self.forget_at > 0 { self.failures } else { 0 };
        self.checks_until = if_in_force(self.checks_until, now, check_limit());
        self.checks = if self.checks_until > 0 { self.checks } else { 0 };
        self.locked_until = if_in_force(self.locked_until, now, rule.longest_lock);
        if self.locked_until > 0 {
            return Admission::Locked(until(self.locked_until, now));
        }
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
        let anew = rule.from_last || remembered == 0;
        self.forget_at = if anew { now + rule.window } else { self.remembered(rule, now) };
        let lock = now + rule.lock(self.failures);
        self.locked_until = if rule.locks(self.failures) { lock.min(self.forget_at) } else { 0 };
        self.failures
    }

    /// Until when failures are remembered, whatever the rule of the one that set it was.
    fn remembered(&self, rule: &Rule, now: i64) -> i64 {
        self.forget_at.min(now.saturating_add(rule.window))
    }

    pub(super) fn end(&mut self, clear: bool) {
        self.checks = (self.checks - 1).max(0);
        if clear {
            (self.failures, self.locked_until, self.forget_at) = (0, 0, 0);
        }
    }
}

/// A time that is neither past nor further ahead than it may be; else 0.
fn if_in_force(time: i64, now: i64, at_most: i64) -> i64 {
    if time > now && time <= now.saturating_add(furthest(at_most)) { time } else { 0 }
}

#[cfg(test)]
mod tests;
