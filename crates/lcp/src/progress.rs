//! How far something long is, on standard error: a line that is drawn again and again where somebody watches, a line now
//! and then otherwise.
//!
//! Drawn here rather than by a library: the usual one brings a crate named `console`, which is the name of one of ours.

mod line;
mod speed;

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use self::{
    line::{Moment, Pace, Style},
    speed::Course,
};
use crate::{printer::Printer, words};

const DRAWN_EVERY: Duration = Duration::from_millis(200);
const TOLD_EVERY: Duration = Duration::from_secs(30);
const USUAL_WIDTH: usize = 80;
/// Back to the beginning of the line, which is empty then.
const CLEAR: &str = "\r\x1b[K";

/// Whether a line stands on the terminal that others would write into.
static IS_DRAWN: AtomicBool = AtomicBool::new(false);

/// Whether somebody is asked something, and nothing may be drawn.
static IS_HELD: AtomicBool = AtomicBool::new(false);

/// While there is one, nothing is drawn.
#[derive(Debug)]
pub(crate) struct Held(());

impl Held {
    pub(crate) fn new() -> Self {
        IS_HELD.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        IS_HELD.store(false, Ordering::SeqCst);
    }
}

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
    is_over: AtomicBool,
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
            is_watched: is_watched(),
            is_over: AtomicBool::new(false),
        });
        if !state.is_watched {
            let size = total
                .map(|bytes| format!(" ({})", words::size(bytes)))
                .unwrap_or_default();
            printer.say(&format!("{label}{size} …"));
        }
        let drawn = Arc::clone(&state);
        let drawing = tokio::spawn(async move {
            let mut course = Course::default();
            let (pause, style) = if drawn.is_watched {
                (DRAWN_EVERY, Style::of_the_terminal())
            } else {
                (TOLD_EVERY, Style::PLAIN)
            };
            loop {
                tokio::time::sleep(pause).await;
                drawn.draw(&mut course, style);
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
        let state = &self.state;
        state.is_over.store(true, Ordering::SeqCst);
        let (done, new, elapsed) = (state.done(), state.new_bytes(), state.begin.elapsed());
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
        self.state.is_over.store(true, Ordering::SeqCst);
        let _ = clear(&mut io::stderr().lock());
    }
}

/// Takes the line away that is drawn, so that something can be said.
pub(crate) fn clear(terminal: &mut impl io::Write) -> io::Result<()> {
    if IS_DRAWN.swap(false, Ordering::SeqCst) {
        terminal.write_all(CLEAR.as_bytes())?;
    }
    Ok(())
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

    /// So many are done now, as somebody else counts.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.done.store(bytes, Ordering::Relaxed);
    }
}

impl State {
    fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn new_bytes(&self) -> u64 {
        self.done().saturating_sub(self.before.load(Ordering::Relaxed))
    }

    fn draw(&self, course: &mut Course, style: Style) {
        let moment = self.moment(course, self.begin.elapsed());
        let mut terminal = io::stderr().lock();
        if self.is_over.load(Ordering::SeqCst) || IS_HELD.load(Ordering::SeqCst) {
            return;
        }
        // A terminal that is gone needs no progress.
        let _ = if self.is_watched {
            // The last column stays free: some terminals begin a new line with it.
            let line = moment.line(style, width().saturating_sub(1));
            IS_DRAWN.store(true, Ordering::SeqCst);
            write!(terminal, "\r{line}\x1b[K").and_then(|()| terminal.flush())
        } else {
            writeln!(terminal, "{}", moment.sentence())
        };
    }

    fn moment(&self, course: &mut Course, elapsed: Duration) -> Moment<'_> {
        let done = self.done();
        let pace = course.see(elapsed, self.new_bytes());
        let is_over = self.total.is_some_and(|total| total > 0 && done >= total);
        Moment {
            label: &self.label,
            done,
            total: self.total,
            pace: if is_over { Pace::Finishing } else { pace },
        }
    }
}

/// Whether somebody sees a line that is drawn again and again.
fn is_watched() -> bool {
    io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|kind| kind != "dumb")
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

    fn told(total: Option<u64>, before: u64, done: u64) -> String {
        let state = State {
            label: "Database".to_owned(),
            total,
            done: done.into(),
            before: before.into(),
            begin: Instant::now(),
            is_watched: false,
            is_over: AtomicBool::new(false),
        };
        state
            .moment(&mut Course::default(), Duration::from_secs(2))
            .sentence()
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        assert_eq!(
            told(Some(2_000_000), 0, 1_000_000),
            "Database  50 %  1.0 of 2.0 MB  500.0 kB/s  2 s left"
        );
        assert_eq!(told(None, 0, 1_000_000), "Database  1.0 MB  500.0 kB/s");
    }

    #[test]
    fn what_was_there_before_makes_nothing_faster() {
        assert_eq!(
            told(Some(2_000_000), 900_000, 920_000),
            "Database  46 %  920.0 kB of 2.0 MB  10.0 kB/s  1 min 48 s left"
        );
        assert_eq!(
            told(Some(2_000_000), 900_000, 900_000),
            "Database  45 %  900.0 kB of 2.0 MB  0 B/s"
        );
    }

    #[test]
    fn what_comes_after_the_last_byte_is_no_transfer() {
        assert_eq!(
            told(Some(2_000_000), 0, 2_000_000),
            "Database  100 %  2.0 of 2.0 MB  finishing"
        );
    }
}
