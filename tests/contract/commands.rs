//! What the `filmjacket` command says and how it ends, as an administrator's shell sees it.

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
