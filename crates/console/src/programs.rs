//! Whoever calls a service without being a person: programs with the master token of a project.
//!
//! The token makes them an Owner of the project's environments who says nobody who may do what. A console that stands in
//! front of the services of another machine is such a program; it says for whom it asks, and only it is believed.

use std::{collections::HashMap, fmt, net::IpAddr, time::Instant};

use backup_api::{Actor, EnvironmentId, ProjectName};
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::{ConsoleError, secrets, throttle::Throttle};

const ACTOR_PREFIX: &str = "project:";
/// Bytes of the hash by which those are told apart for whom a program asks. Their names are e-mail addresses, which have
/// no place in keys that are logged.
const NAME_HASH_BYTES: usize = 8;

/// Whoever holds the master token of a project.
fn holder(project: &ProjectName) -> Actor {
    Actor::new(format!("{ACTOR_PREFIX}{project}"), "project master token")
}

/// The project whose master token an actor came with, for itself or for somebody else.
pub(crate) fn project_of(actor: &Actor) -> Option<ProjectName> {
    let key = actor.id.strip_prefix(ACTOR_PREFIX)?;
    let project = key.split_once('/').map_or(key, |(project, _)| project);
    project.parse().ok()
}

/// The actor to record where `actor` says that it asks for somebody called `name`. Whoever did not come with a master
/// token stays who they are, and nobody may more for it.
#[must_use]
pub fn on_behalf_of(actor: Actor, name: &str) -> Actor {
    let Some(project) = project_of(&actor) else {
        return actor;
    };
    let hash = secrets::sha256(&SecretString::from(name));
    let key = hex::encode(&hash[..NAME_HASH_BYTES]);
    Actor::new(format!("{ACTOR_PREFIX}{project}/{key}"), name).with_origin(actor.origin)
}

/// The master tokens of environments, as hashes; each environment knows its own.
#[derive(Clone, Default)]
pub(crate) struct MasterTokens(HashMap<EnvironmentId, [u8; 32]>);

impl fmt::Debug for MasterTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl MasterTokens {
    pub(crate) fn insert(&mut self, environment: EnvironmentId, token: &SecretString) {
        self.0.insert(environment, secrets::sha256(token));
    }

    /// The project whose master token this is, for calls to one of its environments.
    pub(crate) fn recognise(
        &self,
        environment: &EnvironmentId,
        token: &SecretString,
    ) -> Result<Actor, ConsoleError> {
        let configured = self.0.get(environment).ok_or(ConsoleError::NotSignedIn)?;
        // Hashes have one length, so not even the length of the configured token shows in the time.
        if bool::from(configured.ct_eq(&secrets::sha256(token))) {
            Ok(holder(&environment.project))
        } else {
            Err(ConsoleError::NotSignedIn)
        }
    }
}

/// Who may call services that stand alone: programs, and nobody else.
#[derive(Debug, Clone)]
pub struct Programs {
    tokens: MasterTokens,
    throttle: Throttle,
}

impl Programs {
    /// Those with the master tokens of these environments.
    pub fn new(tokens: impl IntoIterator<Item = (EnvironmentId, SecretString)>) -> Self {
        let mut known = MasterTokens::default();
        for (environment, token) in tokens {
            known.insert(environment, &token);
        }
        Self {
            tokens: known,
            throttle: Throttle::new(Instant::now),
        }
    }

    /// Whoever holds this token. Many wrong ones from one address have to wait; a right one never does.
    pub fn authenticate(
        &self,
        environment: &EnvironmentId,
        token: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Actor, ConsoleError> {
        self.tokens.recognise(environment, token).or_else(|error| {
            self.throttle.token_failed(from)?;
            Err(error)
        })
    }

    /// Whether the actor is at home in an environment; there it may do everything.
    pub fn is_of(&self, actor: &Actor, environment: &EnvironmentId) -> bool {
        project_of(actor).is_some_and(|project| project == environment.project)
    }
}

#[cfg(test)]
mod tests {
    use backup_api::RequestOrigin;

    use super::*;

    fn project() -> ProjectName {
        "lfrjoebloggs".parse().unwrap()
    }

    #[test]
    fn only_a_program_is_believed_when_it_says_for_whom_it_asks() {
        let believed = on_behalf_of(holder(&project()), "ann@example.com");
        assert_eq!(believed.name, "ann@example.com");
        assert_eq!(project_of(&believed), Some(project()));
        for person in [
            Actor::new("person:1", "joe@example.com"),
            Actor::new("person:1", "joe@example.com").with_access_token("7"),
            Actor::new("machine", "a command on the machine"),
        ] {
            assert_eq!(on_behalf_of(person.clone(), "ann@example.com"), person);
        }
    }

    #[test]
    fn two_people_are_two_actors_whose_keys_do_not_tell_their_names() {
        let [ann, joe] =
            ["ann@example.com", "joe@example.com"].map(|name| on_behalf_of(holder(&project()), name));
        assert_ne!(ann.id, joe.id);
        assert!(!ann.id.contains("ann"), "{}", ann.id);
        // What was said last counts, and nothing is said twice.
        assert_eq!(on_behalf_of(joe, "ann@example.com"), ann);
    }

    #[test]
    fn where_the_request_came_from_stays_known() {
        let origin = RequestOrigin {
            request_id: Some("one".to_owned()),
            ..RequestOrigin::default()
        };
        let program = holder(&project()).with_origin(origin.clone());
        assert_eq!(on_behalf_of(program, "ann@example.com").origin, origin);
    }
}
