//! What the calls of recipients take and answer: with a link, a proven mailbox, a ticket.

use super::shape::{Call, Schemas};
use protocol::ProblemKind as Kind;
use protocol::direct::SignedRequest;
use protocol::mine::Mine;
use protocol::open::{MailboxCodeRequest, OpenAnswer, OpenRequest, ReceiptRequest, UnlockAnswer, UnlockRequest};
use protocol::sign_in::{SignInCodeRequest, SignInRequest};
use serde_json::json;

/// One call; `None` for one that is not a recipient's.
pub(super) fn describe(method: &str, path: &str, s: &mut Schemas) -> Option<Call> {
    let bytes = || vec![("application/octet-stream", json!({}))];
    Some(match (method, path) {
        ("POST", "/open") => Call::new("What a link leads to; spends nothing")
            .takes::<OpenRequest>()
            .answers::<OpenAnswer>(200, s)
            .refuses(&[Kind::MailboxCodeNeeded]),
        ("POST", "/open/mailbox") => Call::new("Mails a code to the recipient, where one is needed")
            .takes::<OpenRequest>()
            .answers_nothing(202, "A code is mailed")
            .refuses(&[Kind::WrongState]),
        ("POST", "/open/mailbox/code") => {
            Call::new("Proves the recipient's mailbox, in this browser, for half an hour")
                .takes::<MailboxCodeRequest>()
                .answers_nothing(204, "The cookie that says so")
                .refuses(&[Kind::LinkInvalid])
        }
        ("POST", "/open/unlock") => Call::new("Proves the passcode: the only call that counts an opening")
            .takes::<UnlockRequest>()
            .answers::<UnlockAnswer>(200, s)
            .refuses(&[Kind::MailboxCodeNeeded, Kind::WrongPasscode]),
        ("GET", "/open/objects/{object_id}") => Call::new("An object's ciphertext, or a range of it")
            .reads(
                "Range",
                false,
                "One range of bytes, by RFC 9110; anything else is as if it were not there",
                &json!({ "type": "string" }),
            )
            .answers_with(200, "All of it", bytes())
            .answers_with(206, "The range asked for", bytes())
            .refuses(&[Kind::RangeInvalid]),
        ("GET", "/open/objects/{object_id}/parts/{n}/url") => {
            Call::new("Signs a request that reads a part from the bucket")
                .answers::<SignedRequest>(200, s)
                .refuses(&[Kind::RangeInvalid, Kind::NotDirect])
        }
        ("POST", "/open/receipt") => Call::new("Says how many files the recipient's client verified")
            .takes::<ReceiptRequest>()
            .answers_nothing(204, "It stands in the sender's log")
            .refuses(&[Kind::InvalidField]),
        ("POST", "/mine") => Call::new("Asks for a code; the answer is the same for every address")
            .takes::<SignInRequest>()
            .answers_nothing(202, "A code is mailed if something waits")
            .refuses(&[Kind::InvalidField]),
        ("POST", "/mine/code") => Call::new("Proves an address, in this browser, for half an hour")
            .takes::<SignInCodeRequest>()
            .answers_nothing(204, "The cookie that says so")
            .refuses(&[Kind::InvalidField]),
        ("GET", "/mine") => Call::new("What waits for the proven address").answers::<Mine>(200, s),
        ("DELETE", "/mine") => Call::new("Ends that").answers_nothing(204, "It is over"),
        _ => return None,
    })
}
