//! Where the console listens and by which names it is known.

use std::net::{Ipv4Addr, SocketAddr};

use axum::http::Uri;

use super::{
    COMMAND_LINE, Purpose,
    proxies::{self, Proxies},
    section::{Findings, Section},
    values,
};

const LISTEN: &str = "\"127.0.0.1:3000\"";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Addresses and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    /// The address to listen on.
    pub(crate) listen: SocketAddr,
    /// Where people reach the console, when something in front of it speaks https.
    pub(crate) public_url: Option<PublicUrl>,
    /// Further host names of the console behind the same https.
    pub(crate) hosts: Vec<String>,
    /// The domain below which each environment's backup service has its host name.
    pub(crate) service_domain: String,
    /// What stands in front.
    pub(crate) proxies: Proxies,
}

/// An https address without a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicUrl {
    /// Lower case.
    pub(crate) host: String,
    /// Where it is not 443.
    pub(crate) port: Option<u16>,
}

impl PublicUrl {
    /// The port with its colon, where one has to be written.
    pub(crate) fn port_suffix(&self) -> String {
        self.port.map(|port| format!(":{port}")).unwrap_or_default()
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "https://{}{}", self.host, self.port_suffix())
    }
}

pub(super) fn read(
    root: &mut Section<'_>,
    listen_flag: Option<&str>,
    purpose: Purpose,
    findings: &Findings,
) -> Network {
    let mut listen = root.text("listen", LISTEN, address);
    if let Some(flag) = listen_flag {
        match address(flag) {
            Ok(address) => listen = Some(address),
            Err(fault) => findings.report_at(COMMAND_LINE, "--listen", fault, "--listen 127.0.0.1:3000"),
        }
    }
    let public_url = root.text("public_url", "\"https://backups.example.com\"", public_url);
    let hosts = root
        .texts("hosts", "[\"backups.internal.example.com\"]", values::host_name)
        .unwrap_or_default();
    // Services alone have no sessions, whose cookie needs https.
    if public_url.is_none() && !hosts.is_empty() && purpose != Purpose::ServeServices {
        let fault = "needs public_url: signing in works over https only, except on localhost";
        findings.report("hosts", fault, "public_url = \"https://backups.example.com\"");
    }
    let listen = listen.unwrap_or(DEFAULT_LISTEN);
    if public_url.is_none() && !listen.ip().is_loopback() && !listen.ip().is_unspecified() {
        let fault = format!(
            "is needed to listen on {}: other machines get in over https only",
            listen.ip()
        );
        findings.report(
            "public_url",
            fault,
            "public_url = \"https://backups.example.com\"",
        );
    }
    let service_domain = root.text("service_domain", "\"backups.example.com\"", values::host_name);
    let proxies = proxies::read(root);
    Network {
        listen,
        public_url,
        hosts,
        service_domain: service_domain.unwrap_or_else(|| "localhost".to_owned()),
        proxies,
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("must be an IP address and a port, not \"{text}\""))
}

fn public_url(text: &str) -> Result<PublicUrl, String> {
    let understood = text.parse::<Uri>().ok().and_then(|uri| {
        let plain = uri.scheme_str() == Some("https") && uri.path_and_query().is_none_or(|path| path == "/");
        let authority = uri
            .authority()
            .filter(|authority| plain && !authority.as_str().contains('@'))?;
        let port = match authority.port() {
            Some(_) => Some(authority.port_u16()?),
            None => None,
        };
        let host = values::host_name(authority.host()).ok()?;
        Some(PublicUrl {
            host,
            port: port.filter(|port| *port != 443),
        })
    });
    understood.ok_or_else(|| format!("must be an https address without a path, not \"{text}\""))
}
