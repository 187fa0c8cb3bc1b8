//! Pairs on their way in, over a real store of archives.

use std::{collections::BTreeSet, time::Duration};

use archive_store::{
    ArchiveStore, StoreLimits,
    uploads::{NewUpload, ResumableUploads, UploadError, UploadLimits},
};
use backup_api::{Action, Actor, ApiError, BackupStatus, EnvironmentId, Part, Problem};
use console::{Choice, ConsoleError, Difference, DraftFile, Drafts, FileFacts};
use futures_util::{StreamExt as _, future::join_all, stream};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::support::{Brought, EMAIL, PASSWORD, Service, Setting, backup, id, secret, settings};

const LARGEST: u64 = 1_000_000;
const LIMITS: UploadLimits = UploadLimits {
    bytes_per_scope: 3 * LARGEST,
    uploads_per_scope: 16,
    lifetime: Duration::from_hours(1),
};

/// The drafts of a console with two environments, as a server has them.
struct Desk {
    setting: Setting,
    service: Service,
    uploads: ResumableUploads,
    drafts: Drafts,
    actor: Actor,
    environment: EnvironmentId,
}

impl Desk {
    async fn new() -> Self {
        Self::with_limits(LIMITS).await
    }

    async fn with_limits(limits: UploadLimits) -> Self {
        let service = Service::holding(vec![backup("202611230100", 10, BackupStatus::Success)], None);
        let setting = Setting::with(environments(&service)).await;
        let owner = setting
            .console
            .create_administrator(EMAIL, &secret(PASSWORD))
            .await
            .unwrap();
        Self::over(setting, service, limits, owner.actor()).await
    }

    async fn over(setting: Setting, service: Service, limits: UploadLimits, actor: Actor) -> Self {
        let store_limits = StoreLimits {
            largest_archive: LARGEST,
            smallest_free_space: 0,
        };
        let store = ArchiveStore::open(setting.folder.path(), setting.database.clone(), store_limits)
            .await
            .unwrap();
        let uploads = ResumableUploads::open(store, limits).await.unwrap();
        Self {
            drafts: Drafts::new(setting.console.clone(), uploads.clone()),
            setting,
            service,
            uploads,
            actor,
            environment: id("lfrjoebloggs", "prd"),
        }
    }

    /// As after the end of the server.
    async fn restarted(self) -> Self {
        let Setting {
            console,
            database,
            folder,
        } = self.setting;
        drop((console, self.drafts, self.uploads));
        database.close().await;
        let setting = Setting::open(folder, environments(&self.service)).await;
        Self::over(setting, self.service, LIMITS, self.actor).await
    }

    async fn try_choose(&self, part: Part, file: FileFacts) -> Result<Choice, ConsoleError> {
        self.drafts
            .choose(&self.actor, &self.environment, part, file, None)
            .await
    }

    async fn choose(&self, part: Part, file: FileFacts) -> DraftFile {
        ready(self.try_choose(part, file).await)
    }

    async fn choose_instead(&self, part: Part, file: FileFacts, instead: &str) -> Choice {
        self.drafts
            .choose(&self.actor, &self.environment, part, file, Some(instead))
            .await
            .unwrap()
    }

    async fn draft(&self) -> Vec<DraftFile> {
        self.drafts.of(&self.actor, &self.environment).await.unwrap()
    }

    async fn append(&self, upload: &str, offset: usize, bytes: &[u8]) {
        let scope = self.drafts.scope(&self.actor, &self.environment).await.unwrap();
        let body = stream::iter([Ok(bytes.to_vec().into())]).boxed();
        let offset = offset.try_into().unwrap();
        self.uploads
            .append(&scope, &upload.parse().unwrap(), offset, None, body)
            .await
            .unwrap();
    }

    /// Chooses a file and sends all of it.
    async fn bring(&self, part: Part, bytes: &[u8]) -> String {
        let draft = self.choose(part, facts(bytes)).await;
        self.append(&draft.upload, 0, bytes).await;
        draft.upload
    }

    async fn discard(&self, part: Part, upload: &str) {
        self.drafts
            .discard(&self.actor, &self.environment, part, upload)
            .await
            .unwrap();
    }

    async fn initiate(&self, database: &str, volume: &str) -> Result<backup_api::Backup, ConsoleError> {
        self.drafts
            .initiate(
                &self.actor,
                &self.environment,
                database.to_owned(),
                volume.to_owned(),
            )
            .await
    }

    /// Records of drafts, of uploads and of archives.
    async fn records(&self) -> [i64; 3] {
        let count = |table: &str| format!("SELECT count(*) FROM {table}");
        [
            self.setting.number(&count("draft_files")).await.unwrap(),
            self.setting.number(&count("uploads")).await.unwrap(),
            self.setting.number(&count("archives")).await.unwrap(),
        ]
    }

    fn bytes_on_disk(&self) -> u64 {
        let files = std::fs::read_dir(self.setting.folder.path().join("archives")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    }
}

fn environments(service: &Service) -> Vec<console::EnvironmentSettings> {
    vec![
        settings("lfrjoebloggs", "prd", service.clone()),
        settings("lfrjoebloggs", "dev", service.clone()),
    ]
}

fn ready(choice: Result<Choice, ConsoleError>) -> DraftFile {
    match choice {
        Ok(Choice::Ready(draft)) => draft,
        other => panic!("{other:?}"),
    }
}

/// Starts as a gzip file does.
fn archive(length: usize, filling: u8) -> Vec<u8> {
    let mut bytes = vec![filling; length];
    bytes[..3].copy_from_slice(&[0x1f, 0x8b, 0x08]);
    bytes
}

/// What a browser would tell of a file with these bytes.
fn facts(bytes: &[u8]) -> FileFacts {
    FileFacts {
        name: "database.gz".to_owned(),
        size: bytes.len().try_into().unwrap(),
        modified: 1_700_000_000_000,
        sample: hex::encode(Sha256::digest(bytes)),
    }
}

/// A file of `size` bytes of which none is ever sent.
fn file(size: u64) -> FileFacts {
    FileFacts {
        size,
        ..facts(b"whichever")
    }
}

/// The sentence a refusal is answered with.
fn sentence(error: ConsoleError) -> String {
    match error {
        ConsoleError::Api(ApiError::Internal(error)) => panic!("a fault: {error:?}"),
        ConsoleError::Api(error) => Problem::from(&error).detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_is_chosen_gets_an_upload_of_its_length() {
    let desk = Desk::new().await;
    assert_eq!(desk.draft().await, []);
    let begin = Timestamp::now();
    let volume = desk.choose(Part::Volume, file(2_000)).await;
    assert_eq!((volume.part, volume.received), (Part::Volume, 0));
    assert_eq!((&volume.file, &volume.sha256), (&file(2_000), &None));
    assert!(
        volume.expires_at > begin + SignedDuration::from_mins(59),
        "{volume:?}"
    );

    // In the order of the parts, whichever came first.
    let database = desk.choose(Part::Database, file(1_000)).await;
    let draft = desk.draft().await;
    let uploads: Vec<_> = draft.iter().map(|half| (half.part, &half.upload)).collect();
    assert_eq!(
        uploads,
        [(Part::Database, &database.upload), (Part::Volume, &volume.upload)]
    );

    let scope = desk.drafts.scope(&desk.actor, &desk.environment).await.unwrap();
    for (upload, length) in [(&database.upload, 1_000), (&volume.upload, 2_000)] {
        let state = desk.uploads.state(&scope, &upload.parse().unwrap()).await;
        let state = state.unwrap().unwrap();
        assert_eq!((state.length, state.offset), (Some(length), 0));
    }
    assert_eq!(desk.records().await, [2, 2, 2]);
}

#[tokio::test]
async fn the_same_file_goes_on_where_it_stopped_also_after_a_restart() {
    let bytes = archive(5_000, 1);
    let desk = Desk::new().await;
    let upload = desk.choose(Part::Database, facts(&bytes)).await.upload;
    desk.append(&upload, 0, &bytes[..1_000]).await;
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((&again.upload, again.received), (&upload, 1_000));

    let desk = desk.restarted().await;
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((&again.upload, again.received), (&upload, 1_000));
    assert_eq!(again.sha256, None);
    assert_eq!(desk.draft().await, [again]);

    desk.append(&upload, 1_000, &bytes[1_000..]).await;
    let digest = Some(hex::encode(Sha256::digest(&bytes)));
    let whole = desk.choose(Part::Database, facts(&bytes)).await;
    assert_eq!((whole.received, &whole.sha256), (5_000, &digest));
    let desk = desk.restarted().await;
    assert_eq!(desk.choose(Part::Database, facts(&bytes)).await, whole);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test]
async fn another_file_is_told_by_what_is_another_and_changes_nothing() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let there = desk.choose(Part::Database, facts(&bytes)).await;
    desk.append(&there.upload, 0, &bytes[..1_000]).await;
    let before = desk.draft().await;
    let same = facts(&bytes);
    let name = FileFacts {
        name: "Database.gz".to_owned(),
        ..same.clone()
    };
    let size = FileFacts {
        size: same.size + 1,
        ..same.clone()
    };
    let modified = FileFacts {
        modified: same.modified - 1,
        ..same.clone()
    };
    let content = FileFacts {
        sample: "0".repeat(64),
        ..same.clone()
    };
    let all = FileFacts {
        sample: content.sample.clone(),
        modified: -1,
        size: 1,
        name: "backup.gz".to_owned(),
    };
    for (file, expected) in [
        (name, vec![Difference::Name]),
        (size, vec![Difference::Size]),
        (modified, vec![Difference::Modified]),
        (content, vec![Difference::Content]),
        (
            all,
            vec![
                Difference::Name,
                Difference::Size,
                Difference::Modified,
                Difference::Content,
            ],
        ),
    ] {
        let choice = desk.try_choose(Part::Database, file).await.unwrap();
        let Choice::Other { there, differences } = choice else {
            panic!("{expected:?} went unnoticed")
        };
        assert_eq!(differences, expected);
        assert_eq!([there].as_slice(), before);
        assert_eq!(desk.draft().await, before);
        assert_eq!(desk.records().await, [1, 1, 1]);
    }
    // Where it was changed, the other half has no say.
    desk.choose(Part::Volume, file(7)).await;
}

#[tokio::test]
async fn a_file_gives_way_only_when_it_is_named() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let old = desk.bring(Part::Database, &bytes[..]).await;
    let other = file(300);
    for wrong in ["", "nonsense", "0192a0b0-1111-7000-8000-000000000001"] {
        let choice = desk.choose_instead(Part::Database, other.clone(), wrong).await;
        assert!(
            matches!(&choice, Choice::Other { there, .. } if there.upload == old),
            "{choice:?}"
        );
    }
    assert_eq!(desk.bytes_on_disk(), 5_000);

    let new = ready(Ok(desk.choose_instead(Part::Database, other.clone(), &old).await));
    assert_ne!(new.upload, old);
    assert_eq!((new.received, &new.file), (0, &other));
    assert_eq!(
        desk.bytes_on_disk(),
        0,
        "the bytes of the old file are still there"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);

    // A tab that still shows the old file gives up nothing; one that chooses the new one again goes on with it.
    let choice = desk.choose_instead(Part::Database, facts(&bytes), &old).await;
    assert!(
        matches!(&choice, Choice::Other { there, .. } if there.upload == new.upload),
        "{choice:?}"
    );
    let again = ready(Ok(desk.choose_instead(Part::Database, other, &new.upload).await));
    assert_eq!(again.upload, new.upload);
}

#[tokio::test]
async fn nothing_gives_way_to_a_file_that_is_refused() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let old = desk.bring(Part::Database, &bytes).await;
    let before = desk.draft().await;
    let nameless = FileFacts {
        name: String::new(),
        ..file(1_000)
    };
    for refused in [nameless, file(0), file(LARGEST + 1), file(u64::MAX)] {
        let outcome = desk
            .drafts
            .choose(
                &desk.actor,
                &desk.environment,
                Part::Database,
                refused.clone(),
                Some(&old),
            )
            .await;
        sentence(outcome.unwrap_err());
        assert_eq!(desk.draft().await, before, "{refused:?}");
    }
    assert_eq!(desk.bytes_on_disk(), 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_choose_at_once_end_up_with_one_upload() {
    let desk = Desk::new().await;
    // Each its own, so that nothing but the table keeps them apart.
    let drafts = (0..12).map(|_| Drafts::new(desk.setting.console.clone(), desk.uploads.clone()));
    let uploads = choose_at_once(&desk, drafts, 1_000).await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_choose_at_once_need_no_room_for_more_than_one_file() {
    let desk = Desk::with_limits(UploadLimits {
        bytes_per_scope: LARGEST,
        uploads_per_scope: 2,
        ..LIMITS
    })
    .await;
    let drafts = (0..8).map(|_| desk.drafts.clone());
    let uploads = choose_at_once(&desk, drafts, LARGEST).await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    assert_eq!(desk.records().await, [1, 1, 1]);
}

/// The uploads that as many tabs get for the same file.
async fn choose_at_once(desk: &Desk, tabs: impl Iterator<Item = Drafts>, size: u64) -> BTreeSet<String> {
    let choices = tabs.map(|drafts| {
        let (actor, environment) = (desk.actor.clone(), desk.environment.clone());
        tokio::spawn(async move {
            drafts
                .choose(&actor, &environment, Part::Database, file(size), None)
                .await
        })
    });
    join_all(choices)
        .await
        .into_iter()
        .map(|choice| ready(choice.unwrap()).upload)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_choosing_leaves_no_upload_behind() {
    let desk = Desk::new().await;
    for wait in 0..40 {
        let wait = Duration::from_micros(wait * 100);
        let _ = tokio::time::timeout(wait, desk.try_choose(Part::Database, file(1_000))).await;
        // Goes on where the one before was left, so that there is one upload at the end of both.
        let draft = desk.choose(Part::Database, file(1_000)).await;
        assert_eq!(desk.records().await, [1, 1, 1], "after {wait:?}");
        desk.discard(Part::Database, &draft.upload).await;
    }
}

#[tokio::test]
async fn drafts_of_others_and_elsewhere_do_not_exist() {
    let mut desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let database = desk.bring(Part::Database, &bytes).await;
    let volume = desk.bring(Part::Volume, &bytes).await;
    let before = desk.draft().await;
    let (owner, here) = (desk.actor.clone(), desk.environment.clone());
    let other = desk
        .setting
        .console
        .create_administrator("other@example.com", &secret(PASSWORD))
        .await
        .unwrap()
        .actor();
    for (actor, environment) in [(other, here.clone()), (owner.clone(), id("lfrjoebloggs", "dev"))] {
        (desk.actor, desk.environment) = (actor, environment);
        assert_eq!(desk.draft().await, []);
        desk.discard(Part::Database, &database).await;
        let own = ready(Ok(desk
            .choose_instead(Part::Database, facts(&bytes), &database)
            .await));
        assert_ne!(own.upload, database);
        assert_eq!(own.received, 0);
        let refusal = sentence(desk.initiate(&database, &volume).await.unwrap_err());
        assert!(refusal.contains("is not here any more"), "{refusal}");
        desk.discard(Part::Database, &own.upload).await;

        (desk.actor, desk.environment) = (owner.clone(), here.clone());
        assert_eq!(desk.draft().await, before);
    }
    assert_eq!(desk.records().await, [2, 2, 2]);
    assert_eq!(desk.bytes_on_disk(), 10_000);
}

#[tokio::test]
async fn who_may_not_upload_is_refused_everywhere() {
    let mut desk = Desk::new().await;
    let upload = desk.choose(Part::Database, file(1_000)).await.upload;
    let owner = desk.actor.clone();
    for stranger in ["", "nobody", "project:other"] {
        desk.actor = Actor::new(stranger, "a stranger");
        for (method, outcome) in all_methods(&desk, &upload).await {
            assert!(
                matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
                "{method} by {stranger:?}: {outcome:?}"
            );
        }
    }
    desk.actor = owner.clone();
    desk.setting
        .execute("UPDATE roles SET role = 'contributor'")
        .await;
    for (method, outcome) in all_methods(&desk, &upload).await {
        assert!(
            matches!(
                outcome,
                Err(ConsoleError::Api(ApiError::Forbidden {
                    action: Action::Upload
                }))
            ),
            "{method}: {outcome:?}"
        );
    }
    desk.setting.execute("UPDATE roles SET role = 'owner'").await;
    desk.actor = owner;
    desk.environment = id("lfrjoebloggs", "nowhere");
    for (method, outcome) in all_methods(&desk, &upload).await {
        assert!(
            matches!(outcome, Err(ConsoleError::NoSuchEnvironment)),
            "{method}: {outcome:?}"
        );
    }
    assert_eq!(desk.service.asked(), [""; 0]);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

async fn all_methods(desk: &Desk, upload: &str) -> [(&'static str, Result<(), ConsoleError>); 5] {
    let (drafts, actor, environment) = (&desk.drafts, &desk.actor, &desk.environment);
    [
        ("scope", drafts.scope(actor, environment).await.map(drop)),
        ("of", drafts.of(actor, environment).await.map(drop)),
        (
            "choose",
            desk.try_choose(Part::Database, file(1_000)).await.map(drop),
        ),
        (
            "discard",
            drafts.discard(actor, environment, Part::Database, upload).await,
        ),
        ("initiate", desk.initiate(upload, upload).await.map(drop)),
    ]
}

#[tokio::test]
async fn giving_up_what_is_gone_is_fine() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let database = desk.bring(Part::Database, &bytes).await;
    let volume = desk.choose(Part::Volume, facts(&bytes)).await;
    for _ in 0..2 {
        desk.discard(Part::Database, &database).await;
        let draft = desk.draft().await;
        assert_eq!(
            draft.iter().map(|half| &half.upload).collect::<Vec<_>>(),
            [&volume.upload]
        );
        assert_eq!(desk.bytes_on_disk(), 0);
        assert_eq!(desk.records().await, [1, 1, 1]);
    }
    for unknown in ["", "nonsense", "0192a0b0-1111-7000-8000-000000000001"] {
        desk.discard(Part::Volume, unknown).await;
    }
    assert_eq!(desk.draft().await.len(), 1);

    // Something that is given up may be chosen again and begins anew.
    let again = desk.choose(Part::Database, facts(&bytes)).await;
    assert!(again.upload != database && again.received == 0, "{again:?}");
}

#[tokio::test]
async fn a_half_goes_when_its_upload_expires() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let first = desk.bring(Part::Database, &bytes).await;
    let later = Timestamp::now() + SignedDuration::from_hours(2);
    assert_eq!(desk.uploads.expire(later).await.unwrap(), 1);
    assert_eq!(desk.draft().await, []);
    assert_eq!(desk.records().await, [0, 0, 0]);

    // What has expired is gone before it is cleared away, and what it had is free for the same file.
    let second = desk.choose(Part::Database, facts(&bytes)).await.upload;
    assert_ne!(second, first);
    assert_eq!(desk.setting.execute("UPDATE uploads SET expires_at = 1").await, 1);
    let refusal = sentence(desk.initiate(&second, &second).await.unwrap_err());
    assert!(refusal.contains("has expired"), "{refusal}");
    assert_eq!(desk.draft().await, []);
    assert_eq!(desk.records().await[0], 0);
    let third = desk.choose(Part::Database, facts(&bytes)).await;
    assert!(third.upload != second && third.received == 0, "{third:?}");
    assert_eq!(desk.uploads.expire(Timestamp::now()).await.unwrap(), 1);
    assert_eq!(desk.draft().await.len(), 1);
    assert_eq!(desk.records().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_file_that_could_never_arrive_is_refused_in_a_sentence() {
    let desk = Desk::with_limits(UploadLimits {
        bytes_per_scope: LARGEST + 1_000,
        uploads_per_scope: 2,
        ..LIMITS
    })
    .await;
    let named = |name: &str| FileFacts {
        name: name.to_owned(),
        ..file(1_000)
    };
    let sampled = |sample: String| FileFacts {
        sample,
        ..file(1_000)
    };
    let bad = [
        (named(""), "its name is empty"),
        (named("data\nbase.gz"), "its name"),
        (named("data\u{7f}base.gz"), "its name"),
        (named("data\u{0}base.gz"), "its name"),
        (named(&"a".repeat(256)), "255 bytes"),
        (named(&"ä".repeat(128)), "255 bytes"),
        (sampled(String::new()), "Reload the page"),
        (sampled("a".repeat(63)), "Reload the page"),
        (sampled("a".repeat(65)), "Reload the page"),
        (sampled("A".repeat(64)), "Reload the page"),
        (sampled("ä".repeat(32)), "Reload the page"),
        (sampled(format!("{}g", "a".repeat(63))), "Reload the page"),
        (file(0), "This file is empty"),
        (file(LARGEST + 1), "at most 1000000 bytes"),
        (file(i64::MAX.unsigned_abs() + 1), "at most 1000000 bytes"),
        (file(u64::MAX), "at most 1000000 bytes"),
    ];
    for (file, words) in bad {
        let refusal = sentence(desk.try_choose(Part::Volume, file.clone()).await.unwrap_err());
        assert!(
            refusal.contains(words) && refusal.ends_with('.'),
            "{file:?}: {refusal}"
        );
        assert_eq!(desk.records().await, [0, 0, 0], "{file:?}");
    }
    desk.choose(Part::Database, named(&"a".repeat(255))).await;

    desk.choose(Part::Volume, file(LARGEST)).await;
}

#[tokio::test]
async fn what_one_person_may_have_on_its_way_is_limited() {
    let limits = UploadLimits {
        bytes_per_scope: LARGEST,
        uploads_per_scope: 1,
        ..LIMITS
    };
    let desk = Desk::with_limits(limits).await;
    desk.choose(Part::Database, file(1_000)).await;
    let refusal = sentence(desk.try_choose(Part::Volume, file(1_000)).await.unwrap_err());
    assert!(
        refusal.contains("too many unfinished uploads") && refusal.ends_with('.'),
        "{refusal}"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);

    let desk = Desk::with_limits(UploadLimits {
        uploads_per_scope: 2,
        ..limits
    })
    .await;
    let there = desk.choose(Part::Database, file(600_000)).await;
    let refusal = sentence(desk.try_choose(Part::Volume, file(500_000)).await.unwrap_err());
    assert!(
        refusal.contains("1000000 bytes together") && refusal.ends_with('.'),
        "{refusal}"
    );
    assert_eq!(desk.records().await, [1, 1, 1]);
    // Something that gives way makes room for what comes instead.
    let larger = desk
        .choose_instead(Part::Database, file(LARGEST), &there.upload)
        .await;
    assert_eq!(ready(Ok(larger)).received, 0);
}

#[tokio::test]
async fn a_backup_is_made_of_what_is_in_the_store() {
    let desk = Desk::new().await;
    let database = desk.bring(Part::Database, &archive(5_000, 1)).await;
    let volume = desk.bring(Part::Volume, &archive(7_000, 2)).await;
    for _ in 0..2 {
        let made = desk.initiate(&database, &volume).await.unwrap();
        assert_eq!(made, backup("202611230100", 10, BackupStatus::Success));
    }
    let swapped = desk.initiate(&volume, &database).await;
    assert!(swapped.is_ok(), "{swapped:?}");

    let brought = desk.service.brought();
    let parts = |database: &String, volume: &String| {
        vec![
            (Part::Database, Some(database.clone())),
            (Part::Volume, Some(volume.clone())),
        ]
    };
    assert_eq!(brought[0].by, desk.actor.id);
    assert_eq!(brought[0].parts, parts(&database, &volume));
    assert_eq!(brought[0], brought[1], "a repeated request is another one");
    assert_eq!(brought[2].parts, parts(&volume, &database));
    let keys: Vec<_> = brought
        .iter()
        .map(|Brought { idempotency_key, .. }| idempotency_key.clone().unwrap())
        .collect();
    assert_ne!(keys[0], keys[2]);

    desk.discard(Part::Volume, &volume).await;
    let other = desk.bring(Part::Volume, &archive(7_000, 3)).await;
    desk.initiate(&database, &other).await.unwrap();
    let key = desk.service.brought()[3].idempotency_key.clone().unwrap();
    assert!(!keys.contains(&key), "{key}");
}

#[tokio::test]
async fn halves_that_are_not_there_make_no_backup() {
    let desk = Desk::new().await;
    let bytes = archive(5_000, 1);
    let database = desk.bring(Part::Database, &bytes).await;
    let unfinished = desk.choose(Part::Volume, facts(&bytes)).await.upload;
    desk.append(&unfinished, 0, &bytes[..4_999]).await;
    let gone = "0192a0b0-1111-7000-8000-000000000001";
    for (database, volume, words, came) in [
        (
            &*database,
            &*unfinished,
            "for Document Library has not arrived completely",
            1,
        ),
        (
            &unfinished,
            &database,
            "for Database has not arrived completely",
            0,
        ),
        (&database, gone, "for Document Library is not here any more", 1),
        (gone, &unfinished, "for Database is not here any more", 0),
        ("", "", "for Database is not here any more", 0),
        ("nonsense\n", "../..", "for Database is not here any more", 0),
    ] {
        let refusal = sentence(desk.initiate(database, volume).await.unwrap_err());
        assert!(refusal.contains(words) && refusal.ends_with('.'), "{refusal}");
        assert_eq!(desk.service.brought().last().unwrap().parts.len(), came);
    }
    assert_eq!(desk.draft().await.len(), 2);

    // The same two make one when the rest has come.
    desk.append(&unfinished, 4_999, &bytes[4_999..]).await;
    desk.initiate(&database, &unfinished).await.unwrap();
}

#[tokio::test]
async fn uploads_of_the_api_are_no_drafts() {
    let desk = Desk::new().await;
    let scope = format!("{}/{}", desk.actor.id, desk.environment);
    let new = NewUpload {
        scope: scope.clone(),
        length: Some(1_000),
        metadata: String::new(),
    };
    let upload = desk.uploads.create(new).await.unwrap().id;
    assert_eq!(desk.draft().await, []);
    desk.discard(Part::Database, upload.as_str()).await;
    assert!(
        desk.uploads.state(&scope, &upload).await.unwrap().is_some(),
        "it was given up as half of a draft"
    );
    let draft = desk.choose(Part::Database, file(1_000)).await;
    let outcome = desk
        .uploads
        .terminate(&scope, &draft.upload.parse().unwrap())
        .await;
    assert!(matches!(outcome, Err(UploadError::NoSuchUpload)), "{outcome:?}");
}
