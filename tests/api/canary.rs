//! After a whole journey nothing secret is anywhere it should not be: not in the database, its write-ahead log, the
//! ciphertext folder or the log, in no usual spelling.

use crate::harness::parcel::File;
use crate::harness::tokens::{Owner, program};
use crate::harness::{HOUR, Parcel, Recipient, Sender, Site, log, rows};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use filmjacket::people::parse_token;
use protocol::sign_in::Role;
use protocol::tokens::Scope;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// A value that must not be found, in every way it may have been written.
struct Canary {
    what: String,
    spellings: Vec<Vec<u8>>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 of a value inside longer text: from each of three offsets, without the symbols that mix with its neighbours.
fn base64_anywhere(bytes: &[u8], encode: impl Fn(&[u8]) -> String) -> Vec<Vec<u8>> {
    (0..3)
        .map(|offset| {
            let text = encode(&[&vec![0; offset], bytes].concat());
            text.as_bytes()[(offset * 8).div_ceil(6)..text.len() - 1].to_vec()
        })
        .collect()
}

fn spell(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut spellings = vec![bytes.to_vec(), hex(bytes).into_bytes(), hex(bytes).to_uppercase().into_bytes()];
    spellings.extend(base64_anywhere(bytes, |bytes| STANDARD_NO_PAD.encode(bytes)));
    spellings.extend(base64_anywhere(bytes, |bytes| URL_SAFE_NO_PAD.encode(bytes)));
    // As a list of numbers, which is how Debug and JSON show bytes.
    spellings.push(format!("{bytes:?}").trim_matches(['[', ']']).as_bytes().to_vec());
    spellings
}

impl Canary {
    /// Neither the value nor, since nobody needs it, its hash.
    fn new(what: &str, bytes: &[u8]) -> Self {
        let mut canary = Self::hash_allowed(what, bytes);
        let digest: [u8; 32] = Sha256::digest(bytes).into();
        canary.spellings.extend(spell(&digest));
        canary.spellings.push(STANDARD.encode(digest).into_bytes());
        canary
    }

    /// The server knows this by its hash.
    fn hash_allowed(what: &str, bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 8, "{what} is so short that chance would find it");
        Self { what: what.to_owned(), spellings: spell(bytes) }
    }

    fn found_in(&self, hay: &[u8]) -> bool {
        self.spellings.iter().any(|needle| find(hay, needle))
    }
}

/// Looks for the first byte quickly: windows over megabytes are slow without optimisation.
fn find(hay: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(hay, needle).is_some()
}

/// Everything that the server keeps: each row, each file of its folder but the key, and what it logged.
async fn kept(site: &Site) -> Vec<(String, Vec<u8>)> {
    let rows = rows::dump(site).await.into_values().flatten().collect::<Vec<_>>().join("\n");
    let mut found = vec![("the log".to_owned(), log::text()), ("the database".to_owned(), rows.into_bytes())];
    let mut folders: Vec<PathBuf> = vec![site.data().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "server.key" {
                // Names of files could tell something too.
                let name = path.strip_prefix(site.data()).unwrap().display().to_string();
                let bytes = [name.as_bytes(), b"\n", &std::fs::read(&path).unwrap()].concat();
                found.push((name, bytes));
            }
        }
    }
    found
}

async fn search(site: &Site, canaries: &[Canary], when: &str) {
    for (place, bytes) in kept(site).await {
        for canary in canaries {
            assert!(!canary.found_in(&bytes), "{when}: {} is in {place}", canary.what);
        }
    }
}

#[actix_web::test]
async fn nothing_secret_is_in_the_database_the_folder_or_the_log() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ruiz@north.example").await;
    let pixels: Vec<u8> = b"canary-pixels-".iter().copied().cycle().take(200_000).collect();
    let message = "The canary sings about the left knee";
    let name = "canary-smith-1956-knee.dcm";
    let parcel = Parcel::seal(&site, message, &[File::new(name, pixels), File::new("canary-empty-file", Vec::new())]);
    let passcode = parcel.passcode.clone().unwrap();

    let mut canaries = vec![
        Canary::new("the passcode as shown", passcode.to_text().as_bytes()),
        Canary::new("the passcode's symbols", passcode.symbols().as_bytes()),
        Canary::new("the passcode's password", &passcode.symbols().as_bytes()[..15]),
        Canary::new("the passcode in lower case", passcode.symbols().to_lowercase().as_bytes()),
        Canary::new("the message", message.as_bytes()),
        Canary::new("the message's words", b"canary sings"),
        Canary::new("a file's name", name.as_bytes()),
        Canary::new("another file's name", b"canary-empty-file"),
        Canary::new("pixels", b"canary-pixels-canary-pixels-"),
        Canary::new("the proof", parcel.proof().as_bytes()),
        Canary::new("the proof as text", parcel.proof().to_text().as_bytes()),
        Canary::new("an age identity", b"AGE-SECRET-KEY-"),
    ];
    sender.upload(&parcel).await;
    search(&site, &canaries, "uploaded").await;
    let link = sender.seal(&parcel).await.expect(200).json::<protocol::transfers::LinkAnswer>().link;
    let recipient = Recipient::with_link(&site, &link);
    canaries.push(Canary::hash_allowed("the link's token", recipient.token.as_bytes()));
    canaries.push(Canary::new("the link's fragment", link.split_once('#').unwrap().1.as_bytes()));
    canaries.push(Canary::hash_allowed("the session", sender.client.cookie("filmjacket-session").unwrap().as_bytes()));
    search(&site, &canaries, "sealed, mail waiting").await;
    site.send_mail().await;
    recipient.guess().await.refused(403, "wrong-passcode");
    recipient.open(&passcode).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    canaries.push(Canary::hash_allowed("the ticket", ticket.as_bytes()));
    canaries.push(Canary::hash_allowed("the ticket as text", ticket.to_text().as_bytes()));
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    site.send_mail().await;
    search(&site, &canaries, "opened").await;
    sender.end(&parcel).await.expect(204);
    recipient.ask().await.refused(404, "link-invalid");
    site.tidy().await;
    site.wait(HOUR);
    search(&site, &canaries, "ended and purged").await;
}

#[actix_web::test]
async fn what_the_server_may_know_is_found_so_the_search_works() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ruiz@north.example").await;
    let parcel = Parcel::scribble(&site, &[100]);
    let recipient = sender.send(&parcel).await;
    site.send_mail().await;
    let kept = kept(&site).await;
    let database =
        |wanted: &Canary| kept.iter().any(|(place, bytes)| place.contains("database") && wanted.found_in(bytes));
    assert!(database(&Canary::new("the recipient's address", b"anna@clinic.example")));
    let token_hash: [u8; 32] = Sha256::digest(recipient.token.as_bytes()).into();
    assert!(database(&Canary::hash_allowed("the token's hash", &token_hash)));
    let ciphertext = Canary::hash_allowed("ciphertext", &parcel.objects[0][..40]);
    assert!(kept.iter().any(|(place, bytes)| place.starts_with("blobs") && ciphertext.found_in(bytes)));
    // The log holds the request just made, by its route's template and from a masked address.
    let text = String::from_utf8(log::text()).unwrap();
    assert!(text.contains("/api/v1/transfers/{transfer_id}/seal"));
}

#[actix_web::test]
async fn an_access_token_is_kept_by_its_hash_alone() {
    let site = Site::start().await;
    let ana = Owner::sign_in(&site, "ruiz@north.example", &[Role::Sender]).await;
    let made = ana.make(&[Scope::TransfersRead]).await;
    program(&site, &made.token).get("/api/v1/me").await.expect(200);
    program(&site, &made.token.replace("filmjacket_", "filmjacket_x")).get("/api/v1/me").await.expect(401);
    site.send_mail().await;
    let secret = parse_token(&made.token).unwrap();
    let canaries = [
        Canary::hash_allowed("the token", secret.as_bytes()),
        Canary::hash_allowed("the token's text", made.token.as_bytes()),
    ];
    search(&site, &canaries, "after its use").await;
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    let hash = Canary::hash_allowed("its hash", &hash);
    assert!(kept(&site).await.iter().any(|(place, bytes)| place == "the database" && hash.found_in(bytes)));
    let mailed: String = site.mail().iter().map(|mail| format!("{:?}", mail.letter)).collect();
    assert!(!mailed.contains(&made.token));
}

#[actix_web::test]
async fn the_log_names_no_address_no_id_and_no_network_address() {
    let site = Site::start().await;
    let mut sender = Sender::sign_in(&site, "canary.log@north.example").await;
    sender.client = sender.client.at_address("203.0.113.213");
    let parcel = Parcel::scribble(&site, &[100]).to("canary.patient@home.example");
    let recipient = sender.send(&parcel).await.at_address("2001:db8:aaaa:bbbb:cccc::77");
    recipient.guess().await.refused(403, "wrong-passcode");
    recipient.take_ticket(&parcel.proof()).await;
    site.fail_next_mail(filmjacket::mail::MailError::Temporary("not now".into()));
    site.tidy().await;
    let text = String::from_utf8(log::text()).unwrap();
    for secret in [
        "canary.log@north.example",
        "canary.patient@home.example",
        "203.0.113.213",
        "cccc::77",
        "Dr. Ana Ruiz",
        "North Clinic",
        &parcel.id().to_text(),
        &parcel.object_id(0).to_text(),
    ] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
    assert!(text.contains("203.0.113.x"), "the masked address is not there, so nothing was looked at");
}

#[actix_web::test]
async fn what_is_stored_of_a_file_is_its_ciphertext_and_looks_like_nothing() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ruiz@north.example").await;
    let parcel = Parcel::seal(&site, "", &[File::new("zeros", vec![0; 300_000])]);
    sender.upload(&parcel).await;
    let stored = std::fs::read(&rows::stored_files(&site)[0]).unwrap();
    assert!(stored == parcel.objects[0]);
    let mut counts = [0_u32; 256];
    stored.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    // Of 300,080 random bytes every value appears 1,172 times, give or take six standard deviations.
    assert!(counts.iter().all(|count| (966..=1378).contains(count)), "{counts:?}");
}
