//! A database as it is after years: 100 senders, one of whom sent a tenth of everything; the newest tenth is still there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filmjacket::keys::{hash_secret, make_secret};
use filmjacket::store::Store;
use protocol::Sha256Digest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};
use std::path::Path;
use std::time::SystemTime;

/// Senders, the busiest first.
pub(crate) const SENDERS: usize = 100;

/// A filled database.
pub(crate) struct Filled {
    /// The session cookie of each sender.
    pub(crate) sessions: Vec<String>,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// A transfer in the middle of the busiest sender's list.
    pub(crate) middle: String,
}

/// Account `i` as the tables name it: base64url of 32 bytes, as every id, digest and hash here.
const ACCOUNT: &str = "printf('%042dA', CASE WHEN i % 10 = 0 THEN 0 ELSE 1 + (i * 7919) % 99 END)";

/// Makes the tables and fills them.
pub(crate) async fn fill(data: &Path, transfers: u32) -> Filled {
    let path = data.join("filmjacket.sqlite");
    Store::open(&filmjacket::config::Database::File(path.clone())).await.unwrap().close().await;
    let mut database = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    let numbers = format!("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {transfers})");
    // Old ones were opened and purged; the newest tenth is ready.
    let ready = format!("i >= {transfers} * 9 / 10");
    // 500 days in all: 20 a day for the busiest sender.
    let created = format!("{now} - ({transfers} - i) * (500 * 86400 / {transfers})");
    let statements = [
        "PRAGMA synchronous = OFF; BEGIN".to_owned(),
        format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {SENDERS})
             INSERT INTO accounts SELECT printf('%042dA', i), 'sender' || i || '@clinic.example',
                 'sender' || i || '@clinic.example', 'Dr. Ana Ruiz', 'North Clinic', {now} FROM n"
        ),
        format!(
            "{numbers} INSERT INTO transfers (transfer_id, account_id, request_hash, recipient_email, recipient_kind, state,
                 files, total_len, max_openings, openings, refused_attempts, notify_opened, created_at, touched_at,
                 expires_at, ready_at, ended_at, purged_at, token_hash, verifier, mail_id, mail_state)
             SELECT printf('%021dA', i), {ACCOUNT}, printf('%042dA', i), 'anna' || i || '@clinic.example', 'clinician',
                 iif({ready}, 'ready', 'expired'), 3, 100000000, 5, 1, 0, 1, {created}, {created},
                 iif({ready}, {now} + 604800, {created} + 604800), {created} + 60,
                 iif({ready}, NULL, {created} + 604800), iif({ready}, NULL, {created} + 604900),
                 iif({ready}, printf('%042dA', i), NULL), iif({ready}, printf('%042dA', i), NULL),
                 printf('%042dA', i), 'accepted' FROM n"
        ),
        format!(
            "{numbers} INSERT INTO objects SELECT printf('%021dA', i * 3 + f.n), printf('%021dA', i), f.n, 33000000
             FROM n, (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2) f WHERE {ready}"
        ),
        "INSERT INTO parts SELECT object_id, p.n, printf('%042dA', p.n) FROM objects,
             (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) p"
            .to_owned(),
        format!(
            "{numbers} INSERT INTO sealed SELECT printf('%021dA', i), printf('%0400d', i), printf('%06000d', i),
                 printf('%0200d', i) FROM n WHERE {ready}"
        ),
        format!("{numbers} INSERT INTO transfer_keys SELECT printf('%021dA', i), printf('%0120d', i) FROM n WHERE {ready}"),
        format!(
            "{numbers} INSERT INTO audit SELECT i * 4 + e.n, {created} + e.n, e.event, 'sender@clinic.example',
                 printf('%021dA', i), '203.0.113.7', ''
             FROM n, (SELECT 0 AS n, 'created' AS event UNION SELECT 1, 'sealed' UNION SELECT 2, 'opened'
                 UNION SELECT 3, 'received') e"
        ),
    ];
    for statement in statements {
        database.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    let mut sessions = Vec::new();
    for sender in 0..SENDERS {
        let secret = make_secret().unwrap();
        let hash = Sha256Digest::from_bytes(hash_secret(&secret)).to_text();
        let session = "INSERT INTO sessions VALUES ($1, $2, $3, $3)";
        let session = sqlx::query(session).bind(hash).bind(format!("{sender:042}A")).bind(now);
        session.execute(&mut database).await.unwrap();
        sessions.push(format!("filmjacket-session={}", URL_SAFE_NO_PAD.encode(secret.as_slice())));
    }
    database.execute("COMMIT").await.unwrap();
    database.close().await.unwrap();
    Filled { sessions, now, middle: format!("{:021}A", transfers / 20 * 10) }
}
