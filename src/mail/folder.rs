//! Mail as `.eml` files in a folder, and as a line on the console: a newcomer completes both journeys without a
//! mail server, and any mail program opens the files.

use super::{MailError, OutgoingMail};
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use time::macros::format_description;

/// A folder of mails (0700, files 0600: they carry codes and links).
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the folder, making it if it is not there. Blocks; meant for the start of the server.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self { path: path.to_owned() })
    }

    pub(super) async fn ping(&self) -> io::Result<()> {
        tokio::fs::metadata(&self.path).await.map(drop)
    }

    pub(super) async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = mail.to_message()?.formatted();
        let (folder, name) = (self.path.clone(), file_name(mail));
        tokio::task::spawn_blocking(move || write_whole(&folder, &name, &message))
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| MailError::Temporary(format!("the mail folder cannot be written: {error}")))?;
        tell_on_console(&format!("mail to {}: {}", mail.to, mail.letter.summary()));
        Ok(())
    }
}

/// `20261129T120000Z-<mail id>.eml`: sorts by time, and a repeated try replaces the first.
fn file_name(mail: &OutgoingMail) -> String {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = OffsetDateTime::from_unix_timestamp(mail.date.as_unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!("{}-{}.eml", moment.format(format).unwrap_or_default(), mail.id)
}

/// Whoever watches the folder sees whole mails only.
fn write_whole(folder: &Path, name: &str, message: &[u8]) -> io::Result<()> {
    let mut file = NamedTempFile::with_prefix_in(".incoming-", folder)?;
    file.write_all(message)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// The one place where the server writes to standard output, secrets included. It is a feature of the folder alone,
/// which an installation with real recipients does not use; logs go elsewhere and never hold a code or a link.
fn tell_on_console(line: &str) {
    #[expect(clippy::print_stdout, reason = "telling the person at the console is what this is for")]
    {
        println!("{line}");
    }
}
