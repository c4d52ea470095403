//! `soak MINUTES DIRECTORY`: the functions that lie in DIRECTORY with mixed traffic for so
//! long, a fault every minute, and at the end what became of every request and of memory.
//! Ends with 1 if anything was not as it has to be.

mod faults;
mod footprint;
mod parts;
mod report;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use faults::{Fault, Window};
use parts::Parts;
use report::Report;
use system_tests::traffic::Records;

/// Between two faults at most; in a short run each of them comes all the same.
const PERIOD: Duration = Duration::from_mins(1);
const PROGRESS: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().and_then(|minutes| minutes.parse::<f64>().ok());
    let (Some(minutes), Some(directory)) = (minutes, arguments.next()) else {
        eprintln!("usage: soak MINUTES DIRECTORY");
        return ExitCode::FAILURE;
    };
    let report = run(Duration::from_secs_f64(minutes * 60.0), PathBuf::from(directory));
    println!("{report}");
    let violations = report.violations();
    for violation in &violations {
        println!("VIOLATION {violation}");
    }
    println!("{} violations", violations.len());
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(time: Duration, directory: PathBuf) -> Report {
    let mut parts = Parts::start(directory);
    let start = parts.footprints();
    let mut traffic = parts.traffic();
    let began = Instant::now();
    let period = PERIOD.min(time / 5);
    let mut faults = Fault::ALL.into_iter().cycle();
    let (mut next_fault, mut progress) = (period, Progress::new(began));
    let (mut windows, mut warm) = (Vec::<Window>::new(), None);
    while began.elapsed() < time {
        std::thread::sleep(TICK);
        progress.tick(&parts, || traffic.records());
        // The last one leaves time to recover.
        if began.elapsed() >= next_fault && began.elapsed() + period / 2 < time {
            next_fault += period;
            warm.get_or_insert_with(|| parts.footprints());
            let fault = faults.next().expect("they go round");
            println!("{:>5.0} s  {}", began.elapsed().as_secs_f64(), fault.name());
            windows.push(fault.happen(&mut parts, &mut traffic));
        }
    }
    let records = traffic.stop();
    // Connections of clients that have hung up are on their way out.
    std::thread::sleep(Duration::from_secs(1));
    let end = parts.footprints();
    let warm = warm.unwrap_or_else(|| start.clone());
    Report { records, windows, start, warm, end, problems: parts.problems() }
}

/// A line every 10 s.
struct Progress {
    began: Instant,
    next: Duration,
    seen: usize,
}

impl Progress {
    fn new(began: Instant) -> Self {
        Self { began, next: PROGRESS, seen: 0 }
    }

    fn tick(&mut self, parts: &Parts, records: impl Fn() -> Records) {
        if self.began.elapsed() < self.next {
            return;
        }
        self.next += PROGRESS;
        let records = records();
        let new = Records(records.0[self.seen..].to_vec());
        self.seen = records.0.len();
        let memory = parts.footprints().map(|it| format!("{} {} MiB", it.name, it.memory / 1024));
        println!(
            "{:>5.0} s  {} | {}",
            self.began.elapsed().as_secs_f64(),
            new.summary(),
            memory.join(", ")
        );
    }
}
