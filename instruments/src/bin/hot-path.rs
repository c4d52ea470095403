//! `hot-path NAME REQUESTS`: answers so many requests of a path, for `instructions`, which runs
//! it under callgrind. Everything but their answering happens outside of
//! `measured_requests`.

use instruments::hot_path::{HotPath, Run};
use shared::{config::LogConfig, telemetry};
use tokio::runtime::{Builder, Runtime};

/// Fills caches, and does once what is done once.
const WARM_UP: usize = 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().and_then(|name| HotPath::from_name(&name));
    let requests = arguments.next().and_then(|number| number.parse().ok());
    let (Some(path), Some(requests)) = (path, requests) else {
        eprintln!("usage: hot-path NAME REQUESTS");
        std::process::exit(2);
    };
    telemetry::init(&LogConfig::default());
    // One thread: its instructions are those of the requests.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut run = runtime.block_on(path.prepare(requests + WARM_UP));
    runtime.block_on(run.answer(WARM_UP));
    measured_requests(&runtime, &mut run, requests);
}

/// Callgrind counts from here on, and until this returns, by its name.
#[inline(never)]
fn measured_requests(runtime: &Runtime, run: &mut Run, requests: usize) {
    runtime.block_on(run.answer(requests));
}
