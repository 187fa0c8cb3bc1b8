//! Fields that several forms have, each with what is wrong beside it.

use leptos::prelude::*;

use crate::error::AppError;

/// What is wrong with a field; described by it, and read with it.
#[component]
pub(crate) fn FieldError(
    /// Names the sentence.
    id: String,
    sentence: Option<&'static str>,
) -> impl IntoView {
    sentence.map(|sentence| {
        view! {
            <p class="field-error" id=id>
                {sentence}
            </p>
        }
    })
}

/// One's own password once more, where it was given too long ago for what the form does.
#[component]
pub(crate) fn PasswordAgain(
    /// Unique on the page.
    id: &'static str,
    /// Whether it is asked for at all.
    needed: bool,
    /// Why the form was refused.
    problem: Option<AppError>,
) -> impl IntoView {
    let problem = problem.filter(|problem| problem.is_about_password());
    let (hint, error) = (format!("{id}-hint"), format!("{id}-error"));
    let described = match problem {
        Some(_) => format!("{hint} {error}"),
        None => hint.clone(),
    };
    needed.then(|| {
        view! {
            <div class="field">
                <label for=id>"Your password"</label>
                <input
                    id=id
                    name="password"
                    type="password"
                    autocomplete="current-password"
                    required
                    autofocus=problem.is_some()
                    aria-invalid=problem.is_some().then_some("true")
                    aria-describedby=described
                />
                <FieldError id=error sentence=problem.map(AppError::sentence) />
                <p class="hint" id=hint>
                    "It counts for ten minutes, so that nobody else does this at a screen that you left."
                </p>
            </div>
        }
    })
}

/// A new password, with the rules it has to keep to.
#[component]
pub(crate) fn NewPassword(
    /// The field's name.
    name: &'static str,
    /// What the field is called.
    label: &'static str,
    /// Why the form was refused.
    problem: Option<AppError>,
) -> impl IntoView {
    const RULES: &str = "12 to 128 characters, at least five of them different. Not your e-mail address, and not one that \
                         attackers try first. A few unrelated words make a good password.";
    let weak = problem == Some(AppError::WeakPassword);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                id=name
                name=name
                type="password"
                autocomplete="new-password"
                minlength="12"
                maxlength="128"
                required
                autofocus=weak
                aria-describedby=if weak { "password-rules password-error" } else { "password-rules" }
                aria-invalid=weak.then_some("true")
            />
            <FieldError id="password-error".to_owned() sentence=weak.then(|| AppError::WeakPassword.sentence()) />
            <p class="hint" id="password-rules">
                {RULES}
            </p>
        </div>
    }
}
