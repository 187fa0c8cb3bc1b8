//! Who may do what: the one place that decides it.
//!
//! Pages, routes and the HTTP API of the embedded service all end in [`Console::authorise`] or ask the [`Access`] that
//! it asks. What somebody is stands in the table `roles`, for everything, for a project or for one environment; the most
//! specific entry counts, so that it can also take away. Nothing is remembered between two requests: a command beside
//! the server, or another page, may have changed the table. A page reads it once, as an [`Access`], and shows what that
//! allows; whatever changes something reads it at that moment.
//!
//! Whoever is nobody in an environment is told what they would be told if it did not exist.

use backup_api::{Action, Actor, ApiError, EnvironmentId};
use database::sqlx::{Row, SqliteExecutor, query, sqlite::SqliteRow};

use crate::{Console, ConsoleError, Project, Scope, TokenScope, people, programs, tokens};

/// What somebody is in an environment; the one that may more is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Answers for the project, and says who may do what.
    Owner,
    /// Looks after the environment.
    Administrator,
    /// Works on the project: may look and make backups, but neither takes data out nor puts data in.
    Contributor,
    /// May look.
    Guest,
}

impl Role {
    /// All roles, from the one that may most.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Administrator, Self::Contributor, Self::Guest];

    /// Whether the role includes the action.
    pub const fn allows(self, action: Action) -> bool {
        match self {
            Self::Owner => true,
            Self::Administrator => !matches!(action, Action::BreakLock),
            Self::Contributor => matches!(action, Action::View | Action::Create),
            Self::Guest => matches!(action, Action::View),
        }
    }

    /// As tables and forms hold it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::Contributor => "contributor",
            Self::Guest => "guest",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Administrator => "Administrator",
            Self::Contributor => "Contributor",
            Self::Guest => "Guest",
        }
    }
}

/// A role and what it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEntry {
    /// What it counts for.
    pub scope: Scope,
    /// The role.
    pub role: Role,
}

/// An actor, and what they may do at the moment it was asked for: for one page or one call, never longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    actor: Actor,
    entries: Vec<RoleEntry>,
    narrowed: Option<TokenScope>,
}

impl Access {
    /// Of somebody who is signed in, with the entries that were read with them.
    pub(crate) const fn of_person(actor: Actor, entries: Vec<RoleEntry>) -> Self {
        Self {
            actor,
            entries,
            narrowed: None,
        }
    }

    const fn none(actor: Actor) -> Self {
        Self::of_person(actor, Vec::new())
    }

    /// Whose it is.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What the actor is in an environment; `None`: a stranger. A token may allow less: see [`Self::allows`].
    pub fn role_in(&self, environment: &EnvironmentId) -> Option<Role> {
        if self
            .narrowed
            .as_ref()
            .is_some_and(|scope| !scope.covers(environment))
        {
            return None;
        }
        role_for(&self.entries, &Scope::Environment(environment.clone()))
    }

    /// Whether the actor may do it there.
    pub fn allows(&self, environment: &EnvironmentId, action: Action) -> bool {
        self.role_in(environment).is_some_and(|role| role.allows(action))
            && self.narrowed.as_ref().is_none_or(|scope| scope.allows(action))
    }

    /// Whether the actor says who may do what in the scope. Nobody does that with a token.
    pub fn owns(&self, scope: &Scope) -> bool {
        self.narrowed.is_none() && owns(&self.entries, scope)
    }

    /// Whether the actor says so anywhere.
    pub fn owns_something(&self) -> bool {
        self.narrowed.is_none() && self.entries.iter().any(|entry| entry.role == Role::Owner)
    }

    /// What the actor is, entry by entry.
    pub fn entries(&self) -> &[RoleEntry] {
        &self.entries
    }

    /// Answers what [`Console::authorise`] answers.
    pub(crate) fn judge(&self, environment: &EnvironmentId, action: Action) -> Result<Role, ConsoleError> {
        let role = self.role_in(environment).ok_or(ConsoleError::NoSuchEnvironment)?;
        if self.allows(environment, action) {
            Ok(role)
        } else {
            Err(ApiError::Forbidden { action }.into())
        }
    }
}

/// What somebody with these entries is in a scope: the most specific one counts.
pub(crate) fn role_for(entries: &[RoleEntry], scope: &Scope) -> Option<Role> {
    entries
        .iter()
        .filter(|entry| entry.scope.contains(scope))
        // Of two that contain the same scope, one contains the other: the inner one is the greater, see `Scope`.
        .max_by(|one, other| one.scope.cmp(&other.scope))
        .map(|entry| entry.role)
}

/// Whether somebody with these entries says who may do what in a scope. Owning what lies around it is enough, whatever
/// a more specific entry says: else the owner of a project could shut out the owner of everything.
pub(crate) fn owns(entries: &[RoleEntry], scope: &Scope) -> bool {
    entries
        .iter()
        .any(|entry| entry.role == Role::Owner && entry.scope.contains(scope))
}

/// The entries of a person who is not disabled.
pub(crate) async fn entries_of(
    executor: impl SqliteExecutor<'_>,
    person_id: &str,
) -> Result<Vec<RoleEntry>, ConsoleError> {
    query(
        "SELECT roles.project, roles.environment, roles.role FROM roles \
         JOIN people ON people.id = roles.person_id WHERE people.id = $1 AND people.disabled_at IS NULL",
    )
    .bind(person_id)
    .fetch_all(executor)
    .await?
    .iter()
    .map(entry)
    .collect()
}

/// Reads `project`, `environment` and `role` of a row.
pub(crate) fn entry(row: &SqliteRow) -> Result<RoleEntry, ConsoleError> {
    let role: String = row.try_get("role")?;
    Ok(RoleEntry {
        scope: Scope::from_columns(row.try_get("project")?, row.try_get("environment")?)?,
        role: Role::from_word(&role).ok_or_else(|| ConsoleError::internal(format!("`{role}` is no role")))?,
    })
}

impl Console {
    /// What an actor may do, read now.
    pub async fn access(&self, actor: &Actor) -> Result<Access, ConsoleError> {
        if let Some(project) = programs::project_of(actor) {
            let owner = RoleEntry {
                scope: Scope::Project(project),
                role: Role::Owner,
            };
            return Ok(Access {
                actor: actor.clone(),
                entries: vec![owner],
                // A program says nobody who may do what.
                narrowed: Some(TokenScope::default()),
            });
        }
        let Some(person_id) = actor.id.strip_prefix(people::ACTOR_PREFIX) else {
            return Ok(Access::none(actor.clone()));
        };
        let narrowed = match actor.access_token() {
            None => None,
            Some(token) => match tokens::scope_of(self.database.reader(), person_id, token).await? {
                Some(scope) => Some(scope),
                None => return Ok(Access::none(actor.clone())),
            },
        };
        let entries = entries_of(self.database.reader(), person_id).await?;
        Ok(Access {
            actor: actor.clone(),
            entries,
            narrowed,
        })
    }

    /// What an actor is in an environment; `None`: a stranger. An access token may allow less than the role does.
    pub async fn role_of(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
    ) -> Result<Option<Role>, ConsoleError> {
        Ok(self.access(actor).await?.role_in(environment))
    }

    /// Refuses whoever does not own everything: what concerns the console itself is for nobody else.
    pub async fn require_owner_of_everything(&self, actor: &Actor) -> Result<(), ConsoleError> {
        if self.access(actor).await?.owns(&Scope::Everything) {
            Ok(())
        } else {
            Err(ApiError::Forbidden {
                action: Action::Audit,
            }
            .into())
        }
    }

    /// What the actor is in an environment, where they may do `action` there; else [`ApiError::Forbidden`], and
    /// [`ConsoleError::NoSuchEnvironment`] for strangers.
    pub async fn authorise(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        action: Action,
    ) -> Result<Role, ConsoleError> {
        self.access(actor).await?.judge(environment, action)
    }

    /// The projects and environments that the actor may look at, in the order of the configuration.
    pub async fn projects_for(&self, actor: &Actor) -> Result<Vec<Project>, ConsoleError> {
        Ok(self.projects_with(&self.access(actor).await?))
    }

    /// The same for what an actor was found to be allowed a moment ago.
    pub fn projects_with(&self, access: &Access) -> Vec<Project> {
        let mut projects = self.projects().to_vec();
        for project in &mut projects {
            project
                .environments
                .retain(|environment| access.allows(&environment.id, Action::View));
        }
        projects.retain(|project| !project.environments.is_empty());
        projects
    }
}
