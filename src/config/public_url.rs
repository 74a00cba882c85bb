//! The address that people see: an origin, checked once.

use super::ConfigError;
use crate::people::EmailAddress;
use std::net::IpAddr;

/// Scheme and authority that browsers see: the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: String,
}

impl PublicUrl {
    pub(super) fn parse(text: &str) -> Result<Self, ConfigError> {
        let refused = |why: &str| ConfigError::Value("public_url", format!("{text:?} {why}"));
        let origin = text.trim_end_matches('/').to_ascii_lowercase();
        let uri: actix_web::http::Uri = origin.parse().map_err(|_| refused("is not a web address"))?;
        let host = uri.host().ok_or_else(|| refused("names no host"))?.trim_matches(['[', ']']).to_owned();
        if !matches!(uri.path(), "/" | "") || uri.query().is_some() || origin.contains('@') {
            return Err(refused("must be only scheme, host and port, such as https://send.clinic.example"));
        }
        // As browsers spell it in `Origin`, without the usual port: what is compared with that is compared letter by letter.
        let origin = url::Url::parse(&origin).map_err(|_| refused("is not a web address"))?.origin();
        let url = Self { origin: origin.ascii_serialization(), host };
        match uri.scheme_str() {
            Some("https") => Ok(url),
            Some("http") if url.is_loopback() => Ok(url),
            Some("http") => Err(refused("must begin with https:// because browsers protect nothing without it")),
            _ => Err(refused("must begin with https://")),
        }
    }

    /// Such as `https://send.clinic.example`; no slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host's name, for mail ids.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The same address by a name instead of a number: this machine's own is `localhost`.
    pub fn named_origin(&self) -> String {
        self.origin.replacen(&self.host, "localhost", 1).replace(['[', ']'], "")
    }

    /// A domain that mail addresses may have: loopback addresses and `localhost` have no mail of their own.
    pub(super) fn mail_domain(&self) -> &str {
        let candidate = format!("filmjacket@{}", self.host);
        if EmailAddress::parse(&candidate, "mail.from").is_ok() { &self.host } else { "filmjacket.invalid" }
    }

    /// Whether browsers reach it by TLS.
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// Whether it is this machine's own.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::PublicUrl;

    #[test]
    fn a_public_url_is_an_origin_and_never_plain_http_beyond_this_machine() {
        for good in ["http://127.0.0.1:8080", "http://localhost:1/", "https://Send.Clinic.Example", "http://[::1]:80"] {
            assert!(PublicUrl::parse(good).is_ok(), "{good}");
        }
        for (given, origin) in [
            ("https://Send.Clinic.Example:443/", "https://send.clinic.example"),
            ("https://send.clinic.example:8443", "https://send.clinic.example:8443"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(PublicUrl::parse(given).unwrap().origin(), origin);
        }
        for bad in [
            "http://send.clinic.example",
            "https://x.example/path",
            "ftp://x.example",
            "x.example",
            "https://u@x.example",
            "",
        ] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
