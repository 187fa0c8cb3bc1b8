//! Whether something can be done now and, where it cannot, the sentence that says why. The one place for it, so that
//! a button, a menu and a form never tell different stories.

use backup_api::{Action, Actor, ApiError, Capabilities, EnvironmentId, Operation, OperationKind, Problem};
use console::{Console, ConsoleError};

/// Where the service could, but these pages have no form for it.
pub(crate) const NOT_OFFERED: &str = "This console cannot start it. Use the backup service's API.";

/// Asks for one environment.
#[derive(Debug)]
pub(crate) struct Availability<'a> {
    pub(crate) console: &'a Console,
    pub(crate) actor: &'a Actor,
    pub(crate) environment: &'a EnvironmentId,
    pub(crate) capabilities: &'a Capabilities,
    pub(crate) operation: Option<&'a Operation>,
}

impl Availability<'_> {
    /// Why `action` cannot be done now; `None`: it can. Who may not at all is told so first, then what the service
    /// lacks, then what it is busy with.
    pub(crate) fn reason_against(&self, action: Action) -> Option<String> {
        self.refusal(action)
            .or_else(|| missing(self.capabilities, action))
            .or_else(|| {
                self.operation
                    .filter(|_| needs_the_environment(action))
                    .map(wait_for)
            })
    }

    fn refusal(&self, action: Action) -> Option<String> {
        match self.console.authorise(self.actor, self.environment, action) {
            Ok(()) => None,
            Err(ConsoleError::Api(error)) => Some(Problem::from(&error).detail),
            Err(_) => Some(Problem::from(&ApiError::Forbidden { action }).detail),
        }
    }
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

/// Downloads and looking on take no lock and are never refused because of one.
const fn needs_the_environment(action: Action) -> bool {
    !matches!(
        action,
        Action::View | Action::Download | Action::Annotate | Action::BreakLock
    )
}

fn missing(capabilities: &Capabilities, action: Action) -> Option<String> {
    let capability = match action {
        Action::View | Action::Annotate | Action::BreakLock => return None,
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

/// Why what needs the environment has to wait.
pub(crate) fn wait_for(operation: &Operation) -> String {
    format!(
        "Available again when the {} that {} started is complete.",
        noun(operation.kind),
        operation.started_by
    )
}
