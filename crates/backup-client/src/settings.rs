//! Where a service is and how it is asked.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use backup_api::EnvironmentId;
use reqwest::Url;
use secrecy::SecretString;

use crate::connection::LOOPBACK_DOMAIN;

/// The address of a service, without a slash at its end: `https://backup-lfrjoebloggs-prd.lfr.cloud`, or with the path
/// below which a console serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress {
    text: String,
    url: Url,
}

/// The text is no address of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(&'static str);

impl ServiceAddress {
    /// The address of one of the service's paths.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, with the port where that has to be written.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Whether everybody on the way could read what goes there: it is without https, and not to this machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        self.url.scheme() == "http" && !self.url.host_str().is_some_and(is_this_machine)
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for ServiceAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let url = Url::parse(text).map_err(|_| InvalidAddress("it is no address; write https://host"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(InvalidAddress(
                "it begins with https:// or http:// and names a host",
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidAddress(
                "it must hold no user name or password; credentials have places of their own",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidAddress(
                "it ends with its host or path, without `?` and `#`",
            ));
        }
        Ok(Self {
            text: url.as_str().trim_end_matches('/').to_owned(),
            url,
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    host == "localhost"
        || host.ends_with(LOOPBACK_DOMAIN)
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What says who asks. Prints nothing of it.
#[derive(Clone)]
pub enum Credentials {
    /// `Authorization: Basic`; services with single sign-on refuse it.
    Basic {
        /// An e-mail address.
        user: String,
        /// Its password.
        password: SecretString,
    },
    /// `dxpcloud-authorization: Bearer`: the token of a person.
    UserToken(SecretString),
    /// `Authorization: Bearer`: the master token of a project, which services of all ages take.
    MasterToken(SecretString),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Basic { .. } => "Credentials::Basic",
            Self::UserToken(_) => "Credentials::UserToken",
            Self::MasterToken(_) => "Credentials::MasterToken",
        })
    }
}

/// What a client is made with.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The environment that the service keeps backups for.
    pub environment: EnvironmentId,
    /// Where it answers.
    pub address: ServiceAddress,
    /// Who asks.
    pub credentials: Credentials,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long the service may be silent: before its answer begins, and between two pieces of it.
    pub read_timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_without_what_would_be_doubled() {
        for (text, kept) in [
            ("https://backup-a-b.lfr.cloud", "https://backup-a-b.lfr.cloud"),
            (
                "http://127.0.0.1:3000/services/a-b/",
                "http://127.0.0.1:3000/services/a-b",
            ),
        ] {
            assert_eq!(text.parse::<ServiceAddress>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_no_address_of_a_service_is_refused() {
        for text in [
            "",
            "backup-a-b.lfr.cloud",
            "ftp://a",
            "https://joe:secret@a",
            "https://a/?token=1",
            "https://a/#b",
        ] {
            assert!(text.parse::<ServiceAddress>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn only_https_and_this_machine_are_out_of_sight() {
        let readable = |text: &str| text.parse::<ServiceAddress>().unwrap().is_readable_on_the_way();
        for text in [
            "http://10.0.0.7:3001",
            "http://backup-a-b.lfr.cloud",
            "http://localhost.example.com",
            "http://[fd00::1]",
            "http://0.0.0.0",
        ] {
            assert!(readable(text), "{text}");
        }
        for text in [
            "https://10.0.0.7",
            "http://localhost:3001",
            "http://backup-a-b.localhost",
            "http://127.0.0.1:3001/services/a-b",
            "http://[::1]:3001",
        ] {
            assert!(!readable(text), "{text}");
        }
    }

    #[test]
    fn hosts_come_with_a_port_that_is_not_the_usual_one() {
        let host = |text: &str| text.parse::<ServiceAddress>().unwrap().host();
        assert_eq!(host("https://backup-a-b.lfr.cloud:443/"), "backup-a-b.lfr.cloud");
        assert_eq!(host("http://127.0.0.1:3001/services/a-b"), "127.0.0.1:3001");
    }

    #[test]
    fn credentials_do_not_print() {
        let credentials = Credentials::Basic {
            user: "joe@example.com".to_owned(),
            password: SecretString::from("se:cret"),
        };
        assert_eq!(format!("{credentials:?}"), "Credentials::Basic");
    }
}
