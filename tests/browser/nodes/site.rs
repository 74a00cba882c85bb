//! The installation: all processes, and the settings that the nodes share.

use super::balancer::Balancer;
use super::postgres::TestDatabase;
use super::rows;
use crate::garage::{self, Cluster};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::steps::SENDER;
use crate::mail_server::MailServer;
use crate::server_process::{ServerProcess, free_port};
use filmjacket::blobs::{Blobs, S3};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Known to everyone, for servers on loopback.
const SERVER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Two nodes and what they stand on.
pub(crate) struct Site {
    pub(crate) nodes: [ServerProcess; 2],
    pub(crate) balancer: Balancer,
    pub(crate) mail: MailServer,
    origin: String,
    database: TestDatabase,
    bucket: Cluster,
    prefix: String,
    folders: [TempDir; 2],
}

impl Site {
    pub(crate) fn start() -> Self {
        let (database, mail, bucket, prefix) =
            (TestDatabase::make(), MailServer::start(), Cluster::start(), garage::own_prefix());
        let port = free_port();
        let origin = format!("http://127.0.0.1:{port}");
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let nodes = [0, 1].map(|n| {
            let settings = format!(
                "public_url = \"{origin}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\nserver_key = \"{SERVER_KEY}\"\ndrain_seconds = 1\n                 {}[database]\nurl = {:?}\nconnections = 10\n                 [storage.s3]\nbucket = \"{}\"\nendpoint = \"{}\"\nregion = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\nprefix = \"{prefix}\"\n",
                mail.settings(),
                database.url(),
                garage::BUCKET,
                bucket.endpoint(n),
                garage::REGION,
                garage::KEY_ID,
                garage::SECRET
            );
            ServerProcess::start(folders[n].path(), &settings, None)
        });
        let balancer = Balancer::start(port, [nodes[0].port(), nodes[1].port()]);
        Self { nodes, balancer, mail, origin, database, bucket, prefix, folders }
    }

    /// The one address that browsers know.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn database_url(&self) -> String {
        self.database.url()
    }

    /// The first node's own folder, which holds no ciphertext.
    pub(crate) fn data(&self) -> PathBuf {
        self.folders[0].path().join("data")
    }

    /// Waits until `look` says so. The nodes are other processes: there is nothing to be woken by.
    pub(crate) async fn until(&self, what: &str, mut look: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !look() {
            assert!(begun.elapsed() < LONG_PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sender's sign-in code.
    pub(crate) async fn code(&self) -> String {
        self.until("a sign-in code", || self.mail.code_for(SENDER).is_some()).await;
        self.mail.code_for(SENDER).unwrap()
    }

    /// Waits until no mail waits.
    pub(crate) async fn mail_is_written_off(&self) {
        let begun = Instant::now();
        while rows::count(self, "outbox").await > 0 {
            assert!(begun.elapsed() < LONG_PATIENCE, "mail waits");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Complete ones, and uploads that were not finished.
    pub(crate) async fn objects_in_the_bucket(&self) -> usize {
        let spool = tempfile::tempdir().unwrap();
        let settings = garage::settings(&self.bucket.endpoint(2), &self.prefix, spool.path());
        Blobs::S3(S3::open(&settings).unwrap()).list_objects().await.unwrap().len()
    }
}
