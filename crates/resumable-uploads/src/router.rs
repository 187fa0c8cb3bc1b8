//! The two resources, the collection and an upload, and what holds for every request to them.

use std::sync::Arc;

use archive_store::{ArchiveId, uploads::ResumableUploads};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header::ALLOW, request::Parts},
    middleware::{self, Next},
    response::Response,
};
use backup_api::{
    ApiFuture,
    http::{HttpError, ListedRoute, RouteTable, renames_response, render},
};

use crate::{
    handlers,
    headers::{TUS_RESUMABLE, TUS_VERSION, VERSION, X_HTTP_METHOD_OVERRIDE},
    problems,
};

const COLLECTION_METHODS: &str = "POST, OPTIONS";
/// Of a collection whose uploads are made elsewhere.
pub(crate) const CLOSED_COLLECTION_METHODS: &str = "OPTIONS";
/// What mends the names in the dump that an upload was; ours, so that it needs no word of the protocol.
pub(crate) const RENAMES: &str = "/{id}/renames.sql";
const RENAMES_FILE: &str = "/renames.sql";
const RENAMES_METHODS: &str = "GET, HEAD";
pub(crate) const UPLOAD_METHODS: &str = "GET, HEAD, PATCH, DELETE, OPTIONS";

/// Decides who may upload, for a router that knows neither people nor roles.
pub trait UploadAccess: Send + Sync + 'static {
    /// The scope that the caller's uploads belong to: a key that is the same for all its requests, and that nobody
    /// else has. An error where it may not upload. The body has not been touched when this is asked.
    fn scope<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, String>;

    /// Whether clients make uploads themselves, with POST to the collection. Where they are made otherwise and are only
    /// gone on with here, one that a client made would be known to nobody and count for its quota all the same.
    fn clients_create(&self) -> bool {
        true
    }
}

/// What every handler knows.
#[derive(Clone)]
pub(crate) struct Uploads {
    pub(crate) uploads: ResumableUploads,
    access: Arc<dyn UploadAccess>,
}

impl Uploads {
    fn collection_methods(&self) -> &'static str {
        if self.access.clients_create() {
            COLLECTION_METHODS
        } else {
            CLOSED_COLLECTION_METHODS
        }
    }

    fn describe(&self) -> Response {
        handlers::describe(Some(self.uploads.largest_upload()), self.access.clients_create())
    }
}

/// The protocol, rooted at `/`: nest it where the uploads shall live.
pub fn router(uploads: ResumableUploads, access: Arc<dyn UploadAccess>) -> Router {
    let state = Uploads { uploads, access };
    RouteTable::new()
        .any("/", collection)
        .any("/{id}", upload)
        .on(&Method::GET, RENAMES, renames)
        .into_router()
        .fallback(not_found)
        .method_not_allowed_fallback(renames_are_only_read)
        .layer(middleware::from_fn(render))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            put_protocol_headers,
        ))
        .with_state(state)
}

/// What [`router`] answers, apart from its prefix.
pub fn routes() -> Vec<ListedRoute> {
    let all = |path: &'static str, methods: &'static str| {
        methods
            .split(", ")
            .map(move |method| ListedRoute::new(method, path))
    };
    all("", COLLECTION_METHODS)
        .chain(all("/{id}", UPLOAD_METHODS))
        .chain(all(RENAMES, "GET"))
        .collect()
}

async fn collection(State(state): State<Uploads>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let method = effective_method(&parts);
    if method == Method::OPTIONS {
        return Ok(state.describe());
    }
    let scope = admit(&state, &parts).await?;
    match method {
        Method::POST if state.access.clients_create() => {
            handlers::create(&state.uploads, scope, &parts, body).await
        }
        _ => Err(problems::method_not_allowed(state.collection_methods()).into()),
    }
}

async fn upload(State(state): State<Uploads>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let method = effective_method(&parts);
    if method == Method::OPTIONS {
        return Ok(state.describe());
    }
    if method == Method::GET {
        let scope = state.access.scope(&parts).await?;
        let id = upload_named_by(&parts)?;
        return handlers::describe_one(&state.uploads, &scope, &id).await;
    }
    let scope = admit(&state, &parts).await?;
    let id = upload_named_by(&parts)?;
    match method {
        Method::HEAD => handlers::state(&state.uploads, &scope, &id).await,
        Method::PATCH => handlers::append(&state.uploads, &scope, &id, &parts.headers, body).await,
        Method::DELETE => handlers::terminate(&state.uploads, &scope, &id).await,
        _ => Err(problems::method_not_allowed(UPLOAD_METHODS).into()),
    }
}

async fn renames(State(state): State<Uploads>, request: Request) -> Result<Response, HttpError> {
    let (parts, _) = request.into_parts();
    let scope = state.access.scope(&parts).await?;
    let id = upload_named_by(&parts)?;
    let script = handlers::rename_script(&state.uploads, &scope, &id).await?;
    renames_response(script, &id.to_string())
}

pub(crate) async fn not_found() -> HttpError {
    problems::not_found().into()
}

/// Of the one path whose methods the router tells apart.
pub(crate) async fn renames_are_only_read() -> HttpError {
    problems::method_not_allowed(RENAMES_METHODS).into()
}

/// Who it is, then whether we speak the same language.
async fn admit(state: &Uploads, parts: &Parts) -> Result<String, HttpError> {
    let scope = state.access.scope(parts).await?;
    speaks_our_version(parts)?;
    Ok(scope)
}

pub(crate) fn speaks_our_version(parts: &Parts) -> Result<(), HttpError> {
    match parts.headers.get(TUS_RESUMABLE) {
        Some(version) if version == VERSION => Ok(()),
        _ => Err(problems::unsupported_version().into()),
    }
}

/// Not by an extractor: where the router is nested below other parameters, the path has more than one.
pub(crate) fn upload_named_by(parts: &Parts) -> Result<ArchiveId, HttpError> {
    upload_in(parts.uri.path()).ok_or_else(|| problems::upload_gone().into())
}

/// The upload that a path is of, wherever the router is nested; `None` where it names none.
pub fn upload_in(path: &str) -> Option<ArchiveId> {
    let path = path.strip_suffix(RENAMES_FILE).unwrap_or(path);
    path.rsplit('/').next()?.parse().ok()
}

/// For clients that can send nothing but POST. Other methods are not overridden: a GET that writes would get past
/// everything that guards unsafe methods.
pub(crate) fn effective_method(parts: &Parts) -> Method {
    let overriding = parts
        .headers
        .get(X_HTTP_METHOD_OVERRIDE)
        .filter(|_| parts.method == Method::POST)
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    overriding.unwrap_or_else(|| parts.method.clone())
}

/// What answers have in common: the version, and with a refusal what would not be refused.
async fn put_protocol_headers(State(state): State<Uploads>, request: Request, next: Next) -> Response {
    with_protocol_headers(state.collection_methods(), request, next).await
}

pub(crate) async fn with_protocol_headers(
    collection_methods: &'static str,
    request: Request,
    next: Next,
) -> Response {
    let methods = match request.uri().path() {
        "/" => collection_methods,
        path if path.ends_with(RENAMES_FILE) => RENAMES_METHODS,
        _ => UPLOAD_METHODS,
    };
    let mut response = next.run(request).await;
    let status = response.status();
    let answer = response.headers_mut();
    answer.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    if status == StatusCode::PRECONDITION_FAILED {
        answer.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.insert(ALLOW, HeaderValue::from_static(methods));
    }
    response
}
