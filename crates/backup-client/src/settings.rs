//! Where a service is and how it is asked.

use std::{fmt, str::FromStr, time::Duration};

use backup_api::EnvironmentId;
use secrecy::SecretString;

/// The address of a service, without a slash at its end: `https://backup-lfrjoebloggs-prd.lfr.cloud`, or with the path
/// below which a console serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAddress(String);

/// The text is no address of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAddress(&'static str);

impl ServiceAddress {
    /// The address of one of the service's paths.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ServiceAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let url =
            reqwest::Url::parse(text).map_err(|_| InvalidAddress("it is no address; write https://host"))?;
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
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
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
    fn credentials_do_not_print() {
        let credentials = Credentials::Basic {
            user: "joe@example.com".to_owned(),
            password: SecretString::from("se:cret"),
        };
        assert_eq!(format!("{credentials:?}"), "Credentials::Basic");
    }
}
