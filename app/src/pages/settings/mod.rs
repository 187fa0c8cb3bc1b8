//! The pages about people: oneself, one's tokens and sessions, and for Owners everybody.

mod account;
mod invitation;
mod people;
mod person;
mod sessions;
mod tokens;

pub(crate) use account::AccountPage;
pub(crate) use invitation::InvitationPage;
pub(crate) use people::PeoplePage;
pub(crate) use person::PersonPage;
pub(crate) use sessions::SessionsPage;
pub(crate) use tokens::TokensPage;

use console::{Role, Scope};
use leptos::prelude::*;

use super::page;
use crate::{context::query_value, error::AppError};

/// What the form that led back to this page was refused with.
fn problem() -> Option<AppError> {
    let problem = query_value("problem").and_then(|code| AppError::from_code(&code));
    // The form itself was not understood, so no code of ours came back.
    problem.or_else(|| query_value("__err").map(|_| AppError::InvalidRequest))
}

/// A scope in the middle of a sentence.
fn of_what(scope: &Scope) -> String {
    match scope {
        Scope::Everything => "everything".to_owned(),
        Scope::Project(project) => format!("project {project}"),
        Scope::Environment(environment) => environment.to_string(),
    }
}

/// The roles to choose from, the least first: nobody becomes an Owner by a slip of the wheel.
#[component]
fn RoleOptions(
    chosen: Option<Role>,
    /// What stands for no entry; none where there has to be one.
    #[prop(optional_no_strip)]
    none: Option<String>,
) -> impl IntoView {
    let options = Role::ALL
        .into_iter()
        .rev()
        .map(|role| {
            view! {
                <option value=role.as_str() selected=chosen == Some(role)>
                    {role.title()}
                </option>
            }
        })
        .collect_view();
    view! {
        {none
            .map(|none| {
                view! {
                    <option value="" selected=chosen.is_none()>
                        {none}
                    </option>
                }
            })}
        {options}
    }
}
