//! What the upload page says about a form that failed.
//!
//! The form's route can only send the browser back with a code in the address. Sentences are made here from codes, so
//! nobody can put words of their own onto the page.

use backup_api::{Part, ProblemCode};
use serde::{
    Deserialize,
    de::value::{Error, StrDeserializer},
};

/// Reads the word of a code, such as `not-gzip`.
pub(crate) fn code(word: &str) -> Option<ProblemCode> {
    ProblemCode::deserialize(StrDeserializer::<Error>::new(word)).ok()
}

/// One sentence or two that say what to do.
pub(crate) fn sentence(code: ProblemCode, part: Option<Part>) -> String {
    use ProblemCode as Code;
    let file = part.map_or("One of the files".to_owned(), |part| {
        format!("The file for {}", part.title())
    });
    match code {
        Code::Unauthenticated => "You were signed out before the upload began. Sign in and send the files again.".into(),
        Code::Forbidden => "You may not upload backups to this environment. Ask an Owner of the project.".into(),
        Code::NoSuchBackup => "That backup does not exist any more. Look at the Backups page for the ones there are.".into(),
        Code::NotFound | Code::MethodNotAllowed => {
            "The form was sent to an address that is none of this console's. Use the form on this page.".into()
        }
        Code::NoSuchOperation => "That operation is not known here. Look at the Backups page for what is going on.".into(),
        Code::NotCancellable => "The operation has ended, or cannot be stopped any more. Look at the Backups page.".into(),
        Code::Cancelled => {
            "Somebody cancelled the upload. Nothing of it was kept; look at its log for who and why.".into()
        }
        Code::Pinned => "The backup is pinned, so that nobody removes it by mistake. Unpin it first.".into(),
        Code::InUse => "Somebody is downloading this backup. Delete it when that has ended.".into(),
        Code::OperationInProgress => {
            "Another operation holds this environment. Send the files again when it is complete.".into()
        }
        Code::MissingPart => part.map_or_else(
            || "A file is missing. Choose both, the database and the document library.".into(),
            |part| format!("The file for {} is missing. Choose both files and send them again.", part.title()),
        ),
        Code::InvalidRequest | Code::UnsupportedMediaType => {
            "The form could not be read. Reload the page, choose both files and send them again.".into()
        }
        Code::Incomplete => {
            "The upload broke off before all bytes had come. Nothing of it was kept; send the files again.".into()
        }
        Code::TooSlow => {
            "No byte came for too long, so the upload was ended. Nothing of it was kept; check the connection and send the files again.".into()
        }
        Code::TooLarge => format!(
            "{file} is larger than this console takes. Ask its operator to raise the limit, or leave out what need not be in the backup."
        ),
        Code::NotGzip => part.map_or_else(
            || "One of the files is not a gzip file. Compress it as shown below and send both again.".into(),
            |part| {
                format!(
                    "{file} is not a gzip file. Make it with `{}` and send both files again.",
                    part.preparation()
                )
            },
        ),
        Code::UnknownHost => "The form was sent under an unknown host name. Open the console itself and use its form.".into(),
        Code::ArchiveRejected => format!("{file} was refused by the inspection. Make it again as shown below."),
        Code::TooManyRequests => "Too much was asked at once. Wait a minute and send the files again.".into(),
        Code::NotAvailable => "This environment's backup service takes no uploads.".into(),
        Code::Unavailable => "The backup service of this environment does not answer. Try again in a few minutes.".into(),
        Code::StoreFull => {
            "There is no room left for this backup. Delete old backups or ask the operator for a larger disk.".into()
        }
        Code::UploadGone => {
            "The upload is not there any more: it was used, ended, or nobody went on with it for too long. Send the files again.".into()
        }
        Code::OffsetMismatch => {
            "The upload stands at another byte than this page thought. Reload the page and choose the same files; they go on where they stand.".into()
        }
        Code::ChecksumMismatch => "A piece of the upload was damaged on its way and was not kept. Send it again.".into(),
        Code::TakenOver => "This upload goes on elsewhere, perhaps in another window. Follow it there.".into(),
        Code::QuotaExceeded => {
            "You have as many unused uploads as you may have. Use or remove one of them, then send the files again.".into()
        }
        Code::UnsupportedVersion => "This page does not fit the console any more. Reload it and send the files again.".into(),
        Code::MissingContents | Code::NoSuchContent => {
            "The document library is not complete. Send the files again.".into()
        }
        // Codes that are newer than this page read like faults of ours.
        _ => "Something went wrong on our side and nothing was kept. Tell the operator the request id; the log has the reason.".into(),
    }
}

/// What the inspection found, where a form was refused for it; the word is the finding's code.
pub(crate) fn finding_sentence(word: &str, part: Option<Part>) -> Option<String> {
    let file = part.map_or("One of the files".to_owned(), |part| {
        format!("The file for {}", part.title())
    });
    match word {
        "truncated" => Some(format!(
            "{file} is empty or cut off. Make it again as shown below, look at its size and send both files again."
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 33] = [
        "missing-contents",
        "no-such-content",
        "unauthenticated",
        "forbidden",
        "no-such-backup",
        "not-found",
        "method-not-allowed",
        "operation-in-progress",
        "missing-part",
        "invalid-request",
        "incomplete",
        "too-slow",
        "too-large",
        "not-gzip",
        "unsupported-media-type",
        "unknown-host",
        "archive-rejected",
        "too-many-requests",
        "internal",
        "not-available",
        "unavailable",
        "store-full",
        "upload-gone",
        "offset-mismatch",
        "checksum-mismatch",
        "taken-over",
        "quota-exceeded",
        "unsupported-version",
        "no-such-operation",
        "not-cancellable",
        "cancelled",
        "pinned",
        "in-use",
    ];

    #[test]
    fn every_code_has_its_own_sentence_for_every_part() {
        let fallback = sentence(ProblemCode::Internal, None);
        for word in WORDS {
            let code = code(word).unwrap_or_else(|| panic!("{word} is no code"));
            for part in [None, Some(Part::Database), Some(Part::Volume)] {
                let sentence = sentence(code, part);
                assert!(sentence.ends_with('.'), "{word}: {sentence}");
                assert!(
                    code == ProblemCode::Internal || sentence != fallback,
                    "{word} has no sentence of its own"
                );
            }
        }
    }

    #[test]
    fn the_list_of_codes_is_complete() {
        // The enum may grow without breaking this crate, so its source is counted.
        let source = include_str!("../../crates/backup-api/src/problem.rs");
        let body = source
            .split("pub enum ProblemCode {")
            .nth(1)
            .unwrap()
            .split('}')
            .next()
            .unwrap();
        let declared = body
            .lines()
            .map(str::trim)
            .filter(|line| line.ends_with(',') && !line.starts_with("//"))
            .count();
        assert_eq!(declared, WORDS.len());
    }

    #[test]
    fn text_that_is_no_code_is_none() {
        for word in ["", "Not-Gzip", "not gzip", "<b>", "internal "] {
            assert_eq!(code(word), None, "{word:?}");
        }
    }
}
