//! An engine without WebAssembly's vector instructions is served the other module, and people notice nothing.

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::files::{dicom, write_all};
use crate::harness::native::{Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

/// The page asks the engine by this function alone.
const HAS_NO_VECTORS: &str = "WebAssembly.validate = () => false";

#[tokio::test]
async fn files_are_sent_and_opened_without_vector_instructions() {
    let (site, relay) = Site::start_relayed().await;
    let folder = tempfile::tempdir().unwrap();
    let file = dicom();

    let sender = Browser::start().await;
    sender.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": HAS_NO_VECTORS})).await;
    let passed = sender.send(&site, &write_all(folder.path(), std::slice::from_ref(&file))).await;
    let recipient = Browser::start().await;
    recipient.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": HAS_NO_VECTORS})).await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(std::fs::read(recipient.save(0).await).unwrap(), file.bytes);

    let modules: Vec<_> = relay
        .take_exchanges()
        .into_iter()
        .map(|(request, _)| request.target)
        .filter(|at| at.ends_with(".wasm"))
        .collect();
    assert!(!modules.is_empty() && modules.iter().all(|at| at.ends_with("_plain_bg.wasm")), "{modules:?}");
}

#[tokio::test]
async fn an_engine_with_vector_instructions_is_served_the_fast_module() {
    let (site, relay) = Site::start_relayed().await;
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([dicom()])).await;
    // Its worker, and so the module, has read the link by then.
    Browser::start().await.follow(&sent.link).await;
    let targets: Vec<_> = relay.take_exchanges().into_iter().map(|(request, _)| request.target).collect();
    let fetched = |name: &str| targets.iter().any(|target| target.ends_with(name));
    assert!(fetched("/filmjacket_bg.wasm") && !fetched("/filmjacket_plain_bg.wasm"), "{targets:?}");
}
