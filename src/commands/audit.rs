//! `filmjacket audit verify`, `export` and `key`: whether the audit is as it was written, and its rows for others.

use super::{Failure, tell_progress};
use crate::audit::{Anchor, Verified, export as written, parse_time};
use crate::config::{Config, ConfigError, Database, Reading};
use crate::keys::{AnchorPublicKey, ServerKey};
use crate::store::{AuditReader, verify_audit};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use protocol::Timestamp;
use protocol::audit::AuditFormat;
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Hold every row against the chain, also while servers run, and name the first that is not as it was written.
    Verify(Verify),
    /// Write the rows to standard output, oldest first.
    Export(Export),
    /// Print the public key that anchors are checked with.
    Key,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// A file with anchors, one a line, as the server writes and mails them. Without, a cut at the end and a chain that was
    /// computed anew cannot be told.
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// The public key of the anchors, as `filmjacket audit key` printed it; without, that of the server key here.
    // One in 64 begins with a hyphen.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    key: Option<String>,
    /// Another database than the configuration's, such as a backup: sqlite:FILE or postgres://user@host/name.
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// csv for spreadsheets, ndjson for scripts, fhir for one FHIR R4 AuditEvent a line.
    #[arg(long, value_parser = formats())]
    format: AuditFormat,
    /// The first moment, such as 2027-01-01 (in UTC) or 2027-01-01T08:00:00+01:00.
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    from: Option<Timestamp>,
    /// The first moment that is no longer wanted.
    #[arg(long, value_parser = parse_time, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Another database than the configuration's, such as a backup.
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
}

/// The names are those that the API takes.
fn formats() -> impl TypedValueParser<Value = AuditFormat> {
    PossibleValuesParser::new(["csv", "ndjson", "fhir"])
        .try_map(|name| AuditFormat::deserialize(StrDeserializer::<ValueError>::new(&name)))
}

/// Does one of them.
pub(super) async fn run(what: &What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let config = reading?.config;
    match what {
        What::Verify(what) => verify(what, &config).await,
        What::Export(what) => export(what, &config).await,
        What::Key => {
            let key = own_key(&config)?;
            write!(std::io::stdout().lock(), "{}\n{}", key.to_text(), key.to_pem())?;
            Ok(())
        }
    }
}

async fn verify(what: &Verify, config: &Config) -> Result<(), Failure> {
    let anchors = match &what.anchors {
        Some(file) => {
            let key = match &what.key {
                Some(key) => AnchorPublicKey::parse(key).ok_or("--key must be 43 characters of base64url")?,
                None => own_key(config)?,
            };
            read_anchors(file, &key)?
        }
        None => Vec::new(),
    };
    let verified = verify_audit(&database(what.database.as_deref(), config)?, anchors, &mut tell_progress).await?;
    tell(&verified, what.anchors.is_some())
}

fn tell(verified: &Verified, had_anchors: bool) -> Result<(), Failure> {
    let Verified { rows, seq, hash, cut_seq, anchors, taken_back } = verified;
    let mut out = std::io::stdout().lock();
    writeln!(out, "the audit is whole: {rows} rows, the last one number {seq} with the hash {hash}")?;
    if *cut_seq > 0 {
        writeln!(out, "rows up to {cut_seq} are no longer kept, as the settings say")?;
    }
    for (anchor, at) in taken_back {
        writeln!(
            out,
            "look at this: row {} of {} is not there, because a backup was restored at {}",
            anchor.seq,
            anchor.at.to_rfc3339(),
            at.to_rfc3339()
        )?;
    }
    if had_anchors {
        writeln!(out, "{anchors} anchors agree")?;
    } else {
        writeln!(out, "no anchors were given: a cut at the end, or a chain that was computed anew, would not be seen")?;
    }
    Ok(())
}

/// A line that is no anchor of ours is a reason to ask where the file comes from, not to go on without it.
fn read_anchors(file: &Path, key: &AnchorPublicKey) -> Result<Vec<Anchor>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line): (usize, &str)| {
        key.check(line).map_err(|error| format!("line {} of {}: {error}", index + 1, file.display()).into())
    };
    lines.map(read).collect()
}

async fn export(what: &Export, config: &Config) -> Result<(), Failure> {
    let from = what.from.unwrap_or(Timestamp::from_unix(i64::MIN));
    let to = what.to.unwrap_or(Timestamp::from_unix(i64::MAX));
    let mut reader = AuditReader::open(&database(what.database.as_deref(), config)?, from, to).await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    out.write_all(written::head(what.format).as_bytes())?;
    loop {
        let rows = reader.next_page().await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            out.write_all(written::line(what.format, row, config.public_url.origin()).as_bytes())?;
        }
    }
    out.flush()?;
    Ok(())
}

fn database(named: Option<&str>, config: &Config) -> Result<Database, Failure> {
    match named {
        Some(text) => Ok(Database::parse(text).map_err(|why| format!("--database {why}"))?),
        None => Ok(config.database.clone()),
    }
}

/// The public key of this installation; nothing is made here.
fn own_key(config: &Config) -> Result<AnchorPublicKey, Failure> {
    let key = match &config.server_key {
        Some(key) => ServerKey::parse(key.expose())?,
        None => ServerKey::load(&config.data.join("server.key"))?,
    };
    Ok(key.derive_anchor_key()?.public())
}
