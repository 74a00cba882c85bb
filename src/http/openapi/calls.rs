//! What each call takes and answers: those of people with an account, and of their programs.

use super::super::factors::NewPasskeyRequest;
use super::super::oversight::SeenQuery;
use super::super::people::PeopleQuery;
use super::super::second_step::PasskeyRequest;
use super::super::transfers::PageQuery;
use super::shape::{Call, Schemas};
use super::{BASE, Route, recipients};
use protocol::ProblemKind as Kind;
use protocol::account::{AccountAnswer, AppAnswer, AppRequest, FactorRequest, RecoveryAnswer, SecondStepRequest};
use protocol::audit::{AuditExport, AuditPage, AuditQuery, AuditState};
use protocol::direct::{PartDigest, SignedRequest};
use protocol::people::{FirstAdministratorRequest, Installation, InviteRequest, May, PeoplePage, Person, SeenPage};
use protocol::sign_in::{Me, ProfileRequest, SignInCodeRequest, SignInRequest};
use protocol::tokens::{TokenMade, TokenRequest};
use protocol::transfers::{
    CreateTransfer, LinkAnswer, ObjectEntry, SealRequest, TransferCreated, TransferDetail, TransferLog, TransferPage,
};
use serde_json::json;

/// One member of a part's `Content-Digest`.
const DIGEST: &str = "(sha-256=:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=:|crc32c=:[A-Za-z0-9+/]{5}[AQgw]==:)";

/// One call; `None` for what is no call, and for a route that nobody described, which fails the tests.
pub(super) fn describe(route: &Route, schemas: &mut Schemas) -> Option<Call> {
    let path = route.path.strip_prefix(BASE)?;
    sign_in(route.method, path, schemas)
        .or_else(|| account(route.method, path, schemas))
        .or_else(|| sending(route.method, path, schemas))
        .or_else(|| overseeing(route.method, path, schemas))
        .or_else(|| recipients::describe(route.method, path, schemas))
}

fn sign_in(method: &str, path: &str, s: &mut Schemas) -> Option<Call> {
    let session = "The session's next cookie";
    Some(match (method, path) {
        ("GET", "/openapi.json") => Call::new("This description")
            .answers_with(200, "OpenAPI 3.1", vec![("application/json", json!({ "type": "object" }))])
            .answers_nothing(304, "Still the one with this ETag"),
        ("POST", "/sign-in") => Call::new("Asks for a code to sign in; the answer is the same for every address")
            .takes::<SignInRequest>()
            .answers_nothing(202, "A code is mailed if the address may sign in")
            .refuses(&[Kind::InvalidField, Kind::NotFound]),
        ("POST", "/sign-in/code") => Call::new("Trades the mailed code for a session")
            .takes::<SignInCodeRequest>()
            .answers_nothing(204, "The session's cookie")
            .refuses(&[Kind::InvalidField, Kind::NotFound]),
        ("POST", "/sign-in/second-step") => Call::new("Shows the code of an authenticator app, or a recovery code")
            .takes::<SecondStepRequest>()
            .answers_nothing(204, session)
            .refuses(&[Kind::WrongFactor]),
        ("POST", "/sign-in/passkey") => Call::new("Asks for the account's passkey")
            .answers_with(
                200,
                "For PublicKeyCredential.parseRequestOptionsFromJSON",
                vec![("application/json", json!({ "type": "object" }))],
            )
            .refuses(&[Kind::WrongFactor, Kind::NotFound]),
        ("POST", "/sign-in/passkey/answer") => Call::new("Shows the passkey")
            .takes::<PasskeyRequest>()
            .answers_nothing(204, session)
            .refuses(&[Kind::WrongFactor, Kind::NotFound]),
        ("DELETE", "/session") => Call::new("Signs out").answers_nothing(204, "The session is over"),
        ("POST", "/session") => Call::new("Somebody reads here: keeps the session").answers_nothing(204, "It is kept"),
        ("GET", "/me") => Call::new("Who asks, and what a transfer may be").answers::<Me>(200, s),
        ("PUT", "/me") => Call::new("Changes what recipients see of the sender")
            .takes::<ProfileRequest>()
            .answers_nothing(204, "It is changed")
            .refuses(&[Kind::InvalidField]),
        ("POST", "/first-administrator") => {
            Call::new("Becomes the first administrator, with the link from the console")
                .takes::<FirstAdministratorRequest>()
                .answers_nothing(204, "The account is an administrator")
                .refuses(&[Kind::LinkInvalid])
        }
        _ => return None,
    })
}

fn account(method: &str, path: &str, s: &mut Schemas) -> Option<Call> {
    Some(match (method, path.strip_prefix("/account")?) {
        ("GET", "") => {
            Call::new("How the account signs in, and where it is signed in").answers::<AccountAnswer>(200, s)
        }
        ("POST", "/app") => Call::new("Begins to set up an authenticator app")
            .answers::<AppAnswer>(200, s)
            .refuses(&[Kind::StepUpNeeded, Kind::NotFound]),
        ("POST", "/app/confirm") => Call::new("Shows that the app works, and keeps it")
            .takes::<AppRequest>()
            .answers::<RecoveryAnswer>(200, s)
            .refuses(&[Kind::WrongFactor, Kind::InvalidField, Kind::QuotaReached, Kind::NotFound]),
        ("POST", "/passkey") => Call::new("Begins to make a passkey")
            .answers_with(
                200,
                "For PublicKeyCredential.parseCreationOptionsFromJSON",
                vec![("application/json", json!({ "type": "object" }))],
            )
            .refuses(&[Kind::StepUpNeeded, Kind::NotFound]),
        ("POST", "/passkey/confirm") => Call::new("Keeps the passkey that the browser made")
            .takes::<NewPasskeyRequest>()
            .answers::<RecoveryAnswer>(200, s)
            .refuses(&[Kind::WrongFactor, Kind::InvalidField, Kind::QuotaReached, Kind::NotFound]),
        ("PUT", "/factors/{factor_id}") => Call::new("Gives a second step another name")
            .takes::<FactorRequest>()
            .answers_nothing(204, "It is changed")
            .refuses(&[Kind::InvalidField]),
        ("DELETE", "/factors/{factor_id}") => Call::new("Removes a second step")
            .answers_nothing(204, "It is gone")
            .refuses(&[Kind::StepUpNeeded, Kind::LastFactor]),
        ("DELETE", "/identity") => Call::new("Disconnects the account from the provider of single sign-on")
            .answers_nothing(204, "Its sessions and access tokens are over; the next sign-in is by a mailed code")
            .refuses(&[Kind::StepUpNeeded, Kind::ProviderNeeded, Kind::NotFound]),
        ("POST", "/recovery-codes") => Call::new("Makes ten new recovery codes; those before stop working")
            .answers::<RecoveryAnswer>(200, s)
            .refuses(&[Kind::StepUpNeeded, Kind::WrongState]),
        ("DELETE", "/sessions") => {
            Call::new("Ends all sessions of the account but this one").answers_nothing(204, "They are over")
        }
        ("DELETE", "/sessions/{session_id}") => {
            Call::new("Ends a session of the account").answers_nothing(204, "It is over")
        }
        ("POST", "/tokens") => Call::new("Makes an access token, told this once")
            .takes::<TokenRequest>()
            .answers::<TokenMade>(201, s)
            .refuses(&[Kind::StepUpNeeded, Kind::InvalidField, Kind::QuotaReached]),
        ("DELETE", "/tokens/{token_id}") => {
            Call::new("Revokes an access token").answers_nothing(204, "It works no more")
        }
        _ => return None,
    })
}

/// What may be wrong with a draft as a whole.
const TOO_MUCH: [Kind; 3] = [Kind::TooManyFiles, Kind::ObjectTooLong, Kind::TransferTooLong];

fn sending(method: &str, path: &str, s: &mut Schemas) -> Option<Call> {
    let part = [Kind::PartLength, Kind::PartDiffers, Kind::WrongState];
    Some(match (method, path.strip_prefix("/transfers")?) {
        ("GET", "") => {
            Call::new("The sender's transfers, newest first").asks::<PageQuery>().answers::<TransferPage>(200, s)
        }
        ("POST", "") => Call::new("Announces a transfer; the same again gets the same answer")
            .takes::<CreateTransfer>()
            .answers::<TransferCreated>(201, s)
            .refuses(&[Kind::ProfileMissing, Kind::InvalidField, Kind::RecipientNotAllowed])
            .refuses(&[Kind::TransferExists, Kind::QuotaReached])
            .refuses(&TOO_MUCH),
        ("GET", "/{transfer_id}") => Call::new("One of them, with what has arrived").answers::<TransferDetail>(200, s),
        ("PUT", "/{transfer_id}/objects/{object_id}/parts/{n}") => Call::new("Stores a part of a file's ciphertext")
            .reads(
                "Content-Digest",
                true,
                "Of the body, by RFC 9530: its SHA-256 or its CRC-32C",
                &json!({ "type": "string", "pattern": format!("^{DIGEST}(, {DIGEST})?$") }),
            )
            .takes_bytes()
            .answers_nothing(204, "It is stored; also for the same bytes again")
            .refuses(&[Kind::LengthRequired, Kind::DigestMismatch])
            .refuses(&part),
        ("POST", "/{transfer_id}/objects/{object_id}/parts/{n}/url") => {
            Call::new("Signs a request that stores a part in the bucket")
                .takes::<PartDigest>()
                .answers::<SignedRequest>(200, s)
                .answers_nothing(204, "These bytes are there already")
                .refuses(&[Kind::NotDirect])
                .refuses(&part)
        }
        ("POST", "/{transfer_id}/objects/{object_id}/parts/{n}/stored") => {
            Call::new("Says that the bucket has taken a part")
                .takes::<PartDigest>()
                .answers_nothing(204, "It counts from now on")
                .refuses(&[Kind::NotDirect])
                .refuses(&part)
        }
        ("POST", "/{transfer_id}/objects/{object_id}/restart") => {
            Call::new("Starts a file of a draft again, in a new object")
                .takes::<ObjectEntry>()
                .answers_nothing(204, "The new object stands in the old one's place")
                .refuses(&[Kind::InvalidField, Kind::TransferExists, Kind::QuotaReached, Kind::WrongState])
                .refuses(&TOO_MUCH)
        }
        ("POST", "/{transfer_id}/seal") => Call::new("Completes the draft and mails the link, in one step")
            .takes::<SealRequest>()
            .answers::<LinkAnswer>(200, s)
            .refuses(&[Kind::PartsMissing, Kind::InvalidField, Kind::RecipientNotAllowed, Kind::WrongState])
            .refuses(&TOO_MUCH),
        ("POST", "/{transfer_id}/end") => {
            Call::new("Ends a transfer, or drops a draft").answers_nothing(204, "It is over")
        }
        ("POST", "/{transfer_id}/mail") => Call::new("Mails a new link; the old one is dead from that moment")
            .answers::<LinkAnswer>(202, s)
            .refuses(&[Kind::WrongState, Kind::RecipientNotAllowed]),
        ("GET", "/{transfer_id}/log") => Call::new("What happened to it, oldest first").answers::<TransferLog>(200, s),
        _ => return None,
    })
}

fn overseeing(method: &str, path: &str, s: &mut Schemas) -> Option<Call> {
    let gives = [Kind::StepUpNeeded, Kind::AdministratorNeeded];
    Some(match (method, path) {
        ("GET", "/admin/people") => Call::new("People, by address").asks::<PeopleQuery>().answers::<PeoplePage>(200, s),
        ("POST", "/admin/people") => Call::new("Gives somebody an account, and mails an invitation")
            .takes::<InviteRequest>()
            .answers::<Person>(201, s)
            .refuses(&[Kind::StepUpNeeded, Kind::InvalidField, Kind::PersonExists]),
        ("GET", "/admin/people/{account_id}") => Call::new("One of them").answers::<Person>(200, s),
        ("PUT", "/admin/people/{account_id}") => Call::new("Says what somebody may do, all of it")
            .takes::<May>()
            .answers_nothing(204, "It holds from their next request on")
            .refuses(&[Kind::InvalidField])
            .refuses(&gives),
        ("POST", "/admin/people/{account_id}/disable") => Call::new("Takes somebody off at once")
            .answers_nothing(204, "Their sessions and access tokens are over")
            .refuses(&gives),
        ("POST", "/admin/people/{account_id}/enable") => {
            Call::new("Takes that back").answers_nothing(204, "They can sign in again").refuses(&gives)
        }
        ("DELETE", "/admin/people/{account_id}/identity") => {
            Call::new("Disconnects somebody from the provider of single sign-on")
                .answers_nothing(204, "Their sessions and access tokens are over; they connect anew")
                .refuses(&[Kind::StepUpNeeded, Kind::ProviderNeeded])
        }
        ("POST", "/admin/people/{account_id}/invitation") => Call::new("Invites somebody who has an account")
            .answers_nothing(204, "The invitation is mailed")
            .refuses(&gives),
        ("GET", "/admin/transfers") => Call::new("All that can still be opened or completed, newest first")
            .asks::<SeenQuery>()
            .answers::<SeenPage>(200, s),
        ("POST", "/admin/transfers/{transfer_id}/end") => {
            Call::new("Ends a transfer, whosever it is").answers_nothing(204, "It is over")
        }
        ("GET", "/admin/state") => Call::new("How the installation is doing").answers::<Installation>(200, s),
        ("GET", "/department/transfers") => {
            Call::new("What was made in the department that one heads").asks::<SeenQuery>().answers::<SeenPage>(200, s)
        }
        ("GET", "/audit") => {
            Call::new("Rows of the audit, newest first").asks::<AuditQuery>().answers::<AuditPage>(200, s)
        }
        ("GET", "/audit/state") => Call::new("How the audit stands, and what is unusual").answers::<AuditState>(200, s),
        ("GET", "/audit/export") => {
            let lines = ["application/x-ndjson", "text/csv", "application/fhir+ndjson"];
            let content = lines.map(|media_type| (media_type, json!({ "type": "string" }))).to_vec();
            Call::new("All rows of a time, oldest first").asks::<AuditExport>().answers_with(
                200,
                "A row a line",
                content,
            )
        }
        _ => return None,
    })
}
