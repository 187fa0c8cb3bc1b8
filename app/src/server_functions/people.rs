//! Forms about other people, for Owners; and the one by which somebody becomes one of them.

use std::collections::HashMap;

use console::{Confirmed, Console, Role, Scope};
use leptos::prelude::*;
use secrecy::ExposeSecret;

use super::{
    end_form,
    own::{confirmed, end_with_secret},
    secret_field::SecretField,
};
use crate::{
    context::{Viewer, absolute, origin, request_origin, session, viewer, wants_page},
    error::AppError,
    paths,
};

/// Makes the link for somebody who is to come. A program gets it as the answer, a browser on the page that comes next.
#[server(prefix = "/api", endpoint = "invite-person")]
pub async fn invite_person(
    #[server(default)] email: String,
    #[server(default)] scope: String,
    #[server(default)] role: String,
    #[server(default)] password: SecretField,
) -> Result<Option<String>, AppError> {
    let invite = async {
        let viewer = viewer().await?;
        let confirmed = confirmed(&viewer, &session().await?, &password).await?;
        let scope: Scope = scope.parse()?;
        let role = Role::from_word(&role).ok_or(AppError::InvalidRequest)?;
        let token = viewer.console.invite(&confirmed, &email, &scope, role).await?;
        if wants_page() {
            let handle = viewer.console.show_once(&viewer.person, token)?;
            return Ok((None, paths::with_query(paths::PEOPLE, &[("made", &handle)])));
        }
        Ok((Some(invitation_link(token.expose_secret())), String::new()))
    };
    let kept = [("email", email.as_str()), ("scope", &scope), ("role", &role)];
    end_with_secret(invite.await, paths::PEOPLE, &kept)
}

/// The address that an invitation is opened under.
pub(crate) fn invitation_link(token: &str) -> String {
    absolute(&format!("{}?token={token}", paths::INVITATION))
}

/// Withdraws an invitation that nobody has used.
#[server(prefix = "/api", endpoint = "withdraw-invitation")]
pub async fn withdraw_invitation(#[server(default)] id: String) -> Result<(), AppError> {
    let withdraw = async {
        let viewer = viewer().await?;
        Ok(viewer.console.withdraw_invitation(viewer.actor(), &id).await?)
    };
    end_form(withdraw.await, paths::PEOPLE, paths::PEOPLE, &[])
}

/// Uses an invitation up: its person is signed in then.
#[server(prefix = "/api", endpoint = "accept-invitation")]
pub async fn accept_invitation(
    #[server(default)] token: SecretField,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    let accept = async {
        let person = expect_context::<Console>()
            .accept_invitation(token.secret(), password.secret(), request_origin())
            .await?;
        let session = session().await?;
        Ok(console::session::sign_in(&session, &person, &origin()).await?)
    };
    let outcome = accept.await.map_err(|error| match error {
        AppError::WrongCredentials => AppError::WrongPassword,
        other => other,
    });
    // The token goes back to the page it came from while it is still good; once used it is worth nothing.
    let kept = token.secret().expose_secret();
    end_form(outcome, paths::PROJECTS, paths::INVITATION, &[("token", kept)])
}

/// Writes what somebody is: for each scope a role, or nothing for whatever the wider one says.
#[server(prefix = "/api", endpoint = "change-roles")]
pub async fn change_roles(
    #[server(default)] person: String,
    #[server(default)] roles: HashMap<String, String>,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    change(&person, "roles", &password, async |viewer, confirmed| {
        let mut changes = Vec::with_capacity(roles.len());
        for (scope, role) in &roles {
            let role = match role.as_str() {
                "" => None,
                word => Some(Role::from_word(word).ok_or(AppError::InvalidRequest)?),
            };
            changes.push((scope.parse()?, role));
        }
        let console = &viewer.console;
        Ok(console.change_roles(confirmed, &person, &changes).await?)
    })
    .await
}

/// Keeps somebody out.
#[server(prefix = "/api", endpoint = "disable-person")]
pub async fn disable_person(
    #[server(default)] person: String,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    change(&person, "disabled", &password, async |viewer, confirmed| {
        Ok(viewer.console.disable(confirmed, &person).await?)
    })
    .await
}

/// Lets somebody in again.
#[server(prefix = "/api", endpoint = "enable-person")]
pub async fn enable_person(
    #[server(default)] person: String,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    change(&person, "enabled", &password, async |viewer, confirmed| {
        Ok(viewer.console.enable(confirmed, &person).await?)
    })
    .await
}

/// Removes somebody.
#[server(prefix = "/api", endpoint = "remove-person")]
pub async fn remove_person(
    #[server(default)] person: String,
    #[server(default)] password: SecretField,
) -> Result<(), AppError> {
    let remove = async {
        let viewer = viewer().await?;
        let confirmed = confirmed(&viewer, &session().await?, &password).await?;
        Ok(viewer.console.remove(&confirmed, &person).await?)
    };
    let next = paths::with_query(paths::PEOPLE, &[("done", "removed")]);
    end_form(remove.await, &next, &paths::person(&person), &[])
}

/// Ends all sessions of somebody else.
#[server(prefix = "/api", endpoint = "end-sessions-of-person")]
pub async fn end_sessions_of_person(#[server(default)] person: String) -> Result<(), AppError> {
    let end = async {
        let viewer = viewer().await?;
        viewer.console.end_sessions_of(viewer.actor(), &person).await?;
        Ok(())
    };
    let page = paths::person(&person);
    let next = paths::with_query(&page, &[("done", "sessions")]);
    end_form(end.await, &next, &page, &[])
}

/// Changes somebody and leads back to their page, which says so by the word `done`.
async fn change(
    person: &str,
    done: &str,
    password: &SecretField,
    work: impl AsyncFnOnce(&Viewer, &Confirmed) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let change = async {
        let viewer = viewer().await?;
        let confirmed = confirmed(&viewer, &session().await?, password).await?;
        work(&viewer, &confirmed).await
    };
    let page = paths::person(person);
    let outcome: Result<(), AppError> = change.await;
    end_form(outcome, &paths::with_query(&page, &[("done", done)]), &page, &[])
}
