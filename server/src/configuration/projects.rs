//! Which projects and environments are served.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use backup_api::{EnvironmentId, EnvironmentName, ProjectName};
use secrecy::SecretString;

use super::{
    Network,
    elsewhere::{self, ServiceElsewhere},
    secret_files,
    section::{Findings, Section},
};

const NAME: &str = "\"lfrjoebloggs\"";
const ENVIRONMENTS: &str = "[\"dev\", \"uat\", \"prd\"]";
const PRODUCTION: &str = "[\"prd\"]";
const TOKEN_FILE: &str = "\"lfrjoebloggs.token\"";
/// The longest label a host name may have.
const LONGEST_LABEL: usize = 63;

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its name.
    pub(crate) name: ProjectName,
    /// What it consists of, in the order of the file.
    pub(crate) environments: Vec<Environment>,
    /// Opens the services of its environments to programs.
    pub(crate) master_token: Option<SecretString>,
    /// The file the token was read from.
    pub(crate) master_token_file: Option<PathBuf>,
    /// People sign in elsewhere: the API takes tokens, and no passwords.
    pub(crate) single_sign_on: bool,
}

/// An environment of a project.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    /// Its project and name.
    pub(crate) id: EnvironmentId,
    /// Whether people's live data are in it.
    pub(crate) production: bool,
    /// Its backup service, where that is not kept by this process.
    pub(crate) elsewhere: Option<ServiceElsewhere>,
}

/// The project that `--demo` brings.
pub(super) fn sample() -> Project {
    let name: ProjectName = "lfrjoebloggs".parse().expect("is a name");
    let environments = ["dev", "uat", "prd"].map(|environment| Environment {
        id: EnvironmentId::new(name.clone(), environment.parse().expect("is a name")),
        production: environment == "prd",
        elsewhere: None,
    });
    Project {
        name,
        environments: environments.into(),
        master_token: None,
        master_token_file: None,
        single_sign_on: false,
    }
}

pub(super) fn read(sections: Vec<Section<'_>>, folder: &Path, findings: &Findings) -> Vec<Project> {
    let mut projects: Vec<Project> = Vec::new();
    for mut section in sections {
        let key = section.name("name");
        let project = read_project(&mut section, folder);
        section.finish();
        let Some(project) = project else { continue };
        if projects.iter().any(|earlier| earlier.name == project.name) {
            let fault = format!("is \"{}\", which another project has already", project.name);
            findings.report(
                &key,
                fault,
                "one [[projects]] section with all environments of the project",
            );
        }
        projects.push(project);
    }
    projects
}

fn read_project(section: &mut Section<'_>, folder: &Path) -> Option<Project> {
    let name = section.text("name", NAME, |text| {
        text.parse::<ProjectName>().map_err(is_invalid)
    });
    let token_file = section.text("master_token_file", TOKEN_FILE, |text| {
        let file = folder.join(text);
        secret_files::token(&file).map(|token| (file, token))
    });
    let single_sign_on = section.flag("sso").unwrap_or(false);
    let names = section.texts("environments", ENVIRONMENTS, |text| {
        text.parse::<EnvironmentName>().map_err(is_invalid)
    });
    let production = section
        .texts("production", PRODUCTION, |text| Ok(text.to_owned()))
        .unwrap_or_default();

    if name.is_none() && !section.was_given("name") {
        section.report("name", "is missing", NAME);
    }
    let Some(names) = names else {
        if !section.was_given("environments") {
            section.report("environments", "is missing", ENVIRONMENTS);
        }
        elsewhere::read(section.sections("services"), &[], folder);
        return None;
    };
    if names.is_empty() {
        section.report("environments", "names no environment", ENVIRONMENTS);
    }
    for unknown in production
        .iter()
        .filter(|text| names.iter().all(|name| name.as_str() != text.as_str()))
    {
        let fault = format!("names \"{unknown}\", which is not among the environments");
        section.report("production", fault, PRODUCTION);
    }

    let mut elsewhere = elsewhere::read(section.sections("services"), &names, folder);
    let mut take = |name: &EnvironmentName| {
        let position = elsewhere
            .iter()
            .position(|(environment, _)| environment == name)?;
        Some(elsewhere.swap_remove(position).1)
    };

    let name = name?;
    let environments = names.into_iter().map(|environment| Environment {
        production: production.iter().any(|text| text == environment.as_str()),
        elsewhere: take(&environment),
        id: EnvironmentId::new(name.clone(), environment),
    });
    let environments = environments.collect();
    let (master_token_file, master_token) = token_file.unzip();
    Some(Project {
        name,
        environments,
        master_token,
        master_token_file,
        single_sign_on,
    })
}

fn is_invalid(error: backup_api::InvalidName) -> String {
    format!("is not usable: {error}")
}

/// What a process that serves the services alone could not do: nobody would ever get in, or there is nothing to serve.
pub(super) fn check_alone(projects: &[Project], findings: &Findings) {
    for (index, project) in projects.iter().enumerate() {
        let elsewhere = project
            .environments
            .iter()
            .filter_map(|environment| Some((environment, environment.elsewhere.as_ref()?)));
        for (environment, service) in elsewhere {
            let fault = format!(
                "says that the service of {} is at {}, and this command serves the environments of the file itself",
                environment.id, service.url
            );
            findings.report(
                &format!("projects[{index}].services"),
                fault,
                "that section in the file of the console only, and here the environments whose service this is",
            );
        }
        if project.master_token_file.is_none() {
            let fault = format!(
                "is missing: a service alone knows no people, so nobody could ever get into {}",
                project.name
            );
            findings.report(
                &format!("projects[{index}].master_token_file"),
                fault,
                format!("master_token_file = {TOKEN_FILE}"),
            );
        }
    }
}

/// Names that only clash when they are put together: what people see, and host names.
pub(super) fn check_names(projects: &[Project], network: &Network, findings: &Findings) {
    let mut shown: HashMap<String, &EnvironmentId> = HashMap::new();
    for environment in projects.iter().flat_map(|project| &project.environments) {
        let id = &environment.id;
        let name = id.to_string();
        let is_here = environment.elsewhere.is_none();
        let host = id.service_host(&network.service_domain);
        if is_here
            && host
                .split('.')
                .next()
                .is_some_and(|label| label.len() > LONGEST_LABEL)
        {
            let fault =
                format!("makes the host name {host}, whose first label is longer than {LONGEST_LABEL}");
            findings.report(
                "projects",
                fault,
                "shorter names of the project and the environment",
            );
        }
        let public_host = network.public_url.as_ref().map(|url| &url.host);
        if is_here
            && network
                .hosts
                .iter()
                .chain(public_host)
                .any(|console| *console == host)
        {
            let fault = format!("gives the console the name {host}, which is that of the service of {name}");
            findings.report("hosts", fault, "hosts = [\"backups.example.com\"]");
        }
        if let Some(other) = shown.insert(name.clone(), id) {
            let fault = if other == id {
                format!("names the environment {name} twice")
            } else {
                format!("has two environments that are both shown as {name}")
            };
            findings.report(
                "projects",
                fault,
                "environments whose names, put together, differ",
            );
        }
    }
}
