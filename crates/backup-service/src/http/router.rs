//! The paths of the API of one environment.

use std::sync::Arc;

use axum::{Router, middleware};
use backup_api::{
    http::{ListedRoute, RouteTable, render},
    routes,
};
use http::Method;

use super::{
    download, events, files, handlers, lists, openapi, operations, renames, state::ServiceRouter, upload,
    uploads::CallersUploads,
};

impl ServiceRouter {
    /// The documented API, rooted at `/`.
    pub fn into_router(self) -> Router {
        let uploads = Arc::new(CallersUploads(self.clone()));
        table()
            .mount(
                routes::UPLOADS,
                resumable_uploads::router(self.uploads.clone(), uploads),
            )
            .into_router()
            .fallback(handlers::not_found)
            .method_not_allowed_fallback(handlers::method_not_allowed)
            .layer(middleware::from_fn(render))
            .with_state(self)
    }
}

/// What [`ServiceRouter::into_router`] answers.
pub fn routes() -> Vec<ListedRoute> {
    let uploads = resumable_uploads::routes()
        .into_iter()
        .map(|route| route.below(routes::UPLOADS));
    table().listed().into_iter().chain(uploads).collect()
}

fn table() -> RouteTable<ServiceRouter> {
    const GET: &Method = &Method::GET;
    const POST: &Method = &Method::POST;
    const PUT: &Method = &Method::PUT;
    RouteTable::new()
        .on(GET, "/", handlers::service)
        .on(GET, routes::LIST, lists::backups)
        .on(GET, routes::HISTORY, lists::history)
        .streaming(POST, routes::UPLOAD, upload::handle)
        .on(GET, routes::DOWNLOAD, download::handle)
        // The form of 2019; scripts still use it.
        .on(POST, routes::DOWNLOAD, download::handle)
        .streaming(POST, routes::MISSING_CONTENTS, files::missing)
        .streaming(POST, routes::CONTENTS, files::put_several)
        .streaming(PUT, routes::CONTENT, files::put)
        .streaming(POST, routes::LIBRARIES, files::commit)
        .on(GET, routes::LIBRARY, files::library)
        .on(GET, routes::FILES, files::entries)
        .on(GET, routes::FILE, files::content)
        .on(POST, routes::CREATE, handlers::create)
        .on(POST, routes::RESTORE, handlers::restore)
        .on(GET, routes::BACKUP, handlers::find)
        .on(&Method::PATCH, routes::BACKUP, handlers::annotate)
        .on(&Method::DELETE, routes::BACKUP, handlers::delete)
        .on(GET, routes::RENAMES, renames::handle)
        .on(POST, routes::VERIFY, handlers::verify)
        .on(GET, routes::OPERATIONS, lists::operations)
        .on(GET, routes::OPERATION, operations::find)
        .on(GET, routes::OPERATION_LOG, operations::log)
        .on(POST, routes::OPERATION_CANCEL, operations::cancel)
        .on(POST, routes::OPERATION_BREAK, operations::break_lock)
        .on(GET, routes::EVENTS, events::handle)
        .on(GET, routes::OPENAPI, openapi::handle)
}
