//! Where the rows are kept: a SQLite file, or a database on a PostgreSQL server.

use super::{ConfigError, Secret};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use url::Url;

/// The file's name in the data folder.
const FILE_NAME: &str = "filmjacket.sqlite";

/// Connections of one node. PostgreSQL allows 100 in all unless told otherwise, and a few nodes must have room.
const CONNECTIONS: u32 = 20;

/// Where the rows are kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// A SQLite file: one machine.
    File(PathBuf),
    /// A database on a PostgreSQL server: any number of nodes.
    Server {
        /// `postgres://user:password@host/name?sslmode=…`
        url: Secret,
        /// Most connections that one node holds; half of them only read.
        connections: u32,
    },
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DatabaseSection {
    url: Option<Secret>,
    connections: Option<u32>,
}

impl DatabaseSection {
    pub(super) fn parse(&self, data: &Path) -> Result<Database, ConfigError> {
        let connections = self.connections.unwrap_or(CONNECTIONS);
        if !(2..=1000).contains(&connections) {
            return Err(ConfigError::Value("database.connections", "must be from 2 to 1000".to_owned()));
        }
        let Some(url) = &self.url else { return Ok(Database::File(data.join(FILE_NAME))) };
        Ok(match Database::parse(url.expose()).map_err(|why| ConfigError::Value("database.url", why))? {
            Database::Server { url, .. } => Database::Server { url, connections },
            file @ Database::File(_) => file,
        })
    }
}

impl Database {
    /// Reads `sqlite:FILE` or `postgres://user:password@host/name`. The way to a server on another machine is encrypted
    /// and the server's certificate checked, unless `sslmode` says otherwise in so many words.
    ///
    /// # Errors
    /// A sentence that repeats nothing of the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return Ok(Self::File(PathBuf::from(path.strip_prefix("//").unwrap_or(path))));
        }
        let mut url = Url::parse(text)
            .ok()
            .filter(|url| ["postgres", "postgresql"].contains(&url.scheme()))
            .ok_or("must be like postgres://user:password@host/name?sslmode=verify-full, or sqlite:FILE")?;
        if url.path().trim_matches('/').is_empty() {
            return Err("must name the database behind the host: postgres://user@host/name".to_owned());
        }
        let of_key = |key: &str| url.query_pairs().find(|(name, _)| name == key).map(|(_, value)| value.into_owned());
        match of_key("sslmode").or_else(|| of_key("ssl-mode")).as_deref() {
            None if is_on_this_machine(&url) => {}
            None => drop(url.query_pairs_mut().append_pair("sslmode", "verify-full")),
            Some("allow" | "prefer") => {
                let why = "sslmode must be verify-full (or verify-ca, require, disable): allow and prefer go on in clear without a word";
                return Err(why.to_owned());
            }
            Some(_) => {}
        }
        Ok(Self::Server { url: Secret::from(String::from(url)), connections: CONNECTIONS })
    }
}

/// Whether the server listens on a loopback address or a socket in a folder.
fn is_on_this_machine(url: &Url) -> bool {
    let elsewhere =
        url.query_pairs().any(|(key, host)| ["host", "hostaddr"].contains(&&*key) && !host.starts_with('/'));
    let host = url.host_str().unwrap_or_default();
    let is_loopback = host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !elsewhere && (is_loopback || host.is_empty() || host == "localhost" || host.starts_with("%2F"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> String {
        match Database::parse(text) {
            Ok(Database::Server { url, .. }) => url.expose().to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_server_elsewhere_must_prove_who_it_is_unless_told_otherwise() {
        for host in ["db.clinic.example", "10.0.0.7:5433", "db?host=10.0.0.8"] {
            let host = host.replace("db?", "localhost/x?");
            let text =
                if host.contains('/') { format!("postgres://u:p@{host}") } else { format!("postgres://u:p@{host}/x") };
            assert!(server(&text).ends_with("sslmode=verify-full"), "{text}");
        }
        for text in [
            "postgres://u:p@localhost/x",
            "postgres://u:p@127.0.0.1:5433/x",
            "postgres://u:p@[::1]/x",
            "postgres:///x?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/x",
            "postgres://u:p@db.clinic.example/x?sslmode=disable",
        ] {
            assert_eq!(server(text), text);
        }
        assert!(server("postgres://u:p@db.clinic.example/x?sslmode=prefer").contains("without a word"));
    }

    #[test]
    fn what_does_not_read_is_refused_without_repeating_it() {
        for text in ["mysql://u:geheim@host/x", "geheim", "postgres://u:geheim@host", "postgres://u:geheim@host:x/y"] {
            let told = Database::parse(text).unwrap_err();
            assert!(!told.contains("geheim"), "{told}");
        }
        assert!(
            matches!(Database::parse("sqlite:/a b/c#d.sqlite"), Ok(Database::File(path)) if path == Path::new("/a b/c#d.sqlite"))
        );
    }
}
