//! The cache on a real file, and on a clock that is moved.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
    time::Duration,
};

use secrecy::ExposeSecret;

use super::*;
use crate::{
    config::SecretsConfig,
    secrets::{SecretKind, SecretSource},
};

const REFRESH: Duration = Duration::from_mins(5);

/// A file that a cache is filled from, and how often it was read.
struct Place {
    path: PathBuf,
    reads: Arc<AtomicUsize>,
    start: SystemTime,
}

impl Place {
    fn new(content: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "secret-cache-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self { path, reads: Arc::default(), start: SystemTime::now() }
    }

    fn write(&self, content: &str) {
        fs::write(&self.path, content).unwrap();
    }

    fn recipe(&self) -> Recipe<String> {
        let source = SecretSource::File { variable: "SECRET_FILE".into(), path: self.path.clone() };
        let reads = Arc::clone(&self.reads);
        Recipe::new(SecretKind::Jwt, source, move |versions| {
            reads.fetch_add(1, Ordering::Relaxed);
            match versions.current.expose_secret() {
                "bad" => Err("is bad".into()),
                good => Ok(good.to_owned()),
            }
        })
    }

    async fn cache(&self) -> SecretCache<String> {
        Secrets::new(SecretsConfig { refresh: REFRESH, extension_port: None })
            .cache(self.recipe())
            .await
            .unwrap()
    }

    /// So many seconds after the cache was filled.
    fn at(&self, seconds: u64) -> SystemTime {
        // The cache was filled a moment after the start.
        self.start + Duration::from_secs(seconds) + Duration::from_millis(100)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Lets the fetch that is under way come to its end.
async fn settle(cache: &SecretCache<String>) {
    let running = cache.inner.state().running.clone();
    if let Some(mut running) = running {
        running.wait().await;
    }
}

async fn get(cache: &SecretCache<String>, now: SystemTime) -> String {
    cache.get(now).await.unwrap().as_str().to_owned()
}

#[tokio::test]
async fn a_secret_serves_until_it_is_old_and_is_then_fetched_while_requests_go_on() {
    let place = Place::new("one");
    let cache = place.cache().await;
    place.write("two");
    assert_eq!(get(&cache, place.at(299)).await, "one");
    assert!(cache.inner.state().running.is_none(), "not old yet");
    assert_eq!(get(&cache, place.at(301)).await, "one", "nobody waits");
    settle(&cache).await;
    assert_eq!(get(&cache, place.at(301)).await, "two");
    assert_eq!(place.reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_first_request_after_a_freeze_waits_for_the_secret() {
    let place = Place::new("one");
    let cache = place.cache().await;
    place.write("two");
    assert_eq!(get(&cache, place.at(4 * 3600)).await, "two");
}

#[tokio::test]
async fn a_fetch_that_was_frozen_on_its_way_is_begun_anew() {
    let place = Place::new("one");
    let cache = place.cache().await;
    place.write("two");
    let never = Attempt::begin(Reason::Age, place.at(301), std::future::pending());
    cache.inner.state().running = Some(never);
    assert_eq!(get(&cache, place.at(302)).await, "one", "under way, and nobody waits");
    assert_eq!(get(&cache, place.at(3600)).await, "two");

    place.write("three");
    let never = Attempt::begin(Reason::Age, place.at(3_907), std::future::pending());
    cache.inner.state().running = Some(never);
    assert_eq!(get(&cache, place.at(3_913)).await, "three", "frozen for seconds only");
}

#[tokio::test]
async fn a_demand_does_not_wait_for_a_fetch_that_was_frozen_on_its_way() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    place.write("two");
    let never = Attempt::begin(Reason::Age, place.at(301), std::future::pending());
    cache.inner.state().running = Some(never);
    assert_eq!(*cache.newer_than(&seen, place.at(306)).await.expect("a newer one"), "two");
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_a_secret_old() {
    let place = Place::new("one");
    let cache = place.cache().await;
    place.write("two");
    assert_eq!(get(&cache, place.start - Duration::from_mins(1)).await, "two");
}

#[tokio::test]
async fn an_unchanged_secret_is_not_made_anew() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let before = cache.get(place.at(0)).await.unwrap();
    let after = cache.get(place.at(4 * 3600)).await.unwrap();
    assert!(Arc::ptr_eq(&before, &after));
    assert_eq!(place.reads.load(Ordering::Relaxed), 1);
    let fetched = cache.inner.state().fetched;
    assert_eq!(fetched, place.at(4 * 3600), "and is as fresh as a new one");
}

#[tokio::test]
async fn while_the_source_is_away_or_bad_what_is_in_memory_serves_on() {
    let place = Place::new("one");
    let cache = place.cache().await;
    fs::remove_file(&place.path).unwrap();
    for seconds in [301, 302, 312, 9_000, 9_001] {
        assert_eq!(get(&cache, place.at(seconds)).await, "one");
        settle(&cache).await;
    }
    place.write("bad");
    assert_eq!(get(&cache, place.at(20_000)).await, "one");
    place.write("two");
    assert_eq!(get(&cache, place.at(20_005)).await, "one", "left alone for 10 s");
    assert!(cache.inner.state().running.is_none());
    let _ = cache.get(place.at(20_011)).await;
    settle(&cache).await;
    assert_eq!(get(&cache, place.at(20_012)).await, "two");
}

#[tokio::test]
async fn what_does_not_do_is_fetched_at_once_for_all_and_10_s_later_at_the_earliest() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    place.write("two");
    let demands: Vec<_> = (0..100)
        .map(|_| {
            let (cache, seen, now) = (cache.clone(), Arc::clone(&seen), place.at(1));
            tokio::spawn(async move { cache.newer_than(&seen, now).await })
        })
        .collect();
    for demand in demands {
        assert_eq!(*demand.await.unwrap().expect("a newer one"), "two");
    }
    assert_eq!(place.reads.load(Ordering::Relaxed), 2, "one fetch for all");

    let seen = cache.get(place.at(1)).await.unwrap();
    place.write("three");
    assert!(cache.newer_than(&seen, place.at(10)).await.is_none(), "too soon");
    assert_eq!(*cache.newer_than(&seen, place.at(12)).await.unwrap(), "three");
    assert!(cache.newer_than(&seen, place.at(12)).await.is_some(), "it is there already");
}

#[tokio::test]
async fn a_demand_is_not_content_with_a_fetch_that_began_before_it() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    let earlier = Attempt::begin(Reason::Age, place.at(1), tokio::task::yield_now());
    cache.inner.state().running = Some(earlier);
    place.write("two");
    assert_eq!(*cache.newer_than(&seen, place.at(2)).await.expect("a newer one"), "two");
}

#[tokio::test]
async fn nothing_newer_is_no_news() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    assert!(cache.newer_than(&seen, place.at(1)).await.is_none());
    let fixed = SecretCache::fixed(Arc::new(1));
    let seen = fixed.get(place.at(0)).await.unwrap();
    assert!(fixed.newer_than(&seen, place.at(9_000)).await.is_none());
}

#[tokio::test]
async fn a_deferred_secret_is_fetched_when_it_is_needed() {
    let place = Place::new("one");
    let cache = Secrets::default().deferred(true).cache(place.recipe()).await.unwrap();
    assert_eq!(place.reads.load(Ordering::Relaxed), 0);
    assert!(!cache.is_filled(place.at(0)));
    settle(&cache).await;
    assert!(cache.is_filled(place.at(0)));
    assert_eq!(get(&cache, place.at(1)).await, "one");
}

#[tokio::test]
async fn without_a_secret_there_is_an_error_until_it_comes() {
    let place = Place::new("one");
    fs::remove_file(&place.path).unwrap();
    let cache = Secrets::default().deferred(true).cache(place.recipe()).await.unwrap();
    let error = cache.get(place.at(0)).await.unwrap_err();
    assert!(error.to_string().starts_with("SECRET_FILE (file /"), "{error}");
    place.write("one");
    assert!(cache.get(place.at(1)).await.is_err(), "left alone for 2 s");
    assert_eq!(get(&cache, place.at(2)).await, "one");
}

#[tokio::test]
async fn requests_that_bring_their_times_in_another_order_share_one_fetch() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    place.write("two");
    let (late, early) =
        tokio::join!(cache.newer_than(&seen, place.at(9)), cache.newer_than(&seen, place.at(8)),);
    assert_eq!(
        (late.as_deref().unwrap().as_str(), early.as_deref().unwrap().as_str()),
        ("two", "two")
    );
    assert_eq!(place.reads.load(Ordering::Relaxed), 2, "one fetch for both");
    assert_eq!(get(&cache, place.at(7)).await, "two");
    assert!(cache.inner.state().running.is_none(), "what was just fetched is not old");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_source_that_hangs_for_more_than_2_s() {
    let place = Place::new("one");
    let cache = place.cache().await;
    let seen = cache.get(place.at(0)).await.unwrap();
    let hangs = Attempt::begin(Reason::Age, place.at(4_000), std::future::pending());
    cache.inner.state().running = Some(hangs);
    let since = tokio::time::Instant::now();
    assert_eq!(get(&cache, place.at(4_001)).await, "one");
    assert!(cache.newer_than(&seen, place.at(4_001)).await.is_none());
    assert_eq!(get(&cache, place.at(4_005)).await, "one");
    assert_eq!(since.elapsed().as_secs(), 2, "all three together");
    assert!(cache.inner.state().failed.is_some(), "and it is known to be slow");
}

#[tokio::test]
async fn a_recipe_that_panics_is_a_failure_that_passes() {
    let place = Place::new("one");
    let source = place.recipe().source;
    let panics = Arc::new(AtomicUsize::new(1));
    let recipe = Recipe::new(SecretKind::Jwt, source, move |_| {
        let left =
            panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1));
        assert!(left.is_err(), "a panic on purpose");
        Ok("made".to_owned())
    });
    let cache = Secrets::default().deferred(true).cache(recipe).await.unwrap();
    assert!(cache.get(place.at(0)).await.is_err());
    assert_eq!(get(&cache, place.at(0)).await, "made");
}
