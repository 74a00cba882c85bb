//! The line between a browser and a relay: counts what is uploaded, and fails when and how a test says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::{Future, pending};
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::time::sleep;

/// How a line fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Every connection is reset, and none is taken for a moment.
    Cut,
    /// Nothing moves for a while; then as [`Fault::Cut`].
    Silence,
    /// The connections of this moment never move again, and nobody tells the browser.
    Stall,
    /// Everything moves slowly for a while.
    Slow,
}

/// How long a fault lasts: long enough for the browser to try again in vain.
const OUTAGE: Duration = Duration::from_millis(1500);
/// The most that is read at once; small, so that faults strike in the middle of parts.
const GULP: usize = 64 * 1024;
/// The pause after each gulp on a slow line: about 6 MB/s.
const SLOWLY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Mode {
    /// Counts cuts; a connection of an earlier count is dead.
    cuts: u32,
    /// Counts stalls; a connection of an earlier count never moves again.
    stalls: u32,
    down: bool,
    silent: bool,
    slow: bool,
}

/// What was uploaded of one part, over all attempts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upload {
    /// Digests that it was announced with.
    pub(crate) digests: BTreeSet<String>,
    pub(crate) len: u64,
    /// Bytes of all attempts, finished or not.
    pub(crate) received: u64,
    pub(crate) attempts: u32,
}

#[derive(Default)]
struct Counts {
    received: u64,
    uploads: BTreeMap<String, Upload>,
    /// After how many bytes which fault strikes.
    plan: VecDeque<(u64, Fault)>,
    /// After how many bytes everything is held.
    hold_at: Option<u64>,
}

/// Shared by all connections of a relay.
#[derive(Clone)]
pub(crate) struct Line {
    mode: Arc<watch::Sender<Mode>>,
    counts: Arc<Mutex<Counts>>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { mode: Arc::new(watch::Sender::new(Mode::default())), counts: Arc::default() }
    }

    /// Plans faults, each after so many uploaded bytes, counted from now on.
    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = (u64, Fault)>) {
        let mut counts = self.counts.lock().unwrap();
        let now = counts.received;
        counts.plan = faults.into_iter().map(|(after, fault)| (now + after, fault)).collect();
    }

    /// Holds all uploads once so many more bytes have come.
    pub(crate) fn hold_after(&self, bytes: u64) {
        let mut counts = self.counts.lock().unwrap();
        counts.hold_at = Some(counts.received + bytes);
    }

    /// Lets them go on.
    pub(crate) fn release(&self) {
        self.counts.lock().unwrap().hold_at = None;
        self.mode.send_modify(|mode| mode.silent = false);
    }

    /// Resolves when [`Self::hold_after`] has struck.
    pub(crate) async fn held(&self) {
        self.mode.subscribe().wait_for(|mode| mode.silent).await.unwrap();
    }

    /// Faults that have not struck yet.
    pub(crate) fn faults_left(&self) -> usize {
        self.counts.lock().unwrap().plan.len()
    }

    /// What was uploaded, by target.
    pub(crate) fn uploads(&self) -> BTreeMap<String, Upload> {
        self.counts.lock().unwrap().uploads.clone()
    }

    /// Whether new connections are refused now.
    pub(crate) fn is_down(&self) -> bool {
        self.mode.borrow().down
    }

    /// Runs `work` as long as the line is not cut.
    pub(crate) async fn unless_cut<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut mode = self.mode.subscribe();
        let cuts = mode.borrow().cuts;
        tokio::select! {
            done = work => done,
            _ = mode.wait_for(|mode| mode.cuts != cuts) => Err(Error::from(ErrorKind::ConnectionReset)),
        }
    }

    /// Reads an uploaded part as the line lets it through.
    pub(crate) async fn read_part(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        target: &str,
        digest: &str,
        len: usize,
    ) -> Result<Vec<u8>> {
        let mode = self.mode.subscribe();
        let stalls = mode.borrow().stalls;
        self.count(target, |upload| {
            upload.digests.insert(digest.to_owned());
            upload.len = len as u64;
            upload.attempts += 1;
        });
        let mut body = vec![0; len];
        let mut got = 0;
        while got < len {
            mode.clone().wait_for(|mode| !mode.silent).await.map_err(Error::other)?;
            let (now, end) = (*mode.borrow(), len.min(got + GULP));
            if now.stalls != stalls {
                pending::<()>().await;
            }
            if now.slow {
                sleep(SLOWLY).await;
            }
            let more = stream.read(&mut body[got..end]).await?;
            if more == 0 {
                return Err(Error::from(ErrorKind::UnexpectedEof));
            }
            got += more;
            self.count(target, |upload| upload.received += more as u64);
            self.strike(more as u64);
        }
        Ok(body)
    }

    fn count(&self, target: &str, change: impl FnOnce(&mut Upload)) {
        change(self.counts.lock().unwrap().uploads.entry(target.to_owned()).or_default());
    }

    fn strike(&self, more: u64) {
        let mut counts = self.counts.lock().unwrap();
        counts.received += more;
        if counts.hold_at.is_some_and(|at| counts.received >= at) {
            self.mode.send_modify(|mode| mode.silent = true);
        }
        let received = counts.received;
        if let Some((_, fault)) = counts.plan.pop_front_if(|(at, _)| received >= *at) {
            drop(counts);
            tokio::spawn(self.clone().suffer(fault));
        }
    }

    async fn suffer(self, fault: Fault) {
        match fault {
            Fault::Stall => self.mode.send_modify(|mode| mode.stalls += 1),
            Fault::Slow => {
                self.mode.send_modify(|mode| mode.slow = true);
                sleep(OUTAGE).await;
                self.mode.send_modify(|mode| mode.slow = false);
            }
            Fault::Silence | Fault::Cut => {
                if fault == Fault::Silence {
                    self.mode.send_modify(|mode| mode.silent = true);
                    sleep(OUTAGE).await;
                }
                self.mode.send_modify(|mode| *mode = Mode { cuts: mode.cuts + 1, down: true, silent: false, ..*mode });
                sleep(OUTAGE).await;
                self.mode.send_modify(|mode| mode.down = false);
            }
        }
    }
}
