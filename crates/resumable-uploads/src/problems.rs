//! Policy: what the store says about an upload becomes an answer here and nowhere else. Clients of this protocol
//! decide by the status whether they try again: 409 and everything from 500 on means yes, the rest of 400 to 499 means
//! no, so each refusal has the status that makes them do the right thing.

use archive_store::{StoreError, uploads::UploadError};
use backup_api::{ApiError, BodyError, Problem, ProblemCode as Code, http::HttpError};

/// The protocol's own status, which no standard names.
const CHECKSUM_MISMATCH: u16 = 460;

pub(crate) fn invalid(detail: String) -> Problem {
    Problem::from(&ApiError::InvalidRequest { detail })
}

pub(crate) fn not_found() -> Problem {
    Problem::new(
        Code::NotFound,
        404,
        "No such path",
        "Uploads are made with POST to their collection, and answered with the path they live at.",
    )
}

pub(crate) fn method_not_allowed(allowed: &str) -> Problem {
    let detail = format!("This path takes {allowed}.");
    Problem::new(Code::MethodNotAllowed, 405, "Method not allowed", detail)
}

pub(crate) fn unsupported_version() -> Problem {
    Problem::new(
        Code::UnsupportedVersion,
        412,
        "Another version",
        "Send `Tus-Resumable: 1.0.0`; no other version is spoken here.",
    )
}

pub(crate) fn not_upload_content() -> Problem {
    Problem::new(
        Code::UnsupportedMediaType,
        415,
        "Not bytes of an upload",
        "Send the bytes with `Content-Type: application/offset+octet-stream`.",
    )
}

pub(crate) fn upload_gone() -> Problem {
    Problem::new(
        Code::UploadGone,
        404,
        "No such upload",
        "There is no such upload: it was used, ended or expired. Create a new one.",
    )
}

/// For `HEAD`, whose answers have no body: clients of the protocol give up what is 410, and ours ask with `GET` why.
pub(crate) fn upload_refused() -> Problem {
    Problem::new(
        Code::ArchiveRejected,
        410,
        "The archive was refused",
        "The archive was refused and is gone. Ask with GET what was found, mend it and create a new upload.",
    )
}

pub(crate) fn length_exceeded(length: u64) -> Problem {
    let detail = format!("The upload was announced with {length} bytes; send no more than those.");
    Problem::new(Code::TooLarge, 413, "More than announced", detail)
}

fn offset_mismatch(expected: u64) -> Problem {
    let detail = format!("The upload goes on at byte {expected}. Send what follows there.");
    Problem {
        expected: Some(expected),
        ..Problem::new(Code::OffsetMismatch, 409, "Another offset", detail)
    }
}

/// With the limit where bytes are the reason: programs tell the two apart by it.
fn quota(detail: String, limit: Option<u64>) -> Problem {
    Problem {
        limit,
        ..Problem::from(&ApiError::QuotaExceeded { detail })
    }
}

fn not_gzip(detail: &str) -> Problem {
    Problem::new(Code::NotGzip, 415, "Not a gzip file", detail)
}

/// The answer to a request that the store refused or failed.
pub(crate) fn from_upload(error: UploadError) -> HttpError {
    match error {
        UploadError::NoSuchUpload => upload_gone(),
        UploadError::OffsetMismatch { expected } => offset_mismatch(expected),
        UploadError::LengthExceeded { length } => length_exceeded(length),
        UploadError::LengthKnown { length } => invalid(format!(
            "The upload's length is {length} bytes and cannot be changed."
        )),
        UploadError::LengthTooSmall { offset } => invalid(format!(
            "The upload has {offset} bytes already. Declare at least those."
        )),
        UploadError::ChecksumMismatch => Problem::new(
            Code::ChecksumMismatch,
            CHECKSUM_MISMATCH,
            "Checksum mismatch",
            "The bytes were changed on their way and not kept. Send them again.",
        ),
        UploadError::TakenOver { by_same_sender: true } => Problem::new(
            Code::TakenOver,
            409,
            "Taken over",
            "A newer request of yours went on with this upload. Ask where it stands, and go on there.",
        ),
        // Two clients that fight over an upload would make each other try again for ever, so this is no 409.
        UploadError::TakenOver {
            by_same_sender: false,
        } => Problem::new(
            Code::TakenOver,
            400,
            "Taken over",
            "Another request goes on with this upload. Let that one end, or ask where it stands.",
        ),
        UploadError::NotGzip => not_gzip(
            "The bytes do not start as a gzip file does. Compress the archive and create a new upload.",
        ),
        UploadError::Rejected { findings } => return ApiError::ArchiveRejected(findings).into(),
        UploadError::TooManyUploads { limit } => quota(
            format!("There are {limit} unused uploads already. Use or terminate one of them first."),
            None,
        ),
        UploadError::QuotaExceeded { limit } => quota(
            format!(
                "All unused uploads may have {limit} bytes together. Use or terminate one of them first."
            ),
            Some(limit),
        ),
        UploadError::MetadataTooLong { limit } => {
            invalid(format!("`Upload-Metadata` may have at most {limit} bytes."))
        }
        UploadError::Body(error) => return from_body(error),
        UploadError::Store(error) => return from_store(error),
        other => return ApiError::internal(other).into(),
    }
    .into()
}

/// The bytes that had come are kept, which the words for whole uploads would deny.
pub(crate) fn from_body(error: BodyError) -> HttpError {
    match error {
        BodyError::Disconnected => Problem::new(
            Code::Incomplete,
            400,
            "The request broke off",
            "The request ended before all its bytes had come. Ask with HEAD where the upload stands and go on there.",
        )
        .into(),
        BodyError::Idle { seconds } => Problem {
            waited: Some(seconds),
            ..Problem::new(
                Code::TooSlow,
                408,
                "Too slow",
                format!("No byte came for {seconds} seconds. Ask with HEAD where the upload stands and go on there."),
            )
        }
        .retry_after(1)
        .into(),
        other => ApiError::from(other).into(),
    }
}

fn from_store(error: StoreError) -> HttpError {
    match error {
        StoreError::TooLarge { limit } => ApiError::TooLarge { limit }.into(),
        StoreError::Full { needed, available } => ApiError::StoreFull { needed, available }.into(),
        StoreError::Empty => {
            not_gzip("An archive is never empty. Look at the file before you upload it.").into()
        }
        other => ApiError::internal(other).into(),
    }
}
