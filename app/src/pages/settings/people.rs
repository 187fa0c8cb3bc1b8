//! Who belongs here, for Owners; and the form that invites somebody.

use console::{Invitation, Member, Role, Scope, session::is_confirmed};
use leptos::{prelude::*, server_fn::ServerFn};
use secrecy::ExposeSecret;

use super::{RoleOptions, of_what, page, problem};
use crate::{
    components::{Done, FieldError, Moment, NewSecret, PasswordAgain, Settings, SettingsPage, Until},
    context::{query_value, session, viewer},
    error::AppError,
    paths,
    server_functions::{InvitePerson, WithdrawInvitation, invitation_link},
};

/// `?made=` leads once to the link that a form just made; `?email=`, `?scope=` and `?role=` are what was typed.
#[component]
pub(crate) fn PeoplePage() -> impl IntoView {
    let problem = problem();
    let made = query_value("made");
    let done = query_value("done").filter(|word| word == "removed");
    let typed = Typed {
        email: query_value("email").unwrap_or_default(),
        scope: query_value("scope").unwrap_or_default(),
        role: query_value("role").and_then(|word| Role::from_word(&word)),
    };
    page(async move {
        let viewer = viewer().await?;
        let membership = viewer.console.membership(viewer.actor()).await?;
        let confirmed = is_confirmed(&session().await?).await;
        let made = made.and_then(|handle| viewer.console.shown_once(&viewer.person, &handle));
        let made = made.map(|token| {
            let sentence =
                "Send this link to whom it is for. It works once and for seven days, and is shown only now.";
            view! {
                <NewSecret
                    title="The invitation"
                    sentence=sentence.to_owned()
                    secret=invitation_link(token.expose_secret())
                    what="invitation"
                />
            }
        });
        let done = done.map(|_| "The person was removed. What they did stays in the records.".to_owned());
        Ok(view! {
            <SettingsPage viewer here=Settings::People title="People" problem>
                <div class="page-head">
                    <div>
                        <h1>"People"</h1>
                        <p class="quiet">"Who may see and do what in the environments that you own."</p>
                    </div>
                </div>
                <Done sentence=done />
                {made}
                <MemberTable members=membership.members />
                <InvitationTable invitations=membership.invitations />
                <section class="card card-padded" aria-labelledby="invite">
                    <h2 id="invite">"Invite somebody"</h2>
                    <InviteForm scopes=membership.scopes typed problem confirmed />
                </section>
            </SettingsPage>
        }
        .into_any())
    })
}

/// What somebody typed into the form that was refused.
#[derive(Debug, Clone)]
struct Typed {
    email: String,
    scope: String,
    role: Option<Role>,
}

#[component]
fn MemberTable(members: Vec<Member>) -> impl IntoView {
    let rows = members
        .into_iter()
        .map(|member| {
            let roles: Vec<_> = member
                .entries
                .iter()
                .map(|entry| format!("{} of {}", entry.role.title(), of_what(&entry.scope)))
                .collect();
            let roles = if roles.is_empty() {
                "None".to_owned()
            } else {
                roles.join("; ")
            };
            let state = match member.disabled_at {
                None => view! { "Active" }.into_any(),
                Some(time) => view! {
                    <span class="chip">"Disabled"</span>
                    " "
                    <Moment time />
                }
                .into_any(),
            };
            view! {
                <tr>
                    <th scope="row">
                        <a href=paths::person(&member.person.id)>{member.person.email}</a>
                    </th>
                    <td data-label="Roles">{roles}</td>
                    <td data-label="State">{state}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-label="People">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"E-mail address"</th>
                        <th scope="col">"Roles"</th>
                        <th scope="col">"State"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

#[component]
fn InvitationTable(invitations: Vec<Invitation>) -> AnyView {
    if invitations.is_empty() {
        return ().into_any();
    }
    let rows = invitations
        .into_iter()
        .map(|invitation| {
            let label = format!("Withdraw the invitation of {}", invitation.email);
            let entry = &invitation.entry;
            view! {
                <tr>
                    <th scope="row">{invitation.email.clone()}</th>
                    <td data-label="Role">{entry.role.title()} " of " {of_what(&entry.scope)}</td>
                    <td data-label="Invited by">{invitation.invited_by.clone()}</td>
                    <td data-label="Ends">
                        <Until time=invitation.expires_at />
                    </td>
                    <td class="number">
                        <form method="post" action=WithdrawInvitation::url()>
                            <input type="hidden" name="id" value=invitation.id.clone() />
                            <button type="submit" class="button" aria-label=label>
                                "Withdraw"
                            </button>
                        </form>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="open-invitations">
            <div class="card-head">
                <h2 id="open-invitations">"Open invitations"</h2>
            </div>
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"E-mail address"</th>
                        <th scope="col">"Role"</th>
                        <th scope="col">"Invited by"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Withdraw"</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

#[component]
fn InviteForm(scopes: Vec<Scope>, typed: Typed, problem: Option<AppError>, confirmed: bool) -> impl IntoView {
    let wrong = problem.filter(|problem| matches!(problem, AppError::InvalidEmail | AppError::EmailTaken));
    let sentence = wrong.map(|problem| match problem {
        AppError::EmailTaken => {
            "Somebody with this e-mail address is here already. Change what they may on their page."
        }
        other => other.sentence(),
    });
    let options = scopes
        .into_iter()
        .map(|scope| {
            let value = scope.to_string();
            let selected = value == typed.scope;
            view! {
                <option value=value selected=selected>
                    {match &scope {
                        Scope::Everything => "Everything".to_owned(),
                        other => of_what(other),
                    }}
                </option>
            }
        })
        // The widest last: nobody gets everything by a slip.
        .rev()
        .collect_view();
    view! {
        <form method="post" action=InvitePerson::url() class="form narrow-form">
            <div class="field">
                <label for="email">"E-mail address"</label>
                <input
                    id="email"
                    name="email"
                    type="email"
                    autocomplete="off"
                    required
                    value=typed.email
                    autofocus=wrong.is_some()
                    aria-invalid=wrong.is_some().then_some("true")
                    aria-describedby=wrong.is_some().then_some("email-error")
                />
                <FieldError id="email-error".to_owned() sentence />
            </div>
            <div class="field">
                <label for="role">"Role"</label>
                <select id="role" name="role">
                    <RoleOptions chosen=typed.role.or(Some(Role::Guest)) />
                </select>
                <p class="hint">
                    "Guests look. Contributors also make backups. Administrators also upload, download, restore and delete. Owners also say who may do what."
                </p>
            </div>
            <div class="field">
                <label for="scope">"Of"</label>
                <select id="scope" name="scope">
                    {options}
                </select>
            </div>
            <PasswordAgain id="invite-password" needed=!confirmed problem />
            <p class="form-end">
                <button type="submit" class="button button-primary">
                    "Make an invitation"
                </button>
            </p>
        </form>
    }
}
