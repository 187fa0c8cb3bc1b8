//! Where whoever holds an invitation becomes one of the people.

use console::{Console, Invitation};
use leptos::{prelude::*, server_fn::ServerFn};
use secrecy::SecretString;

use super::{of_what, page, problem};
use crate::{
    components::{BarePage, FieldError, NewPassword, Notice, NoticeKind},
    context::query_value,
    error::AppError,
    server_functions::AcceptInvitation,
};

/// Says what the link is for and asks for a password, or says how to get a link that works.
#[component]
pub(crate) fn InvitationPage() -> impl IntoView {
    let token = query_value("token").unwrap_or_default();
    let problem = problem();
    page(async move {
        let console = expect_context::<Console>();
        let invitation = console.invitation(&SecretString::from(token.clone())).await?;
        Ok(match invitation {
            Some(invitation) => view! { <Form invitation token problem /> }.into_any(),
            None => view! { <NoLonger /> }.into_any(),
        })
    })
}

/// One form for people who are new and for those who are here already: else it would tell which of them are.
#[component]
fn Form(invitation: Invitation, token: String, problem: Option<AppError>) -> impl IntoView {
    let wrong = (problem == Some(AppError::WrongPassword))
        .then_some("That is not the password of your account here. Type the one you sign in with.");
    let other = problem.filter(|problem| !problem.is_about_a_field());
    view! {
        <BarePage title="Invitation">
            <h1>"Invitation"</h1>
            <p>
                {invitation.invited_by} " invites " <b>{invitation.email.clone()}</b> " to be "
                <b>{invitation.entry.role.title()}</b> " of " {of_what(&invitation.entry.scope)} "."
            </p>
            {other.map(|problem| view! { <Notice kind=NoticeKind::Error>{problem.sentence()}</Notice> })}
            <form class="form" method="post" action=AcceptInvitation::url()>
                <input type="hidden" name="token" value=token />
                <input type="hidden" name="username" autocomplete="username" value=invitation.email />
                <NewPassword name="password" label="Password" problem />
                <FieldError id="account-error".to_owned() sentence=wrong />
                <p class="hint">"Choose a password. If you have an account here already, type the password of that."</p>
                <p class="form-end">
                    <button type="submit" class="button button-primary button-wide">
                        "Accept and sign in"
                    </button>
                </p>
            </form>
        </BarePage>
    }
}

#[component]
fn NoLonger() -> impl IntoView {
    view! {
        <BarePage title="This invitation does not work">
            <h1>"This invitation does not work"</h1>
            <p>"It is incomplete, was used, withdrawn or replaced, or is older than seven days."</p>
            <p>"Ask whoever sent it for a new one."</p>
        </BarePage>
    }
}
