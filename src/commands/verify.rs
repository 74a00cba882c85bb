//! `filmjacket verify`: every stored byte of all ready transfers, held against its digest; with `--repair`, the good one is
//! written over the bad one.

mod side;

use self::side::{Bad, Side};
use super::{Failure, tell_progress};
use crate::app::open_stores_beside;
use crate::blobs::ObjectParts;
use crate::clock::Clock;
use crate::config::{ConfigError, Reading};
use crate::keys::make_name;
use crate::store::{Lease, Store};
use clap::Args;
use protocol::{ObjectId, TransferId};
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Objects between two words about progress.
const PROGRESS: u64 = 100;

/// What is to happen with what is bad.
#[derive(Debug, Args)]
pub(super) struct What {
    /// Write what is good in one store over what is damaged or missing in the other.
    #[arg(long)]
    repair: bool,
}

/// Prints what is bad as it is found, and at the end a line a store. Servers may run meanwhile. Interrupted, it finishes the
/// parts under way, and at once when interrupted again; the same command begins anew.
pub(super) async fn run(what: &What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let config = reading?.config;
    // A folder of this command's own: a running server empties its spool when it starts.
    let spool = tempfile::tempdir()?;
    let (first, second) = open_stores_beside(&config, spool.path())?;
    let (first, second) = (Side::new("first store", first), second.map(|blobs| Side::new("second copy", blobs)));
    if what.repair && second.is_none() {
        return Err("there is nothing to repair from: set [second_copy]".into());
    }
    for side in std::iter::once(&first).chain(&second) {
        side.blobs.ping().await.map_err(|error| format!("the {} cannot be reached: {error}", side.name))?;
    }
    let store = Store::open(&config.database).await?;
    let interrupted = AtomicBool::new(false);
    let mut work = Verification { store, first, second, repair: what.repair, interrupted: &interrupted, waiting: 0 };
    let done = tokio::select! {
        done = work.run() => done,
        () = interrupted_twice(&interrupted) => Err("interrupted".into()),
    };
    work.store.close().await;
    work.tell()?;
    done?;
    work.judge()
}

async fn interrupted_twice(interrupted: &AtomicBool) {
    while tokio::signal::ctrl_c().await.is_ok() && !interrupted.swap(true, Ordering::SeqCst) {}
}

struct Verification<'a> {
    store: Store,
    first: Side,
    second: Option<Side>,
    repair: bool,
    interrupted: &'a AtomicBool,
    /// Objects that have no copy yet.
    waiting: u64,
}

impl Verification<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        for (transfer_id, object_id) in self.store.list_ready_objects().await? {
            if self.interrupted.load(Ordering::SeqCst) {
                return Err("interrupted; the same command begins anew".into());
            }
            self.verify(transfer_id, object_id).await?;
            if self.first.objects.is_multiple_of(PROGRESS) {
                tell_progress("objects verified", self.first.objects);
            }
        }
        Ok(())
    }

    async fn verify(&mut self, transfer_id: TransferId, object_id: ObjectId) -> Result<(), Failure> {
        let Some(is_copied) = self.store.is_copied(&object_id).await? else { return Ok(()) };
        let Some(whole) = self.store.find_whole_object(&transfer_id, &object_id).await? else { return Ok(()) };
        let object = ObjectParts { object_id, object_len: whole.object_len, digests: whole.parts };
        let copy = self.second.as_ref().filter(|_| is_copied);
        let bad_copy = async {
            match copy {
                Some(copy) => copy.find_bad(&object).await.map(Some),
                None => Ok(None),
            }
        };
        let (bad, bad_copy) = tokio::try_join!(self.first.find_bad(&object), bad_copy)?;
        // What ended meanwhile may be purged, and is missing for a good reason.
        if self.store.is_copied(&object_id).await?.is_none() {
            return Ok(());
        }
        self.first.count(&transfer_id, &object, &bad)?;
        match (&mut self.second, &bad_copy) {
            (Some(second), Some(bad_copy)) => second.count(&transfer_id, &object, bad_copy)?,
            (Some(_), None) => self.waiting += 1,
            (None, _) => {}
        }
        let lost: Vec<u32> =
            bad.keys().copied().filter(|n| bad_copy.as_ref().is_none_or(|copy| copy.contains_key(n))).collect();
        if !lost.is_empty() {
            let parts = side::list(&lost);
            say(&format!(
                "transfer {transfer_id} object {object_id}: good nowhere: {parts}; its sender must send again"
            ))?;
        }
        match bad_copy {
            Some(bad_copy) if self.repair && !(bad.is_empty() && bad_copy.is_empty()) => {
                self.mend(transfer_id, &object, &bad, &bad_copy).await
            }
            _ => Ok(()),
        }
    }

    /// Writes under a lease, as copying does: nothing comes back after its purge, and nobody else writes the same.
    async fn mend(
        &mut self,
        transfer_id: TransferId,
        object: &ObjectParts,
        bad: &Bad,
        bad_copy: &Bad,
    ) -> Result<(), Failure> {
        let Some(second) = &mut self.second else { return Ok(()) };
        let lease = Lease::new(transfer_id, object.object_id, make_name()?);
        if !self.store.lease_for_repair(&lease, Clock::System.now()).await? {
            let id = object.object_id;
            return say(&format!(
                "transfer {transfer_id} object {id}: not repaired, because somebody writes it just now"
            ));
        }
        let (store, interrupted, held) = (&self.store, self.interrupted, &lease);
        let go_on = async || {
            if interrupted.load(Ordering::SeqCst) {
                return Ok(false);
            }
            store.keep_lease(held, Clock::System.now()).await.map_err(io::Error::other)
        };
        self.first.mend(&transfer_id, &second.blobs, object, [bad, bad_copy], &go_on).await?;
        second.mend(&transfer_id, &self.first.blobs, object, [bad_copy, bad], &go_on).await?;
        Ok(self.store.end_lease(&lease).await?)
    }

    fn tell(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let heads = ["objects", "parts", "bytes", "damaged", "missing", "repaired"];
        let [objects, parts, bytes, damaged, missing, repaired] = heads;
        writeln!(out, "{:<12} {objects:>9} {parts:>10} {bytes:>16} {damaged:>8} {missing:>8} {repaired:>8}", "")?;
        for side in std::iter::once(&self.first).chain(&self.second) {
            writeln!(out, "{side}")?;
        }
        if self.waiting > 0 {
            writeln!(out, "{} objects have no second copy yet", self.waiting)?;
        }
        Ok(())
    }

    fn judge(&self) -> Result<(), Failure> {
        let bad: u64 = std::iter::once(&self.first).chain(&self.second).map(Side::still_bad).sum();
        match (bad, self.repair) {
            (0, _) => Ok(()),
            (_, true) => Err(format!("{bad} parts are damaged or missing, and could not be repaired").into()),
            (_, false) => {
                Err(format!("{bad} parts are damaged or missing; --repair mends what is good elsewhere").into())
            }
        }
    }
}

/// One line about one object.
fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}
