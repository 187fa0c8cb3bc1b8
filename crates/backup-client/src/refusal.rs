//! What a service refused, as the error it was there.

use backup_api::{Action, ApiError, BackupId, OperationId, Problem, ProblemCode};
use http::StatusCode;

use crate::ClientError;

/// What was asked for, as far as a refusal may be about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) action: Action,
    pub(crate) backup: Option<&'a BackupId>,
    pub(crate) operation: Option<&'a OperationId>,
}

impl<'a> Subject<'a> {
    pub(crate) const fn of(action: Action) -> Self {
        Self {
            action,
            backup: None,
            operation: None,
        }
    }

    pub(crate) const fn backup(action: Action, id: &'a BackupId) -> Self {
        Self {
            backup: Some(id),
            ..Self::of(action)
        }
    }

    pub(crate) const fn operation(action: Action, id: &'a OperationId) -> Self {
        Self {
            operation: Some(id),
            ..Self::of(action)
        }
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service said so.
    Refused(ApiError),
    /// The service could not be asked.
    Client(ClientError),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Reads a problem. The credentials may be a console's and not those of whoever asks it: what is wrong with them is then
/// no refusal that they could do something about.
pub(crate) fn failure(status: StatusCode, problem: Option<Problem>, subject: Subject<'_>) -> Failure {
    let Some(problem) = problem else {
        return without_problem(status, subject);
    };
    let detail = problem.detail.clone();
    let about_no_backup = || {
        let sentence = "that a backup cannot go, and was asked about none";
        Failure::Client(ClientError::Unexpected(sentence.to_owned()))
    };
    Failure::Refused(match problem.code {
        ProblemCode::Unauthenticated => return Failure::Client(ClientError::Credentials(Some(detail))),
        ProblemCode::Forbidden => ApiError::Forbidden {
            action: subject.action,
        },
        ProblemCode::NoSuchBackup => ApiError::NoSuchBackup {
            id: subject.backup.map(ToString::to_string).unwrap_or_default(),
        },
        ProblemCode::NoSuchOperation => ApiError::NoSuchOperation {
            id: subject.operation.map(ToString::to_string).unwrap_or_default(),
        },
        ProblemCode::NotCancellable => ApiError::NotCancellable { reason: detail },
        ProblemCode::Cancelled => ApiError::Cancelled {
            sentence: without_advice(&detail, |sentence| ApiError::Cancelled { sentence }),
        },
        ProblemCode::Pinned => match subject.backup.cloned() {
            Some(id) => ApiError::Pinned { id },
            None => return about_no_backup(),
        },
        ProblemCode::InUse => match subject.backup.cloned() {
            Some(id) => ApiError::InUse {
                sentence: without_advice(&detail, |sentence| ApiError::InUse {
                    id: id.clone(),
                    sentence,
                }),
                id,
            },
            None => return about_no_backup(),
        },
        ProblemCode::OperationInProgress => match problem.operation {
            Some(operation) => ApiError::OperationInProgress(operation),
            None => ApiError::Unavailable { reason: detail },
        },
        ProblemCode::MissingPart => match problem.part {
            Some(part) => ApiError::MissingPart(part),
            None => ApiError::InvalidRequest { detail },
        },
        ProblemCode::Incomplete => ApiError::Incomplete,
        ProblemCode::NotGzip => match problem.part {
            Some(part) => ApiError::NotGzip(part),
            None => ApiError::UnsupportedMediaType { detail },
        },
        ProblemCode::UnsupportedMediaType => ApiError::UnsupportedMediaType { detail },
        ProblemCode::ArchiveRejected => ApiError::ArchiveRejected(problem.findings),
        ProblemCode::TooLarge => match problem.limit {
            Some(limit) => ApiError::TooLarge { limit },
            None => ApiError::QuotaExceeded { detail },
        },
        ProblemCode::QuotaExceeded => ApiError::QuotaExceeded { detail },
        ProblemCode::NotAvailable => ApiError::NotAvailable { reason: detail },
        ProblemCode::StoreFull => match (problem.needed, problem.available) {
            (Some(needed), Some(available)) => ApiError::StoreFull { needed, available },
            _ => ApiError::Unavailable {
                reason: format!("The backup service says: {detail}"),
            },
        },
        ProblemCode::TooSlow => match problem.waited {
            Some(seconds) => ApiError::TooSlow { seconds },
            // The service was, and not who sent it something.
            None => ApiError::Unavailable {
                reason: format!("The backup service says: {detail}"),
            },
        },
        ProblemCode::Unavailable | ProblemCode::TooManyRequests | ProblemCode::Internal => {
            ApiError::Unavailable {
                reason: format!("The backup service says: {detail}"),
            }
        }
        _ if status.is_server_error() => ApiError::Unavailable {
            reason: format!("The backup service says: {detail}"),
        },
        _ => ApiError::InvalidRequest { detail },
    })
}

/// A sentence as it was before the problem that carried it added what to do: that is added again where it is told next.
fn without_advice(detail: &str, error: impl FnOnce(String) -> ApiError) -> String {
    let advice = Problem::from(&error(String::new())).detail;
    detail.strip_suffix(&advice).unwrap_or(detail).to_owned()
}

/// Services that came before ours, and whatever else stands at the address, explain nothing.
fn without_problem(status: StatusCode, subject: Subject<'_>) -> Failure {
    match status {
        StatusCode::UNAUTHORIZED => Failure::Client(ClientError::Credentials(None)),
        StatusCode::NOT_FOUND => match subject.backup {
            Some(id) => Failure::Refused(ApiError::no_such_backup(id)),
            None => Failure::Refused(ApiError::NotAvailable {
                reason: "This backup service does not know that call.".to_owned(),
            }),
        },
        StatusCode::FORBIDDEN => Failure::Refused(ApiError::Forbidden {
            action: subject.action,
        }),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
            Failure::Refused(ApiError::NotAvailable {
                reason: "This backup service does not know that call.".to_owned(),
            })
        }
        other => Failure::Client(ClientError::Unexpected(format!("with the status {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use backup_api::Part;

    use super::*;

    fn id() -> BackupId {
        "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap()
    }

    fn back(error: &ApiError) -> Failure {
        let problem = Problem::from(error);
        let status = StatusCode::from_u16(problem.status).unwrap();
        let id = id();
        failure(status, Some(problem), Subject::backup(Action::Delete, &id))
    }

    #[test]
    fn refusals_come_back_as_what_they_were() {
        let id = id();
        for error in [
            ApiError::no_such_backup(&id),
            ApiError::Forbidden {
                action: Action::Delete,
            },
            ApiError::Pinned { id: id.clone() },
            ApiError::NotCancellable {
                reason: "It has ended.".to_owned(),
            },
            ApiError::NotAvailable {
                reason: "Not here.".to_owned(),
            },
            ApiError::InvalidRequest {
                detail: "Send both.".to_owned(),
            },
            ApiError::InUse {
                id: id.clone(),
                sentence: "joe@example.com has been downloading it since 14:03 UTC.".to_owned(),
            },
            ApiError::Cancelled {
                sentence: "joe@example.com cancelled it.".to_owned(),
            },
            ApiError::Incomplete,
            ApiError::TooSlow { seconds: 60 },
            ApiError::MissingPart(Part::Volume),
            ApiError::NotGzip(Part::Database),
            ApiError::TooLarge { limit: 7 },
            ApiError::StoreFull {
                needed: 9,
                available: 7,
            },
        ] {
            match back(&error) {
                Failure::Refused(again) => {
                    assert_eq!(Problem::from(&again), Problem::from(&error), "{error:?}");
                }
                Failure::Client(client) => panic!("{error:?} became {client:?}"),
            }
        }
    }

    #[test]
    fn credentials_of_the_console_are_nobody_elses_fault() {
        let refused = ApiError::Unauthenticated {
            reason: "Who are you?".to_owned(),
        };
        assert!(matches!(
            back(&refused),
            Failure::Client(ClientError::Credentials(_))
        ));
    }

    #[test]
    fn answers_without_a_problem_are_judged_by_their_status() {
        let id = id();
        let about_a_backup = Subject::backup(Action::View, &id);
        assert!(matches!(
            failure(StatusCode::NOT_FOUND, None, about_a_backup),
            Failure::Refused(ApiError::NoSuchBackup { .. })
        ));
        assert!(matches!(
            failure(StatusCode::NOT_FOUND, None, Subject::of(Action::View)),
            Failure::Refused(ApiError::NotAvailable { .. })
        ));
        assert!(matches!(
            failure(StatusCode::BAD_GATEWAY, None, about_a_backup),
            Failure::Client(ClientError::Unexpected(_))
        ));
    }
}
