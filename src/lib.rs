//! The Filmjacket server.
