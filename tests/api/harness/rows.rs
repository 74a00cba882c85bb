//! A look into the database, beside the server's back.

use super::site::Site;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Every row of every table as text, `column=value` in the table's order.
pub(crate) type Dump = BTreeMap<String, Vec<String>>;

/// A connection to `sqlite:…` or `postgres:…`.
pub(crate) async fn connect_to(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url).await.unwrap()
}

async fn connect(site: &Site) -> AnyConnection {
    connect_to(&site.database_url()).await
}

fn is_postgres(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
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

/// Makes every `what`, such as `INSERT ON parts`, fail until mended: as close to a power cut as a running database gets.
pub(crate) async fn fail(site: &Site, what: &str) {
    let mut connection = connect(site).await;
    let sql = if is_postgres(&connection) {
        format!(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'power cut'; END $$;
             CREATE TRIGGER fault BEFORE {what} FOR EACH ROW EXECUTE FUNCTION fault()"
        )
    } else {
        format!("CREATE TRIGGER fault BEFORE {what} BEGIN SELECT RAISE(ABORT, 'power cut'); END")
    };
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// Makes no count against floods last longer than the request that it counts: nobody is told to wait, until mended.
pub(crate) async fn lift_limits(site: &Site) {
    let mut connection = connect(site).await;
    let sql = if is_postgres(&connection) {
        "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             DELETE FROM rate_windows WHERE scope = NEW.scope; RETURN NULL;
         END $$;
         CREATE TRIGGER fault AFTER INSERT ON rate_windows FOR EACH ROW EXECUTE FUNCTION fault();
         DELETE FROM rate_windows"
    } else {
        "CREATE TRIGGER fault AFTER INSERT ON rate_windows BEGIN DELETE FROM rate_windows WHERE scope = NEW.scope; END;
         DELETE FROM rate_windows"
    };
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

/// Ends what [`fail`] or [`lift_limits`] began.
pub(crate) async fn mend(site: &Site) {
    let mut connection = connect(site).await;
    let sql = if is_postgres(&connection) { "DROP FUNCTION fault CASCADE" } else { "DROP TRIGGER fault" };
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
}

/// Keeps everyone else from writing until dropped.
pub(crate) async fn hold_write_lock(site: &Site) -> AnyConnection {
    let mut connection = connect(site).await;
    let sql = if is_postgres(&connection) {
        format!("BEGIN; LOCK TABLE {} IN EXCLUSIVE MODE", tables(&mut connection).await.join(", "))
    } else {
        "BEGIN IMMEDIATE".to_owned()
    };
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection
}

async fn fetch(connection: &mut AnyConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(connection).await.unwrap()
}

async fn tables(connection: &mut AnyConnection) -> Vec<String> {
    let sql = if is_postgres(connection) {
        "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '_sqlx%'"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'"
    };
    fetch(connection, sql).await
}

/// All tables, written the same way by both engines.
pub(crate) async fn dump(site: &Site) -> Dump {
    dump_of(&site.database_url()).await
}

/// The same, of any database.
pub(crate) async fn dump_of(url: &str) -> Dump {
    let mut connection = connect_to(url).await;
    let mut dump = Dump::new();
    for table in tables(&mut connection).await {
        let (columns, quote) = if is_postgres(&connection) {
            let columns = "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns
                           WHERE table_name = $1 ORDER BY ordinal_position";
            (columns, "quote_nullable")
        } else {
            ("SELECT name, LOWER(type) FROM pragma_table_info($1)", "quote")
        };
        let columns: Vec<(String, String)> =
            sqlx::query_as(columns).bind(table.as_str()).fetch_all(&mut connection).await.unwrap();
        // Text in quotes, numbers bare.
        let show = |(name, kind): &(String, String)| match kind.as_str() {
            "text" => format!("'{name}=' || {quote}({name})"),
            _ => format!("'{name}=' || COALESCE(CAST({name} AS TEXT), 'NULL')"),
        };
        let line = columns.iter().map(show).collect::<Vec<_>>().join(" || ' ' || ");
        let mut rows = fetch(&mut connection, &format!("SELECT {line} FROM {table}")).await;
        rows.sort();
        dump.insert(table, rows);
    }
    dump
}

/// How many rows of which tables are new or changed since a dump; counts against floods apart.
pub(crate) async fn written_since(site: &Site, before: &Dump) -> Vec<(String, usize)> {
    let written = |(table, rows): (String, Vec<String>)| {
        let count = rows.iter().filter(|row| !before[&table].contains(row)).count();
        (count > 0 && table != "rate_windows").then_some((table, count))
    };
    dump(site).await.into_iter().filter_map(written).collect()
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
