//! What Linux knows of a running process: its time on the processor, its memory, what it has read.

use std::{
    fs,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::statistics::number;

/// The unit of the times in `/proc`, which is the same on every Linux of today (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;
const SAMPLED_EVERY: Duration = Duration::from_millis(50);

pub(super) const MIB: u64 = 1024 * 1024;
pub(super) const GIB: u64 = 1024 * MIB;

/// A process by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(pub(super) u32);

/// What a process has resident in memory, in bytes, moment by moment.
#[derive(Debug)]
pub(super) struct MemoryCourse(Vec<u64>);

impl Process {
    /// Seconds it has spent on processors so far, with its threads that have ended and without other processes.
    pub(super) fn processor_seconds(self) -> Result<f64> {
        let stat = self.read("stat")?;
        processor_seconds(&stat).with_context(|| format!("cannot make sense of /proc/{}/stat", self.0))
    }

    /// Seconds that processes spent which it started, and which have ended and were waited for.
    pub(super) fn processor_seconds_of_ended_children(self) -> Result<f64> {
        let stat = self.read("stat")?;
        processor_seconds_of_ended_children(&stat)
            .with_context(|| format!("cannot make sense of /proc/{}/stat", self.0))
    }

    /// Bytes resident now.
    pub(super) fn memory(self) -> Result<u64> {
        self.status("VmRSS")
    }

    /// The most bytes it ever had resident.
    pub(super) fn peak_memory(self) -> Result<u64> {
        self.status("VmHWM")
    }

    /// Bytes it has read so far by system calls, from files, sockets and everything else.
    pub(super) fn bytes_read(self) -> Result<u64> {
        let io = self.read("io")?;
        field(&io, "rchar").with_context(|| format!("/proc/{}/io has no rchar", self.0))
    }

    /// How many files, sockets and the like it has open now.
    pub(super) fn descriptors(self) -> Result<u64> {
        let path = format!("/proc/{}/fd", self.0);
        let open = fs::read_dir(&path).with_context(|| format!("cannot list {path}"))?;
        Ok(open.count() as u64)
    }

    /// The processes that it started and that still run.
    pub(super) fn children(self) -> Result<Vec<Self>> {
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc").context("cannot list /proc")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse().ok()).map(Self) else {
                continue;
            };
            // One that has ended meanwhile was none of those that are asked for.
            if process.read("stat").ok().as_deref().and_then(parent) == Some(self.0) {
                children.push(process);
            }
        }
        Ok(children)
    }

    /// Does `work` and looks on.
    pub(super) fn memory_during<T>(self, work: impl FnOnce() -> Result<T>) -> Result<(T, MemoryCourse)> {
        let (samples, is_over) = (Mutex::new(vec![self.memory()?]), AtomicBool::new(false));
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // A process that is gone is told by the work itself.
                    if let Ok(memory) = self.memory() {
                        samples
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(memory);
                    }
                    thread::sleep(SAMPLED_EVERY);
                }
            });
            let outcome = work();
            is_over.store(true, Ordering::Relaxed);
            outcome
        });
        let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok((outcome?, MemoryCourse(samples)))
    }

    fn status(self, name: &str) -> Result<u64> {
        let status = self.read("status")?;
        let kibibytes = field(&status, name);
        kibibytes
            .map(|kibibytes| kibibytes * 1024)
            .with_context(|| format!("/proc/{}/status has no {name}", self.0))
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.0);
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }
}

impl MemoryCourse {
    /// The most of all.
    pub(super) fn highest(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    /// How much higher the last quarter of the time reached than the second one: what grows shows here, and what is
    /// needed once, at the beginning, does not.
    pub(super) fn growth(&self) -> i64 {
        let quarter = self.0.len() / 4;
        let highest = |samples: &[u64]| samples.iter().copied().max().unwrap_or(0).cast_signed();
        highest(&self.0[3 * quarter..]) - highest(&self.0[quarter..(2 * quarter).max(1)])
    }
}

/// The sum over several processes.
pub(super) fn processor_seconds_of(processes: &[Process]) -> Result<f64> {
    processes.iter().copied().map(Process::processor_seconds).sum()
}

/// The numbers behind the command's name, which stands in brackets and may hold anything.
fn numbers(stat: &str) -> impl Iterator<Item = &str> {
    let (_, behind) = stat.rsplit_once(") ").unwrap_or_default();
    behind.split(' ')
}

fn processor_seconds(stat: &str) -> Option<f64> {
    // Fields 14 and 15 of `proc_pid_stat(5)`, which counts from 1 and has two before those here.
    seconds_at(stat, 11)
}

fn processor_seconds_of_ended_children(stat: &str) -> Option<f64> {
    seconds_at(stat, 13)
}

/// The sum of user and system time, the former at `index`.
fn seconds_at(stat: &str, index: usize) -> Option<f64> {
    let mut times = numbers(stat).skip(index).map(str::parse::<u64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(number(user + system) / TICKS_PER_SECOND)
}

fn parent(stat: &str) -> Option<u32> {
    numbers(stat).nth(1)?.parse().ok()
}

/// The number in a line like `VmRSS:     1234 kB`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, process};

    use super::*;

    const STAT: &str = "4242 (a) R (b)) S 17 4242 4242 0 -1 4194560 3129 0 5 0 150 25 0 0 20 0 9 0 8839 26845184 5102 \
                        18446744073709551615";

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        assert_eq!(processor_seconds(STAT), Some(1.75));
        assert_eq!(processor_seconds_of_ended_children(STAT), Some(0.0));
        assert_eq!(parent(STAT), Some(17));
        assert_eq!(processor_seconds("17 (short) S 1"), None);
        assert_eq!(parent(""), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "Name:\tserver\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\nRssAnon:\t 9 kB\n";
        assert_eq!(field(status, "VmRSS"), Some(102_400));
        assert_eq!(field(status, "VmHWM"), Some(204_800));
        assert_eq!(field(status, "Vm"), None);
        assert_eq!(field("rchar: 99\nwchar: 1\n", "rchar"), Some(99));
    }

    #[test]
    fn this_process_is_known() {
        let this = Process(process::id());
        assert!(this.memory().expect("we run") > 0);
        assert!(this.peak_memory().expect("we run") >= 1024);
        let before = this.bytes_read().expect("we run");
        assert!(this.bytes_read().expect("we run") > before, "reading it counts");
        assert!(this.processor_seconds().is_ok());
        assert!(Process(u32::MAX).memory().is_err());
    }

    #[test]
    fn a_child_is_found_while_it_runs() {
        let mut child = process::Command::new("sleep").arg("60").spawn().expect("starts");
        let children = Process(process::id()).children().expect("we run");
        assert!(children.contains(&Process(child.id())));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
    }

    #[test]
    fn memory_that_is_taken_meanwhile_is_seen() {
        const TAKEN: usize = 64 * 1024 * 1024;
        let this = Process(process::id());
        let before = this.memory().expect("we run");
        let ((), course) = this
            .memory_during(|| {
                let taken = black_box(vec![1_u8; TAKEN]);
                thread::sleep(4 * SAMPLED_EVERY);
                drop(taken);
                Ok(())
            })
            .expect("nothing fails");
        assert!(course.highest() >= before + 32 * MIB, "{course:?}");
    }

    #[test]
    fn only_what_keeps_growing_has_grown() {
        assert_eq!(MemoryCourse(vec![1, 9, 10, 10, 10, 9, 10, 10]).growth(), 0);
        assert_eq!(MemoryCourse(vec![1, 2, 3, 4, 5, 6, 7, 8]).growth(), 4);
        assert_eq!(MemoryCourse(vec![5]).growth(), 0);
    }
}
