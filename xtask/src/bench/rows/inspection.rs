//! The inspection of archives, against programs that only test whether the gzip in them is whole.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    bench::{
        Options,
        process::{GIB, MIB, Process},
        report::{Aim, Report},
        samples::{self, Sample},
        statistics::{alternate, median_of, megabytes_per_second},
        workshop::Folder,
    },
    setup::python_packages,
};

/// What `cargo build --release --example inspect` leaves.
pub(in crate::bench) const EXAMPLE: &str = "target/release/examples/inspect";

/// A part of what an archive usually has: the measurement is of a rate, and the slowest peer needs four seconds for
/// each gigabyte that comes out.
const SHARE: u64 = 8;

pub(super) fn measure(options: &Options) -> Result<Report> {
    ensure!(
        Path::new(EXAMPLE).is_file(),
        "{EXAMPLE} is not there: leave --as-built out, or build it with `cargo build --release -p archive-inspection \
         --example inspect`"
    );
    let mut report = Report::default();
    let bytes = options.gib * GIB / SHARE;
    let samples: [(&str, &str, Sample, &str); 3] = [
        (
            "a dump of PostgreSQL",
            "database.gz",
            samples::write_database,
            "--database",
        ),
        (
            "a dump of MySQL",
            "mysql.gz",
            samples::write_mysql_database,
            "--database",
        ),
        (
            "a document library",
            "volume.tgz",
            samples::write_volume,
            "--volume",
        ),
    ];
    for (what, name, write, half) in samples {
        let folder = Folder::new("inspection")?;
        let archive = folder.path(name);
        let size = write(&archive, bytes)?;
        for (peer, mut command, aim) in [
            ("`gzip -t`", gzip_test(&archive), 3.0),
            ("`rapidgzip -P1`", rapidgzip(&archive), 1.0),
        ] {
            let mut inspect = inspect(half, &archive)?;
            let (ours, peers) = alternate(
                options.rounds,
                || processor_seconds(&mut inspect),
                || processor_seconds(&mut command),
            )?;
            let rate = |samples: &[f64]| {
                let seconds = median_of(samples, |seconds| *seconds);
                megabytes_per_second(size, Duration::from_secs_f64(seconds))
            };
            let (ours, peers) = (rate(&ours), rate(&peers));
            report
                .figure(
                    &format!("{what}, against {peer}"),
                    format!("{ours:.0} MB/s"),
                    format!("{peers:.0} MB/s"),
                )
                .ratio(ours / peers, Aim::AtLeast(aim));
        }
    }
    report.note(format!(
        "MB/s of the archive for each second of processor time, {} MiB of it from the page cache; medians of {} runs each, in \
         turn, with what a program takes to start (Python's, for rapidgzip). Ours decodes, checks and understands; the peers \
         decode and check.",
        bytes / MIB,
        options.rounds,
    ));
    report.peers = vec![
        first_line(Command::new("gzip").arg("--version")),
        rapidgzip_version(),
    ];
    Ok(report)
}

/// The inspection of an archive alone; `half` is `--database` or `--volume`.
pub(super) fn inspect(half: &str, archive: &Path) -> Result<Command> {
    let mut command = Command::new(fs::canonicalize(EXAMPLE)?);
    command.arg(half).arg(archive);
    Ok(command)
}

fn gzip_test(archive: &Path) -> Command {
    let mut command = Command::new("gzip");
    command.arg("-t").arg(archive);
    command
}

/// It has no test mode, so that what it decodes is thrown away.
fn rapidgzip(archive: &Path) -> Command {
    let mut command = python_with_packages();
    command
        .args([
            "-c",
            "import rapidgzip, sys; sys.exit(rapidgzip.cli())",
            "-P1",
            "-d",
            "-c",
        ])
        .arg(archive);
    command
}

fn rapidgzip_version() -> String {
    let mut command = python_with_packages();
    first_line(command.args([
        "-c",
        "import rapidgzip; print('rapidgzip', rapidgzip.__version__)",
    ]))
}

fn python_with_packages() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", python_packages::FOLDER);
    command
}

fn first_line(command: &mut Command) -> String {
    let said = command
        .output()
        .map_or_else(|_| Vec::new(), |output| output.stdout);
    let said = String::from_utf8_lossy(&said);
    said.lines()
        .next()
        .unwrap_or("a program of unknown version")
        .to_owned()
}

/// Seconds that a program spends on processors. The inspection is to run beside the receiving of an archive, so that what
/// it takes of the machine counts, and not what else the machine does.
fn processor_seconds(command: &mut Command) -> Result<f64> {
    let this = Process(std::process::id());
    let before = this.processor_seconds_of_ended_children()?;
    run_quietly(command)?;
    Ok(this.processor_seconds_of_ended_children()? - before)
}

/// Runs a program to its end, whatever it says.
pub(super) fn run_quietly(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
