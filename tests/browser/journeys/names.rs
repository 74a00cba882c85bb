//! File names that people really have, and names that someone made to do harm.

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::files::write_all;
use crate::harness::native::{File, Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::{RECIPIENT, SENDER};

#[tokio::test]
async fn names_in_any_script_arrive_as_far_as_any_system_can_store_them() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    // What the sender calls it, and what the recipient saves: Windows allows neither " nor < nor >.
    let names = [
        ("🦴 knee 👩🏽‍⚕️.png", "🦴 knee 👩🏽‍⚕️.png"),
        ("it's \"quoted\" & <b>bold<b>.png", "it's _quoted_ & _b_bold_b_.png"),
        ("צילום חזה.png", "צילום חזה.png"),
        ("أشعة الصدر ١٢.png", "أشعة الصدر ١٢.png"),
        ("Ärzteübergabe – Größe.png", "Ärzteübergabe – Größe.png"),
    ];
    let sent = names.map(|(name, _)| File::new(name, "image/png", name.as_bytes()));

    let sender = Browser::start().await;
    let passed = sender.send(&site, &write_all(folder.path(), &sent)).await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(recipient.file_names().await, names.map(|(_, safe)| safe));
    for (index, (file, (_, safe))) in sent.iter().zip(names).enumerate() {
        let saved = recipient.save(index).await;
        assert_eq!(std::fs::read(&saved).unwrap(), file.bytes, "{}", file.name);
        // Chromium itself takes the invisible joiner out of names on disk.
        assert_eq!(saved.file_name().unwrap().to_str().unwrap(), safe.replace('\u{200d}', "_"));
    }
}

#[tokio::test]
async fn a_page_cannot_be_given_a_path_for_a_name() {
    let site = Site::start();
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    // A file dialog gives no such name, a script of somebody else's page that drops files does.
    let drop = "const files = new DataTransfer();
        files.items.add(new File(['x'], '../../up.png', {type: 'image/png'}));
        const input = document.querySelector('#files');
        input.files = files.files;
        input.dispatchEvent(new Event('change', {bubbles: true}));";
    sender.run(drop, vec![]).await;
    sender.fill("#recipient", RECIPIENT).await;
    sender.review().await;
    let passed = sender.seal_and_send().await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&passed.link, &passed.passcode).await;
    let [name] = recipient.file_names().await.try_into().unwrap();
    assert!(!name.contains('/') && !name.contains(".."), "{name}");
}

#[tokio::test]
async fn a_hostile_senders_names_do_no_harm() {
    let site = Site::start();
    // None ends like a program: Chromium would hold those back by itself.
    let names = [
        "../../../etc/passwd",
        "C:\\Windows\\system32\\CON.txt",
        "scan\u{202e}gnp.pdf",
        "<img src=x onerror=document.title='owned'>\u{0}\n.png",
        "long".repeat(200).as_str(),
    ]
    .map(|name| File::new(name, "text/html", "<script>document.title='owned'</script>"));
    let sender = Sender::sign_in(&site, SENDER).await;
    let sent = sender.send(&Parcel::of(names)).await;

    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&sent.link, &sent.passcode).await;
    for (index, shown) in recipient.file_names().await.into_iter().enumerate() {
        let forbidden = |c: char| c.is_control() || "/\\<>:\"|?*\u{202e}".contains(c);
        assert!(!shown.contains(forbidden) && shown.len() <= 255, "{shown:?}");
        let saved = recipient.save(index).await;
        assert_eq!(saved.parent(), Some(recipient.downloads().as_path()));
    }
    let title = recipient.run("return document.title", vec![]).await;
    assert_ne!(title, json!("owned"));
}
