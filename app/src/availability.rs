//! Whether something can be done now and, where it cannot, the sentence that says why. The one place for it, so that
//! a button, a menu and a form never tell different stories.

use backup_api::{
    Action, ApiError, Backup, BackupStatus, Capabilities, EnvironmentId, Operation, OperationKind, Problem,
};
use console::{ConsoleError, Standing};
use jiff::Timestamp;

use crate::{context::Viewer, format};

/// Where the service could, but these pages have no form for it.
pub(crate) const NOT_OFFERED: &str = "This console cannot start it. Use the backup service's API.";

/// An environment as pages name it, and the id of what holds it.
pub(crate) type Shown = (String, Option<String>);

/// What a page shows of an environment whose service could not be asked: whatever is told of it next is news.
pub(crate) fn away(environment: &EnvironmentId) -> Shown {
    (environment.to_string(), Some("away".to_owned()))
}

/// What somebody can do in one environment, as it was when the page asked.
#[derive(Debug, Clone)]
pub(crate) struct Availability {
    environment: EnvironmentId,
    standing: Standing,
}

impl Availability {
    /// Asks how the viewer stands in an environment: the first thing a page of it does.
    pub(crate) async fn of(viewer: &Viewer, environment: &EnvironmentId) -> Result<Self, ConsoleError> {
        Ok(Self {
            environment: environment.clone(),
            standing: viewer.console.standing(&viewer.access, environment).await?,
        })
    }

    /// What holds the environment.
    pub(crate) const fn operation(&self) -> Option<&Operation> {
        self.standing.operation.as_ref()
    }

    /// What the page shows of it until it is told better.
    pub(crate) fn shown(&self) -> Shown {
        let holder = self.operation().map(|operation| operation.id.to_string());
        (self.environment.to_string(), holder)
    }

    /// Whether the person's role includes `action`, whatever else stands against it now.
    pub(crate) const fn may(&self, action: Action) -> bool {
        self.standing.role.allows(action)
    }

    /// Why `action` cannot be done now; `None`: it can. Who may not at all is told so first, then what the service
    /// lacks, then what it is busy with.
    pub(crate) fn reason_against(&self, action: Action) -> Option<String> {
        (!self.may(action))
            .then(|| Problem::from(&ApiError::Forbidden { action }).detail)
            .or_else(|| missing(&self.standing.capabilities, action))
            .or_else(|| {
                self.operation()
                    .filter(|_| needs_the_environment(action))
                    .map(wait_for)
            })
    }

    /// Why this backup cannot be downloaded now.
    pub(crate) fn reason_against_download(&self, backup: &Backup) -> Option<String> {
        self.reason_against(Action::Download).or_else(|| {
            (backup.status != BackupStatus::Success).then(|| "There is nothing to download.".to_owned())
        })
    }

    /// Why this backup cannot be verified now.
    pub(crate) fn reason_against_verification(&self, backup: &Backup) -> Option<String> {
        self.reason_against(Action::Verify)
            .or_else(|| {
                (backup.status != BackupStatus::Success).then(|| "There is nothing to verify.".to_owned())
            })
            .or_else(|| running_verification(backup))
    }

    /// Why this backup cannot be deleted now.
    pub(crate) fn reason_against_deletion(&self, backup: &Backup) -> Option<String> {
        self.reason_against(Action::Delete)
            .or_else(|| {
                backup
                    .pinned
                    .then(|| "This backup is pinned. Unpin it first.".to_owned())
            })
            .or_else(|| running_verification(backup))
    }
}

/// Who has a backup verified, since when.
fn running_verification(backup: &Backup) -> Option<String> {
    let running = backup.verification.as_ref().filter(|found| found.is_running())?;
    let since = format::when(running.started_at, Timestamp::now());
    Some(format!(
        "It is being verified. {} started that {since}.",
        running.started_by
    ))
}

/// What an operation is called in the middle of a sentence.
pub(crate) const fn noun(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create | OperationKind::Upload => "backup creation",
        OperationKind::Restore => "restore",
    }
}

/// The same without its first half, as in "when the creation is complete".
pub(crate) const fn short_noun(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Create | OperationKind::Upload => "creation",
        OperationKind::Restore => "restore",
    }
}

/// Downloads, verifications and looking on take no lock and are never refused because of one.
const fn needs_the_environment(action: Action) -> bool {
    !matches!(
        action,
        Action::View
            | Action::Download
            | Action::Verify
            | Action::Annotate
            | Action::Audit
            | Action::BreakLock
    )
}

fn missing(capabilities: &Capabilities, action: Action) -> Option<String> {
    let capability = match action {
        Action::View | Action::Verify | Action::Annotate | Action::Audit | Action::BreakLock => return None,
        Action::Download => &capabilities.download,
        Action::Upload => &capabilities.upload,
        Action::Create => &capabilities.create,
        Action::Restore => &capabilities.restore,
        Action::Delete => &capabilities.delete,
    };
    let reason = || {
        capability
            .reason
            .clone()
            .unwrap_or_else(|| "This backup service cannot do that.".to_owned())
    };
    (!capability.available).then(reason)
}

/// Why what needs the environment has to wait: for what, whose it is and since when. In UTC, because events carry it
/// to readers in many zones; the banner of the page has their own time.
pub(crate) fn wait_for(operation: &Operation) -> String {
    format!(
        "Available again when the {} that {} started {} is complete.",
        noun(operation.kind),
        operation.started_by,
        format::when(operation.started_at, Timestamp::now())
    )
}
