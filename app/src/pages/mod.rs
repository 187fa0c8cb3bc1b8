//! One file per page, and what all of them do alike.

mod activities;
mod backup;
mod backups;
mod delete;
mod failure;
mod login;
mod not_found;
mod operation;
mod projects;
mod service_away;
mod settings;
mod setup;
mod upload;

pub(crate) use activities::{ActivitiesPage, ConsoleActivitiesPage};
pub(crate) use backup::BackupPage;
pub(crate) use backups::BackupsPage;
pub(crate) use delete::DeletePage;
pub(crate) use login::LoginPage;
pub(crate) use not_found::NotFoundPage;
pub(crate) use operation::OperationPage;
pub(crate) use projects::ProjectsPage;
pub(crate) use settings::{AccountPage, InvitationPage, PeoplePage, PersonPage, SessionsPage, TokensPage};
pub(crate) use setup::SetupPage;
pub(crate) use upload::UploadPage;

use axum::http::StatusCode;
use leptos::prelude::*;

use crate::{
    context::{own_address, path_parameter, see_other, set_status, viewer},
    error::PageError,
    paths,
};

/// Shows what `content` becomes or, with the status that fits, why it did not.
fn page(content: impl Future<Output = Result<AnyView, PageError>> + Send + 'static) -> impl IntoView {
    let environment = path_parameter("environment");
    Suspend::new(async move {
        match content.await {
            Ok(view) => view,
            Err(PageError::SignInNeeded) => {
                see_other(&paths::login(paths::safe_next(&own_address())));
                ().into_any()
            }
            Err(PageError::NotFound) => {
                set_status(StatusCode::NOT_FOUND);
                not_found::NotFound().into_any()
            }
            Err(PageError::Refused {
                status,
                title,
                detail,
            }) => {
                if status == StatusCode::SERVICE_UNAVAILABLE
                    && let Ok(viewer) = viewer().await
                    && let Ok(environment) = viewer.environment(&environment)
                {
                    return view! { <service_away::ServiceAway viewer environment title detail /> }
                        .into_any();
                }
                set_status(status);
                view! { <failure::Failure title detail /> }.into_any()
            }
        }
    })
}
