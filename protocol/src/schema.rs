//! JSON Schemas (draft 2020-12) of what is not written as a struct of JSON: ids, bytes, times, places on a page.

use crate::audit::AuditCursor;
use crate::{AccessToken, Base64Bytes, LinkToken, ObjectId, Proof, Sha256Digest, Ticket, Timestamp, TransferId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Base64url without padding in its one spelling: the last symbol of 16 bytes carries four bits that are zero, that of 32 bytes
/// two.
const fn pattern(len: usize) -> &'static str {
    match len {
        16 => "^[A-Za-z0-9_-]{21}[AQgw]$",
        _ => "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$",
    }
}

/// Each is written in place: a name for every kind of text would only be in the way of who reads the description.
macro_rules! texts {
    ($($name:ident { $($schema:tt)+ })+) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($schema)+ })
            }
        }
    )+};
}

texts! {
    TransferId { "pattern": pattern(Self::LEN) }
    ObjectId { "pattern": pattern(Self::LEN) }
    Sha256Digest { "pattern": pattern(Self::LEN) }
    LinkToken { "pattern": pattern(Self::LEN) }
    Ticket { "pattern": pattern(Self::LEN) }
    Proof { "pattern": pattern(Self::LEN) }
    AccessToken { "pattern": pattern(Self::LEN) }
    Base64Bytes { "contentEncoding": "base64url", "pattern": "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$" }
    Timestamp { "format": "date-time" }
    AuditCursor { "pattern": "^-?[0-9]+[.]-?[0-9]+$" }
}
