//! How far something long is, on standard error: a line that is drawn again and again where somebody watches, a line now
//! and then otherwise.
//!
//! Drawn here rather than by a library: the usual one brings a crate named `console`, which is the name of one of ours.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::{printer::Printer, words};

const DRAWN_EVERY: Duration = Duration::from_millis(200);
const TOLD_EVERY: Duration = Duration::from_secs(30);
const BAR: u64 = 24;
const USUAL_WIDTH: usize = 80;

/// Something long that is under way.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Arc<State>,
    printer: Printer,
    drawing: JoinHandle<()>,
}

/// Counts bytes of a [`Progress`] from wherever they move.
#[derive(Debug, Clone)]
pub(crate) struct Counter(Arc<State>);

#[derive(Debug)]
struct State {
    label: String,
    total: Option<u64>,
    done: AtomicU64,
    /// Bytes that were there before, and say nothing of the speed.
    before: AtomicU64,
    begin: Instant,
    is_watched: bool,
}

impl Progress {
    /// Begins; to be called within the runtime.
    pub(crate) fn start(label: &str, total: Option<u64>, printer: Printer) -> Self {
        let state = Arc::new(State {
            label: label.to_owned(),
            total,
            done: AtomicU64::new(0),
            before: AtomicU64::new(0),
            begin: Instant::now(),
            is_watched: io::stderr().is_terminal(),
        });
        if !state.is_watched {
            let size = total
                .map(|bytes| format!(" ({})", words::size(bytes)))
                .unwrap_or_default();
            printer.say(&format!("{label}{size} …"));
        }
        let drawn = Arc::clone(&state);
        let drawing = tokio::spawn(async move {
            let pause = if drawn.is_watched { DRAWN_EVERY } else { TOLD_EVERY };
            loop {
                tokio::time::sleep(pause).await;
                drawn.draw();
            }
        });
        Self {
            state,
            printer,
            drawing,
        }
    }

    pub(crate) fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.state))
    }

    /// Ends with one line that stays.
    pub(crate) fn finish(self) {
        self.drawing.abort();
        let state = &self.state;
        let (done, new, elapsed) = (state.done(), state.new_bytes(), state.begin.elapsed());
        state.clear();
        self.printer.say(&format!(
            "{}: {} in {} ({})",
            state.label,
            words::size(done),
            words::duration(elapsed),
            words::speed(new, elapsed)
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.drawing.abort();
        self.state.clear();
    }
}

impl Counter {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that came to nothing.
    pub(crate) fn take_back(&self, bytes: usize) {
        self.0.done.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that were there already.
    pub(crate) fn skip(&self, bytes: u64) {
        self.0.done.fetch_add(bytes, Ordering::Relaxed);
        self.0.before.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl State {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn new_bytes(&self) -> u64 {
        self.done().saturating_sub(self.before.load(Ordering::Relaxed))
    }

    fn draw(&self) {
        let line = self.line(self.begin.elapsed());
        let mut terminal = io::stderr().lock();
        // A terminal that is gone needs no progress.
        let _ = if self.is_watched {
            let shown: String = line.chars().take(width().saturating_sub(1)).collect();
            write!(terminal, "\r{shown}\x1b[K").and_then(|()| terminal.flush())
        } else {
            writeln!(terminal, "{line}")
        };
    }

    fn clear(&self) {
        if self.is_watched {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    fn line(&self, elapsed: Duration) -> String {
        let (done, new) = (self.done(), self.new_bytes());
        let speed = words::speed(new, elapsed);
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return format!("{}  {}  {speed}", self.label, words::size(done));
        };
        let part = |of: u64| {
            let share = u128::from(done.min(total)) * u128::from(of) / u128::from(total);
            u64::try_from(share).unwrap_or(of)
        };
        let filled = usize::try_from(part(BAR)).unwrap_or(0);
        let empty = usize::try_from(BAR).unwrap_or(0) - filled;
        let left = u128::from(total.saturating_sub(done)) * elapsed.as_millis() / u128::from(new.max(1));
        let left = if new == 0 {
            String::new()
        } else {
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
            format!("  {} left", words::duration(left))
        };
        format!(
            "{}  [{}{}] {:>3} %  {} of {}  {speed}{left}",
            self.label,
            "#".repeat(filled),
            "-".repeat(empty),
            part(100),
            words::size(done),
            words::size(total),
        )
    }
}

/// Columns of the terminal.
fn width() -> usize {
    rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(USUAL_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(total: Option<u64>, before: u64, done: u64) -> State {
        State {
            label: "Database".to_owned(),
            total,
            done: done.into(),
            before: before.into(),
            begin: Instant::now(),
            is_watched: false,
        }
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let half = state(Some(2_000_000), 0, 1_000_000).line(Duration::from_secs(10));
        assert_eq!(
            half,
            "Database  [############------------]  50 %  1.0 MB of 2.0 MB  100.0 kB/s  10 s left"
        );
    }

    #[test]
    fn what_was_there_before_makes_nothing_faster() {
        let resumed = state(Some(2_000_000), 900_000, 1_000_000).line(Duration::from_secs(10));
        assert!(resumed.ends_with("10.0 kB/s  1 min 40 s left"), "{resumed}");
        let nothing_yet = state(Some(2_000_000), 900_000, 900_000).line(Duration::from_secs(10));
        assert!(nothing_yet.ends_with("0 B/s"), "{nothing_yet}");
    }

    #[test]
    fn without_a_total_there_is_no_bar() {
        let line = state(None, 0, 1_000_000).line(Duration::from_secs(1));
        assert_eq!(line, "Database  1.0 MB  1.0 MB/s");
    }
}
