//! Several nodes behind one address: two servers on one PostgreSQL, three machines of Garage that keep everything three
//! times, nginx with the snippet of deploy/, and a browser that knows of none of this while nodes die and come back.
//!
//! `FILMJACKET_NODES_MIB` sends more than a test needs.

#![allow(dead_code, reason = "rows and databases are made for tests/api, which uses all of it")]

mod balancer;
#[path = "../../api/harness/postgres.rs"]
mod postgres;
#[path = "../../api/harness/rows.rs"]
mod rows;
mod site;

use self::site::Site;
use crate::faults_md::saw;
use crate::harness::browser::Browser;
use crate::harness::files::{sha256_of, write_noise};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::steps::{Passed, RECIPIENT};
use protocol::layout;
use serde_json::json;
use std::time::{Duration, Instant};

/// What is sent unless more is asked for, in MiB.
const USUAL: u64 = 200;

fn wanted() -> u64 {
    std::env::var("FILMJACKET_NODES_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL)
}

/// A file on its way through the nodes.
struct Sending {
    site: Site,
    sender: Browser,
    len: u64,
    digest: [u8; 32],
    begun: Instant,
    _folder: tempfile::TempDir,
}

impl Sending {
    async fn start() -> Self {
        let site = Site::start();
        let (folder, len) = (tempfile::tempdir().unwrap(), wanted() * 1024 * 1024 + 7);
        let study = folder.path().join("study.zip");
        let digest = write_noise(&study, len);
        let sender = Browser::start().await;
        sender.sign_in_at(site.origin(), async || site.code().await).await;
        sender.prepare(&[study]).await;
        sender.click("#seal-and-send").await;
        Self { site, sender, len, digest, begun: Instant::now(), _folder: folder }
    }

    /// Waits until this share of the bytes has been sent.
    async fn has_sent(&self, share: f64) {
        let script =
            "const p = document.querySelector('#progress-all'); return p.value > 0 && p.value >= p.max * arguments[0]";
        self.sender.until_run(script, vec![json!(share)], LONG_PATIENCE).await;
    }

    /// Waits until all is sent; answers how fast that was.
    async fn is_sent(&self) -> String {
        self.sender.at_step_within("done", LONG_PATIENCE).await;
        let took = self.begun.elapsed().as_secs_f64();
        format!("{} MiB in {took:.1} s, {:.1} MB/s", self.len >> 20, self.len as f64 / 1e6 / took)
    }

    /// Every byte arrives, once, and so does the mail.
    async fn arrives(&self) -> String {
        let passed = Passed { link: self.sender.text("#link").await, passcode: self.sender.text("#passcode").await };
        let site = &self.site;
        site.mail_is_written_off().await;
        assert_eq!(site.mail.links_for(RECIPIENT), [passed.link.as_str()]);
        let parts = layout::part_count(layout::object_len(self.len)) as usize;
        for (table, rows) in [("transfers", 1), ("objects", 1), ("parts", parts)] {
            assert_eq!(rows::count(site, table).await, rows, "{table}");
        }
        assert_eq!(site.objects_in_the_bucket().await, 1);
        assert!(site.nodes.iter().all(|node| !node.log().contains("status=409")), "a part came with other bytes");
        self.audit_is_whole().await;
        let recipient = Browser::start().await;
        recipient.open(&passed.link, &passed.passcode).await;
        assert_eq!(sha256_of(&recipient.save(0).await), self.digest);
        format!(
            "every byte arrives; {parts} parts, each stored once with the same bytes; one object, one mail; the audit without a gap, one seal"
        )
    }

    async fn audit_is_whole(&self) {
        let numbers = rows::query(&self.site, "SELECT CAST(seq AS TEXT) FROM audit ORDER BY audit.seq").await;
        assert_eq!(numbers, (1..=numbers.len()).map(|n| n.to_string()).collect::<Vec<_>>());
        for event in ["transfer.created", "transfer.sealed", "mail.accepted"] {
            let sql = format!("SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE event = '{event}'");
            assert_eq!(rows::one(&self.site, &sql).await, "1", "{event}");
        }
    }
}

#[tokio::test]
async fn a_node_killed_in_the_middle_of_an_upload_loses_nothing_and_repeats_nothing() {
    let sending = Sending::start().await;
    let [first, _] = &sending.site.nodes;
    sending.has_sent(0.2).await;
    first.kill();
    sending.has_sent(0.6).await;
    first.start_again();
    println!("{}", sending.is_sent().await);
    let seen = sending.arrives().await;
    if wanted() == USUAL {
        saw(
            "a_node_killed_in_the_middle_of_an_upload_loses_nothing_and_repeats_nothing",
            "kill -9: one of two nodes, in the middle of an upload",
            "Chromium sends 200 MiB through nginx to two nodes on one PostgreSQL and three machines of Garage; the node comes back later",
            &seen,
        );
    }
}

#[tokio::test]
async fn a_rolling_restart_in_the_middle_of_an_upload_fails_no_request() {
    let sending = Sending::start().await;
    let site = &sending.site;
    sending.has_sent(0.1).await;
    for (index, node) in site.nodes.iter().enumerate() {
        assert!(
            sending.sender.is_shown("#step-progress").await,
            "sent before both were restarted: FILMJACKET_NODES_MIB"
        );
        node.terminate();
        // What a load balancer does that asks every node whether it is ready.
        site.until("the node to say that it drains", || node.ask("/readyz").starts_with("HTTP/1.1 503 ")).await;
        site.balancer.send_to([index != 0, index != 1]);
        let ends = Instant::now();
        site.until("the node to end", || !node.lives()).await;
        assert!(ends.elapsed() < Duration::from_secs(30), "it did not drain");
        node.start_again();
        site.balancer.send_to([true, true]);
    }
    println!("{}", sending.is_sent().await);
    let seen = sending.arrives().await;
    let failed: Vec<String> =
        site.balancer.answers().into_iter().filter(|line| !line.starts_with(['2', '3'])).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    if wanted() == USUAL {
        saw(
            "a_rolling_restart_in_the_middle_of_an_upload_fails_no_request",
            "both nodes restarted, one after the other, during an upload",
            "the same; each node gets SIGTERM, says that it is not ready, is taken out of nginx's list, and comes back",
            &format!("no request failed; {seen}"),
        );
    }
}
