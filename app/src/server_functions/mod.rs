//! What forms post to (sign in, set up, sign out), and what islands call.
//!
//! The former run on the server only. Each works as a plain form. A browser is sent to a page by 303, so that reloading never posts again; a program
//! gets the status and, when it failed, the code as JSON.

#[cfg(feature = "ssr")]
mod changes;
pub(crate) mod drafts;
#[cfg(feature = "ssr")]
mod own;
#[cfg(feature = "ssr")]
mod people;
#[cfg(feature = "ssr")]
mod secret_field;
#[cfg(feature = "ssr")]
mod set_up;
#[cfg(feature = "ssr")]
mod sign_in;
#[cfg(feature = "ssr")]
mod sign_out;

#[cfg(feature = "ssr")]
pub use {
    changes::{AnnotateBackup, BreakLock, CancelOperation, DeleteBackup, PinBackup, VerifyBackup},
    own::{ChangePassword, EndOtherSessions, EndSession, MakeToken, RevokeToken},
    people::{
        AcceptInvitation, ChangeRoles, DisablePerson, EnablePerson, EndSessionsOfPerson, InvitePerson,
        RemovePerson, WithdrawInvitation,
    },
    set_up::SetUp,
    sign_in::SignIn,
    sign_out::SignOut,
};

#[cfg(feature = "ssr")]
pub(crate) use people::invitation_link;

#[cfg(feature = "ssr")]
use axum::http::{HeaderValue, header::RETRY_AFTER};
#[cfg(feature = "ssr")]
use leptos::prelude::use_context;
#[cfg(feature = "ssr")]
use leptos_axum::ResponseOptions;

#[cfg(feature = "ssr")]
use crate::{
    context::{see_other, wants_page},
    error::AppError,
    paths,
};

#[cfg(feature = "ssr")]
/// Ends a form: on to `next` when it succeeded, else back to `form` with the code of the error and what is `kept` of its
/// fields. Who has been signed out meanwhile is led to sign in and back to the form.
fn end_form(
    outcome: Result<(), AppError>,
    next: &str,
    form: &str,
    kept: &[(&str, &str)],
) -> Result<(), AppError> {
    if let (Err(AppError::TooManyRequests { seconds }), Some(response)) =
        (&outcome, use_context::<ResponseOptions>())
    {
        response.insert_header(RETRY_AFTER, HeaderValue::from(*seconds));
    }
    if wants_page() {
        match outcome {
            Ok(()) => see_other(next),
            Err(AppError::NotSignedIn) => see_other(&paths::login(form)),
            Err(error) => {
                let query: Vec<_> = [("problem", error.code())]
                    .into_iter()
                    .chain(kept.iter().copied())
                    .collect();
                see_other(&paths::with_query(form, &query));
            }
        }
    }
    outcome
}
