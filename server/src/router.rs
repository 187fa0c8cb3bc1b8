//! Every route of the process, as a table of contents.
//!
//! Routers are built from tables that can be asked what is in them; `docs/ROUTES.md` says for each route who may use
//! it, and tests compare the two and call each route as everybody who may not.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::Method,
    middleware::{from_fn, from_fn_with_state, map_response},
};
use backup_api::{
    EnvironmentId,
    http::{RouteTable, SMALL_BODY, keep_small},
    routes::SERVICES,
};
use console::Console;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    access_token_cookie,
    application::Application,
    authenticator::{ConsoleAuthenticator, ProgramAuthenticator},
    middleware::{
        access_log, client_address, cross_site, crowding,
        host::{self, Sites},
        panic, request_id,
        security_headers::{self, BehindHttps},
    },
    routes::{
        self, activities, download,
        events::{self, Events},
        health::{self, Probes},
        metrics::{self, METRICS, Metrics},
        pages, upload,
        uploads::{self, DraftRelay, DraftUploads},
    },
    services::Services,
    sessions,
    single_sign_on::{self, SingleSignOn},
    site,
};

/// Where browsers send archives, below it by environment.
const UPLOADS: &str = "/uploads";
/// Where built files are.
const PACKAGE: &str = "/pkg";

/// The console in front of the services of this process and of others.
pub(crate) fn console(application: &Application) -> Result<Router> {
    let services = console_services(application)?;
    let sites = Sites {
        hosts: application.services.hosts.clone(),
        own: console_host(application, &services),
        has_pages: true,
        services,
    };
    Ok(answered(sites, &application.services))
}

/// The services of this process and nothing else: no pages, no sessions, no cookies.
pub(crate) fn services_alone(services: &Services) -> Result<Router> {
    let authenticator = ProgramAuthenticator::new(&services.configuration);
    let mut routers = services.routers(Arc::new(authenticator))?;
    for router in routers.values_mut() {
        *router = router
            .clone()
            .layer(map_response(single_sign_on::offer_no_password));
    }
    let sites = Sites {
        hosts: services.hosts.clone(),
        own: mounted(unknown_services(), &routers)
            .into_router()
            .fallback(routes::services::nothing),
        has_pages: false,
        services: routers,
    };
    Ok(answered(sites, services))
}

/// What goes for every request, whoever answers it.
fn answered(sites: Sites, services: &Services) -> Router {
    let network = &services.configuration.network;
    let https = BehindHttps(network.public_url.is_some());
    let proxies = Arc::new(network.proxies.clone());
    let hosts = sites.hosts.clone();
    probes()
        .into_router()
        .with_state(Probes::new(services))
        .merge(watched().into_router().with_state(Metrics::new(services)))
        .fallback_service(host::dispatcher(sites))
        .layer(CatchPanicLayer::custom(panic::answer))
        .layer(from_fn_with_state(hosts, cross_site::refuse))
        .layer(from_fn(crowding::refuse))
        .layer(from_fn_with_state(https, security_headers::add))
        .layer(from_fn_with_state(proxies, client_address::find))
        .layer(from_fn(access_log::log))
        .layer(from_fn(request_id::give))
}

/// Probes know addresses, not names: these answer under every host.
fn probes() -> RouteTable<Probes> {
    RouteTable::new()
        .on(&Method::GET, "/healthz", health::alive)
        .on(&Method::GET, "/readyz", health::ready)
}

/// For whoever watches the process: under every host, too.
fn watched() -> RouteTable<Metrics> {
    RouteTable::new().on(&Method::GET, METRICS, metrics::tell)
}

/// The documented API of each environment whose service is here; it reads no cookies.
fn console_services(application: &Application) -> Result<HashMap<EnvironmentId, Router>> {
    let services = &application.services;
    let sso = SingleSignOn::new(&services.configuration.projects);
    let authenticator = ConsoleAuthenticator::new(application.console.clone(), sso.clone());
    let mut routers = services.routers(Arc::new(authenticator))?;
    for (environment, router) in &mut routers {
        if sso.applies_to(environment) {
            *router = router
                .clone()
                .layer(map_response(single_sign_on::offer_no_password));
        }
    }
    Ok(routers)
}

/// The APIs below a path, for whom their host names are out of reach.
fn mounted(table: RouteTable<()>, services: &HashMap<EnvironmentId, Router>) -> RouteTable<()> {
    services.iter().fold(table, |table, (environment, service)| {
        table.mount(&format!("{SERVICES}/{environment}"), service.clone())
    })
}

/// The console's own host: the same APIs below a path, everything else with a session.
fn console_host(application: &Application, services: &HashMap<EnvironmentId, Router>) -> Router {
    let session = sessions::layer(
        application.sessions.clone(),
        application.services.configuration.sessions.idle,
    );
    let options = site::options();
    let events = Events {
        console: application.console.clone(),
        stopping: application.services.stopping.subscribe(),
    };
    let pages = pages::router(application, options.clone())
        .layer(DefaultBodyLimit::max(SMALL_BODY))
        .layer(from_fn(keep_small));

    let with_session = archives()
        .into_router()
        .with_state(application.console.clone())
        .merge(exports().into_router().with_state(application.console.clone()))
        .merge(uploads(application))
        .merge(live().into_router().with_state(events))
        .merge(pages)
        .layer(from_fn_with_state(
            application.console.clone(),
            access_token_cookie::keep,
        ))
        .layer(from_fn(sessions::keep_alive))
        .layer(session)
        .layer(map_response(sessions::secure_removal));
    let table = unknown_services().mount(PACKAGE, pages::built_files(&options));
    mounted(table, services).into_router().merge(with_session)
}

/// Archives of somebody who is signed in, both ways.
fn archives() -> RouteTable<Console> {
    RouteTable::new()
        .on(
            &Method::GET,
            "/projects/{environment}/backups/{id}/download/{part}",
            download::handle,
        )
        .on(
            &Method::GET,
            "/projects/{environment}/backups/{id}/renames.sql",
            download::renames,
        )
        .streaming(
            &Method::POST,
            "/projects/{environment}/backups/upload",
            upload::handle,
        )
}

/// Who did what, to take along.
fn exports() -> RouteTable<Console> {
    const GET: &Method = &Method::GET;
    RouteTable::new()
        .on(
            GET,
            "/projects/{environment}/activities/export.csv",
            activities::environment_csv,
        )
        .on(
            GET,
            "/projects/{environment}/activities/export.json",
            activities::environment_json,
        )
        .on(GET, "/settings/activities/export.csv", activities::console_csv)
        .on(GET, "/settings/activities/export.json", activities::console_json)
}

/// What open pages listen to.
fn live() -> RouteTable<Events> {
    RouteTable::new().on(&Method::GET, app::live::EVENTS, events::handle)
}

/// Paths of services that there are not.
fn unknown_services() -> RouteTable<()> {
    RouteTable::new()
        .any(SERVICES, routes::services::unknown)
        .any(&format!("{SERVICES}/"), routes::services::unknown)
        .any(&format!("{SERVICES}/{{*path}}"), routes::services::unknown)
}

/// What browsers upload piece by piece.
fn uploads(application: &Application) -> Router {
    let mount = |table: RouteTable<()>, id: EnvironmentId| {
        let access = Arc::new(DraftUploads {
            console: application.console.clone(),
            drafts: application.drafts.clone(),
            environment: id.clone(),
        });
        let kept_here = application.services.uploads.clone();
        let here = resumable_uploads::router(kept_here.clone(), access.clone());
        let router = match application.uploads_elsewhere.get(&id) {
            None => here,
            Some(service) => {
                let service = service.clone();
                let there = resumable_uploads::relay(Arc::new(DraftRelay { access, service }));
                uploads::wherever_they_are(here, there, kept_here)
            }
        };
        table.mount(&format!("{UPLOADS}/{id}"), router)
    };
    application
        .services
        .configuration
        .environments()
        .map(|environment| environment.id.clone())
        .fold(unknown_uploads(), mount)
        .into_router()
        .layer(map_response(uploads::ask_for_session))
}

/// Uploads to environments that there are not.
fn unknown_uploads() -> RouteTable<()> {
    RouteTable::new().any(&format!("{UPLOADS}/{{*path}}"), routes::services::unknown)
}
