//! Which site a host name stands for: the console, the backup service of one environment, or nothing of ours.
//!
//! Names are compared with the configured ones and never taken apart, because names of projects may hold hyphens.
//! Refusing every other name also keeps a page of a stranger, whose name was made to lead here, from talking to us.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header::HOST, uri::Authority},
};
use backup_api::EnvironmentId;

use crate::configuration::{Configuration, PublicUrl};

/// Whom a request is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site<'a> {
    /// The console.
    Console,
    /// The backup service of an environment.
    Service(&'a EnvironmentId),
    /// Nobody here.
    Unknown,
}

/// The names this process answers to.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    consoles: HashSet<String>,
    services: HashMap<String, EnvironmentId>,
    public_url: Option<PublicUrl>,
}

impl Hosts {
    /// From the configuration.
    pub(crate) fn new(configuration: &Configuration) -> Self {
        let network = &configuration.network;
        let public_host = network.public_url.as_ref().map(|url| url.host.clone());
        let kept_here = configuration
            .environments()
            .filter(|environment| environment.elsewhere.is_none());
        Self {
            consoles: network.hosts.iter().cloned().chain(public_host).collect(),
            services: kept_here
                .map(|environment| {
                    (
                        environment.id.service_host(&network.service_domain),
                        environment.id.clone(),
                    )
                })
                .collect(),
            public_url: network.public_url.clone(),
        }
    }

    /// Whom `authority` stands for, whatever its port: a container or a proxy may have changed that.
    pub(crate) fn site(&self, authority: Option<&Authority>) -> Site<'_> {
        let Some(name) = authority.map(host_name) else {
            return Site::Unknown;
        };
        match self.services.get(&name) {
            Some(environment) => Site::Service(environment),
            None if is_loopback(&name) || self.consoles.contains(&name) => Site::Console,
            None => Site::Unknown,
        }
    }

    /// Whether `origin`, as a browser states it, is the one that `authority` belongs to.
    pub(crate) fn is_own_origin(&self, origin: &str, authority: &Authority) -> bool {
        let Ok(origin) = origin.parse::<Uri>() else {
            return false;
        };
        let (Some(scheme), Some(stated)) = (origin.scheme_str(), origin.authority()) else {
            return false;
        };
        let default_port = match scheme {
            "https" => 443,
            // Only this machine's own names are ever served without https.
            "http" if !self.consoles.contains(&host_name(authority)) => 80,
            _ => return false,
        };
        host_name(stated) == host_name(authority)
            && stated.port_u16().unwrap_or(default_port) == authority.port_u16().unwrap_or(default_port)
    }

    /// Whether `origin` is one of the console's names, over plain http.
    pub(crate) fn lacks_https(&self, origin: &str) -> bool {
        origin.parse::<Uri>().is_ok_and(|origin| {
            origin.scheme_str() == Some("http")
                && origin
                    .authority()
                    .is_some_and(|stated| self.consoles.contains(&host_name(stated)))
        })
    }

    /// Where people reach the console over https.
    pub(crate) const fn public_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref()
    }

    /// The address a person should open instead of a name that is not known.
    pub(crate) fn address_to_open(&self, authority: Option<&Authority>) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None => match authority.and_then(Authority::port_u16) {
                Some(port) => format!("http://localhost:{port}"),
                None => "http://localhost".to_owned(),
            },
        }
    }
}

/// The host a request names: its own URI's where it has one, else the one `Host` header.
pub(crate) fn authority(request: &Request) -> Option<Authority> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => only_host_header(request.headers())?,
    };
    Some(authority).filter(|authority| !authority.as_str().contains('@'))
}

fn only_host_header(headers: &HeaderMap) -> Option<Authority> {
    let mut values = headers.get_all(HOST).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    value.to_str().ok()?.parse().ok()
}

fn host_name(authority: &Authority) -> String {
    authority.host().trim_end_matches('.').to_ascii_lowercase()
}

fn is_loopback(name: &str) -> bool {
    let address = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    name == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::configuration::{Overrides, Purpose};

    fn hosts(text: &str) -> Hosts {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("console.toml");
        let projects = "[[projects]]\nname = \"lfr-joe\"\nenvironments = [\"dev\", \"prd\"]\n";
        std::fs::write(&file, format!("{text}\n{projects}")).unwrap();
        let overrides = Overrides {
            file: Some(file),
            ..Overrides::default()
        };
        Hosts::new(&Configuration::load(&overrides, Purpose::Serve).unwrap())
    }

    fn site_of<'a>(hosts: &'a Hosts, name: &str) -> Site<'a> {
        hosts.site(name.parse().ok().as_ref())
    }

    #[test]
    fn names_of_others_are_unknown() {
        let hosts = hosts("");
        for name in [
            "example.com",
            "backups.localhost",
            "backup-lfr-joe-uat.localhost",
            "backup-lfr-joe-prd.localhost.example.com",
            "backup-lfr-joe-prd",
            "10.0.0.1:3000",
            "0.0.0.0:3000",
            "",
        ] {
            assert_eq!(site_of(&hosts, name), Site::Unknown, "{name}");
        }
        assert_eq!(hosts.site(None), Site::Unknown);
    }

    #[test]
    fn every_loopback_name_is_the_console() {
        let hosts = hosts("");
        for name in [
            "localhost",
            "LOCALHOST:3000",
            "localhost.",
            "127.0.0.1:3000",
            "127.1.2.3",
            "[::1]:3000",
        ] {
            assert_eq!(site_of(&hosts, name), Site::Console, "{name}");
        }
    }

    #[test]
    fn services_have_names_of_their_own() {
        let hosts = hosts(
            "service_domain = \"lfr.example\"\npublic_url = \"https://b.example\"\nhosts = [\"c.example\"]",
        );
        for name in [
            "backup-lfr-joe-prd.lfr.example",
            "BACKUP-lfr-joe-PRD.lfr.example:443",
        ] {
            let Site::Service(environment) = site_of(&hosts, name) else {
                panic!("{name}")
            };
            assert_eq!(environment.to_string(), "lfr-joe-prd");
        }
        assert_eq!(site_of(&hosts, "b.example"), Site::Console);
        assert_eq!(site_of(&hosts, "c.example:8443"), Site::Console);
        assert_eq!(site_of(&hosts, "backup-lfr-joe-prd.localhost"), Site::Unknown);
    }

    #[test]
    fn two_host_headers_name_nobody() {
        let request = |hosts: &[&str]| {
            let mut request = Request::new(Body::empty());
            for host in hosts {
                request.headers_mut().append(HOST, host.parse().unwrap());
            }
            request
        };
        assert_eq!(authority(&request(&["localhost", "example.com"])), None);
        assert_eq!(authority(&request(&["user@localhost"])), None);
        assert_eq!(authority(&request(&[])), None);
        assert_eq!(
            authority(&request(&["localhost:3000"])),
            Some(Authority::from_static("localhost:3000"))
        );
    }

    #[test]
    fn origins_are_compared_with_scheme_and_port() {
        let hosts = hosts("public_url = \"https://b.example\"");
        let own =
            |origin: &str, host: &'static str| hosts.is_own_origin(origin, &Authority::from_static(host));
        for (origin, host) in [
            ("http://localhost:3000", "localhost:3000"),
            ("http://localhost", "localhost:80"),
            ("https://b.example", "b.example"),
            ("https://b.example", "b.example:443"),
        ] {
            assert!(own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "localhost:3000"),
            ("", "localhost:3000"),
            ("http://localhost:3001", "localhost:3000"),
            ("http://127.0.0.1:3000", "localhost:3000"),
            ("http://b.example", "b.example"),
            ("https://c.b.example", "b.example"),
            ("https://b.example:8443", "b.example"),
            ("file://localhost", "localhost"),
        ] {
            assert!(!own(origin, host), "{origin} {host}");
        }
    }
}
