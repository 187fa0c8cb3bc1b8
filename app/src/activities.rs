//! What happened, in words.

use backup_api::{ActivityGroup, ActivityKind, ActivityOutcome, Via};
use console::RecordedActivity;

/// What happened and how it ended: `Backup started`, `Download ended early`.
pub(crate) fn sentence(kind: ActivityKind, outcome: ActivityOutcome) -> String {
    use {ActivityKind as Kind, ActivityOutcome as Outcome};
    let thing = match (kind, outcome) {
        // Before it begins, there is no backup yet that could be refused.
        (Kind::Upload, Outcome::Refused) => "Upload",
        (Kind::Upload | Kind::Create, _) => "Backup",
        (Kind::SignIn, _) => "Sign-in",
        (Kind::SignOut, _) => "Sign-out",
        (Kind::SetUp, _) => "Set-up",
        (Kind::Access, _) => "Access",
        (Kind::Download, _) => "Download",
        (Kind::Restore, _) => "Restore",
        (Kind::Annotate, _) => "Change of note or pin",
        (Kind::Verify, _) => "Verification",
        (Kind::Delete, _) => "Deletion of a backup",
        (Kind::Cancel, _) => "Cancelling an operation",
        (Kind::BreakLock, _) => "Breaking a lock",
        (Kind::Audit, _) => "Export of activities",
        (Kind::CreatePerson, _) => "New person",
        (Kind::InvitePerson, _) => "Invitation",
        (Kind::ChangeRole, _) => "Change of a role",
        (Kind::DisablePerson, _) => "Disabling a person",
        (Kind::EnablePerson, _) => "Enabling a person",
        (Kind::RemovePerson, _) => "Removing a person",
        (Kind::CreateToken, _) => "New access token",
        (Kind::RevokeToken, _) => "Revoking a token",
        (Kind::EndSession, _) => "Ending a session",
        (Kind::ChangePassword, _) => "Change of a password",
    };
    // Of settings the thing alone says that it happened.
    if kind.group() == ActivityGroup::Settings && outcome == Outcome::Succeeded {
        return thing.to_owned();
    }
    let end = match outcome {
        Outcome::Started => "started",
        Outcome::Succeeded => "succeeded",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::EndedEarly => "ended early",
        Outcome::Interrupted => "interrupted",
    };
    format!("{thing} {end}")
}

/// Who did it, for people.
pub(crate) fn who(activity: &RecordedActivity) -> String {
    match &activity.actor_name {
        Some(name) => name.clone(),
        None if activity.kind == ActivityKind::SignIn && activity.subject.is_none() => {
            "unknown account".to_owned()
        }
        None => "nobody we know".to_owned(),
    }
}

/// From where, for people.
pub(crate) fn from(activity: &RecordedActivity) -> String {
    let via = match activity.via {
        Via::Page => "page",
        Via::Api => "API",
        Via::Machine => "this machine",
    };
    match &activity.address {
        Some(address) => format!("{address}, {via}"),
        None => via.to_owned(),
    }
}

/// The groups that happen in environments, with their words.
pub(crate) const IN_ENVIRONMENTS: [(ActivityGroup, &str); 4] = [
    (ActivityGroup::Uploads, "Uploads"),
    (ActivityGroup::Downloads, "Downloads"),
    (ActivityGroup::Changes, "Changes and deletions"),
    (ActivityGroup::Access, "Access"),
];

/// The groups that happen in the console itself, with their words.
pub(crate) const IN_THE_CONSOLE: [(ActivityGroup, &str); 3] = [
    (ActivityGroup::SignIns, "Sign-ins"),
    (ActivityGroup::Settings, "People and tokens"),
    (ActivityGroup::Access, "Access"),
];

/// All results, with their words.
pub(crate) const OUTCOMES: [(ActivityOutcome, &str); 7] = [
    (ActivityOutcome::Started, "Started"),
    (ActivityOutcome::Succeeded, "Succeeded"),
    (ActivityOutcome::Refused, "Refused"),
    (ActivityOutcome::Failed, "Failed"),
    (ActivityOutcome::Cancelled, "Cancelled"),
    (ActivityOutcome::EndedEarly, "Ended early"),
    (ActivityOutcome::Interrupted, "Interrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_told_in_the_words_that_admins_know() {
        let upload = |outcome| sentence(ActivityKind::Upload, outcome);
        assert_eq!(upload(ActivityOutcome::Started), "Backup started");
        assert_eq!(upload(ActivityOutcome::Succeeded), "Backup succeeded");
        assert_eq!(upload(ActivityOutcome::Refused), "Upload refused");
        assert_eq!(
            sentence(ActivityKind::Download, ActivityOutcome::EndedEarly),
            "Download ended early"
        );
        assert_eq!(
            sentence(ActivityKind::CreateToken, ActivityOutcome::Succeeded),
            "New access token"
        );
    }
}
