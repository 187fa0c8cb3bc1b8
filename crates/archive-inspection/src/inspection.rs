//! The inspection itself: bytes in, a report out.

use backup_api::{InspectionProgress, InspectionReport, Part};

use crate::{contents::Contents, fault::Fault, findings, gzip::GzipDecoder, limits::Limits};

/// Whether more bytes are worth sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// So far nothing forbids to keep the archive, or what does needs the rest to be told in full.
    GoOn,
    /// The archive is refused, and nothing that comes can change it or add to it.
    Refused,
}

/// Looks at one archive as it arrives.
///
/// ```
/// use archive_inspection::{Inspection, Limits, Verdict};
/// use backup_api::Part;
///
/// let mut inspection = Inspection::new(Part::Database, Limits::default());
/// assert_eq!(inspection.feed(b"-- no gzip"), Verdict::Refused);
/// let report = inspection.finish();
/// assert_eq!(report.findings[0].code, "not-gzip");
/// ```
#[derive(Debug)]
pub struct Inspection {
    part: Part,
    limits: Limits,
    gzip: GzipDecoder,
    contents: Contents,
    fault: Option<Fault>,
    archive_bytes: u64,
}

impl Inspection {
    /// Begins with an archive of which no byte came yet.
    pub fn new(part: Part, limits: Limits) -> Self {
        Self {
            part,
            limits,
            gzip: GzipDecoder::new(),
            contents: Contents::new(part, limits),
            fault: None,
            archive_bytes: 0,
        }
    }

    /// Looks at the bytes that come next.
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        self.archive_bytes += bytes.len() as u64;
        if self.fault.is_none() {
            self.fault = self.gzip.decode(bytes, &mut self.contents).err();
        }
        if self.fault.is_some() {
            Verdict::Refused
        } else {
            Verdict::GoOn
        }
    }

    /// How far it is, and what it knows. Costs little; a few times a second is fine.
    pub fn progress(&self) -> InspectionProgress {
        let subject = self.subject(false);
        InspectionProgress {
            archive_bytes: self.archive_bytes,
            expanded_bytes: self.contents.expansion.bytes(),
            summary: findings::summary(&subject),
            findings: findings::all(&subject),
        }
    }

    /// No byte comes any more: what it was.
    pub fn finish(mut self) -> InspectionReport {
        if self.fault.is_none() {
            self.fault = self.gzip.finish().and_then(|()| self.contents.finish()).err();
        }
        findings::report(&self.subject(true), self.archive_bytes)
    }

    /// No more bytes are looked at, though more may come: what is known. For an archive that is refused already by what
    /// [`Self::progress`] tells.
    pub fn stop(self) -> InspectionReport {
        findings::report(&self.subject(false), self.archive_bytes)
    }

    fn subject(&self, is_finished: bool) -> findings::Subject<'_> {
        findings::Subject {
            part: self.part,
            limits: &self.limits,
            contents: &self.contents,
            fault: self.fault,
            is_finished,
        }
    }
}
