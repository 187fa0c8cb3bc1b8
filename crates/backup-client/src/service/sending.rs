//! The way that the archives of a new backup go to a service: piece by piece to one of ours, otherwise as the documented form.

use std::{mem, time::Duration};

use backup_api::{
    Action, Actor, ApiError, ApiFuture, Backup, NO_BACKGROUND, StoredArchive, Upload, UploadContent, routes,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, Method, header::CONTENT_TYPE};

use super::HttpBackupApi;
use crate::{
    connection::{Connection, json},
    hand_over::{self, UploadAnswer},
    multipart::{Form, form},
    refusal::{Failure, Subject},
};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long a service may work on an upload after its last byte: it waits for the minute of the id, and makes the
/// archives durable.
pub(crate) const LONGEST_PUBLISHING: Duration = Duration::from_mins(30);

/// How archives whose bytes are only just coming go to a service of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Streams {
    /// As resumable uploads: a connection that breaks costs little, and the environment is held at the end only.
    InPieces,
    /// As the documented form, which holds the environment from its first byte to the backup.
    AsForm,
}

impl HttpBackupApi {
    /// Archives whose bytes are only just coming hold the environment while they come, as they do in a service of the
    /// same process: for whoever cannot send them again, and would learn after hours that somebody else was quicker.
    #[must_use]
    pub fn holding_while_bytes_come(self) -> Self {
        Self {
            streams: Streams::AsForm,
            ..self
        }
    }

    /// In a task of its own: whoever hangs up changes nothing about how it ends.
    pub(super) fn detached_upload<T: UploadAnswer + Send + 'static>(
        &self,
        actor: &Actor,
        upload: Upload,
    ) -> ApiFuture<'_, T> {
        let (service, actor) = (self.clone(), actor.clone());
        let task = tokio::spawn(async move {
            let sent = service.take_in(&actor, upload).await;
            sent.map_err(|failure| service.connection.error(failure))
        });
        Box::pin(async move { task.await.map_err(ApiError::internal)? })
    }

    async fn take_in<T: UploadAnswer>(&self, actor: &Actor, mut upload: Upload) -> Result<T, Failure> {
        // Before a byte moves. Whoever comes in between is met at the end.
        if let Some(holder) = self.holder(actor).await? {
            return Err(Failure::Refused(ApiError::OperationInProgress(Box::new(holder))));
        }
        // Services of ours say what they are; only they take archives piece by piece.
        let takes_pieces = self.description(actor).await?.is_some();
        if !takes_pieces && !T::IS_THE_END {
            let reason = NO_BACKGROUND.to_owned();
            return Err(Failure::Refused(ApiError::NotAvailable { reason }));
        }
        if !takes_pieces || self.streams == Streams::AsForm && begins_with_a_stream(&mut upload).await {
            let (response, stored) = self.send_form::<T>(actor, upload).await?;
            let answer = json(response).await?;
            self.release::<T>(&stored).await;
            return Ok(answer);
        }
        let uploads = self.uploads();
        let (answer, stored) = hand_over::upload(&uploads, self.source.as_ref(), actor, upload).await?;
        self.release::<T>(&stored).await;
        Ok(answer)
    }

    /// The documented form, and whatever answer comes.
    pub(crate) async fn send_documented_form(
        &self,
        actor: &Actor,
        upload: Upload,
    ) -> Result<reqwest::Response, Failure> {
        let (response, _) = self.send_form::<Backup>(actor, upload).await?;
        Ok(response)
    }

    async fn send_form<T: UploadAnswer>(
        &self,
        actor: &Actor,
        upload: Upload,
    ) -> Result<(reqwest::Response, Vec<StoredArchive>), Failure> {
        let Form {
            content_type,
            body,
            flow,
            stored,
        } = form(upload.parts, self.source.clone());
        let request = self
            .connection
            .send_to(Method::POST, routes::UPLOAD, actor)
            .header(CONTENT_TYPE, content_type)
            .body(reqwest::Body::wrap_stream(body));
        let mut request = T::ask_for(request);
        if let Some(key) = upload.idempotency_key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let silence = self.connection.settings().read_timeout;
        let answer = tokio::select! {
            answer = Connection::once(request, Subject::of(Action::Upload)) => answer,
            () = flow.stalled(silence, LONGEST_PUBLISHING) => {
                return Err(Failure::Refused(ApiError::Unavailable {
                    reason: "The backup service took no more bytes. Nothing of the upload was kept; send it again."
                        .to_owned(),
                }));
            }
        };
        match (answer, flow.error()) {
            (Ok(response), _) => Ok((response, stored.taken())),
            (Err(_), Some(stopped)) => Err(Failure::Refused(stopped.into())),
            (Err(failure), None) => Err(failure),
        }
    }

    /// The other machine has them in a backup; what cannot be let go here expires.
    async fn release<T: UploadAnswer>(&self, archives: &[StoredArchive]) {
        let Some(source) = self.source.as_ref().filter(|_| T::IS_THE_END) else {
            return;
        };
        for archive in archives {
            if let Err(error) = source.release(archive).await {
                tracing::warn!(
                    archive = archive.id,
                    error = &error as &dyn std::error::Error,
                    "an archive that was sent to another machine could not be let go"
                );
            }
        }
    }
}

/// Whether the bytes of an upload are only just coming. Looks at its first part, which stays there.
async fn begins_with_a_stream(upload: &mut Upload) -> bool {
    let Some(first) = upload.parts.next().await else {
        return false;
    };
    let comes = matches!(&first, Ok(part) if matches!(part.content, UploadContent::Stream(_)));
    let rest = mem::replace(&mut upload.parts, stream::empty().boxed());
    upload.parts = stream::iter([first]).chain(rest).boxed();
    comes
}
