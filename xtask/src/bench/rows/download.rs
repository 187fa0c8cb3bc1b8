//! An archive of the local store, against a file that nginx hands out.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::bench::{
    Options,
    api::Api,
    console::Console,
    http::{Connection, Request},
    peers::{nginx_static, nginx_version},
    process::{GIB, MIB, Process, processor_seconds_of},
    report::{Aim, Report, shown},
    samples,
    statistics::{alternate, median_of, megabytes_per_second, number},
    workshop::{Folder, Server},
};

/// Downloads that make one sample; several, because the kernel counts time in hundredths of a second.
const DOWNLOADS: u64 = 3;

/// What one side did.
struct Sample {
    bytes: u64,
    took: Duration,
    processor_seconds: f64,
}

impl Sample {
    fn throughput(&self) -> f64 {
        megabytes_per_second(self.bytes, self.took)
    }

    fn processor_seconds_per_gib(&self) -> f64 {
        self.processor_seconds / (number(self.bytes) / number(GIB))
    }
}

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("download")?;
    let (database, volume) = (folder.path("database.gz"), folder.path("volume.tgz"));
    samples::write_database(&database, MIB)?;
    let size = samples::write_volume(&volume, options.gib * GIB)?;
    let console = Console::start("download/console")?;
    let api = console.api();
    let backup = api.backup(&database, &volume)?;
    let nginx = nginx_static(&folder, &folder.path("."))?;
    let (path, headers) = (Api::download_path(&backup, "volume"), api.headers());
    let sides = [
        Side {
            server: &console.server,
            request: Request::get(&path, &headers),
        },
        Side {
            server: &nginx,
            request: Request::get("/volume.tgz", &[]),
        },
    ];
    let mut report = compare(options, sides, size)?;
    report.peers = vec![nginx_version(), "static file with `sendfile`".to_owned()];
    Ok(report)
}

/// A server, and what it is asked for.
pub(super) struct Side<'a> {
    pub(super) server: &'a Server,
    pub(super) request: Request<'a>,
}

/// Has both sides send the same `size` bytes.
pub(super) fn compare(options: &Options, [ours, peer]: [Side<'_>; 2], size: u64) -> Result<Report> {
    let workers = peer.server.process().children()?;
    ensure!(!workers.is_empty(), "nginx has no workers");
    let us = [ours.server.process()];
    let mut to_us = Connection::open(ours.server.address)?;
    let mut to_peer = Connection::open(peer.server.address)?;
    let (ours, peers) = alternate(
        options.rounds,
        || download(&mut to_us, ours.request, size, &us),
        || download(&mut to_peer, peer.request, size, &workers),
    )?;
    Ok(report(&ours, &peers, size))
}

fn download(
    connection: &mut Connection,
    request: Request<'_>,
    size: u64,
    processes: &[Process],
) -> Result<Sample> {
    let before = processor_seconds_of(processes)?;
    let begun = Instant::now();
    for _ in 0..DOWNLOADS {
        let head = connection.ask(request)?.expect(200)?;
        let bytes = connection.pass_over(&head)?;
        ensure!(bytes == size, "{bytes} bytes came, not {size}");
    }
    Ok(Sample {
        bytes: DOWNLOADS * size,
        took: begun.elapsed(),
        processor_seconds: processor_seconds_of(processes)? - before,
    })
}

fn report(ours: &[Sample], peers: &[Sample], size: u64) -> Report {
    let mut report = Report::default();
    let (ours_speed, peers_speed) = (
        median_of(ours, Sample::throughput),
        median_of(peers, Sample::throughput),
    );
    let speed = |speed: f64| format!("{speed:.0} MB/s");
    report
        .figure("throughput", speed(ours_speed), speed(peers_speed))
        .ratio(ours_speed / peers_speed, Aim::AtLeast(1.0));
    let (ours_time, peers_time) = (
        median_of(ours, Sample::processor_seconds_per_gib),
        median_of(peers, Sample::processor_seconds_per_gib),
    );
    let time = |time: f64| format!("{} s", shown(time));
    report
        .figure("processor time for each GiB", time(ours_time), time(peers_time))
        .ratio(ours_time / peers_time, Aim::AtMost(1.1));
    report.note(format!(
        "{} MiB from the page cache over loopback to one client, which takes its part of the same processors; medians of {} \
         samples of {DOWNLOADS} downloads each, in turn.",
        size / MIB,
        ours.len(),
    ));
    report
}
