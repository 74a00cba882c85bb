//! Links that open nothing any more, and links that never did.

use crate::harness::browser::Browser;
use crate::harness::files::png;
use crate::harness::native::{Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

#[tokio::test]
async fn an_expired_link_gets_a_friendly_page() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel { lifetime: 3600, ..Parcel::of([png()]) }).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;
    site.clock.advance(3601);
    recipient.go(&sent.link).await;
    recipient.at_step("ended").await;
}

#[tokio::test]
async fn a_transfer_that_ends_while_the_passcode_is_typed_says_so() {
    let site = Site::start();
    let sender = Sender::sign_in(&site, SENDER).await;
    let sent = sender.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;
    sender.end(&sent.transfer_id).await;
    recipient.enter_passcode(&sent.passcode).await;
    recipient.at_step("ended").await;
}

#[tokio::test]
async fn a_used_up_link_lets_the_one_who_opened_it_finish_and_nobody_else_begin() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel { max_openings: 1, ..Parcel::of([png()]) }).await;
    let (first, second) = (Browser::start().await, Browser::start().await);
    first.open(&sent.link, &sent.passcode).await;
    second.go(&sent.link).await;
    second.at_step("ended").await;
    let saved = first.save(0).await;
    assert_eq!(std::fs::read(saved).unwrap(), png().bytes);
}

#[tokio::test]
async fn a_broken_link_says_that_it_is_broken() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    let broken = [&sent.link[..sent.link.len() - 1], sent.link.split('#').next().unwrap(), &format!("{}x", sent.link)];
    for link in broken {
        recipient.go(link).await;
        recipient.at_step("damaged").await;
    }
}

#[tokio::test]
async fn the_sender_ends_a_transfer_from_the_list() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    let passed = sender.send(&site, &crate::harness::files::write_all(folder.path(), &[png()])).await;
    sender.go(&site.url("/sent")).await;
    sender.click("#transfers li .end").await;
    sender.click("#end-confirm").await;
    sender.text_with("#transfers li .state", "ended").await;
    let recipient = Browser::start().await;
    recipient.go(&passed.link).await;
    recipient.at_step("ended").await;
}

#[tokio::test]
async fn a_new_link_replaces_the_old_one() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    let passed = sender.send(&site, &crate::harness::files::write_all(folder.path(), &[png()])).await;
    sender.go(&site.url("/sent")).await;
    sender.click("#transfers li .resend").await;
    sender.click("#resend-confirm").await;
    let new_link = sender.text_with("#new-link", "/open#").await;
    let recipient = Browser::start().await;
    recipient.go(&passed.link).await;
    recipient.at_step("ended").await;
    recipient.open(new_link.trim(), &passed.passcode).await;
}
