//! `serve`: everything is read, checked and opened before anybody can connect.

use anyhow::Result;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::{print, process::Prepared};
use crate::{
    addresses::Addresses,
    application::Application,
    command_line::Serve,
    configuration::{Configuration, Overrides, Purpose},
    demo, router, sessions,
};

pub(super) async fn run(serve: &Serve) -> Result<u8> {
    let configuration = Configuration::load(&Overrides::from(serve), Purpose::Serve)?;
    let Prepared {
        configuration,
        folder,
        database,
        addresses,
        doors,
    } = Prepared::from(configuration).await?;
    let application = Application::open(configuration, folder, database, &addresses).await?;
    let services = &application.services;
    if services.configuration.demo {
        demo::add_samples(&services.service, &services.environments(), Timestamp::now()).await?;
    }
    let router = router::console(&application)?;
    let setup_link = setup_link(&application, &addresses).await?;

    let doors = doors.open(services)?;
    let cleaning = tokio::spawn(sessions::delete_expired_hourly(application.sessions.clone()));
    doors.announce("the console is ready", services)?;
    if let Some(link) = setup_link {
        print(format_args!("Create the first administrator: {link}"))?;
    }
    // The last line: whoever waits for it, a person or a script, has everything else by then.
    print(format_args!("The console is at {}", addresses.console()))?;

    let code = doors
        .serve(services, router, application.activities.finish())
        .await;
    cleaning.abort();
    Ok(code)
}

/// While nobody can sign in: a link that works once. It goes to the terminal and never to the log.
async fn setup_link(application: &Application, addresses: &Addresses) -> Result<Option<String>> {
    if !application.console.needs_setup().await? {
        return Ok(None);
    }
    let token = application.console.issue_setup_token().await?;
    Ok(Some(format!(
        "{}/setup?token={}",
        addresses.console(),
        token.expose_secret()
    )))
}
