//! What the `filmjacket` command says and how it ends, as an administrator's shell sees it.

use crate::garage;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

const SAFE: &str = "public_url = \"https://films.clinic.example\"\ntrusted_proxies = [\"10.0.0.1/32\"]\n\
    sign_in.allow = [\"clinic.example\"]\n[mail.smtp]\nhost = \"mail.clinic.example\"\npassword = \"canary\"\n";

fn filmjacket(folder: &Path, config: &str, arguments: &[&str]) -> Output {
    let file = folder.join("filmjacket.toml");
    std::fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{config}")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    Command::new(env!("CARGO_BIN_EXE_filmjacket"))
        .args(["--config", "filmjacket.toml"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_safe_configuration_is_printed_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let output = filmjacket(folder.path(), SAFE, &["config", "check"]);
    let (told, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && complaint.is_empty(), "{complaint}");
    assert!(told.contains("password = \"hidden\"  # the file"), "{told}");
    assert!(!told.contains("canary"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a check makes nothing");
}

#[test]
fn an_unsafe_configuration_is_neither_approved_nor_served() {
    let folder = tempfile::tempdir().unwrap();
    let open = SAFE.replace("10.0.0.1/32", "0.0.0.0/0");
    for arguments in [&["config", "check"][..], &["serve"]] {
        let output = filmjacket(folder.path(), &open, arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && complaint.contains("claim any address"), "{arguments:?}: {complaint}");
        assert!(!complaint.contains("canary"));
    }
}

#[test]
fn a_file_that_does_not_read_is_told_by_its_line_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let output = filmjacket(folder.path(), "server_key = \"canary\nlisten = 1\n", &["config", "check"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && complaint.contains("line 2"), "{complaint}");
    assert!(!complaint.contains("canary"), "{complaint}");
}

#[test]
fn the_database_is_migrated_backed_up_restored_and_copied_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = filmjacket(folder.path(), "", arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.success(), text(output.stdout), text(output.stderr))
    };
    let (ok, told, complaint) = run(&["migrate"]);
    assert!(ok && told.starts_with("the tables are up to date: version "), "{told}{complaint}");
    let (ok, told, complaint) = run(&["backup", "yesterday"]);
    assert!(ok && told.contains("accounts") && !told.contains("transfer_keys"), "{told}{complaint}");
    let (ok, _, complaint) = run(&["backup", "yesterday"]);
    assert!(!ok && complaint.starts_with("filmjacket: yesterday: ") && complaint.lines().count() == 1, "{complaint}");
    let (ok, told, complaint) = run(&["restore", "yesterday"]);
    assert!(ok && told.contains("0 transfers can still be opened"), "{told}{complaint}");
    let copy = ["copy", "--from", "sqlite:data/filmjacket.sqlite", "--to", "sqlite:new/copy.sqlite"];
    let (ok, told, complaint) = run(&copy);
    assert!(ok && told.contains("transfer_keys") && told.ends_with("row by row the same\n"), "{told}{complaint}");
    let (ok, _, complaint) = run(&["copy", "--from", "sqlite:nothing", "--to", "sqlite:other.sqlite"]);
    assert!(!ok && complaint == "filmjacket: there is no database file nothing\n", "{complaint}");
    // A password in an address that does not read is not repeated.
    let (ok, _, complaint) = run(&["copy", "--from", "postgres://me:canary@host", "--to", "sqlite:other.sqlite"]);
    assert!(!ok && complaint.contains("must name the database") && !complaint.contains("canary"), "{complaint}");
}

/// The settings of the tests' bucket, below a prefix of its own.
fn bucket_settings(change: impl Fn(String) -> String) -> String {
    change(format!(
        "[storage.s3]\nbucket = \"{}\"\nendpoint = \"{}\"\nregion = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\nprefix = \"{}\"\n",
        garage::BUCKET,
        garage::endpoint(),
        garage::REGION,
        garage::KEY_ID,
        garage::SECRET,
        garage::own_prefix(),
    ))
}

#[test]
fn a_bucket_is_tried_prepared_and_then_found_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = bucket_settings(|text| text);
    let output = filmjacket(folder.path(), &config, &["storage", "setup"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = filmjacket(folder.path(), &config, &["storage", "check"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{told}");
    assert!(!folder.path().join("data").exists(), "a check makes nothing");
}

#[test]
fn a_bucket_that_cannot_be_used_is_told_by_what_it_refuses() {
    let folder = tempfile::tempdir().unwrap();
    for change in [("bucket = \"films\"", "bucket = \"nowhere\""), (garage::SECRET, &"f".repeat(64))] {
        let config = bucket_settings(|text| text.replace(change.0, change.1));
        let output = filmjacket(folder.path(), &config, &["storage", "check"]);
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && told.contains("wrong  send parts"), "{told}");
        assert!(!told.contains(change.1) || change.1 == "bucket = \"nowhere\"", "{told}");
    }
}
