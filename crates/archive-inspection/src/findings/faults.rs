//! What ended the inspection.

use backup_api::{Part, grouped, size};

use super::{Notes, Subject};
use crate::fault::{Excess, Fault};

pub(super) fn note(fault: Fault, subject: &Subject<'_>, notes: &mut Notes) {
    let name = subject.part.archive_name();
    let preparation = subject.part.preparation();
    match fault {
        Fault::Empty => notes.error(
            "truncated",
            format!("{name} is empty. Make it again with: {preparation}"),
        ),
        Fault::Truncated => notes.error(
            "truncated",
            format!(
                "{name} is cut off: its end is missing. Test it with `gzip -t {name}`. If that finds nothing, send it \
                 again; if it does, make it again."
            ),
        ),
        Fault::NotGzip(looks_like) => {
            let instead = looks_like.map_or("no gzip file", |what| what);
            let but = if looks_like.is_some() { ", but it must be gzip" } else { "" };
            notes.error(
                "not-gzip",
                format!("{name} is {instead}{but}. Make it with: {preparation}"),
            );
        }
        Fault::Damaged => notes.error(
            "crc-mismatch",
            format!(
                "{name} is damaged: what is in it does not match its checksum. Test it with `gzip -t {name}`. If that \
                 finds nothing, send it again; if it does, make it again."
            ),
        ),
        Fault::TrailingBytes => notes.error(
            "trailing-bytes",
            format!(
                "{name} goes on after its end with bytes that are no gzip, and whatever they were is lost. Make it \
                 again with: {preparation}"
            ),
        ),
        Fault::ExpandsTooMuch(excess) => {
            notes.error("expands-too-much", expands_too_much(excess, subject));
        }
        Fault::NotTar => notes.error(
            "not-tar",
            format!("{name} is gzip, but holds no tar archive. Make it with: {preparation}"),
        ),
        Fault::DamagedTar(why) => notes.error(
            "damaged-tar",
            format!("The tar archive in {name} is damaged: {why}. {}", again(subject.part)),
        ),
        Fault::TruncatedTar => notes.error(
            "truncated",
            format!(
                "The tar archive in {name} is cut off, though the gzip around it is whole: tar was stopped while it \
                 packed. {}",
                again(subject.part)
            ),
        ),
    }
}

/// A `database.tgz` is nothing to make again.
fn again(part: Part) -> String {
    format!("Make it again with: {}", part.preparation())
}

fn expands_too_much(excess: Excess, subject: &Subject<'_>) -> String {
    let name = subject.part.archive_name();
    let limits = subject.limits;
    let what = match excess {
        Excess::Total => format!("expands to more than {}", size(limits.expanded_bytes)),
        Excess::Ratio => format!(
            "expands to more than {} times its size, as no backup does",
            grouped(limits.ratio)
        ),
        Excess::Entry => format!("holds a file of more than {}", size(limits.entry_bytes)),
        Excess::Entries => format!("holds more than {} files and folders", grouped(limits.entries)),
    };
    format!("{name} {what}. Look at what is in it; if it is right, ask the operator for a higher limit.")
}
