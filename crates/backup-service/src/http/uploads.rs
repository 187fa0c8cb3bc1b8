//! Resumable uploads of API clients, and making a backup of two that are finished; or of one and a document library that
//! came file by file.

use archive_store::uploads::UploadError;
use axum::{body::Bytes, http::request::Parts};
use backup_api::{
    Action, Actor, ApiError, ApiFuture, BodyError, EnvironmentId, Part, PartStream, StoredArchive, Upload,
    UploadContent, UploadPart, library::LibraryState,
};
use futures_util::{StreamExt as _, stream};
use member_store::LibraryId;
use resumable_uploads::UploadAccess;
use serde::Deserialize;

use super::{authentication::Caller, state::ServiceRouter};
use crate::LibraryFiles;

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

/// The JSON form of an upload: the ids of two finished resumable uploads; that of the volume may be a library's.
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
    state: &ServiceRouter,
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
    Ok(Upload {
        announced_length: None,
        parts: stored_parts(state, scope, pair.database, pair.volume),
        note: pair.note,
        idempotency_key: Some(key),
    })
}

fn stored_parts(state: &ServiceRouter, scope: String, database: String, volume: String) -> PartStream {
    let uploads = state.uploads.clone();
    let database = uploads
        .clone()
        .stored_parts(scope.clone(), [(Part::Database, database)], refusal);
    let files = state.files.clone();
    let volume = stream::once(async move {
        match library_part(&files, &scope, &volume).await {
            Ok(Some(part)) => stream::iter([Ok(part)]).boxed(),
            Ok(None) => uploads.stored_parts(scope, [(Part::Volume, volume)], refusal),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    });
    database.chain(volume.flatten()).boxed()
}

/// A document library that came file by file, if that is what the id names.
async fn library_part(files: &LibraryFiles, scope: &str, id: &str) -> Result<Option<UploadPart>, BodyError> {
    let Ok(library) = id.parse::<LibraryId>() else {
        return Ok(None);
    };
    let found = files.members().finished_of(scope, library).await;
    let found = found.map_err(|error| BodyError::Read(std::io::Error::other(error)))?;
    let Some(found) = found else { return Ok(None) };
    if found.state == LibraryState::Refused {
        return Err(BodyError::Refused(Box::new(ApiError::ArchiveRejected(
            found.findings,
        ))));
    }
    Ok(Some(UploadPart {
        part: Part::Volume,
        content: UploadContent::Stored(StoredArchive { id: id.to_owned() }),
    }))
}

fn refusal(part: Part, error: UploadError) -> BodyError {
    match error {
        UploadError::NoSuchUpload => BodyError::Malformed(format!(
            "There is no upload of yours with the id sent as `{part}`. It may have expired; upload the file again."
        )),
        UploadError::Unfinished { .. } => BodyError::Malformed(format!(
            "The upload sent as `{part}` is not finished. Ask for its offset with HEAD and send the rest."
        )),
        UploadError::Rejected { findings } => {
            BodyError::Refused(Box::new(ApiError::ArchiveRejected(findings)))
        }
        other => BodyError::Read(std::io::Error::other(other)),
    }
}
