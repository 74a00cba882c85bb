//! How much memory a browser's tabs take: what all its processes that run pages and their workers have in memory, without
//! what only mirrors files (the browser's own program). Memory that several share counts in each of them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::browser::Browser;

/// How often a peak is looked for. The kernel keeps these counters anyway; the finer `smaps_rollup` would have it walk
/// all pages of each process, which at four times a second took up to two fifths of a core from what is measured.
const INTERVAL: Duration = Duration::from_millis(500);

/// Watches until asked for the peak.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    idle: u64,
    peak: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// What the browser's tabs take now is called idle.
    pub(super) fn start(browser: &Browser) -> Self {
        let folder = browser.folder().to_owned();
        let idle = memory_of_tabs(&folder);
        assert!(idle > 0, "the browser runs pages in processes of its own");
        let (stop, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(idle)));
        let (stopped, highest) = (Arc::clone(&stop), Arc::clone(&peak));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                highest.fetch_max(memory_of_tabs(&folder), Ordering::Relaxed);
                std::thread::sleep(INTERVAL);
            }
        });
        Self { stop, idle, peak, thread }
    }

    /// The peak above idle in MB.
    pub(super) fn peak(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        (self.peak.load(Ordering::Relaxed) - self.idle) as f64 / 1e6
    }
}

/// Bytes of all processes that run pages for the browser whose profile lies in `folder`.
fn memory_of_tabs(folder: &Path) -> u64 {
    let processes = processes();
    let needle = folder.to_string_lossy();
    let mut own: HashSet<u32> = HashSet::new();
    // A child can stand before its parent in /proc; a browser's tree is only a few levels deep.
    for _ in 0..4 {
        for process in &processes {
            if process.command.contains(&*needle) || own.contains(&process.parent) {
                own.insert(process.id);
            }
        }
    }
    processes.iter().filter(|process| own.contains(&process.id) && process.runs_pages()).map(Process::memory).sum()
}

struct Process {
    id: u32,
    parent: u32,
    command: String,
}

impl Process {
    /// Chromium's renderers, Firefox's content processes.
    fn runs_pages(&self) -> bool {
        let renderer = self.command.contains("--type=renderer");
        renderer || (self.command.contains("-contentproc") && self.command.trim_end().ends_with(" tab"))
    }

    /// 0 for one that has just ended.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0)
        };
        (kilobytes("RssAnon:") + kilobytes("RssShmem:")) * 1024
    }
}

fn processes() -> Vec<Process> {
    let folders = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    folders.filter_map(|folder| read_process(&folder)).collect()
}

fn read_process(folder: &Path) -> Option<Process> {
    let id = folder.file_name()?.to_str()?.parse().ok()?;
    let command = std::fs::read(folder.join("cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
    // `pid (name) state ppid …`; the name may hold anything.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    Some(Process { id, parent, command })
}
