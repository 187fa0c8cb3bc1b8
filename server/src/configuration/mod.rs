//! What the console is told before it starts: one struct per concern, read and checked as a whole before a socket is
//! bound or a folder is touched.
//!
//! `backups-console.example.toml` beside this crate shows every key with its default; a test keeps it complete.

mod describe;
mod downloads;
mod elsewhere;
mod log;
mod network;
mod problem;
mod projects;
mod proxies;
mod secret_files;
mod section;
mod sessions;
mod uploads;
mod values;

use std::{
    fs,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use toml::Table;

pub(crate) use self::{
    downloads::Downloads,
    elsewhere::ServiceElsewhere,
    log::{Log, LogFormat},
    network::{Network, PublicUrl},
    problem::InvalidConfiguration,
    projects::{Environment, Project},
    proxies::{ForwardingHeader, Proxies},
    sessions::Sessions,
    uploads::Uploads,
};
use self::{
    problem::Problem,
    section::{Findings, Section},
};

const COMMAND_LINE: &str = "command line";

/// What the command line says about the configuration; it wins over the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// The file.
    pub(crate) file: Option<PathBuf>,
    /// The data folder.
    pub(crate) data: Option<PathBuf>,
    /// The address to listen on.
    pub(crate) listen: Option<String>,
    /// Bring the sample project.
    pub(crate) demo: bool,
}

/// What the configuration is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To serve: there must be something to serve.
    Serve,
    /// To serve the backup services alone: there is nobody but programs to let in.
    ServeServices,
    /// To administrate people in a data folder: projects may be missing.
    Administrate,
}

/// The whole configuration, checked.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The folder that holds the database and all archives.
    pub(crate) data: PathBuf,
    /// Addresses and names.
    pub(crate) network: Network,
    /// Limits of what is taken in.
    pub(crate) uploads: Uploads,
    /// Limits of what is handed out.
    pub(crate) downloads: Downloads,
    /// How long people stay signed in.
    pub(crate) sessions: Sessions,
    /// What is logged, and how.
    pub(crate) log: Log,
    /// What whoever asks for metrics has to show, and the file it is in; without it nobody is told.
    pub(crate) metrics_token: Option<(PathBuf, SecretString)>,
    /// What is served.
    pub(crate) projects: Vec<Project>,
    /// Whether the sample project came in, which also brings sample backups.
    pub(crate) demo: bool,
}

impl Configuration {
    /// Reads and checks everything; reports all problems at once.
    pub(crate) fn load(overrides: &Overrides, purpose: Purpose) -> Result<Self, InvalidConfiguration> {
        let place = overrides
            .file
            .as_ref()
            .map_or(COMMAND_LINE.to_owned(), |file| file.display().to_string());
        let findings = Findings::new(place);
        let folder = overrides
            .file
            .as_deref()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""))
            .to_owned();
        let table = match overrides.file.as_deref().map(read_table).transpose() {
            Ok(table) => table.unwrap_or_default(),
            Err(problem) => return Err(InvalidConfiguration(vec![problem])),
        };

        let mut root = Section::root(table, &findings);
        let network = network::read(&mut root, overrides.listen.as_deref(), purpose, &findings);
        let data = root.text("data", "\"./data\"", |text| match text {
            "" => Err("must be a folder, not an empty text".to_owned()),
            text => Ok(folder.join(text)),
        });
        let metrics_token = root.text("metrics_token_file", "\"metrics.token\"", |text| {
            let file = folder.join(text);
            secret_files::token(&file).map(|token| (file, token))
        });
        let uploads = uploads::read(root.section("uploads"));
        let downloads = downloads::read(root.section("downloads"));
        let sessions = sessions::read(root.section("sessions"));
        let log = log::read(root.section("log"));
        let has_projects = root.was_given("projects");
        let mut projects = projects::read(root.sections("projects"), &folder, &findings);
        root.finish();

        if overrides.demo && !has_projects {
            projects = vec![projects::sample()];
        } else if overrides.demo {
            findings.report_at(
                COMMAND_LINE,
                "--demo",
                "brings a project of its own and must not meet the [[projects]] of a file",
                "backups-console serve --demo",
            );
        }
        if projects.is_empty() && !has_projects && purpose != Purpose::Administrate {
            report_missing_projects(overrides, &findings);
        }
        projects::check_names(&projects, &network, &findings);
        // A token that could not be read was told of already.
        if purpose == Purpose::ServeServices && findings.is_empty() {
            projects::check_alone(&projects, &findings);
        }

        let problems = findings.into_problems();
        if !problems.is_empty() {
            return Err(InvalidConfiguration(problems));
        }
        Ok(Self {
            data: overrides
                .data
                .clone()
                .or(data)
                .unwrap_or_else(|| folder.join("./data")),
            network,
            uploads,
            downloads,
            sessions,
            log,
            metrics_token,
            projects,
            demo: overrides.demo,
        })
    }

    /// The environments of all projects, in the order of the file.
    pub(crate) fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.projects.iter().flat_map(|project| &project.environments)
    }
}

fn read_table(file: &Path) -> Result<Table, Problem> {
    let problem = |key: &str, fault: String, example: &str| Problem {
        place: file.display().to_string(),
        key: key.to_owned(),
        fault,
        example: example.to_owned(),
    };
    let text = fs::read_to_string(file).map_err(|error| {
        problem(
            "the file",
            format!("cannot be read: {error}"),
            "backups-console serve --config backups-console.toml",
        )
    })?;
    text.parse::<Table>().map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        problem(
            &format!("line {line}"),
            format!("is not TOML: {}", error.message()),
            "listen = \"127.0.0.1:3000\"",
        )
    })
}

fn report_missing_projects(overrides: &Overrides, findings: &Findings) {
    const EXAMPLE: &str = "\n\n    [[projects]]\n    name = \"lfrjoebloggs\"\n    environments = [\"dev\", \"uat\", \"prd\"]\n    production = [\"prd\"]\n";
    if overrides.file.is_some() {
        findings.report("projects", "is missing, so there is nothing to serve", EXAMPLE);
    } else {
        let fault = "is missing, so there is nothing to serve; name a configuration file with --config, \
                     or try the console with sample data: backups-console serve --demo. \
                     The file says which projects and environments there are";
        findings.report("--config", fault, EXAMPLE);
    }
}

#[cfg(test)]
mod tests;
