//! The file `~/.lcp` and the environment variables: every name that is read stands here.
//!
//! The file is only ever written by `login`, `logout` and, to remember which environment an id belongs to, `list`. It
//! holds tokens, so it is written for its owner alone.

use std::{
    env, fs,
    io::{self, ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use crate::{failure::Failure, ini::Ini};

/// The template of a service's address.
pub(crate) const URL_TEMPLATE: &str = "LCP_URL_TEMPLATE";
/// The project, where no flag names it.
pub(crate) const PROJECT: &str = "LCP_PROJECT";
/// The environment, likewise.
pub(crate) const ENVIRONMENT: &str = "LCP_ENVIRONMENT";
/// The token of a person.
pub(crate) const TOKEN: &str = "LCP_TOKEN";
/// The master token of a project.
pub(crate) const MASTER_TOKEN: &str = "LCP_PROJECT_MASTER_TOKEN";
/// An e-mail address, with its password beside it.
pub(crate) const USER: &str = "LCP_USER";
/// The password of that address.
pub(crate) const PASSWORD: &str = "LCP_PASSWORD";
/// Says that credentials may go over plain HTTP to other machines.
pub(crate) const PLAIN_HTTP: &str = "LCP_ALLOW_PLAIN_HTTP";

const FILE: &str = ".lcp";
const REMOTE: &str = "remote";
const REMEMBERED: &str = "environment";
const TOKEN_KEY: &str = "token";
const MASTER_TOKEN_KEY: &str = "master_token";

/// An environment variable, if it says something.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A token as it was kept, and what kind it is.
#[derive(Debug, Clone)]
pub(crate) struct KeptToken {
    pub(crate) token: SecretString,
    pub(crate) is_master: bool,
}

/// Where the backups of an environment are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) project: String,
    pub(crate) environment: String,
    pub(crate) address: String,
}

/// `~/.lcp`.
#[derive(Debug, Clone)]
pub(crate) struct Configuration {
    /// `None` where the process has no home.
    path: Option<PathBuf>,
    file: Ini,
}

impl Configuration {
    pub(crate) fn load() -> Result<Self, Failure> {
        let Some(path) = variable("HOME").map(|home| Path::new(&home).join(FILE)) else {
            return Ok(Self {
                path: None,
                file: Ini::default(),
            });
        };
        let file = match fs::read_to_string(&path) {
            Ok(text) => Ini::parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ini::default(),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        Ok(Self {
            path: Some(path),
            file,
        })
    }

    /// The token for a service: that of the narrowest domain that it lies in.
    pub(crate) fn token(&self, host: &str) -> Option<KeptToken> {
        let mut domains: Vec<_> = self
            .file
            .names(REMOTE)
            .filter(|domain| lies_in(host, domain))
            .collect();
        domains.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
        domains.into_iter().find_map(|domain| {
            let kept = |key, is_master| {
                let token = self.file.get(REMOTE, domain, key)?;
                Some(KeptToken {
                    token: token.into(),
                    is_master,
                })
            };
            kept(TOKEN_KEY, false).or_else(|| kept(MASTER_TOKEN_KEY, true))
        })
    }

    /// Keeps a token for a domain, instead of the one there was. Gives the file's name.
    pub(crate) fn keep_token(domain: &str, token: &str, is_master: bool) -> Result<PathBuf, Failure> {
        Self::change(|file| {
            file.remove(REMOTE, domain, TOKEN_KEY);
            file.remove(REMOTE, domain, MASTER_TOKEN_KEY);
            let key = if is_master { MASTER_TOKEN_KEY } else { TOKEN_KEY };
            file.set(REMOTE, domain, key, token);
        })
    }

    /// Forgets the tokens of a domain; says whether there were any.
    pub(crate) fn forget_token(domain: &str) -> Result<bool, Failure> {
        let mut found = false;
        Self::change(|file| {
            for key in [TOKEN_KEY, MASTER_TOKEN_KEY] {
                found |= file.remove(REMOTE, domain, key);
            }
        })?;
        Ok(found)
    }

    /// The environment that ids with this uid belong to.
    pub(crate) fn remembered(&self, uid: &str) -> Option<Remembered> {
        let value = |key| self.file.get(REMEMBERED, uid, key).map(str::to_owned);
        Some(Remembered {
            project: value("project")?,
            environment: value("environment")?,
            address: value("address")?,
        })
    }

    /// Remembers it.
    pub(crate) fn remember(&self, uid: &str, place: &Remembered) -> Result<(), Failure> {
        if self.remembered(uid).as_ref() == Some(place) {
            return Ok(());
        }
        Self::change(|file| {
            file.set(REMEMBERED, uid, "address", &place.address);
            file.set(REMEMBERED, uid, "environment", &place.environment);
            file.set(REMEMBERED, uid, "project", &place.project);
        })?;
        Ok(())
    }

    /// Changes what is in the file now, which may be more than what was loaded.
    fn change(change: impl FnOnce(&mut Ini)) -> Result<PathBuf, Failure> {
        let Self { path, mut file } = Self::load()?;
        let Some(path) = path else {
            return Err(Failure::Failed(
                "There is no HOME to keep ~/.lcp in. Set HOME, or give the token in LCP_TOKEN.".to_owned(),
            ));
        };
        // Where it is a link, what it points at is written.
        let path = fs::canonicalize(&path).unwrap_or(path);
        change(&mut file);
        write(&path, &file.to_text()).map_err(|error| Failure::file("write", &path, &error))?;
        Ok(path)
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Made for its owner alone.
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

/// Whether a host, with its port where that is written, is one of a domain. A port is part of the name: what listens at
/// another one is another service.
fn lies_in(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_in_their_domain() {
        for (host, domain, is_within) in [
            ("backup-acme-prd.lfr.cloud", "lfr.cloud", true),
            ("lfr.cloud", "lfr.cloud", true),
            ("evil-lfr.cloud", "lfr.cloud", false),
            ("lfr.cloud.evil.example", "lfr.cloud", false),
            ("backup-a-b.localhost:3000", "localhost:3000", true),
            ("backup-a-b.localhost:3001", "localhost:3000", false),
            ("backup-a-b.localhost:3000", "localhost", false),
        ] {
            assert_eq!(lies_in(host, domain), is_within, "{host} in {domain}");
        }
    }
}
