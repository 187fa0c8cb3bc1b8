//! A service in a folder of its own, reached either way, and what is sent to it.

use std::{
    future::Future,
    net::IpAddr,
    ops::Deref,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use archive_samples::archive_of;
use archive_store::{
    ArchiveStore, InspectionLimits, StoreLimits,
    uploads::{ResumableUploads, UploadLimits},
};
use backup_api::{
    Action, Actor, ApiError, ApiFuture, Backup, BackupApi, BodyError, ByteRange, EnvironmentId, NoActivities,
    Part, Problem, ProblemCode, Upload, UploadContent, UploadPart,
};
use backup_client::{ArchiveSource, Credentials, HttpBackupApi, ServiceSettings};
use backup_service::{
    BackupService, Clock,
    http::{Authenticator, Credentials as SentCredentials, ServiceRouter},
};
use database::Database;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use member_store::{MemberLimits, MemberStore};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

pub(crate) const LARGEST_ARCHIVE: u64 = 4 * 1024 * 1024;
/// How many unused uploads one may have.
pub(crate) const UPLOADS: u32 = 4;

/// The implementation under test, with all that it stands on.
pub(crate) struct Subject {
    pub(crate) api: Arc<dyn BackupApi>,
    /// The service itself: for whoever holds the environment meanwhile.
    service: Arc<dyn BackupApi>,
    server: Option<JoinHandle<()>>,
    port: Option<u16>,
    /// Event streams end with it.
    _running: watch::Sender<bool>,
    _folder: TempDir,
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

impl Deref for Subject {
    type Target = dyn BackupApi;

    fn deref(&self) -> &Self::Target {
        &*self.api
    }
}

impl Subject {
    pub(crate) async fn in_process() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (service, _) = open(&folder).await;
        let service = service.environment(&environment()).unwrap();
        Self {
            api: service.clone(),
            service,
            server: None,
            port: None,
            _running: watch::Sender::new(false),
            _folder: folder,
        }
    }

    pub(crate) async fn over_http() -> Self {
        Self::over_http_taking(LARGEST_ARCHIVE).await
    }

    /// The same with archives of at most `largest` bytes.
    pub(crate) async fn over_http_taking(largest: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (service, uploads) = open_taking(&folder, largest).await;
        let files = service.files(&environment()).unwrap();
        let service = service.environment(&environment()).unwrap();
        let running = watch::Sender::new(false);
        let router = ServiceRouter {
            api: service.clone(),
            authenticator: Arc::new(OneToken),
            activities: Arc::new(NoActivities),
            uploads,
            files,
            version: "test".into(),
            stopping: running.subscribe(),
        }
        .into_router();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            api: Arc::new(client_at(port, None)),
            port: Some(port),
            service,
            server: Some(server),
            _running: running,
            _folder: folder,
        }
    }

    /// Where the service answers.
    pub(crate) fn port(&self) -> u16 {
        self.port.expect("a service behind a socket")
    }

    /// A backup that is there.
    pub(crate) async fn backup(&self) -> Backup {
        self.upload(&actor(), pair()).await.unwrap()
    }

    /// All bytes of a range.
    pub(crate) async fn bytes(&self, backup: &Backup, part: Part, range: ByteRange) -> Vec<u8> {
        let stream = self.download(&actor(), &backup.backup_id, part, range).await;
        let chunks: Vec<_> = stream.unwrap().try_collect().await.unwrap();
        chunks.concat()
    }

    /// An upload of somebody else that holds the environment and has sent a little.
    pub(crate) async fn slow_upload(&self) -> SlowUpload {
        let (chunks, receiver) = mpsc::unbounded_channel();
        let body = stream::unfold(receiver, |mut receiver| async {
            Some((receiver.recv().await?, receiver))
        });
        let parts = stream::iter([Ok(UploadPart {
            part: Part::Database,
            content: UploadContent::Stream(body.boxed()),
        })]);
        let upload = Upload {
            parts: parts.boxed(),
            ..pair()
        };
        chunks
            .send(Ok(archive(Part::Database)[..20].to_vec().into()))
            .unwrap();
        let api = self.service.clone();
        let call = tokio::spawn(async move { api.upload(&actor(), upload).await });
        loop {
            let holder = self.current_operation(&actor()).await.unwrap();
            if holder.is_some_and(|holder| holder.bytes_done >= 20) {
                return SlowUpload { chunks, call };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nothing holds the environment.
    pub(crate) async fn free(&self) {
        while self.current_operation(&actor()).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// An upload in the middle; dropping `chunks` ends its body.
pub(crate) struct SlowUpload {
    pub(crate) chunks: mpsc::UnboundedSender<Result<bytes::Bytes, BodyError>>,
    pub(crate) call: JoinHandle<Result<Backup, ApiError>>,
}

pub(crate) fn environment() -> EnvironmentId {
    EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "dev".parse().unwrap())
}

pub(crate) fn actor() -> Actor {
    Actor::new("person:joe", "joe@example.com")
}

/// An archive that is the same every time and does not fit into one chunk.
pub(crate) fn archive(part: Part) -> Vec<u8> {
    archive_of(part, 800_000, 1)
}

/// Both archives.
pub(crate) fn pair() -> Upload {
    upload_of(Part::ALL.map(|part| (part, archive(part))).into())
}

pub(crate) fn upload_of(archives: Vec<(Part, Vec<u8>)>) -> Upload {
    let parts = archives.into_iter().map(|(part, bytes)| {
        let chunks: Vec<_> = bytes
            .chunks(60_000)
            .map(|chunk| Ok(chunk.to_vec().into()))
            .collect();
        Ok(UploadPart {
            part,
            content: UploadContent::Stream(stream::iter(chunks).boxed()),
        })
    });
    Upload {
        announced_length: None,
        parts: stream::iter(parts.collect::<Vec<_>>()).boxed(),
        note: None,
        idempotency_key: None,
    }
}

/// What a caller learns of a refusal.
pub(crate) fn code<T: std::fmt::Debug>(outcome: Result<T, ApiError>) -> ProblemCode {
    Problem::from(&outcome.unwrap_err()).code
}

/// A client of whatever answers on a port of this machine.
pub(crate) fn client_at(port: u16, source: Option<Arc<dyn ArchiveSource>>) -> HttpBackupApi {
    let settings = ServiceSettings {
        environment: environment(),
        address: format!("http://127.0.0.1:{port}").parse().unwrap(),
        credentials: Credentials::MasterToken("master".into()),
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(20),
    };
    HttpBackupApi::new(settings, source).unwrap()
}

async fn open(folder: &TempDir) -> (BackupService, ResumableUploads) {
    open_taking(folder, LARGEST_ARCHIVE).await
}

async fn open_taking(folder: &TempDir, largest: u64) -> (BackupService, ResumableUploads) {
    let database = Database::open(&folder.path().join("backups.sqlite"))
        .await
        .unwrap();
    let limits = StoreLimits {
        largest_archive: largest,
        smallest_free_space: 0,
        inspection: InspectionLimits::USUAL,
    };
    let store = ArchiveStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let limits = UploadLimits {
        bytes_per_scope: 2 * largest,
        uploads_per_scope: UPLOADS,
        lifetime: Duration::from_hours(1),
    };
    let uploads = ResumableUploads::open(store.clone(), limits).await.unwrap();
    let settings = backup_service::ServiceSettings {
        environments: vec![environment()],
        upload_idle_timeout: Duration::from_secs(10),
        download_idle_timeout: Duration::from_mins(10),
        largest_archive: largest,
        version: "test".to_owned(),
        activities: Arc::new(NoActivities),
    };
    let limits = MemberLimits {
        largest_content: largest,
        smallest_free_space: 0,
        unneeded_bytes: 2 * largest,
        inspection: InspectionLimits::USUAL,
        lifetime: Duration::from_hours(1),
    };
    let members = MemberStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let clock = Arc::new(JumpingClock(Mutex::new("2026-11-23T20:15:42Z".parse().unwrap())));
    let service = BackupService::open_with_clock(settings, database, store, members, clock)
        .await
        .unwrap();
    (service, uploads)
}

/// Jumps to whatever is waited for: the minutes of ids take no time.
#[derive(Debug)]
struct JumpingClock(Mutex<Timestamp>);

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn wait_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.0.lock().unwrap();
        *now = time.max(*now);
        Box::pin(std::future::ready(()))
    }
}

/// Knows the master token, which may everything.
struct OneToken;

impl Authenticator for OneToken {
    fn authenticate<'a>(
        &'a self,
        _environment: &'a EnvironmentId,
        credentials: SentCredentials,
        _from: Option<IpAddr>,
    ) -> ApiFuture<'a, Actor> {
        use secrecy::ExposeSecret as _;
        let known =
            matches!(&credentials, SentCredentials::Token(token) if token.expose_secret() == "master");
        Box::pin(async move {
            if known {
                Ok(actor())
            } else {
                Err(ApiError::Unauthenticated {
                    reason: "Nobody.".to_owned(),
                })
            }
        })
    }

    fn authorise<'a>(
        &'a self,
        _actor: &'a Actor,
        _environment: &'a EnvironmentId,
        _action: Action,
    ) -> ApiFuture<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
