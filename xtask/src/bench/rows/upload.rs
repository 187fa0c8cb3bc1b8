//! A resumable upload in one piece, against the reference server of the protocol.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::inspection::{inspect, run_quietly};
use crate::bench::{
    Options,
    api::{Half, discard, upload},
    console::Console,
    http::Connection,
    peers::tus_server,
    process::GIB,
    report::{Aim, Report, shown},
    samples,
    statistics::{alternate, median_of, megabytes_per_second},
    workshop::{Folder, Server, settle},
};
use crate::invocation::Invocation;

/// What one upload took.
struct Sample {
    took: Duration,
    processor_seconds: f64,
}

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("upload")?;
    let console = Console::start("upload/console")?;
    let peer = tus_server(&folder)?;
    let mut report = Report::default();
    let samples: [(&str, f64, Half, samples::Sample); 2] = [
        (
            "`volume.tgz` of documents",
            1.3,
            Half::Volume,
            samples::write_volume,
        ),
        (
            "`database.gz`, which expands five times",
            0.7,
            Half::Database,
            samples::write_database,
        ),
    ];
    for (what, aim, half, write) in samples {
        let file = folder.path("sample");
        let size = write(&file, options.gib * GIB)?;
        let (ours, peers) = alternate(
            options.rounds,
            || to_us(&console, half, &file),
            || to_peer(&peer, half, &file),
        )?;
        let speed = |samples: &[Sample]| median_of(samples, |sample| megabytes_per_second(size, sample.took));
        let (ours_speed, peers_speed) = (speed(&ours), speed(&peers));
        let shown_speed = |speed: f64| format!("{speed:.0} MB/s");
        report
            .figure(what, shown_speed(ours_speed), shown_speed(peers_speed))
            .ratio(ours_speed / peers_speed, Aim::AtLeast(aim));
        let time = |samples: &[Sample]| {
            format!(
                "{} s",
                shown(median_of(samples, |sample| sample.processor_seconds))
            )
        };
        report.figure("processor time for it", time(&ours), time(&peers));
        if half == Half::Database {
            let alone = inspection_alone(options.rounds, &file)?;
            let alone_speed = megabytes_per_second(size, alone);
            report
                .figure(
                    "the same, against its inspection alone",
                    shown_speed(ours_speed),
                    shown_speed(alone_speed),
                )
                .ratio(ours_speed / alone_speed, Aim::AtLeast(0.9));
        }
    }
    report.note(format!(
        "{} GiB over loopback from one client to the answer, in one PATCH; medians of {} uploads, in turn, and the disk \
         is let come to rest before each. Ours is on the disk (`fdatasync`) and hashed (SHA-256) when the answer comes; the \
         peer's is in the page cache.",
        options.gib, options.rounds
    ));
    report.peers = vec![
        "`@tus/server` 2.4.5 with `@tus/file-store` 2.1.1".to_owned(),
        format!(
            "Node {}",
            Invocation::new("node")
                .arguments(["--version"])
                .answer()
                .unwrap_or_default()
        ),
    ];
    Ok(report)
}

/// What nothing that inspects an archive on one processor can be quicker than.
fn inspection_alone(rounds: usize, database: &Path) -> Result<Duration> {
    let mut inspect = inspect("--database", database)?;
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        run_quietly(&mut inspect)?;
        Ok(begun.elapsed())
    });
    let times = times.collect::<Result<Vec<_>>>()?;
    Ok(Duration::from_secs_f64(median_of(&times, Duration::as_secs_f64)))
}

fn to_us(console: &Console, half: Half, file: &Path) -> Result<Sample> {
    settle()?;
    let process = console.server.process();
    let before = process.processor_seconds()?;
    let uploaded = console.api().upload(half, file)?;
    let processor_seconds = process.processor_seconds()? - before;
    console.api().discard(&uploaded)?;
    Ok(Sample {
        took: uploaded.took,
        processor_seconds,
    })
}

fn to_peer(peer: &Server, half: Half, file: &Path) -> Result<Sample> {
    settle()?;
    let process = peer.process();
    let before = process.processor_seconds()?;
    let mut connection = Connection::open(peer.address)?;
    let uploaded = upload(&mut connection, "/files", None, half, file)?;
    let processor_seconds = process.processor_seconds()? - before;
    discard(&mut connection, None, &uploaded)?;
    Ok(Sample {
        took: uploaded.took,
        processor_seconds,
    })
}
