//! A sender without a browser: sealed bytes to the server's own calls, read, digested and sent as `sdk` gives them to the
//! store, in parts of the same length and as many at a time. What lies between the two is the server's.

#[allow(dead_code, reason = "made for tests/api, which uses all of it")]
#[path = "../../api/harness/client.rs"]
mod client;
#[path = "../../api/harness/described.rs"]
mod described;

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::rt::System;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::direct::{PartDigest, SignedRequest, Way};
use protocol::layout::{PART_LEN, part_count, part_len};
use protocol::sign_in::{ProfileRequest, SignInCodeRequest, SignInRequest};
use protocol::transfers::{CreateTransfer, ObjectEntry, Recipient, RecipientKind, SealRequest, TransferCreated};
use protocol::{Base64Bytes, DAY, ObjectId, Proof, Sha256Digest, Timestamp, TransferId};
use sha2::{Digest as _, Sha256};

use self::client::Client;
use super::sdk::lanes;
use super::server::Server;

const SESSION: &str = "filmjacket-session";

/// Seconds to send a file of sealed bytes, from its announcement to its link.
pub(super) fn send(server: &Server, path: &Path) -> f64 {
    let len = path.metadata().unwrap().len();
    let session = System::new().block_on(sign_in(server));
    let origin = &*server.origin;
    let create = announce(len);
    let begun = Instant::now();
    let way = System::new().block_on(async {
        let created = signed_in(origin, &session).post("/api/v1/transfers", &create).await.expect(201);
        created.json::<TransferCreated>().upload
    });
    let object = format!("/api/v1/transfers/{}/objects/{}", create.transfer_id, create.objects[0].object_id);
    let next = AtomicU64::new(0);
    let lane = || {
        System::new().block_on(async {
            let client = signed_in(origin, &session);
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= part_count(len) {
                    return;
                }
                let mut part = vec![0; usize::try_from(part_len(len, n).unwrap()).unwrap()];
                File::open(path).unwrap().read_exact_at(&mut part, n * PART_LEN).unwrap();
                put(&client, way, &format!("{object}/parts/{n}"), part).await;
            }
        });
    };
    std::thread::scope(|scope| (0..lanes()).for_each(|_| drop(scope.spawn(lane))));
    let seal = format!("/api/v1/transfers/{}/seal", create.transfer_id);
    System::new().block_on(async { signed_in(origin, &session).post(&seal, &scribble(&create)).await.expect(200) });
    begun.elapsed().as_secs_f64()
}

/// One part, as static/js/worker/upload.js and detour.js send it.
async fn put(client: &Client, way: Way, path: &str, part: Vec<u8>) {
    let sha256: [u8; 32] = Sha256::digest(&part).into();
    if way == Way::Proxied {
        let digest = format!("sha-256=:{}:", STANDARD.encode(sha256));
        client.send("PUT", path, &[("content-digest", &digest)], part).await.expect(204);
        return;
    }
    let digest = PartDigest { sha256: Sha256Digest::from_bytes(sha256) };
    let SignedRequest { url, headers } = client.post(&format!("{path}/url"), &digest).await.expect(200).json();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let store = Client::through(awc::Client::builder().timeout(Duration::from_secs(60)).finish(), String::new(), "");
    store.send("PUT", &url, &headers, part).await.expect(200);
    client.post(&format!("{path}/stored"), &digest).await.expect(204);
}

/// Signs in by the mailed code; answers the session's cookie.
async fn sign_in(server: &Server) -> String {
    let (client, email) = (client_of(&server.origin), "sender@clinic.example".to_owned());
    client.post("/api/v1/sign-in", &SignInRequest { email: email.clone() }).await.expect(202);
    client.post("/api/v1/sign-in/code", &SignInCodeRequest { email, code: server.next_code() }).await.expect(204);
    let profile = ProfileRequest { name: "Dr. Ana Ruiz".into(), organisation: String::new() };
    client.put("/api/v1/me", &profile).await.expect(204);
    client.cookie(SESSION).unwrap()
}

fn signed_in(origin: &str, session: &str) -> Client {
    let client = client_of(origin);
    client.set_cookie(SESSION, session);
    client
}

fn client_of(origin: &str) -> Client {
    let address: SocketAddr = origin.strip_prefix("http://").unwrap().parse().unwrap();
    Client::new(address, origin)
}

fn announce(object_len: u64) -> CreateTransfer {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    CreateTransfer {
        transfer_id: TransferId::from_bytes(random()),
        recipient: Recipient { email: "recipient@clinic.example".into(), kind: RecipientKind::Clinician },
        expires_at: Timestamp::from_unix(now.cast_signed()).plus(7 * DAY),
        max_openings: 5,
        notify_opened: false,
        mailbox_code: false,
        objects: vec![ObjectEntry { object_id: ObjectId::from_bytes(random()), object_len }],
    }
}

/// A seal of the right form (docs/FORMAT.md), which opens nothing: the server cannot tell.
fn scribble(create: &CreateTransfer) -> SealRequest {
    let mut capsule = b"FILMJKT1\x01\x01\x00\x00".to_vec();
    capsule.extend(create.transfer_id.as_bytes());
    capsule.extend(random::<16>());
    capsule.extend(create.expires_at.as_unix().to_be_bytes());
    capsule.extend(random::<{ 220 - 52 }>());
    let manifest = [b"age-encryption.org/v1\n".as_slice(), &random::<4296>()].concat();
    SealRequest { capsule: Base64Bytes(capsule), manifest: Base64Bytes(manifest), proof: Proof::from_bytes(random()) }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
