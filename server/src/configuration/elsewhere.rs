//! Environments whose backup service is another process, on this machine or another: where it is and who asks it.

use std::path::{Path, PathBuf};

use backup_api::EnvironmentName;
use backup_client::{Credentials, ServiceAddress};

use super::{secret_files, section::Section};

const ENVIRONMENT: &str = "\"prd\"";
const URL: &str = "\"https://backup-lfrjoebloggs-prd.lfr.cloud\"";
const MASTER_TOKEN_FILE: &str = "\"lfrjoebloggs.token\"";
const USER_TOKEN_FILE: &str = "\"joe.token\"";
const USER: &str = "\"joe@example.com\"";
const PASSWORD_FILE: &str = "\"joe.password\"";
/// The ways to say who asks, as they are named in sentences.
const WAYS: &str = "master_token_file, user_token_file, or user with password_file";

/// The service of an environment that is not kept here.
#[derive(Debug, Clone)]
pub(crate) struct ServiceElsewhere {
    /// Where it answers.
    pub(crate) url: ServiceAddress,
    /// Whether it was said that credentials may go there for everybody on the way to read.
    pub(crate) plain_http: bool,
    /// Who asks.
    pub(crate) credentials: Credentials,
    /// The keys of the file that say so.
    pub(super) told_by: Vec<(&'static str, String)>,
}

/// The services of a project that are elsewhere, each with the environment it is for.
pub(super) fn read(
    sections: Vec<Section<'_>>,
    environments: &[EnvironmentName],
    folder: &Path,
) -> Vec<(EnvironmentName, ServiceElsewhere)> {
    let mut services: Vec<(EnvironmentName, ServiceElsewhere)> = Vec::new();
    for mut section in sections {
        let environment = environment(&mut section, environments);
        let service = service(&mut section, folder);
        if let Some(twice) = environment
            .as_ref()
            .filter(|name| services.iter().any(|(earlier, _)| earlier == *name))
        {
            let fault = format!("is \"{twice}\", for which another section names a service already");
            section.report("environment", fault, ENVIRONMENT);
        }
        section.finish();
        services.extend(environment.zip(service));
    }
    services
}

fn environment(section: &mut Section<'_>, environments: &[EnvironmentName]) -> Option<EnvironmentName> {
    if !section.was_given("environment") {
        section.report("environment", "is missing", ENVIRONMENT);
    }
    section.text("environment", ENVIRONMENT, |text| {
        let known = environments.iter().find(|name| name.as_str() == text);
        known
            .cloned()
            .ok_or_else(|| format!("is \"{text}\", which is not among the environments of the project"))
    })
}

fn service(section: &mut Section<'_>, folder: &Path) -> Option<ServiceElsewhere> {
    if !section.was_given("url") {
        section.report("url", "is missing", URL);
    }
    let url = section.text("url", URL, |text| {
        text.parse::<ServiceAddress>()
            .map_err(|error| format!("is \"{text}\", and that cannot be: {error}"))
    });
    let plain_http = section.flag("plain_http").unwrap_or(false);
    if let Some(url) = url
        .as_ref()
        .filter(|url| url.is_readable_on_the_way() && !plain_http)
    {
        let fault = format!(
            "is {url}, where credentials and backups would go in clear for everybody on the way; use https, or say \
             plain_http = true where nobody else is on that network"
        );
        section.report("url", fault, URL);
    }
    let (credentials, told_by) = credentials(section, folder)?;
    Some(ServiceElsewhere {
        url: url?,
        plain_http,
        credentials,
        told_by,
    })
}

type Told = (Credentials, Vec<(&'static str, String)>);

/// Exactly one of three ways to say who asks.
fn credentials(section: &mut Section<'_>, folder: &Path) -> Option<Told> {
    let ways = ["master_token_file", "user_token_file", "user"];
    let given: Vec<_> = ways.into_iter().filter(|key| section.was_given(key)).collect();
    let file = |text: &str| -> PathBuf { folder.join(text) };
    let shown = |path: &Path| path.display().to_string();

    let master_token = section.text("master_token_file", MASTER_TOKEN_FILE, |text| {
        Ok((secret_files::token(&file(text))?, shown(&file(text))))
    });
    let user_token = section.text("user_token_file", USER_TOKEN_FILE, |text| {
        Ok((secret_files::token(&file(text))?, shown(&file(text))))
    });
    let user = section.text("user", USER, |text| match text {
        "" => Err("must be an e-mail address, not an empty text".to_owned()),
        text if text.contains(':') => Err(format!("must hold no colon, as \"{text}\" does")),
        text => Ok(text.to_owned()),
    });
    let password = section.text("password_file", PASSWORD_FILE, |text| {
        Ok((secret_files::password(&file(text))?, shown(&file(text))))
    });

    let (has_user, has_password) = (section.was_given("user"), section.was_given("password_file"));
    match given.as_slice() {
        [] if has_password => section.report("user", "is missing beside password_file", USER),
        [] => {
            let fault = format!("is missing: the service wants to know who asks; name one of {WAYS}");
            section.report("master_token_file", fault, MASTER_TOKEN_FILE);
        }
        ["user"] if !has_password => {
            section.report("password_file", "is missing beside user", PASSWORD_FILE);
        }
        [_] if has_password && !has_user => {
            section.report(
                "password_file",
                "belongs to user, which is missing",
                PASSWORD_FILE,
            );
        }
        [_] => {}
        [first, second, ..] => {
            let fault = format!("stands beside {first}; keep one of {WAYS}");
            let example = if *second == "user" { USER } else { USER_TOKEN_FILE };
            section.report(second, fault, example);
        }
    }
    if let Some((token, path)) = master_token {
        return Some((Credentials::MasterToken(token), vec![("master_token_file", path)]));
    }
    if let Some((token, path)) = user_token {
        return Some((Credentials::UserToken(token), vec![("user_token_file", path)]));
    }
    let (user, (password, path)) = user.zip(password)?;
    let told_by = vec![("user", user.clone()), ("password_file", path)];
    Some((Credentials::Basic { user, password }, told_by))
}
