//! A document library of small files, sent and fetched by `lcp`, against rclone with as many at a time.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::bench::{
    Options,
    console::Console,
    peers::{Rclone, rclone_version},
    process::MIB,
    report::{Aim, Report, shown},
    samples,
    statistics::{alternate, median_of, number},
    watched::{self, Watched},
    workshop::{Folder, settle},
};

const PROGRAM: &str = "target/release/lcp";
const FILES: u32 = 10_000;
/// At a time; what `lcp` does without a word.
const CONCURRENCY: u32 = 64;
/// The most that may be asked for.
const MOST: u32 = 10_000;
/// Above that the most may not go.
const MOST_MEMORY: f64 = 400.0;
/// What shells allow where nobody has raised it.
const USUAL_DESCRIPTORS: u32 = 1024;

/// The same library up and down again.
struct Sample {
    up: Watched,
    down: Watched,
}

/// What is sent, and where it comes back to.
struct Library {
    folder: Folder,
    /// Files and bytes.
    weight: (u64, u64),
}

pub(super) fn measure(options: &Options) -> Result<Report> {
    ensure!(
        Path::new(PROGRAM).is_file(),
        "{PROGRAM} is not there: leave --as-built out"
    );
    let folder = Folder::new("lcp")?;
    samples::write_database(&folder.path("database.gz"), MIB)?;
    let weight = samples::write_small_files(&folder.path("library"), FILES)?;
    let library = Library { folder, weight };
    let (ours, peers) = alternate(
        options.rounds,
        || library.through_us(CONCURRENCY, &[]),
        || library.through_peer(),
    )?;
    let mut report = Report::default();
    compare(&mut report, "up", (&ours, &peers), |sample| &sample.up);
    compare(&mut report, "down", (&ours, &peers), |sample| &sample.down);

    // As many as the machine may ever allow, and as many as it allows to everybody.
    let free = library.through_us(MOST, &["ulimit -n \"$(ulimit -Hn)\""])?;
    let usual = library.through_us(MOST, &[&format!("ulimit -n {USUAL_DESCRIPTORS}")])?;
    let most = |pick: fn(&Watched) -> u64| {
        let all = [&free.up, &free.down, &usual.up, &usual.down];
        all.map(pick).into_iter().max().unwrap_or(0)
    };
    let memory = number(most(|watched| watched.peak_memory)) / 1e6;
    report
        .figure(
            &format!("memory with `--concurrency {MOST}`"),
            format!("{} MB", shown(memory)),
            "",
        )
        .judge(memory, Aim::Below(MOST_MEMORY), " MB");
    let descriptors = number(usual.up.descriptors.max(usual.down.descriptors));
    report
        .figure(
            &format!("descriptors with it, where {USUAL_DESCRIPTORS} are allowed"),
            shown(descriptors),
            "",
        )
        .judge(descriptors, Aim::Below(number(USUAL_DESCRIPTORS.into())), "");
    report.note(format!(
        "{FILES} files of 1 to 16 KiB, {} MB, with {CONCURRENCY} at a time over loopback from an empty service and into an empty \
         folder; medians of {} samples, in turn, and the disk is let come to rest before each. Memory is the client's alone, \
         the highest of its life (VmHWM). Ours hashes each file, twice on its way up; what has come is read through and on the \
         disk when the client ends, in both directions. The peer's is in the page cache, compared by its length.",
        library.weight.1 / 1_000_000,
        options.rounds
    ));
    report.note(
        "rclone has the quickest server of its own for each direction: SFTP up, without the checksums that it would ask for, \
         and HTTP down, which takes nothing. Its client of WebDAV, which could do both, begins at most a hundred requests a \
         second, and `serve s3` came later than Debian's version.",
    );
    report.peers = vec![
        rclone_version(),
        format!(
            "`rclone copy --transfers {CONCURRENCY} --checkers {CONCURRENCY}` with `rclone serve sftp` and `serve http`"
        ),
    ];
    Ok(report)
}

fn compare(
    report: &mut Report,
    way: &str,
    (ours, peers): (&[Sample], &[Sample]),
    pick: fn(&Sample) -> &Watched,
) {
    let seconds = |samples| median_of(samples, |sample| pick(sample).took.as_secs_f64());
    let mebibytes = |samples| median_of(samples, |sample| number(pick(sample).peak_memory) / number(MIB));
    let (ours_seconds, peers_seconds) = (seconds(ours), seconds(peers));
    let (ours_memory, peers_memory) = (mebibytes(ours), mebibytes(peers));
    report
        .figure(
            &format!("time, {way}"),
            format!("{} s", shown(ours_seconds)),
            format!("{} s", shown(peers_seconds)),
        )
        .ratio(ours_seconds / peers_seconds, Aim::AtMost(1.0));
    report
        .figure(
            &format!("memory, {way}"),
            format!("{} MiB", shown(ours_memory)),
            format!("{} MiB", shown(peers_memory)),
        )
        .ratio(ours_memory / peers_memory, Aim::AtMost(1.0));
}

impl Library {
    /// Sends it to a service that has nothing yet and fetches it again, after `commands` of a shell.
    fn through_us(&self, concurrency: u32, commands: &[&str]) -> Result<Sample> {
        let console = Console::start("lcp/console")?;
        let url = format!("http://{}/services/acme-dev", console.server.address);
        let concurrency = concurrency.to_string();
        let lcp = |arguments: &[&str]| -> Result<Watched> {
            let mut command = after(commands, &env::current_dir()?.join(PROGRAM));
            command
                .args(arguments)
                .args(["--url", &url, "--concurrency", &concurrency])
                .env("HOME", self.folder.path("."))
                .env("LCP_TOKEN", console.token());
            settle()?;
            watched::run(command, &self.folder.path("lcp.log"))
        };
        let up = lcp(&[
            "backup",
            "upload",
            "--database",
            &self.folder.text("database.gz"),
            "--doclib",
            &self.folder.text("library"),
        ])?;
        let id = up.printed.trim();
        let target = self.folder.path("ours");
        let down = lcp(&[
            "backup",
            "download",
            "--doclib",
            "--backupId",
            id,
            "--dest",
            &self.folder.text("ours"),
        ])?;
        self.check(&target.join(id).join("doclib"))?;
        fs::remove_dir_all(target)?;
        Ok(Sample { up, down })
    }

    /// The same through rclone, and its own server.
    fn through_peer(&self) -> Result<Sample> {
        let (served, target) = (self.folder.path("served"), self.folder.path("peers"));
        fs::create_dir_all(&served)?;
        let rclone = Rclone::serve(&self.folder, &served)?;
        let log = self.folder.path("rclone-client.log");
        settle()?;
        let up = watched::run(rclone.send(&self.folder.text("library"), CONCURRENCY), &log)?;
        settle()?;
        let down = watched::run(rclone.fetch(&self.folder.text("peers"), CONCURRENCY), &log)?;
        self.check(&target)?;
        drop(rclone);
        fs::remove_dir_all(served)?;
        fs::remove_dir_all(target)?;
        Ok(Sample { up, down })
    }

    /// Whether all of it came back.
    fn check(&self, folder: &Path) -> Result<()> {
        let weight = weigh(folder)?;
        ensure!(
            weight == self.weight,
            "{weight:?} files and bytes came, not {:?}",
            self.weight
        );
        Ok(())
    }
}

/// A program that takes the place of a shell after its commands.
fn after(commands: &[&str], program: &Path) -> Command {
    if commands.is_empty() {
        return Command::new(program);
    }
    let script = format!("{}; exec \"$0\" \"$@\"", commands.join("; "));
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(program);
    command
}

/// How many files a folder has, and how many bytes.
fn weigh(folder: &Path) -> Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
                bytes += metadata.len();
            }
        }
    }
    Ok((files, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_begins_after_the_commands() {
        for (commands, printed) in [(&["ulimit -n 64", "A=b"][..], "64 a b\n"), (&[], "")] {
            let mut command = after(commands, Path::new("sh"));
            command.args(["-c", "echo $(ulimit -n) \"$@\"", "sh", "a", "b"]);
            let said = command.output().expect("it starts").stdout;
            let said = String::from_utf8(said).expect("text");
            assert!(
                said.ends_with(" a b\n") && (printed.is_empty() || said == printed),
                "{said}"
            );
        }
    }

    #[test]
    fn a_library_weighs_what_was_written() {
        let folder = env::temp_dir().join(format!("xtask-small-files-{}", std::process::id()));
        let written = samples::write_small_files(&folder, 200).expect("written");
        assert_eq!(weigh(&folder).expect("listed"), written);
        assert_eq!(written.0, 200);
        assert!((200 * 4096..200 * 13_000).contains(&written.1), "{written:?}");
        fs::remove_dir_all(&folder).expect("was written");
        assert!(weigh(&folder).is_err());
    }
}
