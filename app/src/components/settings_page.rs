//! The page around everything that is about people and not about an environment.

use leptos::prelude::*;

use crate::{
    components::{ConsolePage, Notice, NoticeKind, Place},
    context::Viewer,
    error::AppError,
    paths,
};

/// Which of the settings a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settings {
    Account,
    Tokens,
    Sessions,
    People,
}

impl Settings {
    const ALL: [Self; 4] = [Self::Account, Self::Tokens, Self::Sessions, Self::People];

    const fn title(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Tokens => "Access tokens",
            Self::Sessions => "Sessions",
            Self::People => "People",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Account => paths::ACCOUNT,
            Self::Tokens => paths::TOKENS,
            Self::Sessions => paths::SESSIONS,
            Self::People => paths::PEOPLE,
        }
    }
}

/// The links between the settings, then the page's own content, which begins with an `<h1>`. What a form was refused with
/// stands on top unless it stands beside a field.
#[component]
pub(crate) fn SettingsPage(
    viewer: Viewer,
    here: Settings,
    #[prop(into)] title: String,
    /// Why a form was refused.
    problem: Option<AppError>,
    children: Children,
) -> AnyView {
    let may_see_people = viewer.access.owns_something();
    let links = Settings::ALL
        .into_iter()
        .filter(|settings| may_see_people || *settings != Settings::People)
        .map(|settings| {
            view! {
                <li>
                    <a href=settings.path() aria-current=(settings == here).then_some("page")>
                        {settings.title()}
                    </a>
                </li>
            }
        })
        .collect_view();
    let problem = problem.filter(|problem| !problem.is_about_a_field());
    view! {
        <ConsolePage viewer place=Place::Settings shown=Vec::new() title>
            <nav class="settings-links" aria-label="Settings">
                <ul class="plain-list">{links}</ul>
            </nav>
            {problem
                .map(|problem| {
                    view! {
                        <Notice kind=NoticeKind::Error>
                            <p>{problem.sentence()}</p>
                        </Notice>
                    }
                })}
            {children()}
        </ConsolePage>
    }
    .into_any()
}

/// What a form has done, for whoever comes from it.
#[component]
pub(crate) fn Done(#[prop(into)] sentence: Option<String>) -> impl IntoView {
    sentence.map(|sentence| {
        view! {
            <div role="status">
                <Notice kind=NoticeKind::Success>
                    <p>{sentence}</p>
                </Notice>
            </div>
        }
    })
}

/// A secret that is shown this once.
#[component]
pub(crate) fn NewSecret(
    /// What it is, as a heading.
    title: &'static str,
    /// What to do with it.
    sentence: String,
    secret: String,
    /// Completes "Copy …".
    what: &'static str,
) -> impl IntoView {
    use crate::components::Copy;
    view! {
        <section class="card card-padded new-secret" aria-labelledby="new-secret">
            <h2 id="new-secret" tabindex="-1">
                {title}
            </h2>
            <p>{sentence}</p>
            <p class="secret">
                <code>{secret.clone()}</code>
                <Copy text=secret what />
            </p>
        </section>
    }
}
