//! Which proxies are believed when they say whom they speak for.

use std::{fmt, net::IpAddr};

use axum::http::HeaderName;

use super::section::Section;

const TRUSTED_PROXIES: &str = "[\"127.0.0.1\", \"10.0.0.0/8\"]";
const HEADER: &str = "\"X-Forwarded-For\"";

/// The proxies in front of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxies {
    /// Where they are. Nobody else is believed.
    pub(crate) trusted: Vec<AddressRange>,
    /// The one header they write the address of their client into. The other one comes from the client as it is.
    pub(crate) header: ForwardingHeader,
}

impl Proxies {
    /// Whether `address` is one of them.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|range| range.contains(address))
    }
}

/// How a proxy tells whom it speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardingHeader {
    /// What everybody writes.
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl ForwardingHeader {
    const ALL: [Self; 2] = [Self::XForwardedFor, Self::Forwarded];

    /// The header's name as people write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
        }
    }

    /// The header's name as requests carry it.
    pub(crate) const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => HeaderName::from_static("forwarded"),
        }
    }
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressRange {
    address: IpAddr,
    /// How many bits they share; all of them where the range is one address.
    prefix: u8,
}

impl AddressRange {
    /// Whether `address` is among them. An IPv4 address is the same in its IPv6 form.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (own, other) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into()),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits()),
            _ => return false,
        };
        let free = u32::from(bits(self.address) - self.prefix);
        let start = |bits: u128| bits.checked_shr(free).unwrap_or(0);
        start(own) == start(other)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address) {
            self.address.fmt(formatter)
        } else {
            write!(formatter, "{}/{}", self.address, self.prefix)
        }
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

pub(super) fn read(root: &mut Section<'_>) -> Proxies {
    let trusted = root.texts("trusted_proxies", TRUSTED_PROXIES, address_range);
    let header = root.text("client_address_header", HEADER, |text| {
        ForwardingHeader::ALL
            .into_iter()
            .find(|header| header.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("must be \"X-Forwarded-For\" or \"Forwarded\", not \"{text}\""))
    });
    Proxies {
        trusted: trusted.unwrap_or_default(),
        header: header.unwrap_or(ForwardingHeader::XForwardedFor),
    }
}

fn address_range(text: &str) -> Result<AddressRange, String> {
    let unclear = || format!("holds \"{text}\", which is neither an IP address nor a range of them");
    let (address, prefix) = text
        .split_once('/')
        .map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address = address.parse::<IpAddr>().map_err(|_| unclear())?.to_canonical();
    let prefix = match prefix {
        None => bits(address),
        Some(prefix) => prefix.parse().map_err(|_| unclear())?,
    };
    if prefix > bits(address) {
        return Err(unclear());
    }
    if prefix == 0 {
        return Err(format!(
            "holds \"{text}\", which is everybody: then everybody could pretend to have any address"
        ));
    }
    Ok(AddressRange { address, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_range_or_everybody_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "::1/129",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1:80",
        ] {
            assert!(address_range(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn ranges_end_at_their_bits() {
        for (range, inside, outside) in [
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("128.0.0.0/1", "255.255.255.255", "127.255.255.255"),
            ("127.0.0.1", "::ffff:127.0.0.1", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "::2"),
        ] {
            let read = address_range(range).unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{range}: {inside}");
            assert!(!read.contains(outside.parse().unwrap()), "{range}: {outside}");
            assert_eq!(read.to_string(), range);
        }
    }
}
