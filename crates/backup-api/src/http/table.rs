//! Routers that can be asked what is in them.
//!
//! axum's own cannot. So every router is built through a [`RouteTable`], which remembers methods and paths, and a test
//! calls each of them as everybody who must not get in; `clippy.toml` refuses the ways around it. The table also makes
//! every route choose how much it takes in: little and soon, or archives, which have limits of their own.

use std::{fmt, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    handler::Handler,
    http::{
        HeaderMap, Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::{Next, from_fn},
    response::Response,
    routing::{MethodFilter, MethodRouter, any, on},
};
use tokio::time::timeout;

use super::{RequestId, respond};
use crate::{PROBLEM_CONTENT_TYPE, Problem, ProblemCode};

/// The most that a request to an ordinary route may carry, in bytes: far more than any form or JSON of ours needs.
pub const SMALL_BODY: usize = 64 * 1024;
/// The longest that an ordinary route may take to the head of its answer, what it is sent included.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedRoute {
    /// The path, with parameters in braces.
    pub path: String,
    /// The method; `*` for all. `GET` includes `HEAD`.
    pub method: String,
}

impl ListedRoute {
    /// A route that something else than a table answers.
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            method: method.to_owned(),
        }
    }

    /// The same route where its router is mounted.
    #[must_use]
    pub fn below(self, prefix: &str) -> Self {
        Self {
            path: format!("{prefix}{}", self.path),
            ..self
        }
    }
}

impl fmt::Display for ListedRoute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// A router in the making, and what it answers.
#[derive(Debug)]
pub struct RouteTable<S> {
    router: Router<S>,
    listed: Vec<ListedRoute>,
}

impl<S: Clone + Send + Sync + 'static> Default for RouteTable<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> RouteTable<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            router: Router::new(),
            listed: Vec::new(),
        }
    }

    /// An ordinary route: at most [`SMALL_BODY`] in, an answer within [`LONGEST_ANSWER`].
    #[must_use]
    pub fn on<H, T>(self, method: &Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(method), handler)
            .layer(DefaultBodyLimit::max(SMALL_BODY))
            .layer(from_fn(keep_small));
        self.add(method.as_str(), path, route)
    }

    /// A route that takes in archives: its handler limits size and time, and decides before it reads.
    #[must_use]
    pub fn streaming<H, T>(self, method: &Method, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let route = on(filter(method), handler).layer(DefaultBodyLimit::disable());
        self.add(method.as_str(), path, route)
    }

    /// Every method of a path; the handler looks after limits.
    #[must_use]
    pub fn any<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.add("*", path, any(handler))
    }

    /// Everything below a path, answered by a router that lists its routes itself.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the table")]
    pub fn mount(mut self, prefix: &str, router: Router) -> Self {
        // As a service, so that the prefix with a slash at its end is served, too.
        self.router = self.router.nest_service(prefix, router);
        self
    }

    #[expect(clippy::disallowed_methods, reason = "this is the table")]
    fn add(mut self, method: &str, path: &str, route: MethodRouter<S>) -> Self {
        self.listed.push(ListedRoute::new(method, path));
        self.router = self.router.route(path, route);
        self
    }

    /// What it answers, without what is mounted.
    pub fn listed(self) -> Vec<ListedRoute> {
        self.listed
    }

    /// The router.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).expect("a method that routes can have")
}

/// What every ordinary route keeps to, for routers that no table makes.
///
/// A body that is announced as too large is refused before anything else is looked at: nothing is told by that, and
/// nothing is read. One that comes without a length is counted by axum while it is read.
pub async fn keep_small(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().cloned();
    if announced(request.headers()).is_some_and(|length| length > SMALL_BODY as u64) {
        return respond(too_large(), request_id.as_ref());
    }
    let Ok(response) = timeout(LONGEST_ANSWER, next.run(request)).await else {
        return respond(too_slow(), request_id.as_ref());
    };
    // What a handler refused says why, as JSON; axum's own refusal is a line of text.
    let is_explained = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == PROBLEM_CONTENT_TYPE || kind == "application/json");
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && !is_explained {
        respond(too_large(), request_id.as_ref())
    } else {
        response
    }
}

/// The body's length, where the request tells it; whoever reads HTTP has made sure that it is a number.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> Problem {
    let detail = format!(
        "The request carries more than {} KiB. Only archives may be larger, and they go to the upload.",
        SMALL_BODY / 1024
    );
    Problem::new(ProblemCode::TooLarge, 413, "Too large", detail)
}

fn too_slow() -> Problem {
    let detail = format!(
        "The request was not answered within {} seconds. Try again.",
        LONGEST_ANSWER.as_secs()
    );
    Problem::new(ProblemCode::TooSlow, 408, "Too slow", detail)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(request: axum::http::request::Builder, body: Body) -> (u16, String) {
        let router = RouteTable::new()
            .on(
                &Method::POST,
                "/",
                |body: Bytes| async move { body.len().to_string() },
            )
            .on(&Method::GET, "/", || async {
                tokio::time::sleep(LONGEST_ANSWER * 2).await;
                "late"
            })
            .into_router();
        let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_told_so() {
        let (status, body) = answer(Request::builder(), Body::empty()).await;
        assert_eq!(status, 408);
        assert!(body.contains("\"code\":\"too-slow\""), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_told_so() {
        let silent = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, _) = answer(Request::builder().method(Method::POST), silent).await;
        assert_eq!(status, 408);
    }

    #[tokio::test]
    async fn too_much_is_refused_announced_or_not() {
        let post = || Request::builder().method(Method::POST);
        let announced = post().header(CONTENT_LENGTH, SMALL_BODY + 1);
        for (request, body) in [
            (announced, Body::empty()),
            (post(), Body::from(vec![0; SMALL_BODY + 1])),
        ] {
            let (status, body) = answer(request, body).await;
            assert_eq!(status, 413);
            assert!(body.contains("\"code\":\"too-large\""), "{body}");
        }
        let (status, body) = answer(post(), Body::from(vec![0; SMALL_BODY])).await;
        assert_eq!((status, body), (200, SMALL_BODY.to_string()));
    }

    #[test]
    fn a_table_knows_what_it_answers() {
        let table = RouteTable::<()>::new()
            .on(&Method::GET, "/a/{b}", || async {})
            .streaming(&Method::PUT, "/c", || async {})
            .any("/d", || async {});
        let listed: Vec<_> = table.listed().iter().map(ToString::to_string).collect();
        assert_eq!(listed, ["GET /a/{b}", "PUT /c", "* /d"]);
    }
}
