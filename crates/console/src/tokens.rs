//! Tokens for programs: those of people, and the master token of a project.
//!
//! A person's token acts for the person and can do at most what they may at that moment: its scope only takes away.
//! Some are bound to a session, for the cookie that scripts of the original console read; these live an hour and go
//! when the session does.

use std::{net::IpAddr, time::Duration};

use backup_api::{Action, Activity, ActivityKind, Actor, EnvironmentId};
use database::sqlx::{Row, SqliteConnection, SqliteExecutor, query, sqlite::SqliteRow};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;
use uuid::Uuid;

use crate::{
    Confirmed, Console, ConsoleError, Person, activities, authorisation, clock, membership::actor_person,
    secrets, session, sessions,
};

/// What the access token of a person begins with; 64 hexadecimal digits follow. Scanners for leaked secrets can look
/// for `bct_[0-9a-f]{64}`.
pub const ACCESS_TOKEN_PREFIX: &str = "bct_";
/// The longest a token may live, in days.
pub const LONGEST_TOKEN_DAYS: u16 = 365;
/// How long one lives when nothing else is asked for, in days.
pub const USUAL_TOKEN_DAYS: u16 = 90;

const LONGEST_NAME: usize = 100;
/// More than anybody keeps apart; a script that makes tokens without end is stopped here.
const MOST_TOKENS: i64 = 100;
const OF_A_SESSION: Duration = Duration::from_hours(1);
/// How old the record of the last use may get before it is written anew: a script that asks a hundred times a second
/// is no reason to write a hundred times.
const USE_RECORDED_EVERY: Duration = Duration::from_mins(1);

/// What a token may at most; `None` is whatever the person may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenScope {
    /// The environments it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<Vec<EnvironmentId>>,
    /// What it is for there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
}

impl TokenScope {
    /// Whether it is for the environment.
    pub fn covers(&self, environment: &EnvironmentId) -> bool {
        self.environments
            .as_ref()
            .is_none_or(|environments| environments.contains(environment))
    }

    /// Whether it is for the action.
    pub fn allows(&self, action: Action) -> bool {
        self.actions
            .as_ref()
            .is_none_or(|actions| actions.contains(&action))
    }
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for, in the person's own words.
    pub name: String,
    /// What it may.
    pub scope: TokenScope,
    /// How long, in days.
    pub days: u16,
}

/// A token as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Names it here; no secret.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it may.
    pub scope: TokenScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to a minute.
    pub last_used_at: Option<Timestamp>,
}

impl Console {
    /// Makes a token for whoever confirmed. It is shown this once: only its hash is kept.
    pub async fn create_access_token(
        &self,
        confirmed: &Confirmed,
        new: NewToken,
    ) -> Result<SecretString, ConsoleError> {
        let name = judged_name(&new.name)?;
        self.judge_scope(confirmed.person_id(), &new).await?;
        let insertion = Insertion {
            person_id: confirmed.person_id(),
            session: None,
            name,
            scope: &new.scope,
            lifetime: Duration::from_hours(24 * u64::from(new.days)),
        };
        let mut transaction = self.database.begin().await?;
        let token = insert_token(&mut transaction, insertion).await?;
        let activity = Activity::by(confirmed.actor(), ActivityKind::CreateToken);
        self.note(&mut transaction, activity.about(name)).await?;
        transaction.commit().await?;
        tracing::info!(person.id = confirmed.person_id(), "an access token was created");
        Ok(token)
    }

    /// Makes an access token for a person, good for 365 days; for commands on the machine itself, so it asks for no
    /// proof.
    pub async fn create_token(&self, email: &str) -> Result<SecretString, ConsoleError> {
        let person = self
            .person_by_email(email)
            .await?
            .ok_or(ConsoleError::UnknownEmail)?;
        let new = Insertion {
            person_id: &person.id,
            session: None,
            name: "made on the machine",
            scope: &TokenScope::default(),
            lifetime: Duration::from_hours(24 * u64::from(LONGEST_TOKEN_DAYS)),
        };
        let mut transaction = self.database.begin().await?;
        let token = insert_token(&mut transaction, new).await?;
        let activity = Activity::by(&activities::machine(), ActivityKind::CreateToken);
        self.note(&mut transaction, activity.about(&person.email)).await?;
        transaction.commit().await?;
        tracing::info!(person.id = person.id, "an access token was created");
        Ok(token)
    }

    /// Makes a token that lives an hour, and no longer than the session of the person who is signed in.
    pub async fn create_session_token(&self, session: &Session) -> Result<SecretString, ConsoleError> {
        let person_id = session::person_id(session)
            .await
            .ok_or(ConsoleError::NotSignedIn)?;
        // The token refers to the session, which of somebody who signs in just now is not stored yet.
        if session.is_modified() {
            session.save().await?;
        }
        let id = session.id().ok_or(ConsoleError::NotSignedIn)?;
        let insertion = Insertion {
            person_id: &person_id,
            session: Some(sessions::hash(id)),
            name: "session",
            scope: &TokenScope::default(),
            lifetime: OF_A_SESSION,
        };
        let mut transaction = self.database.begin().await?;
        let token = insert_token(&mut transaction, insertion).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// The tokens of a person that have not ended, the newest first; those of sessions are not among them.
    pub async fn access_tokens(&self, person: &Person) -> Result<Vec<AccessToken>, ConsoleError> {
        query(
            "SELECT id, name, scope, created_at, expires_at, last_used_at FROM access_tokens \
             WHERE person_id = $1 AND session_id_hash IS NULL AND expires_at > $2 ORDER BY created_at DESC",
        )
        .bind(&person.id)
        .bind(clock::now())
        .fetch_all(self.database.reader())
        .await?
        .iter()
        .map(access_token)
        .collect()
    }

    /// Ends one of the actor's own tokens.
    pub async fn revoke_token(&self, actor: &Actor, id: &str) -> Result<(), ConsoleError> {
        let person_id = actor_person(actor)?;
        let mut transaction = self.database.begin().await?;
        let ended = query(
            "DELETE FROM access_tokens WHERE id = $1 AND person_id = $2 AND session_id_hash IS NULL RETURNING name",
        )
        .bind(id)
        .bind(person_id)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(ConsoleError::NoSuchEntry)?;
        let name: String = ended.try_get("name")?;
        let activity = Activity::by(actor, ActivityKind::RevokeToken);
        self.note(&mut transaction, activity.about(name)).await?;
        transaction.commit().await?;
        tracing::info!(person.id = person_id, "an access token was revoked");
        Ok(())
    }

    /// Who calls a service with a token: a person, or the project whose master token it is. A wrong one counts against
    /// the address it came `from`; a right one is never refused for the wrong ones before, as nobody guesses it.
    pub async fn authenticate_bearer(
        &self,
        environment: &EnvironmentId,
        token: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Actor, ConsoleError> {
        let outcome = match self.authenticate_token(token).await {
            Err(ConsoleError::NotSignedIn) => self.authenticate_master_token(environment, token),
            outcome => outcome,
        };
        match outcome {
            Err(ConsoleError::NotSignedIn) => {
                self.throttle.token_failed(from)?;
                Err(ConsoleError::NotSignedIn)
            }
            outcome => outcome,
        }
    }

    /// Whose access token this is; [`ConsoleError::NotSignedIn`] when it is nobody's or has ended.
    pub async fn authenticate_token(&self, token: &SecretString) -> Result<Actor, ConsoleError> {
        let hash = secrets::hash(token);
        let row = query(
            "SELECT people.id, people.email, access_tokens.id AS token_id, access_tokens.last_used_at \
             FROM access_tokens JOIN people ON people.id = access_tokens.person_id \
             LEFT JOIN sessions ON sessions.id_hash = access_tokens.session_id_hash \
             WHERE access_tokens.hash = $1 AND access_tokens.expires_at > $2 AND people.disabled_at IS NULL \
             AND (access_tokens.session_id_hash IS NULL OR sessions.expires_at > $2)",
        )
        .bind(&hash)
        .bind(clock::now())
        .fetch_optional(self.database.reader())
        .await?
        .ok_or(ConsoleError::NotSignedIn)?;
        let person = Person::from_row(&row)?;

        let stale = clock::before(USE_RECORDED_EVERY);
        let last_used: Option<i64> = row.try_get("last_used_at")?;
        if last_used.is_none_or(|time| time <= stale)
            && let Err(error) = self.record_use(&hash, stale).await
        {
            // A full disk must not keep anybody from downloading.
            tracing::warn!(
                person.id = person.id,
                error = &error as &dyn std::error::Error,
                "the last use of an access token could not be recorded"
            );
        }
        let token_id: String = row.try_get("token_id")?;
        Ok(person.actor().with_access_token(token_id))
    }

    /// The project whose master token this is, for calls to one of its environments; each environment knows its own.
    pub fn authenticate_master_token(
        &self,
        environment: &EnvironmentId,
        token: &SecretString,
    ) -> Result<Actor, ConsoleError> {
        self.environments.service(environment)?;
        self.environments.master_tokens.recognise(environment, token)
    }

    /// A token is for what the person can see and do: what it could never be used for is a slip.
    async fn judge_scope(&self, person_id: &str, new: &NewToken) -> Result<(), ConsoleError> {
        if new.days == 0 || new.days > LONGEST_TOKEN_DAYS {
            return invalid("A token lives for 1 to 365 days. Choose a number of days in between.");
        }
        if new.scope.actions.as_ref().is_some_and(Vec::is_empty) {
            return invalid("The token would be good for nothing. Tick at least one thing it may do.");
        }
        let Some(environments) = &new.scope.environments else {
            return Ok(());
        };
        if environments.is_empty() {
            return invalid("The token would be good for nothing. Tick at least one environment.");
        }
        let entries = authorisation::entries_of(self.database.reader(), person_id).await?;
        let visible = environments
            .iter()
            .all(|id| authorisation::role_for(&entries, &crate::Scope::Environment(id.clone())).is_some());
        if visible {
            Ok(())
        } else {
            Err(ConsoleError::NoSuchEnvironment)
        }
    }

    async fn record_use(&self, hash: &str, stale: i64) -> Result<(), ConsoleError> {
        let mut transaction = self.database.begin().await?;
        query(
            "UPDATE access_tokens SET last_used_at = $1 \
             WHERE hash = $2 AND (last_used_at IS NULL OR last_used_at <= $3)",
        )
        .bind(clock::now())
        .bind(hash)
        .bind(stale)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Adds a token to those of a person.
async fn insert_token(
    transaction: &mut SqliteConnection,
    new: Insertion<'_>,
) -> Result<SecretString, ConsoleError> {
    let token = secrets::random(ACCESS_TOKEN_PREFIX)?;
    let scope = serde_json::to_string(new.scope).map_err(ConsoleError::internal)?;
    query("DELETE FROM access_tokens WHERE person_id = $1 AND expires_at <= $2")
        .bind(new.person_id)
        .bind(clock::now())
        .execute(&mut *transaction)
        .await?;
    let count: i64 =
        query("SELECT count(*) FROM access_tokens WHERE person_id = $1 AND session_id_hash IS NULL")
            .bind(new.person_id)
            .fetch_one(&mut *transaction)
            .await?
            .try_get(0)?;
    if new.session.is_none() && count >= MOST_TOKENS {
        return invalid("You have 100 tokens, which is as many as there can be. Revoke one first.");
    }
    // Whoever was disabled a moment ago gets none.
    let inserted = query(
        "INSERT INTO access_tokens (hash, id, person_id, session_id_hash, name, scope, created_at, expires_at) \
         SELECT $1, $2, id, $4, $5, $6, $7, $8 FROM people WHERE id = $3 AND disabled_at IS NULL",
    )
    .bind(secrets::hash(&token))
    .bind(Uuid::now_v7().to_string())
    .bind(new.person_id)
    .bind(new.session)
    .bind(new.name)
    .bind(scope)
    .bind(clock::now())
    .bind(clock::after(new.lifetime))
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() != 1 {
        return Err(ConsoleError::NoSuchPerson);
    }
    Ok(token)
}

struct Insertion<'a> {
    person_id: &'a str,
    session: Option<String>,
    name: &'a str,
    scope: &'a TokenScope,
    lifetime: Duration,
}

/// What a token of a person may, while it lasts.
pub(crate) async fn scope_of(
    executor: impl SqliteExecutor<'_>,
    person_id: &str,
    token_id: &str,
) -> Result<Option<TokenScope>, ConsoleError> {
    query(
        "SELECT access_tokens.scope FROM access_tokens \
         LEFT JOIN sessions ON sessions.id_hash = access_tokens.session_id_hash \
         WHERE access_tokens.id = $1 AND access_tokens.person_id = $2 AND access_tokens.expires_at > $3 \
         AND (access_tokens.session_id_hash IS NULL OR sessions.expires_at > $3)",
    )
    .bind(token_id)
    .bind(person_id)
    .bind(clock::now())
    .fetch_optional(executor)
    .await?
    .map(|row| scope(&row))
    .transpose()
}

fn access_token(row: &SqliteRow) -> Result<AccessToken, ConsoleError> {
    Ok(AccessToken {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scope: scope(row)?,
        created_at: clock::timestamp(row.try_get("created_at")?),
        expires_at: clock::timestamp(row.try_get("expires_at")?),
        last_used_at: row
            .try_get::<Option<i64>, _>("last_used_at")?
            .map(clock::timestamp),
    })
}

/// A scope that cannot be read allows nothing: the question fails.
fn scope(row: &SqliteRow) -> Result<TokenScope, ConsoleError> {
    serde_json::from_str(row.try_get("scope")?).map_err(ConsoleError::internal)
}

fn judged_name(name: &str) -> Result<&str, ConsoleError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return invalid("Give the token a name of at most 100 characters that says what it is for.");
    }
    Ok(name)
}

fn invalid<T>(reason: &'static str) -> Result<T, ConsoleError> {
    Err(ConsoleError::InvalidToken { reason })
}
