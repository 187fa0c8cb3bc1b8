//! The addresses that are shown to people.

use backup_api::{EnvironmentId, routes};

use crate::configuration::Network;

/// Where the console and the services are reached.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    console: String,
    service: ServiceAddress,
}

/// How a service is reached.
#[derive(Debug, Clone)]
enum ServiceAddress {
    /// Under a host name of its own.
    Host {
        scheme: &'static str,
        domain: String,
        port_suffix: String,
    },
    /// Below the console: the services have no names that other machines could find.
    Path { console_host: String },
}

impl Addresses {
    /// `port` is the one that is really listened on.
    pub(crate) fn new(network: &Network, port: u16) -> Self {
        let domain = network.service_domain.clone();
        let Some(public_url) = &network.public_url else {
            let port_suffix = if port == 80 {
                String::new()
            } else {
                format!(":{port}")
            };
            return Self {
                console: format!("http://localhost{port_suffix}"),
                service: ServiceAddress::Host {
                    scheme: "http",
                    domain,
                    port_suffix,
                },
            };
        };
        let port_suffix = public_url.port_suffix();
        let service = if domain == "localhost" {
            ServiceAddress::Path {
                console_host: format!("{}{port_suffix}", public_url.host),
            }
        } else {
            ServiceAddress::Host {
                scheme: "https",
                domain,
                port_suffix,
            }
        };
        Self {
            console: public_url.to_string(),
            service,
        }
    }

    /// The console's address, without a slash at its end.
    pub(crate) fn console(&self) -> &str {
        &self.console
    }

    /// The host of an environment's service, with its port where that has to be written.
    pub(crate) fn service_host(&self, environment: &EnvironmentId) -> String {
        match &self.service {
            ServiceAddress::Host {
                domain, port_suffix, ..
            } => {
                format!("{}{port_suffix}", environment.service_host(domain))
            }
            ServiceAddress::Path { console_host } => console_host.clone(),
        }
    }

    /// The address of an environment's service, without a slash at its end.
    pub(crate) fn service_url(&self, environment: &EnvironmentId) -> String {
        match &self.service {
            ServiceAddress::Host { scheme, .. } => format!("{scheme}://{}", self.service_host(environment)),
            ServiceAddress::Path { .. } => format!("{}{}/{environment}", self.console, routes::SERVICES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Configuration, Overrides, Purpose};

    fn shown(text: &str, port: u16) -> [String; 3] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("console.toml");
        std::fs::write(
            &file,
            format!("{text}\n[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n"),
        )
        .unwrap();
        let overrides = Overrides {
            file: Some(file),
            ..Overrides::default()
        };
        let configuration = Configuration::load(&overrides, Purpose::Serve).unwrap();
        let addresses = Addresses::new(&configuration.network, port);
        let environment = &configuration.projects[0].environments[0].id;
        [
            addresses.console().to_owned(),
            addresses.service_host(environment),
            addresses.service_url(environment),
        ]
    }

    #[test]
    fn on_one_machine_everything_is_below_localhost() {
        assert_eq!(
            shown("", 3000),
            [
                "http://localhost:3000",
                "backup-joe-prd.localhost:3000",
                "http://backup-joe-prd.localhost:3000"
            ]
        );
        assert_eq!(shown("", 80)[2], "http://backup-joe-prd.localhost");
    }

    #[test]
    fn behind_https_services_need_a_domain_to_have_names() {
        let url = "public_url = \"https://b.example:8443\"";
        assert_eq!(
            shown(url, 3000),
            [
                "https://b.example:8443",
                "b.example:8443",
                "https://b.example:8443/services/joe-prd"
            ]
        );
        assert_eq!(
            shown(&format!("{url}\nservice_domain = \"lfr.example\""), 3000)[1..],
            [
                "backup-joe-prd.lfr.example:8443",
                "https://backup-joe-prd.lfr.example:8443"
            ]
        );
    }
}
