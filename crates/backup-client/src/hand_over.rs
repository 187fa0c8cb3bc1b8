//! A pair of archives on its way to a service of ours: each as a resumable upload, then both by their names.
//!
//! What can be refused is refused at once and heard for certain, a connection that breaks costs little, and archives that
//! are at the service already do not move. The environment is held for the moment in which both become a backup, and not
//! while bytes come in.

use std::{collections::HashMap, sync::Arc};

use backup_api::{
    Action, Actor, ApiError, Backup, Operation, Part, ResumableApi as _, StoredArchive, Upload,
    UploadContent, UploadPart, UploadRefusal, routes,
};
use futures_util::StreamExt as _;
use http::{HeaderName, Method, header::CONTENT_TYPE};
use reqwest::RequestBuilder;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    ArchiveSource, ClientError, HttpUploads,
    connection::{Connection, json},
    pieces::told,
    refusal::{Failure, Subject},
    service::{IDEMPOTENCY_KEY, LONGEST_PUBLISHING},
};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a service answers an upload with, which decides when it does.
pub(crate) trait UploadAnswer: DeserializeOwned {
    /// Whether the backup is made when it comes.
    const IS_THE_END: bool;

    /// Asks for this answer.
    fn ask_for(request: RequestBuilder) -> RequestBuilder;
}

impl UploadAnswer for Backup {
    const IS_THE_END: bool = true;

    fn ask_for(request: RequestBuilder) -> RequestBuilder {
        request
    }
}

/// Comes as soon as all bytes have.
impl UploadAnswer for Operation {
    const IS_THE_END: bool = false;

    fn ask_for(request: RequestBuilder) -> RequestBuilder {
        request.header(PREFER, "respond-async")
    }
}

/// The documented form of a pair that is there already.
#[derive(Debug, Serialize)]
struct Pair<'a> {
    database: &'a str,
    volume: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// What came to the service by this call.
#[derive(Debug, Default)]
struct Brought {
    /// The uploads it made there.
    made: Vec<String>,
    /// The archives of this machine that went into them.
    stored: Vec<StoredArchive>,
}

/// Makes a backup of `upload`, and gives the archives of this machine that went into it.
pub(crate) async fn upload<T: UploadAnswer>(
    uploads: &HttpUploads,
    source: Option<&Arc<dyn ArchiveSource>>,
    actor: &Actor,
    upload: Upload,
) -> Result<(T, Vec<StoredArchive>), Failure> {
    let call = Call {
        uploads,
        source,
        actor,
    };
    let mut brought = Brought::default();
    let is_named = upload.idempotency_key.is_some();
    let made: Result<T, _> = call.run(upload, &mut brought).await;
    // A request that was made before got the backup of then: what came now is not in it. What is still being made one of
    // is left alone; what is not expires.
    if made.is_err() || is_named && T::IS_THE_END {
        call.end(&brought.made).await;
    }
    Ok((made?, brought.stored))
}

struct Call<'a> {
    uploads: &'a HttpUploads,
    source: Option<&'a Arc<dyn ArchiveSource>>,
    actor: &'a Actor,
}

impl Call<'_> {
    async fn run<T: UploadAnswer>(&self, upload: Upload, brought: &mut Brought) -> Result<T, Failure> {
        let Upload {
            mut parts,
            note,
            idempotency_key,
            ..
        } = upload;
        let mut there = HashMap::new();
        while let Some(next) = parts.next().await {
            let UploadPart { part, content } = next.map_err(|error| Failure::Refused(error.into()))?;
            if there.contains_key(&part) {
                return Err(Failure::Refused(ApiError::InvalidRequest {
                    detail: format!("The part `{part}` came twice. Send each file once."),
                }));
            }
            let id = self.bring(part, content, brought).await;
            there.insert(part, id.map_err(Failure::Refused)?);
        }
        let of = |part: Part| {
            let id = there.get(&part).map(String::as_str);
            id.ok_or(Failure::Refused(ApiError::MissingPart(part)))
        };
        let pair = Pair {
            database: of(Part::Database)?,
            volume: of(Part::Volume)?,
            note: note.as_deref(),
        };
        self.hand_over(&pair, idempotency_key).await
    }

    /// The name that an archive has at the service.
    async fn bring(
        &self,
        part: Part,
        content: UploadContent,
        brought: &mut Brought,
    ) -> Result<String, ApiError> {
        let body = match content {
            UploadContent::AtService(upload) => return Ok(upload.id),
            UploadContent::Stream(body) => body,
            UploadContent::Stored(archive) => {
                let source = self.source.ok_or_else(|| {
                    ApiError::internal(
                        "an archive of this machine was to be sent, and nothing here can read it",
                    )
                })?;
                let body = source.open(&archive).await?.body;
                brought.stored.push(archive);
                body
            }
        };
        let announced = self.uploads.announce(self.actor, part, None).await;
        let id = announced.map_err(|refusal| told(part, refusal))?.id;
        brought.made.push(id.clone());
        self.uploads.send(self.actor, part, &id, body).await?;
        Ok(id)
    }

    /// Asked again where only the answer was lost: the same two uploads make one backup.
    async fn hand_over<T: UploadAnswer>(
        &self,
        pair: &Pair<'_>,
        idempotency_key: Option<String>,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(pair).map_err(|error| Failure::Refused(ApiError::internal(error)))?;
        let request = self
            .uploads
            .connection
            .send_to(Method::POST, routes::UPLOAD, self.actor)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let mut request = T::ask_for(request);
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let made = Connection::repeated(request, Subject::of(Action::Upload));
        let answered = timeout(LONGEST_PUBLISHING, made).await;
        let response = answered.map_err(|_| {
            let sentence = "nothing for half an hour, to an upload that it has all bytes of";
            ClientError::Unexpected(sentence.to_owned())
        })?;
        Ok(json(response?).await?)
    }

    /// Best effort: what is left at the service expires there.
    async fn end(&self, made: &[String]) {
        for id in made {
            match self.uploads.end(self.actor, id).await {
                Ok(()) | Err(UploadRefusal::Gone) => {}
                Err(error) => tracing::warn!(
                    upload.id = id,
                    error = &error as &dyn std::error::Error,
                    "an upload that came to nothing could not be removed at its service, and expires there"
                ),
            }
        }
    }
}
