//! `instructions check|accept HOT_PATH`: counts the instructions of a request of each path, and
//! compares them with `instruments/instructions.json`, or keeps them there.
//!
//! `check` ends with 1 if one has grown by more than 5 %.

use std::{
    collections::BTreeMap,
    env::consts::ARCH,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use instruments::{
    figures::{Figures, Kept, LIMIT_PERCENT, Row, compare, differences},
    hot_path::HotPath,
    valgrind::Callgrind,
};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("check"), Some(program)) => check(&count(Path::new(&program))?),
        (Some("accept"), Some(program)) => accept(count(Path::new(&program))?),
        _ => {
            eprintln!("usage: instructions check|accept HOT_PATH");
            Ok(ExitCode::from(2))
        }
    }
}

fn check(counted: &Figures) -> Result<ExitCode, Box<dyn Error>> {
    let kept = read()?;
    let kept = kept.get(ARCH).ok_or(format!(
        "{} has no figures of {ARCH}: make accept-instructions",
        file().display()
    ))?;
    println!("{:<18} {:>10} {:>10} {:>10}", "instructions of", "kept", "counted", "growth");
    let rows = compare(kept, counted);
    for row in &rows {
        println!("{row}");
    }
    if rows.iter().all(Row::is_well) {
        return Ok(ExitCode::SUCCESS);
    }
    for difference in differences(kept, counted) {
        println!("{difference}");
    }
    println!(
        "more than {} %. callgrind_annotate {}/NAME.callgrind says where; if it has to be: \
         make accept-instructions",
        LIMIT_PERCENT,
        directory().display()
    );
    Ok(ExitCode::FAILURE)
}

fn accept(counted: Figures) -> Result<ExitCode, Box<dyn Error>> {
    let mut kept = if file().exists() { read()? } else { Kept::new() };
    if let Some(kept) = kept.get(ARCH) {
        for row in compare(kept, &counted) {
            println!("{row}");
        }
    }
    kept.insert(ARCH.into(), counted);
    fs::write(file(), serde_json::to_string_pretty(&kept)? + "\n")?;
    println!("kept in {}", file().display());
    Ok(ExitCode::SUCCESS)
}

fn count(program: &Path) -> Result<Figures, Box<dyn Error>> {
    let callgrind = Callgrind::new(program, &directory());
    let mut per_request = BTreeMap::new();
    for path in HotPath::ALL {
        let instructions = callgrind.instructions(path);
        let instructions = instructions.map_err(|error| format!("{}: {error}", path.name()))?;
        per_request.insert(path.name().to_owned(), instructions);
    }
    let made_with = [
        ("rustc", first_line(&["rustc", "--version"])?),
        ("libc", first_line(&["getconf", "GNU_LIBC_VERSION"])?),
        ("valgrind", first_line(&["valgrind", "--version"])?),
    ];
    let made_with = made_with.map(|(name, version)| (name.to_owned(), version)).into();
    Ok(Figures { made_with, per_request })
}

fn first_line(command: &[&str]) -> Result<String, Box<dyn Error>> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().next().ok_or(format!("{} says nothing", command[0]))?.to_owned())
}

fn read() -> Result<Kept, Box<dyn Error>> {
    let text = fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()));
    Ok(serde_json::from_str(&text?)?)
}

/// What is kept.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// Where profiles go.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target").join("instruments")
}
