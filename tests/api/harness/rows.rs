//! A look into the database, beside the server's back.

use super::site::Site;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Every row of every table as text, `column=value` in the table's order.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

async fn connect(site: &Site) -> SqliteConnection {
    let path = site.data().join("filmjacket.sqlite");
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

/// The first column of what a query finds, as SQL writes it.
pub(crate) async fn query(site: &Site, sql: &str) -> Vec<String> {
    fetch(&mut connect(site).await, sql).await
}

/// The one value that a query finds.
pub(crate) async fn one(site: &Site, sql: &str) -> String {
    query(site, sql).await.pop().unwrap_or_else(|| panic!("no row: {sql}"))
}

/// The number of rows of a table.
pub(crate) async fn count(site: &Site, table: &str) -> usize {
    one(site, &format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await.parse().unwrap()
}

/// Changes rows as a fault or an intruder would.
pub(crate) async fn execute(site: &Site, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connect(site).await).await.unwrap();
}

/// Keeps everyone else from writing until dropped.
pub(crate) async fn hold_write_lock(site: &Site) -> SqliteConnection {
    let mut connection = connect(site).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

async fn fetch(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.unwrap()
}

/// All tables.
pub(crate) async fn dump(site: &Site) -> Dump {
    let mut connection = connect(site).await;
    let tables = fetch(
        &mut connection,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'",
    )
    .await;
    let mut dump = Dump::new();
    for table in tables {
        let columns = fetch(&mut connection, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
        let pairs: Vec<String> = columns.iter().map(|column| format!("'{column}=' || quote({column})")).collect();
        let sql = format!("SELECT {} AS line FROM {table} ORDER BY line", pairs.join(" || ' ' || "));
        dump.insert(table, fetch(&mut connection, &sql).await);
    }
    dump
}

/// What differs between two dumps, readable in a failed test.
pub(crate) fn difference(before: &Dump, after: &Dump) -> String {
    let mut text = String::new();
    for (table, rows) in after {
        let old = &before[table];
        rows.iter().filter(|row| !old.contains(row)).for_each(|row| writeln!(text, "+ {table}: {row}").unwrap());
        old.iter().filter(|row| !rows.contains(row)).for_each(|row| writeln!(text, "- {table}: {row}").unwrap());
    }
    text
}

/// Every part file under the blob folder.
pub(crate) fn stored_files(site: &Site) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![site.data().join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
