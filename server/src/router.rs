//! Every route of the process, as a table of contents.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state, map_response},
    routing::{any, get, post},
};
use backup_api::{EnvironmentId, routes::SERVICES};
use backup_service::http::ServiceRouter;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use crate::{
    application::{Application, VERSION},
    authenticator::ConsoleAuthenticator,
    middleware::{
        access_log, client_address, cross_site,
        host::{self, Sites},
        panic, request_id,
        security_headers::{self, BehindHttps},
    },
    routes::{
        activities, download,
        events::{self, Events},
        health, pages, services, upload,
        uploads::{self, DraftUploads},
    },
    sessions, site,
};

/// Where browsers send archives, below it by environment.
const UPLOADS: &str = "/uploads";
/// The most a request may send, except to upload routes, in bytes.
const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// The longest a page or a form may take, its body included; bytes of archives take as long as they need.
const PAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// All of it.
pub(crate) fn router(application: &Application) -> Result<Router> {
    let services = service_routers(application)?;
    let sites = Sites {
        hosts: application.hosts.clone(),
        console: console(application, &services),
        services,
    };
    let https = BehindHttps(application.configuration.network.public_url.is_some());
    let proxies = Arc::new(application.configuration.network.proxies.clone());
    let probes = health::Probes::new(application);

    Ok(Router::new()
        // Probes know addresses, not names: these two answer under every host.
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(probes))
        .fallback(host::dispatch)
        .with_state(Arc::new(sites))
        .layer(CatchPanicLayer::custom(panic::answer))
        .layer(from_fn_with_state(application.hosts.clone(), cross_site::refuse))
        .layer(from_fn_with_state(https, security_headers::add))
        .layer(from_fn_with_state(proxies, client_address::find))
        .layer(from_fn(access_log::log))
        .layer(from_fn(request_id::give)))
}

/// The documented API of each environment; it reads no cookies.
fn service_routers(application: &Application) -> Result<HashMap<EnvironmentId, Router>> {
    let authenticator = Arc::new(ConsoleAuthenticator::new(application.console.clone()));
    let service = |id: EnvironmentId| {
        let api = application
            .service
            .environment(&id)
            .with_context(|| format!("{id} is not served"))?;
        let (authenticator, uploads) = (authenticator.clone(), application.uploads.clone());
        let service = ServiceRouter {
            api,
            authenticator,
            activities: Arc::new(application.activities.clone()),
            uploads,
            version: VERSION.into(),
            stopping: application.stopping.subscribe(),
        };
        Ok((id, service.into_router()))
    };
    application.environments().into_iter().map(service).collect()
}

/// The console's own host: the same APIs below a path, everything else with a session.
fn console(application: &Application, services: &HashMap<EnvironmentId, Router>) -> Router {
    let session = sessions::layer(
        application.sessions.clone(),
        application.configuration.sessions.idle,
    );
    let options = site::options();

    let archives = Router::new()
        .route(
            "/projects/{environment}/backups/{id}/download/{part}",
            get(download::handle),
        )
        .route(
            "/projects/{environment}/backups/upload",
            post(upload::handle).layer(DefaultBodyLimit::disable()),
        )
        .route(
            "/projects/{environment}/activities/export.csv",
            get(activities::environment_csv),
        )
        .route(
            "/projects/{environment}/activities/export.json",
            get(activities::environment_json),
        )
        .route("/settings/activities/export.csv", get(activities::console_csv))
        .route("/settings/activities/export.json", get(activities::console_json))
        .with_state(application.console.clone());
    let uploads = uploads(application);
    let events = Router::new()
        .route(app::live::EVENTS, get(events::handle))
        .with_state(Events {
            console: application.console.clone(),
            stopping: application.stopping.subscribe(),
        });
    let pages = pages::router(application, options.clone())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            PAGE_TIMEOUT,
        ));

    let with_session = archives
        .merge(uploads)
        .merge(events)
        .merge(pages)
        .layer(from_fn(sessions::keep_alive))
        .layer(session)
        .layer(map_response(sessions::secure_removal));
    let mut console = Router::new()
        .nest_service("/pkg", pages::built_files(&options))
        .route(SERVICES, any(services::unknown))
        .route(&format!("{SERVICES}/"), any(services::unknown))
        .route(&format!("{SERVICES}/{{*path}}"), any(services::unknown));
    for (environment, service) in services {
        console = console.nest_service(&format!("{SERVICES}/{environment}"), service.clone());
    }
    console.merge(with_session)
}

/// What browsers upload piece by piece.
fn uploads(application: &Application) -> Router {
    let collection = |id: EnvironmentId| {
        let access = DraftUploads {
            console: application.console.clone(),
            drafts: application.drafts(),
            environment: id.clone(),
        };
        let router = resumable_uploads::router(application.uploads.clone(), Arc::new(access));
        (format!("{UPLOADS}/{id}"), router)
    };
    application
        .environments()
        .into_iter()
        .map(collection)
        .fold(Router::new(), |router, (path, uploads)| {
            router.nest_service(&path, uploads)
        })
        .route(&format!("{UPLOADS}/{{*path}}"), any(services::unknown))
        .layer(map_response(uploads::ask_for_session))
}
