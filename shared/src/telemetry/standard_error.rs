//! Where log lines go.
//!
//! A line is one call of the system, and so are the reading of a request and the writing of
//! its answer: lines of which there are many are therefore kept until their thread has
//! nothing else to do, or there are 4 KiB of them. An idle service writes each at once, and
//! a busy one some dozen together.

use std::{
    cell::OnceCell,
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

/// What a pipe takes as a whole, in bytes (`PIPE_BUF`): lines of two threads stay apart
/// without a lock.
const AT_ONCE: usize = 4096;

/// Standard error without the lock of the standard library, which one thread holds while
/// the system writes its line, and others wait for. `None` if no file descriptor is left.
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

    /// Keeps a line, and writes those before it where they would be too many together.
    fn push(&self, line: &[u8], write: impl FnOnce(&[u8])) {
        if self.lines().len() + line.len() > AT_ONCE {
            self.write(write);
        }
        self.lines().extend_from_slice(line);
    }

    fn write(&self, write: impl FnOnce(&[u8])) {
        let mut lines = self.lines();
        if !lines.is_empty() {
            write(&lines);
            lines.clear();
        }
    }
}

/// What cannot be written is lost: to say so would be written to the same place.
fn write(lines: &[u8]) {
    let output = OUTPUT.as_ref();
    let _ = output.map_or_else(|| io::stderr().write_all(lines), |mut file| file.write_all(lines));
}

/// Writes a line, behind those that its thread has kept.
pub(super) fn write_line(line: &[u8]) {
    // A thread that is ending has none.
    let _ = OWN.try_with(|own| own.get().map(|kept| kept.write(write)));
    write(line);
}

/// Writes a line, now or soon.
pub(super) fn write_line_soon(line: &[u8]) {
    let kept = OWN.try_with(|own| own.get().map(|kept| kept.push(line, write)));
    if !matches!(kept, Ok(Some(()))) {
        write(line);
    }
}

/// Writes the lines that the calling thread has kept. It may keep some from now on: whoever
/// calls this does so whenever the thread has nothing else to do.
pub fn write_kept_lines() {
    let _ = OWN.try_with(|own| {
        let new = || {
            let kept = Arc::<Kept>::default();
            all_kept().push(Arc::clone(&kept));
            kept
        };
        own.get_or_init(new).write(write);
    });
}

/// Writes the lines that all threads have kept, before the process ends.
pub fn write_all_kept_lines() {
    for kept in all_kept().iter() {
        kept.write(write);
    }
}

fn all_kept() -> MutexGuard<'static, Vec<Arc<Kept>>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_until_somebody_writes_them_and_then_written_once() {
        let (kept, mut written) = (Kept::default(), Vec::new());
        kept.push(b"one\n", |_| panic!("there is room for more"));
        kept.push(b"two\n", |_| panic!("there is room for more"));
        kept.write(|lines| written.extend_from_slice(lines));
        kept.write(|_| panic!("nothing is left"));
        assert_eq!(written, b"one\ntwo\n");
    }

    #[test]
    fn no_more_is_written_together_than_a_pipe_takes_as_a_whole() {
        let (kept, mut written) = (Kept::default(), Vec::new());
        let line = [b'x'; 300];
        for _ in 0..100 {
            kept.push(&line, |lines| written.push(lines.len()));
        }
        kept.write(|lines| written.push(lines.len()));
        assert_eq!(written.iter().sum::<usize>(), 100 * line.len());
        assert!(written.iter().all(|bytes| *bytes <= 4096 && bytes % line.len() == 0));
        assert_eq!(written[0], 13 * line.len());
    }
}
