use std::time::Duration;

use super::*;
use crate::config::ThrottleConfig;

const MINUTE: i64 = 60_000;

fn email() -> Rule {
    Rule::email(&ThrottleConfig::default())
}

fn source(limit: u32) -> Rule {
    Rule::source(&ThrottleConfig { source_limit: Some(limit), ..Default::default() }).unwrap()
}

/// A check that begins and fails at `now`.
fn fail(count: &mut Count, rule: &Rule, now: i64) {
    let admission = count.begin(rule, now);
    assert!(matches!(admission, Admission::Admitted { .. }), "{admission:?} at {now}");
    count.fail(rule, now);
}

fn locked(count: &mut Count, rule: &Rule, now: i64) -> i64 {
    if let Admission::Locked(remaining) = count.begin(rule, now) {
        return i64::try_from(remaining.as_millis()).unwrap();
    }
    count.end(false);
    0
}

#[test]
fn the_fifth_failure_locks_for_a_second_and_each_further_one_for_twice_as_long() {
    let (rule, mut count, mut now) = (email(), Count::default(), 0);
    for _ in 0..4 {
        fail(&mut count, &rule, now);
        assert_eq!(locked(&mut count, &rule, now), 0);
    }
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        fail(&mut count, &rule, now);
        assert_eq!(locked(&mut count, &rule, now), seconds * 1000);
        now += seconds * 1000 - 1;
        assert_eq!(locked(&mut count, &rule, now), 1);
        // Where the longest lock ends, the count is forgotten as well.
        now += i64::from(seconds < 900);
        count.locked_until = count.locked_until.min(now);
    }
}

#[test]
fn attempts_during_a_lock_count_for_nothing() {
    let (rule, mut count) = (email(), Count::default());
    for _ in 0..5 {
        fail(&mut count, &rule, 0);
    }
    let before = count;
    for now in 0..999 {
        assert!(locked(&mut count, &rule, now) > 0);
    }
    assert_eq!(count, before);
}

#[test]
fn a_success_clears_the_count() {
    let (rule, mut count) = (email(), Count::default());
    for _ in 0..4 {
        fail(&mut count, &rule, 0);
    }
    assert_eq!(count.begin(&rule, 0), Admission::Admitted { alone: false });
    count.end(true);
    assert_eq!(count.begin(&rule, 0), Admission::Admitted { alone: true });
}

#[test]
fn a_quarter_of_an_hour_without_a_failure_clears_the_count() {
    for (pause, failures) in [(15 * MINUTE - 1, 5), (15 * MINUTE, 1)] {
        let (rule, mut count) = (email(), Count::default());
        for _ in 0..4 {
            fail(&mut count, &rule, 0);
        }
        fail(&mut count, &rule, pause);
        assert_eq!(count.failures, failures, "after {pause} ms");
    }
}

#[test]
fn no_more_checks_run_at_once_than_may_fail_until_the_next_lock() {
    let (rule, mut count) = (email(), Count::default());
    for failures in 0..5 {
        for _ in failures..5 {
            assert!(matches!(count.begin(&rule, 0), Admission::Admitted { .. }));
        }
        assert_eq!(count.begin(&rule, 0), Admission::Full);
        for _ in failures..5 {
            count.end(false);
        }
        fail(&mut count, &rule, 0);
    }
    // And one behind each lock.
    assert_eq!(count.begin(&rule, 1000), Admission::Admitted { alone: false });
    assert_eq!(count.begin(&rule, 1000), Admission::Full);
}

#[test]
fn a_check_that_nobody_ended_lapses() {
    let (rule, mut count) = (email(), Count::default());
    for _ in 0..5 {
        let _ = count.begin(&rule, 0);
    }
    assert_eq!(count.begin(&rule, check_limit() - 1), Admission::Full);
    assert_eq!(count.begin(&rule, check_limit()), Admission::Admitted { alone: true });
}

#[test]
fn a_source_is_locked_until_a_minute_after_its_first_failure() {
    let (rule, mut count) = (source(3), Count::default());
    for now in [0, 20_000, 30_000] {
        fail(&mut count, &rule, now);
    }
    assert_eq!(count.begin(&rule, 30_000), Admission::Locked(Duration::from_secs(30)));
    assert_eq!(count.begin(&rule, MINUTE), Admission::Admitted { alone: true });
}

#[test]
fn attempts_of_a_source_do_not_prolong_its_minute() {
    let (rule, mut count) = (source(3), Count::default());
    fail(&mut count, &rule, 0);
    for now in (0..MINUTE).step_by(1000) {
        assert_eq!(count.begin(&rule, now), Admission::Admitted { alone: false });
        count.end(false);
    }
    fail(&mut count, &rule, MINUTE);
    assert_eq!(count.failures, 1);
}

/// Such as one that the clock of another machine has set.
#[test]
fn a_time_further_ahead_than_its_step_could_set_counts_as_none() {
    let rule = email();
    for (is_lock, furthest) in [(true, rule.longest_lock), (false, check_limit())] {
        let begin = |time| {
            let mut count = Count { failures: 4, checks: 9, ..Count::default() };
            if is_lock {
                count.locked_until = time;
            } else {
                count.checks_until = time;
            }
            count.begin(&rule, 0)
        };
        assert_ne!(begin(furthest), Admission::Admitted { alone: true }, "{is_lock}");
        assert_eq!(begin(super::furthest(furthest) + 1), Admission::Admitted { alone: true });
    }
}

/// Such as one of an instance with longer locks, or from before its clock was put right.
#[test]
fn failures_are_remembered_though_their_time_is_further_ahead_than_the_rule_says() {
    let rule = email();
    let mut count = Count { failures: 9, forget_at: 100 * rule.window, ..Count::default() };
    assert_eq!(count.begin(&rule, 0), Admission::Admitted { alone: false });
    assert_eq!((count.failures, count.forget_at), (9, rule.window));
    count.fail(&rule, 0);
    assert!(locked(&mut count, &rule, 0) > 0);
}
