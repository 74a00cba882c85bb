//! A database as it is after years: many senders, one of whom sent a tenth of everything; the newest tenth is still there.
//!
//! The same SQL for both engines. Ids are spread over the whole range in no order, as random ones are: an index over them has
//! no end at which everything happens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filmjacket::config::Database;
use filmjacket::keys::{hash_secret, make_secret};
use filmjacket::store::Store;
use protocol::Sha256Digest;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use std::time::SystemTime;

/// A filled database.
pub(crate) struct Filled {
    /// The session cookie of each sender, the busiest first.
    pub(crate) sessions: Vec<String>,
    /// Seconds since 1970.
    pub(crate) now: i64,
    /// A transfer in the middle of the busiest sender's list.
    pub(crate) middle: String,
}

/// The number of a sender's account, which transfer `i` is from.
fn account(senders: u64) -> String {
    id(43, &format!("CASE WHEN i % 10 = 0 THEN 0 ELSE 1 + (i * 7919) % ({senders} - 1) END"))
}

/// As the tables name things: base64url of 16 bytes (22 characters) or 32 (43), of which the last says less than the others.
/// The largest prime below 10^9 and a large factor send each number to a place of its own.
pub(crate) fn id(len: usize, number: &str) -> String {
    let place = format!("(1000000000 + CAST({number} AS BIGINT) * 387420489 % 999999937)");
    format!("substr(CAST({place} AS TEXT), 2) || '{:0>1$}'", "A", len - 9)
}

/// Numbers from `first` up to `last` less one, as the table `n (i)`.
pub(crate) fn numbers(first: u64, last: u64) -> String {
    format!(
        "WITH RECURSIVE n (i) AS
             (SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {last})"
    )
}

/// Makes the tables and fills them.
pub(crate) async fn fill(database: &Database, transfers: u64) -> Filled {
    Store::open(database).await.unwrap().close().await;
    let mut connection = connect(database).await;
    let senders = (transfers / 1000).max(100);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
    connection.execute(without_checks(&connection)).await.unwrap();
    connection.execute("BEGIN").await.unwrap();
    // Built at the end, an index is sorted once instead of searched for the place of each row.
    let indexes: Vec<(String, String)> = sqlx::query_as(indexes(&connection)).fetch_all(&mut connection).await.unwrap();
    let (names, definitions): (Vec<_>, Vec<_>) = indexes.into_iter().unzip();
    let dropped = names.iter().map(|name| format!("DROP INDEX {name}"));
    for statement in dropped.chain(statements(transfers, senders, now)).chain(definitions) {
        connection.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let mut sessions = Vec::new();
    for sender in 0..senders {
        let secret = make_secret().unwrap();
        let hash = Sha256Digest::from_bytes(hash_secret(&secret)).to_text();
        let account = id(43, &sender.to_string());
        let session = format!(
            "INSERT INTO sessions (session_hash, account_id, created_at, seen_at) SELECT '{hash}', {account}, {now}, {now}"
        );
        connection.execute(AssertSqlSafe(session)).await.unwrap();
        sessions.push(format!("filmjacket-session={}", URL_SAFE_NO_PAD.encode(secret.as_slice())));
    }
    connection.execute("COMMIT").await.unwrap();
    // What a server does by itself in the hours that such a filling takes in life.
    connection.execute(tidied(&connection)).await.unwrap();
    let middle = format!("SELECT {}", id(22, &(transfers / 20 * 10).to_string()));
    let (middle,): (String,) = sqlx::query_as(AssertSqlSafe(middle)).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Filled { sessions, now, middle }
}

/// Beside the server's own connections.
pub(crate) async fn connect(database: &Database) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = match database {
        Database::File(path) => format!("sqlite://{}", path.display()),
        Database::Server { url, .. } => url.expose().to_owned(),
    };
    AnyConnection::connect(&url).await.unwrap()
}

/// Who refers to whom is right, and need not be looked up a million times.
fn without_checks(connection: &AnyConnection) -> &'static str {
    match connection.backend_name() {
        "PostgreSQL" => "SET session_replication_role = replica; SET maintenance_work_mem = '256MB'",
        _ => "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF",
    }
}

/// Name and definition of each index that is no key.
fn indexes(connection: &AnyConnection) -> &'static str {
    match connection.backend_name() {
        "PostgreSQL" => {
            "SELECT CAST(indexname AS TEXT), indexdef FROM pg_indexes WHERE schemaname = 'public'
                 AND indexname NOT IN (SELECT conname FROM pg_constraint)"
        }
        _ => "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    }
}

fn tidied(connection: &AnyConnection) -> &'static str {
    match connection.backend_name() {
        "PostgreSQL" => "VACUUM ANALYZE",
        _ => "PRAGMA optimize",
    }
}

fn statements(transfers: u64, senders: u64, now: i64) -> Vec<String> {
    let (all, ready) = (numbers(0, transfers), numbers(transfers * 9 / 10, transfers));
    // Old ones were opened and purged; the newest tenth is ready.
    let is_ready = format!("i >= {}", transfers * 9 / 10);
    // 500 days in all: 20 a day for the busiest of 100,000.
    let created = format!("{now} - ({transfers} - i) * 43200000 / {transfers}");
    let (transfer, object, hash) = (id(22, "i"), id(22, "i * 3 + f.n"), id(43, "i"));
    vec![
        format!(
            "{} INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender, signed_in_at)
             SELECT {hash}, 'sender' || i || '@clinic.example', 'sender' || i || '@clinic.example', 'Dr. Ana Ruiz',
                 'North Clinic', {now}, 1, {now} FROM n",
            numbers(0, senders)
        ),
        format!(
            "{all} INSERT INTO transfers (transfer_id, account_id, request_hash, recipient_email, recipient_kind, state,
                 files, total_len, max_openings, openings, refused_attempts, notify_opened, created_at, touched_at,
                 expires_at, ready_at, ended_at, purged_at, token_hash, verifier, mail_id, mail_state)
             SELECT {transfer}, {}, {hash}, 'anna' || i || '@clinic.example', 'clinician',
                 CASE WHEN {is_ready} THEN 'ready' ELSE 'expired' END, 3, 100000000, 5, 1, 0, 1, {created}, {created},
                 CASE WHEN {is_ready} THEN {now} + 604800 ELSE {created} + 604800 END, {created} + 60,
                 CASE WHEN {is_ready} THEN NULL ELSE {created} + 604800 END,
                 CASE WHEN {is_ready} THEN NULL ELSE {created} + 604900 END,
                 CASE WHEN {is_ready} THEN {hash} ELSE NULL END, CASE WHEN {is_ready} THEN {hash} ELSE NULL END,
                 {hash}, 'accepted' FROM n",
            account(senders)
        ),
        format!(
            "{ready} INSERT INTO objects (object_id, transfer_id, position, object_len)
             SELECT {object}, {transfer}, f.n, 33000000 FROM n, (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2) f"
        ),
        format!(
            "INSERT INTO parts (object_id, n, sha256) SELECT object_id, p.n, {} FROM objects,
                 (SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3) p",
            id(43, "p.n")
        ),
        format!(
            "{ready} INSERT INTO sealed (transfer_id, capsule, manifest, repeat_token)
             SELECT {transfer}, {}, {}, {} FROM n",
            id(400, "i"),
            id(6000, "i"),
            id(200, "i")
        ),
        format!(
            "{ready} INSERT INTO transfer_keys (transfer_id, wrapped_key) SELECT {transfer}, {} FROM n",
            id(120, "i")
        ),
        format!(
            "{all} INSERT INTO audit (seq, at, event, actor, transfer_id, address, detail, hash)
             SELECT i * 4 + e.n + 1, {created} + e.n, e.event, 'sender' || i % {senders} || '@clinic.example', {transfer},
                 '203.0.113.' || i % 250, '', {hash}
             FROM n, (SELECT 0 AS n, 'transfer.created' AS event UNION SELECT 1, 'transfer.sealed'
                 UNION SELECT 2, 'transfer.opened' UNION SELECT 3, 'transfer.received') e"
        ),
        // As if all of it were so old that the chain is verified from its end on.
        format!(
            "INSERT INTO audit_head (head_id, seq, hash, cut_seq, cut_hash, anchor_day)
             SELECT 1, {transfers} * 4, {end}, {transfers} * 4, {end}, {now} / 86400",
            end = id(43, "0")
        ),
    ]
}
