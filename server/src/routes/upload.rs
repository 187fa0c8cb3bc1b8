//! The upload form: a plain multipart form, which works without scripts.
//!
//! Whatever happens, the answer is a redirect to a page, because a person looks at it. The page finds its sentence by
//! the problem's code; no text travels in the address. Nothing of the body is read before the session, the permission
//! and the lock were looked at.

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse, Redirect, Response},
};
use backup_api::{ApiError, Finding, Part, Problem, Severity};
use backup_service::http::{RequestId, problem_response, upload_from_multipart};
use console::{Console, ConsoleError};

use super::{download::api_error, services, signed_in::SignedIn};

/// `POST /projects/{environment}/backups/upload`.
pub(crate) async fn handle(
    State(console): State<Console>,
    SignedIn(actor): SignedIn,
    Path(environment): Path<String>,
    request: Request,
) -> Response {
    let Some(environment) = console.environment(&environment) else {
        return services::unknown(request).await;
    };
    let backups = format!("/projects/{}/backups", environment.id);
    let (parts, body) = request.into_parts();
    let path = match console
        .upload(
            &actor,
            &environment.id,
            upload_from_multipart(&parts.headers, body),
        )
        .await
    {
        Ok(backup) => format!("{backups}?uploaded={}", backup.backup_id),
        Err(ConsoleError::NoSuchEnvironment) => {
            return problem_response(&ApiError::NoSuchEnvironment, parts.extensions.get());
        }
        Err(error) => format!(
            "{backups}/upload?{}",
            failure(&api_error(error), parts.extensions.get())
        ),
    };
    Redirect::to(&path).into_response()
}

/// What the page needs to say why: code, part, finding and request id, none of which has to be escaped.
fn failure(error: &ApiError, request_id: Option<&RequestId>) -> String {
    if let ApiError::Internal(source) = error {
        let source: &(dyn std::error::Error + 'static) = source.as_ref();
        tracing::error!(error = source, "an upload failed");
    }
    let code = serde_json::to_value(Problem::from(error).code).expect("a code is a word");
    let code = code.as_str().expect("a code is a word");
    let part = part(error)
        .map(|part| format!("&part={part}"))
        .unwrap_or_default();
    let request = request_id
        .map(|id| format!("&request={}", id.0))
        .unwrap_or_default();
    let finding = worst_finding(error)
        .map(|finding| format!("&finding={}", finding.code))
        .unwrap_or_default();
    format!("problem={code}{part}{finding}{request}")
}

/// The archive that the problem is about.
fn part(error: &ApiError) -> Option<Part> {
    match error {
        ApiError::MissingPart(part) | ApiError::NotGzip(part) => Some(*part),
        _ => worst_finding(error).map(|finding| finding.part),
    }
}

/// Why the inspection refused an archive.
fn worst_finding(error: &ApiError) -> Option<&Finding> {
    match error {
        ApiError::ArchiveRejected(findings) => findings
            .iter()
            .find(|finding| finding.severity == Severity::Error),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_travel_as_words() {
        let id = RequestId("0199".to_owned());
        let id = Some(&id);
        assert_eq!(
            failure(&ApiError::NotGzip(Part::Volume), id),
            "problem=not-gzip&part=volume&request=0199"
        );
        assert_eq!(
            failure(&ApiError::Incomplete, id),
            "problem=incomplete&request=0199"
        );
        assert_eq!(
            failure(&ApiError::internal("secret detail"), id),
            "problem=internal&request=0199"
        );
    }
}
