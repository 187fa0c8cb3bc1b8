//! `serve`: everything is read, checked and opened before anybody can connect.

use std::time::Duration;

use anyhow::{Context, Result};
use archive_store::uploads::ResumableUploads;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{open_database, print};
use crate::{
    addresses::Addresses,
    application::Application,
    command_line::Serve,
    configuration::{Configuration, Overrides, Purpose},
    data_folder::DataFolder,
    demo, logging, router, sessions,
    socket::{self, Crowd, Ended, ReservedAddress, Signals},
};

/// How long the database may take to finish what requests that were cut off had begun.
const LAST_WRITES: Duration = Duration::from_secs(5);

pub(super) async fn run(serve: &Serve) -> Result<u8> {
    let configuration = Configuration::load(&Overrides::from(serve), Purpose::Serve)?;
    logging::start(&configuration.log);
    let folder = DataFolder::prepare(&configuration.data)?;
    let _lock = folder.lock()?;
    let listen = configuration.network.listen;
    let reserved = ReservedAddress::reserve(listen)
        .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
    let addresses = Addresses::new(&configuration.network, reserved.address()?.port());

    let database = open_database(&folder).await?;
    let application = Application::open(configuration, folder, database, &addresses).await?;
    if application.configuration.demo {
        demo::add_samples(
            &application.service,
            &application.environments(),
            Timestamp::now(),
        )
        .await?;
    }
    let router = router::router(&application)?;
    let setup_link = setup_link(&application, &addresses).await?;

    // From here on a signal ends the process gently; before, there was nothing to finish.
    let signals = Signals::listen().context("cannot listen to signals")?;
    let listener = reserved
        .listen()
        .with_context(|| format!("cannot listen on {listen}"))?;
    let expiring = tokio::spawn(expire_uploads_hourly(application.uploads.clone()));
    let cleaning = tokio::spawn(sessions::delete_expired_hourly(application.sessions.clone()));
    let network = &application.configuration.network;
    if network.public_url.is_some() && network.proxies.trusted.is_empty() {
        tracing::warn!(
            "trusted_proxies is not set: what is counted and written down by address takes everybody behind the \
             proxy for one; name the proxy there"
        );
    }
    tracing::info!(
        listen = %listener.local_addr()?,
        data.folder = %application.folder.path().display(),
        "the console is ready"
    );
    if let Some(link) = setup_link {
        print(format_args!("Create the first administrator: {link}"))?;
    }
    // The last line: whoever waits for it, a person or a script, has everything else by then.
    print(format_args!("The console is at {}", addresses.console()))?;

    let crowd = Crowd::new(application.configuration.network.proxies.clone());
    let ended = socket::serve(listener, router, &crowd, signals, || application.stop()).await;
    cleaning.abort();
    expiring.abort();
    match ended {
        Ended::Asked => {
            application.activities.finish().await;
            if timeout(LAST_WRITES, application.database.close()).await.is_err() {
                tracing::warn!("the database was still in use at the end");
            }
            tracing::info!("stopped");
            Ok(0)
        }
        Ended::AtOnce(code) => Ok(code),
    }
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

/// Frees the space of uploads that nobody goes on with. Runs until it is aborted.
async fn expire_uploads_hourly(uploads: ResumableUploads) {
    loop {
        match uploads.expire(Timestamp::now()).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(uploads = expired, "unfinished uploads have expired"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "expired uploads could not be removed");
            }
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
}
