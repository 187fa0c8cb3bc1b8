//! Limits of what is taken in.

use std::time::Duration;

use archive_store::InspectionLimits;

use super::{section::Section, values};

/// Limits of what is taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uploads {
    /// The most bytes one archive may have.
    pub(crate) largest_archive: u64,
    /// Bytes of the disk that uploads never touch.
    pub(crate) smallest_free_space: u64,
    /// How long an upload may send nothing before it is given up and its lock with it.
    pub(crate) idle_timeout: Duration,
    /// How long a resumable upload stays after its last byte.
    pub(crate) keep_unfinished: Duration,
    /// The most bytes that one person's resumable uploads to one environment may have together.
    pub(crate) largest_unfinished: u64,
    /// How much an archive may expand to.
    pub(crate) inspection: InspectionLimits,
}

pub(super) fn read(mut section: Section<'_>) -> Uploads {
    let uploads = Uploads {
        largest_archive: section
            .text("largest_archive", "\"2TB\"", values::size)
            .unwrap_or(2_000_000_000_000),
        smallest_free_space: section
            .text("smallest_free_space", "\"1GB\"", values::size)
            .unwrap_or(1_000_000_000),
        idle_timeout: section
            .text("idle_timeout", "\"60s\"", values::duration)
            .unwrap_or(Duration::from_mins(1)),
        keep_unfinished: section
            .text("keep_unfinished", "\"168h\"", values::duration)
            .unwrap_or(Duration::from_hours(7 * 24)),
        largest_unfinished: section
            .text("largest_unfinished", "\"4TB\"", values::size)
            .unwrap_or(4_000_000_000_000),
        inspection: inspection(&mut section),
    };
    section.finish();
    uploads
}

fn inspection(section: &mut Section<'_>) -> InspectionLimits {
    let usual = InspectionLimits::USUAL;
    InspectionLimits {
        expanded_bytes: section
            .text("largest_expanded", "\"16TB\"", values::size)
            .unwrap_or(usual.expanded_bytes),
        ratio: section.number("largest_ratio", "250").unwrap_or(usual.ratio),
        ratio_counts_from: section
            .text("ratio_counts_from", "\"1GiB\"", values::size)
            .unwrap_or(usual.ratio_counts_from),
        entry_bytes: section
            .text("largest_entry", "\"4TB\"", values::size)
            .unwrap_or(usual.entry_bytes),
        entries: section
            .number("most_entries", "100000000")
            .unwrap_or(usual.entries),
    }
}
