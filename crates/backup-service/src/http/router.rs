//! The paths of the API of one environment.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use backup_api::{http::render, routes};

use super::{
    download, events, handlers, lists, operations, state::ServiceRouter, upload, uploads::CallersUploads,
};

impl ServiceRouter {
    /// The documented API, rooted at `/`.
    pub fn into_router(self) -> Router {
        let uploads = Arc::new(CallersUploads(self.clone()));
        Router::new()
            .route("/", get(handlers::service))
            .route(routes::LIST, get(lists::backups))
            .route(routes::HISTORY, get(lists::history))
            // An upload has its own limit, in the store, and is never held in memory.
            .route(
                routes::UPLOAD,
                post(upload::handle).layer(DefaultBodyLimit::disable()),
            )
            // The form of 2019 was POST; scripts still use it.
            .route(routes::DOWNLOAD, get(download::handle).post(download::handle))
            .route(routes::CREATE, post(handlers::create))
            .route(routes::RESTORE, post(handlers::restore))
            .route(
                routes::BACKUP,
                get(handlers::find)
                    .patch(handlers::annotate)
                    .delete(handlers::delete),
            )
            .route(routes::OPERATIONS, get(lists::operations))
            .route(routes::OPERATION, get(operations::find))
            .route(routes::OPERATION_LOG, get(operations::log))
            .route(routes::OPERATION_CANCEL, post(operations::cancel))
            .route(routes::OPERATION_BREAK, post(operations::break_lock))
            .route(routes::EVENTS, get(events::handle))
            // As a service, so that clients that end the address with a slash are served too.
            .nest_service(
                routes::UPLOADS,
                resumable_uploads::router(self.uploads.clone(), uploads),
            )
            .fallback(handlers::not_found)
            .method_not_allowed_fallback(handlers::method_not_allowed)
            .layer(middleware::from_fn(render))
            .with_state(self)
    }
}
