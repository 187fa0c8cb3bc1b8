//! Oneself: who one is here, and the password.

use leptos::{prelude::*, server_fn::ServerFn};

use super::{of_what, page, problem};
use crate::{
    components::{Done, FieldError, NewPassword, Settings, SettingsPage},
    context::{query_value, viewer},
    error::AppError,
    server_functions::ChangePassword,
};

/// `?ended=` says how many sessions a new password has ended.
#[component]
pub(crate) fn AccountPage() -> impl IntoView {
    let problem = problem();
    let ended = query_value("ended").and_then(|number| number.parse::<u64>().ok());
    page(async move {
        let viewer = viewer().await?;
        let email = viewer.person.email.clone();
        let roles = viewer
            .access
            .entries()
            .iter()
            .map(|entry| {
                view! {
                    <li>
                        <b>{entry.role.title()}</b>
                        " of "
                        {of_what(&entry.scope)}
                    </li>
                }
            })
            .collect_view();
        let no_roles = viewer.access.entries().is_empty();
        let wrong = problem.filter(|problem| problem.is_about_password());
        let done = ended.map(|ended| match ended {
            0 => "Your password is changed. You were signed in nowhere else.".to_owned(),
            1 => "Your password is changed, and your other session was ended.".to_owned(),
            more => format!("Your password is changed, and your {more} other sessions were ended."),
        });
        Ok(view! {
            <SettingsPage viewer here=Settings::Account title="Account" problem>
                <div class="page-head">
                    <h1>"Account"</h1>
                </div>
                <Done sentence=done />
                <section class="card card-padded" aria-labelledby="who">
                    <h2 id="who">{email.clone()}</h2>
                    <ul class="plain-list role-list">{roles}</ul>
                    {no_roles
                        .then(|| {
                            view! { <p>"You may see no environment yet. Ask an Owner of the project for a role."</p> }
                        })}
                </section>
                <section class="card card-padded" aria-labelledby="password-title">
                    <h2 id="password-title">"Password"</h2>
                    <p class="quiet">
                        "A new password ends your other sessions at once. Access tokens stay; revoke them on their own page."
                    </p>
                    <form method="post" action=ChangePassword::url() class="form narrow-form">
                        // For password managers.
                        <input type="hidden" name="username" autocomplete="username" value=email />
                        <div class="field">
                            <label for="old">"Present password"</label>
                            <input
                                id="old"
                                name="password"
                                type="password"
                                autocomplete="current-password"
                                required
                                autofocus=wrong.is_some()
                                aria-invalid=wrong.is_some().then_some("true")
                                aria-describedby=wrong.is_some().then_some("old-error")
                            />
                            <FieldError id="old-error".to_owned() sentence=wrong.map(AppError::sentence) />
                        </div>
                        <NewPassword name="new" label="New password" problem />
                        <p class="form-end">
                            <button type="submit" class="button button-primary">
                                "Change password"
                            </button>
                        </p>
                    </form>
                </section>
            </SettingsPage>
        }
        .into_any())
    })
}
