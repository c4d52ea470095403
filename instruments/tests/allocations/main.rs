//! How often a request of `validate` asks for memory, beside a service that does nothing.
//!
//! One test, since an allocator counts for its whole process.

mod over_http;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use instruments::hot_path::HotPath;
use shared::{config::LogConfig, telemetry};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What a validation may take, beyond the bare service.
const LIMIT: u64 = 12;
const REQUESTS: u64 = 100;
/// Fills caches, and does once what is done once.
const WARM_UP: u64 = 10;
/// Set where this program is to count.
const COUNTING: &str = "COUNT_ALLOCATIONS";
/// What stands before a count.
const MARK: &str = "allocations of";

const VALIDATIONS: [HotPath; 5] = [
    HotPath::ValidateHs256,
    HotPath::ValidateEs256,
    HotPath::ValidateEdDsa,
    HotPath::ValidateRefused,
    HotPath::ValidateMissing,
];

#[test]
fn a_validation_allocates_twelve_times_beyond_the_bare_service_at_most() {
    if std::env::var_os(COUNTING).is_some() {
        return count();
    }
    // Once more, without the log lines of a thousand requests.
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.arg("--nocapture").env(COUNTING, "1").stderr(Stdio::null());
    let output = command.output().expect("this program runs");
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts: Vec<_> = output.lines().filter_map(read).collect();
    assert_eq!(counts.len(), VALIDATIONS.len() + 1, "every path was counted: {output}");

    // Past the test harness, which would keep the counts of a good run to itself.
    let mut table = std::io::stderr();
    let _ = writeln!(table, "\n{MARK}       all   bare  beyond");
    for (name, all, bare) in &counts {
        let _ = writeln!(table, "{name:<17} {all:>6} {bare:>6} {:>7}", all.saturating_sub(*bare));
    }
    assert!(counts.iter().all(|(.., bare)| *bare > 0), "the allocator does not count");
    let too_many = counts.iter().filter(|(_, all, bare)| all.saturating_sub(*bare) > LIMIT);
    let too_many: Vec<_> = too_many.map(|(name, ..)| name).collect();
    assert!(too_many.is_empty(), "more than {LIMIT}: {too_many:?}; see make allocations");
}

/// A path, its allocations, and those of the bare service.
fn read(line: &str) -> Option<(&str, u64, u64)> {
    let mut words = line.split_once(MARK)?.1.split_whitespace();
    Some((words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn count() {
    telemetry::init(&LogConfig::default());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _profiler = dhat::Profiler::builder().testing().build();
    let bare = in_process(&runtime, HotPath::Bare);
    for path in VALIDATIONS {
        println!("{MARK} {} {} {bare}", path.name(), in_process(&runtime, path));
    }
    let [all, bare] = over_http::allocations();
    println!("{MARK} hs256-over-http {all} {bare}");
}

/// Allocations of one request that is answered without a socket.
fn in_process(runtime: &Runtime, path: HotPath) -> u64 {
    let requests = |number| usize::try_from(number).expect("a hundred");
    let mut run = runtime.block_on(path.prepare(requests(REQUESTS + WARM_UP)));
    runtime.block_on(run.answer(requests(WARM_UP)));
    of_each(|| runtime.block_on(run.answer(requests(REQUESTS))))
}

/// Allocations of one of [`REQUESTS`], those that grow included: to the nearest, since a
/// thread may be a step ahead of the other at the begin and the end.
fn of_each(answer: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    answer();
    (dhat::HeapStats::get().total_blocks - before + REQUESTS / 2) / REQUESTS
}
