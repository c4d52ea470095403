use super::{
    super::{
        MILLISECOND, SECOND,
        clients::{Load, Retry},
        door::Service,
        outcome::quantile,
    },
    *,
};

/// A hundred logins a second, and thirty times of that as a storm for a second.
fn small(retry: Retry, queue: Option<usize>) -> Scenario {
    Scenario {
        door: "",
        behaviour: "",
        load: Load { users: 3_000, within: SECOND, usual: 30, observed: 60 * SECOND },
        clients: Clients {
            retry,
            round_trip: 200 * MILLISECOND,
            time_out: 5 * SECOND,
            patience: 30 * SECOND,
            tries: u32::MAX,
        },
        service: Service {
            instances: 1,
            slots: 2,
            queue,
            hang_ups_leave: false,
            hash: 20 * MILLISECOND,
            refusal: 30,
            growth: None,
        },
    }
}

const BACKOFF: Retry = Retry::Backoff { first: SECOND, most: 20 * SECOND };

fn all() -> Vec<(String, Scenario)> {
    let retries =
        [Retry::AtOnce, Retry::After(2 * SECOND), Retry::AfterSpread(2 * SECOND), BACKOFF];
    let queues = [Some(0), Some(16), None];
    let leaving = retries.map(|retry| {
        let mut scenario = small(retry, Some(2_000));
        scenario.service.hang_ups_leave = true;
        (format!("{retry:?}, hang-ups leave"), scenario)
    });
    let pairs = retries.iter().flat_map(|retry| queues.map(|queue| (*retry, queue)));
    pairs
        .map(|(retry, queue)| (format!("{retry:?}, {queue:?}"), small(retry, queue)))
        .chain(leaving)
        .collect()
}

#[test]
fn each_client_ends_once_with_a_token_or_without() {
    for (name, scenario) in all() {
        let outcome = run(&scenario);
        assert_eq!((outcome.storm.clients, outcome.usual.clients), (3_000, 30 * 60), "{name}");
        for group in [outcome.storm, outcome.usual] {
            assert_eq!(group.logged_in + group.gave_up, group.clients, "{name}");
        }
    }
}

#[test]
fn every_hash_is_an_answer_or_was_wasted() {
    for (name, scenario) in all() {
        let outcome = run(&scenario);
        let logged_in = outcome.storm.logged_in + outcome.usual.logged_in;
        assert_eq!(outcome.hashes, logged_in + outcome.wasted, "{name}");
        let tries: u64 = outcome.tries.iter().sum();
        if !scenario.service.hang_ups_leave {
            assert_eq!(tries, outcome.hashes + outcome.refused, "{name}");
        }
        assert_eq!(tries, logged_in + outcome.refused + outcome.timed_out, "{name}");
    }
}

#[test]
fn the_same_scenario_gives_the_same_figures() {
    let scenario = small(BACKOFF, Some(16));
    assert_eq!(run(&scenario), run(&scenario));
}

#[test]
fn without_overload_nothing_is_shed() {
    let mut scenario = small(Retry::AtOnce, Some(16));
    // Sixty users in a minute, and 30 others a second, where a hundred can be had.
    (scenario.load.users, scenario.load.within) = (60, 60 * SECOND);
    let outcome = run(&scenario);
    assert_eq!((outcome.refused, outcome.timed_out, outcome.wasted), (0, 0, 0));
    assert_eq!((outcome.storm.logged_in, outcome.usual.logged_in), (60, 30 * 60));
    assert!(quantile(&outcome.answers, 99) <= Some(40 * MILLISECOND), "{:?}", outcome.answers);
    assert_eq!((outcome.usual.gave_up, outcome.last_failure), (0, 0));
}

#[test]
fn a_storm_larger_than_capacity_is_shed_and_drains() {
    let outcome = run(&small(Retry::After(2 * SECOND), Some(16)));
    assert!(outcome.refused > 1_000, "{}", outcome.refused);
    assert_eq!((outcome.timed_out, outcome.wasted), (0, 0));
    // Behind 16 others in two slots: nine hashes of 20 ms, and what refusals take of the cores.
    let slowest = quantile(&outcome.answers, 100);
    assert!(slowest <= Some(300 * MILLISECOND), "{slowest:?}");
    assert!(outcome.last_failure < 60 * SECOND, "{}", outcome.last_failure);
}

#[test]
fn behind_a_queue_without_bound_hashes_are_wasted_on_clients_that_are_gone() {
    let (bounded, unbounded) = (run(&small(BACKOFF, Some(16))), run(&small(BACKOFF, None)));
    assert_eq!(bounded.wasted, 0);
    assert!(unbounded.wasted > unbounded.hashes / 4, "{} wasted", unbounded.wasted);
    assert!(unbounded.storm.logged_in < bounded.storm.logged_in);
}

#[test]
fn a_queue_is_harmless_only_while_it_is_shorter_than_clients_wait() {
    let with_queue = |queue| {
        let mut scenario = small(BACKOFF, Some(queue));
        scenario.service.hang_ups_leave = true;
        run(&scenario)
    };
    // A hundred a second, and clients wait for 5 s: some wait for 4 s, or nearly all in vain, since
    // the first in the queue is always one that is about to leave.
    let (short, long) = (with_queue(400), with_queue(2_000));
    assert_eq!(short.wasted, 0);
    assert!(quantile(&short.answers, 99) > Some(3 * SECOND));
    assert!(long.wasted > long.hashes / 4, "{} of {} wasted", long.wasted, long.hashes);
}

#[test]
fn instances_that_come_later_end_the_storm_sooner_than_none() {
    let mut few = small(BACKOFF, Some(16));
    few.clients.patience = 120 * SECOND;
    let mut grown = few.clone();
    grown.service.instances = 5;
    grown.service.growth = Some((1, 10 * SECOND));
    assert!(run(&grown).last_failure < run(&few).last_failure / 2);
}
