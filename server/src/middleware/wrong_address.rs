//! The page for somebody who opened the console by an address at which it cannot work.
//!
//! Over plain http, browsers keep the session's cookie on `localhost` only. Under any other name signing in would seem
//! to work and lead back to the sign-in page for ever, so nobody gets that far.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use leptos::nonce::Nonce;

use crate::configuration::PublicUrl;

/// Answers with the page. `opened` is the host as the request names it, `port` its port.
pub(crate) fn page(
    status: StatusCode,
    public_url: Option<&PublicUrl>,
    opened: Option<&str>,
    nonce: Option<&Nonce>,
) -> Response {
    let advice = match public_url {
        Some(url) => advice_with_https(url),
        None => advice_without_https(opened),
    };
    let opened = opened.map_or_else(
        || "this address".to_owned(),
        |host| format!("<b>{}</b>", escaped(host)),
    );
    let nonce = nonce.map_or(String::new(), |nonce| format!(" nonce=\"{nonce}\""));
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Open the console at another address</title>\
         <style{nonce}>{STYLE}</style></head><body><main><h1>Open the console at another address</h1>\
         <p>The console does not work at {opened}.</p>{advice}</main></body></html>"
    );
    (status, Html(page)).into_response()
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0 1.5rem}main{max-width:38rem;margin:12vh auto}\
    h1{font-size:1.5rem;line-height:1.25}pre{padding:.75rem 1rem;border:1px solid #8888;border-radius:6px;overflow:auto}";

fn advice_with_https(url: &PublicUrl) -> String {
    format!("<p>Open <a href=\"{url}\">{url}</a>.</p>")
}

fn advice_without_https(opened: Option<&str>) -> String {
    let (name, port) = name_and_port(opened.unwrap_or_default());
    let local = match port {
        Some(port) => format!("http://localhost:{port}"),
        None => "http://localhost".to_owned(),
    };
    // An address of numbers can have no certificate that browsers trust without further ado.
    let example = if name.contains(|character: char| character.is_ascii_alphabetic()) && !name.contains(':') {
        escaped(name)
    } else {
        "backups.example.com".to_owned()
    };
    format!(
        "<p>Signing in needs https, because browsers keep the session's cookie over plain http on \
         <code>localhost</code> only.</p>\
         <p>On the machine it runs on, open <a href=\"{local}\">{local}</a>.</p>\
         <p>For other machines, whoever runs the console puts a server that speaks https in front of it, as in \
         <code>docs/OPERATIONS.md</code>, and names its address in the configuration:</p>\
         <pre>public_url = \"https://{example}\"</pre>"
    )
}

fn name_and_port(host: &str) -> (&str, Option<u16>) {
    match host
        .rsplit_once(':')
        .and_then(|(name, port)| Some((name, port.parse().ok()?)))
    {
        Some((name, port)) => (name, Some(port)),
        None => (host, None),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(public_url: Option<&PublicUrl>, opened: &str) -> String {
        let page = page(StatusCode::MISDIRECTED_REQUEST, public_url, Some(opened), None);
        let body = axum::body::to_bytes(page.into_body(), 10_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn without_https_it_names_the_local_address_and_the_key_to_set() {
        let page = text(None, "192.168.0.5:3000").await;
        assert!(
            page.contains("does not work at <b>192.168.0.5:3000</b>"),
            "{page}"
        );
        assert!(page.contains("<a href=\"http://localhost:3000\">"), "{page}");
        assert!(
            page.contains("public_url = \"https://backups.example.com\""),
            "{page}"
        );
        assert!(
            text(None, "nas.home")
                .await
                .contains("public_url = \"https://nas.home\"")
        );
    }

    #[tokio::test]
    async fn behind_https_it_names_the_address() {
        let url = PublicUrl {
            host: "b.example".to_owned(),
            port: Some(8443),
        };
        let text = text(Some(&url), "192.168.0.5:3000").await;
        assert!(
            text.contains("<p>Open <a href=\"https://b.example:8443\">"),
            "{text}"
        );
        assert!(!text.contains("localhost"), "{text}");
    }
}
