//! Leads each request to the site its host name stands for.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header::ACCEPT},
    response::{Html, IntoResponse, Response},
};
use backup_api::{EnvironmentId, Problem, ProblemCode, http::respond};
use tower::ServiceExt;

use crate::hosts::{self, Hosts, Site};

/// The sites of this process.
#[derive(Debug)]
pub(crate) struct Sites {
    /// Which name stands for which.
    pub(crate) hosts: Arc<Hosts>,
    /// The console.
    pub(crate) console: Router,
    /// The backup service of each environment.
    pub(crate) services: HashMap<EnvironmentId, Router>,
}

/// Hands the request to its site, or answers 421.
pub(crate) async fn dispatch(State(sites): State<Arc<Sites>>, request: Request) -> Response {
    let authority = hosts::authority(&request);
    let router = match sites.hosts.site(authority.as_ref()) {
        Site::Console => Some(&sites.console),
        Site::Service(environment) => sites.services.get(environment),
        Site::Unknown => None,
    };
    match router {
        Some(router) => router
            .clone()
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {}),
        None => unknown_host(&request, &sites.hosts.address_to_open(authority.as_ref())),
    }
}

/// People get a page: over plain http under another name than localhost, signing in could not work, because browsers
/// keep the session's cookie only over https or on localhost.
fn unknown_host(request: &Request, address: &str) -> Response {
    let status = StatusCode::MISDIRECTED_REQUEST;
    if request
        .headers()
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
    {
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Wrong address</title></head><body>\
             <main><h1>Wrong address</h1><p>The console does not answer under this name. Open it as \
             <a href=\"{address}\">{address}</a>.</p><p>To reach it from other machines, put https in front of it \
             and set <code>public_url</code> in its configuration.</p></main></body></html>"
        );
        return (status, Html(page)).into_response();
    }
    let sentence = format!(
        "Nothing here answers under this host name. The console is at {address}; the service of an environment \
         at backup-<project>-<environment> below the configured domain, or at \
         {address}/services/<project>-<environment>/."
    );
    respond(
        Problem::new(
            ProblemCode::UnknownHost,
            status.as_u16(),
            "Unknown host",
            sentence,
        ),
        request.extensions().get(),
    )
}
