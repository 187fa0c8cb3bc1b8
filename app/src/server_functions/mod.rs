//! What forms post to (sign in, set up, sign out), and what islands call.
//!
//! The former run on the server only. Each works as a plain form. A browser is sent to a page by 303, so that reloading never posts again; a program
//! gets the status and, when it failed, the code as JSON.

#[cfg(feature = "ssr")]
mod changes;
pub(crate) mod drafts;
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
    changes::{AnnotateBackup, BreakLock, CancelOperation, DeleteBackup, PinBackup},
    set_up::SetUp,
    sign_in::SignIn,
    sign_out::SignOut,
};

#[cfg(feature = "ssr")]
use crate::{
    context::{see_other, wants_page},
    error::AppError,
    paths,
};

#[cfg(feature = "ssr")]
/// Ends a form: on to `next` when it succeeded, else back to `form` with the code of the error.
fn end_form(
    outcome: Result<(), AppError>,
    next: &str,
    form: &str,
    kept: &[(&str, &str)],
) -> Result<(), AppError> {
    if wants_page() {
        match outcome {
            Ok(()) => see_other(next),
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
