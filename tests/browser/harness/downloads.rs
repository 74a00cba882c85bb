//! The download folder, and when a file in it is there in full: each engine has its own way to say "not yet".

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
}

fn starts_with(path: &Path, beginning: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning))
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// Whether any process has this file open.
fn is_open(path: &Path) -> bool {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut open_files =
        entries(Path::new("/proc")).flat_map(|process| entries(&process.join("fd")).collect::<Vec<_>>());
    open_files.any(|file| std::fs::read_link(file).is_ok_and(|target| target == path))
}
