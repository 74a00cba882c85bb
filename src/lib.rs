//! The Filmjacket server: it stores and hands out sealed transfers and can read none of them.
//!
//! This is the guide to the house. Each room's first lines say what it is for and what it must not know; who may
//! call whom is `main → commands → app → http, jobs → store, blobs, mail, single_sign_on → transfer, people, audit → protocol`.
//!
//! | room | for |
//! | --- | --- |
//! | [`commands`] | what the command can be told to do, one file a subcommand |
//! | [`config`] | all settings; the only reader of the environment and the configuration file |
//! | [`clock`] | what time it is |
//! | [`keys`] | the server key and all that is computed with it |
//! | [`tls`] | the server's certificate, read again when it changes |
//! | [`metrics`] | what is counted, for Prometheus |
//! | [`app`] | the running server as a value |
//! | [`http`] | requests and answers: the route table, errors, the HTTP baseline, one file a resource |
//! | [`jobs`] | what happens without a request: expiry, purge, mail |
//! | [`store`] | rows: all SQL |
//! | [`blobs`] | ciphertext bytes |
//! | [`mail`] | letters and how they leave |
//! | [`single_sign_on`] | the client of the institution's own sign-in |
//! | [`transfer`] | rules about transfers, without IO |
//! | [`people`] | rules about people, without IO |
//! | [`audit`] | rules about the audit, without IO: its chain, anchors, exports, what is unusual |
//!
//! What the server may know is in the `protocol` crate. What it may not know is in `envelope`, which it never links.

pub mod app;
pub mod audit;
pub mod blobs;
pub mod clock;
pub mod commands;
pub mod config;
pub mod http;
pub mod jobs;
pub mod keys;
pub mod mail;
pub mod metrics;
pub mod people;
pub mod single_sign_on;
pub mod store;
pub mod tls;
pub mod transfer;
