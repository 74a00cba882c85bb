//! The Filmjacket server.

pub mod blobs;
