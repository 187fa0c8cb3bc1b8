//! The routes of the pages.
//!
//! Every page is rendered to its end before its first byte goes out, so that its status, title and redirects are
//! right. The router works on the server only: links are ordinary links.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

use crate::pages::{
    AccountPage, ActivitiesPage, BackupPage, BackupsPage, ConsoleActivitiesPage, DeletePage, InvitationPage,
    LoginPage, NotFoundPage, OperationPage, PeoplePage, PersonPage, ProjectsPage, SessionsPage, SetupPage,
    TokensPage, UploadPage,
};

/// All pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=title />
        <Router>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("/") view=ProjectsPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                <Route path=path!("/setup") view=SetupPage ssr=SsrMode::Async />
                <Route path=path!("/invitation") view=InvitationPage ssr=SsrMode::Async />
                <Route path=path!("/settings/account") view=AccountPage ssr=SsrMode::Async />
                <Route path=path!("/settings/tokens") view=TokensPage ssr=SsrMode::Async />
                <Route path=path!("/settings/sessions") view=SessionsPage ssr=SsrMode::Async />
                <Route path=path!("/settings/people") view=PeoplePage ssr=SsrMode::Async />
                <Route path=path!("/settings/people/:id") view=PersonPage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/backups") view=BackupsPage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/backups/upload") view=UploadPage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/backups/:id") view=BackupPage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/backups/:id/delete") view=DeletePage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/operations/:id") view=OperationPage ssr=SsrMode::Async />
                <Route path=path!("/projects/:environment/activities") view=ActivitiesPage ssr=SsrMode::Async />
                <Route path=path!("/settings/activities") view=ConsoleActivitiesPage ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}

fn title(page: String) -> String {
    format!("{page} · Backups Console")
}
