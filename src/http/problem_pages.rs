//! The page for a refusal; and what each kind of problem means, in a sentence for people: where the `type` of an error leads.

use super::error::Refusal;
use super::pages::{Frame, render};
use actix_web::{HttpResponse, ResponseError as _, web};
use askama::Template;
use protocol::{Problem, ProblemKind};

/// `/problems`: all of them.
#[derive(Template)]
#[template(path = "pages/problems.html")]
struct ProblemsPage {
    frame: Frame,
    problems: Vec<(ProblemKind, &'static str)>,
}

impl ProblemsPage {
    fn new() -> Self {
        let problems = ProblemKind::ALL.iter().map(|kind| (*kind, meaning(*kind))).collect();
        Self { frame: Frame::open(""), problems }
    }
}

/// `/problems/{slug}`: one.
#[derive(Template)]
#[template(path = "pages/problem.html")]
struct ProblemPage {
    frame: Frame,
    kind: ProblemKind,
    meaning: &'static str,
}

impl ProblemPage {
    fn new(kind: ProblemKind) -> Self {
        Self { frame: Frame::open(""), kind, meaning: meaning(kind) }
    }
}

#[derive(Template)]
#[template(path = "pages/error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    sentence: &'a str,
}

/// `GET /problems`.
pub(super) async fn list() -> HttpResponse {
    render(&ProblemsPage::new())
}

/// `GET /problems/{slug}`: where the `type` of an error leads.
pub(super) async fn detail(slug: web::Path<String>) -> HttpResponse {
    match ProblemKind::ALL.iter().find(|kind| kind.slug() == *slug) {
        Some(kind) => render(&ProblemPage::new(*kind)),
        None => not_found(),
    }
}

/// The page for a refusal.
pub(super) fn error_page(problem: &Problem) -> String {
    let page = ErrorPage { frame: Frame::open(""), title: &problem.title, sentence: &problem.detail };
    page.render().unwrap_or_else(|error| {
        tracing::error!(%error, "the error page could not be rendered");
        problem.title.clone()
    })
}

/// Nothing is at this address.
pub(super) fn not_found() -> HttpResponse {
    Refusal::not_found().error_response()
}

/// What happened and what to do about it.
const fn meaning(kind: ProblemKind) -> &'static str {
    use ProblemKind as Kind;
    match kind {
        Kind::BadRequest => {
            "A program sent something that this call does not take. If it was this website, please reload the page."
        }
        Kind::DigestMismatch => "Bytes arrived other than they were sent. The browser sends them again by itself.",
        Kind::SignInNeeded => {
            "You are not signed in, or your session is over. Sign in again; an upload that waits goes on by itself."
        }
        Kind::WrongCode => {
            "A sign-in code works once, for ten minutes, and only in the browser that asked for it. Ask for a new one."
        }
        Kind::MailboxCodeNeeded => {
            "First it must be proved who reads the mailbox that the images were sent to. A code is mailed there; it holds for half an hour, in one browser."
        }
        Kind::TicketInvalid => {
            "The time to fetch the files is over, or the sender ended the transfer. Open the link again."
        }
        Kind::TokenInvalid => {
            "An access token works until the day that its owner chose, unless they revoked it or may not sign in any more. Make a new one on the account page."
        }
        Kind::ScopeMissing => {
            "An access token does only what it was made for. Make another one with the scope that the answer names."
        }
        Kind::TokenNotTaken => {
            "Access tokens are for programs that send, look, administer or audit. This is for people in a browser."
        }
        Kind::CrossOrigin => "Another website tried to act in your name. Nothing was done.",
        Kind::WrongPasscode => {
            "The passcode belongs to another transfer, or was changed on the way. Ask the sender to read it to you again."
        }
        Kind::ProfileMissing => "Before the first transfer, give the name that recipients will see.",
        Kind::RoleMissing => {
            "What a person may do here is set by an administrator of this server. Ask one if something is missing."
        }
        Kind::PersonExists => "The address has an account already. Find it in the list of people and change it there.",
        Kind::AdministratorNeeded => {
            "Nobody takes themselves off, and at least one administrator without a last day stays. Have another administrator do it, or make one first."
        }
        Kind::SecondStepNeeded => {
            "The code from the mail is the first of two steps. Show the passkey or the code of the app, then all is as before."
        }
        Kind::SecondStepMissing => {
            "The administrator decided that this account needs a second step. It is set up once, in two minutes."
        }
        Kind::StepUpNeeded => {
            "What changes how an account signs in is asked for twice: show the passkey or the code of the app once more."
        }
        Kind::WrongFactor => {
            "A code of the app works once and for half a minute, a recovery code once, a passkey only at this server. Try the next one."
        }
        Kind::LastFactor => "The account must have a second step. Set up another one, then remove this one.",
        Kind::ProviderNeeded => {
            "An account that is disconnected from its clinic’s sign-in needs another way in that is as safe. The answer says what is missing."
        }
        Kind::NotFound => "There is nothing at this address, or it belongs to somebody else.",
        Kind::LinkInvalid => {
            "The link has expired, was used up, was ended or replaced by its sender, or is not complete. Ask the sender for a new one."
        }
        Kind::MethodNotAllowed => "A program used a method that this address does not know.",
        Kind::TooSlow => {
            "The request came too slowly and was given up. Check the connection; the browser tries again by itself."
        }
        Kind::TransferExists => {
            "A transfer with this id was made before, with other details. Start the transfer again."
        }
        Kind::PartDiffers => "A part of the file is stored already with other bytes. Start the transfer again.",
        Kind::WrongState => "A transfer that was sent cannot be changed, only ended; one that has ended stays ended.",
        Kind::NotDirect => "This server takes and gives parts itself, and signs no requests for elsewhere.",
        Kind::PartsMissing => "A transfer can be sealed only when every part of every file has arrived.",
        Kind::LengthRequired => "The request must say how long it is.",
        Kind::BodyTooLong => "The request is longer than this call takes.",
        Kind::MediaType => "The request has another media type than this call takes.",
        Kind::RangeInvalid => "Bytes were asked for that the file does not have.",
        Kind::InvalidField => "A value is not allowed there; the answer names the field and what is allowed.",
        Kind::TooManyFiles => {
            "A transfer holds a limited number of files. Send the others in a second transfer, or pack them into a ZIP."
        }
        Kind::SingleSignOnRefused => {
            "You came back from your clinic’s sign-in, and were not let in: it said no, it took too long, or your account may not be used. Begin again, or ask your administrator."
        }
        Kind::ObjectTooLong => "A file is larger than this server takes. Split it, or send a part of the study.",
        Kind::TransferTooLong => {
            "The files together are larger than one transfer may be. Send some in a second transfer."
        }
        Kind::RecipientNotAllowed => {
            "Your organisation says to which addresses images may be sent. Check the address, or ask your administrator to allow it."
        }
        Kind::PartLength => "A part does not have the length that its place in the file demands.",
        Kind::QuotaReached => {
            "The day’s number of transfers or the room for your files, or your department’s, is used up. End transfers that are no longer needed, or wait."
        }
        Kind::TooManyRequests => {
            "There were many tries in a short time. Wait as long as the page says, then try again."
        }
        Kind::Internal => {
            "Something broke on this server. Try again; if it stays, tell the administrator the number in the message."
        }
        Kind::Unavailable => {
            "The server is busy or its storage does not answer. Nothing is lost; the browser tries again by itself."
        }
        Kind::ProviderAway => {
            "You sign in by your clinic’s own service, and that does not answer. Try again in a moment; if it stays, tell your administrator."
        }
        Kind::StorageFull => "The server has no room for more files. What was sent can still be opened and ended.",
    }
}

#[cfg(test)]
mod tests {
    use super::{ProblemPage, ProblemsPage, meaning};
    use askama::Template as _;
    use protocol::ProblemKind;

    #[test]
    fn every_problem_is_explained_in_its_own_sentence() {
        let list = ProblemsPage::new().render().unwrap();
        for kind in ProblemKind::ALL {
            let page = ProblemPage::new(*kind).render().unwrap();
            assert!(page.contains(kind.title()) && page.contains(meaning(*kind)), "{}", kind.slug());
            assert!(list.contains(&format!("/problems/{}", kind.slug())));
            let twins = ProblemKind::ALL.iter().filter(|other| meaning(**other) == meaning(*kind)).count();
            assert_eq!(twins, 1, "{} shares its sentence", kind.slug());
        }
    }
}
