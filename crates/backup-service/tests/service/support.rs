//! A service in a folder of its own, callers, and requests.

use std::{
    convert::Infallible,
    future::Future,
    io::Write as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) use archive_samples::{database, database_of, volume, volume_of};
use archive_store::{
    ArchiveStore, InspectionLimits, StoreLimits,
    uploads::{ResumableUploads, UploadLimits},
};
use axum::{
    Router,
    body::{Body, Bytes},
    response::Response,
};
use backup_api::{
    Action, Activity, ActivitySink, Actor, ApiError, ApiFuture, EnvironmentId, Operation, OperationId, Part,
    Phase, Problem,
};
use backup_service::{
    BackupService, Clock, ServiceSettings,
    http::{Authenticator, Credentials, RequestId, ServiceRouter},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use database::{Database, sqlx};
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use member_store::{MemberLimits, MemberStore};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tower::ServiceExt as _;

pub(crate) const LARGEST_ARCHIVE: u64 = 1024 * 1024;
pub(crate) const OWNER: &str = "Bearer owner";
pub(crate) const GUEST: &str = "Bearer guest";

/// A clock that jumps to whatever is waited for, unless it is held.
#[derive(Debug)]
pub(crate) struct JumpingClock {
    now: Mutex<Timestamp>,
    held: watch::Sender<bool>,
}

impl JumpingClock {
    pub(crate) fn at(time: &str) -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new(time.parse().unwrap()),
            held: watch::Sender::new(false),
        })
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    /// From now on, whoever waits for a time that has not come waits until [`Self::go_on`].
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn go_on(&self) {
        self.held.send_replace(false);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn wait_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if time > self.now() {
                let mut held = self.held.subscribe();
                held.wait_for(|held| !held).await.unwrap();
            }
            let mut now = self.now.lock().unwrap();
            *now = time.max(*now);
        })
    }
}

/// Remembers what it was told.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<Activity>>);

impl ActivitySink for Recorder {
    fn record(&self, activity: Activity) {
        self.0.lock().unwrap().push(activity);
    }
}

impl Recorder {
    /// What was told since the last time this was asked.
    pub(crate) fn take(&self) -> Vec<Activity> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Knows two tokens and one password.
struct FewPeople;

impl Authenticator for FewPeople {
    fn authenticate<'a>(
        &'a self,
        _environment: &'a EnvironmentId,
        credentials: Credentials,
        _: Option<std::net::IpAddr>,
    ) -> ApiFuture<'a, Actor> {
        let name = match &credentials {
            Credentials::Token(token) if token.expose_secret() == "owner" => Some("owner"),
            Credentials::Token(token) if token.expose_secret() == "guest" => Some("guest"),
            Credentials::Basic { user, password }
                if user == "joe@example.com" && password.expose_secret() == "password" =>
            {
                Some("owner")
            }
            _ => None,
        };
        Box::pin(async move {
            let name = name.ok_or_else(|| ApiError::Unauthenticated {
                reason: "Nobody.".to_owned(),
            })?;
            Ok(Actor::new(
                format!("person:{name}"),
                format!("{name}@example.com"),
            ))
        })
    }

    fn authorise<'a>(
        &'a self,
        actor: &'a Actor,
        _environment: &'a EnvironmentId,
        action: Action,
    ) -> ApiFuture<'a, ()> {
        let may = actor.id == "person:owner" || action == Action::View;
        Box::pin(async move {
            if may {
                Ok(())
            } else {
                Err(ApiError::Forbidden { action })
            }
        })
    }
}

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) service: BackupService,
    pub(crate) clock: Arc<JumpingClock>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) router: Router,
    /// The API of another environment of the same service.
    pub(crate) other: Router,
    /// Whether the process stops.
    pub(crate) stopping: watch::Sender<bool>,
}

/// An upload in the middle.
pub(crate) struct SlowUpload {
    pub(crate) operation: Operation,
    pub(crate) chunks: mpsc::UnboundedSender<Bytes>,
    pub(crate) rest: Bytes,
    pub(crate) call: JoinHandle<Result<Response, Infallible>>,
}

impl SlowUpload {
    /// Sends the rest and gives the answer.
    pub(crate) async fn finish(self) -> Response {
        // Whoever was refused reads no more.
        let _ = self.chunks.send(self.rest);
        drop(self.chunks);
        self.call.await.unwrap().unwrap()
    }

    /// The answer, without sending anything more.
    pub(crate) async fn answer(self) -> Response {
        self.call.await.unwrap().unwrap()
    }
}

pub(crate) fn environment(name: &str) -> EnvironmentId {
    EnvironmentId::new("lfrjoebloggs".parse().unwrap(), name.parse().unwrap())
}

pub(crate) async fn fixture() -> Fixture {
    open(tempfile::tempdir().unwrap(), 0).await
}

/// One in which an upload may send nothing for as long as a test takes.
pub(crate) async fn patient_fixture() -> Fixture {
    open_with(tempfile::tempdir().unwrap(), 0, Duration::from_mins(1)).await
}

/// Opens what is in `folder`, as a process that starts does.
pub(crate) async fn open(folder: TempDir, smallest_free_space: u64) -> Fixture {
    open_with(folder, smallest_free_space, Duration::from_millis(300)).await
}

async fn open_with(folder: TempDir, smallest_free_space: u64, upload_idle_timeout: Duration) -> Fixture {
    let database = Database::open(&folder.path().join("backups.sqlite"))
        .await
        .unwrap();
    let recorder = Arc::new(Recorder::default());
    let limits = StoreLimits {
        largest_archive: LARGEST_ARCHIVE,
        smallest_free_space,
        inspection: InspectionLimits::USUAL,
    };
    let store = ArchiveStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let settings = ServiceSettings {
        environments: vec![environment("dev"), environment("prd")],
        upload_idle_timeout,
        download_idle_timeout: Duration::from_mins(10),
        largest_archive: LARGEST_ARCHIVE,
        version: "test".to_owned(),
        activities: recorder.clone(),
    };
    let clock = JumpingClock::at("2026-11-23T20:15:42Z");
    let limits = UploadLimits {
        bytes_per_scope: 2 * LARGEST_ARCHIVE,
        uploads_per_scope: 4,
        lifetime: Duration::from_hours(1),
    };
    let uploads = ResumableUploads::open(store.clone(), limits).await.unwrap();
    let limits = MemberLimits {
        largest_content: LARGEST_ARCHIVE,
        smallest_free_space,
        unneeded_bytes: 4 * LARGEST_ARCHIVE,
        inspection: InspectionLimits::USUAL,
        lifetime: Duration::from_hours(1),
    };
    let members = MemberStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let service = BackupService::open_with_clock(settings, database.clone(), store, members, clock.clone())
        .await
        .unwrap();
    let stopping = watch::Sender::new(false);
    let router = |name| {
        let api = service.environment(&environment(name)).unwrap();
        let files = service.files(&environment(name)).unwrap();
        let (authenticator, uploads) = (Arc::new(FewPeople), uploads.clone());
        let (version, stopping) = ("test".into(), stopping.subscribe());
        ServiceRouter {
            api,
            authenticator,
            activities: recorder.clone(),
            uploads,
            files,
            version,
            stopping,
        }
        .into_router()
    };
    let (router, other) = (router("dev"), router("prd"));
    Fixture {
        folder,
        database,
        service,
        clock,
        recorder,
        router,
        other,
        stopping,
    }
}

impl Fixture {
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.send(request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// Sends a request without a body, or with one that is JSON.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Response {
        self.send(request(method, path).body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The same as somebody who may only look.
    pub(crate) async fn call_as_guest(&self, method: &str, path: &str, body: &str) -> Response {
        let mut request = request(method, path).body(Body::from(body.to_owned())).unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", GUEST.parse().unwrap());
        self.send(request).await
    }

    /// Begins an upload that sends half of its bytes and then waits, and comes back when those were taken in.
    pub(crate) async fn begin_slow_upload(&self) -> SlowUpload {
        let body = form(&[
            ("database", &database_of(100_000, 1)),
            ("volume", &volume_of(100_000, 1)),
        ]);
        let (first, rest) = body.split_at(50_000);
        let (chunks, receiver) = mpsc::unbounded_channel();
        chunks.send(Bytes::copy_from_slice(first)).unwrap();
        let stream = stream::unfold(receiver, |mut receiver| async {
            let chunk = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(chunk), receiver))
        });
        let call = tokio::spawn(
            self.router
                .clone()
                .oneshot(upload_request_with(Body::from_stream(stream))),
        );
        let operation = loop {
            let current = self.current_operation().await;
            if let Some(operation) = current.filter(|operation| operation.bytes_done > 0) {
                break operation;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        SlowUpload {
            operation,
            chunks,
            rest: Bytes::copy_from_slice(rest),
            call,
        }
    }

    /// Waits until an operation is at something, for as long as a test may take.
    pub(crate) async fn wait_for_phase(&self, phase: Phase) -> Operation {
        loop {
            let current = self.current_operation().await;
            if let Some(operation) = current.filter(|operation| operation.phase == phase) {
                return operation;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// An operation as the API gives it.
    pub(crate) async fn operation(&self, id: &OperationId) -> Value {
        let response = self.get(&format!("/backup/operations/{id}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        json(response).await
    }

    /// Uploads a pair and gives the backup.
    pub(crate) async fn upload(&self, database: &[u8], volume: &[u8]) -> Value {
        let response = self
            .send(upload_request(&form(&[
                ("database", database),
                ("volume", volume),
            ])))
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        json(response).await
    }

    pub(crate) async fn current_operation(&self) -> Option<Operation> {
        let actor = Actor::new("test", "test");
        self.service
            .environment(&environment("dev"))
            .unwrap()
            .current_operation(&actor)
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(self.database.reader())
            .await
            .unwrap()
    }

    /// Fails unless an upload that came to nothing left no file, no row and no lock.
    pub(crate) async fn assert_nothing_is_left(&self) {
        assert_eq!(self.current_operation().await, None, "the lock stayed");
        for table in ["backups", "archives", "backup_minutes", "environment_locks"] {
            assert_eq!(self.count(table).await, 0, "rows stayed in {table}");
        }
        let files = files_below(self.folder.path());
        let kept: Vec<_> = files
            .iter()
            .filter(|file| !file.to_string_lossy().contains("backups.sqlite"))
            .collect();
        assert!(kept.is_empty(), "files stayed: {kept:?}");
    }
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

pub(crate) fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", OWNER)
        .extension(RequestId("request-1".to_owned()))
}

pub(crate) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        write!(
            body,
            "--XX\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"my file\"\r\n\r\n"
        )
        .unwrap();
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

pub(crate) fn upload_request_with(body: Body) -> Request<Body> {
    request("POST", "/backup/upload")
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(body)
        .unwrap()
}

pub(crate) fn upload_request(body: &[u8]) -> Request<Body> {
    let mut request = upload_request_with(Body::from(body.to_vec()));
    request.headers_mut().insert("content-length", body.len().into());
    request
}

/// What a resumable upload says of itself: which half of a backup it is.
pub(crate) fn metadata(part: Part) -> String {
    format!("part {}", BASE64_STANDARD.encode(part.as_str()))
}

pub(crate) async fn bytes(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_slice(&bytes(response).await).unwrap()
}

/// The problem an answer carries, after looking at what all problems have in common.
pub(crate) async fn problem(response: Response) -> Problem {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let problem: Problem = serde_json::from_value(json(response).await).unwrap();
    assert_eq!(problem.status, status.as_u16());
    assert_eq!(problem.request_id.as_deref(), Some("request-1"));
    problem
}
