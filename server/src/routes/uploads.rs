//! The resumable uploads of somebody who is signed in: the same protocol as the service's, behind the session.
//!
//! Where the service of an environment is another process that takes uploads, they are kept there, and a request passes
//! through: session and permission are looked at here, everything else is the service's answer.

use std::sync::Arc;

use archive_store::uploads::ResumableUploads;
use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderValue,
        header::{Entry, WWW_AUTHENTICATE},
        request::Parts,
    },
    response::Response,
};
use backup_api::{
    Actor, ApiError, ApiFuture, EnvironmentId, ResumableApi as _, UploadProgress, UploadRefusal, Via,
    http::problem_response,
};
use backup_client::{ForwardError, Forwarded, HttpUploads};
use backup_service::http::origin;
use console::{Console, Drafts};
use resumable_uploads::{
    DescriptionFuture, RelayFuture, RelayRefusal, Relayed, RelayedRequest, RenamesFuture, UploadAccess,
    UploadRelay,
};
use tower::ServiceExt as _;
use tower_sessions::Session;

use super::{download::api_error, signed_in};

/// Lets those in who may upload to one environment.
pub(crate) struct DraftUploads {
    pub(crate) console: Console,
    pub(crate) drafts: Drafts,
    pub(crate) environment: EnvironmentId,
}

impl DraftUploads {
    /// Whoever is signed in, and the scope of what they upload here.
    async fn admit(&self, parts: &Parts) -> Result<(Actor, String), ApiError> {
        let actor = match parts.extensions.get::<Session>() {
            Some(session) => signed_in::actor(&self.console, session).await?,
            None => None,
        };
        let actor = actor.ok_or_else(|| ApiError::Unauthenticated {
            reason: "You were signed out. Sign in in another tab, then go on here.".to_owned(),
        })?;
        let actor = actor.with_origin(origin(&parts.extensions, Via::Page));
        let scope = self.drafts.scope(&actor, &self.environment).await;
        Ok((actor, scope.map_err(api_error)?))
    }
}

impl UploadAccess for DraftUploads {
    fn scope<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, String> {
        Box::pin(async move { Ok(self.admit(parts).await?.1) })
    }

    /// Drafts make their uploads themselves, when a file is chosen.
    fn clients_create(&self) -> bool {
        false
    }
}

/// Sends on what the same people upload to a service of another process.
pub(crate) struct DraftRelay {
    pub(crate) access: Arc<DraftUploads>,
    pub(crate) service: HttpUploads,
}

impl DraftRelay {
    /// The service tells people apart by what this console says of them. That a person gets at their own only is not left to
    /// it.
    async fn is_of(&self, actor: &Actor, id: &str) -> Result<(), RelayRefusal> {
        let DraftUploads {
            drafts, environment, ..
        } = &*self.access;
        match drafts.holds(actor, environment, id).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RelayRefusal::Gone),
            Err(error) => Err(RelayRefusal::Api(api_error(error))),
        }
    }

    async fn look(&self, actor: &Actor, id: &str) -> Result<UploadProgress, RelayRefusal> {
        self.is_of(actor, id).await?;
        self.service.progress(actor, id).await.map_err(refused)
    }

    async fn rename_script(&self, actor: &Actor, id: &str) -> Result<Option<String>, RelayRefusal> {
        self.is_of(actor, id).await?;
        self.service.renames(actor, id).await.map_err(refused)
    }

    async fn send_on(&self, actor: &Actor, request: RelayedRequest) -> Result<Relayed, RelayRefusal> {
        let RelayedRequest {
            method,
            id,
            headers,
            body,
        } = request;
        self.is_of(actor, &id).await?;
        match self.service.forward(actor, method, &id, &headers, body).await {
            Ok(Forwarded { status, headers }) => Ok(Relayed { status, headers }),
            Err(ForwardError::Gone) => Err(RelayRefusal::Gone),
            Err(ForwardError::Body(error)) => Err(RelayRefusal::Body(error)),
            Err(ForwardError::Refused(problem)) => Err(RelayRefusal::Refused(problem)),
            Err(ForwardError::Failed(error)) => Err(RelayRefusal::Api(error)),
        }
    }
}

fn refused(refusal: UploadRefusal) -> RelayRefusal {
    match refusal {
        UploadRefusal::Gone => RelayRefusal::Gone,
        UploadRefusal::Api(error) => RelayRefusal::Api(error),
        other => RelayRefusal::Api(ApiError::internal(other)),
    }
}

impl UploadRelay for DraftRelay {
    fn admit<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, Actor> {
        Box::pin(async move { Ok(self.access.admit(parts).await?.0) })
    }

    fn relay(&self, actor: Actor, request: RelayedRequest) -> RelayFuture<'_> {
        Box::pin(async move { self.send_on(&actor, request).await })
    }

    fn describe(&self, actor: Actor, id: String) -> DescriptionFuture<'_> {
        Box::pin(async move { self.look(&actor, &id).await })
    }

    fn renames(&self, actor: Actor, id: String) -> RenamesFuture<'_> {
        Box::pin(async move { self.rename_script(&actor, &id).await })
    }
}

/// The uploads of an environment whose service is elsewhere. Those that began while it took none are here.
pub(crate) fn wherever_they_are(here: Router, there: Router, kept_here: ResumableUploads) -> Router {
    Router::new().fallback(find).with_state(Places {
        here,
        there,
        kept_here,
    })
}

#[derive(Clone)]
struct Places {
    here: Router,
    there: Router,
    kept_here: ResumableUploads,
}

async fn find(State(places): State<Places>, request: Request) -> Response {
    let is_here = match resumable_uploads::upload_in(request.uri().path()) {
        Some(id) => places.kept_here.knows(&id).await,
        None => Ok(false),
    };
    let router = match is_here {
        Ok(true) => places.here,
        Ok(false) => places.there,
        Err(error) => return problem_response(&ApiError::internal(error), request.extensions().get()),
    };
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A 401 has to name a way to sign in. Those of the API would make a browser ask for a password in a window of its own.
pub(crate) async fn ask_for_session(mut response: Response) -> Response {
    if let Entry::Occupied(mut ways) = response.headers_mut().entry(WWW_AUTHENTICATE) {
        ways.insert(HeaderValue::from_static("Session realm=\"console\""));
    }
    response
}
