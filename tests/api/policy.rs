//! The sending policy: to whom may be sent, what is asked of recipients, and ways around it that must not work.

use crate::harness::{DAY, Parcel, Sender, Site, people};
use filmjacket::config::Config;
use filmjacket::transfer::RoleLimits;
use protocol::sign_in::{MailboxRule, Me, Role};

const ANA: &str = "ana@clinic.example";

fn only_the_clinic(config: &mut Config) {
    config.policy.allowed_domains = vec!["clinic.example".into(), "xn--mnchen-3ya.example".into()];
    config.policy.blocked_domains = vec!["guests.clinic.example".into()];
}

async fn try_to_send(site: &Site, sender: &Sender<'_>, address: &str) -> crate::harness::Answer {
    sender.create(&Parcel::scribble(site, &[1]).to(address)).await
}

#[actix_web::test]
async fn the_policy_is_told_before_anything_is_chosen() {
    let site = Site::start_with(only_the_clinic).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let me: Me = sender.client.get("/api/v1/me").await.expect(200).json();
    assert_eq!(me.policy.allowed_domains, ["clinic.example", "xn--mnchen-3ya.example"]);
    assert_eq!(me.policy.blocked_domains, ["guests.clinic.example"]);
    assert_eq!(me.policy.mailbox_code, MailboxRule::Offered);
}

#[actix_web::test]
async fn no_spelling_of_a_domain_gets_around_the_policy() {
    let site = Site::start_with(only_the_clinic).await;
    let sender = Sender::sign_in(&site, ANA).await;
    for allowed in [
        "a@clinic.example",
        "a@CLINIC.Example",
        "a@ct.clinic.example",
        "a@\u{ff43}linic.example",
        "a@münchen.example",
        "a@MÜNCHEN.example",
        "a@xn--mnchen-3ya.example",
    ] {
        try_to_send(&site, &sender, allowed).await.expect(201);
    }
    for refused in [
        "a@other.example",
        "a@evilclinic.example",
        "a@clinic.example.evil.example",
        "clinic.example@other.example",
        "a@Guests.Clinic.Example",
        "a@x.guests.clinic.example",
        "a@gu\u{ad}ests.clinic.example",
        "a@\u{ff47}uests.clinic.example",
        // Cyrillic letters that look Latin.
        "a@\u{441}linic.example",
        "a@clinic.\u{435}xample",
    ] {
        let problem = try_to_send(&site, &sender, refused).await.problem();
        assert_eq!((problem.status, problem.field.as_deref()), (422, Some("recipient.email")), "{refused}");
        // Some are refused because they are no address at all.
        let is_rule = problem.detail.contains("ask your administrator");
        assert_eq!(is_rule, problem.r#type == "/problems/recipient-not-allowed", "{problem:?}");
        assert!(is_rule || !refused.is_ascii(), "{refused}: {problem:?}");
    }
    for odd in [
        "a@clinic.example.",
        "a@guests\u{3002}clinic.example",
        "a@.clinic.example",
        "a@clinic.example\u{0}.evil.example",
        "a@clinic.example@evil.example",
    ] {
        assert_eq!(try_to_send(&site, &sender, odd).await.status, 422, "{odd}");
    }
}

#[actix_web::test]
async fn mail_goes_to_the_very_domain_that_was_looked_at() {
    let site = Site::start_with(only_the_clinic).await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.send(&Parcel::scribble(&site, &[1]).to("anna@\u{ff23}linic.Example")).await;
    site.link_for("anna@clinic.example").await;
}

#[actix_web::test]
async fn a_draft_from_before_a_stricter_policy_is_not_sealed() {
    let mut site = Site::start().await;
    let client = {
        let sender = Sender::sign_in(&site, ANA).await;
        sender.client
    };
    let parcels = [
        Parcel::scribble(&site, &[1]).to("a@other.example"),
        Parcel::scribble(&site, &[1]).openings(50),
        Parcel::scribble(&site, &[1]).ending(site.clock.now().plus(20 * DAY)),
        Parcel::scribble(&site, &[2_000_000]),
        Parcel::scribble(&site, &[1, 1, 1]),
    ];
    {
        let sender = Sender::resume(&site, client.clone());
        for parcel in &parcels {
            sender.upload(parcel).await;
        }
    }
    site.restart_with(|config| {
        only_the_clinic(config);
        config.limits.max_openings = 10;
        config.limits.max_lifetime = 8 * DAY;
        config.limits.max_file_len = 1_000_000;
        config.limits.max_files = 2;
    })
    .await;
    let fresh = Sender::sign_in(&site, ANA).await;
    let slugs = ["recipient-not-allowed", "invalid-field", "invalid-field", "object-too-long", "too-many-files"];
    for (parcel, slug) in parcels.iter().zip(slugs) {
        fresh.seal(parcel).await.refused(422, slug);
    }
    site.send_mail().await;
    assert_eq!(site.mail_kinds(), [""; 0], "nobody was mailed");
}

#[actix_web::test]
async fn no_new_link_goes_to_a_domain_that_was_blocked_meanwhile() {
    let mut site = Site::start().await;
    let parcel = Parcel::scribble(&site, &[1]).to("a@other.example");
    {
        let sender = Sender::sign_in(&site, ANA).await;
        sender.send(&parcel).await;
    }
    site.restart_with(only_the_clinic).await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.resend(&parcel).await.refused(422, "recipient-not-allowed");
    sender.end(&parcel).await.expect(204);
}

#[actix_web::test]
async fn a_policy_asks_for_mailbox_codes_whatever_the_sender_says_and_also_of_what_was_sent_before() {
    let mut site = Site::start().await;
    let (patients, clinicians) = (Parcel::scribble(&site, &[1]).for_a_patient(), Parcel::scribble(&site, &[1]));
    let (to_patient, to_clinician) = {
        let sender = Sender::sign_in(&site, ANA).await;
        (sender.send(&patients).await, sender.send(&clinicians).await)
    };
    to_patient.ask().await.expect(200);
    for (rule, asked_of_clinicians) in [(MailboxRule::Patients, false), (MailboxRule::Always, true)] {
        site.restart_with(move |config| config.policy.mailbox_code = rule).await;
        let at = |recipient: &crate::harness::Recipient| crate::harness::Recipient {
            client: site.client(),
            ..recipient.clone()
        };
        at(&to_patient).unlock(&patients.proof()).await.refused(401, "mailbox-code-needed");
        let clinician = at(&to_clinician).ask().await;
        assert_eq!(clinician.status, if asked_of_clinicians { 401 } else { 200 });
        let sender = Sender::sign_in(&site, ANA).await;
        let parcel = Parcel::scribble(&site, &[1]).for_a_patient();
        sender.send(&parcel).await.ask().await.refused(401, "mailbox-code-needed");
        assert!(sender.look(&parcel.id()).await.mailbox_code);
    }
}

#[actix_web::test]
async fn a_role_widens_what_its_holders_may_send_and_nobody_elses() {
    let site = Site::start_with(|config| {
        config.limits.max_openings = 10;
        config.limits.max_file_len = 1000;
        let wider = RoleLimits { max_openings: Some(20), max_file_len: Some(2000), ..RoleLimits::default() };
        config.role_limits.insert(Role::DepartmentHead, wider);
    })
    .await;
    let (head, sender) = (Sender::sign_in(&site, ANA).await, Sender::sign_in(&site, "bob@clinic.example").await);
    people::give(&site, ANA, &[Role::Sender, Role::DepartmentHead]).await;
    // The head of no department heads none.
    let many = || Parcel::scribble(&site, &[1]).openings(20);
    head.create(&many()).await.refused(422, "invalid-field");
    people::set(&site, ANA, "department = 'Radiology'").await;
    let me: Me = head.client.get("/api/v1/me").await.expect(200).json();
    assert_eq!((me.limits.max_openings, me.limits.max_file_len), (20, 2000));
    head.create(&many()).await.expect(201);
    let parcel = Parcel::scribble(&site, &[2000]);
    head.send(&parcel).await;
    sender.create(&many()).await.refused(422, "invalid-field");
    sender.create(&Parcel::scribble(&site, &[2000])).await.refused(422, "object-too-long");
    // A draft of who is head no more is sealed by the rules of now.
    let draft = Parcel::scribble(&site, &[2000]);
    head.upload(&draft).await;
    people::give(&site, ANA, &[Role::Sender]).await;
    head.seal(&draft).await.refused(422, "object-too-long");
}
