//! Leads each request to the site its host name stands for.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::ACCEPT, uri::Authority},
    response::Response,
};
use backup_api::{EnvironmentId, Problem, ProblemCode, http::respond};
use tower::ServiceExt;

use super::wrong_address;
use crate::hosts::{self, Hosts, Site};

/// The sites of this process.
#[derive(Debug)]
pub(crate) struct Sites {
    /// Which name stands for which.
    pub(crate) hosts: Arc<Hosts>,
    /// What answers under this process's own names.
    pub(crate) own: Router,
    /// Whether pages are among it.
    pub(crate) has_pages: bool,
    /// The backup service of each environment.
    pub(crate) services: HashMap<EnvironmentId, Router>,
}

/// Hands each request to its site, or answers 421.
pub(crate) fn dispatcher(sites: Sites) -> Router {
    Router::new().fallback(dispatch).with_state(Arc::new(sites))
}

async fn dispatch(State(sites): State<Arc<Sites>>, request: Request) -> Response {
    let authority = hosts::authority(&request);
    let router = match sites.hosts.site(authority.as_ref()) {
        Site::Console => Some(&sites.own),
        Site::Service(environment) => sites.services.get(environment),
        Site::Unknown => None,
    };
    match router {
        Some(router) => router
            .clone()
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {}),
        None => unknown_host(&request, &sites, authority.as_ref()),
    }
}

fn unknown_host(request: &Request, sites: &Sites, authority: Option<&Authority>) -> Response {
    let (status, hosts) = (StatusCode::MISDIRECTED_REQUEST, &sites.hosts);
    if sites.has_pages && wants_page(request.headers()) {
        let opened = authority.map(Authority::as_str);
        return wrong_address::page(status, hosts.public_url(), opened, request.extensions().get());
    }
    let address = hosts.address_to_open(authority);
    let console = if sites.has_pages {
        format!("The console is at {address}; the service")
    } else {
        "The service".to_owned()
    };
    let sentence = format!(
        "Nothing here answers under this host name. {console} of an environment at backup-<project>-<environment> \
         below the configured domain, or at {address}/services/<project>-<environment>/."
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

/// Whether a person looks at the answer.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
}
