//! Who asks, from the first of these that says so: standard input (`--token-stdin`), `LCP_TOKEN`, `LCP_USER` with
//! `LCP_PASSWORD`, `LCP_PROJECT_MASTER_TOKEN`, `~/.lcp`. Nothing secret ever comes from the command line, which everybody
//! on the machine can read.

use std::io::BufRead as _;

use backup_client::{Credentials, ServiceAddress};
use secrecy::SecretString;

use crate::{
    configuration::{self, Configuration, variable},
    failure::Failure,
};

/// What nobody can do anything without.
const NOT_LOGGED_IN: &str = "You need to log in: run `lcp login`, or give a token in LCP_TOKEN.";

pub(crate) fn find(
    address: &ServiceAddress,
    configuration: &Configuration,
    token_stdin: bool,
) -> Result<Credentials, Failure> {
    may_go(address)?;
    for_host(&address.host(), configuration, token_stdin)
}

/// Whether nobody on the way can read what goes there.
pub(crate) fn may_go(address: &ServiceAddress) -> Result<(), Failure> {
    if address.is_readable_on_the_way() && variable(configuration::PLAIN_HTTP).is_none() {
        return Err(Failure::Usage(format!(
            "{address} would carry your credentials in clear over the network. Use https, or say {}=1 if nobody can \
             listen there.",
            configuration::PLAIN_HTTP
        )));
    }
    Ok(())
}

/// The same for a host, or a domain that tokens are kept for.
pub(crate) fn for_host(
    host: &str,
    configuration: &Configuration,
    token_stdin: bool,
) -> Result<Credentials, Failure> {
    if token_stdin {
        return Ok(Credentials::UserToken(from_standard_input()?));
    }
    if let Some(token) = variable(configuration::TOKEN) {
        return Ok(Credentials::UserToken(sendable(&token)?));
    }
    if let Some(user) = variable(configuration::USER) {
        let Some(password) = variable(configuration::PASSWORD) else {
            return Err(Failure::Usage(format!(
                "{} is set, but not the password: set {} too.",
                configuration::USER,
                configuration::PASSWORD
            )));
        };
        return Ok(Credentials::Basic {
            user,
            password: password.into(),
        });
    }
    if let Some(token) = variable(configuration::MASTER_TOKEN) {
        return Ok(Credentials::MasterToken(sendable(&token)?));
    }
    kept(host, configuration).ok_or_else(|| Failure::NotLoggedIn(NOT_LOGGED_IN.to_owned()))
}

/// What `login` kept for the service.
pub(crate) fn kept(host: &str, configuration: &Configuration) -> Option<Credentials> {
    let kept = configuration.token(host)?;
    Some(if kept.is_master {
        Credentials::MasterToken(kept.token)
    } else {
        Credentials::UserToken(kept.token)
    })
}

/// The first line of standard input.
pub(crate) fn from_standard_input() -> Result<SecretString, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("Standard input cannot be read: {error}.")))?;
    sendable(&line)
}

/// A token that fits into a header; whatever else somebody pasted is no token.
pub(crate) fn sendable(text: &str) -> Result<SecretString, Failure> {
    let token = text.trim();
    if token.is_empty() {
        return Err(Failure::Usage(
            "The token is empty. Copy it from Settings › Access tokens, or make one with `backups-console create-token`."
                .to_owned(),
        ));
    }
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(token.into())
    } else {
        Err(Failure::Usage(
            "This is no token: it has blanks or letters in it that a token never has.".to_owned(),
        ))
    }
}
