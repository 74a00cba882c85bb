//! The second copy of what is ready.
//!
//! It begins after the seal, so that no sender waits for it. Each object is leased while it is copied (`store::second_copies`):
//! of several nodes one copies it, and its transfer is not purged meanwhile. What fails keeps its lease, and so has its next
//! turn when that is over, after all others.

use super::JobError;
use crate::app::App;
use crate::blobs::{Blobs, Copied, CopyFault, ObjectParts};
use crate::keys::make_name;
use crate::store::Lease;
use protocol::{ObjectId, TransferId};
use std::io;

/// Copies every object of a ready transfer that has no copy yet, if a second store is configured. Returns how many it
/// copied.
///
/// # Errors
/// [`JobError`], the first one; the rest is due in the next round.
pub async fn copy(app: &App) -> Result<usize, JobError> {
    let Some(second) = &app.second_copy else { return Ok(0) };
    let mut copied = 0;
    loop {
        let waiting = app.store.list_uncopied(app.clock.now()).await?;
        if waiting.is_empty() {
            return Ok(copied);
        }
        for (transfer_id, object_id) in waiting {
            copied += usize::from(copy_one(app, second, transfer_id, object_id).await?);
        }
    }
}

/// False if there was nothing to copy: another node has it, or it is over.
async fn copy_one(app: &App, second: &Blobs, transfer_id: TransferId, object_id: ObjectId) -> Result<bool, JobError> {
    let lease = Lease::new(transfer_id, object_id, make_name()?);
    if !app.store.lease_for_copy(&lease, app.clock.now()).await? {
        return Ok(false);
    }
    let Some(whole) = app.store.find_whole_object(&transfer_id, &object_id).await? else { return Ok(false) };
    let object = ObjectParts { object_id, object_len: whole.object_len, digests: whole.parts };
    let go_on = async || app.store.keep_lease(&lease, app.clock.now()).await.map_err(io::Error::other);
    match second.copy_object_from(&app.blobs, &object, go_on).await {
        Ok(copied) if app.store.mark_copied(&lease, app.clock.now()).await? => Ok(copied == Copied::Now),
        Ok(_) | Err(CopyFault::Stopped) => let_go(app, second, &lease).await.map(|()| false),
        Err(fault) => Err(JobError::Copy(object_id, fault)),
    }
}

/// Ends what is not to go on: the transfer is over, or the lease was lost. What was written goes with the purge; if that
/// was done already, because we were away for longer than the lease, it goes now.
async fn let_go(app: &App, second: &Blobs, lease: &Lease) -> Result<(), JobError> {
    app.store.end_lease(lease).await?;
    if !app.store.knows_object(&lease.object_id).await? {
        second.delete_object(&lease.object_id).await?;
    }
    Ok(())
}
