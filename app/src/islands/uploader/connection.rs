//! The resumable upload over fetch: two requests of the protocol, and how they are ended.

use std::cell::{Cell, RefCell};

use gloo_net::http::{Method, Request, RequestBuilder, Response};
use gloo_timers::callback::Timeout;
use leptos::server_fn::{Decodes as _, codec::JsonEncoding};
use web_sys::{
    AbortController, AbortSignal, Blob,
    js_sys::{Date, Math},
};

use crate::drafts::Refusal;

/// A chunk aims at seconds; one that takes this long hangs. Below the 100 seconds that proxies allow.
const LONGEST_REQUEST_MILLISECONDS: u32 = 80_000;
const VERSION: (&str, &str) = ("Tus-Resumable", "1.0.0");
const OFFSET: &str = "Upload-Offset";
const SENDER: &str = "Upload-Sender";

thread_local! {
    /// Tells this tab's requests from those of others. It is no secret and need not be more than unlikely to come twice.
    static THIS_TAB: String = format!("{:.0}-{}", Date::now(), Math::random());
}

/// Ends a transfer from outside, the request under way included.
#[derive(Debug, Default)]
pub(super) struct Stop {
    stopped: Cell<bool>,
    request: RefCell<Option<AbortController>>,
}

impl Stop {
    pub(super) fn stop(&self) {
        self.stopped.set(true);
        if let Some(request) = self.request.borrow_mut().take() {
            request.abort();
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The signal of the next request, which also ends when it takes too long: keep the timer as long as it runs.
    fn signal(&self) -> Option<(AbortSignal, Timeout)> {
        let controller = AbortController::new().ok()?;
        let signal = controller.signal();
        let timer = {
            let controller = controller.clone();
            Timeout::new(LONGEST_REQUEST_MILLISECONDS, move || controller.abort())
        };
        *self.request.borrow_mut() = Some(controller);
        Some((signal, timer))
    }
}

/// Where the upload at `path` stands.
pub(super) async fn offset(path: &str, stop: &Stop) -> Result<u64, Refusal> {
    let (signal, _timer) = stop.signal().ok_or_else(Refusal::unreachable)?;
    let response = RequestBuilder::new(path)
        .method(Method::HEAD)
        .header(VERSION.0, VERSION.1)
        .abort_signal(Some(&signal))
        .send()
        .await
        .map_err(|_| Refusal::unreachable())?;
    offset_in(&response).await
}

/// Sends what follows at `offset`, and gives the offset after it.
pub(super) async fn send(path: &str, offset: u64, bytes: Blob, stop: &Stop) -> Result<u64, Refusal> {
    let (signal, _timer) = stop.signal().ok_or_else(Refusal::unreachable)?;
    let response = Request::patch(path)
        .header(VERSION.0, VERSION.1)
        .header(OFFSET, &offset.to_string())
        .header(SENDER, &THIS_TAB.with(Clone::clone))
        .header("Content-Type", "application/offset+octet-stream")
        .abort_signal(Some(&signal))
        .body(bytes)
        .map_err(|_| Refusal::unreachable())?
        .send()
        .await
        .map_err(|_| Refusal::unreachable())?;
    offset_in(&response).await
}

async fn offset_in(response: &Response) -> Result<u64, Refusal> {
    if response.ok() {
        let offset = response.headers().get(OFFSET).and_then(|text| text.parse().ok());
        return offset.ok_or_else(Refusal::unreachable);
    }
    let body = response.binary().await.unwrap_or_default();
    // With the decoder of the server functions' errors, so that the browser's build has one.
    Err(JsonEncoding::decode(body.into()).unwrap_or_else(|_| Refusal {
        // The answer to HEAD has no body, and a proxy's has none of ours.
        status: response.status(),
        code: String::new(),
        detail: format!("The console answered with status {}.", response.status()),
        request_id: None,
    }))
}
