//! Requests to a bucket that were signed for others: each does what it was signed for, in its time, and nothing else.

use crate::blobs::{body, key_of, object, object_of, put, put_one, read, some_bytes};
use crate::garage::{self, ask_store};
use filmjacket::blobs::{Blobs, DirectSettings, S3, S3Settings, SIGNED_FOR};
use filmjacket::clock::Clock;
use protocol::direct::{SignedRequest, Way};
use protocol::layout::PART_LEN;
use std::path::Path;

const SITE: &str = "https://films.clinic.example";

fn open(spool: &Path) -> Blobs {
    Blobs::S3(S3::open(&garage::direct_settings(&garage::own_prefix(), spool, SITE)).unwrap())
}

/// The same request with something changed.
fn with(signed: &SignedRequest, change: impl FnOnce(&mut SignedRequest)) -> SignedRequest {
    let mut other = signed.clone();
    change(&mut other);
    other
}

#[track_caller]
fn refused(method: &str, signed: &SignedRequest, body: &[u8]) {
    let (status, told) = ask_store(method, signed, body);
    assert!((400..500).contains(&status), "{method} was answered {status} {}", String::from_utf8_lossy(&told));
}

#[tokio::test]
async fn a_signed_put_stores_the_bytes_it_was_signed_for_and_nothing_else() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(spool.path());
    assert_eq!(blobs.way(), Way::Direct);
    let (id, part) = (object(1), some_bytes(3000));
    let other = some_bytes(3001).slice(1..);
    let (key, other_key) = (key_of(id, 0, &part), key_of(id, 0, &other));
    let upload = blobs.begin_object(&id).await.unwrap();
    let now = Clock::System.now();
    let signed = blobs.sign_put(&upload, &key, 3000, now).await.unwrap();
    let for_other = blobs.sign_put(&upload, &other_key, 3000, now).await.unwrap();

    refused("PUT", &signed, &other);
    refused("PUT", &signed, &[&part[..], b"!"].concat());
    refused("PUT", &signed, &part[1..]);
    refused("PUT", &signed, b"");
    refused("PUT", &with(&signed, |signed| signed.headers.clear()), &part);
    refused("PUT", &with(&signed, |signed| signed.headers.clear()), &other);
    refused("PUT", &with(&signed, |signed| signed.headers = for_other.headers.clone()), &other);
    let elsewhere = [
        ("partNumber=1", "partNumber=2"),
        (&*id.to_text(), &*object(2).to_text()),
        ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        ("x-amz-checksum-sha256", "x-amz-checksum-crc32"),
    ];
    for (from, to) in elsewhere {
        assert!(signed.url.contains(from), "{from}");
        refused("PUT", &with(&signed, |signed| signed.url = signed.url.replace(from, to)), &part);
    }
    for method in ["GET", "DELETE", "POST"] {
        refused(method, &signed, &part);
    }
    assert_eq!(ask_store("PUT", &signed, &part).0, 200);
    assert_eq!(ask_store("PUT", &signed, &part).0, 200, "an answer may be lost");
    blobs.complete_object(&upload, &object_of(id, std::slice::from_ref(&part))).await.unwrap();
    assert_eq!(read(&blobs, &key, 0..3000).await, part);
    // And when there is nothing to store into any more.
    refused("PUT", &signed, &part);
    refused("PUT", &for_other, &other);
    assert_eq!(read(&blobs, &key, 0..3000).await, part);
    blobs.delete_object(&id).await.unwrap();
    refused("PUT", &signed, &part);
    assert_eq!(blobs.list_objects().await.unwrap(), []);
}

#[tokio::test]
async fn a_signed_get_reads_its_part_and_nothing_else() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(spool.path());
    let parts = [some_bytes(PART_LEN as usize), some_bytes(5000)];
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    for (n, part) in (0..).zip(&parts) {
        put(&blobs, &upload, object(1), n, part).await;
    }
    blobs.complete_object(&upload, &object_of(object(1), &parts)).await.unwrap();
    put_one(&blobs, object(2), &some_bytes(10)).await;
    let now = Clock::System.now();
    let first = blobs.sign_get(&object(1), 0, PART_LEN, now).await.unwrap();
    let last = blobs.sign_get(&object(1), 1, 5000, now).await.unwrap();
    assert_eq!(ask_store("GET", &last, b""), (206, parts[1].to_vec()));
    let (status, bytes) = ask_store("GET", &first, b"");
    assert!(status == 206 && bytes == parts[0]);
    refused("GET", &with(&last, |signed| signed.headers = first.headers.clone()), b"");
    refused("GET", &with(&last, |signed| signed.headers.clear()), b"");
    let other = object(2).to_text();
    refused("GET", &with(&last, |signed| signed.url = signed.url.replace(&object(1).to_text(), &other)), b"");
    for method in ["PUT", "DELETE", "POST"] {
        refused(method, &last, b"");
    }
    blobs.delete_object(&object(1)).await.unwrap();
    refused("GET", &last, b"");
}

#[tokio::test]
async fn a_signed_request_ends_with_its_minute() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(spool.path());
    let part = some_bytes(100);
    let (id, key) = (object(1), key_of(object(1), 0, &part));
    let upload = blobs.begin_object(&id).await.unwrap();
    let late = Clock::System.now().plus(-1 - SIGNED_FOR.as_secs().cast_signed());
    refused("PUT", &blobs.sign_put(&upload, &key, 100, late).await.unwrap(), &part);
    put(&blobs, &upload, id, 0, &part).await;
    blobs.complete_object(&upload, &object_of(id, std::slice::from_ref(&part))).await.unwrap();
    refused("GET", &blobs.sign_get(&id, 0, 100, late).await.unwrap(), b"");
    // It is the time and nothing else.
    let soon = late.plus(SIGNED_FOR.as_secs().cast_signed());
    assert_eq!(ask_store("GET", &blobs.sign_get(&id, 0, 100, soon).await.unwrap(), b"").0, 206);
}

#[tokio::test]
async fn of_two_signed_puts_for_one_place_the_object_has_what_its_row_names_or_is_not_completed() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(spool.path());
    let (id, part) = (object(1), some_bytes(1000));
    let other = some_bytes(1001).slice(1..);
    let upload = blobs.begin_object(&id).await.unwrap();
    for bytes in [&part, &other] {
        let signed = blobs.sign_put(&upload, &key_of(id, 0, bytes), 1000, Clock::System.now()).await.unwrap();
        assert_eq!(ask_store("PUT", &signed, bytes).0, 200);
    }
    let named = object_of(id, std::slice::from_ref(&part));
    let refused = blobs.complete_object(&upload, &named).await.unwrap_err();
    assert!(matches!(refused, filmjacket::blobs::CompleteError::Parts(numbers) if numbers == [0]));
    let sent = blobs.put_part(&upload, &key_of(id, 0, &part).announced(1000), body(&part, 100)).await;
    assert!(sent.is_ok());
    blobs.complete_object(&upload, &named).await.unwrap();
}

#[tokio::test]
async fn pages_are_told_the_one_origin_that_signed_requests_go_to() {
    let spool = tempfile::tempdir().unwrap();
    let origin = |endpoint: Option<&str>, public: Option<&str>, path_style| {
        let settings = S3Settings {
            endpoint: endpoint.map(str::to_owned),
            region: "eu-central-1".into(),
            path_style,
            direct: Some(DirectSettings { endpoint: public.map(str::to_owned), site: SITE.into() }),
            ..garage::settings("", "", spool.path())
        };
        async move { Blobs::S3(S3::open(&settings).unwrap()).browser_origin().await.unwrap().unwrap() }
    };
    assert_eq!(origin(None, None, false).await, "https://films.s3.eu-central-1.amazonaws.com");
    assert_eq!(origin(None, None, true).await, "https://s3.eu-central-1.amazonaws.com");
    let inside = Some("http://10.0.0.2:3900");
    assert_eq!(origin(inside, None, true).await, "http://10.0.0.2:3900");
    assert_eq!(origin(inside, Some("https://s3.clinic.example/"), true).await, "https://s3.clinic.example");
    assert_eq!(origin(inside, Some("https://s3.clinic.example"), false).await, "https://films.s3.clinic.example");
    assert_eq!(garage::blobs(spool.path()).browser_origin().await.unwrap(), None);
    assert!(garage::blobs(spool.path()).sign_get(&object(1), 0, 1, Clock::System.now()).await.is_err());
}

#[test]
fn a_signed_request_is_never_shown() {
    let signed = SignedRequest { url: "https://x/?X-Amz-Signature=canary".into(), headers: [].into() };
    assert!(!format!("{signed:?}").contains("canary"));
}
