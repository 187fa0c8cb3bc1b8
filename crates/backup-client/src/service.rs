//! [`BackupApi`] over HTTP.

use std::{fmt, mem, sync::Arc, time::Duration};

use backup_api::{
    Action, Actor, Annotation, ApiError, ApiFuture, ArchiveDescription, Backup, BackupApi, BackupId,
    BackupList, ByteRange, ByteStream, Capabilities, Capability, EnvironmentId, EventId, EventStream,
    History, HistoryQuery, ListQuery, LogLine, NO_BACKGROUND, NO_FILES, Operation, OperationId, Part,
    Problem, ProblemCode, StoredArchive, Upload, UploadContent, Verification, routes,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ArchiveSource, ClientError, HttpFiles, HttpUploads, ServiceSettings,
    connection::{Connection, json, plain_text},
    download,
    events::Events,
    hand_over::{self, UploadAnswer},
    multipart::{Form, form},
    refusal::{Failure, Subject, failure},
};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How long a service may work on an upload after its last byte: it waits for the minute of the id, and makes the
/// archives durable.
pub(crate) const LONGEST_PUBLISHING: Duration = Duration::from_mins(30);

/// The backup service of one environment, on another machine.
#[derive(Clone)]
pub struct HttpBackupApi {
    connection: Connection,
    source: Option<Arc<dyn ArchiveSource>>,
    events: Events,
    streams: Streams,
}

/// How archives whose bytes are only just coming go to a service of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Streams {
    /// As resumable uploads: a connection that breaks costs little, and the environment is held at the end only.
    InPieces,
    /// As the documented form, which holds the environment from its first byte to the backup.
    AsForm,
}

impl HttpBackupApi {
    /// A client of the service; nothing is asked yet. `source` reads archives that are on this machine already.
    pub fn new(
        settings: ServiceSettings,
        source: Option<Arc<dyn ArchiveSource>>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            connection: Connection::new(settings)?,
            source,
            events: Events::default(),
            streams: Streams::InPieces,
        })
    }

    /// Archives whose bytes are only just coming hold the environment while they come, as they do in a service of the
    /// same process: for whoever cannot send them again, and would learn after hours that somebody else was quicker.
    #[must_use]
    pub fn holding_while_bytes_come(self) -> Self {
        Self {
            streams: Streams::AsForm,
            ..self
        }
    }

    /// The resumable uploads of the same service, where it is one of ours.
    pub fn uploads(&self) -> HttpUploads {
        HttpUploads::new(self.connection.clone())
    }

    /// The document libraries of the same service file by file, where it can do that.
    pub fn files(&self) -> HttpFiles {
        HttpFiles {
            connection: self.connection.clone(),
        }
    }

    /// The same service, asked by a person with credentials of their own: what is wrong with these is told to them, and
    /// nobody else is named to the service.
    #[must_use]
    pub fn asked_by_a_person(self) -> Self {
        Self {
            connection: self.connection.of_a_person(),
            ..self
        }
    }

    /// What the service says about itself; `None` where it does not, as those that came before ours.
    pub fn about<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Option<ServiceDescription>> {
        self.call(self.description(actor))
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// An answer, or its failure as callers see it.
    pub(crate) async fn told<T>(
        &self,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, ApiError> {
        answer.await.map_err(|failure| self.connection.error(failure))
    }

    /// Runs a call and gives its failure to the caller.
    fn call<'a, T: 'a>(
        &'a self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'a,
    ) -> ApiFuture<'a, T> {
        Box::pin(self.told(call))
    }

    async fn send_json<T: DeserializeOwned>(
        &self,
        (method, path): (Method, String),
        actor: &Actor,
        body: &(impl Serialize + Sync),
        subject: Subject<'_>,
    ) -> Result<T, Failure> {
        Ok(json(self.send(method, &path, actor, body, subject).await?).await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        actor: &Actor,
        body: &(impl Serialize + Sync),
        subject: Subject<'_>,
    ) -> Result<reqwest::Response, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::Refused(ApiError::internal(error)))?;
        let request = self
            .connection
            .ask(method, path, actor)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        Connection::once(request, subject).await
    }

    /// What the service says about itself; `None` where it does not, as those that came before ours.
    async fn description(&self, actor: &Actor) -> Result<Option<ServiceDescription>, Failure> {
        let asked = self.connection.get("/", actor, Subject::of(Action::View)).await;
        let description: ServiceDescription = match asked {
            Ok(description) => description,
            Err(
                Failure::Client(ClientError::Unexpected(_)) | Failure::Refused(ApiError::NotAvailable { .. }),
            ) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let ServiceDescription {
            project, environment, ..
        } = &description;
        // The name as a whole: where it was taken apart from a host name, nobody knows at which hyphen.
        if format!("{project}-{environment}") == self.connection.environment().to_string() {
            Ok(Some(description))
        } else {
            let sentence = format!("that it serves {project}-{environment}");
            Err(ClientError::Unexpected(sentence).into())
        }
    }

    /// The statements that mend names in the database of a backup.
    async fn rename_script(&self, actor: &Actor, id: &BackupId) -> Result<Option<String>, Failure> {
        let path = routes::RENAMES.replace("{id}", id.as_str());
        let asked = Connection::repeatedly(self.connection.ask(Method::GET, &path, actor)).await?;
        match asked {
            Ok(response) => Ok(Some(plain_text(response).await?)),
            Err(refused) => match refused.problem {
                Some(problem) if problem.code == ProblemCode::NotFound => Ok(None),
                problem => Err(failure(
                    refused.status,
                    problem,
                    Subject::backup(Action::View, id),
                )),
            },
        }
    }

    async fn begin_verification(&self, actor: &Actor, id: &BackupId) -> Result<Backup, Failure> {
        let path = routes::VERIFY.replace("{id}", id.as_str());
        let request = self.connection.ask(Method::POST, &path, actor);
        match Connection::answer(request).await? {
            Ok(response) => Ok(json(response).await?),
            Err(refused) if knows_no_such_path(refused.problem.as_ref(), refused.status) => {
                Err(Failure::Refused(ApiError::NotAvailable {
                    reason: Verification::MISSING.to_owned(),
                }))
            }
            Err(refused) => Err(failure(
                refused.status,
                refused.problem,
                Subject::backup(Action::Verify, id),
            )),
        }
    }

    async fn recent_operations(&self, actor: &Actor, limit: u32) -> Result<Vec<Operation>, Failure> {
        let path = format!("{}?limit={limit}", routes::OPERATIONS);
        let list: OperationList = self
            .connection
            .get(&path, actor, Subject::of(Action::View))
            .await?;
        Ok(list.operations)
    }

    /// The newest one, if it runs: nothing begins while something holds the environment.
    async fn holder(&self, actor: &Actor) -> Result<Option<Operation>, Failure> {
        match self.recent_operations(actor, 1).await {
            Ok(operations) => Ok(operations
                .into_iter()
                .find(|operation| !operation.state.is_final())),
            Err(Failure::Refused(ApiError::NotAvailable { .. })) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// In a task of its own: whoever hangs up changes nothing about how it ends.
    fn detached_upload<T: UploadAnswer + Send + 'static>(
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

impl fmt::Debug for HttpBackupApi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpBackupApi")
            .field("settings", self.connection.settings())
            .finish_non_exhaustive()
    }
}

/// What `GET /` of our services says.
#[derive(Debug, Clone, Deserialize)]
pub struct ServiceDescription {
    /// Its version, where it says it.
    #[serde(default)]
    pub version: Option<String>,
    /// The project of the environment that it keeps backups for.
    pub project: String,
    /// The name of that environment within its project.
    pub environment: String,
    /// What it can do there.
    pub capabilities: Capabilities,
}

#[derive(Debug, Deserialize)]
struct OperationList {
    operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
struct OperationLog {
    lines: Vec<LogLine>,
}

#[derive(Debug, Serialize)]
struct AnnotationRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreRequest<'a> {
    backup_id: &'a BackupId,
}

#[derive(Debug, Serialize)]
struct BreakRequest {
    reason: String,
}

/// What services that came before ours can do, and say nothing about.
fn documented_capabilities() -> Capabilities {
    let missing = || Capability::missing("This backup service offers that only on its own pages.");
    Capabilities {
        download: Capability::available(),
        upload: Capability::available(),
        create: missing(),
        restore: missing(),
        delete: missing(),
        files: Capability::missing(NO_FILES),
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

/// Whether a service that came before a path says so: in our words, or without any.
fn knows_no_such_path(problem: Option<&Problem>, status: StatusCode) -> bool {
    match problem {
        Some(problem) => matches!(
            problem.code,
            ProblemCode::NotFound | ProblemCode::MethodNotAllowed
        ),
        None => matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn backup_path(id: &BackupId) -> String {
    routes::BACKUP.replace("{id}", id.as_str())
}

/// The path of something about one operation, whose id may be anything that somebody typed.
fn operation_path(route: &str, id: &OperationId) -> Result<String, Failure> {
    let encoded = utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC).to_string();
    if encoded.is_empty() {
        // It would be the path of something else.
        return Err(Failure::Refused(ApiError::NoSuchOperation { id: encoded }));
    }
    Ok(route.replace("{id}", &encoded))
}

impl BackupApi for HttpBackupApi {
    fn environment(&self) -> &EnvironmentId {
        self.connection.environment()
    }

    fn capabilities<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Capabilities> {
        self.call(async move {
            let description = self.description(actor).await?;
            Ok(description.map_or_else(documented_capabilities, |description| description.capabilities))
        })
    }

    fn list<'a>(&'a self, actor: &'a Actor, query: ListQuery) -> ApiFuture<'a, BackupList> {
        self.call(async move {
            let path = with_query(routes::LIST, &query)?;
            self.connection.get(&path, actor, Subject::of(Action::View)).await
        })
    }

    fn history<'a>(&'a self, actor: &'a Actor, query: HistoryQuery) -> ApiFuture<'a, History> {
        self.call(async move {
            let path = with_query(routes::HISTORY, &query)?;
            match self.connection.get(&path, actor, Subject::of(Action::View)).await {
                Err(Failure::Refused(ApiError::NotAvailable { .. })) => {
                    let list: BackupList = self
                        .connection
                        .get(routes::LIST, actor, Subject::of(Action::View))
                        .await?;
                    Ok(History::of(&query, list.backups, []))
                }
                other => other,
            }
        })
    }

    fn find<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        self.call(async move {
            let subject = Subject::backup(Action::View, id);
            self.connection.get(&backup_path(id), actor, subject).await
        })
    }

    fn current_operation<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Option<Operation>> {
        self.call(self.holder(actor))
    }

    fn upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Backup> {
        self.detached_upload(actor, upload)
    }

    fn describe<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
    ) -> ApiFuture<'a, ArchiveDescription> {
        self.call(download::describe(&self.connection, actor, id, part))
    }

    fn download<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        part: Part,
        range: ByteRange,
    ) -> ApiFuture<'a, ByteStream> {
        self.call(download::download(&self.connection, actor, id, part, range))
    }

    fn create<'a>(&'a self, actor: &'a Actor) -> ApiFuture<'a, Operation> {
        self.call(async move {
            let request = self.connection.ask(Method::POST, routes::CREATE, actor);
            Ok(json(Connection::once(request, Subject::of(Action::Create)).await?).await?)
        })
    }

    fn restore<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Operation> {
        self.call(async move {
            let target = (Method::POST, routes::RESTORE.to_owned());
            let body = RestoreRequest { backup_id: id };
            self.send_json(target, actor, &body, Subject::backup(Action::Restore, id))
                .await
        })
    }

    fn delete<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, ()> {
        self.call(async move {
            let request = self.connection.ask(Method::DELETE, &backup_path(id), actor);
            Connection::once(request, Subject::backup(Action::Delete, id)).await?;
            Ok(())
        })
    }

    fn begin_upload<'a>(&'a self, actor: &'a Actor, upload: Upload) -> ApiFuture<'a, Operation> {
        self.detached_upload(actor, upload)
    }

    fn annotate<'a>(
        &'a self,
        actor: &'a Actor,
        id: &'a BackupId,
        annotation: Annotation,
    ) -> ApiFuture<'a, Backup> {
        self.call(async move {
            let Annotation { note, pinned } = annotation;
            let target = (Method::PATCH, backup_path(id));
            let body = AnnotationRequest { note, pinned };
            self.send_json(target, actor, &body, Subject::backup(Action::Annotate, id))
                .await
        })
    }

    fn verify<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        self.call(self.begin_verification(actor, id))
    }

    fn renames<'a>(&'a self, actor: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Option<String>> {
        self.call(self.rename_script(actor, id))
    }

    fn operations<'a>(&'a self, actor: &'a Actor, limit: u32) -> ApiFuture<'a, Vec<Operation>> {
        self.call(self.recent_operations(actor, limit))
    }

    fn operation<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Operation> {
        self.call(async move {
            let path = operation_path(routes::OPERATION, id)?;
            let subject = Subject::operation(Action::View, id);
            self.connection.get(&path, actor, subject).await
        })
    }

    fn operation_log<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, Vec<LogLine>> {
        self.call(async move {
            let path = operation_path(routes::OPERATION_LOG, id)?;
            let subject = Subject::operation(Action::View, id);
            let log: OperationLog = self.connection.get(&path, actor, subject).await?;
            Ok(log.lines)
        })
    }

    fn cancel<'a>(&'a self, actor: &'a Actor, id: &'a OperationId) -> ApiFuture<'a, ()> {
        self.call(async move {
            let path = operation_path(routes::OPERATION_CANCEL, id)?;
            let request = self.connection.ask(Method::POST, &path, actor);
            Connection::once(request, Subject::operation(Action::Upload, id)).await?;
            Ok(())
        })
    }

    fn break_lock<'a>(&'a self, actor: &'a Actor, id: &'a OperationId, reason: String) -> ApiFuture<'a, ()> {
        self.call(async move {
            let path = operation_path(routes::OPERATION_BREAK, id)?;
            let subject = Subject::operation(Action::BreakLock, id);
            self.send(Method::POST, &path, actor, &BreakRequest { reason }, subject)
                .await?;
            Ok(())
        })
    }

    fn events<'a>(&'a self, actor: &'a Actor, after: Option<EventId>) -> ApiFuture<'a, EventStream> {
        self.call(self.events.listen(&self.connection, actor, after))
    }
}

/// A path with the query that `values` make.
pub(crate) fn with_query(path: &str, values: &impl Serialize) -> Result<String, Failure> {
    let query =
        serde_urlencoded::to_string(values).map_err(|error| Failure::Refused(ApiError::internal(error)))?;
    Ok(if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    })
}
