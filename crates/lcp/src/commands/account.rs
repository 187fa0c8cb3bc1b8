//! `login`, `logout` and `auth token`.

use backup_api::{ApiError, BackupApi as _, ListQuery};
use backup_client::Credentials;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{
    command_line::ServiceArguments,
    configuration::Configuration,
    credentials,
    failure::Failure,
    place::{self, Place},
    printer::Printer,
    session::Session,
    terminal,
};

pub(crate) async fn login(
    arguments: &ServiceArguments,
    is_master: bool,
    printer: Printer,
) -> Result<(), Failure> {
    let domain = place::domain(arguments)?;
    let token = if terminal::is_attended() && !arguments.token_stdin {
        terminal::ask_for_token(&format!(
            "Token for {domain} (Settings › Access tokens; it is not shown):"
        ))?
    } else {
        credentials::from_standard_input()?
    };
    // Where an environment is named the token is tried before it is kept.
    if arguments.project.is_some()
        || arguments
            .url
            .as_ref()
            .is_some_and(|url| !url.contains("{project}"))
    {
        let configuration = Configuration::load()?;
        let place = Place::find(arguments, None, &configuration)?;
        credentials::may_go(&place.address)?;
        let credentials = if is_master {
            Credentials::MasterToken(token.clone())
        } else {
            Credentials::UserToken(token.clone())
        };
        let session = Session::with(place, credentials, configuration, printer)?;
        try_it(&session).await?;
    }
    let path = Configuration::keep_token(&domain, token.expose_secret(), is_master)?;
    printer.say(&format!(
        "The token for {domain} is kept in {}, readable for you alone.",
        path.display()
    ));
    printer.object(&json!({ "domain": domain, "file": path }))
}

async fn try_it(session: &Session) -> Result<(), Failure> {
    let query = ListQuery {
        limit: Some(1),
        ..ListQuery::default()
    };
    match session.api().list(&session.actor, query).await {
        Err(ApiError::Unauthenticated { reason }) => Err(Failure::NotLoggedIn(format!(
            "The service does not take this token, so it was not kept. It says: {reason}"
        ))),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

pub(crate) fn logout(arguments: &ServiceArguments, printer: Printer) -> Result<(), Failure> {
    let domain = place::domain(arguments)?;
    let found = Configuration::forget_token(&domain)?;
    printer.say(&if found {
        format!("The token for {domain} is forgotten here. It stays valid: revoke it under Settings › Access tokens.")
    } else {
        format!("There was no token for {domain}.")
    });
    printer.object(&json!({ "domain": domain, "wasLoggedIn": found }))
}

pub(crate) fn token(arguments: &ServiceArguments, printer: Printer) -> Result<(), Failure> {
    let configuration = Configuration::load()?;
    let credentials =
        credentials::for_host(&place::domain(arguments)?, &configuration, arguments.token_stdin)?;
    let (token, kind) = match &credentials {
        Credentials::UserToken(token) => (token, "user"),
        Credentials::MasterToken(token) => (token, "master"),
        Credentials::Basic { .. } => {
            return Err(Failure::Failed(
                "You sign in with LCP_USER and LCP_PASSWORD; there is no token to print.".to_owned(),
            ));
        }
    };
    printer.data(
        token.expose_secret(),
        &json!({ "token": token.expose_secret(), "kind": kind }),
    )
}
