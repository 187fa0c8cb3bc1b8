//! What a page knows of the request it answers: who asks, for which environment, with which query.
//!
//! Taken from Leptos' context, where the server puts the [`Console`] and the request. Each page calls [`viewer`]
//! itself; there is no layer in front of it that could be forgotten.

use axum::http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use backup_api::{Actor, EnvironmentId, RequestOrigin, Via, http::ClientAddress};
use console::{Access, Console, Environment, Origin, Person, Project};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::{use_params_map, use_query_map};
use tower_sessions::Session;

use crate::{error::PageError, paths, problems, theme::Theme};

/// The id that joins a page to the log. The server provides it as context; a page without one shows none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Somebody who is signed in, and the console as they may see it.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    pub(crate) console: Console,
    pub(crate) person: Person,
    /// What they may do, as it was when this request came: read once, and what everything on the page is decided by.
    pub(crate) access: Access,
    /// The projects and environments that they may look at: for them there are no others.
    pub(crate) projects: Vec<Project>,
}

impl Viewer {
    /// The viewer as the one who asks.
    pub(crate) const fn actor(&self) -> &Actor {
        self.access.actor()
    }

    /// The environment that the page's path names. One that the viewer may not look at is as little there as one that
    /// does not exist.
    pub(crate) fn environment(&self, shown: &str) -> Result<Environment, PageError> {
        self.projects
            .iter()
            .flat_map(|project| &project.environments)
            .find(|environment| environment.id.to_string() == shown)
            .cloned()
            .ok_or(PageError::NotFound)
    }

    /// The project an environment belongs to.
    pub(crate) fn project(&self, environment: &EnvironmentId) -> Result<Project, PageError> {
        let mut projects = self.projects.iter();
        projects
            .find(|project| project.name == environment.project)
            .cloned()
            .ok_or(PageError::NotFound)
    }
}

/// The address under which people reach the console, without a slash at its end. The server provides it as context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleAddress(pub String);

/// A path of this console as somebody else has to type it.
pub(crate) fn absolute(path: &str) -> String {
    let address = use_context::<ConsoleAddress>().map(|ConsoleAddress(address)| address);
    format!("{}{path}", address.unwrap_or_default())
}

/// Who asks; [`PageError::SignInNeeded`] when nobody is signed in.
pub(crate) async fn viewer() -> Result<Viewer, PageError> {
    let session = session().await?;
    let console = expect_context::<Console>();
    let id = console::session::person_id(&session)
        .await
        .ok_or(PageError::SignInNeeded)?;
    let (person, access) = console
        .person_with_access(&id, request_origin())
        .await?
        .ok_or(PageError::SignInNeeded)?;
    let projects = console.projects_with(&access);
    Ok(Viewer {
        console,
        person,
        access,
        projects,
    })
}

/// Where the request comes from, for the list of sessions and against guessing.
pub(crate) fn origin() -> Origin {
    let parts = use_context::<Parts>();
    let parts = parts.as_ref();
    Origin {
        address: parts
            .and_then(|parts| parts.extensions.get::<ClientAddress>())
            .map(|ClientAddress(address)| *address),
        user_agent: parts
            .and_then(|parts| parts.headers.get(header::USER_AGENT))
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    }
}

/// Where the request came from, for the record of what happens. The server provides it as context.
pub(crate) fn request_origin() -> RequestOrigin {
    use_context::<RequestOrigin>().unwrap_or_else(|| RequestOrigin {
        via: Via::Page,
        ..RequestOrigin::default()
    })
}

/// The session of the browser that asks.
pub(crate) async fn session() -> Result<Session, PageError> {
    leptos_axum::extract()
        .await
        .map_err(|error| PageError::fault(&error))
}

/// Why the form that led back to this page was refused; `code` comes from the page's address. In the words of the
/// refusal itself where the session has them still, else in those of its code.
pub(crate) async fn refusal(code: Option<String>) -> Result<Option<String>, PageError> {
    let Some((word, code)) = code.and_then(|word| problems::code(&word).map(|code| (word, code))) else {
        return Ok(None);
    };
    let kept = console::session::kept_refusal(&session().await?, &own_path(), &word).await;
    Ok(Some(kept.unwrap_or_else(|| problems::sentence(code, None))))
}

/// A part of the page's path, such as `environment`; empty where the route has none.
pub(crate) fn path_parameter(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// A value of the page's query.
pub(crate) fn query_value(name: &str) -> Option<String> {
    use_query_map()
        .read_untracked()
        .get(name)
        .filter(|value| !value.is_empty())
}

/// Path and query of the page itself.
pub(crate) fn own_address() -> String {
    use_context::<Parts>()
        .and_then(|parts| parts.uri.path_and_query().map(ToString::to_string))
        .unwrap_or_else(|| paths::PROJECTS.to_owned())
}

/// The path of the page alone: its query may tell of something that is over.
pub(crate) fn own_path() -> String {
    own_address().split('?').next().unwrap_or_default().to_owned()
}

/// The theme that the browser's cookie asks for.
pub(crate) fn theme() -> Theme {
    let parts = use_context::<Parts>();
    let cookies = parts
        .iter()
        .flat_map(|parts| parts.headers.get_all(header::COOKIE));
    let chosen = cookies
        .filter_map(|header| header.to_str().ok())
        .map(Theme::from_cookies);
    chosen
        .into_iter()
        .find(|theme| *theme != Theme::System)
        .unwrap_or_default()
}

/// Sets the status of the answer.
pub(crate) fn set_status(status: StatusCode) {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// Sends the browser to another page, by GET whatever the request was.
pub(crate) fn see_other(path: &str) {
    let Some(response) = use_context::<ResponseOptions>() else {
        return;
    };
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static(paths::PROJECTS));
    response.insert_header(header::LOCATION, location);
    response.set_status(StatusCode::SEE_OTHER);
}

/// Whether a browser submitted a form without WASM and wants to see a page next.
pub(crate) fn wants_page() -> bool {
    let accept: HeaderName = header::ACCEPT;
    use_context::<Parts>().is_some_and(|parts| {
        parts
            .headers
            .get(accept)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("text/html"))
    })
}
