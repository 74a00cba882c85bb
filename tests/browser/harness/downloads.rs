//! The download folder, and when a file in it is there in full: each engine has its own way to say "not yet". And what was
//! saved where the person picked.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::browser::Browser;
use super::engine::Engine;
use super::page::LONG_PATIENCE;

/// How often the folder is read.
const INTERVAL: Duration = Duration::from_millis(25);

impl Browser {
    /// The next file that lies finished in the download folder and not among `before`.
    pub(crate) async fn new_download(&self, before: &[PathBuf]) -> PathBuf {
        let deadline = Instant::now() + LONG_PATIENCE;
        loop {
            if let Some(new) = self.saved().into_iter().find(|path| !before.contains(path)) {
                return new;
            }
            assert!(Instant::now() < deadline, "nothing new besides {before:?}");
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Finished downloads.
    pub(crate) fn saved(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.downloads()).unwrap();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        let temporary = |path: &Path| match self.engine {
            Engine::Shell | Engine::Chromium => ends_with(path, ".crdownload") || starts_with(path, ".org.chromium"),
            Engine::Firefox => ends_with(path, ".part"),
            // It writes what comes from a page itself straight under the final name.
            Engine::WebKit => ends_with(path, ".wkdownload") || is_open(path),
        };
        // Some hold the place of a file with an empty one until all of it has come under another name.
        let any_coming = paths.iter().any(|path| temporary(path));
        let placeholder = |path: &Path| any_coming && path.metadata().is_ok_and(|metadata| metadata.len() == 0);
        paths.iter().filter(|path| !temporary(path) && !placeholder(path)).cloned().collect()
    }

    /// What lies where a person picked to save ([`Options::with_picker`](super::browser::Options::with_picker)), whole or not: the
    /// private disk, whose files have numbers for names.
    pub(crate) fn picked(&self) -> Vec<PathBuf> {
        // A folder for each origin; in it, beside the list of names, folders of files.
        let origins = entries(&self.folder().join("profile/Default/File System"));
        let folders = origins.flat_map(|origin| entries(&origin.join("t")));
        let is_file = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
        };
        folders.flat_map(|folder| entries(&folder)).filter(is_file).collect()
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn starts_with(path: &Path, beginning: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning))
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// Whether any process has this file open.
fn is_open(path: &Path) -> bool {
    let mut open_files =
        entries(Path::new("/proc")).flat_map(|process| entries(&process.join("fd")).collect::<Vec<_>>());
    open_files.any(|file| std::fs::read_link(file).is_ok_and(|target| target == path))
}
