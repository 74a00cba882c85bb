//! Where a request comes from: for the audit in full, for counting by network, for logs without its last part.

use super::error::Refusal;
use super::extract::app_of;
use crate::app::App;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Client(IpAddr);

impl Client {
    /// Where this request comes from.
    pub(super) fn of(request: &HttpRequest, app: &App) -> Self {
        Self(client_address(request, &app.config.trusted_proxies))
    }

    /// For the audit.
    pub(super) fn address(self) -> String {
        self.0.to_string()
    }

    /// For its owner's list of sessions.
    pub(super) fn masked(self) -> String {
        mask_address(self.0)
    }

    /// For counting: a household or office has a /64 of IPv6, so single addresses in it say nothing.
    pub(super) fn network(self) -> String {
        match self.0 {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

impl FromRequest for Client {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(app_of(request).map(|app| Self::of(request, &app)))
    }
}

/// The peer, or, if that is one of our proxies, the last address in `X-Forwarded-For` that is not: everything before
/// it was written by strangers.
pub(super) fn client_address(request: &HttpRequest, proxies: &[IpNet]) -> IpAddr {
    let peer = peer_of(request);
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    last_stranger(peer, &forwarded.collect::<Vec<_>>().join(","), proxies)
}

/// Whoever is at the other end of the connection.
fn peer_of(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical())
}

fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|net| net.contains(&address))
}

fn last_stranger(peer: IpAddr, forwarded: &str, proxies: &[IpNet]) -> IpAddr {
    let mut nearest = peer;
    for text in forwarded.rsplit(',') {
        if !is_proxy(nearest, proxies) {
            break;
        }
        let Ok(address) = text.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
    }
    nearest
}

/// What names the request in every log on its way: our proxy's word for it, else one of ours. A stranger's word is not taken:
/// it could be chosen to be confused with another's.
pub(super) fn request_id(request: &HttpRequest, proxies: &[IpNet]) -> String {
    let from_proxy = is_proxy(peer_of(request), proxies);
    let told = request.headers().get("x-request-id").filter(|_| from_proxy).and_then(|value| value.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    told.filter(is_plain).map_or_else(make_request_id, str::to_owned)
}

/// No secret: 6 random bytes, or zeros if there are none.
fn make_request_id() -> String {
    let mut bytes = [0; 6];
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// For logs: the network without the house number.
pub(super) fn mask_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.x")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::x")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_proxies_are_believed_about_the_clients_address() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, client) in [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "nonsense", "10.0.0.1"),
            ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ] {
            let found = last_stranger(peer.parse().unwrap(), forwarded, &proxies);
            assert_eq!(found.to_string(), client, "{peer} says {forwarded:?}");
        }
    }

    #[test]
    fn an_ipv6_client_is_counted_by_its_network_and_logged_without_its_house_number() {
        let address: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        assert_eq!(Client(address).network(), "2001:db8:1:2::/64");
        assert_eq!(mask_address(address), "2001:db8:1::x");
        assert_eq!(mask_address("203.0.113.9".parse().unwrap()), "203.0.113.x");
    }
}
