#![expect(clippy::unchecked_time_subtraction, reason = "of constants")]

use std::{future::pending, sync::atomic::AtomicUsize};

use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Answers,
    Refuses,
    Hangs,
    Panics,
}

/// A database whose behaviour a test changes, and how often it was asked.
struct Asked {
    database: Arc<Database>,
    behaviour: watch::Sender<Behaviour>,
    times: Arc<AtomicUsize>,
}

fn database(behaviour: Behaviour) -> Asked {
    let (behaviour, now) = watch::channel(behaviour);
    let times = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&times);
    let probe: DatabaseProbe = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let behaviour = *now.borrow();
        Box::pin(async move {
            match behaviour {
                Behaviour::Answers => true,
                Behaviour::Refuses => false,
                Behaviour::Hangs => pending().await,
                Behaviour::Panics => panic!("on purpose"),
            }
        })
    });
    Asked { database: Arc::new(Database::new(probe)), behaviour, times }
}

#[tokio::test(start_paused = true)]
async fn the_first_who_asks_is_told() {
    for (behaviour, state) in [
        (Behaviour::Answers, "ok"),
        (Behaviour::Refuses, "unreachable"),
        (Behaviour::Panics, "unreachable"),
    ] {
        assert_eq!(database(behaviour).database.state().await, state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_reported_within_two_seconds_however_often_somebody_asks() {
    for pause in [SECOND / 10, SECOND, 2 * SECOND, 60 * SECOND] {
        let asked = database(Behaviour::Answers);
        for behaviour in [Behaviour::Answers, Behaviour::Refuses].repeat(3) {
            asked.behaviour.send_replace(behaviour);
            let since = Instant::now();
            loop {
                sleep(pause).await;
                let state = asked.database.state().await;
                if (state == "ok") == (behaviour == Behaviour::Answers) {
                    break;
                }
                assert!(since.elapsed() < 2 * SECOND, "{pause:?}: {state}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_hangs_is_unknown_after_300_ms_and_unreachable_after_a_second() {
    let asked = database(Behaviour::Hangs);
    let since = Instant::now();
    assert_eq!(asked.database.state().await, "unknown");
    assert_eq!(since.elapsed(), WAIT_LIMIT);
    sleep(SECOND - WAIT_LIMIT).await;
    assert_eq!(asked.database.state().await, "unreachable");
    assert!(since.elapsed() < 2 * SECOND, "{:?}", since.elapsed());
}

/// It was fine, then nobody asked, then it hangs.
#[tokio::test(start_paused = true)]
async fn an_old_state_is_not_reported() {
    let asked = database(Behaviour::Answers);
    assert_eq!(asked.database.state().await, "ok");
    asked.behaviour.send_replace(Behaviour::Hangs);
    sleep(10 * SECOND).await;
    assert_eq!(asked.database.state().await, "unknown");
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_a_second_by_many_and_never_by_nobody() {
    let asked = database(Behaviour::Answers);
    for _ in 0..50 {
        let both = tokio::join!(asked.database.state(), asked.database.state());
        assert_eq!(both, ("ok", "ok"));
        sleep(SECOND / 10).await;
    }
    let times = asked.times.load(Ordering::Relaxed);
    assert!((4..=6).contains(&times), "{times} times in 5 s");
    sleep(60 * SECOND).await;
    assert_eq!(asked.times.load(Ordering::Relaxed), times);
}
