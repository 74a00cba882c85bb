//! The server as a process of its own, killed, starved and cut off at every step that has a name; then started again on
//! what it left.
//!
//! Nothing in the product helps: a step is held by what may hold it in real life, too (a lock in the database, a mail
//! server or a bucket that does not answer, a body that does not end), and the process gets SIGKILL there. What must be true
//! afterwards is in `harness::aftermath`; what was seen stands in docs/FAULTS.md, where each test holds its own row.
//!
//! | module | what goes wrong |
//! | --- | --- |
//! | `drafts` | kill -9 on the way of a draft and its parts |
//! | `seals` | kill -9 on the way from draft to ready, and of the mail |
//! | `purges` | kill -9 on the way out |
//! | `database` | the database is killed, or held by others |
//! | `disk` | the disk is full |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../shared/faults_md.rs"]
mod faults_md;
#[path = "../shared/faulty_line.rs"]
mod faulty_line;
#[path = "../shared/garage.rs"]
mod garage;
mod harness;
#[path = "../shared/mail_server.rs"]
mod mail_server;
#[path = "../shared/server_process.rs"]
mod server_process;

mod database;
mod disk;
mod drafts;
mod purges;
mod seals;
