//! Access tokens: those one has, and a form for another.

use backup_api::Action;
use console::{AccessToken, LONGEST_TOKEN_DAYS, Scope, TokenScope, USUAL_TOKEN_DAYS, session::is_confirmed};
use leptos::{prelude::*, server_fn::ServerFn};
use secrecy::ExposeSecret;

use super::{page, problem};
use crate::{
    components::{Moment, NewSecret, PasswordAgain, Settings, SettingsPage, Until},
    context::{Viewer, query_value, session, viewer},
    error::AppError,
    server_functions::{MakeToken, RevokeToken},
};

/// `?made=` leads once to the token that a form just made.
#[component]
pub(crate) fn TokensPage() -> impl IntoView {
    let problem = problem();
    let made = query_value("made");
    let name = query_value("name").unwrap_or_default();
    page(async move {
        let viewer = viewer().await?;
        let confirmed = is_confirmed(&session().await?).await;
        let tokens = viewer.console.access_tokens(&viewer.person).await?;
        let made = made.and_then(|handle| viewer.console.shown_once(&viewer.person, &handle));
        let made = made.map(|token| {
            let sentence = "Copy it now: it is shown this once. Send it as dxpcloud-authorization: Bearer <token>, and keep it where passwords are kept.";
            view! {
                <NewSecret
                    title="Your new access token"
                    sentence=sentence.to_owned()
                    secret=token.expose_secret().to_owned()
                    what="access token"
                />
            }
        });
        Ok(view! {
            <SettingsPage viewer=viewer.clone() here=Settings::Tokens title="Access tokens" problem>
                <div class="page-head">
                    <div>
                        <h1>"Access tokens"</h1>
                        <p class="quiet">
                            "Programs use the backup services in your name with them. A token may at most what you may."
                        </p>
                    </div>
                </div>
                {made}
                <TokenList tokens />
                <section class="card card-padded" aria-labelledby="new-token">
                    <h2 id="new-token">"New access token"</h2>
                    <NewTokenForm viewer name problem confirmed />
                </section>
            </SettingsPage>
        }
        .into_any())
    })
}

#[component]
fn TokenList(tokens: Vec<AccessToken>) -> AnyView {
    if tokens.is_empty() {
        return view! {
            <section class="card card-padded" aria-label="Your access tokens">
                <p>"You have no access tokens."</p>
            </section>
        }
        .into_any();
    }
    let rows = tokens
        .into_iter()
        .map(|token| {
            let label = format!("Revoke {}", token.name);
            let used = token.last_used_at.map_or_else(
                || view! { "never" }.into_any(),
                |time| view! { <Moment time /> }.into_any(),
            );
            view! {
                <tr>
                    <th scope="row">{token.name}</th>
                    <td data-label="May">{words(&token.scope)}</td>
                    <td data-label="Last used">{used}</td>
                    <td data-label="Ends">
                        <Until time=token.expires_at />
                    </td>
                    <td class="number">
                        <form method="post" action=RevokeToken::url()>
                            <input type="hidden" name="id" value=token.id />
                            <button type="submit" class="button" aria-label=label>
                                "Revoke"
                            </button>
                        </form>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-label="Your access tokens">
            <table class="data-table">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"May"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col">"Ends"</th>
                        <th scope="col">
                            <span class="visually-hidden">"Revoke"</span>
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
fn NewTokenForm(viewer: Viewer, name: String, problem: Option<AppError>, confirmed: bool) -> impl IntoView {
    let environments = viewer
        .projects
        .iter()
        .flat_map(|project| &project.environments)
        .map(|environment| {
            let value = Scope::Environment(environment.id.clone()).to_string();
            view! { <Box name="environments[]" value label=environment.id.to_string() /> }
        })
        .collect_view();
    let actions = Action::ALL
        .into_iter()
        .map(|action| {
            let value = serde_json::to_value(action)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
                .unwrap_or_default();
            view! { <Box name="actions[]" value label=capitalised(action.phrase()) /> }
        })
        .collect_view();
    view! {
        <form method="post" action=MakeToken::url() class="form">
            <div class="field narrow-form">
                <label for="name">"Name"</label>
                <input id="name" name="name" maxlength="100" required value=name aria-describedby="name-hint" />
                <p class="hint" id="name-hint">
                    "What it is for, such as the script and its machine."
                </p>
            </div>
            <div class="field narrow-form">
                <label for="days">"Days until it ends"</label>
                <input
                    id="days"
                    name="days"
                    type="number"
                    min="1"
                    max=LONGEST_TOKEN_DAYS.to_string()
                    value=USUAL_TOKEN_DAYS.to_string()
                    required
                />
            </div>
            <fieldset class="token-scope">
                <legend>"Environments"</legend>
                <label class="check">
                    <input type="checkbox" name="all_environments" value="true" checked />
                    <span>"All that I may see, those to come as well"</span>
                </label>
                <details>
                    <summary>"Only these, where the box above is not ticked"</summary>
                    <div class="token-scope-boxes">{environments}</div>
                </details>
            </fieldset>
            <fieldset class="token-scope">
                <legend>"What it may do there"</legend>
                <label class="check">
                    <input type="checkbox" name="all_actions" value="true" checked />
                    <span>"All that I may do"</span>
                </label>
                <details>
                    <summary>"Only this, where the box above is not ticked"</summary>
                    <div class="token-scope-boxes">{actions}</div>
                </details>
            </fieldset>
            <div class="narrow-form">
                <PasswordAgain id="token-password" needed=!confirmed problem />
            </div>
            <p class="form-end">
                <button type="submit" class="button button-primary">
                    "Create token"
                </button>
            </p>
        </form>
    }
}

#[component]
fn Box(name: &'static str, value: String, label: String) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value=value />
            <span>{label}</span>
        </label>
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

/// What a token may, in a few words.
fn words(scope: &TokenScope) -> String {
    let actions = scope.actions.as_ref().map_or_else(
        || "Everything you may".to_owned(),
        |actions| {
            let phrases: Vec<_> = actions.iter().map(|action| action.phrase()).collect();
            capitalised(&phrases.join(", "))
        },
    );
    match &scope.environments {
        None => actions,
        Some(environments) => {
            let names: Vec<_> = environments.iter().map(ToString::to_string).collect();
            format!("{actions} in {}", names.join(", "))
        }
    }
}
