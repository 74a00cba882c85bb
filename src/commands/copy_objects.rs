//! `filmjacket copy-objects`: the ciphertext of every ready transfer, from the folder to the bucket or back.

use super::{Failure, tell_progress};
use crate::app::open_blobs;
use crate::blobs::{Blobs, Copied, Dir, ObjectParts};
use crate::config::{Config, ConfigError, Reading, Storage};
use crate::store::Store;
use clap::{Args, ValueEnum};
use std::io::Write as _;

/// From where to where.
#[derive(Debug, Args)]
pub(super) struct What {
    /// Where the objects are.
    #[arg(long)]
    from: Place,
    /// Where they shall be as well.
    #[arg(long)]
    to: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// The folder <data>/blobs.
    Dir,
    /// The bucket of [storage.s3].
    S3,
}

/// Copies what is not there yet, part by part; each part's SHA-256 is held against its row on the way. Cut at any point,
/// it goes on with the same command. Nothing is removed where the objects were.
pub(super) async fn run(what: &What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let config = reading?.config;
    if what.from == what.to {
        return Err("--from and --to are the same place".into());
    }
    let (from, to) = (open(what.from, &config)?, open(what.to, &config)?);
    let store = Store::open(&config.database).await?;
    let (mut copied, mut there) = (0, 0);
    for (transfer_id, object_id) in store.list_ready_objects().await? {
        // Ended meanwhile.
        let Some(whole) = store.find_whole_object(&transfer_id, &object_id).await? else { continue };
        let object = ObjectParts { object_id, object_len: whole.object_len, digests: whole.parts };
        match to.copy_object_from(&from, &object, async || Ok(true)).await? {
            Copied::Before => there += 1,
            Copied::Now => {
                copied += 1;
                tell_progress("objects copied", copied);
            }
        }
    }
    store.close().await;
    writeln!(std::io::stdout().lock(), "{copied} objects copied, {there} were there already; drafts are not copied")?;
    Ok(())
}

fn open(place: Place, config: &Config) -> Result<Blobs, Failure> {
    match (place, &config.storage) {
        (Place::Dir, _) => Ok(Blobs::Dir(Dir::open(&config.data.join("blobs"))?)),
        (Place::S3, Storage::S3(_)) => Ok(open_blobs(config)?),
        (Place::S3, Storage::Folder) => Err("no bucket is set: fill in [storage.s3]".into()),
    }
}
