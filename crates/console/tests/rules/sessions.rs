use std::time::Duration;

use console::{ConsoleError, Origin, Person, SessionSummary, SqliteSessionStore, session};
use serde_json::json;
use time::OffsetDateTime;
use tower_sessions::{
    Session, SessionStore,
    session::{Id, Record},
};

use crate::support::{PASSWORD, Setting, microseconds, secret};

struct Sessions {
    setting: Setting,
    owner: Person,
    store: SqliteSessionStore,
}

impl Sessions {
    async fn new() -> Self {
        let (setting, owner) = Setting::with_owner().await;
        let store = SqliteSessionStore::new(setting.database.clone());
        Self {
            setting,
            owner,
            store,
        }
    }

    /// A session as the layer makes it for a request with, or without, a cookie.
    fn request(&self, cookie: Option<Id>) -> Session {
        self.setting.browser(cookie)
    }

    /// Somebody who is signed in: the id in their cookie.
    async fn signed_in(&self) -> Id {
        let session = self.request(None);
        session::sign_in(&session, &self.owner, &Origin::default())
            .await
            .unwrap();
        session.save().await.unwrap();
        session.id().unwrap()
    }

    async fn count(&self) -> i64 {
        self.setting
            .number("SELECT count(*) FROM sessions")
            .await
            .unwrap()
    }

    /// Makes a time in the only session's record older.
    async fn age(&self, key: &str, by: Duration) {
        let changed = self
            .setting
            .execute(&format!(
                "UPDATE sessions SET data = json_set(data, '$.{key}', json_extract(data, '$.{key}') - {})",
                microseconds(by)
            ))
            .await;
        assert_eq!(changed, 1);
    }
}

fn record(id: Id, expires_in: time::Duration) -> Record {
    let data = [("colour".to_owned(), json!("blue"))].into();
    Record {
        id,
        data,
        expiry_date: OffsetDateTime::now_utc() + expires_in,
    }
}

#[tokio::test]
async fn nobody_is_signed_in_without_a_session_of_ours() {
    let sessions = Sessions::new().await;
    assert_eq!(session::person_id(&sessions.request(None)).await, None);
    assert_eq!(
        session::person_id(&sessions.request(Some(Id::default()))).await,
        None
    );

    // A session that never said when somebody signed in.
    let mut forged = record(Id::default(), time::Duration::hours(1));
    forged
        .data
        .insert("person_id".to_owned(), json!(sessions.owner.id));
    sessions.store.create(&mut forged).await.unwrap();
    assert_eq!(session::person_id(&sessions.request(Some(forged.id))).await, None);
}

#[tokio::test]
async fn signing_in_changes_the_id_and_drops_what_was_planted() {
    let sessions = Sessions::new().await;
    let planted = sessions.request(None);
    planted.insert("next", "https://attacker.example").await.unwrap();
    planted.save().await.unwrap();
    let planted = planted.id().unwrap();

    let session = sessions.request(Some(planted));
    session::sign_in(&session, &sessions.owner, &Origin::default())
        .await
        .unwrap();
    session.save().await.unwrap();
    let id = session.id().unwrap();

    assert_ne!(id, planted);
    assert_eq!(session::person_id(&sessions.request(Some(planted))).await, None);
    let session = sessions.request(Some(id));
    assert_eq!(
        session::person_id(&session).await.as_ref(),
        Some(&sessions.owner.id)
    );
    assert_eq!(session.get::<String>("next").await.unwrap(), None);
    assert_eq!(sessions.count().await, 1);
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let sessions = Sessions::new().await;
    let id = sessions.signed_in().await;

    // A request that is still under way, and will want to save what it changed.
    let late = sessions.request(Some(id));
    late.insert("colour", "red").await.unwrap();

    let session = sessions.request(Some(id));
    session::sign_out(&session).await.unwrap();
    assert!(session.is_empty().await);
    assert_eq!(sessions.count().await, 0);

    late.save().await.unwrap();
    assert_eq!(sessions.count().await, 0);
    assert_eq!(session::person_id(&sessions.request(Some(id))).await, None);
}

#[tokio::test]
async fn a_session_ends_thirty_days_after_signing_in() {
    let sessions = Sessions::new().await;
    let id = sessions.signed_in().await;
    let minute = Duration::from_mins(1);
    let almost = Duration::from_mins(30 * 24 * 60 - 1);

    sessions.age("signed_in_at", almost).await;
    assert!(session::person_id(&sessions.request(Some(id))).await.is_some());
    sessions.age("signed_in_at", minute).await;
    assert_eq!(session::person_id(&sessions.request(Some(id))).await, None);

    // Nor does use bring it back.
    let session = sessions.request(Some(id));
    session::touch(&session).await.unwrap();
    assert!(!session.is_modified());
}

#[tokio::test]
async fn use_is_recorded_at_most_once_a_minute_and_only_for_people() {
    let sessions = Sessions::new().await;
    let anonymous = sessions.request(None);
    session::touch(&anonymous).await.unwrap();
    assert!(!anonymous.is_modified());

    let id = sessions.signed_in().await;
    let session = sessions.request(Some(id));
    session::person_id(&session).await.unwrap();
    session::touch(&session).await.unwrap();
    assert!(!session.is_modified(), "signing in was less than a minute ago");

    sessions
        .setting
        .execute("UPDATE sessions SET expires_at = expires_at - 60000000")
        .await;
    sessions.age("seen_at", Duration::from_mins(1)).await;
    let expiry = || sessions.setting.number("SELECT expires_at FROM sessions");
    let before = expiry().await.unwrap();
    let session = sessions.request(Some(id));
    session::touch(&session).await.unwrap();
    assert!(session.is_modified());
    session.save().await.unwrap();
    assert!(expiry().await.unwrap() >= before + 60_000_000);

    let session = sessions.request(Some(id));
    session::touch(&session).await.unwrap();
    assert!(!session.is_modified());
}

#[tokio::test]
async fn the_id_is_stored_as_a_hash_and_the_person_in_a_column() {
    let sessions = Sessions::new().await;
    let id = sessions.signed_in().await;
    assert_eq!(
        sessions
            .setting
            .text("SELECT person_id FROM sessions")
            .await
            .as_ref(),
        Some(&sessions.owner.id)
    );

    let stored = sessions
        .setting
        .text("SELECT id_hash || data FROM sessions")
        .await
        .unwrap();
    assert_eq!(stored.find('{'), Some(64), "{stored}");
    for form in [
        id.to_string(),
        id.0.to_string(),
        hex::encode(id.0.to_le_bytes()),
        hex::encode(id.0.to_be_bytes()),
    ] {
        assert!(!stored.contains(&form), "{stored}");
    }

    sessions.setting.execute("DELETE FROM people").await;
    assert_eq!(sessions.count().await, 0);
}

#[tokio::test]
async fn the_person_column_follows_the_record() {
    let sessions = Sessions::new().await;
    let mut changing = record(Id::default(), time::Duration::hours(1));
    sessions.store.create(&mut changing).await.unwrap();
    assert_eq!(
        sessions.setting.text("SELECT person_id FROM sessions").await,
        None
    );
    changing
        .data
        .insert("person_id".to_owned(), json!(sessions.owner.id));
    sessions.store.save(&changing).await.unwrap();
    assert_eq!(
        sessions
            .setting
            .text("SELECT person_id FROM sessions")
            .await
            .as_ref(),
        Some(&sessions.owner.id)
    );
}

#[tokio::test]
async fn what_is_saved_is_loaded_until_it_expires() {
    let sessions = Sessions::new().await;
    let mut lasting = record(Id::default(), time::Duration::hours(1));
    let mut expired = record(Id::default(), time::Duration::seconds(-1));
    sessions.store.create(&mut lasting).await.unwrap();
    sessions.store.create(&mut expired).await.unwrap();

    let loaded = sessions.store.load(&lasting.id).await.unwrap().unwrap();
    assert_eq!((loaded.id, &loaded.data), (lasting.id, &lasting.data));
    assert!((loaded.expiry_date - lasting.expiry_date).abs() < time::Duration::milliseconds(1));
    assert_eq!(sessions.store.load(&expired.id).await.unwrap(), None);

    assert_eq!(sessions.store.delete_expired().await.unwrap(), 1);
    assert_eq!(sessions.store.delete_expired().await.unwrap(), 0);
    assert_eq!(sessions.count().await, 1);
    sessions.store.delete(&lasting.id).await.unwrap();
    assert_eq!(sessions.store.load(&lasting.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_id_that_is_taken_is_exchanged_and_harms_nobody() {
    let sessions = Sessions::new().await;
    let mut first = record(Id::default(), time::Duration::hours(1));
    sessions.store.create(&mut first).await.unwrap();

    let mut second = record(first.id, time::Duration::hours(1));
    second.data.insert("colour".to_owned(), json!("red"));
    sessions.store.create(&mut second).await.unwrap();

    assert_ne!(second.id, first.id);
    for expected in [first, second] {
        assert_eq!(
            sessions.store.load(&expected.id).await.unwrap().unwrap().data,
            expected.data
        );
    }
}

#[tokio::test]
async fn a_password_counts_as_given_for_ten_minutes() {
    let sessions = Sessions::new().await;
    let stranger = sessions.request(None);
    let actor = sessions.owner.actor();
    let outcome = session::confirmed(&stranger, &actor).await;
    assert!(matches!(outcome, Err(ConsoleError::NotSignedIn)), "{outcome:?}");

    let id = sessions.signed_in().await;
    let is_confirmed = async || session::is_confirmed(&sessions.request(Some(id))).await;
    sessions
        .age("confirmed_at", Duration::from_secs(10 * 60 - 5))
        .await;
    assert!(is_confirmed().await);
    sessions.age("confirmed_at", Duration::from_secs(5)).await;
    assert!(!is_confirmed().await);
    let outcome = session::confirmed(&sessions.request(Some(id)), &actor).await;
    assert!(
        matches!(outcome, Err(ConsoleError::ConfirmationNeeded)),
        "{outcome:?}"
    );

    let console = &sessions.setting.console;
    let session = sessions.request(Some(id));
    let outcome = console.confirm(&session, &secret("not the password"), None).await;
    assert!(
        matches!(outcome, Err(ConsoleError::WrongCredentials)),
        "{outcome:?}"
    );
    assert!(!session::is_confirmed(&session).await);
    console.confirm(&session, &secret(PASSWORD), None).await.unwrap();
    session.save().await.unwrap();
    assert!(is_confirmed().await);
    let confirmed = session::confirmed(&sessions.request(Some(id)), &actor)
        .await
        .unwrap();
    assert_eq!(confirmed.person_id(), sessions.owner.id);
    // Nobody confirms for somebody else, nor a program for its person.
    let other = sessions.setting.person("other@example.com").await.actor();
    for actor in [other, actor.with_access_token("any")] {
        let outcome = session::confirmed(&sessions.request(Some(id)), &actor).await;
        assert!(outcome.is_err(), "{outcome:?}");
    }
}

#[tokio::test]
async fn people_see_their_own_sessions_and_end_them() {
    let sessions = Sessions::new().await;
    let console = &sessions.setting.console;
    let bystander = sessions.setting.person("bystander@example.com").await;
    let of_bystander = sessions.setting.sign_in(&bystander).await;

    let origin = Origin {
        address: Some("2001:db8::1".parse().unwrap()),
        user_agent: Some("Mozilla/5.0 ".repeat(100)),
    };
    let first = sessions.request(None);
    session::sign_in(&first, &sessions.owner, &origin).await.unwrap();
    first.save().await.unwrap();
    sessions
        .setting
        .execute(
            "UPDATE sessions SET data = json_set(data, '$.seen_at', json_extract(data, '$.seen_at') - 60000000) \
             WHERE data LIKE '%2001:db8::1%'",
        )
        .await;
    let current = sessions.request(Some(sessions.signed_in().await));
    // Anonymous ones are nobody's.
    let mut anonymous = record(Id::default(), time::Duration::hours(1));
    sessions.store.create(&mut anonymous).await.unwrap();

    let list = async || console.sessions(&sessions.owner, &current).await.unwrap();
    let shown = list().await;
    let told: Vec<_> = shown
        .iter()
        .map(|session: &SessionSummary| (session.current, session.address.as_deref()))
        .collect();
    assert_eq!(told, [(true, None), (false, Some("2001:db8::1"))]);
    assert_eq!(shown[1].user_agent.as_ref().unwrap().chars().count(), 200);
    assert!(shown[1].seen_at < shown[0].seen_at);

    let theirs = console.sessions(&bystander, &of_bystander).await.unwrap();
    let outcome = console.end_session(&sessions.owner.actor(), &theirs[0].id).await;
    assert!(matches!(outcome, Err(ConsoleError::NoSuchEntry)), "{outcome:?}");
    assert!(console.is_signed_in(&of_bystander).await.unwrap());

    console
        .end_session(&sessions.owner.actor(), &shown[1].id)
        .await
        .unwrap();
    assert_eq!(list().await.len(), 1);
    assert!(!console.is_signed_in(&first).await.unwrap());
    sessions.signed_in().await;
    assert_eq!(
        console
            .end_other_sessions(&sessions.owner.actor(), &current)
            .await
            .unwrap(),
        1
    );
    assert!(console.is_signed_in(&current).await.unwrap());
    assert_eq!(list().await.len(), 1);
}

#[tokio::test]
async fn what_has_expired_is_neither_listed_nor_alive() {
    let sessions = Sessions::new().await;
    let id = sessions.signed_in().await;
    let current = sessions.request(Some(id));
    let console = &sessions.setting.console;
    assert!(console.is_signed_in(&current).await.unwrap());
    sessions.age("signed_in_at", Duration::from_hours(30 * 24)).await;
    assert_eq!(console.sessions(&sessions.owner, &current).await.unwrap(), []);
    sessions
        .setting
        .execute("UPDATE sessions SET expires_at = 1")
        .await;
    assert!(!console.is_signed_in(&current).await.unwrap());
    assert_eq!(console.sessions(&sessions.owner, &current).await.unwrap(), []);
}

#[tokio::test]
async fn a_refusal_is_kept_for_its_page_and_its_code_and_ten_minutes() {
    let sessions = Sessions::new().await;
    let cookie = sessions.signed_in().await;
    let session = sessions.request(Some(cookie));
    session::keep_refusal(&session, "/a", "in-use", "Anna reads it.")
        .await
        .unwrap();
    session.save().await.unwrap();

    let kept = async |page, code| {
        let session = sessions.request(Some(cookie));
        session::kept_refusal(&session, page, code).await
    };
    assert_eq!(kept("/a", "in-use").await.as_deref(), Some("Anna reads it."));
    assert_eq!(kept("/b", "in-use").await, None);
    assert_eq!(kept("/a", "pinned").await, None);
    sessions
        .age("refusal.at", Duration::from_secs(10 * 60 - 30))
        .await;
    assert!(kept("/a", "in-use").await.is_some());
    sessions.age("refusal.at", Duration::from_mins(1)).await;
    assert_eq!(kept("/a", "in-use").await, None);
}
