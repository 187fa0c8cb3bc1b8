//! The first administrator, through the link that the console prints when it starts.

use console::Console;
use leptos::{prelude::*, server_fn::ServerFn};
use secrecy::SecretString;

use super::page;
use crate::{
    components::{BarePage, Notice, NoticeKind},
    context::query_value,
    error::AppError,
    paths,
    server_functions::SetUp,
};

const PASSWORD_RULES: &str = "12 to 128 characters, at least five of them different. Not your e-mail address, and not one that \
                              attackers try first. A few unrelated words make a good password.";

/// Asks for e-mail address and password, or says how to get a link that works.
#[component]
pub(crate) fn SetupPage() -> impl IntoView {
    let token = query_value("token").unwrap_or_default();
    let problem = query_value("problem").and_then(|code| AppError::from_code(&code));
    page(async move {
        let console = expect_context::<Console>();
        if !console.needs_setup().await? {
            return Ok(view! { <Done /> }.into_any());
        }
        if !console
            .setup_token_is_valid(&SecretString::from(token.clone()))
            .await?
        {
            return Ok(view! { <NewLink /> }.into_any());
        }
        Ok(view! { <Form token problem /> }.into_any())
    })
}

#[component]
fn Form(token: String, problem: Option<AppError>) -> impl IntoView {
    let email_is_wrong = matches!(problem, Some(AppError::InvalidEmail | AppError::EmailTaken));
    let password_is_wrong = problem == Some(AppError::WeakPassword);
    view! {
        <BarePage title="Set up the console">
            <h1>"Set up the console"</h1>
            <p>"You become its first administrator. This link works once."</p>
            {problem.map(|problem| view! { <Notice kind=NoticeKind::Error>{problem.sentence()}</Notice> })}
            <form class="form" method="post" action=SetUp::url()>
                <input type="hidden" name="token" value=token />
                <div class="field">
                    <label for="email">"E-mail address"</label>
                    <input
                        id="email"
                        name="email"
                        type="email"
                        autocomplete="username"
                        required
                        autofocus
                        aria-invalid=email_is_wrong.then_some("true")
                    />
                </div>
                <div class="field">
                    <label for="password">"Password"</label>
                    <input
                        id="password"
                        name="password"
                        type="password"
                        autocomplete="new-password"
                        minlength="12"
                        maxlength="128"
                        required
                        aria-describedby="password-rules"
                        aria-invalid=password_is_wrong.then_some("true")
                    />
                    <p class="hint" id="password-rules">
                        {PASSWORD_RULES}
                    </p>
                </div>
                <p class="form-end">
                    <button type="submit" class="button button-primary button-wide">
                        "Create administrator"
                    </button>
                </p>
            </form>
        </BarePage>
    }
}

#[component]
fn NewLink() -> impl IntoView {
    view! {
        <BarePage title="This link does not work">
            <h1>"This link does not work"</h1>
            <p>"It is incomplete, was replaced by a newer one, or is older than 24 hours."</p>
            <p>
                "Restart the console: while nobody can sign in, it prints a new link when it starts. Open that one within 24 hours."
            </p>
        </BarePage>
    }
}

#[component]
fn Done() -> impl IntoView {
    view! {
        <BarePage title="The console is set up">
            <h1>"The console is set up"</h1>
            <p>"The first administrator exists already, so this link has done its work."</p>
            <p class="form-end">
                <a class="button button-primary" href=paths::LOGIN>
                    "Sign in"
                </a>
            </p>
        </BarePage>
    }
}
