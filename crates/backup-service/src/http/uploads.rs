//! Resumable uploads of API clients, and making a backup of two that are finished.

use archive_store::uploads::{ResumableUploads, UploadError};
use axum::{body::Bytes, http::request::Parts};
use backup_api::{Action, Actor, ApiError, ApiFuture, BodyError, EnvironmentId, Part, Upload};
use resumable_uploads::UploadAccess;
use serde::Deserialize;

use super::{authentication::Caller, state::ServiceRouter};

/// A UUID with room to spare; longer texts are no ids.
const LONGEST_ID: usize = 64;

/// Whose uploads these are: a person's, or a token's, in one environment.
pub(crate) fn scope(actor: &Actor, environment: &EnvironmentId) -> String {
    format!("{}/{environment}", actor.id)
}

/// Lets those in who may upload.
pub(crate) struct CallersUploads(pub(crate) ServiceRouter);

impl UploadAccess for CallersUploads {
    fn scope<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, String> {
        Box::pin(async move {
            let Self(state) = self;
            let actor = Caller::of(parts, state).await?.may(Action::Upload, state).await?;
            Ok(scope(&actor, state.api.environment()))
        })
    }
}

/// The JSON form of an upload: the ids of two finished resumable uploads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FinishedUploads {
    database: String,
    volume: String,
    #[serde(default)]
    note: Option<String>,
}

/// The upload that a JSON request stands for. What is wrong with the uploads is told when their turn comes: a lock
/// that is held is told first. Without a key of its own the request is known by the two ids.
pub(crate) fn upload_from_json(
    body: &Bytes,
    uploads: ResumableUploads,
    scope: String,
    idempotency_key: Option<String>,
) -> Result<Upload, ApiError> {
    let pair: FinishedUploads = serde_json::from_slice(body)
        .ok()
        .filter(|pair: &FinishedUploads| pair.database.len().max(pair.volume.len()) <= LONGEST_ID)
        .ok_or_else(|| ApiError::InvalidRequest {
            detail: "Send the ids of two finished uploads as JSON: {\"database\": \"…\", \"volume\": \"…\"}."
                .to_owned(),
        })?;
    let key = idempotency_key.unwrap_or_else(|| format!("uploads {} {}", pair.database, pair.volume));
    let parts = [(Part::Database, pair.database), (Part::Volume, pair.volume)];
    Ok(Upload {
        announced_length: None,
        parts: uploads.stored_parts(scope, parts, refusal),
        note: pair.note,
        idempotency_key: Some(key),
    })
}

fn refusal(part: Part, error: UploadError) -> BodyError {
    match error {
        UploadError::NoSuchUpload => BodyError::Malformed(format!(
            "There is no upload of yours with the id sent as `{part}`. It may have expired; upload the file again."
        )),
        UploadError::Unfinished { .. } => BodyError::Malformed(format!(
            "The upload sent as `{part}` is not finished. Ask for its offset with HEAD and send the rest."
        )),
        other => BodyError::Read(std::io::Error::other(other)),
    }
}
