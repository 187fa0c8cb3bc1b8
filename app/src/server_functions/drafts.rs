//! What the upload page does while it is open: choose a file, give one up, look how far a draft is, make a backup of it.
//!
//! Bytes go elsewhere, to the resumable uploads. Each function finds out who calls and asks `console`, which authorises.

use backup_api::Part;
use leptos::{prelude::*, server_fn::codec::Json};

use crate::drafts::{Choice, DraftFile, FileFacts, Initiated, Refusal};

/// Makes room for a file, or finds how much of it is there.
#[server(prefix = "/api", endpoint = "choose-file", input = Json)]
pub async fn choose_file(
    environment: String,
    part: Part,
    file: FileFacts,
    instead: Option<String>,
) -> Result<Choice, Refusal> {
    let caller = server::Caller::of(&environment).await?;
    let choice = caller
        .drafts
        .choose(
            &caller.actor,
            &caller.environment,
            part,
            file.into(),
            instead.as_deref(),
        )
        .await?;
    Ok(choice.into())
}

/// Gives up one half of a draft.
#[server(prefix = "/api", endpoint = "discard-file", input = Json)]
pub async fn discard_file(environment: String, part: Part, upload: String) -> Result<(), Refusal> {
    let caller = server::Caller::of(&environment).await?;
    Ok(caller
        .drafts
        .discard(&caller.actor, &caller.environment, part, &upload)
        .await?)
}

/// What of a pair is there.
#[server(prefix = "/api", endpoint = "draft", input = Json)]
pub async fn draft(environment: String) -> Result<Vec<DraftFile>, Refusal> {
    let caller = server::Caller::of(&environment).await?;
    let files = caller.drafts.of(&caller.actor, &caller.environment).await?;
    Ok(files.into_iter().map(DraftFile::from).collect())
}

/// Makes a backup of two uploads that are complete. Repeating it is safe, and is how to wait for one that takes long.
#[server(prefix = "/api", endpoint = "initiate-upload", input = Json)]
pub async fn initiate_upload(
    environment: String,
    database: String,
    volume: String,
) -> Result<Initiated, Refusal> {
    let caller = server::Caller::of(&environment).await?;
    let made = caller
        .drafts
        .initiate(&caller.actor, &caller.environment, database, volume);
    // The work goes on when this gives up waiting; a proxy in between must not be what ends the wait.
    match tokio::time::timeout(server::LONGEST_WAIT, made).await {
        Ok(backup) => Ok(Initiated::Done {
            backup: backup?.backup_id.to_string(),
        }),
        Err(_) => Ok(Initiated::Underway),
    }
}

#[cfg(feature = "ssr")]
pub(crate) use server::draft_of;

#[cfg(feature = "ssr")]
mod server {
    //! The server's half.

    use std::time::Duration;

    use backup_api::{Action, Actor, ApiError, EnvironmentId, Problem};
    use console::{ConsoleError, Difference, Drafts};
    use leptos::prelude::{expect_context, use_context};

    use super::{Choice, DraftFile, FileFacts, Refusal};
    use crate::drafts::Inspection;
    use crate::{
        context::{RequestId, Viewer, viewer},
        error::{AppError, PageError, log},
    };

    /// Far below what proxies allow an answer to take.
    pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(20);

    /// Whoever calls, for which environment.
    pub(super) struct Caller {
        pub(super) drafts: Drafts,
        pub(super) actor: Actor,
        pub(super) environment: EnvironmentId,
    }

    impl Caller {
        pub(super) async fn of(environment: &str) -> Result<Self, Refusal> {
            let viewer = viewer().await?;
            Ok(Self {
                drafts: expect_context::<Drafts>(),
                environment: viewer.environment(environment)?.id,
                actor: viewer.actor().clone(),
            })
        }
    }

    /// What of a pair is there when the page is written. The page works without it.
    pub(crate) async fn draft_of(viewer: &Viewer, environment: &EnvironmentId) -> Vec<DraftFile> {
        let Some(drafts) = use_context::<Drafts>() else {
            return Vec::new();
        };
        // Looking at the page is no attempt to upload.
        if !viewer.access.allows(environment, Action::Upload) {
            return Vec::new();
        }
        match drafts.of(viewer.actor(), environment).await {
            Ok(files) => files.into_iter().map(DraftFile::from).collect(),
            // Whoever may not upload has none.
            Err(ConsoleError::Api(ApiError::Forbidden { .. })) => Vec::new(),
            Err(error) => {
                log(&error);
                Vec::new()
            }
        }
    }

    impl From<PageError> for Refusal {
        fn from(error: PageError) -> Self {
            match error {
                PageError::SignInNeeded => refused(&ApiError::Unauthenticated {
                    reason: "You were signed out. Sign in in another tab, then go on here.".to_owned(),
                }),
                PageError::NotFound => Self {
                    status: 404,
                    code: "not-found".to_owned(),
                    detail: "There is no such environment any more. Reload the page.".to_owned(),
                    request_id: request_id(),
                },
                PageError::Refused { status, detail, .. } => Self {
                    status: status.as_u16(),
                    code: "refused".to_owned(),
                    detail,
                    request_id: request_id(),
                },
            }
        }
    }

    impl From<ConsoleError> for Refusal {
        fn from(error: ConsoleError) -> Self {
            match error {
                ConsoleError::Api(ApiError::Internal(_)) => PageError::from(error).into(),
                ConsoleError::Api(error) => refused(&error),
                ConsoleError::TooManyAttempts { retry_after } => refused(&ApiError::TooManyAttempts {
                    seconds: u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX),
                }),
                ConsoleError::ConfirmationNeeded => password_refused(AppError::ConfirmationNeeded),
                ConsoleError::WrongCredentials => password_refused(AppError::WrongPassword),
                other => PageError::from(other).into(),
            }
        }
    }

    fn password_refused(error: AppError) -> Refusal {
        Refusal {
            status: 403,
            code: "forbidden".to_owned(),
            detail: error.sentence().to_owned(),
            request_id: request_id(),
        }
    }

    fn refused(error: &ApiError) -> Refusal {
        let problem = Problem::from(error);
        let code = serde_json::to_value(problem.code).expect("a code is a word");
        Refusal {
            status: problem.status,
            code: code.as_str().expect("a code is a word").to_owned(),
            detail: problem.detail,
            request_id: request_id(),
        }
    }

    fn request_id() -> Option<String> {
        use_context::<RequestId>().map(|RequestId(id)| id)
    }

    impl From<FileFacts> for console::FileFacts {
        fn from(
            FileFacts {
                name,
                size,
                modified,
                sample,
            }: FileFacts,
        ) -> Self {
            Self {
                name,
                size,
                modified,
                sample,
            }
        }
    }

    impl From<console::DraftFile> for DraftFile {
        fn from(draft: console::DraftFile) -> Self {
            let is_refused = draft.is_refused();
            let inspection = draft.inspection.map(|inspection| Inspection {
                summary: inspection.summary().to_owned(),
                findings: inspection.findings().to_vec(),
                is_refused,
            });
            let console::FileFacts {
                name,
                size,
                modified,
                sample,
            } = draft.file;
            Self {
                part: draft.part,
                upload: draft.upload,
                file: FileFacts {
                    name,
                    size,
                    modified,
                    sample,
                },
                received: draft.received,
                sha256: draft.sha256,
                inspection,
            }
        }
    }

    impl From<console::Choice> for Choice {
        fn from(choice: console::Choice) -> Self {
            match choice {
                console::Choice::Ready(draft) => Self::Ready(draft.into()),
                console::Choice::Other { there, differences } => Self::Other {
                    there: there.into(),
                    differs_in: in_words(&differences),
                },
            }
        }
    }

    fn in_words(differences: &[Difference]) -> String {
        let words: Vec<&str> = differences
            .iter()
            .map(|difference| match difference {
                Difference::Name => "its name",
                Difference::Size => "its size",
                Difference::Modified => "the time it was changed",
                Difference::Content => "its content",
            })
            .collect();
        match words.split_last() {
            None => String::new(),
            Some((only, [])) => (*only).to_owned(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn differences_are_a_list_in_words() {
            let all = [Difference::Name, Difference::Size, Difference::Content];
            assert_eq!(in_words(&all), "its name, its size and its content");
            assert_eq!(in_words(&all[1..2]), "its size");
        }
    }
}
