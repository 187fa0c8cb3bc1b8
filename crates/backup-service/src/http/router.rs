//! The paths of the API of one environment.

use std::{fmt, sync::Arc};

use archive_store::uploads::ResumableUploads;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use backup_api::{BackupApi, http::render, routes};

use super::{Authenticator, download, handlers, upload, uploads::CallersUploads};

/// What the API of one environment stands on.
#[derive(Clone)]
pub struct ServiceRouter {
    /// The environment's service.
    pub api: Arc<dyn BackupApi>,
    /// Who may call.
    pub authenticator: Arc<dyn Authenticator>,
    /// The resumable uploads of the store that the service adopts archives from.
    pub uploads: ResumableUploads,
    /// What `GET /` says.
    pub version: Arc<str>,
}

impl fmt::Debug for ServiceRouter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceRouter")
            .field("environment", self.api.environment())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What every handler knows.
pub(crate) type ApiState = ServiceRouter;

impl ServiceRouter {
    /// The documented API, rooted at `/`.
    pub fn into_router(self) -> Router {
        let uploads = Arc::new(CallersUploads::new(self.api.clone(), self.authenticator.clone()));
        Router::new()
            .route("/", get(handlers::service))
            .route(routes::LIST, get(handlers::list))
            // An upload has its own limit, in the store, and is never held in memory.
            .route(
                routes::UPLOAD,
                post(upload::handle).layer(DefaultBodyLimit::disable()),
            )
            // The form of 2019 was POST; scripts still use it.
            .route(routes::DOWNLOAD, get(download::handle).post(download::handle))
            .route(routes::CREATE, post(handlers::create))
            .route(routes::RESTORE, post(handlers::restore))
            .route(routes::BACKUP, get(handlers::find).delete(handlers::delete))
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
