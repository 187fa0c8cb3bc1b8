//! A program that is looked at from its start to its end: what it took of time, memory and descriptors.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::process::Process;

/// Often enough for a program that runs for a second; the peak of memory is the kernel's, which forgets none.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(5);

/// What a program took.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) took: Duration,
    /// The most bytes it had resident (`VmHWM`).
    pub(super) peak_memory: u64,
    /// The most descriptors it was seen with.
    pub(super) descriptors: u64,
    /// What it printed.
    pub(super) printed: String,
}

/// Runs a program to its end, which has to be a good one. What it complains of goes to `log`.
pub(super) fn run(mut command: Command, log: &Path) -> Result<Watched> {
    let program = command.get_program().to_string_lossy().into_owned();
    let errors = fs::File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .with_context(|| format!("cannot start {program}; `cargo xtask setup` installs what is missing"))?;
    let process = Process(child.id());
    let mut output = child.stdout.take().context("the output is piped")?;
    let (is_over, memory, descriptors) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let (status, took, printed) = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // A program that is ending tells nothing any more; what it told before counts.
                if let Ok(peak) = process.peak_memory() {
                    memory.fetch_max(peak, Ordering::Relaxed);
                }
                if let Ok(open) = process.descriptors() {
                    descriptors.fetch_max(open, Ordering::Relaxed);
                }
                thread::sleep(LOOKED_AT_EVERY);
            }
        });
        let mut printed = String::new();
        let read = output.read_to_string(&mut printed);
        let status = child.wait();
        let took = begun.elapsed();
        is_over.store(true, Ordering::Relaxed);
        read.map(|_| ()).and(status).map(|status| (status, took, printed))
    })
    .with_context(|| format!("cannot wait for {program}"))?;
    ensure!(
        status.success(),
        "{program} ended with {status}: {}",
        fs::read_to_string(log).unwrap_or_default().trim()
    );
    Ok(Watched {
        took,
        peak_memory: memory.into_inner(),
        descriptors: descriptors.into_inner(),
        printed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::process::MIB;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("xtask-watched-{name}-{}", std::process::id()))
    }

    #[test]
    fn what_a_program_took_is_seen() {
        let log = log("took");
        // 64 MiB in one buffer, and eight descriptors besides the standard ones.
        let script = "exec 3<. 4<. 5<. 6<. 7<. 8<. 9<.; echo done; sleep 0.1; dd if=/dev/zero of=/dev/null bs=64M count=1; \
                      exec dd if=/dev/zero of=/dev/null bs=64M count=20";
        let watched = run(shell(script), &log).expect("it ends well");
        assert_eq!(watched.printed, "done\n");
        assert!(watched.took >= Duration::from_millis(100), "{watched:?}");
        assert!(watched.peak_memory > 60 * MIB, "{watched:?}");
        assert!((10..20).contains(&watched.descriptors), "{watched:?}");
        fs::remove_file(log).expect("was written");
    }

    #[test]
    fn a_bad_end_is_told() {
        let log = log("bad");
        let error = run(shell("echo no room >&2; exit 3"), &log)
            .expect_err("it ended badly")
            .to_string();
        assert!(error.contains("no room") && error.contains('3'), "{error}");
        fs::remove_file(log).expect("was written");
    }
}
