//! A router in front of a store of its own, callers, and requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use archive_store::{
    ArchiveStore, InspectionLimits, StoreLimits,
    uploads::{ResumableUploads, UploadLimits},
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header::AUTHORIZATION, request::Parts},
    response::Response,
};
use backup_api::{Action, ApiError, ApiFuture, Problem, http::RequestId};
use bytes::Bytes;
use database::{Database, sqlx};
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use resumable_uploads::{UploadAccess, router};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const LARGEST: u64 = 1_000_000;
pub(crate) const CONTENT: &str = "application/offset+octet-stream";
/// Says which half of a backup comes.
pub(crate) const METADATA: &str = "part ZGF0YWJhc2U=";

/// Knows two people who may upload and one who may not.
struct FewPeople {
    /// Whether they make uploads themselves.
    create: bool,
}

impl UploadAccess for FewPeople {
    fn scope<'a>(&'a self, parts: &'a Parts) -> ApiFuture<'a, String> {
        let who = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        Box::pin(async move {
            match who {
                Some(who @ ("joe" | "ann")) => Ok(format!("person:{who}/dev")),
                Some("guest") => Err(ApiError::Forbidden {
                    action: Action::Upload,
                }),
                _ => Err(ApiError::Unauthenticated {
                    reason: "Nobody.".to_owned(),
                }),
            }
        })
    }

    fn clients_create(&self) -> bool {
        self.create
    }
}

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) uploads: ResumableUploads,
    pub(crate) router: Router,
}

pub(crate) async fn fixture() -> Fixture {
    with_free_space(0).await
}

pub(crate) async fn with_free_space(smallest_free_space: u64) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("state.sqlite")).await.unwrap();
    let limits = StoreLimits {
        largest_archive: LARGEST,
        smallest_free_space,
        inspection: InspectionLimits::USUAL,
    };
    let store = ArchiveStore::open(folder.path(), database.clone(), limits)
        .await
        .unwrap();
    let limits = UploadLimits {
        bytes_per_scope: 2 * LARGEST,
        uploads_per_scope: 3,
        lifetime: Duration::from_hours(1),
    };
    let uploads = ResumableUploads::open(store, limits).await.unwrap();
    let router = routes(&uploads, true);
    Fixture {
        folder,
        database,
        uploads,
        router,
    }
}

/// Where uploads are made otherwise and only gone on with.
pub(crate) async fn without_creation() -> Fixture {
    let fixture = fixture().await;
    let router = routes(&fixture.uploads, false);
    Fixture { router, ..fixture }
}

fn routes(uploads: &ResumableUploads, create: bool) -> Router {
    let access = Arc::new(FewPeople { create });
    Router::new().nest("/projects/{project}/uploads", router(uploads.clone(), access))
}

pub(crate) const COLLECTION: &str = "/projects/lfrjoebloggs-dev/uploads";

/// A request of Joe's, in the right version.
pub(crate) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", "joe")
        .header("tus-resumable", "1.0.0")
        .extension(RequestId("request-1".to_owned()))
}

pub(crate) fn patch(path: &str, offset: usize, length: usize) -> axum::http::request::Builder {
    request("PATCH", path)
        .header("content-type", CONTENT)
        .header("upload-offset", offset)
        .header("content-length", length)
}

impl Fixture {
    pub(crate) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request without a body.
    pub(crate) async fn call(&self, request: axum::http::request::Builder) -> Response {
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Announces an upload and gives its path.
    pub(crate) async fn create(&self, length: usize) -> String {
        let response = self
            .call(
                request("POST", COLLECTION)
                    .header("upload-length", length)
                    .header("upload-metadata", METADATA),
            )
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    pub(crate) async fn append(&self, path: &str, offset: usize, bytes: &[u8]) -> Response {
        let body = Body::from(bytes.to_vec());
        self.send(patch(path, offset, bytes.len()).body(body).unwrap())
            .await
    }

    pub(crate) async fn head(&self, path: &str) -> Response {
        self.call(request("HEAD", path)).await
    }

    pub(crate) async fn offset(&self, path: &str) -> String {
        let response = self.head(path).await;
        assert_eq!(response.status(), StatusCode::OK);
        header(response.headers(), "upload-offset").to_owned()
    }

    /// Sends a request with a body that must not be touched, and gives the problem it is answered with.
    pub(crate) async fn refused(
        &self,
        request: axum::http::request::Builder,
        status: u16,
    ) -> (Problem, HeaderMap) {
        let (body, touched) = untouched();
        let response = self.send(request.body(body).unwrap()).await;
        assert!(
            !touched.load(Ordering::Relaxed),
            "the body was read before the refusal"
        );
        problem(response, status).await
    }

    /// The same for HEAD, whose answers have headers only.
    pub(crate) async fn head_refused(&self, request: axum::http::request::Builder, status: u16) {
        let (parts, _) = self.call(request).await.into_parts();
        assert_problem_headers(&parts, status);
    }

    pub(crate) async fn count(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM uploads")
            .fetch_one(self.database.reader())
            .await
            .unwrap()
    }

    pub(crate) fn files(&self) -> usize {
        self.folder.path().join("archives").read_dir().unwrap().count()
    }
}

fn untouched() -> (Body, Arc<AtomicBool>) {
    let touched = Arc::new(AtomicBool::new(false));
    let flag = touched.clone();
    let body = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(
        b"\x1f\x8b\x08 never read",
    ))])
    .inspect(move |_| flag.store(true, Ordering::Relaxed));
    (Body::from_stream(body), touched)
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
}

/// The problem an answer carries, after looking at what all have in common.
pub(crate) async fn problem(response: Response, status: u16) -> (Problem, HeaderMap) {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_problem_headers(&parts, status);
    let problem: Problem = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (problem.status, problem.request_id.as_deref()),
        (status, Some("request-1"))
    );
    (problem, parts.headers)
}

fn assert_problem_headers(parts: &axum::http::response::Parts, status: u16) {
    assert_eq!(parts.status.as_u16(), status);
    assert_eq!(header(&parts.headers, "content-type"), "application/problem+json");
    assert_eq!(header(&parts.headers, "cache-control"), "no-store");
    assert_eq!(header(&parts.headers, "tus-resumable"), "1.0.0");
}

/// A `database.gz`.
pub(crate) fn archive(length: usize) -> Vec<u8> {
    archive_samples::database_of(length, 0)
}
