//! The environments the console stands in front of, with the service of each.
//!
//! Names come from the configuration; a text such as `lfrjoebloggs-prd` is compared with the known ones and never
//! taken apart, so two environments that would be shown alike are refused at the start.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use backup_api::{Action, Activity, Actor, ApiError, BackupApi, EnvironmentId, ProjectName};
use secrecy::{ExposeSecret, SecretString};

use crate::{Access, Console, ConsoleError, Role, programs::MasterTokens};

/// One environment, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub id: EnvironmentId,
    /// Whether it is the one that the business runs on.
    pub production: bool,
    /// The host name of its backup service, with the port where that is neither 80 nor 443.
    pub service_host: String,
    /// Where its backup service answers, as scripts need it.
    pub service_url: String,
}

/// A project and its environments, both in the order of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: ProjectName,
    /// At least one.
    pub environments: Vec<Environment>,
}

/// An environment with what it takes to reach it.
#[derive(Clone)]
pub struct EnvironmentSettings {
    /// The environment.
    pub environment: Environment,
    /// Its backup service.
    pub service: Arc<dyn BackupApi>,
    /// The token by which programs of the project are known; `None`: that way in is shut.
    pub master_token: Option<SecretString>,
}

impl fmt::Debug for EnvironmentSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EnvironmentSettings")
            .field("environment", &self.environment)
            .field("master_token", &self.master_token)
            .finish_non_exhaustive()
    }
}

/// What the console is told at its start.
#[derive(Debug, Clone)]
pub struct ConsoleSettings {
    /// All environments, in the order pages show them.
    pub environments: Vec<EnvironmentSettings>,
}

/// The environments, checked and ready for looking up.
pub(crate) struct Environments {
    projects: Vec<Project>,
    services: HashMap<EnvironmentId, Arc<dyn BackupApi>>,
    pub(crate) master_tokens: MasterTokens,
}

impl Environments {
    pub(crate) fn new(settings: ConsoleSettings) -> Result<Self, ConsoleError> {
        let mut projects: Vec<Project> = Vec::new();
        let mut services = HashMap::new();
        let mut master_tokens = MasterTokens::default();
        let mut shown = HashSet::new();
        for EnvironmentSettings {
            environment,
            service,
            master_token,
        } in settings.environments
        {
            let id = environment.id.clone();
            if !shown.insert(id.to_string()) {
                return Err(invalid(format!(
                    "Two environments are shown as `{id}`; rename one of them."
                )));
            }
            if service.environment() != &id {
                return Err(invalid(format!(
                    "The service of `{id}` says that it serves `{}`; correct its address.",
                    service.environment()
                )));
            }
            if master_token
                .as_ref()
                .is_some_and(|token| token.expose_secret().trim().is_empty())
            {
                return Err(invalid(format!(
                    "The master token of `{id}` is empty; set it or leave it out."
                )));
            }
            if let Some(token) = &master_token {
                master_tokens.insert(id.clone(), token);
            }
            match projects.iter_mut().find(|project| project.name == id.project) {
                Some(project) => project.environments.push(environment),
                None => projects.push(Project {
                    name: id.project.clone(),
                    environments: vec![environment],
                }),
            }
            services.insert(id, service);
        }
        Ok(Self {
            projects,
            services,
            master_tokens,
        })
    }

    pub(crate) fn service(&self, environment: &EnvironmentId) -> Result<&Arc<dyn BackupApi>, ConsoleError> {
        self.services
            .get(environment)
            .ok_or(ConsoleError::NoSuchEnvironment)
    }
}

fn invalid(reason: String) -> ConsoleError {
    ConsoleError::InvalidSettings { reason }
}

impl Console {
    /// All projects, in the order of the configuration.
    pub fn projects(&self) -> &[Project] {
        &self.environments.projects
    }

    /// The environment that is shown as `lfrjoebloggs-prd`, such as in the path of a page.
    pub fn environment(&self, shown: &str) -> Option<&Environment> {
        self.projects()
            .iter()
            .flat_map(|project| &project.environments)
            .find(|environment| environment.id.to_string() == shown)
    }

    /// The service of an environment, for whoever may do `action` there: the way for routes that stream. Whoever tries
    /// what they may not is recorded; looking is not worth it, because pages look wherever they may.
    pub async fn service_for(
        &self,
        actor: &Actor,
        environment: &EnvironmentId,
        action: Action,
    ) -> Result<Arc<dyn BackupApi>, ConsoleError> {
        let access = self.access(actor).await?;
        let entered = self.enter_with(&access, environment, action);
        let is_refused = match &entered {
            Err(ConsoleError::Api(ApiError::Forbidden { .. })) => true,
            // What strangers are told.
            Err(ConsoleError::NoSuchEnvironment) => self.environments.service(environment).is_ok(),
            _ => false,
        };
        if is_refused && action != Action::View {
            let tried = Activity::by(actor, action.into()).within(environment);
            self.record(tried.ended_with(&ApiError::Forbidden { action }));
        }
        Ok(entered?.1)
    }

    /// The same with what the actor is there, for what they were found to be allowed when their request came.
    pub(crate) fn enter_with(
        &self,
        access: &Access,
        environment: &EnvironmentId,
        action: Action,
    ) -> Result<(Role, Arc<dyn BackupApi>), ConsoleError> {
        let role = access.judge(environment, action)?;
        Ok((role, Arc::clone(self.environments.service(environment)?)))
    }
}
