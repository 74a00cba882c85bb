//! What happens without a request: transfers end, what is over is purged, what is ready gets its second copy, mail leaves.
//!
//! Each job is a step that a test can call; the loop calls the same ones. A step may be cut at any point: what it had
//! not finished is due again.

pub mod audit;
mod outbox;
mod second_copy;

pub use outbox::{Step, send_next_mail, send_outbox};
pub use second_copy::copy;

use crate::app::App;
use crate::blobs::{Blobs, CopyFault};
use crate::keys::make_name;
use crate::store::{AuditEntry, Event, Purgeable, StoreError};
use protocol::ObjectId;
use std::sync::Arc;
use std::time::Duration;

/// How often the loop looks for what is due when nothing rings.
const ROUND: Duration = Duration::from_secs(5);

/// Longest time for which queued mail waits for its worker: nobody notices, for mail takes longer on its way.
const LONGEST_REST: Duration = Duration::from_millis(512);

/// How often orphaned bytes are looked for: only a crash at the wrong moment makes any.
const ORPHAN_ROUND: Duration = Duration::from_secs(6 * 60 * 60);

/// How often the audit is anchored if that is due, verified a little further, and looked through.
const AUDIT_ROUND: Duration = Duration::from_secs(30);

/// Why a step did not finish.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ciphertext, or the operating system's random bytes.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An object has no second copy yet.
    #[error("the second copy of object {0}: {1}")]
    Copy(ObjectId, CopyFault),
}

/// Does what is due, for ever, each job at its own pace: a person waits for a sign-in code, and must not wait for a purge that
/// takes long. A step that fails is logged and due again in the next round.
pub async fn run(app: Arc<App>) {
    tokio::join!(deliver(&app), tidy(&app), keep_copies(&app), find_orphans(&app), prove(&app));
}

async fn deliver(app: &App) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        tokio::select! {
            _ = rounds.tick() => renew_certificate(app),
            () = app.outbox_bell.notified() => tokio::time::sleep(make_rest()).await,
        }
        finish(app, "mail", send_outbox(app).await);
    }
}

/// How long the worker waits before it looks at what was queued. Writing a mail slows down what else is asked for in that moment, so
/// whoever asks for a code and at once for something else could feel whether there was a mail to write.
fn make_rest() -> Duration {
    let mut byte = [0];
    // Without random bytes nothing else works either.
    getrandom::fill(&mut byte).unwrap_or_default();
    LONGEST_REST * u32::from(byte[0]) / 256
}

async fn tidy(app: &App) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        finish(app, "expire", expire(app).await);
        finish(app, "purge", purge(app).await);
    }
}

async fn keep_copies(app: &App) {
    if app.second_copy.is_none() {
        return;
    }
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        finish(app, "copy", copy(app).await.map(drop));
    }
}

async fn find_orphans(app: &App) {
    let mut rounds = tokio::time::interval(ORPHAN_ROUND);
    loop {
        rounds.tick().await;
        finish(app, "orphans", sweep_orphans(app).await.map(drop));
    }
}

/// Of the audit: anchors, verification, what is unusual.
async fn prove(app: &App) {
    let mut rounds = tokio::time::interval(AUDIT_ROUND);
    loop {
        rounds.tick().await;
        finish(app, "anchor", audit::anchor(app).await);
        finish(app, "verify", audit::watch(app).await);
        finish(app, "rules", audit::judge(app).await);
    }
}

/// Notes when a job last did all that was due.
fn note(app: &App, job: &'static str, outcome: Result<(), JobError>) -> Result<(), JobError> {
    if outcome.is_ok() {
        app.metrics.job_succeeded(job, app.clock.now().as_unix());
    }
    outcome
}

/// The same in the loop, where nobody but the log hears of a failure.
fn finish(app: &App, job: &'static str, outcome: Result<(), JobError>) {
    if let Err(error) = note(app, job, outcome) {
        tracing::error!(job, %error, "a job did not finish; it is tried again");
    }
}

/// Takes a renewed certificate into use.
pub fn renew_certificate(app: &App) {
    match app.certificate.as_ref().map(|certificate| certificate.renew()) {
        None | Some(Ok(false)) => {}
        Some(Ok(true)) => tracing::info!("the renewed certificate is in use"),
        Some(Err(error)) => tracing::error!(%error, "the certificate before stays in use"),
    }
}

/// Does everything that is due now but what [`audit`] is for, one job after the other. What fails holds up nothing else.
///
/// # Errors
/// The first [`JobError`]; what failed is due again.
pub async fn settle(app: &App) -> Result<(), JobError> {
    let done = [
        ("expire", expire(app).await),
        ("mail", send_outbox(app).await),
        ("copy", copy(app).await.map(drop)),
        ("purge", purge(app).await),
    ];
    done.into_iter().map(|(job, outcome)| note(app, job, outcome)).fold(Ok(()), Result::and)
}

/// Ends what time has ended, tells senders whose transfers end within a day unopened, and forgets sessions, codes,
/// tickets and counts that are over.
///
/// # Errors
/// [`JobError`].
pub async fn expire(app: &App) -> Result<(), JobError> {
    let now = app.clock.now();
    app.store.end_overdue(now, make_name).await?;
    app.store.warn_expiring(now, make_name).await?;
    app.store.forget_old(now).await?;
    Ok(())
}

/// Purges everything that is over, and objects that drafts gave up. A transfer whose bytes cannot be removed now holds up no other.
///
/// # Errors
/// [`JobError`], the first one; what failed is due again.
pub async fn purge(app: &App) -> Result<(), JobError> {
    let mut outcome = Ok(());
    for replaced in app.store.list_replaced().await? {
        outcome = outcome.and(purge_replaced(app, &replaced).await);
    }
    for over in app.store.list_purgeable(app.clock.now()).await? {
        outcome = outcome.and(purge_one(app, &over).await);
    }
    outcome.and(app.store.clean_log().await.map_err(Into::into))
}

/// Removes the bytes of one transfer that is over, from every store. Its row has said so before, and its keys went with
/// that.
async fn purge_one(app: &App, over: &Purgeable) -> Result<(), JobError> {
    // A store that is away keeps no other one from letting go.
    let mut outcome = Ok(());
    for object_id in &over.objects {
        for store in app.stores() {
            outcome = outcome.and(store.delete_object(object_id).await);
        }
    }
    outcome?;
    let entry = AuditEntry::by_system(Event::Purged, over.transfer_id, app.clock.now());
    Ok(app.store.mark_purged(&over.transfer_id, &entry).await?)
}

/// Removes the bytes of an object that its draft gave up. No part of it counts since it was.
async fn purge_replaced(app: &App, object_id: &ObjectId) -> Result<(), JobError> {
    app.blobs.delete_object(object_id).await?;
    Ok(app.store.mark_replaced_purged(object_id, app.clock.now()).await?)
}

/// Removes bytes that no row knows, from every store. Rows come before bytes, so these are left over from a crash. Returns
/// how many objects went.
///
/// # Errors
/// [`JobError`], the first one.
pub async fn sweep_orphans(app: &App) -> Result<usize, JobError> {
    let mut swept = Ok(0);
    for store in app.stores() {
        let found = sweep_store(app, store).await;
        swept = swept.and_then(|before| Ok(before + found?));
    }
    swept
}

async fn sweep_store(app: &App, store: &Blobs) -> Result<usize, JobError> {
    let mut swept = 0;
    for object_id in store.list_objects().await? {
        if !app.store.knows_object(&object_id).await? {
            store.delete_object(&object_id).await?;
            swept += 1;
        }
    }
    Ok(swept)
}
