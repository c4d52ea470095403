//! `allocation-sites NAME`: where the requests of a path ask for memory, by dhat, and how often
//! each does: a table of the stacks, the frames of this project and the nearest of others.

use std::{error::Error, fs, path::Path};

use instruments::hot_path::HotPath;
use serde::Deserialize;
use shared::{config::LogConfig, telemetry};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const REQUESTS: usize = 100;
/// Fills caches, and does once what is done once.
const WARM_UP: usize = 10;
/// Frames that are shown of a stack.
const SHOWN: usize = 12;

/// What dhat writes, as far as it is read here.
#[derive(Deserialize)]
struct Profile {
    /// Program points: stacks that allocate.
    pps: Vec<Point>,
    #[serde(rename = "ftbl")]
    frames: Vec<String>,
}

#[derive(Deserialize)]
struct Point {
    #[serde(rename = "tbk")]
    blocks: usize,
    #[serde(rename = "tb")]
    bytes: usize,
    #[serde(rename = "fs")]
    frames: Vec<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let path = HotPath::from_name(&name).ok_or("usage: allocation-sites NAME")?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/instruments");
    fs::create_dir_all(&file)?;
    let file = file.join(format!("{name}.dhat.json"));
    profile(path, &file)?;
    let mut profile: Profile = serde_json::from_str(&fs::read_to_string(&file)?)?;
    // What happens more rarely is not of a request.
    profile.pps.retain(|point| point.blocks >= REQUESTS);
    profile.pps.sort_by_key(|point| std::cmp::Reverse(point.blocks));
    for point in &profile.pps {
        let (blocks, bytes) = (point.blocks / REQUESTS, point.bytes / point.blocks);
        println!("{blocks} of {bytes} bytes");
        for frame in point.frames.iter().filter_map(|index| profile.frames.get(*index)).take(SHOWN)
        {
            println!("    {}", shortened(frame));
        }
    }
    let sum: usize = profile.pps.iter().map(|point| point.blocks).sum();
    println!("{} allocations of {name}; all of it: {}", sum / REQUESTS, file.display());
    Ok(())
}

fn profile(path: HotPath, file: &Path) -> Result<(), Box<dyn Error>> {
    telemetry::init(&LogConfig::default());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut run = runtime.block_on(path.prepare(REQUESTS + WARM_UP));
    runtime.block_on(run.answer(WARM_UP));
    let _profiler = dhat::Profiler::builder().file_name(file).trim_backtraces(None).build();
    runtime.block_on(run.answer(REQUESTS));
    Ok(())
}

/// Without address and directories.
fn shortened(frame: &str) -> String {
    let frame = frame.split_once(": ").map_or(frame, |(_, frame)| frame);
    match frame.rsplit_once(" (") {
        Some((function, place)) => {
            let place = place.trim_end_matches(')');
            let short: Vec<_> = place.rsplit('/').take(3).collect();
            let short: Vec<_> = short.into_iter().rev().collect();
            format!("{function} ({})", short.join("/"))
        }
        None => frame.to_owned(),
    }
}
