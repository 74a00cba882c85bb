//! What the audit needs without a request: it is anchored once a day, verified again and again, and looked through for what
//! is unusual.

use super::JobError;
use crate::app::App;
use crate::audit::{Anchor, Finding, Flag};
use crate::keys::make_name;
use protocol::DAY;
use std::collections::HashSet;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

/// The anchors' file in the data folder.
const ANCHORS_FILE: &str = "audit-anchors.ndjson";

/// Pages of rows that one round verifies at most: a person's request waits for no more than that.
const PAGES: usize = 10;

/// Seconds after which all rows are verified again from the first.
const AGAIN_AFTER: i64 = DAY;

/// Signs where the chain ends if nobody did today, mails it, and brings this node's file up to date. Who signed also removes
/// the rows that are too old.
///
/// # Errors
/// [`JobError`].
pub async fn anchor(app: &App) -> Result<(), JobError> {
    let now = app.clock.now();
    let settings = &app.config.audit;
    let key = app.keys.derive_anchor_key()?;
    if app.store.anchor_audit(now, &settings.anchor_mail, |anchor| key.sign(anchor), make_name).await? {
        app.outbox_bell.notify_one();
        if let Some(keep) = settings.keep {
            while app.store.cut_audit(now.plus(-keep), now).await? > 0 {}
        }
    }
    let newest = app.store.newest_anchor().await?;
    if app.anchors_written.load(Ordering::Acquire) != newest {
        let lines = app.store.list_anchors().await?;
        let file = app.config.data.join(ANCHORS_FILE);
        tokio::task::spawn_blocking(move || append_missing(&file, &lines)).await.map_err(io::Error::other)??;
        app.anchors_written.store(newest, Ordering::Release);
    }
    Ok(())
}

/// Appends the lines that the file does not have; durable when this returns. What is there is never changed, but for the
/// beginning of a line that a power cut left.
fn append_missing(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
    }
    let there: HashSet<&str> = text[..whole].lines().collect();
    let missing: String =
        lines.iter().filter(|line| !there.contains(line.as_str())).map(|line| format!("{line}\n")).collect();
    file.write_all(missing.as_bytes())?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

/// Verifies the next rows; from the first row on once a day. What it finds is logged, shown to auditors and mailed to them,
/// once.
///
/// # Errors
/// [`JobError`]; a bad row is not one.
pub async fn watch(app: &App) -> Result<(), JobError> {
    let mut watch = app.audit_watch.lock().await;
    let now = app.clock.now();
    if watch.found().is_some() {
        return Ok(());
    }
    // Read first: every row up to there must be there.
    let head = app.store.audit_head().await?;
    if watch.is_due(now, AGAIN_AFTER, head.cut_seq) {
        watch.begin(head.cut_seq, head.cut_hash, own_anchors(app).await?, now);
    }
    for _ in 0..PAGES {
        let rows = app.store.audit_after(watch.seq()).await?;
        if watch.check(&rows, head.seq, now) {
            break;
        }
    }
    let found = watch.found().cloned();
    drop(watch);
    if let Some(finding) = found {
        tracing::error!(%finding, "the audit is not as it was written");
        flag(app, &[chain_flag(&finding)]).await?;
    }
    Ok(())
}

fn chain_flag(finding: &Finding) -> Flag {
    let detail = format!("The audit is not as it was written: {finding}");
    Flag { rule: "chain", subject: finding.to_string(), day: None, transfer_id: None, detail }
}

/// The anchors that the database knows, as far as this installation signed them: others are for `filmjacket audit verify`,
/// which is given a file that nobody here can change.
async fn own_anchors(app: &App) -> Result<Vec<Anchor>, JobError> {
    let key = app.keys.derive_anchor_key()?.public();
    Ok(app.store.list_anchors().await?.iter().filter_map(|line| key.check(line).ok()).collect())
}

/// Looks through what happened lately for what is unusual.
///
/// # Errors
/// [`JobError`].
pub async fn judge(app: &App) -> Result<(), JobError> {
    let now = app.clock.now();
    let facts = app.store.audit_facts(now).await?;
    flag(app, &app.config.audit.rules.judge(&facts, now)).await
}

/// Tells who is there to be told. Where nobody is, the log and the page *State* say so; the flag stands in the audit anyway.
async fn flag(app: &App, flags: &[Flag]) -> Result<(), JobError> {
    if flags.is_empty() {
        return Ok(());
    }
    let now = app.clock.now();
    let told = app.alert_recipients().await?;
    for flag in flags {
        if !app.store.flag(flag, &told, now, make_name).await? {
            continue;
        }
        if told.is_empty() {
            let transfer_id = flag.transfer_id.as_deref();
            tracing::warn!(
                rule = flag.rule,
                transfer_id,
                "something unusual was found, and there is nobody to be mailed"
            );
        }
        app.outbox_bell.notify_one();
    }
    Ok(())
}
