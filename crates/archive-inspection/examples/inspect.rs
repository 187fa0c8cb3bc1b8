//! Inspects an archive: `cargo run --release -p archive-inspection --example inspect -- database.gz`.
//!
//! Prints the report and how fast it was. A file whose name has `volume` or `lfr` in it is a document library; `--database`
//! or `--volume` before it says what it is whatever its name.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{env, error::Error, fs::File, io::Read, time::Instant};

use archive_inspection::{Inspection, Limits, Verdict};
use backup_api::{Part, Severity, grouped, size};

const PIECE_BYTES: usize = 256 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (part, path) = match arguments.as_slice() {
        [half, path] if half == "--database" => (Part::Database, path),
        [half, path] if half == "--volume" => (Part::Volume, path),
        [path] if path.contains("volume") || path.contains("lfr") => (Part::Volume, path),
        [path] => (Part::Database, path),
        _ => return Err("name one file: inspect [--database|--volume] database.gz".into()),
    };
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut inspection = Inspection::new(part, Limits::default());
    let started = Instant::now();
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 || inspection.feed(&piece[..length]) == Verdict::Refused {
            break;
        }
    }
    let expanded_bytes = inspection.progress().expanded_bytes;
    let report = inspection.finish();
    let elapsed = started.elapsed();
    println!("{}: {}", part.title(), report.summary);
    if let Some(dump) = &report.dump {
        println!(
            "{} rows, databases named: {:?}",
            grouped(dump.rows),
            dump.databases
        );
    }
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        println!("{severity}: {}: {}", finding.code, finding.message);
    }
    let rate = |bytes: u64| u128::from(bytes) / elapsed.as_micros().max(1);
    println!(
        "{} ({} expanded) in {} ms: {} MB/s expanded, {} MB/s of the archive",
        size(report.archive_bytes),
        size(expanded_bytes),
        elapsed.as_millis(),
        rate(expanded_bytes),
        rate(report.archive_bytes)
    );
    Ok(())
}
