//! What letters say, and what they must never say.

use crate::mail::{ACCOUNT, ANCHOR, AUDIT, LINK, MINE, SENT, SIGN_IN, every_letter, link_letter, mail_of};
use filmjacket::mail::Letter;
use protocol::transfers::RecipientKind;

#[test]
fn a_secret_in_a_letter_never_shows_itself_in_debug() {
    for letter in every_letter() {
        let shown = format!("{:?}", mail_of(letter));
        assert!(!shown.contains("12345678") && !shown.contains("#q83v"), "{shown}");
    }
}

#[test]
fn a_subject_tells_no_secret_and_no_recipient() {
    for letter in every_letter() {
        let subject = letter.render().unwrap().subject.to_string();
        for hidden in ["1234", "5678", "anna", "http"] {
            assert!(!subject.contains(hidden), "{subject}");
        }
        assert!(!subject.is_empty() && subject.len() < 78, "{subject}");
    }
}

#[test]
fn both_bodies_carry_what_the_letter_is_for() {
    for letter in every_letter() {
        let needed: &[&str] = match &letter {
            Letter::SignInCode(_) | Letter::MailboxCode(_) => &["1234 5678", "10 minutes", "ever ask you to tell"],
            Letter::WrongPasscodes(_) => &["anna@clinic.example", "Sunday 22 November 2026, 12:00 UTC", SENT],
            Letter::Invitation(_) => {
                &["anna@clinic.example", "Sunday 6 December 2026, 12:00 UTC", "no password", SIGN_IN]
            }
            Letter::TransferLink(_) => &[
                LINK,
                MINE,
                "Dr. Ana Ruiz (North Clinic) sent you images",
                "passcode",
                "by phone or in person",
                "Sunday 29 November 2026, 12:00 UTC",
                "did not expect this",
            ],
            Letter::Opened(_) => &["anna@clinic.example", "Sunday 22 November 2026, 12:00 UTC", SENT],
            Letter::Refused(_) => &["anna@clinic.example", "550 5.1.1 no such mailbox", SENT],
            Letter::ExpiringUnopened(_) => &["anna@clinic.example", "Monday 23 November 2026, 12:00 UTC", SENT],
            Letter::AccountNotice(_) => {
                &["passkey “my phone” was added", "Sunday 22 November 2026, 12:00 UTC", ACCOUNT]
            }
            Letter::ExpiredUnopened(_) => &["anna@clinic.example", "Sunday 22 November 2026, 12:00 UTC", SENT],
            Letter::AuditAnchor(_) => &[ANCHOR, "filmjacket audit verify"],
            Letter::AuditFlag(_) => &["anna@clinic.example: 3 passcodes", "Sunday 22 November 2026, 12:00 UTC", AUDIT],
        };
        let words = letter.render().unwrap();
        for body in [&words.text, &words.html] {
            // Where a line is broken does not change what it says.
            let said = body.split_whitespace().collect::<Vec<_>>().join(" ");
            let said = said.replace("<strong>", "").replace("</strong>", "").replace("&#34;", "\"");
            for phrase in needed {
                assert!(said.contains(phrase), "{phrase:?} is missing in: {body}");
            }
        }
    }
}

#[test]
fn a_link_stands_on_a_line_of_its_own_in_plain_text() {
    for kind in [RecipientKind::Clinician, RecipientKind::Patient] {
        let words = Letter::TransferLink(link_letter(kind)).render().unwrap();
        assert!(words.text.lines().any(|line| line == LINK), "{}", words.text);
        assert!(words.text.lines().all(|line| line == LINK || line.chars().count() <= 90), "{}", words.text);
    }
}

#[test]
fn nothing_is_fetched_when_a_letter_is_read_and_every_link_leads_where_it_says() {
    for letter in every_letter() {
        let html = letter.render().unwrap().html;
        for fetches in ["<img", "src=", "url(", "<link", "@import", "<script", "<iframe", "<form"] {
            assert!(!html.contains(fetches), "{fetches} in: {html}");
        }
        for target in html.split("href=\"").skip(1) {
            let target = target.split('"').next().unwrap();
            assert!([SENT, LINK, MINE, AUDIT, SIGN_IN, ACCOUNT].contains(&target), "{target}");
        }
    }
}

#[test]
fn a_sender_without_an_organisation_gets_no_empty_brackets() {
    let mut letter = link_letter(RecipientKind::Clinician);
    letter.organisation = "".into();
    let words = Letter::TransferLink(letter).render().unwrap();
    assert_eq!(words.subject.as_str(), "Dr. Ana Ruiz sent you images");
    assert!(!words.text.contains("()") && !words.html.contains("()"));
}

#[test]
fn the_patient_is_told_step_by_step_and_the_clinician_in_short() {
    let text = |kind| Letter::TransferLink(link_letter(kind)).render().unwrap().text;
    assert!(text(RecipientKind::Patient).contains("1. You need a passcode"));
    assert!(!text(RecipientKind::Clinician).contains("Hello"));
    assert!(text(RecipientKind::Clinician).contains("no account"));
}
