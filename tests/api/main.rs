//! The server through its front door: each test builds one on a port and in a folder of its own, with a clock that only
//! the test moves, and talks HTTP to it.
//!
//! Everything runs on SQLite, and once more on PostgreSQL with `TEST_DATABASE=postgres`; `cargo xtask test` does both.
//!
//! | module | holds the server to |
//! | --- | --- |
//! | `journey` | send → mail → open → receipt on really sealed bytes |
//! | `sign_in`, `session` | codes, cookies, sessions, profile |
//! | `roles`, `people`, `oversight` | what a person may do and when, what administrators do about it, what is seen of others |
//! | `second_step`, `passkeys`, `account` | second steps, recovery codes, attacks on them; the account page |
//! | `drafts`, `parts`, `sealing`, `sent` | what a sender may do, in which order, how often |
//! | `links`, `passcodes`, `objects` | what a recipient may do with a link, a passcode, a ticket |
//! | `mailbox`, `mine` | codes from a recipient's mailbox: before the passcode, and instead of the link |
//! | `policy` | to whom may be sent, and what is asked of recipients |
//! | `single_sign_on` | signing in by a provider that does as it should, and by one that lies |
//! | `disconnect` | taking the provider from an account |
//! | `department_quotas` | what a department's transfers may hold together |
//! | `access` | who may call which route, for every route of the route table |
//! | `tokens` | access tokens: how they are made, what ends them, what they never do |
//! | `schemathesis` | answers held to the description, whatever is asked |
//! | `baseline`, `garbage`, `reading` | headers on every answer, hostile requests, GET changes nothing |
//! | `header_scan` | Mozilla's scan of our headers, with its grade |
//! | `operating` | readiness, figures, request numbers |
//! | `proxies` | the whole journey through nginx and Caddy, with the snippets of deploy/ |
//! | `tls` | TLS 1.3, certificates that are renewed, handshakes that are slow |
//! | `slow` | clients that are slow or pretend to be |
//! | `ends`, `outbox`, `restart` | what happens by time, by mail and by power cuts |
//! | `sqlite_file` | what is true of the SQLite file only |
//! | `bucket` | ciphertext in a real S3 bucket: journeys, crashes, uploads lost behind our back |
//! | `direct` | parts that go straight between browser and bucket, and what both sides may try with that |
//! | `second_copy`, `verify` | what is ready is kept twice, served from either, purged from both, and each mends the other |
//! | `copies` | rows moved to another engine, backups and what they bring back |
//! | `nodes` | several nodes on one PostgreSQL |
//! | `audit_chain`, `audit_export`, `audit_pages`, `audit_routes`, `audit_rules` | an audit that cannot be edited, what others read of it, what is in it, what is unusual |
//! | `canary` | no secret is anywhere it should not be |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod harness;
#[path = "../shared/garage.rs"]
mod s3_server;

mod access;
mod account;
mod audit_chain;
mod audit_export;
mod audit_pages;
mod audit_routes;
mod audit_rules;
mod baseline;
mod bucket;
mod canary;
mod copies;
mod department_quotas;
mod direct;
mod disconnect;
mod drafts;
mod ends;
mod file_restarts;
mod garbage;
mod header_scan;
mod journey;
mod links;
mod mailbox;
mod mine;
mod nodes;
mod objects;
mod operating;
mod outbox;
mod oversight;
mod part_digests;
mod parts;
mod passcodes;
mod passkeys;
mod people;
mod policy;
mod proxies;
mod reading;
mod restart;
mod roles;
mod schemathesis;
mod sealing;
mod second_copy;
mod second_step;
mod sent;
mod session;
mod sign_in;
mod single_sign_on;
mod single_sign_on_attacks;
mod slow;
mod sqlite_file;
mod tls;
mod tokens;
mod verify;
