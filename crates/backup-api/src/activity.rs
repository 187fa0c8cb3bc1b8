//! What happened: who did what, when, from where, with what result.
//!
//! Services and consoles tell it to an injected [`ActivitySink`]; neither knows where it is kept. An activity names things
//! and never repeats what somebody sent: no secret, no body, no query, and of texts that a caller chose only a short piece
//! without control characters.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Action, Actor, ApiError, EnvironmentId, Problem, ProblemCode, RequestOrigin, operation::words};

/// Characters of a subject; an id or an e-mail address has fewer.
const LONGEST_SUBJECT: usize = 254;

/// Takes note of what happens.
///
/// Recording never fails the work that it is about and never makes it wait: [`ActivitySink::record`] comes back at once.
/// What cannot be kept is not lost silently either: the implementation says it in the log, as an error.
pub trait ActivitySink: fmt::Debug + Send + Sync + 'static {
    /// Takes note of one activity.
    fn record(&self, activity: Activity);
}

/// For services that nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoActivities;

impl ActivitySink for NoActivities {
    fn record(&self, _: Activity) {}
}

words! {
    /// What somebody did, or tried to do.
    ActivityKind {
        /// Signing in to the console.
        SignIn = "sign-in",
        /// Signing out of the console.
        SignOut = "sign-out",
        /// Making the first administrator.
        SetUp = "set-up",
        /// Getting in at all: credentials that are nobody's, or somebody who may not even look.
        Access = "access",
        /// Bringing a backup from elsewhere.
        Upload = "upload",
        /// Fetching the bytes of a backup.
        Download = "download",
        /// Making a backup of the running environment.
        Create = "create",
        /// Putting a backup into the environment.
        Restore = "restore",
        /// Changing the note or the pin of a backup.
        Annotate = "annotate",
        /// Reading a backup again where it lies.
        Verify = "verify",
        /// Removing a backup.
        Delete = "delete",
        /// Calling an operation off.
        Cancel = "cancel",
        /// Taking the lock away from an operation.
        BreakLock = "break-lock",
        /// Looking at, or fetching, the activities themselves.
        Audit = "audit",
        /// Making a person who may sign in.
        CreatePerson = "create-person",
        /// Inviting a person.
        InvitePerson = "invite-person",
        /// Giving a person another role.
        ChangeRole = "change-role",
        /// Keeping a person from signing in.
        DisablePerson = "disable-person",
        /// Letting a person sign in again.
        EnablePerson = "enable-person",
        /// Removing a person for good.
        RemovePerson = "remove-person",
        /// Making an access token.
        CreateToken = "create-token",
        /// Ending an access token.
        RevokeToken = "revoke-token",
        /// Ending the session of a browser.
        EndSession = "end-session",
        /// Choosing another password.
        ChangePassword = "change-password",
    }
}

words! {
    /// Kinds that are looked at together.
    ActivityGroup {
        /// Signing in and out.
        SignIns = "sign-ins",
        /// Getting in at all.
        Access = "access",
        /// Backups that come in.
        Uploads = "uploads",
        /// Backups that go out.
        Downloads = "downloads",
        /// What changes backups and operations.
        Changes = "changes",
        /// What changes people, tokens and sessions.
        Settings = "settings",
    }
}

words! {
    /// How something ended, or that it began.
    ActivityOutcome {
        /// It began; how it ended is a record of its own.
        Started = "started",
        /// It did what it was for.
        Succeeded = "succeeded",
        /// It was not allowed, or not possible as things stood. Nothing changed.
        Refused = "refused",
        /// It began and went wrong, or something of ours did.
        Failed = "failed",
        /// Somebody called it off.
        Cancelled = "cancelled",
        /// The other side went away before the last byte.
        EndedEarly = "ended-early",
        /// The process ended while it was under way.
        Interrupted = "interrupted",
    }
}

impl ActivityKind {
    /// All kinds, in the order in which they are explained.
    pub const ALL: [Self; 24] = [
        Self::SignIn,
        Self::SignOut,
        Self::SetUp,
        Self::Access,
        Self::Upload,
        Self::Download,
        Self::Create,
        Self::Restore,
        Self::Annotate,
        Self::Verify,
        Self::Delete,
        Self::Cancel,
        Self::BreakLock,
        Self::Audit,
        Self::CreatePerson,
        Self::InvitePerson,
        Self::ChangeRole,
        Self::DisablePerson,
        Self::EnablePerson,
        Self::RemovePerson,
        Self::CreateToken,
        Self::RevokeToken,
        Self::EndSession,
        Self::ChangePassword,
    ];

    /// What it is looked at together with.
    pub const fn group(self) -> ActivityGroup {
        match self {
            Self::SignIn | Self::SignOut | Self::SetUp => ActivityGroup::SignIns,
            Self::Access | Self::Audit => ActivityGroup::Access,
            Self::Upload => ActivityGroup::Uploads,
            Self::Download => ActivityGroup::Downloads,
            Self::Create
            | Self::Restore
            | Self::Annotate
            | Self::Verify
            | Self::Delete
            | Self::Cancel
            | Self::BreakLock => ActivityGroup::Changes,
            Self::CreatePerson
            | Self::InvitePerson
            | Self::ChangeRole
            | Self::DisablePerson
            | Self::EnablePerson
            | Self::RemovePerson
            | Self::CreateToken
            | Self::RevokeToken
            | Self::EndSession
            | Self::ChangePassword => ActivityGroup::Settings,
        }
    }
}

impl From<Action> for ActivityKind {
    fn from(action: Action) -> Self {
        match action {
            Action::View => Self::Access,
            Action::Download => Self::Download,
            Action::Verify => Self::Verify,
            Action::Upload => Self::Upload,
            Action::Create => Self::Create,
            Action::Restore => Self::Restore,
            Action::Annotate => Self::Annotate,
            Action::Delete => Self::Delete,
            Action::Audit => Self::Audit,
            Action::BreakLock => Self::BreakLock,
        }
    }
}

impl ActivityOutcome {
    /// How a call ended that ended with `error`.
    pub const fn of(error: &ApiError) -> Self {
        match error {
            ApiError::Cancelled { .. } => Self::Cancelled,
            ApiError::Incomplete
            | ApiError::TooSlow { .. }
            | ApiError::StoreFull { .. }
            | ApiError::Unavailable { .. }
            | ApiError::Internal(_) => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Timestamp,
    /// Who; `None`: nobody that is known here.
    pub actor: Option<Actor>,
    /// From where.
    pub origin: RequestOrigin,
    /// What.
    pub kind: ActivityKind,
    /// Where; `None`: in the console itself.
    pub environment: Option<EnvironmentId>,
    /// What it was done to: the id of a backup or an operation, an e-mail address.
    pub subject: Option<String>,
    /// With what result.
    pub outcome: ActivityOutcome,
    /// Why not, as the word that programs match on.
    pub reason: Option<ProblemCode>,
    /// How many bytes it was about: announced where it began, moved where it ended.
    pub bytes: Option<u64>,
}

impl Activity {
    /// Something that `actor` did now, and that succeeded unless more is said.
    pub fn by(actor: &Actor, kind: ActivityKind) -> Self {
        Self {
            actor: Some(actor.clone()),
            ..Self::by_nobody(actor.origin.clone(), kind)
        }
    }

    /// The same by somebody who did not say, or could not prove, who it was.
    pub fn by_nobody(origin: RequestOrigin, kind: ActivityKind) -> Self {
        Self {
            at: Timestamp::now(),
            actor: None,
            origin,
            kind,
            environment: None,
            subject: None,
            outcome: ActivityOutcome::Succeeded,
            reason: None,
            bytes: None,
        }
    }

    /// In an environment.
    #[must_use]
    pub fn within(mut self, environment: &EnvironmentId) -> Self {
        self.environment = Some(environment.clone());
        self
    }

    /// Done to something. Of a text that a caller chose, only the first piece is kept, in one line.
    #[must_use]
    pub fn about(mut self, subject: impl AsRef<str>) -> Self {
        let visible = |character: char| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        };
        self.subject = Some(
            subject
                .as_ref()
                .chars()
                .take(LONGEST_SUBJECT)
                .map(visible)
                .collect(),
        );
        self
    }

    /// With another result.
    #[must_use]
    pub const fn ended(mut self, outcome: ActivityOutcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// With the result that `error` stands for, and its code.
    #[must_use]
    pub fn ended_with(mut self, error: &ApiError) -> Self {
        self.outcome = ActivityOutcome::of(error);
        self.reason = Some(Problem::from(error).code);
        self
    }

    /// With what became of a call.
    #[must_use]
    pub fn with_result<T>(self, result: &Result<T, ApiError>) -> Self {
        match result {
            Ok(_) => self,
            Err(error) => self.ended_with(error),
        }
    }

    /// With a number of bytes.
    #[must_use]
    pub const fn moving(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words: Vec<_> = ActivityKind::ALL.map(ActivityKind::as_str).into();
        for kind in ActivityKind::ALL {
            assert_eq!(ActivityKind::from_word(kind.as_str()), Some(kind));
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ActivityKind::ALL.len());
    }

    #[test]
    fn a_subject_stays_short_and_in_one_line() {
        let actor = Actor::new("person:1", "joe@example.com");
        let subject = format!("id\r\n{}", "x".repeat(1000));
        let activity = Activity::by(&actor, ActivityKind::Delete).about(subject);
        let subject = activity.subject.unwrap();
        assert!(subject.starts_with("id\u{fffd}\u{fffd}x"), "{subject}");
        assert_eq!(subject.chars().count(), LONGEST_SUBJECT);
    }

    #[test]
    fn errors_are_refusals_unless_something_went_wrong() {
        let of = |error| ActivityOutcome::of(&error);
        let forbidden = ApiError::Forbidden {
            action: Action::Delete,
        };
        assert_eq!(of(forbidden), ActivityOutcome::Refused);
        assert_eq!(of(ApiError::Incomplete), ActivityOutcome::Failed);
        assert_eq!(of(ApiError::internal("disk")), ActivityOutcome::Failed);
        let sentence = "joe@example.com cancelled it.".to_owned();
        assert_eq!(of(ApiError::Cancelled { sentence }), ActivityOutcome::Cancelled);
    }
}
