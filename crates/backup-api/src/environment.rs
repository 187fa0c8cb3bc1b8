//! Names of projects and environments.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The reason why a text is no name of a project or an environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a valid name: 1 to 40 lower-case letters, digits and single hyphens, starting and ending with a letter or digit"
)]
pub struct InvalidName {
    name: String,
}

fn is_label(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

macro_rules! label {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(
            feature = "schema",
            derive(schemars::JsonSchema),
            schemars(extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength" = 40))
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it stands in host names and paths.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_label(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName { name: text.to_owned() }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

label! {
    /// A project, such as `lfrjoebloggs`: a label of a host name.
    ProjectName
}

label! {
    /// An environment of a project, such as `prd`: a label of a host name.
    EnvironmentName
}

/// One environment of one project. Shown as `lfrjoebloggs-prd`; as both names may hold hyphens, that text is
/// compared with known environments and never taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvironmentId {
    /// The project it belongs to.
    pub project: ProjectName,
    /// Its name within the project.
    pub environment: EnvironmentName,
}

impl EnvironmentId {
    /// Puts two names together.
    pub const fn new(project: ProjectName, environment: EnvironmentName) -> Self {
        Self { project, environment }
    }

    /// The host name of its backup service below `domain`: `backup-lfrjoebloggs-prd.lfr.cloud`.
    pub fn service_host(&self, domain: &str) -> String {
        format!("backup-{self}.{domain}")
    }
}

impl fmt::Display for EnvironmentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.project, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_host_name_or_a_path_are_refused() {
        let too_long = "a".repeat(41);
        for text in [
            "",
            "-a",
            "a-",
            "a--b",
            "A",
            "a.b",
            "a/b",
            "ä",
            "a b",
            "..",
            too_long.as_str(),
        ] {
            assert!(text.parse::<ProjectName>().is_err(), "{text:?} was accepted");
        }
        for text in ["a", "lfrjoebloggs", "my-project", "3d"] {
            assert_eq!(text.parse::<ProjectName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn host_names_are_as_documented() {
        let environment = EnvironmentId::new("lfrjoebloggs".parse().unwrap(), "prd".parse().unwrap());
        assert_eq!(
            environment.service_host("lfr.cloud"),
            "backup-lfrjoebloggs-prd.lfr.cloud"
        );
    }
}
