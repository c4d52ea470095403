//! `allocation-sites NAME`: where the requests of a path ask for memory, by dhat, and how often
//! each place does, the most frequent first: the way from the allocator up to the service.

use std::{cmp::Reverse, collections::BTreeMap, error::Error, fs, path::Path};

use instruments::hot_path::HotPath;
use serde::Deserialize;
use shared::{config::LogConfig, telemetry};
use tokio::runtime::Builder;

#[global_allocator]
static DHAT: dhat::Alloc = dhat::Alloc;

const REQUESTS: usize = 100;
/// Fills caches, and does once what is done once.
const WARM_UP: usize = 10;
/// Frames that are shown of a stack.
const SHOWN: usize = 9;
/// Files of the allocator, of what grows, and of dhat: nothing is to be learned from them.
const ALLOCATOR: [&str; 9] = [
    "(???",
    "(alloc/src/",
    "(core/src/",
    "(dhat-",
    "(instruments/examples/",
    "(src/alloc/",
    "(src/backtrace/",
    "(src/raw",
    "(src/vec/",
];

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
    #[serde(rename = "fs")]
    frames: Vec<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let path = HotPath::from_name(&name).ok_or("usage: allocation-sites NAME")?;
    let directory =
        Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("instruments");
    fs::create_dir_all(&directory)?;
    let file = directory.join(format!("{name}.dhat.json"));
    profile(path, &file)?;

    let profile: Profile = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let mut sites = BTreeMap::<_, usize>::new();
    for point in &profile.pps {
        *sites.entry(stack(point, &profile.frames)).or_default() += point.blocks;
    }
    let sum: usize = sites.values().sum();
    let mut sites: Vec<_> = sites.into_iter().collect();
    sites.sort_by_key(|(_, blocks)| Reverse(*blocks));
    // What happens more rarely is not of a request.
    for (stack, blocks) in sites.iter().filter(|(_, blocks)| *blocks >= REQUESTS) {
        println!("{:>3}  {}", blocks / REQUESTS, stack.join("\n     "));
    }
    println!("{} allocations of {name}; whole stacks are in {}", sum / REQUESTS, file.display());
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

/// From the allocator to the service, a line for each frame.
fn stack(point: &Point, frames: &[String]) -> Vec<String> {
    let frames = point.frames.iter().filter_map(|index| frames.get(*index));
    // Without its address.
    let frames = frames.map(|frame| frame.split_once(": ").map_or(&**frame, |(_, frame)| frame));
    let frames = frames.skip_while(|frame| ALLOCATOR.iter().any(|file| frame.contains(file)));
    let frames = frames.take_while(|frame| !frame.contains("hot_path.rs"));
    frames.take(SHOWN).map(without_types).collect()
}

/// The parameters of some types would fill a screen.
fn without_types(frame: &str) -> String {
    match (frame.find('<'), frame.rfind(" (")) {
        (Some(types @ 1..), Some(place)) if types < place => {
            format!("{}{}", &frame[..types], &frame[place..])
        }
        _ => frame.to_owned(),
    }
}
