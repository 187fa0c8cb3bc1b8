//! Sign in.

use console::Console;
use leptos::{prelude::*, server_fn::ServerFn};

use super::page;
use crate::{
    components::{BarePage, Notice, NoticeKind},
    context::{query_value, see_other, viewer},
    error::{AppError, PageError},
    paths,
    server_functions::SignIn,
};

/// Asks for e-mail address and password and leads on to `?next=`.
#[component]
pub(crate) fn LoginPage() -> impl IntoView {
    let next = paths::safe_next(&query_value("next").unwrap_or_default()).to_owned();
    let problem = query_value("problem").and_then(|code| AppError::from_code(&code));
    // The form itself was not understood, so no code of ours came back.
    let problem = problem.or_else(|| query_value("__err").map(|_| AppError::InvalidRequest));
    page(async move {
        match viewer().await {
            Ok(_) => {
                see_other(&next);
                return Ok(().into_any());
            }
            Err(PageError::SignInNeeded) => {}
            Err(error) => return Err(error),
        }
        let nobody_yet = expect_context::<Console>().needs_setup().await?;
        Ok(view! { <Form next problem nobody_yet /> }.into_any())
    })
}

#[component]
fn Form(next: String, problem: Option<AppError>, nobody_yet: bool) -> impl IntoView {
    view! {
        <BarePage title="Sign in">
            <h1>"Sign in"</h1>
            {problem.map(|problem| view! { <Notice kind=NoticeKind::Error>{problem.sentence()}</Notice> })}
            {nobody_yet
                .then(|| {
                    view! {
                        <Notice kind=NoticeKind::Information>
                            "Nobody can sign in yet. Open the link that the console printed when it started; it makes the first administrator."
                        </Notice>
                    }
                })}
            <form class="form" method="post" action=SignIn::url()>
                <input type="hidden" name="next" value=next />
                <div class="field">
                    <label for="email">"E-mail address"</label>
                    <input id="email" name="email" type="email" autocomplete="username" required autofocus />
                </div>
                <div class="field">
                    <label for="password">"Password"</label>
                    <input id="password" name="password" type="password" autocomplete="current-password" required />
                </div>
                <p class="form-end">
                    <button type="submit" class="button button-primary button-wide">
                        "Sign in"
                    </button>
                </p>
            </form>
        </BarePage>
    }
}
