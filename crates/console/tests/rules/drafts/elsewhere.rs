//! Drafts whose bytes wait at a service on another machine: the same rules, and nothing of it is lost when the service
//! does not answer.

use std::{
    collections::HashMap,
    fmt::Debug,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use archive_samples::{database_of, volume_of};
use backup_api::{
    Actor, ApiError, Part, ProblemCode, ResumableApi, ResumableFuture, UploadAtService, UploadContent,
    UploadInspection, UploadProgress, UploadRefusal,
};
use console::{Choice, ConsoleError, Drafts, Role};
use jiff::Timestamp;

use super::{Desk, LARGEST, facts, file, sentence};
use crate::support::id;

const ROOM: usize = 2;

/// A service on another machine that has room for two uploads of an actor.
#[derive(Debug, Default)]
struct Elsewhere {
    uploads: Mutex<HashMap<String, Kept>>,
    made: AtomicUsize,
    is_down: AtomicBool,
    takes_none: AtomicBool,
}

#[derive(Debug, Clone)]
struct Kept {
    by: String,
    part: Part,
    length: u64,
    offset: u64,
    inspection: Option<UploadInspection>,
}

impl Elsewhere {
    fn answer<'a, T: Debug + Send + 'a>(
        &'a self,
        answer: impl FnOnce(&mut HashMap<String, Kept>) -> Result<T, UploadRefusal> + Send + 'a,
    ) -> ResumableFuture<'a, T> {
        Box::pin(async move {
            if self.is_down.load(Ordering::SeqCst) {
                let reason = "The backup service cannot be reached. Try again in a moment.".to_owned();
                return Err(ApiError::Unavailable { reason }.into());
            }
            if self.takes_none.load(Ordering::SeqCst) {
                let reason = "This backup service does not know that call.".to_owned();
                return Err(ApiError::NotAvailable { reason }.into());
            }
            answer(&mut self.uploads.lock().unwrap())
        })
    }

    fn of(uploads: &mut HashMap<String, Kept>, actor: &Actor, id: &str) -> Result<Kept, UploadRefusal> {
        let kept = uploads.get(id).filter(|kept| kept.by == actor.id);
        kept.cloned().ok_or(UploadRefusal::Gone)
    }

    fn receive(&self, id: &str, offset: u64) {
        self.uploads.lock().unwrap().get_mut(id).unwrap().offset = offset;
    }
}

fn progress(id: &str, kept: &Kept) -> UploadProgress {
    UploadProgress {
        id: id.to_owned(),
        part: Some(kept.part),
        offset: kept.offset,
        length: Some(kept.length),
        sha256: (kept.offset == kept.length).then(|| "ab".repeat(32)),
        expires_at: Timestamp::MAX,
        inspection: kept.inspection.clone(),
    }
}

impl ResumableApi for Elsewhere {
    fn largest<'a>(&'a self, _actor: &'a Actor) -> ResumableFuture<'a, Option<u64>> {
        self.answer(|_| Ok(Some(LARGEST)))
    }

    fn create<'a>(
        &'a self,
        actor: &'a Actor,
        part: Part,
        length: u64,
    ) -> ResumableFuture<'a, UploadProgress> {
        self.answer(move |uploads| {
            if uploads.values().filter(|kept| kept.by == actor.id).count() == ROOM {
                return Err(UploadRefusal::TooMany);
            }
            let id = format!("there-{}", self.made.fetch_add(1, Ordering::SeqCst));
            let kept = Kept {
                by: actor.id.clone(),
                part,
                length,
                offset: 0,
                inspection: None,
            };
            let made = progress(&id, &kept);
            uploads.insert(id, kept);
            Ok(made)
        })
    }

    fn progress<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadProgress> {
        self.answer(move |uploads| Self::of(uploads, actor, id).map(|kept| progress(id, &kept)))
    }

    fn end<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, ()> {
        self.answer(move |uploads| {
            Self::of(uploads, actor, id)?;
            uploads.remove(id);
            Ok(())
        })
    }

    fn finished<'a>(&'a self, actor: &'a Actor, id: &'a str) -> ResumableFuture<'a, UploadContent> {
        self.answer(move |uploads| {
            let kept = Self::of(uploads, actor, id)?;
            if kept.offset < kept.length {
                return Err(UploadRefusal::Unfinished);
            }
            let id = id.to_owned();
            Ok(UploadContent::AtService(UploadAtService { id }))
        })
    }
}

/// The same desk, with the bytes for its environment elsewhere.
async fn desk() -> (Desk, Arc<Elsewhere>) {
    let desk = Desk::new().await;
    let elsewhere = Arc::new(Elsewhere::default());
    let service: Arc<dyn ResumableApi> = elsewhere.clone();
    let drafts = Drafts::new(
        desk.setting.console.clone(),
        desk.uploads.clone(),
        HashMap::from([(desk.environment.clone(), service)]),
    );
    (Desk { drafts, ..desk }, elsewhere)
}

#[tokio::test]
async fn the_bytes_of_a_draft_are_never_here() {
    let (desk, elsewhere) = desk().await;
    let bytes = database_of(5_000, 1);
    let database = desk.choose(Part::Database, facts(&bytes)).await.upload;
    let volume = desk.choose(Part::Volume, facts(&bytes)).await.upload;
    // Rows, and neither uploads nor archives.
    assert_eq!(desk.records().await, [2, 0, 0]);

    elsewhere.receive(&database, 1_234);
    let draft = desk.draft().await;
    assert_eq!((draft[0].received, &draft[0].sha256), (1_234, &None));
    let refusal = sentence(desk.initiate(&database, &volume).await.unwrap_err());
    assert!(
        refusal.contains("for Database has not arrived completely"),
        "{refusal}"
    );

    elsewhere.receive(&database, 5_000);
    elsewhere.receive(&volume, 5_000);
    let draft = desk.draft().await;
    assert_eq!(draft[0].sha256.as_deref(), Some(&*"ab".repeat(32)));
    desk.initiate(&database, &volume).await.unwrap();
    let brought = desk.service.brought();
    assert_eq!(
        brought.last().unwrap().parts,
        vec![
            (Part::Database, Some(database.clone())),
            (Part::Volume, Some(volume))
        ]
    );

    // It became a backup there, and is forgotten here.
    elsewhere.uploads.lock().unwrap().remove(&database);
    assert_eq!(desk.draft().await.len(), 1);
    // Whether the same request made it before is the service's to say.
    desk.initiate(&database, "there-1").await.unwrap();
}

#[tokio::test]
async fn the_rules_are_the_same() {
    let (desk, _) = desk().await;
    let first = desk.choose(Part::Database, file(1_000)).await;
    assert_eq!(desk.choose(Part::Database, file(1_000)).await, first);
    let Ok(Choice::Other { there, .. }) = desk.try_choose(Part::Database, file(2_000)).await else {
        panic!("another file took its place")
    };
    assert_eq!(there, first);
    let other = desk
        .choose_instead(Part::Database, file(2_000), &first.upload)
        .await;
    assert!(matches!(other, Choice::Ready(draft) if draft.upload != first.upload));

    let refusal = sentence(
        desk.try_choose(Part::Volume, file(LARGEST + 1))
            .await
            .unwrap_err(),
    );
    assert!(refusal.contains("at most 1000000 bytes"), "{refusal}");
    let refusal = sentence(desk.try_choose(Part::Volume, file(0)).await.unwrap_err());
    assert!(refusal.contains("This file is empty"), "{refusal}");

    // Whatever else of theirs is at the service counts there.
    let service = desk.choose(Part::Volume, file(10)).await;
    desk.discard(Part::Volume, &service.upload).await;
    desk.discard(Part::Volume, &service.upload).await;
    assert_eq!(desk.draft().await.len(), 1);
}

#[tokio::test]
async fn too_many_at_the_service_is_said_as_here() {
    let (desk, elsewhere) = desk().await;
    for _ in 0..ROOM {
        elsewhere.create(&desk.actor, Part::Database, 1).await.unwrap();
    }
    let refusal = sentence(desk.try_choose(Part::Volume, file(10)).await.unwrap_err());
    assert!(refusal.contains("too many unfinished uploads"), "{refusal}");
    assert_eq!(desk.records().await, [0, 0, 0]);
}

#[tokio::test]
async fn a_service_that_does_not_answer_costs_nothing() {
    let (desk, elsewhere) = desk().await;
    let bytes = database_of(5_000, 1);
    let there = desk.choose(Part::Database, facts(&bytes)).await;
    elsewhere.receive(&there.upload, 5_000);
    elsewhere.is_down.store(true, Ordering::SeqCst);

    let choose = desk.try_choose(Part::Database, facts(&bytes)).await.map(drop);
    let instead = desk
        .drafts
        .choose(
            &desk.actor,
            &desk.environment,
            Part::Database,
            file(9),
            Some(&there.upload),
        )
        .await
        .map(drop);
    let discard = desk
        .drafts
        .discard(&desk.actor, &desk.environment, Part::Database, &there.upload)
        .await;
    let initiate = desk.initiate(&there.upload, &there.upload).await.map(drop);
    let look = desk.drafts.of(&desk.actor, &desk.environment).await.map(drop);
    for outcome in [choose, instead, discard, initiate, look] {
        let Err(ConsoleError::Api(error)) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(backup_api::Problem::from(&error).code, ProblemCode::Unavailable);
    }
    assert_eq!(desk.records().await, [1, 0, 0]);

    elsewhere.is_down.store(false, Ordering::SeqCst);
    assert_eq!(desk.draft().await[0].received, 5_000);
}

#[tokio::test]
async fn a_service_that_hangs_keeps_nobody_from_another_environment() {
    #[derive(Debug)]
    struct Hanging;
    impl ResumableApi for Hanging {
        fn largest<'a>(&'a self, _: &'a Actor) -> ResumableFuture<'a, Option<u64>> {
            Box::pin(std::future::ready(Ok(None)))
        }
        fn create<'a>(&'a self, _: &'a Actor, _: Part, _: u64) -> ResumableFuture<'a, UploadProgress> {
            Box::pin(std::future::pending())
        }
        fn progress<'a>(&'a self, _: &'a Actor, _: &'a str) -> ResumableFuture<'a, UploadProgress> {
            Box::pin(std::future::pending())
        }
        fn end<'a>(&'a self, _: &'a Actor, _: &'a str) -> ResumableFuture<'a, ()> {
            Box::pin(std::future::pending())
        }
        fn finished<'a>(&'a self, _: &'a Actor, _: &'a str) -> ResumableFuture<'a, UploadContent> {
            Box::pin(std::future::pending())
        }
    }
    let desk = Desk::new().await;
    let hanging: Arc<dyn ResumableApi> = Arc::new(Hanging);
    let drafts = Drafts::new(
        desk.setting.console.clone(),
        desk.uploads.clone(),
        HashMap::from([(desk.environment.clone(), hanging)]),
    );
    let (actor, here) = (&desk.actor, id("lfrjoebloggs", "dev"));
    let hangs = drafts.choose(actor, &desk.environment, Part::Database, file(1_000), None);
    let goes_on = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drafts
            .choose(actor, &here, Part::Database, file(1_000), None)
            .await
    };
    tokio::select! {
        choice = hangs => panic!("{choice:?}"),
        choice = goes_on => assert!(matches!(choice, Ok(Choice::Ready(_))), "{choice:?}"),
    }
}

#[tokio::test]
async fn whose_an_upload_is_is_known_here() {
    let (desk, _) = desk().await;
    let upload = desk.choose(Part::Database, file(1_000)).await.upload;
    let ann = desk.setting.person("ann@example.com").await;
    let guest = desk.setting.person("guest@example.com").await;
    desk.setting
        .set_roles(&guest, &[("lfrjoebloggs/prd", Role::Guest)])
        .await;
    let holds = async |actor: &Actor, upload: &str| desk.drafts.holds(actor, &desk.environment, upload).await;
    assert!(holds(&desk.actor, &upload).await.unwrap());
    assert!(!holds(&ann.actor(), &upload).await.unwrap());
    assert!(!holds(&desk.actor, "there-7").await.unwrap());
    let refused = holds(&guest.actor(), &upload).await.unwrap_err();
    assert!(matches!(refused, ConsoleError::Api(ApiError::Forbidden { .. })));
}

#[tokio::test]
async fn for_a_service_that_takes_no_uploads_the_bytes_wait_here() {
    let (desk, elsewhere) = desk().await;
    elsewhere.takes_none.store(true, Ordering::SeqCst);
    let library = volume_of(5_000, 1);
    let database = desk.bring(Part::Database, &database_of(5_000, 1)).await;
    let volume = desk.bring(Part::Volume, &library).await;
    assert_eq!(desk.records().await, [2, 2, 2]);
    desk.initiate(&database, &volume).await.unwrap();

    // It is one that takes them now, and what is here is still found.
    elsewhere.takes_none.store(false, Ordering::SeqCst);
    assert_eq!(desk.draft().await.len(), 2);
    desk.discard(Part::Volume, &volume).await;
    desk.choose(Part::Volume, facts(&library)).await;
    assert_eq!(desk.records().await, [2, 1, 1]);

    // Somebody answers in its place for a while: nothing of what is there is forgotten.
    elsewhere.takes_none.store(true, Ordering::SeqCst);
    assert_eq!(desk.draft().await.len(), 1);
    elsewhere.takes_none.store(false, Ordering::SeqCst);
    assert_eq!(desk.draft().await.len(), 2);
}
