//! People, and how they prove with a password who they are.
//!
//! Nothing here tells an outsider whether an e-mail address is known: not the error, and not the time, because an
//! unknown address costs the same hash as a wrong password.

use std::{fmt, net::IpAddr};

use backup_api::{Activity, ActivityKind, Actor, RequestOrigin};
use database::sqlx::{Row, SqliteConnection, ValueRef, query, sqlite::SqliteRow};
use secrecy::SecretString;
use tower_sessions::Session;
use uuid::Uuid;

use crate::{
    Access, Console, ConsoleError, Role, RoleEntry, Scope, activities, authorisation, clock, passwords,
    session, sessions,
};

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
        Actor::new(format!("{ACTOR_PREFIX}{}", self.id), self.email.clone())
    }

    pub(crate) fn from_row(row: &SqliteRow) -> Result<Self, ConsoleError> {
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
    /// Inserts the person with their first role and closes the setup: whoever comes first is no longer the first.
    pub(crate) async fn insert(
        self,
        transaction: &mut SqliteConnection,
        first: &RoleEntry,
    ) -> Result<Person, ConsoleError> {
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
        write_role(transaction, &self.person.id, &first.scope, Some(first.role)).await?;
        query("DELETE FROM setup_tokens")
            .execute(&mut *transaction)
            .await?;
        Ok(self.person)
    }
}

/// What whoever is first, or made on the machine, is.
pub(crate) const OWNER_OF_EVERYTHING: RoleEntry = RoleEntry {
    scope: Scope::Everything,
    role: Role::Owner,
};

/// Writes what somebody is in a scope; `None` takes the entry away.
pub(crate) async fn write_role(
    transaction: &mut SqliteConnection,
    person_id: &str,
    scope: &Scope,
    role: Option<Role>,
) -> Result<(), ConsoleError> {
    let (project, environment) = scope.columns();
    query("DELETE FROM roles WHERE person_id = $1 AND project = $2 AND environment = $3")
        .bind(person_id)
        .bind(project)
        .bind(environment)
        .execute(&mut *transaction)
        .await?;
    if let Some(role) = role {
        query("INSERT INTO roles (person_id, project, environment, role) VALUES ($1, $2, $3, $4)")
            .bind(person_id)
            .bind(project)
            .bind(environment)
            .bind(role.as_str())
            .execute(&mut *transaction)
            .await?;
    }
    Ok(())
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
        let person = new.insert(&mut transaction, &OWNER_OF_EVERYTHING).await?;
        let activity = Activity::by(&activities::machine(), ActivityKind::CreatePerson);
        self.note(&mut transaction, activity.about(&person.email)).await?;
        transaction.commit().await?;
        tracing::info!(person.id = person.id, "an administrator was created");
        Ok(person)
    }

    /// Whose e-mail address and password these are. Wrong ones make those that come `from` there wait, and whoever
    /// has to wait is told so whatever the password is.
    pub async fn authenticate_password(
        &self,
        email: &str,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Person, ConsoleError> {
        Ok(self.verified(email, password, from).await?.0)
    }

    /// Takes the password of whoever is signed in anew, for what needs a [`crate::Confirmed`].
    pub async fn confirm(
        &self,
        session: &Session,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<(), ConsoleError> {
        self.with_password(session, password, from).await?;
        session::confirm(session).await
    }

    /// Gives whoever is signed in a new password, ends their other sessions and says how many these were. Their access
    /// tokens stay: they were made apart from the password and are ended apart from it.
    pub async fn change_password(
        &self,
        session: &Session,
        old: &SecretString,
        new: &SecretString,
        origin: RequestOrigin,
    ) -> Result<u64, ConsoleError> {
        let (person, before) = self.with_password(session, old, origin.address).await?;
        passwords::check(new, &person.email)?;
        let hash = self.passwords.hash(new).await?;

        let mut transaction = self.database.begin().await?;
        let changed = query(
            "UPDATE people SET password_hash = $1 \
             WHERE id = $2 AND password_hash = $3 AND disabled_at IS NULL",
        )
        .bind(hash)
        .bind(&person.id)
        .bind(before)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() != 1 {
            // Somebody else changed it meanwhile, so the old one is not the old one any more.
            return Err(ConsoleError::WrongCredentials);
        }
        let ended = sessions::end_sessions(&mut transaction, &person.id, session.id()).await?;
        let activity = Activity::by(&person.actor().with_origin(origin), ActivityKind::ChangePassword);
        self.note(&mut transaction, activity.about(&person.email)).await?;
        transaction.commit().await?;
        session::confirm(session).await?;
        tracing::info!(person.id = person.id, sessions = ended, "a password was changed");
        Ok(ended)
    }

    /// The person of the session and what is stored of their password, if it is this one.
    async fn with_password(
        &self,
        session: &Session,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<(Person, String), ConsoleError> {
        let id = session::person_id(session)
            .await
            .ok_or(ConsoleError::NotSignedIn)?;
        let person = self.person(&id).await?.ok_or(ConsoleError::NotSignedIn)?;
        self.verified(&person.email, password, from).await
    }

    async fn verified(
        &self,
        email: &str,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<(Person, String), ConsoleError> {
        let attempt = self.throttle.begin(email, from).await?;
        let row =
            query("SELECT id, email, password_hash FROM people WHERE email = $1 AND disabled_at IS NULL")
                .bind(folded(email))
                .fetch_optional(self.database.reader())
                .await?;
        let stored: Option<String> = row.as_ref().map(|row| row.try_get("password_hash")).transpose()?;
        let matches = self.passwords.matches(password, stored.clone()).await?;
        match (row, stored) {
            (Some(row), Some(stored)) if matches => {
                attempt.succeeded();
                Ok((Person::from_row(&row)?, stored))
            }
            _ => Err(ConsoleError::WrongCredentials),
        }
    }

    /// The person with an id, such as a session names; nobody who is disabled.
    pub async fn person(&self, id: &str) -> Result<Option<Person>, ConsoleError> {
        query("SELECT id, email FROM people WHERE id = $1 AND disabled_at IS NULL")
            .bind(id)
            .fetch_optional(self.database.reader())
            .await?
            .map(|row| Person::from_row(&row))
            .transpose()
    }

    /// Somebody who is signed in, by id, with what they may do as `origin` asks; both as they are now, in one question.
    /// `None`: there is nobody of that id, or they were disabled.
    pub async fn person_with_access(
        &self,
        id: &str,
        origin: RequestOrigin,
    ) -> Result<Option<(Person, Access)>, ConsoleError> {
        let rows = query(
            "SELECT people.id, people.email, roles.project, roles.environment, roles.role FROM people \
             LEFT JOIN roles ON roles.person_id = people.id WHERE people.id = $1 AND people.disabled_at IS NULL",
        )
        .bind(id)
        .fetch_all(self.database.reader())
        .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let person = Person::from_row(first)?;
        let entries = rows.iter().filter_map(|row| match row.try_get_raw("role") {
            Ok(role) if role.is_null() => None,
            _ => Some(authorisation::entry(row)),
        });
        let access = Access::of_person(
            person.actor().with_origin(origin),
            entries.collect::<Result<_, _>>()?,
        );
        Ok(Some((person, access)))
    }

    pub(crate) async fn person_by_email(&self, email: &str) -> Result<Option<Person>, ConsoleError> {
        query("SELECT id, email FROM people WHERE email = $1 AND disabled_at IS NULL")
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
pub(crate) fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Catches slips of the pen; whether mail arrives is not for us to say.
pub(crate) fn is_email(text: &str) -> bool {
    let well_formed = text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
    });
    // A colon would end the user name of `Authorization: Basic` too early.
    let plain = |character: char| !character.is_whitespace() && !character.is_control() && character != ':';
    well_formed && text.len() <= LONGEST_EMAIL_BYTES && text.chars().all(plain)
}
