//! A pair of large archives, up, made a backup of, and down again: memory stays where it was, and nothing is read twice.

use anyhow::Result;

use crate::bench::{
    Options,
    api::{Api, Half, Uploaded},
    console::Console,
    http::Request,
    process::{GIB, MIB},
    report::{Aim, Report, shown},
    samples,
    statistics::number,
    workshop::Folder,
};

/// Above the server at rest.
const MEMORY_MIB: f64 = 64.0;
/// Growth that is none: allocators and threads come and go.
const FLAT_MIB: f64 = 8.0;

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("large")?;
    let console = Console::start("large/console")?;
    let process = console.server.process();
    let size = options.memory_gib * GIB / 2;
    let mut report = Report::default();
    let idle = process.memory()?;

    let (database, above, growth) = send(&console, &folder, (Half::Database, size), samples::write_database)?;
    tell(&mut report, "going up, `database.gz`", idle, above, growth);
    let (volume, above, growth) = send(&console, &folder, (Half::Volume, size), samples::write_volume)?;
    tell(&mut report, "going up, `volume.tgz`", idle, above, growth);

    let before = process.bytes_read()?;
    let (backup, took) = console.api().initiate(&database, &volume)?;
    let read = number(process.bytes_read()? - before) / number(MIB);
    let ((), course) = process.memory_during(|| {
        for part in ["database", "volume"] {
            let api = console.api();
            let mut connection = console.connect()?;
            let path = Api::download_path(&backup, part);
            let head = connection.ask(Request::get(&path, &api.headers()))?.expect(200)?;
            connection.pass_over(&head)?;
        }
        Ok(())
    })?;
    tell(
        &mut report,
        "going down, both",
        idle,
        course.highest(),
        course.growth(),
    );

    let seconds = took.as_secs_f64();
    report
        .figure("Initiate Upload of both", format!("{} s", shown(seconds)), "")
        .judge(seconds, Aim::Below(1.0), " s");
    report
        .figure("bytes read by it", format!("{} MiB", shown(read)), "")
        .judge(read, Aim::Below(1.0), " MiB");
    let peak = process.peak_memory()?;
    report.note(format!(
        "{} GiB in two archives, embedded service. Memory is VmRSS, looked at twenty times a second, less the {} MiB at rest; \
         growth is what the last quarter of the time had more than the second one. The highest of the whole life of the \
         process (VmHWM) was {} MiB. Bytes read are `rchar` of `/proc/PID/io`.",
        options.memory_gib,
        idle / MIB,
        peak / MIB
    ));
    Ok(report)
}

/// Uploads an archive of its own making, and gives the highest memory meanwhile and its growth.
fn send(
    console: &Console,
    folder: &Folder,
    (half, bytes): (Half, u64),
    write: samples::Sample,
) -> Result<(Uploaded, u64, i64)> {
    let file = folder.path("sample");
    write(&file, bytes)?;
    let (uploaded, course) = console
        .server
        .process()
        .memory_during(|| console.api().upload(half, &file))?;
    // At once: there is not room for everything twice.
    std::fs::remove_file(&file)?;
    Ok((uploaded, course.highest(), course.growth()))
}

fn tell(report: &mut Report, what: &str, idle: u64, highest: u64, growth: i64) {
    let above = number(highest.saturating_sub(idle)) / number(MIB);
    report
        .figure(
            &format!("memory above rest, {what}"),
            format!("{} MiB", shown(above)),
            "",
        )
        .judge(above, Aim::Below(MEMORY_MIB), " MiB");
    let growth = number(u64::try_from(growth).unwrap_or(0)) / number(MIB);
    report
        .figure(&format!("growth, {what}"), format!("{} MiB", shown(growth)), "")
        .judge(growth, Aim::Below(FLAT_MIB), " MiB");
}
