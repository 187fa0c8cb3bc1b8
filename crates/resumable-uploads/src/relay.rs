//! Uploads whose bytes another process keeps: the same requests, methods and refusals as [`crate::router()`], with that
//! process's answers.
//!
//! Whoever asks is looked at here, before anything goes on. Nothing is kept on the way, and nothing is acknowledged that
//! the other process has not acknowledged. A request whose client goes away ends, and with it the one it was sent on as.

use std::{fmt, pin::Pin, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use backup_api::{
    Actor, ApiError, ApiFuture, BodyError, ByteStream, Problem, UploadProgress,
    http::{HttpError, RouteTable, renames_response, render},
};

use crate::{
    body::chunks,
    handlers,
    problems::{self, from_body},
    router::{
        CLOSED_COLLECTION_METHODS, RENAMES, UPLOAD_METHODS, effective_method, not_found,
        renames_are_only_read, speaks_our_version, upload_named_by, with_protocol_headers,
    },
};

/// A request about one upload, as it is sent on.
pub struct RelayedRequest {
    /// `HEAD`, `PATCH` or `DELETE`.
    pub method: Method,
    /// The upload.
    pub id: String,
    /// All of them; those of the protocol go on.
    pub headers: HeaderMap,
    /// Ends with an error where the client goes away or is silent for too long.
    pub body: ByteStream,
}

impl fmt::Debug for RelayedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RelayedRequest")
            .field("method", &self.method)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// What came back.
#[derive(Debug)]
pub struct Relayed {
    /// Of a success.
    pub status: StatusCode,
    /// Those of the protocol.
    pub headers: HeaderMap,
}

/// Why nothing came back that is a success.
#[derive(Debug)]
pub enum RelayRefusal {
    /// There is no such upload.
    Gone,
    /// The client's bytes stopped coming. What the other process has is kept.
    Body(BodyError),
    /// The other process refused.
    Refused(Box<Problem>),
    /// It could not be asked, or whoever asks may not.
    Api(ApiError),
}

impl From<RelayRefusal> for HttpError {
    fn from(refusal: RelayRefusal) -> Self {
        match refusal {
            RelayRefusal::Gone => problems::upload_gone().into(),
            RelayRefusal::Body(error) => from_body(error),
            RelayRefusal::Refused(problem) => Self::Problem(problem),
            RelayRefusal::Api(error) => error.into(),
        }
    }
}

/// What [`UploadRelay::relay`] returns.
pub type RelayFuture<'a> = Pin<Box<dyn Future<Output = Result<Relayed, RelayRefusal>> + Send + 'a>>;

/// What [`UploadRelay::describe`] returns.
pub type DescriptionFuture<'a> =
    Pin<Box<dyn Future<Output = Result<UploadProgress, RelayRefusal>> + Send + 'a>>;

/// What [`UploadRelay::renames`] returns.
pub type RenamesFuture<'a> = Pin<Box<dyn Future<Output = Result<Option<String>, RelayRefusal>> + Send + 'a>>;

/// Knows who may upload, and sends on what they send.
pub trait UploadRelay: Send + Sync + 'static {
    /// Who asks. An error where they may not upload. The body has not been touched when this is asked.
    fn admit<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, Actor>;

    /// Sends a request on, for an actor that was admitted, and gives the answer.
    fn relay(&self, actor: Actor, request: RelayedRequest) -> RelayFuture<'_>;

    /// Asks what is known of an upload, for an actor that was admitted.
    fn describe(&self, actor: Actor, id: String) -> DescriptionFuture<'_>;

    /// Asks for the statements that mend the names of tables in an upload, for an actor that was admitted.
    fn renames(&self, actor: Actor, id: String) -> RenamesFuture<'_>;
}

type Shared = Arc<dyn UploadRelay>;

/// The protocol without creation, rooted at `/`: nest it where the uploads shall live.
pub fn relay(relay: Arc<dyn UploadRelay>) -> Router {
    RouteTable::new()
        .any("/", collection)
        .any("/{id}", upload)
        .on(&Method::GET, RENAMES, renames)
        .into_router()
        .fallback(not_found)
        .method_not_allowed_fallback(renames_are_only_read)
        .layer(middleware::from_fn(render))
        .layer(middleware::from_fn(put_protocol_headers))
        .with_state(relay)
}

async fn put_protocol_headers(request: Request, next: Next) -> Response {
    with_protocol_headers(CLOSED_COLLECTION_METHODS, request, next).await
}

/// The largest upload is not told here: nobody is asked who it is, and the other process is not asked for strangers.
fn describe() -> Response {
    handlers::describe(None, false)
}

async fn collection(State(relay): State<Shared>, request: Request) -> Result<Response, HttpError> {
    let (parts, _) = request.into_parts();
    if effective_method(&parts) == Method::OPTIONS {
        return Ok(describe());
    }
    relay.admit(&parts).await?;
    speaks_our_version(&parts)?;
    Err(problems::method_not_allowed(CLOSED_COLLECTION_METHODS).into())
}

async fn renames(State(relay): State<Shared>, request: Request) -> Result<Response, HttpError> {
    let (parts, _) = request.into_parts();
    let actor = relay.admit(&parts).await?;
    let id = upload_named_by(&parts)?.to_string();
    let script = relay.renames(actor, id.clone()).await?;
    renames_response(script, &id)
}

async fn upload(State(relay): State<Shared>, request: Request) -> Result<Response, HttpError> {
    let (parts, body) = request.into_parts();
    let method = effective_method(&parts);
    if method == Method::OPTIONS {
        return Ok(describe());
    }
    let actor = relay.admit(&parts).await?;
    if method == Method::GET {
        let id = upload_named_by(&parts)?.to_string();
        return Ok(handlers::description(&relay.describe(actor, id).await?));
    }
    speaks_our_version(&parts)?;
    let id = upload_named_by(&parts)?.to_string();
    if ![Method::HEAD, Method::PATCH, Method::DELETE].contains(&method) {
        return Err(problems::method_not_allowed(UPLOAD_METHODS).into());
    }
    let request = RelayedRequest {
        method,
        id,
        headers: parts.headers,
        body: chunks(body),
    };
    let Relayed { status, headers } = relay.relay(actor, request).await?;
    let mut response = status.into_response();
    response.headers_mut().extend(headers);
    Ok(response)
}
