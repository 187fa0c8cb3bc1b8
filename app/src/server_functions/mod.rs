//! What forms post to: sign in, set up, sign out.
//!
//! Each works as a plain form. A browser is sent to a page by 303, so that reloading never posts again; a program
//! gets the status and, when it failed, the code as JSON.

mod secret_field;
mod set_up;
mod sign_in;
mod sign_out;

pub use set_up::SetUp;
pub use sign_in::SignIn;
pub use sign_out::SignOut;

use crate::{
    context::{see_other, wants_page},
    error::AppError,
    paths,
};

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
