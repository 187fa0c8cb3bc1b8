//! Finds out whose request it is when a proxy stands in front.
//!
//! A header says what its sender likes, so it is read from its right end, where the proxy next to us writes, and only
//! as long as the one who wrote is trusted: the first address that is no trusted proxy is the client's. What stands
//! left of it came from the client and means nothing. Only the configured header is read, because a proxy passes on
//! the other one as the client sent it. `X-Forwarded-Proto` and `X-Forwarded-Host` are never read: `public_url` says
//! by which address people reach the console.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use backup_api::http::ClientAddress;

use crate::{
    configuration::{ForwardingHeader, Proxies},
    socket::Peer,
};

/// Puts the [`ClientAddress`] into the request's extensions.
pub(crate) async fn find(State(proxies): State<Arc<Proxies>>, mut request: Request, next: Next) -> Response {
    let Peer(peer) = *request
        .extensions()
        .get()
        .expect("the socket tells the peer of every request");
    let client = client(&proxies, peer, request.headers());
    request.extensions_mut().insert(ClientAddress(client));
    next.run(request).await
}

fn client(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut client = peer.to_canonical();
    let mut told = told(proxies.header, headers);
    while proxies.trust(client) {
        // Where a proxy did not say it, or not in a way that can be read, the proxy itself is all that is known.
        let Some(Some(next)) = told.next() else { break };
        client = next;
    }
    client
}

/// What the header tells, the last first; `None` in it is what cannot be read.
fn told(header: ForwardingHeader, headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(header.name()).into_iter().rev();
    // What cannot even be read as text must not be skipped: what stands left of it would move up.
    let values = values.map(|value| value.to_str().unwrap_or("unreadable"));
    values
        .flat_map(elements_from_the_right)
        .map(move |element| match header {
            ForwardingHeader::XForwardedFor => address(element),
            ForwardingHeader::Forwarded => forwarded_for(element).and_then(address),
        })
}

/// Quotation marks are counted from the right as well, so that an open one of the client's cannot swallow what the
/// proxy appended.
fn elements_from_the_right(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    value.rsplit(move |character| {
        if character == '"' {
            quoted = !quoted;
        }
        character == ',' && !quoted
    })
}

/// The `for` of an element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// An address, perhaps with a port, quotation marks and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let with_port = || text.parse::<std::net::SocketAddr>().map(|address| address.ip());
    let address = bare.parse().or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::{Extension, Router, body::Body};
    use tower::ServiceExt;

    use super::*;
    use crate::configuration::{Configuration, Overrides, Purpose};

    const PROXY: &str = "10.0.0.1";

    fn proxies(keys: &str) -> Proxies {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("console.toml");
        let projects = "[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n";
        std::fs::write(&file, format!("{keys}\n{projects}")).unwrap();
        let overrides = Overrides {
            file: Some(file),
            ..Overrides::default()
        };
        Configuration::load(&overrides, Purpose::Serve)
            .unwrap()
            .network
            .proxies
    }

    async fn client_of(proxies: Proxies, peer: &str, headers: &[(&str, &str)]) -> String {
        let router =
            Router::new()
                .fallback(|Extension(ClientAddress(client)): Extension<ClientAddress>| async move {
                client.to_string()
            })
            .layer(axum::middleware::from_fn_with_state(Arc::new(proxies), find));
        let mut request = axum::http::Request::builder()
            .uri("/")
            .extension(Peer(peer.parse().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn nobody_is_believed_by_default() {
        for (name, value) in [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("x-real-ip", "192.0.2.1"),
        ] {
            assert_eq!(
                client_of(proxies(""), "127.0.0.1", &[(name, value)]).await,
                "127.0.0.1"
            );
        }
    }

    #[tokio::test]
    async fn what_a_client_claims_counts_for_nothing() {
        let trusted = proxies("trusted_proxies = [\"10.0.0.0/8\"]");
        for (peer, headers, expected) in [
            // Past the proxy: its header is its own invention.
            ("192.0.2.9", &[("x-forwarded-for", "127.0.0.1")][..], "192.0.2.9"),
            // What the client sent stands left of what the proxy appended.
            (PROXY, &[("x-forwarded-for", "127.0.0.1, 192.0.2.9")], "192.0.2.9"),
            // The client names a trusted address, too.
            (PROXY, &[("x-forwarded-for", "10.9.9.9, 192.0.2.9")], "192.0.2.9"),
            // In a line of its own.
            (
                PROXY,
                &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "192.0.2.9")],
                "192.0.2.9",
            ),
            // In the header that this proxy does not write.
            (
                PROXY,
                &[("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "192.0.2.9")],
                "192.0.2.9",
            ),
            (PROXY, &[("forwarded", "for=127.0.0.1")], PROXY),
            (PROXY, &[("x-real-ip", "127.0.0.1")], PROXY),
            // What cannot be read is where trust ends.
            (PROXY, &[("x-forwarded-for", "127.0.0.1, unknown")], PROXY),
            (
                PROXY,
                &[("x-forwarded-for", "127.0.0.1, 10.0.0.2, garbage")],
                PROXY,
            ),
            (PROXY, &[("x-forwarded-for", "127.0.0.1,")], PROXY),
            (PROXY, &[], PROXY),
        ] {
            assert_eq!(
                client_of(trusted.clone(), peer, headers).await,
                expected,
                "{peer} {headers:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_chain_of_proxies_is_followed_to_its_end() {
        let trusted = proxies("trusted_proxies = [\"10.0.0.0/8\", \"2001:db8::1\"]");
        for (value, expected) in [
            ("198.51.100.1, 10.0.0.3, 10.0.0.2", "198.51.100.1"),
            ("198.51.100.1:4711, 10.0.0.2", "198.51.100.1"),
            ("2001:db8:1::5, 2001:db8::1", "2001:db8:1::5"),
            ("[2001:db8:1::5]:4711", "2001:db8:1::5"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            // Nothing but proxies: somebody on one of them.
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ] {
            let headers = [("x-forwarded-for", value)];
            assert_eq!(
                client_of(trusted.clone(), "::ffff:10.0.0.1", &headers).await,
                expected,
                "{value}"
            );
        }
    }

    #[tokio::test]
    async fn the_standard_header_is_read_where_it_is_configured() {
        let keys = "trusted_proxies = [\"10.0.0.0/8\"]\nclient_address_header = \"Forwarded\"";
        for (value, expected) in [
            ("for=192.0.2.9", "192.0.2.9"),
            ("For=\"[2001:db8::9]:4711\";proto=http;by=10.0.0.1", "2001:db8::9"),
            ("for=127.0.0.1, for=192.0.2.9;proto=https", "192.0.2.9"),
            (
                "for=127.0.0.1, by=10.0.0.1;for=\"192.0.2.9:80\", for=10.0.0.2",
                "192.0.2.9",
            ),
            // An open quotation mark of the client's.
            ("for=\"127.0.0.1, for=192.0.2.9", "192.0.2.9"),
            ("for=127.0.0.1, for=unknown", PROXY),
            ("for=127.0.0.1, for=_hidden", PROXY),
            ("for=127.0.0.1, proto=https", PROXY),
        ] {
            let headers = [("forwarded", value), ("x-forwarded-for", "127.0.0.1")];
            assert_eq!(
                client_of(proxies(keys), PROXY, &headers).await,
                expected,
                "{value}"
            );
        }
    }
}
