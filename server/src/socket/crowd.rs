//! How many connections each address has open.
//!
//! A client that opens connections and holds them would take the places of everybody else. An address may have many,
//! because an office may stand behind one, but not all. Addresses of IPv6 are counted by network: whoever has one has
//! all of the 2^64. Proxies stand for everybody and are not counted, nor is this machine.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::configuration::Proxies;

/// The most connections an address may have open.
const MOST: usize = 256;
/// So many more are told that they are too many; what comes beyond them is closed without a word.
const TOLD: usize = 64;

/// The connections that are open, by address; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
    /// `None`: everybody is counted.
    uncounted: Option<Arc<Proxies>>,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// Served for as long as the place is kept; those who are not counted need none.
    Served(Option<Place>),
    /// Answered that it is too much.
    OneTooMany(Place),
    /// Closed.
    Closed,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    /// Nobody yet; the proxies and this machine are not counted.
    pub(crate) fn new(proxies: Proxies) -> Self {
        Self {
            counts: Arc::default(),
            most: MOST,
            uncounted: Some(Arc::new(proxies)),
        }
    }

    /// Nobody yet, and everybody is counted.
    #[cfg(test)]
    pub(super) fn at_most(most: usize) -> Self {
        Self {
            counts: Arc::default(),
            most,
            uncounted: None,
        }
    }

    /// A connection comes in.
    pub(super) fn admit(&self, peer: IpAddr) -> Admission {
        if let Some(proxies) = &self.uncounted
            && (peer.is_loopback() || proxies.trust(peer))
        {
            return Admission::Served(None);
        }
        let address = counted_as(peer);
        let mut counts = self.counts();
        let count = counts.entry(address).or_insert(0);
        if *count >= self.most + TOLD {
            return Admission::Closed;
        }
        *count += 1;
        let served = *count <= self.most;
        drop(counts);
        let place = Place {
            crowd: self.clone(),
            address,
        };
        if served {
            Admission::Served(Some(place))
        } else {
            Admission::OneTooMany(place)
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing that holds it can panic halfway.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.crowd.counts().entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_no_more() {
        let crowd = Crowd::at_most(2);
        let first = crowd.admit(peer("192.0.2.1"));
        let _second = crowd.admit(peer("::ffff:192.0.2.1"));
        assert!(matches!(first, Admission::Served(Some(_))));
        let told: Vec<_> = (0..TOLD).map(|_| crowd.admit(peer("192.0.2.1"))).collect();
        assert!(told.iter().all(|one| matches!(one, Admission::OneTooMany(_))));
        assert!(matches!(crowd.admit(peer("192.0.2.1")), Admission::Closed));
        assert!(matches!(crowd.admit(peer("192.0.2.2")), Admission::Served(_)));

        drop((first, told));
        assert!(matches!(crowd.admit(peer("192.0.2.1")), Admission::Served(_)));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let crowd = Crowd::at_most(1);
        let _place = crowd.admit(peer("2001:db8::1"));
        assert!(matches!(
            crowd.admit(peer("2001:db8::ffff:1")),
            Admission::OneTooMany(_)
        ));
        assert!(matches!(
            crowd.admit(peer("2001:db8:0:1::1")),
            Admission::Served(_)
        ));
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let crowd = Crowd::at_most(1);
        drop(crowd.admit(peer("192.0.2.1")));
        assert!(crowd.counts().is_empty());
    }
}
