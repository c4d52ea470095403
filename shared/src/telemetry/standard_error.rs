//! Where log lines go.
//!
//! A line is one call of the system, and so are the reading of a request and the writing of
//! its answer: lines of which there are many are therefore kept until their thread has
//! nothing else to do, or there are 8 KiB of them. An idle service writes each at once, and
//! a busy one some dozen together.

use std::{
    cell::OnceCell,
    fs::File,
    io::{self, Write},
    mem,
    os::fd::AsFd,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

/// How much of kept lines is enough to write them, in bytes.
const ENOUGH: usize = 8 * 1024;

/// Standard error without the lock of the standard library, which one thread holds while
/// the system writes its line, and others wait for. A line is written by one call, so that
/// lines of two threads stay apart without it. `None` if no file descriptor is left.
static OUTPUT: LazyLock<Option<File>> =
    LazyLock::new(|| io::stderr().as_fd().try_clone_to_owned().ok().map(File::from));

/// The lines that each thread keeps.
static KEPT: Mutex<Vec<Arc<Kept>>> = Mutex::new(Vec::new());

thread_local! {
    /// Those of this thread; there are none for one that would never write them.
    static OWN: OnceCell<Arc<Kept>> = const { OnceCell::new() };
}

/// Lines that are not written yet.
#[derive(Default)]
struct Kept(Mutex<Vec<u8>>);

impl Kept {
    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut lines = self.lines();
        lines.extend_from_slice(line);
        if lines.len() >= ENOUGH {
            write_and_clear(&mut lines);
        }
    }

    fn write(&self) {
        let mut lines = self.lines();
        if !lines.is_empty() {
            write_and_clear(&mut lines);
        }
    }
}

fn write_and_clear(lines: &mut Vec<u8>) {
    write(lines);
    lines.clear();
}

/// What cannot be written is lost: to say so would be written to the same place.
fn write(lines: &[u8]) {
    let output = OUTPUT.as_ref();
    let _ = output.map_or_else(|| io::stderr().write_all(lines), |mut file| file.write_all(lines));
}

/// Writes a line, behind those that its thread has kept.
pub(super) fn write_line(line: &[u8]) {
    OWN.with(|own| own.get().map(|kept| kept.write()));
    write(line);
}

/// Writes a line, now or soon.
pub(super) fn write_line_soon(line: &[u8]) {
    OWN.with(|own| own.get().map_or_else(|| write(line), |kept| kept.push(line)));
}

/// Writes the lines that the calling thread has kept. It may keep some from now on: whoever
/// calls this does so whenever the thread has nothing else to do.
pub fn write_kept_lines() {
    OWN.with(|own| {
        let new = || {
            let kept = Arc::<Kept>::default();
            KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&kept));
            kept
        };
        own.get_or_init(new).write();
    });
}

/// Writes the lines that all threads have kept, before the process ends.
pub fn write_all_kept_lines() {
    let kept = mem::take(&mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner));
    for kept in &kept {
        kept.write();
    }
}

/// Writes a line at once.
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
