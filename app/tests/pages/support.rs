//! A console with six environments, and a browser that follows nothing by itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use app::RequestId;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use backup_api::{
    Actor, Annotation, ApiError, ApiFuture, ArchiveDescription, Backup, BackupApi, BackupId, BackupList,
    BackupMinute, BackupStatus, ByteRange, ByteStream, Capabilities, Capability, CreationType,
    DatabaseArchive, EnvironmentId, EnvironmentUid, History, HistoryQuery, ListQuery, Operation, OperationId,
    OperationKind, OperationState, Part, Phase, Upload, Verification, VerificationState, VolumeArchive,
};
use console::{Console, ConsoleSettings, Environment, EnvironmentSettings, SqliteSessionStore};
use database::Database;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use leptos::{config::LeptosOptions, prelude::provide_context};
use leptos_axum::{
    AxumRouteListing, ErrorHandler, LeptosRoutes, generate_route_list_with_exclusions_and_ssg_and_context,
};
use tempfile::TempDir;
use tower::ServiceExt;
use tower_sessions::SessionManagerLayer;

pub(crate) const EMAIL: &str = "joe@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const REQUEST_ID: &str = "01939c1e-7d3c-7a68-9d4c-3a5c1b2d4e5f";
/// What a hostile note or name looks like.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'";
pub(crate) const NO_ENGINE: &str = "No engine is configured to make backups.";

/// Why a backup is not deleted.
pub(crate) const IN_USE: &str = "anna@example.com has been downloading it since 14:03 UTC.";
/// How many backups `a-big` has.
pub(crate) const MANY: i64 = 10_000;

/// A console and its pages.
pub(crate) struct Site {
    pub(crate) console: Console,
    pub(crate) routes: Vec<AxumRouteListing>,
    router: Router,
    handed_over: Arc<AtomicU64>,
    _folder: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) cookie: Option<String>,
    pub(crate) body: String,
}

impl Site {
    /// Somebody exists already.
    pub(crate) async fn new() -> Self {
        let site = Self::without_people().await;
        site.console
            .create_administrator(EMAIL, &PASSWORD.to_owned().into())
            .await
            .unwrap();
        site
    }

    pub(crate) async fn without_people() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
        let handed_over = Arc::default();
        let console = Console::open(settings(&handed_over), database.clone())
            .await
            .unwrap();
        let options = LeptosOptions::builder()
            .output_name("console")
            .site_root("site")
            .site_pkg_dir("pkg")
            .build();
        let context = {
            let console = console.clone();
            move || {
                provide_context(console.clone());
                provide_context(RequestId(REQUEST_ID.to_owned()));
            }
        };
        let (routes, _) =
            generate_route_list_with_exclusions_and_ssg_and_context(app::App, None, context.clone());
        let not_found = ErrorHandler::new_with_context(context.clone(), app::shell, options.clone());
        let shell = {
            let options = options.clone();
            move || app::shell(options.clone())
        };
        let site = Router::new()
            .leptos_routes_with_context(&options, routes.clone(), context, shell)
            .fallback_service(not_found)
            .with_state(options)
            .layer(SessionManagerLayer::new(SqliteSessionStore::new(database)));
        Self {
            console,
            routes,
            router: site,
            handed_over,
            _folder: folder,
        }
    }

    /// How many backups the services listed since this was asked last.
    pub(crate) fn handed_over(&self) -> u64 {
        self.handed_over.swap(0, Ordering::Relaxed)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        Answer::read(response).await
    }

    /// A page, as a browser asks for it.
    pub(crate) async fn page(&self, path: &str, cookies: &str) -> Answer {
        let request = Request::get(path)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form, as a browser without WASM submits it, or as a program does that wants JSON.
    pub(crate) async fn form(&self, path: &str, accept: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header(header::ACCEPT, accept)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The same by somebody who is signed in.
    pub(crate) async fn signed_form(&self, path: &str, cookies: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    /// The cookie of somebody who signed in.
    pub(crate) async fn sign_in(&self) -> String {
        let form = format!("email={EMAIL}&password={}&next=/", PASSWORD.replace(' ', "+"));
        self.form("/api/sign-in", "text/html", &form)
            .await
            .cookie
            .expect("signed in")
    }
}

impl Answer {
    async fn read(response: Response) -> Self {
        let text = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let (status, location) = (response.status(), text(header::LOCATION).unwrap_or_default());
        let cookie = text(header::SET_COOKIE).and_then(|cookie| cookie.split(';').next().map(str::to_owned));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        // Rendering separates neighbouring texts with an empty comment, which nobody sees.
        let body = String::from_utf8(body.to_vec()).unwrap().replace("<!>", "");
        Self {
            status,
            location,
            cookie,
            body,
        }
    }
}

/// `a-prd` has backups, `a-uat` is busy, `a-dev` is empty, the service of `a-old` does not answer, `a-big` has ten
/// thousand backups, and those of `a-read` were verified, or are being so.
fn settings(handed_over: &Arc<AtomicU64>) -> ConsoleSettings {
    let environments = ["prd", "uat", "dev", "old", "big", "read"].map(|name| {
        let id = EnvironmentId::new("a".parse().unwrap(), name.parse().unwrap());
        EnvironmentSettings {
            environment: Environment {
                production: name == "prd",
                service_host: format!("backup-{id}.localhost"),
                service_url: format!("http://backup-{id}.localhost"),
                id: id.clone(),
            },
            service: Arc::new(Service {
                id,
                handed_over: Arc::clone(handed_over),
            }),
            master_token: None,
        }
    });
    ConsoleSettings {
        environments: environments.into(),
    }
}

/// The form of a page with an id, as far as its end.
pub(crate) fn form<'a>(page: &'a str, id: &str) -> &'a str {
    let forms = page.split("<form ").skip(1);
    let mut forms = forms.filter_map(|form| form.split("</form>").next());
    let id = format!("id=\"{id}\"");
    forms.find(|form| form.contains(&id)).expect("a form")
}

/// The newest backup of `a-prd`.
pub(crate) fn newest() -> Backup {
    backup(
        &EnvironmentId::new("a".parse().unwrap(), "prd".parse().unwrap()),
        "202611232015",
    )
}

/// When the backup `index` of `a-big` was made, from the newest on.
pub(crate) fn minute_of(index: i64) -> String {
    let newest: Timestamp = "2026-11-23T20:15:00Z".parse().unwrap();
    let time = Timestamp::from_second(newest.as_second() - 60 * index).unwrap();
    time.strftime("%Y%m%d%H%M").to_string()
}

fn backup(environment: &EnvironmentId, minute: &str) -> Backup {
    let minute: BackupMinute = minute.parse().unwrap();
    let uid: EnvironmentUid = "lqgqnewltbexuewymq".parse().unwrap();
    Backup {
        backup_id: BackupId::new(&uid, minute),
        project: environment.project.clone(),
        environment: environment.environment.clone(),
        creation_type: CreationType::Uploaded,
        status: BackupStatus::Success,
        created_at: minute.start(),
        created_by: Some(HOSTILE.to_owned()),
        service_version: "0.1.0".to_owned(),
        size: 244_913,
        note: Some(HOSTILE.to_owned()),
        pinned: false,
        expires_at: None,
        database: DatabaseArchive {
            file_name: Part::Database.download_name(environment, minute),
            size: 3_000,
            sha256: "a".repeat(64),
            engine: None,
            summary: None,
            expanded_bytes: None,
            facts: None,
        },
        volume: VolumeArchive {
            file_name: Part::Volume.download_name(environment, minute),
            size: 241_913,
            sha256: "b".repeat(64),
            files: None,
            summary: None,
            expanded_bytes: None,
            facts: None,
        },
        findings: Vec::new(),
        verification: None,
    }
}

/// The backups of `a-read`, and what reading them again came to.
pub(crate) const VERIFIED: [(&str, VerificationState); 3] = [
    ("202611232015", VerificationState::Succeeded),
    ("202611222015", VerificationState::Failed),
    ("202611212015", VerificationState::Running),
];
/// What is wrong with the one that failed.
pub(crate) const DAMAGE: &str = "The database is not what it was when it was stored: \"<b>\".";

fn verified(environment: &EnvironmentId, minute: &str, state: VerificationState) -> Backup {
    let ended = state != VerificationState::Running;
    let started_at = Timestamp::now() - SignedDuration::from_hours(3 * 24 + 1);
    Backup {
        verification: Some(Verification {
            state,
            started_at,
            started_by: "anna@example.com".to_owned(),
            finished_at: ended.then_some(started_at),
            bytes_done: 99_000,
            bytes_total: 244_913,
            failure: (state == VerificationState::Failed).then(|| DAMAGE.to_owned()),
        }),
        ..backup(environment, minute)
    }
}

struct Service {
    id: EnvironmentId,
    handed_over: Arc<AtomicU64>,
}

impl Service {
    fn answer<'a, T: Send + 'a>(&self, answer: T) -> ApiFuture<'a, T> {
        let answers = self.id.environment.as_str() != "old";
        let reason = "The backup service does not answer.".to_owned();
        Box::pin(async move {
            if answers {
                Ok(answer)
            } else {
                Err(ApiError::Unavailable { reason })
            }
        })
    }

    fn backups(&self) -> Vec<Backup> {
        match self.id.environment.as_str() {
            "prd" => ["202611232015", "202611222015"]
                .map(|minute| backup(&self.id, minute))
                .into(),
            "read" => VERIFIED
                .map(|(minute, state)| verified(&self.id, minute, state))
                .into(),
            "big" => (0..MANY)
                .map(|index| backup(&self.id, &minute_of(index)))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn hand_over(&self, backups: usize) {
        self.handed_over.fetch_add(backups as u64, Ordering::Relaxed);
    }
}

impl BackupApi for Service {
    fn environment(&self) -> &EnvironmentId {
        &self.id
    }

    fn capabilities<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Capabilities> {
        self.answer(Capabilities {
            download: Capability::available(),
            upload: Capability::available(),
            create: Capability::missing(NO_ENGINE),
            restore: Capability::missing("No target is configured."),
            delete: Capability::missing("Nothing can be deleted."),
            files: Capability::missing("No files."),
        })
    }

    fn list<'a>(&'a self, _: &'a Actor, _: ListQuery) -> ApiFuture<'a, BackupList> {
        let backups = self.backups();
        self.hand_over(backups.len());
        self.answer(BackupList { backups })
    }

    fn history<'a>(&'a self, _: &'a Actor, query: HistoryQuery) -> ApiFuture<'a, History> {
        let history = History::of(&query, self.backups(), []);
        self.hand_over(history.entries.len());
        self.answer(history)
    }

    fn find<'a>(&'a self, _: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        let found = self.backups().into_iter().find(|backup| &backup.backup_id == id);
        Box::pin(async move { found.ok_or_else(|| ApiError::no_such_backup(id)) })
    }

    fn current_operation<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Option<Operation>> {
        self.answer((self.id.environment.as_str() == "uat").then(|| Operation {
            id: OperationId("1".to_owned()),
            project: self.id.project.clone(),
            environment: self.id.environment.clone(),
            kind: OperationKind::Upload,
            state: OperationState::Running,
            phase: Phase::Receiving,
            bytes_done: 1_000,
            bytes_total: Some(4_000),
            started_by: "anna@example.com".to_owned(),
            started_at: "2026-11-23T20:00:00Z".parse().unwrap(),
            finished_at: None,
            backup_id: None,
            failure: None,
        }))
    }

    fn upload<'a>(&'a self, _: &'a Actor, _: Upload) -> ApiFuture<'a, Backup> {
        unused()
    }

    fn describe<'a>(&'a self, _: &'a Actor, _: &'a BackupId, _: Part) -> ApiFuture<'a, ArchiveDescription> {
        unused()
    }

    fn download<'a>(
        &'a self,
        _: &'a Actor,
        _: &'a BackupId,
        _: Part,
        _: ByteRange,
    ) -> ApiFuture<'a, ByteStream> {
        unused()
    }

    fn create<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Operation> {
        unused()
    }

    fn restore<'a>(&'a self, _: &'a Actor, _: &'a BackupId) -> ApiFuture<'a, Operation> {
        unused()
    }

    fn delete<'a>(&'a self, _: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, ()> {
        let (id, sentence) = (id.clone(), IN_USE.to_owned());
        Box::pin(async { Err(ApiError::InUse { id, sentence }) })
    }

    fn verify<'a>(&'a self, _: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        let minute = id.minute().to_string();
        self.answer(verified(&self.id, &minute, VerificationState::Running))
    }

    fn annotate<'a>(
        &'a self,
        _: &'a Actor,
        id: &'a BackupId,
        annotation: Annotation,
    ) -> ApiFuture<'a, Backup> {
        assert_eq!(annotation.note, None, "a pin leaves the note alone");
        self.answer(Backup {
            pinned: annotation.pinned.unwrap(),
            ..backup(&self.id, &id.minute().to_string())
        })
    }
}

/// Pages only look: what changes something or moves bytes goes through other routes.
fn unused<'a, T>() -> ApiFuture<'a, T> {
    panic!("no page may call this")
}
