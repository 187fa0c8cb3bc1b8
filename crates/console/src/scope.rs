//! What a role counts for: everything, a project, or one environment.

use std::{fmt, str::FromStr};

use backup_api::{EnvironmentId, ProjectName};

use crate::ConsoleError;

/// Names are labels of host names, so no project is called like this.
const EVERYTHING: &str = "*";
const SEPARATOR: char = '/';

/// What a role counts for. As text: `*`, `lfrjoebloggs`, `lfrjoebloggs/prd`; no name holds a `*` or a `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All projects, those to come as well, and the console itself.
    Everything,
    /// All environments of a project, those to come as well.
    Project(ProjectName),
    /// One environment.
    Environment(EnvironmentId),
}

impl Scope {
    /// Whether whatever lies in `other` lies in this one too.
    pub fn contains(&self, other: &Self) -> bool {
        match self {
            Self::Everything => true,
            Self::Project(project) => other.project() == Some(project),
            Self::Environment(_) => self == other,
        }
    }

    const fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Everything => None,
            Self::Project(project) => Some(project),
            Self::Environment(environment) => Some(&environment.project),
        }
    }

    /// As the tables hold it: project and environment, empty where it counts for all of them.
    pub(crate) fn columns(&self) -> (&str, &str) {
        match self {
            Self::Everything => ("", ""),
            Self::Project(project) => (project.as_str(), ""),
            Self::Environment(id) => (id.project.as_str(), id.environment.as_str()),
        }
    }

    pub(crate) fn from_columns(project: &str, environment: &str) -> Result<Self, ConsoleError> {
        if project.is_empty() {
            return Ok(Self::Everything);
        }
        let project = project.parse().map_err(ConsoleError::internal)?;
        if environment.is_empty() {
            return Ok(Self::Project(project));
        }
        let environment = environment.parse().map_err(ConsoleError::internal)?;
        Ok(Self::Environment(EnvironmentId::new(project, environment)))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => formatter.write_str(EVERYTHING),
            Self::Project(project) => write!(formatter, "{project}"),
            Self::Environment(id) => write!(formatter, "{}{SEPARATOR}{}", id.project, id.environment),
        }
    }
}

impl FromStr for Scope {
    type Err = ConsoleError;

    /// Refuses what no scope looks like as if there were no such environment.
    fn from_str(text: &str) -> Result<Self, ConsoleError> {
        if text == EVERYTHING {
            return Ok(Self::Everything);
        }
        let unknown = |_| ConsoleError::NoSuchEnvironment;
        match text.split_once(SEPARATOR) {
            None => text.parse().map(Self::Project).map_err(unknown),
            Some((project, environment)) => Ok(Self::Environment(EnvironmentId::new(
                project.parse().map_err(unknown)?,
                environment.parse().map_err(unknown)?,
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: [&str; 6] = ["*", "a", "b", "a/prd", "a/dev", "a-prd/x"];

    #[test]
    fn what_lies_in_what() {
        let inside = [
            ("*", vec!["*", "a", "b", "a/prd", "a/dev", "a-prd/x"]),
            ("a", vec!["a", "a/prd", "a/dev"]),
            ("b", vec!["b"]),
            ("a/prd", vec!["a/prd"]),
            ("a/dev", vec!["a/dev"]),
            ("a-prd/x", vec!["a-prd/x"]),
        ];
        for (outer, inner) in inside {
            let outer: Scope = outer.parse().unwrap();
            let found: Vec<_> = SCOPES
                .into_iter()
                .filter(|scope| outer.contains(&scope.parse().unwrap()))
                .collect();
            assert_eq!(found, inner, "{outer}");
        }
    }

    #[test]
    fn scopes_survive_texts_and_tables() {
        for text in SCOPES {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
            let (project, environment) = scope.columns();
            assert_eq!(Scope::from_columns(project, environment).unwrap(), scope);
        }
        for text in ["", "/", "a/", "/a", "a/b/c", "A", "a b", "**", "*/a", "a/*"] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }
}
