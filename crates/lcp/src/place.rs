//! Which service is meant.
//!
//! Flags say so, or the id of a backup: its uid belongs to one environment, which `list` remembers. `--url` and
//! `LCP_URL_TEMPLATE` say where services are; without them they are where Liferay Cloud has them.

use backup_api::{BackupId, EnvironmentId, EnvironmentName, ProjectName};
use backup_client::ServiceAddress;

use crate::{
    command_line::ServiceArguments,
    configuration::{self, Configuration, Remembered, variable},
    failure::Failure,
};

const DEFAULT_TEMPLATE: &str = "https://backup-{project}-{environment}.lfr.cloud";
const PROJECT_FIELD: &str = "{project}";
const ENVIRONMENT_FIELD: &str = "{environment}";

/// A service, and the environment that it keeps backups for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) environment: EnvironmentId,
    pub(crate) address: ServiceAddress,
}

impl Place {
    /// `backup` is the id that the command is about, if it is about one.
    pub(crate) fn find(
        arguments: &ServiceArguments,
        backup: Option<&BackupId>,
        configuration: &Configuration,
    ) -> Result<Self, Failure> {
        let is_named = arguments.project.is_some() || arguments.url.is_some();
        if let (false, Some(id)) = (is_named, backup)
            && let Some(remembered) = configuration.remembered(uid(id))
        {
            return Self::of(&remembered);
        }
        let template = template(arguments);
        let is_template = template.contains(PROJECT_FIELD);
        let named = named(arguments)?;
        let environment = match (named, is_template) {
            (Some(environment), _) => environment,
            // The address says it.
            (None, false) => environment_of(&template).ok_or_else(|| missing(backup))?,
            (None, true) => return Err(missing(backup)),
        };
        let address = template
            .replace(PROJECT_FIELD, environment.project.as_str())
            .replace(ENVIRONMENT_FIELD, environment.environment.as_str());
        Ok(Self {
            address: parsed_address(&address)?,
            environment,
        })
    }

    fn of(remembered: &Remembered) -> Result<Self, Failure> {
        Ok(Self {
            environment: EnvironmentId::new(
                project(&remembered.project)?,
                environment(&remembered.environment)?,
            ),
            address: parsed_address(&remembered.address)?,
        })
    }

    /// What is remembered of it.
    pub(crate) fn to_remember(&self) -> Remembered {
        Remembered {
            project: self.environment.project.to_string(),
            environment: self.environment.environment.to_string(),
            address: self.address.to_string(),
        }
    }

    /// The name of its environment where one has to be typed.
    pub(crate) fn name(&self) -> String {
        self.environment.to_string()
    }
}

/// The uid of the environment that made a backup.
pub(crate) fn uid(id: &BackupId) -> &str {
    id.as_str().split('-').nth(1).unwrap_or_default()
}

/// Where services are: an address, or a template of one.
fn template(arguments: &ServiceArguments) -> String {
    arguments
        .url
        .clone()
        .or_else(|| variable(configuration::URL_TEMPLATE))
        .unwrap_or_else(|| DEFAULT_TEMPLATE.to_owned())
}

/// The domain that tokens are kept for: what the addresses of a template have in common, or one address' host.
pub(crate) fn domain(arguments: &ServiceArguments) -> Result<String, Failure> {
    let template = template(arguments);
    let address = template
        .replace(PROJECT_FIELD, "p")
        .replace(ENVIRONMENT_FIELD, "e");
    let host = parsed_address(&address)?.host();
    Ok(match host.strip_prefix("backup-p-e.") {
        Some(domain) => domain.to_owned(),
        None => host,
    })
}

fn named(arguments: &ServiceArguments) -> Result<Option<EnvironmentId>, Failure> {
    let name = match &arguments.project {
        Some(name) => Some(name.clone()),
        None => variable(configuration::PROJECT),
    };
    let Some(name) = name else { return Ok(None) };
    // A project that is named together with its environment has no use for the variable.
    let separate = match (&arguments.environment, &arguments.project) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(project)) if project.contains('-') => None,
        (None, _) => variable(configuration::ENVIRONMENT),
    };
    if let Some(separate) = separate {
        return Ok(Some(EnvironmentId::new(project(&name)?, environment(&separate)?)));
    }
    match name.rsplit_once('-') {
        Some((before, after)) => Ok(Some(EnvironmentId::new(project(before)?, environment(after)?))),
        None => Err(Failure::Usage(format!(
            "Which environment of {name}? Say it with -e, as in `-p {name} -e prd`, or say `-p {name}-prd`."
        ))),
    }
}

/// `backup-acme-prd.…` and `…/services/acme-prd` name an environment.
fn environment_of(address: &str) -> Option<EnvironmentId> {
    let address = address.trim_end_matches('/');
    let name = if let Some((_, name)) = address.rsplit_once("/services/") {
        name
    } else {
        let (_, rest) = address.split_once("://")?;
        rest.strip_prefix("backup-")?.split(['.', ':', '/']).next()?
    };
    let (project, environment) = name.rsplit_once('-')?;
    Some(EnvironmentId::new(
        project.parse().ok()?,
        environment.parse().ok()?,
    ))
}

fn project(name: &str) -> Result<ProjectName, Failure> {
    name.parse()
        .map_err(|error| Failure::Usage(format!("The project {error}.")))
}

fn environment(name: &str) -> Result<EnvironmentName, Failure> {
    name.parse()
        .map_err(|error| Failure::Usage(format!("The environment {error}.")))
}

fn parsed_address(text: &str) -> Result<ServiceAddress, Failure> {
    text.parse()
        .map_err(|error| Failure::Usage(format!("{text} is not the address of a backup service: {error}.")))
}

fn missing(backup: Option<&BackupId>) -> Failure {
    Failure::Usage(match backup {
        Some(id) => format!(
            "Which environment is {id} from? Name it with -p and -e. After `lcp backup list -p <project> -e \
             <environment>` ids from there are enough."
        ),
        None => "Which environment? Name it, as in `-p acme -e prd` or `-p acme-prd`.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(project: Option<&str>, environment: Option<&str>, url: Option<&str>) -> ServiceArguments {
        ServiceArguments {
            project: project.map(str::to_owned),
            environment: environment.map(str::to_owned),
            url: url.map(str::to_owned),
            token_stdin: false,
        }
    }

    #[test]
    fn environments_are_named_in_two_ways() {
        for (project, environment, name) in [
            ("acme", Some("prd"), "acme|prd"),
            ("acme-prd", None, "acme|prd"),
            ("joe-bloggs", Some("my-dev"), "joe-bloggs|my-dev"),
            ("joe-bloggs-dev", None, "joe-bloggs|dev"),
        ] {
            let found = named(&arguments(Some(project), environment, None))
                .unwrap()
                .unwrap();
            assert_eq!(format!("{}|{}", found.project, found.environment), name);
        }
    }

    #[test]
    fn addresses_say_which_environment_is_theirs() {
        for (address, name) in [
            ("https://backup-acme-prd.lfr.cloud", Some("acme-prd")),
            ("http://127.0.0.1:3000/services/acme-prd/", Some("acme-prd")),
            ("http://backup-a-b.localhost:3000", Some("a-b")),
            ("https://backups.example.com", None),
            ("https://backup-acme.lfr.cloud", None),
        ] {
            let found = environment_of(address).map(|environment| environment.to_string());
            assert_eq!(found.as_deref(), name, "{address}");
        }
    }

    #[test]
    fn tokens_are_kept_for_what_addresses_have_in_common() {
        for (url, expected) in [
            (None, "lfr.cloud"),
            (
                Some("http://backup-{project}-{environment}.localhost:3000"),
                "localhost:3000",
            ),
            (
                Some("http://127.0.0.1:3000/services/{project}-{environment}"),
                "127.0.0.1:3000",
            ),
            (
                Some("https://backup-acme-prd.lfr.cloud"),
                "backup-acme-prd.lfr.cloud",
            ),
        ] {
            assert_eq!(domain(&arguments(None, None, url)).unwrap(), expected);
        }
    }
}
