//! One of the people: what they are where, their sessions, and the way out.

use console::{Member, Scope, session::is_confirmed};
use leptos::{prelude::*, server_fn::ServerFn};

use super::{RoleOptions, of_what, page, problem, sessions::SessionTable};
use crate::{
    components::{Done, PasswordAgain, Settings, SettingsPage},
    context::{path_parameter, query_value, session, viewer},
    error::AppError,
    server_functions::{ChangeRoles, DisablePerson, EnablePerson, EndSessionsOfPerson, RemovePerson},
};

/// `?done=` is the word for what a form has done.
#[component]
pub(crate) fn PersonPage() -> impl IntoView {
    let id = path_parameter("id");
    let problem = problem();
    let done = query_value("done");
    page(async move {
        let viewer = viewer().await?;
        let member = viewer.console.member(viewer.actor(), &id).await?;
        let scopes = viewer.console.scopes().filter(|scope| viewer.access.owns(scope));
        let scopes: Vec<_> = scopes.collect();
        let sessions = if member.managed {
            viewer.console.sessions_of(viewer.actor(), &id).await?
        } else {
            Vec::new()
        };
        let confirmed = is_confirmed(&session().await?).await;
        let done = done.as_deref().and_then(|word| {
            Some(match word {
                "roles" => "The roles are changed.",
                "disabled" => "They cannot sign in any more; their sessions and access tokens have ended.",
                "enabled" => "They can sign in again. Access tokens have to be made anew.",
                "sessions" => "Their sessions have ended.",
                _ => return None,
            })
        });
        let email = member.person.email.clone();
        let there = (!sessions.is_empty()).then(|| {
            view! {
                <section class="card" aria-labelledby="sessions-title">
                    <div class="card-head card-head-row">
                        <h2 id="sessions-title">"Sessions"</h2>
                        <form method="post" action=EndSessionsOfPerson::url()>
                            <input type="hidden" name="person" value=id.clone() />
                            <button type="submit" class="button">
                                "End all"
                            </button>
                        </form>
                    </div>
                    <SessionTable sessions own=false />
                </section>
            }
        });
        Ok(view! {
            <SettingsPage viewer here=Settings::People title=email.clone() problem>
                <div class="page-head">
                    <div>
                        <h1>{email}</h1>
                        <p class="quiet">
                            "The most specific role counts: one for an environment goes before one for its project."
                        </p>
                    </div>
                </div>
                <Done sentence=done.map(str::to_owned) />
                <section class="card card-padded" aria-labelledby="roles-title">
                    <h2 id="roles-title">"Roles"</h2>
                    <RoleForm member=member.clone() scopes problem confirmed />
                </section>
                {there}
                <Leaving member problem confirmed />
            </SettingsPage>
        }
        .into_any())
    })
}

#[component]
fn RoleForm(member: Member, scopes: Vec<Scope>, problem: Option<AppError>, confirmed: bool) -> impl IntoView {
    let own = |scope: &Scope| {
        let mut entries = member.entries.iter();
        entries
            .find(|entry| &entry.scope == scope)
            .map(|entry| entry.role)
    };
    // What they are here without an entry of its own.
    let around = |scope: &Scope| {
        let wider = member
            .entries
            .iter()
            .filter(|entry| &entry.scope != scope && entry.scope.contains(scope));
        let nearest = wider.max_by(|one, other| one.scope.cmp(&other.scope));
        nearest.map_or_else(
            || "None".to_owned(),
            |entry| format!("As for {}: {}", of_what(&entry.scope), entry.role.title()),
        )
    };
    let rows = scopes
        .into_iter()
        .enumerate()
        .map(|(number, scope)| {
            let id = format!("role-{number}");
            let class = match scope {
                Scope::Everything => "scope-everything",
                Scope::Project(_) => "scope-project",
                Scope::Environment(_) => "scope-environment",
            };
            let title = match &scope {
                Scope::Everything => "Everything".to_owned(),
                Scope::Project(project) => format!("Project {project}"),
                Scope::Environment(environment) => environment.to_string(),
            };
            view! {
                <tr>
                    <th scope="row" class=class>
                        <label for=id.clone()>{title}</label>
                    </th>
                    <td>
                        <select id=id name=format!("roles[{scope}]")>
                            <RoleOptions chosen=own(&scope) none=Some(around(&scope)) />
                        </select>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <form method="post" action=ChangeRoles::url() class="form">
            <input type="hidden" name="person" value=member.person.id.clone() />
            <table class="role-table">
                <thead>
                    <tr>
                        <th scope="col">"Of"</th>
                        <th scope="col">"Role"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
            <div class="narrow-form">
                <PasswordAgain id="roles-password" needed=!confirmed problem />
            </div>
            <p class="form-end">
                <button type="submit" class="button button-primary">
                    "Save roles"
                </button>
            </p>
        </form>
    }
}

/// Disabling, enabling and removing: two buttons of one form, so that the password is asked for once.
#[component]
fn Leaving(member: Member, problem: Option<AppError>, confirmed: bool) -> AnyView {
    if !member.managed {
        return view! {
            <p class="quiet">
                "They have roles elsewhere as well, so only an Owner of everything that concerns them can disable or remove them."
            </p>
        }
        .into_any();
    }
    let (action, label, sentence) = if member.disabled_at.is_some() {
        (
            EnablePerson::url(),
            "Let them sign in again",
            "They cannot sign in now. Their roles are kept.",
        )
    } else {
        (
            DisablePerson::url(),
            "Disable",
            "Disabling ends their sessions and access tokens at once and keeps their roles. Removing also forgets their roles; what they did stays in the records.",
        )
    };
    view! {
        <section class="card card-padded" aria-labelledby="leaving-title">
            <h2 id="leaving-title">"Way out"</h2>
            <p>{sentence}</p>
            <form method="post" action=action class="form">
                <input type="hidden" name="person" value=member.person.id />
                <div class="narrow-form">
                    <PasswordAgain id="leaving-password" needed=!confirmed problem />
                </div>
                <p class="form-end">
                    <button type="submit" class="button">
                        {label}
                    </button>
                    <button type="submit" class="button button-danger" formaction=RemovePerson::url()>
                        "Remove"
                    </button>
                </p>
            </form>
        </section>
    }
    .into_any()
}
