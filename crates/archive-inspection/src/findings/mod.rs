//! What was noticed, in words: one finding for each code, each with what mends it.

mod database;
mod faults;
mod volume;
mod words;

use std::cmp::Reverse;

use backup_api::{Finding, InspectionReport, Part, Severity};

use crate::{
    contents::{Contents, Half},
    fault::Fault,
    limits::Limits,
};

/// What is told about.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) part: Part,
    pub(crate) limits: &'a Limits,
    pub(crate) contents: &'a Contents,
    pub(crate) fault: Option<Fault>,
    /// Whether all came that will come.
    pub(crate) is_finished: bool,
}

impl Subject<'_> {
    /// Whether the whole was read, so that what was not seen is not there.
    fn is_whole(&self) -> bool {
        self.is_finished && self.fault.is_none()
    }
}

/// All that is known.
pub(crate) fn report(subject: &Subject<'_>, archive_bytes: u64) -> InspectionReport {
    let (dump, volume) = match &subject.contents.half {
        Half::Database(contents) => (database::facts(contents), None),
        Half::Volume(contents) => (None, volume::facts(subject, contents)),
    };
    InspectionReport {
        part: subject.part,
        summary: summary(subject),
        findings: all(subject),
        archive_bytes,
        expanded_bytes: subject.is_whole().then(|| subject.contents.expansion.bytes()),
        dump,
        volume,
    }
}

/// In one line what it is.
pub(crate) fn summary(subject: &Subject<'_>) -> String {
    let summary = match &subject.contents.half {
        Half::Database(contents) => database::summary(contents),
        Half::Volume(contents) => volume::summary(contents),
    };
    match (summary, subject.fault) {
        (None, Some(_)) => "Unreadable".to_owned(),
        (None, None) if subject.is_finished => "Nothing that is known".to_owned(),
        (None, None) => "Nothing that is known yet".to_owned(),
        (Some(summary), Some(_)) => format!("{summary} (read in part)"),
        (Some(summary), None) => summary,
    }
}

/// All findings, worst first.
pub(crate) fn all(subject: &Subject<'_>) -> Vec<Finding> {
    let mut notes = Notes {
        part: subject.part,
        findings: Vec::new(),
    };
    if let Some(fault) = subject.fault {
        faults::note(fault, subject, &mut notes);
    }
    if subject.fault == Some(Fault::Damaged) {
        // What came out before the damage was noticed may be anything.
        return notes.findings;
    }
    match &subject.contents.half {
        Half::Database(contents) => database::note(subject, contents, &mut notes),
        Half::Volume(contents) => volume::note(subject, contents, &mut notes),
    }
    notes.findings.sort_by_key(|finding| Reverse(finding.severity));
    notes.findings
}

/// Findings about one archive.
#[derive(Debug)]
struct Notes {
    part: Part,
    findings: Vec<Finding>,
}

impl Notes {
    fn add(&mut self, severity: Severity, code: &str, message: String) {
        self.findings.push(Finding {
            severity,
            code: code.to_owned(),
            message,
            part: self.part,
        });
    }

    fn error(&mut self, code: &str, message: String) {
        self.add(Severity::Error, code, message);
    }

    fn warning(&mut self, code: &str, message: String) {
        self.add(Severity::Warning, code, message);
    }

    fn info(&mut self, code: &str, message: String) {
        self.add(Severity::Info, code, message);
    }
}
