//! People, and how they prove with a password who they are.
//!
//! Nothing here tells an outsider whether an e-mail address is known: not the error, and not the time, because an
//! unknown address costs the same hash as a wrong password.

use std::fmt;

use backup_api::Actor;
use database::sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{Console, ConsoleError, clock, passwords};

/// What an [`Actor::id`] of a person begins with.
pub(crate) const ACTOR_PREFIX: &str = "person:";

const LONGEST_EMAIL_BYTES: usize = 254;

/// Somebody who may sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// A UUID of version 7 as text; never changes and is never shown.
    pub id: String,
    /// Trimmed and in lower case.
    pub email: String,
}

impl Person {
    /// The person as the one who asks.
    pub fn actor(&self) -> Actor {
        Actor {
            id: format!("{ACTOR_PREFIX}{}", self.id),
            name: self.email.clone(),
        }
    }

    fn from_row(row: &SqliteRow) -> Result<Self, ConsoleError> {
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
        })
    }
}

/// Without the e-mail address, which has no place in a log.
impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Person")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What is needed to make a person: already judged and hashed, so that the transaction that inserts it is short.
pub(crate) struct NewPerson {
    person: Person,
    password_hash: String,
}

impl NewPerson {
    /// Inserts the person and closes the setup: whoever comes first is no longer the first.
    pub(crate) async fn insert(self, transaction: &mut SqliteConnection) -> Result<Person, ConsoleError> {
        query("INSERT INTO people (id, email, password_hash, created_at) VALUES ($1, $2, $3, $4)")
            .bind(&self.person.id)
            .bind(&self.person.email)
            .bind(&self.password_hash)
            .bind(clock::now())
            .execute(&mut *transaction)
            .await
            .map_err(|error| match error.as_database_error() {
                Some(refusal) if refusal.is_unique_violation() => ConsoleError::EmailTaken,
                _ => error.into(),
            })?;
        query("DELETE FROM setup_tokens")
            .execute(&mut *transaction)
            .await?;
        Ok(self.person)
    }
}

impl Console {
    /// Makes a person who owns everything; for commands on the machine itself, so it asks for no proof.
    pub async fn create_administrator(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<Person, ConsoleError> {
        let new = self.new_person(email, password).await?;
        let mut transaction = self.database.begin().await?;
        let person = new.insert(&mut transaction).await?;
        transaction.commit().await?;
        tracing::info!(person.id = person.id, "an administrator was created");
        Ok(person)
    }

    /// Whose e-mail address and password these are.
    pub async fn authenticate_password(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<Person, ConsoleError> {
        let row = query("SELECT id, email, password_hash FROM people WHERE email = $1")
            .bind(folded(email))
            .fetch_optional(self.database.reader())
            .await?;
        let stored = row.as_ref().map(|row| row.try_get("password_hash")).transpose()?;
        let matches = self.passwords.matches(password, stored).await?;
        match row {
            Some(row) if matches => Person::from_row(&row),
            _ => Err(ConsoleError::WrongCredentials),
        }
    }

    /// The person with an id, such as a session names.
    pub async fn person(&self, id: &str) -> Result<Option<Person>, ConsoleError> {
        query("SELECT id, email FROM people WHERE id = $1")
            .bind(id)
            .fetch_optional(self.database.reader())
            .await?
            .map(|row| Person::from_row(&row))
            .transpose()
    }

    pub(crate) async fn person_by_email(&self, email: &str) -> Result<Option<Person>, ConsoleError> {
        query("SELECT id, email FROM people WHERE email = $1")
            .bind(folded(email))
            .fetch_optional(self.database.reader())
            .await?
            .map(|row| Person::from_row(&row))
            .transpose()
    }

    pub(crate) async fn new_person(
        &self,
        email: &str,
        password: &SecretString,
    ) -> Result<NewPerson, ConsoleError> {
        let email = folded(email);
        if !is_email(&email) {
            return Err(ConsoleError::InvalidEmail);
        }
        passwords::check(password, &email)?;
        let password_hash = self.passwords.hash(password).await?;
        Ok(NewPerson {
            person: Person {
                id: Uuid::now_v7().to_string(),
                email,
            },
            password_hash,
        })
    }
}

/// The one form in which addresses are stored and looked up.
fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Catches slips of the pen; whether mail arrives is not for us to say.
fn is_email(text: &str) -> bool {
    let well_formed = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    });
    // A colon would end the user name of `Authorization: Basic` too early.
    let plain = |character: char| !character.is_whitespace() && !character.is_control() && character != ':';
    well_formed && text.len() <= LONGEST_EMAIL_BYTES && text.chars().all(plain)
}
