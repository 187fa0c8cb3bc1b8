//! Refuses what another site makes a browser do in somebody's name.
//!
//! Browsers send along what they hold for us, whichever page asked: the session's cookie to the console, and the
//! password of Basic authentication to the backup services once somebody typed it into the browser's own dialogue.
//! So requests that may change something are refused unless the browser says that one of our own pages made them:
//!
//! 1. `Sec-Fetch-Site` is there (every browser of the last years, over https and on localhost): only `same-origin`
//!    passes. `same-site` does not, because the services' names may share the console's domain, and `none` does not,
//!    because nobody types a POST into the address bar.
//! 2. Only `Origin` is there: it must be the one that the request went to.
//! 3. Neither is there: that is a program, not a browser. It passes, but not with a cookie: no program of ours has
//!    one, and a browser so old that it sends neither header would.
//!
//! GET, HEAD and OPTIONS pass, since they change nothing here, unless they ask to switch protocols: a WebSocket
//! begins as a GET.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, Method, StatusCode,
        header::{COOKIE, ORIGIN, UPGRADE},
    },
    middleware::Next,
    response::Response,
};
use backup_api::{Problem, ProblemCode, http::respond};

use super::{host::wants_page, wrong_address};
use crate::hosts::{self, Hosts};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request pass or answers 403.
pub(crate) async fn refuse(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    if changes_nothing(request.method(), request.headers()) || comes_from_us(&request, &hosts) {
        return next.run(request).await;
    }
    if let Some(page) = page_about_https(&request, &hosts) {
        return page;
    }
    tracing::warn!(http.method = %request.method(), "refused a request that another site made");
    let sentence =
        "This request did not come from a page of this console. Open the console itself and try again there.";
    let status = StatusCode::FORBIDDEN;
    let problem = Problem::new(
        ProblemCode::Forbidden,
        status.as_u16(),
        "Not from this site",
        sentence,
    );
    respond(problem, request.extensions().get())
}

/// Somebody who went past what speaks https, straight to the console under its own name, and now signs in.
fn page_about_https(request: &Request, hosts: &Hosts) -> Option<Response> {
    let origin = request.headers().get(ORIGIN)?.to_str().ok()?;
    let authority = hosts::authority(request)?;
    (wants_page(request.headers()) && hosts.lacks_https(origin)).then(|| {
        let nonce = request.extensions().get();
        wrong_address::page(
            StatusCode::FORBIDDEN,
            hosts.public_url(),
            Some(authority.as_str()),
            nonce,
        )
    })
}

fn changes_nothing(method: &Method, headers: &HeaderMap) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) && !headers.contains_key(UPGRADE)
}

fn comes_from_us(request: &Request, hosts: &Hosts) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site == "same-origin";
    }
    if let Some(origin) = headers.get(ORIGIN) {
        let authority = hosts::authority(request);
        return origin
            .to_str()
            .is_ok_and(|origin| authority.is_some_and(|authority| hosts.is_own_origin(origin, &authority)));
    }
    !headers.contains_key(COOKIE)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body};
    use tower::ServiceExt;

    use super::*;
    use crate::configuration::{Configuration, Overrides, Purpose};

    async fn status(method: &str, headers: &[(&str, &str)]) -> StatusCode {
        let overrides = Overrides {
            demo: true,
            ..Overrides::default()
        };
        let hosts = Hosts::new(&Configuration::load(&overrides, Purpose::Serve).unwrap());
        let router = Router::new()
            .fallback(|| async { "done" })
            .layer(axum::middleware::from_fn_with_state(Arc::new(hosts), refuse));
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "localhost:3000");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
            .status()
    }

    #[tokio::test]
    async fn what_other_sites_send_is_refused() {
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://localhost:3000"),
            ],
            &[("origin", "http://example.com")],
            &[("origin", "null")],
            &[("origin", "http://localhost:4000")],
            &[("cookie", "__Host-backups=1")],
        ] {
            assert_eq!(
                status("POST", headers).await,
                StatusCode::FORBIDDEN,
                "{headers:?}"
            );
            assert_eq!(
                status("DELETE", headers).await,
                StatusCode::FORBIDDEN,
                "{headers:?}"
            );
        }
        let web_socket = [("sec-fetch-site", "cross-site"), ("upgrade", "websocket")];
        assert_eq!(status("GET", &web_socket).await, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn what_our_pages_and_programs_send_passes() {
        for headers in [
            &[("sec-fetch-site", "same-origin"), ("cookie", "__Host-backups=1")][..],
            &[
                ("origin", "http://localhost:3000"),
                ("cookie", "__Host-backups=1"),
            ],
            &[("authorization", "Basic am9lOnNlY3JldA==")],
            &[],
        ] {
            assert_eq!(status("POST", headers).await, StatusCode::OK, "{headers:?}");
        }
        assert_eq!(
            status("GET", &[("sec-fetch-site", "cross-site")]).await,
            StatusCode::OK
        );
    }
}
