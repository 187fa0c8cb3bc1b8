//! Who may do what: the one place that decides it.
//!
//! Pages, routes and the HTTP API of the embedded service all end in [`Console::authorise`]. For now every person is
//! an Owner everywhere; roles per environment come to [`Console::role_of`] and nowhere else.

use backup_api::{Action, Actor, ApiError, EnvironmentId, ProjectName};

use crate::{Console, ConsoleError, people};

const PROJECT_ACTOR_PREFIX: &str = "project:";

/// What somebody is in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Answers for the project.
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
}

/// Whoever holds the master token of a project.
pub(crate) fn project_actor(project: &ProjectName) -> Actor {
    Actor {
        id: format!("{PROJECT_ACTOR_PREFIX}{project}"),
        name: "project master token".to_owned(),
    }
}

impl Console {
    /// What an actor is in an environment; `None`: a stranger.
    pub fn role_of(&self, actor: &Actor, environment: &EnvironmentId) -> Option<Role> {
        let of_this_project = || {
            actor
                .id
                .strip_prefix(PROJECT_ACTOR_PREFIX)
                .is_some_and(|name| name == environment.project.as_str())
        };
        (actor.id.starts_with(people::ACTOR_PREFIX) || of_this_project()).then_some(Role::Owner)
    }

    /// What the actor is in an environment, where that includes `action`; else [`ApiError::Forbidden`].
    pub fn authorise(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        action: Action,
    ) -> Result<Role, ConsoleError> {
        self.role_of(actor, environment)
            .filter(|role| role.allows(action))
            .ok_or_else(|| ApiError::Forbidden { action }.into())
    }
}
