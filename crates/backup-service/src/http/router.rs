//! The paths of the API of one environment.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use backup_api::{BackupApi, http::render, routes};

use super::{Authenticator, download, handlers, upload};

/// What every handler knows.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) api: Arc<dyn BackupApi>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) version: Arc<str>,
}

/// The documented API of one environment, rooted at `/`. `version` is what `GET /` says.
pub fn router(api: Arc<dyn BackupApi>, authenticator: Arc<dyn Authenticator>, version: &str) -> Router {
    Router::new()
        .route("/", get(handlers::service))
        .route(routes::LIST, get(handlers::list))
        // An upload has its own limit, in the store, and is never held in memory.
        .route(routes::UPLOAD, post(upload::handle).layer(DefaultBodyLimit::disable()))
        // The form of 2019 was POST; scripts still use it.
        .route(routes::DOWNLOAD, get(download::handle).post(download::handle))
        .route(routes::CREATE, post(handlers::create))
        .route(routes::RESTORE, post(handlers::restore))
        .route(routes::BACKUP, get(handlers::find).delete(handlers::delete))
        .fallback(handlers::not_found)
        .method_not_allowed_fallback(handlers::method_not_allowed)
        .layer(middleware::from_fn(render))
        .with_state(ApiState { api, authenticator, version: version.into() })
}
