//! `application/problem+json` (RFC 9457): how an [`ApiError`] looks on the wire.
//!
//! `detail` is a sentence that says what to do. The text of internal errors stays inside; the request id joins the
//! answer to the log line.

use serde::{Deserialize, Serialize};

use crate::{ApiError, Finding, Operation, Part, Severity};

/// The content type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Seconds after which a caller that met a lock may ask again.
const RETRY_AFTER_SECONDS: u32 = 30;

/// The stable words programs match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemCode {
    /// 401
    Unauthenticated,
    /// 403
    Forbidden,
    /// 404
    NoSuchBackup,
    /// 404: the path is none of the API's.
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 409
    OperationInProgress,
    /// 400
    MissingPart,
    /// 400
    InvalidRequest,
    /// 400
    Incomplete,
    /// 408
    TooSlow,
    /// 413
    TooLarge,
    /// 415
    NotGzip,
    /// 415: the body is not what the route takes.
    UnsupportedMediaType,
    /// 421
    UnknownHost,
    /// 422
    ArchiveRejected,
    /// 429
    TooManyRequests,
    /// 500
    Internal,
    /// 501
    NotAvailable,
    /// 503
    Unavailable,
    /// 507
    StoreFull,
    /// 404: a resumable upload that is not, or no longer, there.
    UploadGone,
    /// 409: the bytes do not go on where the upload stands; the problem carries `expected`.
    OffsetMismatch,
    /// 460: the bytes are not those their sender meant.
    ChecksumMismatch,
    /// 400: a newer request goes on with the same upload; 409 where that is the same client's.
    TakenOver,
    /// 413: more, or more uploads, than one may have at a time.
    QuotaExceeded,
    /// 412: a version of the protocol that is not spoken here.
    UnsupportedVersion,
    /// 404
    NoSuchOperation,
    /// 409: the operation has ended, or is publishing.
    NotCancellable,
    /// 409: somebody called the operation off.
    Cancelled,
    /// 409: the backup is pinned and therefore not removed.
    Pinned,
    /// 409: the backup is being read and therefore not removed.
    InUse,
    /// 409: a document library needs contents that are not there.
    MissingContents,
    /// 404: the document library has no such content, or is none that is made of files.
    NoSuchContent,
}

/// A refusal or failure as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Always `about:blank`: `code` says which kind it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words, the same for all problems of a code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A sentence that says what to do.
    pub detail: String,
    /// The stable word programs match on.
    pub code: ProblemCode,
    /// Joins the answer to the service's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Who holds the environment, with 409.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Box<Operation>>,
    /// What the inspection found, with 422.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The archive it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The most bytes: that an archive may have, with `too-large`; that all unused uploads may have together, with
    /// `quota-exceeded` where bytes are the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Bytes that would be needed, with `store-full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<u64>,
    /// Bytes that are left, with `store-full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<u64>,
    /// The byte an upload goes on at, with `offset-mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Seconds that no byte came, with `too-slow` where the sender is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<u64>,
    /// Goes out as `Retry-After`, in seconds.
    #[serde(skip)]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem with nothing but its words.
    pub fn new(code: ProblemCode, status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code,
            request_id: None,
            operation: None,
            findings: Vec::new(),
            part: None,
            limit: None,
            needed: None,
            available: None,
            expected: None,
            waited: None,
            retry_after: None,
        }
    }

    /// The same, to be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn about_part(self, part: Part) -> Self {
        Self {
            part: Some(part),
            ..self
        }
    }

    fn operation_in_progress(operation: &Operation) -> Self {
        let detail = format!(
            "{} started a backup {} at {}. Try again when it is complete.",
            operation.started_by, operation.kind, operation.started_at
        );
        let title = "Another operation is in progress";
        Self {
            operation: Some(Box::new(operation.clone())),
            ..Self::new(ProblemCode::OperationInProgress, 409, title, detail)
        }
        .retry_after(RETRY_AFTER_SECONDS)
    }

    fn archive_rejected(findings: &[Finding]) -> Self {
        let reasons: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.message.as_str())
            .collect();
        let title = "The archives were refused";
        Self {
            findings: findings.to_vec(),
            ..Self::new(ProblemCode::ArchiveRejected, 422, title, reasons.join(" "))
        }
    }
}

impl From<&ApiError> for Problem {
    #[expect(clippy::too_many_lines, reason = "a table: one row for each error")]
    fn from(error: &ApiError) -> Self {
        use ProblemCode as Code;
        match error {
            ApiError::Unauthenticated { reason } => {
                Self::new(Code::Unauthenticated, 401, "Who are you?", reason.clone())
            }
            ApiError::Forbidden { action } => Self::new(
                Code::Forbidden,
                403,
                "Not allowed",
                format!(
                    "You may not {} in this environment. Ask an Owner of the project.",
                    action.phrase()
                ),
            ),
            ApiError::TooManyAttempts { seconds } => Self::new(
                Code::TooManyRequests,
                429,
                "Too many attempts",
                format!(
                    "Credentials were wrong too often. Wait {seconds} seconds, check them and try again."
                ),
            )
            .retry_after(*seconds),
            ApiError::NoSuchEnvironment => Self::new(
                Code::NotFound,
                404,
                "No such environment",
                "There is no such environment here. An environment is named <project>-<environment>, as in /services/lfrjoebloggs-prd/.",
            ),
            ApiError::NoSuchBackup { id } => Self::new(
                Code::NoSuchBackup,
                404,
                "No such backup",
                format!(
                    "There is no backup {id} in this environment. Look at /backup/list for the ones there are."
                ),
            ),
            ApiError::NoSuchOperation { id } => Self::new(
                Code::NoSuchOperation,
                404,
                "No such operation",
                format!(
                    "There is no operation {id} in this environment. Look at /backup/operations for the ones there are."
                ),
            ),
            ApiError::NotCancellable { reason } => {
                Self::new(Code::NotCancellable, 409, "Not to be cancelled", reason.clone())
            }
            ApiError::Cancelled { sentence } => Self::new(
                Code::Cancelled,
                409,
                "Cancelled",
                format!("{sentence} Nothing of it was kept; send it again if it is still wanted."),
            ),
            ApiError::Pinned { id } => Self::new(
                Code::Pinned,
                409,
                "Pinned",
                format!("The backup {id} is pinned, so that nobody removes it by mistake. Unpin it first."),
            ),
            ApiError::InUse { sentence, .. } => {
                let detail = format!("{sentence} Delete the backup when that has ended.");
                Self::new(Code::InUse, 409, "In use", detail).retry_after(RETRY_AFTER_SECONDS)
            }
            ApiError::OperationInProgress(operation) => Self::operation_in_progress(operation),
            ApiError::MissingPart(part) => Self::new(
                Code::MissingPart,
                400,
                "A part is missing",
                format!(
                    "The part `{part}` is missing. Send both files: -F 'database=@database.gz' -F 'volume=@volume.tgz'."
                ),
            )
            .about_part(*part),
            ApiError::InvalidRequest { detail } => Self::new(
                Code::InvalidRequest,
                400,
                "The request cannot be read",
                detail.clone(),
            ),
            ApiError::Incomplete => Self::new(
                Code::Incomplete,
                400,
                "The upload broke off",
                "The upload ended before all bytes had come. Nothing of it was kept; send it again.",
            )
            .retry_after(1),
            ApiError::TooSlow { seconds } => Self {
                waited: Some(*seconds),
                ..Self::new(
                    Code::TooSlow,
                    408,
                    "Too slow",
                    format!("No byte came for {seconds} seconds. Nothing of the upload was kept; send it again."),
                )
            }
            .retry_after(1),
            ApiError::UnsupportedMediaType { detail } => Self::new(
                Code::UnsupportedMediaType,
                415,
                "Not a form with files",
                detail.clone(),
            ),
            ApiError::TooLarge { limit } => Self {
                limit: Some(*limit),
                ..Self::new(
                    Code::TooLarge,
                    413,
                    "Too large",
                    format!("An archive may have at most {limit} bytes here."),
                )
            },
            ApiError::NotGzip(part) => Self::new(
                Code::NotGzip,
                415,
                "Not a gzip file",
                format!(
                    "The part `{part}` is not a gzip file. Compress it ({}) and send it again.",
                    part.preparation()
                ),
            )
            .about_part(*part),
            ApiError::ArchiveRejected(findings) => Self::archive_rejected(findings),
            ApiError::StoreFull { needed, available } => Self {
                needed: Some(*needed),
                available: Some(*available),
                ..Self::new(
                    Code::StoreFull,
                    507,
                    "No room",
                    format!(
                        "The store has room for {available} more bytes and this needs {needed}. Delete old backups or give it a larger disk."
                    ),
                )
            },
            ApiError::QuotaExceeded { detail } => {
                Self::new(Code::QuotaExceeded, 413, "Too much at a time", detail.clone())
            }
            ApiError::NotAvailable { reason } => {
                Self::new(Code::NotAvailable, 501, "Not available here", reason.clone())
            }
            ApiError::Unavailable { reason } => {
                Self::new(Code::Unavailable, 503, "Not available now", reason.clone())
                    .retry_after(RETRY_AFTER_SECONDS)
            }
            ApiError::Internal(_) => Self::new(
                Code::Internal,
                500,
                "Internal error",
                "Something went wrong on our side. Tell the administrators the request id; the log has the reason.",
            ),
        }
    }
}
