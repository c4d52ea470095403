//! The cache on a real file, and at times that are given.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
};

use tempfile::{NamedTempFile, TempPath};

use super::*;
use crate::config::SecretsConfig;

/// A cache of what is in a file of its own. Its refresh is due after 300 s.
struct Scene {
    path: TempPath,
    reads: Arc<AtomicUsize>,
    cache: SecretCache<String>,
    made: SystemTime,
}

impl Scene {
    /// With `one` in the file.
    async fn new(deferred: bool) -> Self {
        let path = NamedTempFile::new().unwrap().into_temp_path();
        fs::write(&path, "one").unwrap();
        let place = SecretPlace::File(path.to_path_buf());
        let reads = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reads);
        let read = move |versions: &Versions, _| {
            count.fetch_add(1, Ordering::Relaxed);
            match versions[&Stage::Current].expose_secret() {
                "bad" => Err("is bad".into()),
                "panic" => panic!("on purpose"),
                good => Ok(good.to_owned()),
            }
        };
        let source = SecretSource { variable: "SECRET_FILE", place };
        let secrets = Secrets::new(SecretsConfig::default(), deferred);
        let cache =
            secrets.cache(SecretKind::Jwt, source, ExtraVersions::None, read).await.unwrap();
        Self { path, reads, cache, made: SystemTime::now() }
    }

    fn at(&self, seconds: i64) -> SystemTime {
        let distance = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { self.made - distance } else { self.made + distance }
    }

    /// Lets the refresh that is under way come to its end.
    async fn settle(&self) {
        let refresh = self.cache.state().refresh.clone();
        if let Some(mut refresh) = refresh {
            let _ = timeout_at(refresh.wait_until, refresh.done.changed()).await;
        }
    }

    /// Begins a refresh that brings nothing.
    fn begin(&self, started_at: SystemTime, never_ends: bool) {
        let (end, done) = watch::channel(());
        let task = tokio::spawn(async move {
            if never_ends {
                std::future::pending::<()>().await;
            }
            drop(end);
        });
        let (wait_until, task) = (Instant::now() + WAIT_TIMEOUT, task.abort_handle());
        self.cache.state().refresh = Some(Refresh { started_at, wait_until, task, done });
    }

    /// Plays steps at so many seconds after the cache was made.
    async fn play(&self, fact: &str, steps: &str) {
        let since = Instant::now();
        let at = |seconds: &str| self.at(seconds.parse().unwrap());
        for step in steps.split(", ") {
            let words: Vec<&str> = step.split(' ').collect();
            match words[..] {
                ["write", content] => fs::write(&self.path, content).unwrap(),
                ["remove"] => fs::remove_file(&self.path).unwrap(),
                ["get", seconds, expected] => {
                    let got = self.cache.get(at(seconds)).await;
                    if let Err(error) = &got {
                        assert!(error.to_string().starts_with("SECRET_FILE (file /"), "{error}");
                    }
                    let got = got.as_ref().map_or("nothing", |value| value.as_str());
                    assert_eq!(got, expected, "{fact}: {step}");
                    self.settle().await;
                }
                ["newer", seconds, expected] => {
                    let seen = self.cache.peek().unwrap();
                    let newer = self.cache.force_refresh(&seen, at(seconds)).await;
                    let newer = newer.as_ref().map_or("nothing", |value| value.as_str());
                    assert_eq!(newer, expected, "{fact}: {step}");
                }
                ["probe", seconds, expected] => {
                    let is_ready = self.cache.is_ready(at(seconds));
                    assert_eq!(is_ready.to_string(), expected, "{fact}: {step}");
                    self.settle().await;
                }
                ["begin", seconds, ends] => self.begin(at(seconds), ends == "never-ending"),
                ["reads", number] => {
                    assert_eq!(self.reads.load(Ordering::Relaxed).to_string(), number, "{fact}");
                }
                ["waited", seconds] => {
                    assert_eq!(since.elapsed().as_secs().to_string(), seconds, "{fact}");
                }
                _ => panic!("{step}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_follows_its_secret() {
    for (fact, steps) in [
        (
            "a stale value serves while it is refreshed, and no request waits",
            "write two, get 299 one, reads 1, get 301 one, get 301 two, waited 0",
        ),
        ("the first request after a freeze waits", "write two, get 14400 two"),
        ("a clock that was set back makes a value old", "write two, get -60 two"),
        (
            "an unchanged secret is not read anew, and its value is fresh again",
            "get 14400 one, reads 1, write two, get 14700 one, get 14701 one, get 14701 two",
        ),
        (
            "a value serves on while its source is away or bad, which is left alone for 10 s",
            "remove, get 301 one, get 302 one, get 312 one, get 9000 one, get 9001 one, write bad, \
             get 20000 one, write two, get 20005 one, get 20009 one, get 20011 one, get 20012 two",
        ),
        (
            "a refresh that was frozen on its way is begun anew",
            "write two, begin 301 never-ending, get 302 one, get 3600 two, \
             write one, begin 3907 never-ending, get 3913 one",
        ),
        (
            "a forced refresh replaces one that was frozen on its way",
            "write two, begin 301 never-ending, newer 306 two",
        ),
        (
            "a refresh that started before it was forced is repeated",
            "begin 1 ending, write two, newer 2 two",
        ),
        (
            "a forced refresh starts at once, and the next one 10 s later at the earliest",
            "write two, newer 1 two, write one, newer 10 nothing, newer 12 one",
        ),
        ("nothing newer is no news", "newer 1 nothing, reads 1"),
        (
            "no request waits for more than 2 s for a source that hangs",
            "begin 4000 never-ending, get 4001 one, newer 4001 nothing, get 4005 one, waited 2",
        ),
    ] {
        Scene::new(false).await.play(fact, steps).await;
    }
    for (fact, steps) in [
        ("a deferred secret is fetched when it is needed", "reads 0, get 1 one"),
        ("a probe has a deferred secret fetched", "probe 0 false, probe 0 true"),
        (
            "without a secret there is an error, and its source is left alone for 2 s",
            "remove, get 0 nothing, write one, get 1 nothing, get 2 one",
        ),
        (
            "without a secret, a fetch is not begun anew while it may still end",
            "begin 0 never-ending, get 3 nothing, get 9 nothing, reads 0, get 11 one, reads 1",
        ),
        ("a panic is a failure that passes", "write panic, get 0 nothing, write one, get 0 one"),
    ] {
        Scene::new(true).await.play(fact, steps).await;
    }
}

#[tokio::test]
async fn concurrent_calls_share_one_forced_refresh_whatever_the_order_of_their_times() {
    let scene = Scene::new(false).await;
    let seen = scene.cache.peek().unwrap();
    scene.play("before", "write two").await;
    let calls: Vec<_> = (0..100)
        .map(|number| {
            let (cache, now) = (scene.cache.clone(), scene.at(9 - number % 2));
            let seen = Arc::clone(&seen);
            tokio::spawn(async move { cache.force_refresh(&seen, now).await })
        })
        .collect();
    for call in calls {
        assert_eq!(*call.await.unwrap().expect("a newer one"), "two");
    }
    scene.play("after", "reads 2, get 7 two, reads 2").await;
    assert!(scene.cache.force_refresh(&seen, scene.at(12)).await.is_some(), "it is there already");
}
