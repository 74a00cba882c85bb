//! A PostgreSQL of this process' own: it listens on a socket in a temporary folder only, and ends, the folder with it, when
//! the pipe that this process holds closes, however this process ended.
//!
//! Included by path in each program that needs it.

#![allow(dead_code, reason = "each program uses its part of this")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Makes a server in a folder of its own, tells the folder, and carries out orders for pg_ctl until standard input ends. `$1`
/// is where the programs are, `$2` what else it is told. Text sorts as English does, which is as unlike bytes as it gets.
const SCRIPT: &str = r#"
trap '' INT
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1/initdb" -D "$dir/db" -U filmjacket --auth=trust --no-sync -E UTF8 --locale=C --locale-provider=icu --icu-locale=en >/dev/null
cat >>"$dir/db/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
$2
END
"$1/pg_ctl" -D "$dir/db" -w -l "$dir/log" start >/dev/null || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
while read -r order; do "$1/pg_ctl" -D "$dir/db" -w -l "$dir/log" $order >/dev/null; echo "$order"; done
"$1/pg_ctl" -D "$dir/db" -m immediate stop >/dev/null
"#;

/// A server; it ends with this, and with this process.
pub(crate) struct Server {
    /// Holds the pipe.
    script: Child,
    told: BufReader<ChildStdout>,
    folder: String,
}

impl Server {
    /// Starts one that is told `settings`, as in postgresql.conf, beside its own defaults.
    pub(crate) fn start(settings: &str) -> Self {
        let mut command = Command::new("sh");
        // PostgreSQL refuses to run as root. Not every root has this folder in PATH.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command = Command::new("/usr/sbin/runuser");
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", SCRIPT, "sh"]).arg(programs()).arg(settings).current_dir("/").env_remove("TMPDIR");
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(script.stdout.take().unwrap());
        let mut folder = String::new();
        told.read_line(&mut folder).unwrap();
        let folder = folder.trim().to_owned();
        assert!(!folder.is_empty(), "PostgreSQL did not start");
        Self { script, told, folder }
    }

    /// Has pg_ctl do something, such as `-m immediate stop`, and waits until it is done.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.script.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut done = String::new();
        self.told.read_line(&mut done).unwrap();
        assert_eq!(done.trim(), order, "pg_ctl could not");
    }

    /// As sqlx connects to one of its databases; `postgres` is there from the start.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://filmjacket@localhost/{database}?host={}", self.folder)
    }
}

/// The folder of `initdb` and the server: Debian keeps each version's beside PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
        .expect("PostgreSQL is needed; `cargo xtask test` installs it")
}
