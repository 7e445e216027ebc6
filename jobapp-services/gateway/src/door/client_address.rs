//! Who sent a request, as an address. What proxies say is believed only of proxies that are configured.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;

use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::rule::Rule;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client, in the request's extensions. `0.0.0.0` for calls that came over no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// The address of a request that went through the rule.
    pub(crate) fn of(request: &http::Extensions) -> Self {
        request.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

/// Finds the client's address.
#[derive(Debug, Default)]
pub(crate) struct ClientAddresses {
    trusted: Vec<IpNet>,
}

impl ClientAddresses {
    /// With these proxies before us.
    pub(crate) fn behind(trusted: &[IpNet]) -> Self {
        Self { trusted: trusted.to_vec() }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// From the peer outwards, for as long as each hop is one of our proxies.
    fn find(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        if !self.trusts(address) {
            return address;
        }
        // A later header line continues an earlier one, so the last entry of the last line is the nearest.
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
                let Some(hop) = std::str::from_utf8(entry).ok().and_then(parse) else { return address };
                address = hop;
                if !self.trusts(address) {
                    return address;
                }
            }
        }
        address
    }
}

/// An address, perhaps with a port, as proxies write it.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(entry, |(inside, _)| inside);
    let address = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

impl Rule for ClientAddresses {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
            let address = ClientAddress(self.find(peer.ip(), request.headers()));
            request.extensions_mut().insert(address);
        }
        ControlFlow::Continue(())
    }

    fn leave(&self, (): (), _: &mut Response) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        ClientAddresses::behind(&trusted).find(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(found(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(found(&["10.0.0.0/8"], "192.0.2.1", &["1.2.3.4"]), "192.0.2.1");
    }

    #[test]
    fn entries_are_read_from_the_right_until_one_is_no_proxy_of_ours() {
        let ours = &["10.0.0.0/8"];
        assert_eq!(found(ours, "10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(found(ours, "10.0.0.1", &["203.0.113.9", "198.51.100.7,10.0.0.2"]), "198.51.100.7");
    }

    #[test]
    fn when_all_are_proxies_the_farthest_is_the_client() {
        assert_eq!(found(&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(found(&["10.0.0.0/8"], "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_search() {
        assert_eq!(found(&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let ours = &["::1/128", "127.0.0.0/8"];
        assert_eq!(found(ours, "::ffff:127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(found(ours, "::1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(found(ours, "127.0.0.1", &["203.0.113.9:5000"]), "203.0.113.9");
    }
}
