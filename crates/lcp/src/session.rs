//! A service and whoever asks it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backup_api::{Actor, ApiError, BackupId};
use backup_client::{Credentials, HttpBackupApi, ServiceSettings};
use secrecy::ExposeSecret as _;

use crate::{
    command_line::ServiceArguments,
    configuration::Configuration,
    credentials,
    failure::Failure,
    place::{Place, uid},
    printer::Printer,
    terminal,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// The way to one service, whose credentials may be replaced while it is used.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) place: Place,
    pub(crate) actor: Actor,
    configuration: Configuration,
    printer: Printer,
    access: Mutex<Access>,
}

#[derive(Debug)]
struct Access {
    api: Arc<HttpBackupApi>,
    credentials: Credentials,
    /// They came from `~/.lcp`.
    is_kept: bool,
}

impl Session {
    /// The service that the arguments mean, or the one that `backup` is from.
    pub(crate) fn open(
        arguments: &ServiceArguments,
        backup: Option<&BackupId>,
        printer: Printer,
    ) -> Result<Self, Failure> {
        let configuration = Configuration::load()?;
        let place = Place::find(arguments, backup, &configuration)?;
        let credentials = credentials::find(&place.address, &configuration, arguments.token_stdin)?;
        printer.explain(&format!("Asking {} for {}.", place.address, place.environment));
        Self::with(place, credentials, configuration, printer)
    }

    /// A service asked with these credentials.
    pub(crate) fn with(
        place: Place,
        credentials: Credentials,
        configuration: Configuration,
        printer: Printer,
    ) -> Result<Self, Failure> {
        let kept = credentials::kept(&place.address.host(), &configuration);
        let is_kept = kept.is_some_and(|kept| is_same(&kept, &credentials));
        Ok(Self {
            access: Mutex::new(Access::new(&place, credentials, is_kept)?),
            actor: Actor::new("lcp", "lcp"),
            place,
            configuration,
            printer,
        })
    }

    /// The service, with the credentials of now.
    pub(crate) fn api(&self) -> Arc<HttpBackupApi> {
        self.access
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .api
            .clone()
    }

    /// Other credentials instead of those that the service takes no longer: what another `login` kept since, where they
    /// came from there, or what somebody at the terminal types.
    pub(crate) fn renew(&self, refused: ApiError) -> Result<(), Failure> {
        let mut access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = credentials::kept(&self.place.address.host(), &Configuration::load()?);
        let (fresh, is_kept) = match kept {
            Some(kept) if access.is_kept && !is_same(&kept, &access.credentials) => (kept, true),
            _ if terminal::is_attended() => {
                self.printer.say(&format!("{}", Failure::from(refused)));
                let token = terminal::ask_for_token("Another token:")?;
                (Credentials::UserToken(token), false)
            }
            _ => return Err(refused.into()),
        };
        *access = Access::new(&self.place, fresh, is_kept)?;
        Ok(())
    }

    /// Remembers where a backup is from, so that its id is enough from now on. A home that cannot be written to is no
    /// reason to fail.
    pub(crate) fn remember(&self, id: &BackupId) {
        if let Err(failure) = self.configuration.remember(uid(id), &self.place.to_remember()) {
            self.printer
                .explain(&format!("The environment is not remembered: {failure}"));
        }
    }
}

impl Access {
    fn new(place: &Place, credentials: Credentials, is_kept: bool) -> Result<Self, Failure> {
        let settings = ServiceSettings {
            environment: place.environment.clone(),
            address: place.address.clone(),
            credentials: credentials.clone(),
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: READ_TIMEOUT,
        };
        let api = HttpBackupApi::new(settings, None)
            .map_err(|error| Failure::Failed(format!("The client does not start: {error}.")))?;
        Ok(Self {
            api: Arc::new(api.asked_by_a_person()),
            credentials,
            is_kept,
        })
    }
}

fn is_same(one: &Credentials, other: &Credentials) -> bool {
    match (one, other) {
        (Credentials::UserToken(one), Credentials::UserToken(other))
        | (Credentials::MasterToken(one), Credentials::MasterToken(other)) => {
            one.expose_secret() == other.expose_secret()
        }
        _ => false,
    }
}
