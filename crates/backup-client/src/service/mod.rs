//! [`BackupApi`] over HTTP.

mod description;
mod sending;

use std::{fmt, sync::Arc};

use backup_api::{
    Action, Actor, Annotation, ApiError, ApiFuture, ArchiveDescription, Backup, BackupApi, BackupId,
    BackupList, ByteRange, ByteStream, Capabilities, EnvironmentId, EventId, EventStream, History,
    HistoryQuery, ListQuery, LogLine, Operation, OperationId, Part, Problem, ProblemCode, Upload,
    Verification, routes,
};
use http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::description::ServiceDescription;
pub(crate) use self::sending::{IDEMPOTENCY_KEY, LONGEST_PUBLISHING};
use self::{description::documented_capabilities, sending::Streams};
use crate::{
    ArchiveSource, ClientError, HttpFiles, HttpUploads, ServiceSettings,
    connection::{Connection, json, text_if_any},
    download,
    events::Events,
    refusal::{Failure, Subject, failure},
};

/// The backup service of one environment, on another machine.
#[derive(Clone)]
pub struct HttpBackupApi {
    connection: Connection,
    source: Option<Arc<dyn ArchiveSource>>,
    events: Events,
    streams: Streams,
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

    /// The statements that mend names in the database of a backup.
    async fn rename_script(&self, actor: &Actor, id: &BackupId) -> Result<Option<String>, Failure> {
        let path = routes::RENAMES.replace("{id}", id.as_str());
        let asked = Connection::repeatedly(self.connection.ask(Method::GET, &path, actor)).await;
        text_if_any(asked)
            .await?
            .map_err(|refused| failure(refused.status, refused.problem, Subject::backup(Action::View, id)))
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
}

impl fmt::Debug for HttpBackupApi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpBackupApi")
            .field("settings", self.connection.settings())
            .finish_non_exhaustive()
    }
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
