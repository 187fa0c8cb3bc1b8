//! What every process that serves does before its own work, and after: lock, address, database; signals, socket, end.

use std::time::Duration;

use anyhow::{Context, Result};
use archive_store::uploads::ResumableUploads;
use axum::Router;
use database::Database;
use jiff::Timestamp;
use member_store::{MemberStore, Swept};
use tokio::{net::TcpListener, time::timeout};

use super::open_database;
use crate::{
    addresses::Addresses,
    configuration::Configuration,
    data_folder::{DataFolder, DataFolderLock},
    logging,
    services::Services,
    socket::{self, AnsweringThreads, Crowd, Doors, Ended, Limits, ReservedAddress, Signals},
};

/// How long the database may take to finish what requests that were cut off had begun.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// What is there before anything is opened: nobody can connect yet.
pub(super) struct Prepared {
    pub(super) configuration: Configuration,
    pub(super) folder: DataFolder,
    pub(super) database: Database,
    pub(super) addresses: Addresses,
    pub(super) doors: ClosedDoors,
}

impl Prepared {
    /// Starts logging, takes the data folder and the address for this process, and opens the database.
    pub(super) async fn from(configuration: Configuration) -> Result<Self> {
        logging::start(&configuration.log);
        let folder = DataFolder::prepare(&configuration.data)?;
        let lock = folder.lock()?;
        let listen = configuration.network.listen;
        let address = ReservedAddress::reserve(listen)
            .with_context(|| format!("cannot listen on {listen}; choose another address with --listen"))?;
        let addresses = Addresses::new(&configuration.network, address.address()?.port());
        let database = open_database(&folder).await?;
        Ok(Self {
            configuration,
            folder,
            database,
            addresses,
            doors: ClosedDoors { address, lock },
        })
    }
}

/// The address and the folder, taken.
pub(super) struct ClosedDoors {
    address: ReservedAddress,
    lock: DataFolderLock,
}

impl ClosedDoors {
    /// Lets clients connect. From here on a signal ends the process gently; before, there was nothing to finish.
    pub(super) fn open(self, services: &Services) -> Result<OpenDoors> {
        let signals = Signals::listen().context("cannot listen to signals")?;
        let listen = services.configuration.network.listen;
        let listener = self
            .address
            .listen()
            .with_context(|| format!("cannot listen on {listen}"))?;
        let network = &services.configuration.network;
        if network.public_url.is_some() && network.proxies.trusted.is_empty() {
            tracing::warn!(
                "trusted_proxies is not set: what is counted and written down by address takes everybody behind the \
                 proxy for one; name the proxy there"
            );
        }
        Ok(OpenDoors {
            signals,
            threads: AnsweringThreads::start().context("cannot start the threads that answer")?,
            listener,
            _lock: self.lock,
        })
    }
}

/// Clients can connect; they are answered from [`OpenDoors::serve`] on.
pub(super) struct OpenDoors {
    signals: Signals,
    threads: AnsweringThreads,
    listener: TcpListener,
    _lock: DataFolderLock,
}

impl OpenDoors {
    /// Says in the log that `what` is ready.
    pub(super) fn announce(&self, what: &str, services: &Services) -> Result<()> {
        tracing::info!(
            listen = %self.listener.local_addr()?,
            data.folder = %services.folder.path().display(),
            "{what}"
        );
        Ok(())
    }

    /// Answers until a signal asks to stop, and gives the exit code. `finish` is awaited before the database closes.
    pub(super) async fn serve(
        self,
        services: &Services,
        router: Router,
        finish: impl Future<Output = ()>,
    ) -> u8 {
        let expiring = tokio::spawn(expire_hourly(services.uploads.clone(), services.members.clone()));
        let crowd = Crowd::new(services.configuration.network.proxies.clone());
        let limits = Limits::with_longest_stall(services.configuration.downloads.idle_timeout);
        let stopping = || services.stop();
        let doors = Doors {
            listener: self.listener,
            threads: &self.threads,
            crowd: &crowd,
        };
        let ended = socket::serve(doors, router, limits, self.signals, stopping).await;
        expiring.abort();
        match ended {
            Ended::Asked => {
                finish.await;
                if timeout(LAST_WRITES, services.database.close()).await.is_err() {
                    tracing::warn!("the database was still in use at the end");
                }
                tracing::info!("stopped");
                0
            }
            Ended::AtOnce(code) => code,
        }
    }
}

/// Frees the space of uploads that nobody goes on with, and of files that no backup needs. Runs until it is aborted.
async fn expire_hourly(uploads: ResumableUploads, members: MemberStore) {
    loop {
        match uploads.expire(Timestamp::now()).await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(uploads = expired, "unfinished uploads have expired"),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "expired uploads could not be removed");
            }
        }
        match members.sweep(Timestamp::now()).await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(Swept { libraries, packs }) => {
                tracing::info!(
                    libraries,
                    packs,
                    "document libraries and packs that no backup needs have gone"
                );
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "packs that no backup needs could not be removed");
            }
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
}
