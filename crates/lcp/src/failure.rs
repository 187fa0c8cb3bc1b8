//! Policy: a command ends with a [`Failure`] or with status 0. Each kind of failure has one status, which scripts may
//! rely on (`docs/CLI.md`); its text is a sentence that says what to do. What a service refused keeps the service's own
//! sentence, except where that speaks of paths of its API.

use std::{fmt, io, path::Path, process::ExitCode};

use backup_api::{ApiError, Problem};

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It could not, for a reason of its own.
    Failed(String),
    /// It was asked in a way that it does not understand, or with too little.
    Usage(String),
    /// The service did not.
    Service(ApiError),
    /// Nobody said who asks.
    NotLoggedIn(String),
    /// Bytes are not those they should be.
    Integrity(String),
}

impl Failure {
    /// A file or folder that could not be worked with; `what` is the rest of "cannot …".
    pub(crate) fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                " Make room and start again; what has come is kept."
            }
            _ => "",
        };
        Self::Failed(format!("Cannot {what} {}: {error}.{hint}", path.display()))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NotLoggedIn(_) => 5,
            Self::Integrity(_) => 7,
            Self::Service(error) => match error {
                ApiError::OperationInProgress(_) | ApiError::InUse { .. } => 3,
                ApiError::NoSuchEnvironment
                | ApiError::NoSuchBackup { .. }
                | ApiError::NoSuchOperation { .. } => 4,
                ApiError::Unauthenticated { .. } | ApiError::Forbidden { .. } => 5,
                ApiError::Unavailable { .. }
                | ApiError::TooManyAttempts { .. }
                | ApiError::TooSlow { .. }
                | ApiError::Incomplete => 6,
                ApiError::ArchiveRejected(_) | ApiError::NotGzip(_) => 7,
                _ => 1,
            },
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(sentence)
            | Self::Usage(sentence)
            | Self::NotLoggedIn(sentence)
            | Self::Integrity(sentence) => formatter.write_str(sentence),
            Self::Service(error) => match error {
                ApiError::NoSuchBackup { id } => write!(
                    formatter,
                    "There is no backup {id} in this environment. `lcp backup list` shows the ones there are."
                ),
                ApiError::NoSuchOperation { id } => write!(
                    formatter,
                    "There is no operation {id} in this environment. `lcp operation list` shows the ones there were."
                ),
                ApiError::Unauthenticated { reason } => {
                    write!(
                        formatter,
                        "You need to log in: run `lcp login`. The service says: {reason}"
                    )
                }
                // What is a fault inside a service is one on this machine here.
                ApiError::Internal(source) => write!(formatter, "{source}."),
                other => formatter.write_str(&Problem::from(other).detail),
            },
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Service(error)
    }
}
