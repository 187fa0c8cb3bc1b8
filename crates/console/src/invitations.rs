//! How people come here: through a one-time link that an Owner gives them.
//!
//! The link is for one e-mail address and brings one role. It is used up in the transaction that gives the role, and is
//! worth nothing once whoever made it may not give that role any more. Whether somebody with the address exists already
//! shows neither to the Owner who invites nor on the page of the link: there the password is asked for, which is a new one
//! or theirs, and both are judged alike. Only those who see all people anyway are told.

use std::time::Duration;

use backup_api::{Activity, ActivityKind, ActivityOutcome, Actor, RequestOrigin};
use database::sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use jiff::Timestamp;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    Confirmed, Console, ConsoleError, Person, Role, RoleEntry, Scope,
    authorisation::{entries_of, entry, owns, role_for},
    clock,
    membership::actor_person,
    passwords, people, secrets,
};

const PREFIX: &str = "bci_";
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// An invitation that nobody has used yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Names it here; no secret.
    pub id: String,
    /// Whom it is for.
    pub email: String,
    /// What they will be.
    pub entry: RoleEntry,
    /// The e-mail address of whoever made it.
    pub invited_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Console {
    /// Makes the token of a link for `email`, good for seven days; an earlier one for the same scope ends. It is shown
    /// this once: only its hash is kept.
    pub async fn invite(
        &self,
        confirmed: &Confirmed,
        email: &str,
        scope: &Scope,
        role: Role,
    ) -> Result<SecretString, ConsoleError> {
        let email = people::folded(email);
        if !people::is_email(&email) {
            return Err(ConsoleError::InvalidEmail);
        }
        if !self.scopes().any(|known| &known == scope) {
            return Err(ConsoleError::NoSuchEnvironment);
        }
        let token = secrets::random(PREFIX)?;
        let mut transaction = self.database.begin().await?;
        let own = entries_of(&mut *transaction, confirmed.person_id()).await?;
        if !owns(&own, scope) {
            return Err(ConsoleError::OwnerNeeded);
        }
        if owns(&own, &Scope::Everything) && exists(&mut transaction, &email).await? {
            return Err(ConsoleError::EmailTaken);
        }
        let (project, environment) = scope.columns();
        query(
            "DELETE FROM invitations WHERE expires_at <= $4 \
             OR (email = $1 AND project = $2 AND environment = $3)",
        )
        .bind(&email)
        .bind(project)
        .bind(environment)
        .bind(clock::now())
        .execute(&mut *transaction)
        .await?;
        query(
            "INSERT INTO invitations \
             (hash, id, email, project, environment, role, invited_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(secrets::hash(&token))
        .bind(Uuid::now_v7().to_string())
        .bind(&email)
        .bind(project)
        .bind(environment)
        .bind(role.as_str())
        .bind(confirmed.person_id())
        .bind(clock::now())
        .bind(clock::after(LIFETIME))
        .execute(&mut *transaction)
        .await?;
        let activity = Activity::by(confirmed.actor(), ActivityKind::InvitePerson);
        let activity = activity.about(format!("{email}: {} of {scope}", role.title()));
        self.note(&mut transaction, activity).await?;
        transaction.commit().await?;
        tracing::info!(person.id = confirmed.person_id(), "an invitation was made");
        Ok(token)
    }

    /// Withdraws an invitation to something that the actor owns.
    pub async fn withdraw_invitation(&self, actor: &Actor, id: &str) -> Result<(), ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let own = entries_of(&mut *transaction, actor_person(actor)?).await?;
        let row = query("SELECT email, project, environment, role FROM invitations WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or(ConsoleError::NoSuchEntry)?;
        if !owns(&own, &entry(&row)?.scope) {
            return Err(ConsoleError::NoSuchEntry);
        }
        query("DELETE FROM invitations WHERE id = $1")
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        let email: String = row.try_get("email")?;
        let activity = Activity::by(actor, ActivityKind::InvitePerson).ended(ActivityOutcome::Cancelled);
        self.note(&mut transaction, activity.about(email)).await?;
        Ok(transaction.commit().await?)
    }

    /// What a link is for, while [`Self::accept_invitation`] would take its token.
    pub async fn invitation(&self, token: &SecretString) -> Result<Option<Invitation>, ConsoleError> {
        let mut connection = self.database.reader().acquire().await?;
        open_invitation(&mut connection, token).await
    }

    /// Makes the person whom the link is for with this password, or gives the role to whoever has the address and knows
    /// their own; uses the link up. Refused passwords leave it usable.
    pub async fn accept_invitation(
        &self,
        token: &SecretString,
        password: &SecretString,
        origin: RequestOrigin,
    ) -> Result<Person, ConsoleError> {
        // Before a password is hashed: who has no link gets no work done.
        let invitation = self
            .invitation(token)
            .await?
            .ok_or(ConsoleError::InvitationClosed)?;
        // For those who are here already as well: else this answer would tell that they are.
        passwords::check(password, &invitation.email)?;
        let mut connection = self.database.reader().acquire().await?;
        let known = exists(&mut connection, &invitation.email).await?;
        // Hashing takes its time; others read meanwhile.
        drop(connection);
        let (known, new) = if known {
            let person = self
                .authenticate_password(&invitation.email, password, origin.address)
                .await?;
            (Some(person), None)
        } else {
            (None, Some(self.new_person(&invitation.email, password).await?))
        };

        let mut transaction = self.database.begin().await?;
        let invitation = open_invitation(&mut transaction, token)
            .await?
            .ok_or(ConsoleError::InvitationClosed)?;
        query("DELETE FROM invitations WHERE id = $1")
            .bind(&invitation.id)
            .execute(&mut *transaction)
            .await?;
        let (person, kind) = match (known, new) {
            (Some(person), _) => {
                raise(&mut transaction, &person, &invitation.entry).await?;
                (person, ActivityKind::ChangeRole)
            }
            (None, Some(new)) => {
                let person = new.insert(&mut transaction, &invitation.entry).await?;
                (person, ActivityKind::CreatePerson)
            }
            (None, None) => return Err(ConsoleError::InvitationClosed),
        };
        let RoleEntry { scope, role } = &invitation.entry;
        let activity = Activity::by(&person.actor().with_origin(origin), kind);
        let activity = activity.about(format!("{}: {} of {scope}", person.email, role.title()));
        self.note(&mut transaction, activity).await?;
        transaction.commit().await?;
        tracing::info!(person.id = person.id, "an invitation was accepted");
        Ok(person)
    }

    pub(crate) async fn open_invitations(&self) -> Result<Vec<Invitation>, ConsoleError> {
        query(
            "SELECT invitations.id, invitations.email, project, environment, role, people.email AS invited_by, \
             expires_at FROM invitations JOIN people ON people.id = invitations.invited_by \
             WHERE expires_at > $1 ORDER BY invitations.created_at DESC",
        )
        .bind(clock::now())
        .fetch_all(self.database.reader())
        .await?
        .iter()
        .map(invitation)
        .collect()
    }
}

/// The invitation with a token, while whoever made it may still give its role.
async fn open_invitation(
    connection: &mut SqliteConnection,
    token: &SecretString,
) -> Result<Option<Invitation>, ConsoleError> {
    let row = query(
        "SELECT invitations.id, invitations.email, project, environment, role, people.email AS invited_by, \
         people.id AS inviter, expires_at FROM invitations JOIN people ON people.id = invitations.invited_by \
         WHERE hash = $1 AND expires_at > $2",
    )
    .bind(secrets::hash(token))
    .bind(clock::now())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let invitation = invitation(&row)?;
    let inviter = entries_of(&mut *connection, row.try_get("inviter")?).await?;
    Ok(owns(&inviter, &invitation.entry.scope).then_some(invitation))
}

fn invitation(row: &SqliteRow) -> Result<Invitation, ConsoleError> {
    Ok(Invitation {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        entry: entry(row)?,
        invited_by: row.try_get("invited_by")?,
        expires_at: clock::timestamp(row.try_get("expires_at")?),
    })
}

async fn exists(connection: &mut SqliteConnection, email: &str) -> Result<bool, ConsoleError> {
    let found = query("SELECT 1 FROM people WHERE email = $1")
        .bind(email)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Gives somebody the role unless they are as much already: an invitation never takes away.
async fn raise(
    transaction: &mut SqliteConnection,
    person: &Person,
    invited: &RoleEntry,
) -> Result<(), ConsoleError> {
    let entries = entries_of(&mut *transaction, &person.id).await?;
    let weightier = |role| role <= invited.role;
    if role_for(&entries, &invited.scope).is_some_and(weightier) {
        return Ok(());
    }
    people::write_role(transaction, &person.id, &invited.scope, Some(invited.role)).await
}
