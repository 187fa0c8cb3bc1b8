//! Tokens for programs: those of people, and the master token of a project.

use std::time::Duration;

use backup_api::{Actor, EnvironmentId};
use database::sqlx::{Row, query};
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::{Console, ConsoleError, Person, authorisation, clock, secrets};

/// What the access token of a person begins with; 64 hexadecimal digits follow. Scanners for leaked secrets can look
/// for `bct_[0-9a-f]{64}`.
pub const ACCESS_TOKEN_PREFIX: &str = "bct_";

const LIFETIME: Duration = Duration::from_hours(365 * 24);
/// How old the record of the last use may get before it is written anew: a script that asks a hundred times a second
/// is no reason to write a hundred times.
const USE_RECORDED_EVERY: Duration = Duration::from_mins(1);

impl Console {
    /// Makes an access token for a person, good for 365 days. It is shown this once: only its hash is kept.
    pub async fn create_token(&self, email: &str) -> Result<SecretString, ConsoleError> {
        let person = self
            .person_by_email(email)
            .await?
            .ok_or(ConsoleError::NoSuchPerson)?;
        let token = secrets::random(ACCESS_TOKEN_PREFIX)?;
        let mut transaction = self.database.begin().await?;
        query("INSERT INTO access_tokens (hash, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(secrets::hash(&token))
            .bind(&person.id)
            .bind(clock::now())
            .bind(clock::after(LIFETIME))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        tracing::info!(person.id = person.id, "an access token was created");
        Ok(token)
    }

    /// Whose access token this is; [`ConsoleError::NotSignedIn`] when it is nobody's or has expired.
    pub async fn authenticate_token(&self, token: &SecretString) -> Result<Person, ConsoleError> {
        let hash = secrets::hash(token);
        let row = query(
            "SELECT people.id, people.email, access_tokens.last_used_at FROM access_tokens \
             JOIN people ON people.id = access_tokens.person_id \
             WHERE access_tokens.hash = $1 AND access_tokens.expires_at > $2",
        )
        .bind(&hash)
        .bind(clock::now())
        .fetch_optional(self.database.reader())
        .await?
        .ok_or(ConsoleError::NotSignedIn)?;
        let person = Person {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
        };

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
        Ok(person)
    }

    /// The project whose master token this is, for calls to one of its environments; each environment knows its own.
    #[expect(
        clippy::unused_async,
        reason = "callers treat all ways of signing in alike; the others wait"
    )]
    pub async fn authenticate_master_token(
        &self,
        environment: &EnvironmentId,
        token: &SecretString,
    ) -> Result<Actor, ConsoleError> {
        let configured = self
            .environments
            .master_token_hash(environment)?
            .ok_or(ConsoleError::NotSignedIn)?;
        // Hashes have one length, so not even the length of the configured token shows in the time.
        if bool::from(configured.ct_eq(&secrets::sha256(token))) {
            Ok(authorisation::project_actor(&environment.project))
        } else {
            Err(ConsoleError::NotSignedIn)
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
