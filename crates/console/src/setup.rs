//! The first administrator, who comes through a one-time link.
//!
//! The link is only good while nobody exists. It is used up in the transaction that creates the person, so of two
//! who open it at the same instant one becomes the administrator and the other is told that it is closed.

use std::time::Duration;

use database::sqlx::{Row, SqliteExecutor, query};
use secrecy::SecretString;

use crate::{Console, ConsoleError, Person, clock, people::OWNER_OF_EVERYTHING, secrets};

const PREFIX: &str = "bcs_";
const LIFETIME: Duration = Duration::from_hours(24);

impl Console {
    /// Whether nobody can sign in yet.
    pub async fn needs_setup(&self) -> Result<bool, ConsoleError> {
        nobody_exists(self.database.reader()).await
    }

    /// Makes the token of the one-time link, good for 24 hours; earlier ones end. Once somebody exists it is refused
    /// with [`ConsoleError::SetupClosed`].
    pub async fn issue_setup_token(&self) -> Result<SecretString, ConsoleError> {
        let token = secrets::random(PREFIX)?;
        let mut transaction = self.database.begin().await?;
        if !nobody_exists(&mut *transaction).await? {
            return Err(ConsoleError::SetupClosed);
        }
        query("DELETE FROM setup_tokens")
            .execute(&mut *transaction)
            .await?;
        query("INSERT INTO setup_tokens (hash, expires_at) VALUES ($1, $2)")
            .bind(secrets::hash(&token))
            .bind(clock::after(LIFETIME))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// Whether [`Self::set_up`] would take the token now; for the page that asks for the rest.
    pub async fn setup_token_is_valid(&self, token: &SecretString) -> Result<bool, ConsoleError> {
        let found = query("SELECT 1 FROM setup_tokens WHERE hash = $1 AND expires_at > $2")
            .bind(secrets::hash(token))
            .bind(clock::now())
            .fetch_optional(self.database.reader())
            .await?;
        Ok(found.is_some() && self.needs_setup().await?)
    }

    /// Makes the first administrator and uses the token up. A refused e-mail address or password leaves it usable.
    pub async fn set_up(
        &self,
        token: &SecretString,
        email: &str,
        password: &SecretString,
    ) -> Result<Person, ConsoleError> {
        // Before the password is hashed: who has no link gets no work done.
        if !self.setup_token_is_valid(token).await? {
            return Err(ConsoleError::SetupClosed);
        }
        let new = self.new_person(email, password).await?;

        let mut transaction = self.database.begin().await?;
        let used = query("DELETE FROM setup_tokens WHERE hash = $1 AND expires_at > $2")
            .bind(secrets::hash(token))
            .bind(clock::now())
            .execute(&mut *transaction)
            .await?;
        if used.rows_affected() != 1 || !nobody_exists(&mut *transaction).await? {
            return Err(ConsoleError::SetupClosed);
        }
        let person = new.insert(&mut transaction, &OWNER_OF_EVERYTHING).await?;
        transaction.commit().await?;
        tracing::info!(
            person.id = person.id,
            "the first administrator was created through the setup link"
        );
        Ok(person)
    }
}

async fn nobody_exists(executor: impl SqliteExecutor<'_>) -> Result<bool, ConsoleError> {
    let row = query("SELECT NOT EXISTS (SELECT 1 FROM people)")
        .fetch_one(executor)
        .await?;
    Ok(row.try_get(0)?)
}
