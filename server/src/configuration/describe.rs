//! The configuration as it takes effect, for `check-config`: TOML again, without secrets.

use std::fmt;

use super::{Configuration, Environment, Project, ServiceElsewhere, values};

impl fmt::Display for Configuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = &self.network;
        writeln!(formatter, "listen = {}", quoted(network.listen))?;
        writeln!(formatter, "data = {}", quoted(self.data.display()))?;
        match &network.public_url {
            Some(url) => writeln!(formatter, "public_url = {}", quoted(url))?,
            None => writeln!(
                formatter,
                "# public_url is not set: people reach the console as http://localhost"
            )?,
        }
        writeln!(formatter, "hosts = {}", list(network.hosts.iter()))?;
        writeln!(formatter, "service_domain = {}", quoted(&network.service_domain))?;
        writeln!(
            formatter,
            "trusted_proxies = {}",
            list(network.proxies.trusted.iter())
        )?;
        writeln!(
            formatter,
            "client_address_header = {}",
            quoted(network.proxies.header.as_str())
        )?;
        match &self.metrics_token {
            Some((file, _)) => writeln!(formatter, "metrics_token_file = {}", quoted(file.display()))?,
            None => writeln!(
                formatter,
                "# metrics_token_file is not set: nobody is told metrics"
            )?,
        }

        writeln!(formatter, "\n[uploads]")?;
        writeln!(
            formatter,
            "largest_archive = \"{}\"",
            values::show_size(self.uploads.largest_archive)
        )?;
        writeln!(
            formatter,
            "smallest_free_space = \"{}\"",
            values::show_size(self.uploads.smallest_free_space)
        )?;
        writeln!(
            formatter,
            "idle_timeout = \"{}\"",
            values::show_duration(self.uploads.idle_timeout)
        )?;
        writeln!(
            formatter,
            "keep_unfinished = \"{}\"",
            values::show_duration(self.uploads.keep_unfinished)
        )?;
        writeln!(
            formatter,
            "largest_unfinished = \"{}\"",
            values::show_size(self.uploads.largest_unfinished)
        )?;
        let inspection = self.uploads.inspection;
        writeln!(
            formatter,
            "largest_expanded = \"{}\"",
            values::show_size(inspection.expanded_bytes)
        )?;
        writeln!(formatter, "largest_ratio = {}", inspection.ratio)?;
        writeln!(
            formatter,
            "ratio_counts_from = \"{}\"",
            values::show_size(inspection.ratio_counts_from)
        )?;
        writeln!(
            formatter,
            "largest_entry = \"{}\"",
            values::show_size(inspection.entry_bytes)
        )?;
        writeln!(formatter, "most_entries = {}", inspection.entries)?;

        writeln!(formatter, "\n[downloads]")?;
        writeln!(
            formatter,
            "idle_timeout = \"{}\"",
            values::show_duration(self.downloads.idle_timeout)
        )?;

        writeln!(formatter, "\n[sessions]")?;
        writeln!(
            formatter,
            "idle = \"{}\"",
            values::show_duration(self.sessions.idle)
        )?;

        writeln!(formatter, "\n[log]")?;
        writeln!(formatter, "format = \"{}\"", self.log.format.as_str())?;
        writeln!(formatter, "filter = {}", quoted(&self.log.filter))?;

        self.projects
            .iter()
            .try_for_each(|project| describe_project(project, formatter))
    }
}

fn describe_project(project: &Project, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(formatter, "\n[[projects]]")?;
    writeln!(formatter, "name = \"{}\"", project.name)?;
    writeln!(formatter, "sso = {}", project.single_sign_on)?;
    if let Some(file) = &project.master_token_file {
        writeln!(formatter, "master_token_file = {}", quoted(file.display()))?;
    }
    let names = |only_production: bool| {
        project
            .environments
            .iter()
            .filter(move |environment| environment.production || !only_production)
            .map(|environment| environment.id.environment.as_str())
    };
    writeln!(formatter, "environments = {}", list(names(false)))?;
    writeln!(formatter, "production = {}", list(names(true)))?;
    project
        .environments
        .iter()
        .filter_map(|environment| Some((environment, environment.elsewhere.as_ref()?)))
        .try_for_each(|(environment, service)| describe_service(environment, service, formatter))
}

fn describe_service(
    environment: &Environment,
    service: &ServiceElsewhere,
    formatter: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(formatter, "\n[[projects.services]]")?;
    writeln!(formatter, "environment = \"{}\"", environment.id.environment)?;
    writeln!(formatter, "url = {}", quoted(&service.url))?;
    writeln!(formatter, "plain_http = {}", service.plain_http)?;
    service
        .told_by
        .iter()
        .try_for_each(|(key, value)| writeln!(formatter, "{key} = {}", quoted(value)))
}

fn quoted(value: impl fmt::Display) -> toml::Value {
    toml::Value::String(value.to_string())
}

fn list(values: impl Iterator<Item = impl fmt::Display>) -> toml::Value {
    toml::Value::Array(values.map(quoted).collect())
}
