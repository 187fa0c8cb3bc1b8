//! What the store of members says, as answers.

use backup_api::{ApiError, Problem, ProblemCode as Code, http::HttpError};
use member_store::MemberError;

/// The status of tus for bytes that are not those that were meant; no standard names one.
const CHECKSUM_MISMATCH: u16 = 460;

/// The answer to what the store refused or failed.
pub(super) fn from_members(error: MemberError) -> HttpError {
    match error {
        MemberError::WrongContent(content) => Problem::new(
            Code::ChecksumMismatch,
            CHECKSUM_MISMATCH,
            "Checksum mismatch",
            format!(
                "The bytes sent as {content} do not have this SHA-256 and were not kept. Send them again."
            ),
        )
        .into(),
        MemberError::OffsetMismatch { expected } => Problem {
            expected: Some(expected),
            ..Problem::new(
                Code::OffsetMismatch,
                409,
                "Another offset",
                format!("The content goes on at byte {expected}. Send what follows there."),
            )
        }
        .into(),
        MemberError::TooLarge { limit } => content_too_large(limit),
        MemberError::MissingContents { count, first } => {
            let first: Vec<_> = first.iter().map(ToString::to_string).collect();
            let detail = format!(
                "{count} contents of the document library are not here. Ask /backup/files/missing for all of them and \
                 send those. Missing are: {}.",
                if first.is_empty() {
                    "some that have just expired".to_owned()
                } else {
                    first.join(", ")
                }
            );
            Problem::new(Code::MissingContents, 409, "Contents are missing", detail).into()
        }
        MemberError::NoSuchLibrary => no_such_library(),
        other => crate::error::from_members(other).into(),
    }
}

pub(super) fn content_too_large(limit: u64) -> HttpError {
    Problem {
        limit: Some(limit),
        ..Problem::new(
            Code::TooLarge,
            413,
            "Too large",
            format!("A file may have at most {limit} bytes here."),
        )
    }
    .into()
}

pub(super) fn no_such_library() -> HttpError {
    Problem::new(
        Code::UploadGone,
        404,
        "No such document library",
        "There is no such document library: it was used or has expired. Send the list of its entries again.",
    )
    .into()
}

pub(super) fn no_such_content() -> HttpError {
    Problem::new(
        Code::NoSuchContent,
        404,
        "No such content",
        "No file of this document library has this content. Look at the list of its entries.",
    )
    .into()
}

/// Contents that come together are kept as whole files of a modest size.
pub(super) fn not_for_several(limit: u64) -> HttpError {
    ApiError::InvalidRequest {
        detail: format!(
            "A file of more than {limit} bytes has a request of its own: PUT it to /backup/files/contents/<sha256>."
        ),
    }
    .into()
}
