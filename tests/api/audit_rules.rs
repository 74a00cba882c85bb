//! What is unusual is flagged once and mailed to the auditors; what is usual is not.

use crate::harness::people::{administrator, give, set, sign_in_as};
use crate::harness::provider::Provider;
use crate::harness::second_step::set_up_app;
use crate::harness::tokens::Owner;
use crate::harness::{DAY, HOUR, MINUTE, Parcel, Sender, Site, log, rows};
use crate::mine;
use filmjacket::audit::Hours;
use filmjacket::config::{Config, SingleSignOnSettings};
use filmjacket::jobs;
use filmjacket::mail::Letter;
use filmjacket::people::SignInRule;
use protocol::TransferId;
use protocol::account::SecondStep;
use protocol::people::Installation;
use protocol::sign_in::Role;
use serde_json::json;
use std::collections::BTreeSet;

const AUDITOR: &str = "audit@clinic.example";

/// The rules that found something, in their order, after everything lately was looked through twice.
async fn flags(site: &Site) -> Vec<String> {
    jobs::audit::judge(site.app()).await.unwrap();
    jobs::audit::judge(site.app()).await.unwrap();
    rows::query(site, "SELECT rule FROM audit_flags ORDER BY at, rule").await
}

async fn mailed(site: &Site) -> Vec<String> {
    site.send_mail().await;
    let to_auditor = site.mail().into_iter().filter(|mail| mail.to == AUDITOR);
    to_auditor
        .map(|mail| match mail.letter {
            Letter::AuditFlag(letter) => letter.told.to_string(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn tell_auditor(config: &mut Config) {
    config.audit.alert_mail = vec![AUDITOR.into()];
    config.audit.rules.refused_passcodes = 3;
    config.audit.rules.networks = 3;
    config.audit.rules.volume_least = 1000;
}

#[actix_web::test]
async fn many_refused_passcodes_are_flagged_and_mailed_once_and_stand_in_the_audit() {
    let site = Site::start_with(tell_auditor).await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    for wanted in [&[][..], &[], &["refused_passcodes"], &["refused_passcodes"]] {
        recipient.guess().await.refused(403, "wrong-passcode");
        assert_eq!(flags(&site).await, wanted);
        site.wait(10 * MINUTE);
    }
    let told = mailed(&site).await;
    assert_eq!(told, [format!("{}: 3 passcodes were refused within 24 hours", parcel.id())]);
    assert!(sender.events(&parcel).await.contains(&"audit.flagged".to_owned()));
}

#[actix_web::test]
async fn auditors_who_may_not_sign_in_are_told_of_nothing_unusual() {
    let site = Site::start_with(|config| {
        tell_auditor(config);
        config.audit.alert_mail = Vec::new();
        config.sign_in = SignInRule::parse(&["clinic.example".to_owned()]).unwrap();
    })
    .await;
    let now = site.clock.now().as_unix();
    for (name, change) in [
        ("active", "valid_until = NULL".to_owned()),
        ("disabled", format!("disabled_at = {now}")),
        ("over", format!("valid_until = {now}")),
        ("not-yet", format!("valid_from = {now} + 86400")),
        ("no-auditor", "auditor = 0, sender = 1".to_owned()),
        // As if the configuration's list had let them in before it was changed.
        ("off-the-list", "email = 'off@other.example', email_key = 'off@other.example'".to_owned()),
        (
            "invited-too-long-ago",
            "email = 'late@other.example', email_key = 'late@other.example', signed_in_at = NULL, invited_at = 1"
                .to_owned(),
        ),
    ] {
        let email = format!("{name}@clinic.example");
        sign_in_as(&site, &email, &[Role::Auditor]).await;
        set(&site, &email, &change).await;
    }
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let recipient = sender.send(&Parcel::scribble(&site, &[10])).await;
    for _ in 0..3 {
        recipient.guess().await.refused(403, "wrong-passcode");
        site.wait(10 * MINUTE);
    }
    assert_eq!(flags(&site).await, ["refused_passcodes"]);
    site.send_mail().await;
    let told = site.mail().into_iter().filter(|mail| matches!(mail.letter, Letter::AuditFlag(_))).map(|mail| mail.to);
    assert_eq!(told.collect::<Vec<_>>(), ["active@clinic.example"]);
}

/// A site whose auditors must have a second step, after something unusual.
async fn strict_site(provider: Option<SingleSignOnSettings>) -> Site {
    Site::start_with(move |config| {
        tell_auditor(config);
        config.audit.alert_mail = Vec::new();
        config.second_step.auditor = SecondStep::Required;
        config.single_sign_on.clone_from(&provider);
    })
    .await
}

async fn guess_three_times(site: &Site) -> TransferId {
    let sender = Sender::sign_in(site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(site, &[10]);
    let recipient = sender.send(&parcel).await;
    for _ in 0..3 {
        recipient.guess().await.refused(403, "wrong-passcode");
        site.wait(10 * MINUTE);
    }
    assert_eq!(flags(site).await, ["refused_passcodes"]);
    parcel.id()
}

async fn told_of_flags(site: &Site) -> BTreeSet<String> {
    site.send_mail().await;
    site.mail().into_iter().filter(|mail| matches!(mail.letter, Letter::AuditFlag(_))).map(|mail| mail.to).collect()
}

#[actix_web::test]
async fn auditors_who_lack_a_required_second_step_are_told_of_nothing_unusual() {
    let provider = Provider::start().await;
    let trusted = SingleSignOnSettings { second_step: vec!["mfa".to_owned()], ..provider.settings() };
    let site = strict_site(Some(trusted)).await;
    // The mailbox alone; with an app; by the provider, whose second step counts.
    sign_in_as(&site, "mailbox@clinic.example", &[Role::Auditor]).await;
    Owner::sign_in(&site, "app@clinic.example", &[Role::Auditor]).await;
    provider.sign_in(&site, &site.client(), &json!({ "email": "bound@clinic.example" })).await.expect(200);
    give(&site, "bound@clinic.example", &[Role::Auditor]).await;
    guess_three_times(&site).await;
    let told = ["app@clinic.example", "bound@clinic.example"].map(str::to_owned);
    assert_eq!(told_of_flags(&site).await, BTreeSet::from(told));
}

#[actix_web::test]
async fn a_flag_that_nobody_can_be_mailed_is_logged_and_seen_on_the_state_page() {
    let site = strict_site(None).await;
    sign_in_as(&site, AUDITOR, &[Role::Auditor]).await;
    let mailed_to = async || {
        let ada = administrator(&site, "ada@clinic.example").await;
        let state: Installation = ada.get("/api/v1/admin/state").await.expect(200).json();
        state.alerts_mailed_to
    };
    let transfer_id = guess_three_times(&site).await.to_text();
    assert!(told_of_flags(&site).await.is_empty());
    assert_eq!(mailed_to().await, 0);
    let log = String::from_utf8(log::text()).unwrap();
    let mut lines = log.lines().filter(|line| line.contains("there is nobody to be mailed"));
    assert!(lines.any(|line| line.contains("WARN") && line.contains(&transfer_id)), "nothing is lost in silence");
    let auditor = sign_in_as(&site, AUDITOR, &[Role::Auditor]).await;
    set_up_app(&site, &auditor).await;
    assert_eq!(mailed_to().await, 1);
}

#[actix_web::test]
async fn refused_passcodes_of_several_days_are_not_many() {
    let site = Site::start_with(tell_auditor).await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let recipient = sender.send(&Parcel::scribble(&site, &[10]).ending(site.clock.now().plus(9 * DAY))).await;
    for _ in 0..4 {
        recipient.guess().await.refused(403, "wrong-passcode");
        site.wait(DAY + 1);
        assert!(flags(&site).await.is_empty());
    }
}

#[actix_web::test]
async fn openings_from_many_networks_are_flagged_and_many_from_one_are_not() {
    let site = Site::start_with(tell_auditor).await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let (home, abroad) = (Parcel::scribble(&site, &[10]), Parcel::scribble(&site, &[10]));
    let (at_home, everywhere) = (sender.send(&home).await, sender.send(&abroad).await);
    for n in 1..=4 {
        at_home.at_address(&format!("192.0.2.{n}")).take_ticket(&home.proof()).await;
    }
    assert!(flags(&site).await.is_empty());
    for address in ["192.0.2.9", "198.51.100.7", "2001:db8::7"] {
        everywhere.at_address(address).take_ticket(&abroad.proof()).await;
    }
    assert_eq!(flags(&site).await, ["networks"]);
    assert_eq!(mailed(&site).await, [format!("{}: it was opened from 3 networks", abroad.id())]);
}

#[actix_web::test]
async fn a_senders_day_far_above_their_own_past_is_flagged_and_a_newcomers_is_not() {
    let site = Site::start_with(tell_auditor).await;
    let ana = Sender::sign_in(&site, "ana@clinic.example").await;
    ana.send(&Parcel::scribble(&site, &[400])).await;
    assert!(flags(&site).await.is_empty());
    drop(ana);
    site.wait(DAY);
    let (ana, ben) =
        (Sender::sign_in(&site, "ana@clinic.example").await, Sender::sign_in(&site, "ben@clinic.example").await);
    ben.send(&Parcel::scribble(&site, &[9000])).await;
    ana.send(&Parcel::scribble(&site, &[1100])).await;
    assert!(flags(&site).await.is_empty(), "less than three times as much");
    ana.send(&Parcel::scribble(&site, &[200])).await;
    assert_eq!(flags(&site).await, ["volume"]);
    let told = mailed(&site).await;
    assert!(told.len() == 1 && told[0].starts_with("ana@clinic.example: "), "{told:?}");
}

#[actix_web::test]
async fn what_a_sender_does_outside_hours_is_flagged_once_a_night_and_recipients_come_when_they_can() {
    // It begins at 08:00 in UTC.
    let site = Site::start_with(|config| {
        tell_auditor(config);
        config.audit.rules.hours = Hours::parse("07:00-19:00", "+00:00").unwrap();
    })
    .await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[10]);
    let recipient = sender.send(&parcel).await;
    assert!(flags(&site).await.is_empty());
    drop(sender);
    site.wait(14 * HOUR);
    recipient.take_ticket(&parcel.proof()).await;
    site.client().post("/api/v1/sign-in", &serde_json::json!({"email": "bea@clinic.example"})).await.expect(202);
    let browser = site.client();
    mine::prove(&site, &browser, parcel.create.recipient.email.as_str()).await;
    browser.get("/api/v1/mine").await.expect(200);
    browser.delete("/api/v1/mine").await.expect(204);
    mine::refuse(&site, parcel.create.recipient.email.as_str()).await;
    assert!(flags(&site).await.is_empty(), "who opens at night is a recipient, and a code lets nobody in");
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    assert_eq!(flags(&site).await, ["hours"]);
    site.wait(4 * HOUR);
    drop(sender);
    Sender::sign_in(&site, "ana@clinic.example").await;
    assert_eq!(flags(&site).await, ["hours"]);
    site.wait(20 * HOUR);
    Sender::sign_in(&site, "ana@clinic.example").await;
    assert_eq!(flags(&site).await, ["hours", "hours"]);
    assert_eq!(mailed(&site).await.len(), 2);
}

#[actix_web::test]
async fn a_rule_that_is_turned_off_flags_nothing() {
    let site = Site::start_with(|config| {
        tell_auditor(config);
        config.audit.rules.refused_passcodes = 0;
    })
    .await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let recipient = sender.send(&Parcel::scribble(&site, &[10])).await;
    for _ in 0..4 {
        recipient.guess().await.refused(403, "wrong-passcode");
        site.wait(10 * MINUTE);
    }
    assert!(flags(&site).await.is_empty());
}
