//! What the tests stand on: a server, clients of it, a sender and a recipient, and a look into the database.

pub(crate) mod authenticator;
pub(crate) mod calls;
pub(crate) mod client;
pub(crate) mod described;
#[path = "../../shared/log.rs"]
pub(crate) mod log;
pub(crate) mod parcel;
pub(crate) mod people;
pub(crate) mod postgres;
pub(crate) mod provider;
pub(crate) mod proxy;
pub(crate) mod recipient;
pub(crate) mod rows;
pub(crate) mod second_step;
pub(crate) mod sender;
pub(crate) mod site;
pub(crate) mod tokens;

pub(crate) use client::{Answer, Client};
pub(crate) use parcel::Parcel;
pub(crate) use recipient::Recipient;
pub(crate) use sender::Sender;
pub(crate) use site::Site;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
