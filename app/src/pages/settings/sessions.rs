//! Where one is signed in.

use console::SessionSummary;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{page, problem};
use crate::{
    browsers,
    components::{Moment, Settings, SettingsPage},
    context::{session, viewer},
    server_functions::{EndOtherSessions, EndSession},
};

/// One's own sessions.
#[component]
pub(crate) fn SessionsPage() -> impl IntoView {
    let problem = problem();
    page(async move {
        let viewer = viewer().await?;
        let sessions = viewer.console.sessions(&viewer.person, &session().await?).await?;
        let others = sessions.iter().any(|session| !session.current);
        Ok(view! {
            <SettingsPage viewer here=Settings::Sessions title="Sessions" problem>
                <div class="page-head">
                    <div>
                        <h1>"Sessions"</h1>
                        <p class="quiet">
                            "Where you are signed in. What you end here is out with its next click."
                        </p>
                    </div>
                    {others
                        .then(|| {
                            view! {
                                <form method="post" action=EndOtherSessions::url()>
                                    <button type="submit" class="button">
                                        "End all others"
                                    </button>
                                </form>
                            }
                        })}
                </div>
                <section class="card" aria-label="Your sessions">
                    <SessionTable sessions own=true />
                </section>
            </SettingsPage>
        }
        .into_any())
    })
}

/// Sessions of somebody; one's `own` can be ended one by one.
#[component]
pub(super) fn SessionTable(sessions: Vec<SessionSummary>, own: bool) -> impl IntoView {
    let rows = sessions
        .into_iter()
        .map(|session| {
            let browser = browsers::name(session.user_agent.as_deref());
            let label = format!("End the session in {browser}");
            let end = match (own, session.current) {
                (_, true) => view! { <span class="chip">"This session"</span> }.into_any(),
                (true, false) => view! {
                    <form method="post" action=EndSession::url()>
                        <input type="hidden" name="id" value=session.id />
                        <button type="submit" class="button" aria-label=label>
                            "End"
                        </button>
                    </form>
                }
                .into_any(),
                (false, false) => ().into_any(),
            };
            view! {
                <tr>
                    <th scope="row" title=session.user_agent.unwrap_or_default()>
                        {browser}
                    </th>
                    <td data-label="Address">{session.address.unwrap_or_else(|| "unknown".to_owned())}</td>
                    <td data-label="Signed in">
                        <Moment time=session.signed_in_at />
                    </td>
                    <td data-label="Last seen">
                        <Moment time=session.seen_at />
                    </td>
                    {own.then(|| view! { <td class="number">{end}</td> })}
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="data-table">
            <thead>
                <tr>
                    <th scope="col">"Browser"</th>
                    <th scope="col">"Address"</th>
                    <th scope="col">"Signed in"</th>
                    <th scope="col">"Last seen"</th>
                    {own
                        .then(|| {
                            view! {
                                <th scope="col">
                                    <span class="visually-hidden">"End"</span>
                                </th>
                            }
                        })}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
}
