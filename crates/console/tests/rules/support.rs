//! A console in a folder of its own, and a service that does what a test tells it to.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use backup_api::{
    Actor, ApiError, ApiFuture, ArchiveDescription, Backup, BackupApi, BackupId, BackupList, BackupStatus,
    ByteRange, ByteStream, Capabilities, Capability, CreationType, DatabaseArchive, EnvironmentId, Event,
    EventId, EventStream, ListQuery, Operation, OperationId, OperationKind, OperationState, Part, Phase,
    Upload, UploadContent, VolumeArchive,
};
use console::{
    Confirmed, Console, ConsoleSettings, Environment, EnvironmentSettings, Origin, Person, Role,
    SqliteSessionStore, session,
};
use database::{
    Database,
    sqlx::{AssertSqlSafe, Row, query},
};
use futures_util::{StreamExt as _, stream};
use secrecy::SecretString;
use tempfile::TempDir;
use tower_sessions::{Expiry, Session, session::Id};

pub(crate) const EMAIL: &str = "owner@example.com";
pub(crate) const PASSWORD: &str = "three unrelated words";
pub(crate) const MASTER_TOKEN: &str = "0b7d3c1e-8a55-4f7e-9a41-6d1f2c3b4a59";

pub(crate) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// A console with its database; the folder goes when it is dropped.
pub(crate) struct Setting {
    pub(crate) console: Console,
    pub(crate) database: Database,
    pub(crate) folder: TempDir,
}

impl Setting {
    pub(crate) async fn new() -> Self {
        Self::with(vec![settings("lfrjoebloggs", "prd", Service::empty())]).await
    }

    pub(crate) async fn with(environments: Vec<EnvironmentSettings>) -> Self {
        Self::open(tempfile::tempdir().unwrap(), environments).await
    }

    /// In a folder that may have been used before.
    pub(crate) async fn open(folder: TempDir, environments: Vec<EnvironmentSettings>) -> Self {
        let database = database_in(folder.path()).await;
        let console = Console::open(ConsoleSettings { environments }, database.clone())
            .await
            .unwrap();
        Self {
            console,
            database,
            folder,
        }
    }

    /// A second console on the same file, as a second process would have.
    pub(crate) async fn open_beside(other: &Self) -> Console {
        let settings = ConsoleSettings {
            environments: two_projects(),
        };
        Console::open(settings, database_in(other.folder.path()).await)
            .await
            .unwrap()
    }

    pub(crate) async fn with_owner() -> (Self, Person) {
        let setting = Self::new().await;
        let owner = setting
            .console
            .create_administrator(EMAIL, &secret(PASSWORD))
            .await
            .unwrap();
        (setting, owner)
    }

    /// Four environments in two projects: `lfrjoebloggs` and `other`, each with `dev` and `prd`; nobody yet.
    pub(crate) async fn with_two_projects() -> Self {
        Self::with(two_projects()).await
    }

    /// Somebody who owns everything, until [`Self::set_roles`] says otherwise.
    pub(crate) async fn person(&self, email: &str) -> Person {
        self.console
            .create_administrator(email, &secret(PASSWORD))
            .await
            .unwrap()
    }

    /// Makes somebody exactly this, past all rules.
    pub(crate) async fn set_roles(&self, person: &Person, entries: &[(&str, Role)]) {
        let mut transaction = self.database.begin().await.unwrap();
        query("DELETE FROM roles WHERE person_id = $1")
            .bind(&person.id)
            .execute(&mut *transaction)
            .await
            .unwrap();
        for (scope, role) in entries {
            let scope = if *scope == "*" { "" } else { scope };
            let (project, environment) = scope.split_once('/').unwrap_or((scope, ""));
            query("INSERT INTO roles (person_id, project, environment, role) VALUES ($1, $2, $3, $4)")
                .bind(&person.id)
                .bind(project)
                .bind(environment)
                .bind(role.as_str())
                .execute(&mut *transaction)
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// The roles of somebody as they are stored, from the widest scope to the narrowest.
    pub(crate) async fn roles(&self, person: &Person) -> Vec<(String, Role)> {
        query(
            "SELECT project || '/' || environment AS scope, role FROM roles WHERE person_id = $1 ORDER BY scope",
        )
        .bind(&person.id)
        .fetch_all(self.database.reader())
        .await
        .unwrap()
        .iter()
        .map(|row| {
            let scope: String = row.get("scope");
            let scope = match scope.trim_end_matches('/') {
                "" => "*".to_owned(),
                scope => scope.to_owned(),
            };
            (scope, Role::from_word(row.get("role")).unwrap())
        })
        .collect()
    }

    /// A browser without, or with, a cookie: its session as the layer makes it.
    pub(crate) fn browser(&self, cookie: Option<Id>) -> Session {
        let store = Arc::new(SqliteSessionStore::new(self.database.clone()));
        let idle = Expiry::OnInactivity(time::Duration::hours(12));
        Session::new(cookie, store, Some(idle))
    }

    /// Signs somebody in, and comes back with the session of their next request.
    pub(crate) async fn sign_in(&self, person: &Person) -> Session {
        let session = self.browser(None);
        session::sign_in(&session, person, &Origin::default())
            .await
            .unwrap();
        session.save().await.unwrap();
        self.browser(session.id())
    }

    /// Somebody who has just given their password.
    pub(crate) async fn confirmed(&self, person: &Person) -> Confirmed {
        session::confirmed(&self.sign_in(person).await, &person.actor())
            .await
            .unwrap()
    }

    /// Changes what is stored, as time would or an intruder.
    pub(crate) async fn execute(&self, sql: &str) -> u64 {
        let mut transaction = self.database.begin().await.unwrap();
        let done = query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        done.rows_affected()
    }

    pub(crate) async fn number(&self, sql: &str) -> Option<i64> {
        query(AssertSqlSafe(sql.to_owned()))
            .fetch_one(self.database.reader())
            .await
            .unwrap()
            .get(0)
    }

    pub(crate) async fn text(&self, sql: &str) -> Option<String> {
        query(AssertSqlSafe(sql.to_owned()))
            .fetch_one(self.database.reader())
            .await
            .unwrap()
            .get(0)
    }
}

fn two_projects() -> Vec<EnvironmentSettings> {
    let names = [
        ("lfrjoebloggs", "dev"),
        ("lfrjoebloggs", "prd"),
        ("other", "dev"),
        ("other", "prd"),
    ];
    names
        .map(|(project, environment)| settings(project, environment, Service::empty()))
        .into()
}

pub(crate) async fn database_in(folder: &Path) -> Database {
    Database::open(&folder.join("state.sqlite")).await.unwrap()
}

pub(crate) fn id(project: &str, environment: &str) -> EnvironmentId {
    EnvironmentId::new(project.parse().unwrap(), environment.parse().unwrap())
}

pub(crate) fn settings(project: &str, environment: &str, service: Service) -> EnvironmentSettings {
    let id = id(project, environment);
    EnvironmentSettings {
        environment: Environment {
            service_host: id.service_host("localhost:3000"),
            service_url: format!("http://127.0.0.1:3000/services/{id}"),
            production: environment == "prd",
            id: id.clone(),
        },
        service: Arc::new(FakeService {
            environment: id,
            service,
        }),
        master_token: None,
    }
}

pub(crate) fn with_master_token(mut settings: EnvironmentSettings, token: &str) -> EnvironmentSettings {
    settings.master_token = Some(secret(token));
    settings
}

/// How a service behaves, and what it was asked.
#[derive(Clone)]
pub(crate) struct Service {
    behaviour: Behaviour,
    asked: Arc<Mutex<Vec<&'static str>>>,
    brought: Arc<Mutex<Vec<Brought>>>,
    /// What whoever listens hears, and whether that is all.
    told: (Vec<Event>, bool),
}

/// What an upload brought, as far as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brought {
    pub(crate) by: String,
    pub(crate) idempotency_key: Option<String>,
    /// With the ids of those archives that are in the store already.
    pub(crate) parts: Vec<(Part, Option<String>)>,
}

#[derive(Clone)]
enum Behaviour {
    Answers {
        backups: Vec<Backup>,
        operation: Box<Option<Operation>>,
    },
    Fails,
    Hangs,
}

impl Service {
    fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            asked: Arc::default(),
            brought: Arc::default(),
            told: (Vec::new(), false),
        }
    }

    /// Tells this to whoever listens, and is silent then; or ends.
    pub(crate) fn telling(events: Vec<Event>, ends: bool) -> Self {
        Self {
            told: (events, ends),
            ..Self::empty()
        }
    }

    pub(crate) fn empty() -> Self {
        Self::holding(Vec::new(), None)
    }

    pub(crate) fn holding(backups: Vec<Backup>, operation: Option<Operation>) -> Self {
        Self::new(Behaviour::Answers {
            backups,
            operation: Box::new(operation),
        })
    }

    pub(crate) fn failing() -> Self {
        Self::new(Behaviour::Fails)
    }

    pub(crate) fn hanging() -> Self {
        Self::new(Behaviour::Hangs)
    }

    /// The names of the methods that were called, in order.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().clone()
    }

    /// The uploads that came, in order.
    pub(crate) fn brought(&self) -> Vec<Brought> {
        self.brought.lock().unwrap().clone()
    }
}

struct FakeService {
    environment: EnvironmentId,
    service: Service,
}

impl FakeService {
    fn answer<'a, T: Send + 'a>(
        &'a self,
        method: &'static str,
        answer: impl FnOnce(&[Backup], &Option<Operation>) -> Result<T, ApiError> + Send + 'a,
    ) -> ApiFuture<'a, T> {
        self.service.asked.lock().unwrap().push(method);
        Box::pin(async move {
            match &self.service.behaviour {
                Behaviour::Answers { backups, operation } => answer(backups, operation),
                Behaviour::Fails => Err(ApiError::internal("the disk of the service is on fire")),
                Behaviour::Hangs => std::future::pending().await,
            }
        })
    }

    fn refuse<'a, T: Send + 'a>(&'a self, method: &'static str) -> ApiFuture<'a, T> {
        self.answer(method, |_, _| {
            Err(ApiError::NotAvailable {
                reason: "not for tests".to_owned(),
            })
        })
    }
}

impl BackupApi for FakeService {
    fn environment(&self) -> &EnvironmentId {
        &self.environment
    }

    fn capabilities<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Capabilities> {
        self.answer("capabilities", |_, _| Ok(capabilities()))
    }

    fn list<'a>(&'a self, _: &'a Actor, _: ListQuery) -> ApiFuture<'a, BackupList> {
        self.answer("list", |backups, _| {
            Ok(BackupList {
                backups: backups.to_vec(),
            })
        })
    }

    fn find<'a>(&'a self, _: &'a Actor, id: &'a BackupId) -> ApiFuture<'a, Backup> {
        self.answer("find", move |backups, _| {
            backups
                .iter()
                .find(|backup| &backup.backup_id == id)
                .cloned()
                .ok_or_else(|| ApiError::no_such_backup(id))
        })
    }

    fn current_operation<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Option<Operation>> {
        self.answer("current_operation", |_, operation| Ok(operation.clone()))
    }

    fn upload<'a>(&'a self, actor: &'a Actor, mut upload: Upload) -> ApiFuture<'a, Backup> {
        let answer = self.answer("upload", |backups, _| Ok(backups[0].clone()));
        Box::pin(async move {
            let mut brought = Brought {
                by: actor.id.clone(),
                idempotency_key: upload.idempotency_key.take(),
                parts: Vec::new(),
            };
            let end = loop {
                match upload.parts.next().await {
                    Some(Ok(part)) => brought.parts.push(match part.content {
                        UploadContent::Stored(archive) => (part.part, Some(archive.id)),
                        UploadContent::AtService(upload) => (part.part, Some(upload.id)),
                        UploadContent::Stream(_) => (part.part, None),
                    }),
                    Some(Err(error)) => break Err(ApiError::from(error)),
                    None => break Ok(()),
                }
            };
            self.service.brought.lock().unwrap().push(brought);
            end?;
            answer.await
        })
    }

    fn events<'a>(&'a self, _: &'a Actor, _: Option<EventId>) -> ApiFuture<'a, EventStream> {
        let (events, ends) = self.service.told.clone();
        self.answer("events", move |_, _| {
            let events = stream::iter(events);
            Ok(if ends {
                events.boxed()
            } else {
                events.chain(stream::pending()).boxed()
            })
        })
    }

    fn describe<'a>(&'a self, _: &'a Actor, _: &'a BackupId, _: Part) -> ApiFuture<'a, ArchiveDescription> {
        self.refuse("describe")
    }

    fn download<'a>(
        &'a self,
        _: &'a Actor,
        _: &'a BackupId,
        _: Part,
        _: ByteRange,
    ) -> ApiFuture<'a, ByteStream> {
        self.refuse("download")
    }

    fn create<'a>(&'a self, _: &'a Actor) -> ApiFuture<'a, Operation> {
        self.refuse("create")
    }

    fn restore<'a>(&'a self, _: &'a Actor, _: &'a BackupId) -> ApiFuture<'a, Operation> {
        self.refuse("restore")
    }

    fn operations<'a>(&'a self, _: &'a Actor, _: u32) -> ApiFuture<'a, Vec<Operation>> {
        self.refuse("operations")
    }

    fn delete<'a>(&'a self, _: &'a Actor, _: &'a BackupId) -> ApiFuture<'a, ()> {
        self.refuse("delete")
    }
}

pub(crate) fn capabilities() -> Capabilities {
    Capabilities {
        download: Capability::available(),
        upload: Capability::available(),
        create: Capability::missing("No engine is configured."),
        restore: Capability::missing("No engine is configured."),
        delete: Capability::available(),
        files: Capability::available(),
    }
}

/// A backup of `lfrjoebloggs-prd`; `minute` is the last part of its id.
pub(crate) fn backup(minute: &str, size: u64, status: BackupStatus) -> Backup {
    let backup_id: BackupId = format!("dxpcloud-lqgqnewltbexuewymq-{minute}").parse().unwrap();
    Backup {
        created_at: backup_id.minute().start(),
        project: "lfrjoebloggs".parse().unwrap(),
        environment: "prd".parse().unwrap(),
        creation_type: CreationType::Uploaded,
        status,
        created_by: None,
        service_version: "0.1.0".to_owned(),
        size,
        note: None,
        pinned: false,
        expires_at: None,
        database: DatabaseArchive {
            file_name: "database.gz".to_owned(),
            size: 1,
            sha256: String::new(),
            engine: None,
            summary: None,
            expanded_bytes: None,
            facts: None,
        },
        volume: VolumeArchive {
            file_name: "volume.tgz".to_owned(),
            size: size - 1,
            sha256: String::new(),
            files: None,
            summary: None,
            expanded_bytes: None,
            facts: None,
        },
        findings: Vec::new(),
        verification: None,
        backup_id,
    }
}

pub(crate) fn operation() -> Operation {
    Operation {
        id: OperationId("operation".to_owned()),
        project: "lfrjoebloggs".parse().unwrap(),
        environment: "prd".parse().unwrap(),
        kind: OperationKind::Upload,
        state: OperationState::Running,
        phase: Phase::Receiving,
        bytes_done: 1,
        bytes_total: Some(2),
        started_by: EMAIL.to_owned(),
        started_at: jiff::Timestamp::now(),
        finished_at: None,
        backup_id: None,
        failure: None,
    }
}

pub(crate) fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap()
}
