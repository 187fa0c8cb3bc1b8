//! A page that is rendered anew for each request, against an answer of three bytes by the same server.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::bench::{
    Options,
    console::Console,
    http::{Connection, Request},
    process::MIB,
    report::{Aim, Report, shown},
    samples,
    statistics::{alternate, median_of, number, percentile},
    workshop::{Folder, answer},
};

const BACKUPS: u32 = 10_000;
const CONNECTIONS: usize = 16;
const SAMPLE: Duration = Duration::from_secs(4);
const PAGE: &str = "/projects/acme-dev/backups";
const PLAIN: &str = "/healthz";
/// What an answer takes that waits for an acknowledgement which the other side delays: 40 ms on Linux.
const DELAYED_MILLISECONDS: std::ops::Range<f64> = 38.0..48.0;

/// The times of all answers, in milliseconds.
struct Sample {
    milliseconds: Vec<f64>,
    took: Duration,
    /// Of the server.
    processor_seconds: f64,
}

impl Sample {
    fn requests_per_second(&self) -> f64 {
        number(self.milliseconds.len() as u64) / self.took.as_secs_f64()
    }

    /// What does not depend on what else the machine does.
    fn processor_milliseconds_each(&self) -> f64 {
        1000.0 * self.processor_seconds / number(self.milliseconds.len() as u64)
    }

    fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.milliseconds, percent).unwrap_or(f64::NAN)
    }

    /// How many of a hundred answers took as long as one that Nagle's algorithm holds back.
    fn delayed(&self) -> f64 {
        let delayed = self
            .milliseconds
            .iter()
            .filter(|time| DELAYED_MILLISECONDS.contains(time));
        100.0 * number(delayed.count() as u64) / number(self.milliseconds.len() as u64)
    }
}

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("pages")?;
    let (database, volume) = (folder.path("database.gz"), folder.path("volume.tgz"));
    samples::write_database(&database, MIB)?;
    samples::write_volume(&volume, MIB)?;
    let console = Console::start("pages/console")?;
    let backup = console.api().backup(&database, &volume)?;
    let console = console.restart_after(|data| multiply(data, &backup))?;
    let cookie = console.sign_in()?;
    let headers = [("Cookie", cookie.as_str())];
    ensure_many(&console, &headers)?;

    let (pages, plain) = alternate(
        options.rounds,
        || load(&console, PAGE, &headers),
        || load(&console, PLAIN, &headers),
    )?;
    let mut report = Report::default();
    let rate = |samples: &[Sample]| median_of(samples, Sample::requests_per_second);
    let (page_rate, plain_rate) = (rate(&pages), rate(&plain));
    let shown_rate = |rate: f64| format!("{rate:.0}/s");
    report
        .figure("requests", shown_rate(page_rate), shown_rate(plain_rate))
        .judge(100.0 * page_rate / plain_rate, Aim::AtLeast(4.0), " %");
    let time = |time: f64| format!("{} ms", shown(time));
    let each = |samples: &[Sample]| time(median_of(samples, Sample::processor_milliseconds_each));
    report.figure(
        "processor time of the server for each",
        each(&pages),
        each(&plain),
    );
    for percent in [50, 99] {
        let of = |samples: &[Sample]| median_of(samples, |sample| sample.percentile(percent));
        let (page, plain) = (of(&pages), of(&plain));
        let figure = report.figure(
            &format!("answered within, {percent} of 100"),
            time(page),
            time(plain),
        );
        if percent == 99 {
            figure.judge(page, Aim::Below(15.0), " ms");
        }
    }
    let delayed = median_of(&pages, Sample::delayed);
    report
        .figure(
            "answers that took 38 to 48 ms",
            format!("{} %", shown(delayed)),
            "",
        )
        .judge(delayed, Aim::Below(1.0), " %");
    report.note(format!(
        "{CONNECTIONS} connections that are kept, each asking anew as soon as it has its answer; medians of {} samples of \
         {} s, in turn. {BACKUPS} backups in the catalogue, 50 on the page; the client takes its part of the same \
         processors. Peer: `{PLAIN}` of the same server.",
        options.rounds,
        SAMPLE.as_secs()
    ));
    Ok(report)
}

/// Puts copies of a backup's row into the catalogue, one for each hour before it.
fn multiply(data: &Folder, backup: &str) -> Result<()> {
    let minute = backup.rsplit('-').next().unwrap_or_default();
    ensure!(minute.len() == 12, "a backup's id ends with its minute: {backup}");
    let prefix = &backup[..backup.len() - minute.len()];
    let sql = format!(
        "CREATE TEMP TABLE copies AS
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {BACKUPS} - 1)
         SELECT n, '{prefix}' || strftime('%Y%m%d%H%M', created_at / 1000000 - n * 3600, 'unixepoch') AS new_id,
             strftime('%Y-%m-%dT%H:%M:%SZ', created_at / 1000000 - n * 3600, 'unixepoch') AS new_time, backups.*
         FROM numbers, backups WHERE id = '{backup}';
         INSERT INTO backups (id, project, environment, minute, database_archive, volume_archive, backup, created_at,
             size, creation_type, status)
         SELECT new_id, project, environment, minute - n * 60, database_archive || n, volume_archive || n,
             json_set(backup, '$.backupId', new_id, '$.createdAt', new_time), created_at - n * 3600000000, size + n,
             creation_type, status
         FROM copies;
         UPDATE backup_totals SET backups = (SELECT count(*) FROM backups), size = (SELECT sum(size) FROM backups);"
    );
    let database = data.path("data");
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-bail").arg(database.join("backups.sqlite"));
    answer(sqlite, &sql).map(drop)
}

/// That the page shows what it is measured with.
fn ensure_many(console: &Console, headers: &[(&str, &str)]) -> Result<()> {
    let history = console.api().history()?;
    ensure!(
        history.contains(&format!("\"matching\":{BACKUPS}")),
        "there are fewer backups: {history}"
    );
    let mut connection = console.connect()?;
    let head = connection.ask(Request::get(PAGE, headers))?.expect(200)?;
    let bytes = connection.pass_over(&head)?;
    ensure!(bytes > 20_000, "a page of {bytes} bytes has no backups on it");
    Ok(())
}

/// As many requests as are answered while the time lasts.
fn load(console: &Console, path: &str, headers: &[(&str, &str)]) -> Result<Sample> {
    let mut connections = (0..CONNECTIONS)
        .map(|_| console.connect())
        .collect::<Result<Vec<_>>>()?;
    let process = console.server.process();
    let before = process.processor_seconds()?;
    let begun = Instant::now();
    let times = thread::scope(|scope| {
        let clients: Vec<_> = connections
            .iter_mut()
            .map(|connection| scope.spawn(move || ask_again_and_again(connection, path, headers, begun)))
            .collect();
        let times = clients
            .into_iter()
            .map(|client| client.join().ok().context("a client panicked")?);
        times.collect::<Result<Vec<_>>>()
    })?;
    Ok(Sample {
        milliseconds: times.concat(),
        took: begun.elapsed(),
        processor_seconds: process.processor_seconds()? - before,
    })
}

fn ask_again_and_again(
    connection: &mut Connection,
    path: &str,
    headers: &[(&str, &str)],
    begun: Instant,
) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    while begun.elapsed() < SAMPLE {
        let asked = Instant::now();
        let head = connection.ask(Request::get(path, headers))?.expect(200)?;
        connection.pass_over(&head)?;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_at_forty_milliseconds_is_seen() {
        let sample = Sample {
            milliseconds: vec![1.0, 40.2, 2.0, 44.0],
            took: Duration::from_secs(2),
            processor_seconds: 0.1,
        };
        assert!((sample.processor_milliseconds_each() - 25.0).abs() < f64::EPSILON);
        assert!((sample.delayed() - 50.0).abs() < f64::EPSILON);
        assert!((sample.requests_per_second() - 2.0).abs() < f64::EPSILON);
        assert!((sample.percentile(50) - 2.0).abs() < f64::EPSILON);
    }
}
