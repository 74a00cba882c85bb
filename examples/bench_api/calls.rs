//! Create, list, unlock: the calls that people wait for and that grow with the database.

use super::bulk::Target;
use super::fill::Filled;
use super::load::{self, Call, Outcome};
use super::row;
use super::server::Server;
use awc::Client;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protocol::open::{UnlockAnswer, UnlockRequest};
use protocol::transfers::{CreateTransfer, LinkAnswer, ObjectEntry, Recipient, RecipientKind, SealRequest};
use protocol::{Base64Bytes, LinkToken, ObjectId, Proof, Ticket, Timestamp, TransferId, layout};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::rc::Rc;

/// Openings that one transfer allows at most.
const OPENINGS: usize = 100;

/// What every call knows.
pub(crate) struct Site {
    origin: String,
    sessions: Vec<String>,
    now: i64,
    middle: String,
    /// Transfers to unlock, made before the clock runs.
    links: Vec<UnlockRequest>,
}

impl Site {
    fn new(server: &Server, filled: &Filled) -> Self {
        let (sessions, middle) = (filled.sessions.clone(), filled.middle.clone());
        Self { origin: server.origin(), sessions, now: filled.now, middle, links: Vec::new() }
    }

    /// With so many transfers to unlock.
    pub(crate) async fn prepare(server: &Server, filled: &Filled, links: usize) -> Rc<Self> {
        let mut site = Self::new(server, filled);
        let http = Client::default();
        for number in 0..links {
            let link = make_ready(&http, &site, number).await;
            site.links.push(link);
        }
        Rc::new(site)
    }

    /// Everybody but the busiest in turn.
    fn sender(&self, number: usize) -> usize {
        1 + number % (self.sessions.len() - 1)
    }
}

/// Measures each kind of call and prints its rows; `scale` is a hundredth of the number of calls.
pub(crate) async fn measure(server: &Server, filled: &Filled, scale: usize) {
    let site = Site::prepare(server, filled, scale / 5).await;
    tell("create, 99 senders", &load::run(scale * 20, Create(Rc::clone(&site))).await);
    tell("create, sender of 10,000 transfers", &load::run(scale, CreateBusiest(Rc::clone(&site))).await);
    tell("list, newest 50 of 10,000", &load::run(scale * 40, List(Rc::clone(&site), false)).await);
    tell("list, 50 from the middle of 10,000", &load::run(scale * 20, List(Rc::clone(&site), true)).await);
    tell("unlock", &load::run(site.links.len() * OPENINGS, Unlock(site)).await);
}

fn tell(what: &str, outcome: &Outcome) {
    row::print("f", what, outcome.calls_per_second, "calls/s", json!({}));
    row::print("f", &format!("{what}, p99"), outcome.p99_ms, "ms", json!({}));
}

#[derive(Clone)]
pub(crate) struct Create(pub(crate) Rc<Site>);

impl Call for Create {
    async fn make(&self, http: &Client, number: usize) {
        post(http, &self.0, self.0.sender(number), "transfers", &announcement(&self.0, 3)).await;
    }
}

#[derive(Clone)]
struct CreateBusiest(Rc<Site>);

impl Call for CreateBusiest {
    async fn make(&self, http: &Client, _: usize) {
        post(http, &self.0, 0, "transfers", &announcement(&self.0, 3)).await;
    }
}

/// Of the busiest sender: the newest page, or one from the middle.
#[derive(Clone)]
pub(crate) struct List(pub(crate) Rc<Site>, pub(crate) bool);

impl Call for List {
    async fn make(&self, http: &Client, _: usize) {
        let Self(site, from_the_middle) = self;
        let query = if *from_the_middle { format!("?before={}", site.middle) } else { String::new() };
        let request = http.get(format!("{}/api/v1/transfers{query}", site.origin));
        let mut answer = request.insert_header(("cookie", site.sessions[0].as_str())).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.body().await.unwrap().len() > 10_000);
    }
}

#[derive(Clone)]
pub(crate) struct Unlock(pub(crate) Rc<Site>);

impl Call for Unlock {
    async fn make(&self, http: &Client, number: usize) {
        let request = &self.0.links[number % self.0.links.len()];
        // Recipients are all over the world.
        let network = format!("198.51.{}.{}", number / 250 % 250, number % 250);
        let call = http.post(format!("{}/api/v1/open/unlock", self.0.origin));
        let call = call.insert_header(("x-forwarded-for", network)).insert_header(("origin", self.0.origin.as_str()));
        let mut answer = call.send_json(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.body().await.unwrap();
    }
}

/// A transfer of one small file, sealed as far as the server can tell, to be opened a hundred times.
async fn make_ready(http: &Client, site: &Site, number: usize) -> UnlockRequest {
    let sender = site.sender(number);
    let mut create = announcement(site, 1);
    let part = vec![7; 116];
    create.objects[0].object_len = part.len() as u64;
    create.max_openings = OPENINGS as u32;
    let transfer_id = create.transfer_id;
    post(http, site, sender, "transfers", &create).await;
    let path =
        format!("{}/api/v1/transfers/{transfer_id}/objects/{}/parts/0", site.origin, create.objects[0].object_id);
    let put = http.put(path).insert_header(("cookie", site.sessions[sender].as_str()));
    let put = put.insert_header(("origin", site.origin.as_str())).insert_header(("content-digest", digest(&part)));
    assert_eq!(put.send_body(part).await.unwrap().status(), 204);
    seal(http, site, sender, &create).await
}

/// Seals as far as the server can tell; whoever gets the answer can unlock.
async fn seal(http: &Client, site: &Site, sender: usize, create: &CreateTransfer) -> UnlockRequest {
    let (transfer_id, proof) = (create.transfer_id, Proof::from_bytes([9; 32]));
    let head = [b"FILMJKT1\x01\x01\x00\x00".as_slice(), transfer_id.as_bytes(), &[0; 16]].concat();
    let end = create.expires_at.as_unix().to_be_bytes();
    let seal = SealRequest {
        capsule: Base64Bytes([head.as_slice(), &end, &[0; 168]].concat()),
        manifest: Base64Bytes([b"age-encryption.org/v1\n".as_slice(), &[0; 4300]].concat()),
        proof: proof.clone(),
    };
    let answer = post(http, site, sender, &format!("transfers/{transfer_id}/seal"), &seal).await;
    let link = serde_json::from_slice::<LinkAnswer>(&answer).unwrap().link;
    UnlockRequest { token: token_of(&link), transfer_id, proof }
}

/// The first 32 of the 48 bytes in a link's fragment.
fn token_of(link: &str) -> LinkToken {
    let fragment = link.split_once('#').unwrap().1;
    let bytes = URL_SAFE_NO_PAD.decode(fragment).unwrap();
    LinkToken::from_bytes(bytes[..32].try_into().unwrap())
}

/// Announces one object of `parts` whole parts, by the busiest sender.
pub(crate) async fn announce_bulk(server: &Server, filled: &Filled, parts: u64) -> Target {
    let site = Site::new(server, filled);
    let (mut create, sender) = (announcement(&site, 1), 1);
    create.objects[0].object_len = parts * layout::PART_LEN;
    post(&Client::default(), &site, sender, "transfers", &create).await;
    Target { create, sender, session: filled.sessions[sender].clone(), parts }
}

/// Seals what was uploaded, and unlocks it.
pub(crate) async fn unlock_bulk(server: &Server, filled: &Filled, target: &Target) -> Ticket {
    let (http, site) = (Client::default(), Site::new(server, filled));
    let request = seal(&http, &site, target.sender, &target.create).await;
    let call = http.post(format!("{}/api/v1/open/unlock", site.origin)).insert_header(("origin", site.origin.as_str()));
    let answer = call.send_json(&request).await.unwrap().body().await.unwrap();
    serde_json::from_slice::<UnlockAnswer>(&answer).unwrap().ticket
}

async fn post(http: &Client, site: &Site, sender: usize, path: &str, body: &impl Serialize) -> Vec<u8> {
    let call = http.post(format!("{}/api/v1/{path}", site.origin));
    let call =
        call.insert_header(("cookie", site.sessions[sender].as_str())).insert_header(("origin", site.origin.as_str()));
    let mut answer = call.send_json(body).await.unwrap();
    let (status, body) = (answer.status(), answer.body().await.unwrap());
    assert!(status.is_success(), "{path}: {}", String::from_utf8_lossy(&body));
    body.to_vec()
}

fn announcement(site: &Site, files: usize) -> CreateTransfer {
    let object =
        |_| ObjectEntry { object_id: ObjectId::from_bytes(random()), object_len: layout::object_len(1_000_000) };
    CreateTransfer {
        transfer_id: TransferId::from_bytes(random()),
        recipient: Recipient { email: "anna@clinic.example".to_owned(), kind: RecipientKind::Clinician },
        expires_at: Timestamp::from_unix(site.now + 7 * 24 * 60 * 60),
        max_openings: 5,
        notify_opened: false,
        mailbox_code: false,
        objects: (0..files).map(object).collect(),
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// `sha-256=:…:` (RFC 9530).
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)))
}
