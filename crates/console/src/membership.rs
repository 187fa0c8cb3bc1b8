//! Who belongs here, and as what: for Owners.
//!
//! An Owner of a scope says who may do what in it; who is concerned elsewhere as well is the business of those who own
//! all of that. Each change is judged in the transaction that makes it, by what the tables say then: of two Owners who
//! take each other's role away at the same instant, one is refused. There is always somebody who owns everything and may
//! sign in.

use std::collections::BTreeMap;

use backup_api::{Activity, ActivityKind, Actor};
use database::{
    WriteTransaction,
    sqlx::{Row, SqliteConnection, query},
};
use jiff::Timestamp;

use crate::{
    Access, Confirmed, Console, ConsoleError, Invitation, Person, Role, RoleEntry, Scope, SessionSummary,
    authorisation::{entries_of, entry, owns},
    clock, people, sessions,
};

/// Somebody who belongs here, as an Owner sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: Person,
    /// Since when they cannot sign in; `None`: they can.
    pub disabled_at: Option<Timestamp>,
    /// When they came.
    pub created_at: Timestamp,
    /// What they are, from the widest scope to the narrowest.
    pub entries: Vec<RoleEntry>,
    /// Whether whoever asks may disable and remove them and end their sessions.
    pub managed: bool,
}

/// Who belongs to what an Owner owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// In the order of their e-mail addresses.
    pub members: Vec<Member>,
    /// Invitations that nobody has used yet, the newest first.
    pub invitations: Vec<Invitation>,
    /// What whoever asks may give roles for, from the widest scope to the narrowest.
    pub scopes: Vec<Scope>,
}

impl Console {
    /// Who belongs to what the actor owns; [`ConsoleError::OwnerNeeded`] for everybody who owns nothing.
    pub async fn membership(&self, actor: &Actor) -> Result<Membership, ConsoleError> {
        let access = self.owner(actor).await?;
        let owned: Vec<_> = access
            .entries()
            .iter()
            .filter(|entry| entry.role == Role::Owner)
            .collect();
        let concerns = |entry: &RoleEntry| owned.iter().any(|own| touch(&own.scope, &entry.scope));
        let mut members = self.members().await?;
        members.retain(|member| access.owns(&Scope::Everything) || member.entries.iter().any(concerns));
        for member in &mut members {
            member.managed = manages(access.entries(), &member.entries);
            // What they are elsewhere is not the business of whoever owns this.
            member.entries.retain(concerns);
        }
        let mut invitations = self.open_invitations().await?;
        invitations.retain(|invitation| access.owns(&invitation.entry.scope));
        Ok(Membership {
            members,
            invitations,
            scopes: self.scopes().filter(|scope| access.owns(scope)).collect(),
        })
    }

    /// One of the members that [`Self::membership`] lists; else [`ConsoleError::NoSuchPerson`].
    pub async fn member(&self, actor: &Actor, person_id: &str) -> Result<Member, ConsoleError> {
        let members = self.membership(actor).await?.members;
        members
            .into_iter()
            .find(|member| member.person.id == person_id)
            .ok_or(ConsoleError::NoSuchPerson)
    }

    /// The sessions of somebody whom the actor may disable.
    pub async fn sessions_of(
        &self,
        actor: &Actor,
        person_id: &str,
    ) -> Result<Vec<SessionSummary>, ConsoleError> {
        if self.member(actor, person_id).await?.managed {
            self.sessions_of_person(person_id, None).await
        } else {
            Err(ConsoleError::OwnerNeeded)
        }
    }

    /// Ends all sessions of somebody whom the actor may disable, and says how many.
    pub async fn end_sessions_of(&self, actor: &Actor, person_id: &str) -> Result<u64, ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let own = entries_of(&mut *transaction, actor_person(actor)?).await?;
        let email = judge_managing(&mut transaction, &own, person_id).await?;
        let ended = sessions::end_sessions(&mut transaction, person_id, None).await?;
        let activity = Activity::by(actor, ActivityKind::EndSession);
        self.note(&mut transaction, activity.about(email)).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Writes what somebody is; `None` takes an entry away. All of it or nothing.
    pub async fn change_roles(
        &self,
        confirmed: &Confirmed,
        person_id: &str,
        changes: &[(Scope, Option<Role>)],
    ) -> Result<(), ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let own = entries_of(&mut *transaction, confirmed.person_id()).await?;
        let (email, theirs) = stored(&mut transaction, person_id).await?;
        if !own.iter().any(|entry| entry.role == Role::Owner) {
            return Err(ConsoleError::OwnerNeeded);
        }
        for (scope, role) in changes {
            let before = theirs
                .iter()
                .find(|entry| &entry.scope == scope)
                .map(|entry| entry.role);
            if before == *role {
                continue;
            }
            if !may_change(&own, &theirs, scope) {
                return Err(ConsoleError::OwnerNeeded);
            }
            // An entry for what is not configured any more can be taken away, and nothing else.
            if role.is_some() && !self.scopes().any(|known| &known == scope) {
                return Err(ConsoleError::NoSuchEnvironment);
            }
            people::write_role(&mut transaction, person_id, scope, *role).await?;
            let role = role.map_or("no role of its own", Role::title);
            let activity = Activity::by(confirmed.actor(), ActivityKind::ChangeRole);
            let activity = activity.about(format!("{email}: {role} of {scope}"));
            self.note(&mut transaction, activity).await?;
        }
        commit_unless_nobody_owns_everything(transaction).await?;
        tracing::info!(
            person.id = person_id,
            changed_by = confirmed.person_id(),
            "roles were changed"
        );
        Ok(())
    }

    /// Keeps somebody out: their sessions and tokens end at once, and the invitations they made are void.
    pub async fn disable(&self, confirmed: &Confirmed, person_id: &str) -> Result<(), ConsoleError> {
        let kind = ActivityKind::DisablePerson;
        let mut transaction = self.managing(confirmed, person_id, kind).await?;
        query("UPDATE people SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL")
            .bind(clock::now())
            .bind(person_id)
            .execute(&mut *transaction)
            .await?;
        end_everything(&mut transaction, person_id).await?;
        commit_unless_nobody_owns_everything(transaction).await?;
        tracing::info!(
            person.id = person_id,
            changed_by = confirmed.person_id(),
            "a person was disabled"
        );
        Ok(())
    }

    /// Lets somebody sign in again; tokens have to be made anew.
    pub async fn enable(&self, confirmed: &Confirmed, person_id: &str) -> Result<(), ConsoleError> {
        let kind = ActivityKind::EnablePerson;
        let mut transaction = self.managing(confirmed, person_id, kind).await?;
        // A sign-in that was judged before and stored after they were disabled.
        end_everything(&mut transaction, person_id).await?;
        query("UPDATE people SET disabled_at = NULL WHERE id = $1")
            .bind(person_id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        tracing::info!(
            person.id = person_id,
            changed_by = confirmed.person_id(),
            "a person was enabled"
        );
        Ok(())
    }

    /// Removes somebody with their roles, sessions and tokens. What they did stays in the records under their name.
    pub async fn remove(&self, confirmed: &Confirmed, person_id: &str) -> Result<(), ConsoleError> {
        let kind = ActivityKind::RemovePerson;
        let mut transaction = self.managing(confirmed, person_id, kind).await?;
        query("DELETE FROM people WHERE id = $1")
            .bind(person_id)
            .execute(&mut *transaction)
            .await?;
        // Nobody can go on with these; their bytes expire as all unfinished uploads do.
        query("DELETE FROM draft_files WHERE actor_id = $1")
            .bind(format!("{}{person_id}", people::ACTOR_PREFIX))
            .execute(&mut *transaction)
            .await?;
        commit_unless_nobody_owns_everything(transaction).await?;
        tracing::info!(
            person.id = person_id,
            changed_by = confirmed.person_id(),
            "a person was removed"
        );
        Ok(())
    }

    /// All scopes there are, from the widest to the narrowest within each project.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let projects = self.projects().iter().flat_map(|project| {
            let environments = project.environments.iter();
            let environments = environments.map(|environment| Scope::Environment(environment.id.clone()));
            std::iter::once(Scope::Project(project.name.clone())).chain(environments)
        });
        std::iter::once(Scope::Everything).chain(projects)
    }

    /// What an actor may do who owns something.
    async fn owner(&self, actor: &Actor) -> Result<Access, ConsoleError> {
        let access = self.access(actor).await?;
        if access.owns_something() {
            Ok(access)
        } else {
            Err(ConsoleError::OwnerNeeded)
        }
    }

    /// Begins a transaction in which whoever confirmed changes the person as a whole, and notes it there.
    async fn managing(
        &self,
        confirmed: &Confirmed,
        person_id: &str,
        kind: ActivityKind,
    ) -> Result<WriteTransaction, ConsoleError> {
        let mut transaction = self.database.begin().await?;
        let own = entries_of(&mut *transaction, confirmed.person_id()).await?;
        let email = judge_managing(&mut transaction, &own, person_id).await?;
        let activity = Activity::by(confirmed.actor(), kind).about(email);
        self.note(&mut transaction, activity).await?;
        Ok(transaction)
    }

    async fn members(&self) -> Result<Vec<Member>, ConsoleError> {
        let mut entries: BTreeMap<String, Vec<RoleEntry>> = BTreeMap::new();
        let rows = query("SELECT person_id, project, environment, role FROM roles")
            .fetch_all(self.database.reader())
            .await?;
        for row in &rows {
            let person: String = row.try_get("person_id")?;
            entries.entry(person).or_default().push(entry(row)?);
        }
        let rows = query("SELECT id, email, disabled_at, created_at FROM people ORDER BY email")
            .fetch_all(self.database.reader())
            .await?;
        rows.iter()
            .map(|row| {
                let person = Person::from_row(row)?;
                let mut entries = entries.remove(&person.id).unwrap_or_default();
                entries.sort_by(|one, other| one.scope.cmp(&other.scope));
                Ok(Member {
                    person,
                    disabled_at: row
                        .try_get::<Option<i64>, _>("disabled_at")?
                        .map(clock::timestamp),
                    created_at: clock::timestamp(row.try_get("created_at")?),
                    entries,
                    managed: false,
                })
            })
            .collect()
    }
}

/// The id of the person behind an actor; programs manage nobody.
pub(crate) fn actor_person(actor: &Actor) -> Result<&str, ConsoleError> {
    match actor.access_token() {
        None => actor
            .id
            .strip_prefix(people::ACTOR_PREFIX)
            .ok_or(ConsoleError::OwnerNeeded),
        Some(_) => Err(ConsoleError::OwnerNeeded),
    }
}

/// Whether one scope lies in the other.
fn touch(one: &Scope, other: &Scope) -> bool {
    one.contains(other) || other.contains(one)
}

/// Whether somebody with the entries `own` may write what somebody with the entries `theirs` is in a scope: they own it,
/// and if the other owns more than that around it, they own as much.
fn may_change(own: &[RoleEntry], theirs: &[RoleEntry], scope: &Scope) -> bool {
    let weightier = theirs
        .iter()
        .filter(|entry| entry.role == Role::Owner && entry.scope.contains(scope));
    owns(own, scope) && weightier.into_iter().all(|entry| owns(own, &entry.scope))
}

/// Whether somebody may change a person as a whole: they own all that the person has to do with.
fn manages(own: &[RoleEntry], theirs: &[RoleEntry]) -> bool {
    if theirs.is_empty() {
        return owns(own, &Scope::Everything);
    }
    theirs.iter().all(|entry| owns(own, &entry.scope))
}

/// The e-mail address of a person whom somebody may change as a whole.
async fn judge_managing(
    transaction: &mut SqliteConnection,
    own: &[RoleEntry],
    person_id: &str,
) -> Result<String, ConsoleError> {
    let (email, theirs) = stored(transaction, person_id).await?;
    if manages(own, &theirs) {
        Ok(email)
    } else {
        Err(ConsoleError::OwnerNeeded)
    }
}

/// The e-mail address of a person and what they are, disabled or not; [`ConsoleError::NoSuchPerson`] where there is none.
async fn stored(
    transaction: &mut SqliteConnection,
    person_id: &str,
) -> Result<(String, Vec<RoleEntry>), ConsoleError> {
    let email = query("SELECT email FROM people WHERE id = $1")
        .bind(person_id)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(ConsoleError::NoSuchPerson)?
        .try_get("email")?;
    let entries = query("SELECT project, environment, role FROM roles WHERE person_id = $1")
        .bind(person_id)
        .fetch_all(&mut *transaction)
        .await?
        .iter()
        .map(entry)
        .collect::<Result<_, _>>()?;
    Ok((email, entries))
}

async fn end_everything(transaction: &mut SqliteConnection, person_id: &str) -> Result<(), ConsoleError> {
    sessions::end_sessions(transaction, person_id, None).await?;
    for sql in [
        "DELETE FROM access_tokens WHERE person_id = $1",
        "DELETE FROM invitations WHERE invited_by = $1",
    ] {
        query(sql).bind(person_id).execute(&mut *transaction).await?;
    }
    Ok(())
}

/// The one rule about everybody together.
async fn commit_unless_nobody_owns_everything(mut transaction: WriteTransaction) -> Result<(), ConsoleError> {
    let owners = query(
        "SELECT 1 FROM roles JOIN people ON people.id = roles.person_id \
         WHERE roles.project = '' AND roles.role = $1 AND people.disabled_at IS NULL",
    )
    .bind(Role::Owner.as_str())
    .fetch_optional(&mut *transaction)
    .await?;
    if owners.is_none() {
        return Err(ConsoleError::LastOwner);
    }
    Ok(transaction.commit().await?)
}
