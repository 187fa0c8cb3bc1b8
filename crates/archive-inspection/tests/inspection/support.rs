//! Archives through the inspection.

use archive_inspection::{Inspection, Limits, Verdict};
use archive_samples::gzip;
use backup_api::{Finding, InspectionReport, Part};

/// In one piece.
pub(crate) fn inspect(part: Part, bytes: &[u8]) -> InspectionReport {
    inspect_in_pieces(part, bytes, bytes.len().max(1))
}

/// In pieces of `size` bytes.
pub(crate) fn inspect_in_pieces(part: Part, bytes: &[u8], size: usize) -> InspectionReport {
    let mut inspection = Inspection::new(part, Limits::default());
    for piece in bytes.chunks(size) {
        // What comes after a refusal changes nothing, which this shows as well.
        let _: Verdict = inspection.feed(piece);
    }
    inspection.finish()
}

/// A dump, compressed here.
pub(crate) fn inspect_dump(sql: &str) -> InspectionReport {
    inspect(Part::Database, &gzip(sql.as_bytes()))
}

/// Codes of the findings, in their order.
pub(crate) fn codes(report: &InspectionReport) -> Vec<&str> {
    report
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

/// The finding with a code.
pub(crate) fn finding<'a>(report: &'a InspectionReport, code: &str) -> &'a Finding {
    report
        .findings
        .iter()
        .find(|finding| finding.code == code)
        .unwrap_or_else(|| panic!("no {code} in {:?}", report.findings))
}
