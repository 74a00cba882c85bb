//! Where a transfer is in its life, as the tables spell it, and the sentence for what cannot follow.

use protocol::transfers::{RecipientKind, State};
use protocol::{Problem, ProblemKind};

/// How the tables spell a state.
const fn state_text(state: State) -> &'static str {
    match state {
        State::Draft => "draft",
        State::Ready => "ready",
        State::Expired => "expired",
        State::Revoked => "revoked",
        State::UsedUp => "used_up",
    }
}

/// Reads a state as the tables spell it.
pub fn parse_state(text: &str) -> Option<State> {
    [State::Draft, State::Ready, State::Expired, State::Revoked, State::UsedUp]
        .into_iter()
        .find(|state| state_text(*state) == text)
}

/// How the tables spell a kind of recipient.
pub const fn kind_text(kind: RecipientKind) -> &'static str {
    match kind {
        RecipientKind::Clinician => "clinician",
        RecipientKind::Patient => "patient",
    }
}

/// Reads what [`kind_text`] wrote.
pub fn parse_kind(text: &str) -> Option<RecipientKind> {
    [RecipientKind::Clinician, RecipientKind::Patient].into_iter().find(|kind| kind_text(*kind) == text)
}

/// What was asked cannot follow `state`.
pub fn wrong_state(state: State) -> Problem {
    let detail = match state {
        State::Draft => "This transfer is not sealed yet. Please finish sending it first.",
        State::Ready => {
            "This transfer is already on its way and can no longer be changed. You can end it and send a new one."
        }
        State::Expired => "This transfer has expired. Please send the files again.",
        State::Revoked => "This transfer was ended by its sender. Please send the files again.",
        State::UsedUp => "This transfer was opened as often as allowed. Please send the files again.",
    };
    Problem::new(ProblemKind::WrongState, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_kind_reads_back_and_nothing_else_does() {
        for state in [State::Draft, State::Ready, State::Expired, State::Revoked, State::UsedUp] {
            assert_eq!(parse_state(state_text(state)), Some(state));
        }
        for kind in [RecipientKind::Clinician, RecipientKind::Patient] {
            assert_eq!(parse_kind(kind_text(kind)), Some(kind));
        }
        assert_eq!(parse_state("purged"), None);
        assert_eq!(parse_kind(""), None);
    }
}
