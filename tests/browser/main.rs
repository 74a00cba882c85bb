//! Journeys in a real browser, through the real server and the real sealing code.
//!
//! A test here is a sentence about what a person meets. The server runs in this process with a clock that the test
//! moves; Chromium is driven over WebDriver. `cargo xtask test browser` runs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../shared/faults_md.rs"]
mod faults_md;
#[path = "../shared/mail_server.rs"]
mod mail_server;
#[path = "../shared/server_process.rs"]
mod server_process;

mod access;
mod bench;
#[path = "../shared/garage.rs"]
mod garage;
mod harness;
mod journeys;
mod malice;
mod nodes;
mod screenshots;
mod self_test;
