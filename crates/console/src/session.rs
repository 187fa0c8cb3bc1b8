//! What a session of a browser knows, and who may write it.
//!
//! A session holds who signed in, when, from where, when they were last seen, and when they gave their password last. It
//! ends after a time without use, which is the session layer's `Expiry::OnInactivity`, and 30 days after signing in
//! whatever happens, which [`person_id`] enforces. It also keeps why their last form was refused, for the page that says
//! it.
//!
//! What the layer does, and therefore what a server has to do (tower-sessions 0.15):
//!
//! - It writes a session after the handler returned, and only if it was modified, is not empty, and the answer is
//!   below 500. Values read or inserted while a body streams are too late.
//! - Reading does not count as use: with `OnInactivity` both the stored expiry and the cookie's `Max-Age` run from
//!   the last *write*. `with_always_save(true)` would write, and send a cookie, with every request. Instead a
//!   middleware *inside* the layer calls [`touch`] before each handler: it modifies the session of somebody who is
//!   signed in at most once a minute, so people at work stay signed in and pages cost no writes.
//! - The defaults of the cookie are `HttpOnly`, `Secure`, `SameSite=Strict`, `Path=/` and the name `id`.
//! - `Session`'s own `Debug` shows the id, which is a secret: it must not be logged.
//! - Nobody deletes what has expired: call [`crate::SqliteSessionStore::delete_expired`] from time to time.

use std::{net::IpAddr, time::Duration};

use backup_api::Actor;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::{ConsoleError, Person, clock, membership::actor_person};

/// The person who signed in; [`crate::SqliteSessionStore`] copies it into a column.
pub(crate) const PERSON_ID: &str = "person_id";
/// When, in microseconds since 1970-01-01 00:00 UTC.
pub(crate) const SIGNED_IN_AT: &str = "signed_in_at";
/// When they were last seen, likewise.
pub(crate) const SEEN_AT: &str = "seen_at";
/// When they gave their password last, likewise.
const CONFIRMED_AT: &str = "confirmed_at";
/// The network address they signed in from.
pub(crate) const ADDRESS: &str = "address";
/// What their browser called itself.
pub(crate) const USER_AGENT: &str = "user_agent";

/// The last [`Refusal`].
const REFUSAL: &str = "refusal";

const REFUSALS_ARE_KEPT_FOR: Duration = Duration::from_mins(10);
pub(crate) const LONGEST: Duration = Duration::from_hours(30 * 24);
const SEEN_RECORDED_EVERY: Duration = Duration::from_mins(1);
/// How long a password that was given counts for what needs it anew.
const CONFIRMED_FOR: Duration = Duration::from_mins(10);
/// Characters of the browser's name that are kept: enough for any that is not made to fill the table.
const LONGEST_USER_AGENT: usize = 200;

/// Where somebody comes from: for the list of sessions, nothing is decided by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The network address, where it is known.
    pub address: Option<IpAddr>,
    /// What the browser calls itself, as sent.
    pub user_agent: Option<String>,
}

/// The proof that somebody who is signed in gave their password within the last ten minutes. What changes people, tokens
/// or what is there for good asks for it, so that no caller can forget to.
#[derive(Debug, Clone)]
pub struct Confirmed {
    actor: Actor,
    person_id: String,
}

impl Confirmed {
    /// Who confirmed.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The same, by the id of the person.
    pub fn person_id(&self) -> &str {
        &self.person_id
    }
}

/// Signs a person in who has just given their password. The session gets a new id and loses what it held: an id or a
/// value that somebody planted before is worth nothing afterwards.
pub async fn sign_in(session: &Session, person: &Person, origin: &Origin) -> Result<(), ConsoleError> {
    session.clear().await;
    session.cycle_id().await?;
    let now = clock::now();
    session.insert(PERSON_ID, &person.id).await?;
    session.insert(SIGNED_IN_AT, now).await?;
    session.insert(SEEN_AT, now).await?;
    session.insert(CONFIRMED_AT, now).await?;
    if let Some(address) = origin.address {
        session.insert(ADDRESS, address).await?;
    }
    if let Some(user_agent) = &origin.user_agent {
        let kept: String = user_agent.chars().take(LONGEST_USER_AGENT).collect();
        session.insert(USER_AGENT, kept).await?;
    }
    Ok(())
}

/// Ends the session, here and in the store.
pub async fn sign_out(session: &Session) -> Result<(), ConsoleError> {
    Ok(session.flush().await?)
}

/// Who is signed in. A session that cannot be read signs nobody in; the reason is logged.
pub async fn person_id(session: &Session) -> Option<String> {
    let person_id = value(session, PERSON_ID).await?;
    let signed_in_at: i64 = value(session, SIGNED_IN_AT).await?;
    (signed_in_at > clock::before(LONGEST)).then_some(person_id)
}

/// Records that the person of the session has just given their password; [`crate::Console::confirm`] judges it.
pub(crate) async fn confirm(session: &Session) -> Result<(), ConsoleError> {
    Ok(session.insert(CONFIRMED_AT, clock::now()).await?)
}

/// Whether the person of the session gave their password within the last ten minutes.
pub async fn is_confirmed(session: &Session) -> bool {
    let confirmed_at: Option<i64> = value(session, CONFIRMED_AT).await;
    person_id(session).await.is_some() && confirmed_at.is_some_and(|time| time > clock::before(CONFIRMED_FOR))
}

/// The proof of it for the person of the session, who asks as `actor`; [`ConsoleError::ConfirmationNeeded`] when it was
/// longer ago.
pub async fn confirmed(session: &Session, actor: &Actor) -> Result<Confirmed, ConsoleError> {
    let person_id = person_id(session).await.ok_or(ConsoleError::NotSignedIn)?;
    if actor_person(actor)? != person_id {
        return Err(ConsoleError::NotSignedIn);
    }
    if is_confirmed(session).await {
        let actor = actor.clone();
        Ok(Confirmed { actor, person_id })
    } else {
        Err(ConsoleError::ConfirmationNeeded)
    }
}

/// Keeps the session of somebody who is signed in from expiring; at most one write a minute. For everybody else it
/// does nothing.
pub async fn touch(session: &Session) -> Result<(), ConsoleError> {
    if person_id(session).await.is_none() {
        return Ok(());
    }
    let seen_at: Option<i64> = value(session, SEEN_AT).await;
    if seen_at.is_none_or(|time| time <= clock::before(SEEN_RECORDED_EVERY)) {
        session.insert(SEEN_AT, clock::now()).await?;
    }
    Ok(())
}

/// Why a form was refused. The address of the page that follows carries the code alone: anybody can write an address,
/// so sentences do not travel in one, and some of them name people.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    /// The path of the page that says it.
    page: String,
    code: String,
    sentence: String,
    at: i64,
}

/// Keeps why a form was refused, for ten minutes or until the next one.
pub async fn keep_refusal(
    session: &Session,
    page: &str,
    code: &str,
    sentence: &str,
) -> Result<(), ConsoleError> {
    let refusal = Refusal {
        page: page.to_owned(),
        code: code.to_owned(),
        sentence: sentence.to_owned(),
        at: clock::now(),
    };
    Ok(session.insert(REFUSAL, refusal).await?)
}

/// What was kept for a page and a code.
pub async fn kept_refusal(session: &Session, page: &str, code: &str) -> Option<String> {
    let refusal: Refusal = value(session, REFUSAL).await?;
    let is_meant = refusal.page == page && refusal.code == code;
    (is_meant && refusal.at > clock::before(REFUSALS_ARE_KEPT_FOR)).then_some(refusal.sentence)
}

async fn value<T: serde::de::DeserializeOwned>(session: &Session, key: &str) -> Option<T> {
    session.get(key).await.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a session could not be read"
        );
        None
    })
}
