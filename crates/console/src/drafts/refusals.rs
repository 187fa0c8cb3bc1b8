//! What people are told when a file cannot be taken, or makes no backup: the same words wherever its bytes wait.

use backup_api::{ApiError, BodyError, Part, UploadRefusal};

use crate::ConsoleError;

/// Why there is no room for a file, or nothing can be said of it.
pub(super) fn not_made(part: Part, refusal: UploadRefusal) -> ConsoleError {
    let error = match refusal {
        UploadRefusal::TooMany => ApiError::QuotaExceeded {
            detail: "You have too many unfinished uploads to this environment. Remove one of them first."
                .to_owned(),
        },
        UploadRefusal::Quota { limit } => ApiError::QuotaExceeded {
            detail: format!(
                "All your unfinished uploads to this environment may have {limit} bytes together. Remove one of them first."
            ),
        },
        UploadRefusal::Empty => ApiError::InvalidRequest {
            detail: format!(
                "This file is empty. Make it again with `{}` and look at its size.",
                part.preparation()
            ),
        },
        UploadRefusal::Api(error) => error,
        other => ApiError::internal(other),
    };
    error.into()
}

/// Why a draft makes no backup.
pub(super) fn not_usable(part: Part, refusal: UploadRefusal) -> BodyError {
    match refusal {
        UploadRefusal::Gone => BodyError::Malformed(format!(
            "The file for {} is not here any more: it was used, removed or has expired. Choose it again.",
            part.title()
        )),
        UploadRefusal::Unfinished => BodyError::Malformed(format!(
            "The file for {} has not arrived completely. Choose it again to go on where it stopped.",
            part.title()
        )),
        UploadRefusal::Api(error) => BodyError::Refused(Box::new(error)),
        other => BodyError::Refused(Box::new(ApiError::internal(other))),
    }
}
