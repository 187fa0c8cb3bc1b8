//! Memory for many clients that take their time.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::bench::{
    Options,
    api::Api,
    console::Console,
    http::{Connection, Request},
    process::{GIB, MIB},
    report::{Aim, Report, shown},
    samples,
    statistics::number,
    workshop::Folder,
};

const CLIENTS: usize = 200;
const WATCHED: Duration = Duration::from_secs(6);
/// Between two reads of all clients, each of at most 256 KiB.
const PAUSE: Duration = Duration::from_millis(300);
const SMALL: u64 = 32 * MIB;

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("slow-downloads")?;
    let (database, volume) = (folder.path("database.gz"), folder.path("volume.tgz"));
    samples::write_database(&database, SMALL)?;
    samples::write_volume(&volume, options.gib * GIB)?;
    let mut console = Console::start("slow-downloads/console")?;
    let backup = console.api().backup(&database, &volume)?;
    let mut report = Report::default();
    let small = format!("each, of a backup of {} MiB", SMALL / MIB);
    let large = format!("each, of a backup of {} GiB", options.gib);
    for (what, part, file) in [(small, "database", &database), (large, "volume", &volume)] {
        console = console.restart()?;
        let each = memory_for_each(&console, &Api::download_path(&backup, part), file)?;
        report
            .figure(&what, format!("{} MiB", shown(each)), "")
            .judge(each, Aim::AtMost(0.6), " MiB");
    }
    report.note(format!(
        "{CLIENTS} clients at once, which read 256 KiB about three times a second; the highest memory (VmRSS) of \
         {} s less that of the same server at rest, shared out among the clients. A fresh server for each line.",
        WATCHED.as_secs()
    ));
    Ok(report)
}

fn memory_for_each(console: &Console, path: &str, file: &Path) -> Result<f64> {
    let api = console.api();
    let headers = api.headers();
    // What a first request needs once is not of the downloads.
    let mut first = console.connect()?;
    let head = first.ask(Request::get("/healthz", &headers))?.expect(200)?;
    first.pass_over(&head)?;
    let whole = std::fs::metadata(file)?.len();
    let process = console.server.process();
    let idle = process.memory()?;
    let ((), course) = process.memory_during(|| {
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let mut client = console.connect()?;
            client.ask(Request::get(path, &headers))?.expect(200)?;
            client.never_wait()?;
            clients.push((client, 0));
        }
        let begun = Instant::now();
        while begun.elapsed() < WATCHED {
            clients.iter_mut().try_for_each(read_a_little)?;
            thread::sleep(PAUSE);
        }
        let most = clients.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
        ensure!(
            most > 0 && most < whole,
            "the clients are not slow: {most} of {whole} bytes"
        );
        Ok(())
    })?;
    Ok(number(course.highest().saturating_sub(idle)) / number(MIB) / number(CLIENTS as u64))
}

fn read_a_little((client, bytes): &mut (Connection, u64)) -> Result<()> {
    *bytes += client.read_some()? as u64;
    Ok(())
}
