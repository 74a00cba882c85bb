//! What the `filmjacket` command says and how it ends, as an administrator's shell sees it.

use crate::garage;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

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
fn a_second_copy_is_printed_and_a_place_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let second = bucket_settings(|text| text).replace("[storage.s3]", "[second_copy.s3]");
    let output = filmjacket(folder.path(), &second, &["config", "check"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("[second_copy.s3]"), "{told}");
    assert!(told.contains("secret_access_key = \"hidden\"  # the file") && !told.contains(garage::SECRET), "{told}");
    let same = "[second_copy]\nfolder = \"data/blobs\"\n";
    let output = filmjacket(folder.path(), same, &["config", "check"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && complaint.contains("another folder"), "{complaint}");
    let output = filmjacket(folder.path(), &format!("{second}mode = \"direct\"\n"), &["config", "check"]);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && complaint.contains("for this server only"), "{complaint}");
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

/// The answer to one request, head and all; nothing while nobody listens.
fn ask(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut line) = TcpStream::connect(("127.0.0.1", port)) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if line.write_all(request.as_bytes()).is_ok() {
            let _ = line.read_to_string(&mut answer);
        }
    }
    answer
}

#[test]
fn a_server_that_is_to_end_says_so_to_the_load_balancer_before_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let [port, figures] = [0; 2].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port());
    let text =
        format!("listen = \"127.0.0.1:{port}\"\nmetrics_listen = \"127.0.0.1:{figures}\"\ndrain_seconds = 600\n");
    std::fs::write(folder.path().join("filmjacket.toml"), text).unwrap();
    let mut server = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_filmjacket"), "--config", "filmjacket.toml", "serve"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let terminate = || assert!(Command::new("kill").arg(server.id().to_string()).status().unwrap().success());
    while !ask(port, "/readyz").starts_with("HTTP/1.1 200 ") {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(ask(figures, "/metrics").contains("filmjacket_requests_total"));
    assert!(ask(port, "/metrics").starts_with("HTTP/1.1 404 "), "figures are not for the public");
    terminate();
    while !ask(port, "/readyz").starts_with("HTTP/1.1 503 ") {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(ask(port, "/healthz").starts_with("HTTP/1.1 200 "), "it still serves");
    terminate();
    assert!(server.wait().unwrap().success());
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

#[test]
fn second_steps_are_reset_and_identities_unbound_by_command_and_an_unknown_address_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = filmjacket(folder.path(), "", &["user", "add", "ben@clinic.example", "--role", "sender"]);
    assert!(output.status.success());
    let output = filmjacket(folder.path(), "", &["user", "unbind", "ben@clinic.example"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told, "ben@clinic.example: 0 identities unbound\n");
    for (address, said) in [
        ("ana@clinic.example", "filmjacket: ana@clinic.example has no account\n"),
        ("ana", "filmjacket: This is not a complete e-mail address; it looks like anna@clinic.example.\n"),
    ] {
        for what in ["reset-factors", "unbind"] {
            let output = filmjacket(folder.path(), "", &["user", what, address]);
            assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap() == said, "{what} {address}");
        }
    }
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

#[tokio::test]
async fn a_bucket_for_direct_mode_is_tried_as_browsers_would_and_prepared_for_our_pages_only() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = garage::make_bucket();
    let config = bucket_settings(|text| {
        let own = format!("bucket = \"{bucket}\"\nmode = \"direct\"");
        format!("{SAFE}{}", text.replace(&format!("bucket = \"{}\"", garage::BUCKET), &own))
    });
    let storage = |what: &str| {
        let output = filmjacket(folder.path(), &config, &["storage", what]);
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (fit, told) = storage("check");
    assert!(!fit && told.contains("https://films.clinic.example may not read the answer: run `filmjacket"), "{told}");
    assert!(told.contains("wrong  tell browsers that our pages may (CORS): https://films.clinic.example may not PUT"));
    assert_eq!(told.lines().filter(|line| line.starts_with("wrong ")).count(), 4, "{told}");
    assert!(storage("setup").0);
    let (fit, told) = storage("check");
    assert!(fit && told.lines().filter(|line| line.starts_with("ok ")).count() == 14, "{told}");

    // Other rules stay, and one that lets everybody in is told.
    let store = garage::client();
    let rule = aws_sdk_s3::types::CorsRule::builder().allowed_origins("*").allowed_methods("GET").allowed_headers("*");
    let rules = aws_sdk_s3::types::CorsConfiguration::builder().cors_rules(rule.build().unwrap()).build().unwrap();
    store.put_bucket_cors().bucket(&bucket).cors_configuration(rules).send().await.unwrap();
    assert!(storage("setup").0);
    let rules = store.get_bucket_cors().bucket(&bucket).send().await.unwrap();
    assert_eq!(rules.cors_rules().len(), 2);
    let (fit, told) = storage("check");
    assert!(!fit && told.contains("wrong  tell browsers that other pages may not: any page may GET"), "{told}");
}

#[test]
fn people_are_added_listed_changed_and_disabled_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = filmjacket(folder.path(), "", &[&["user"], arguments].concat());
        let (told, complaint) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (output.status.success(), told, complaint)
    };
    let (ada, ben) = ("ada@clinic.example", "ben@clinic.example");
    assert!(run(&["add", ada, "--role", "administrator", "--role", "sender", "--mail"]).0);
    let (done, _, complaint) = run(&["add", "Ada@clinic.example", "--role", "sender"]);
    assert!(!done && complaint.contains("has an account already"), "{complaint}");
    assert!(run(&["add", ben, "--role", "sender", "--until", "2099-12-31"]).0);
    assert!(run(&["role", ben, "auditor", "department_head"]).2.contains("which department"));
    assert!(run(&["department", ben, "Radiology"]).0 && run(&["role", ben, "auditor", "department_head"]).0);
    assert!(run(&["dates", ben, "--from", "2098-01-15"]).0 && run(&["disable", ben]).0);
    let (_, told, _) = run(&["list", "--json"]);
    let people: Vec<protocol::people::Person> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(people.iter().map(|person| &*person.email).collect::<Vec<_>>(), [ada, ben]);
    assert_eq!(people[1].state, protocol::people::PersonState::Disabled);
    assert_eq!((people[1].may.department.as_str(), people[1].may.valid_until), ("Radiology", None));
    assert!(run(&["enable", ben]).0);
    let (_, told, _) = run(&["list"]);
    assert!(
        told.contains(
            "ben@clinic.example  not_yet  roles: auditor department_head; department: Radiology; from: 2098-01-15"
        ),
        "{told}"
    );
    for wrong in
        [&["disable", "nobody@clinic.example"][..], &["role", ben, "owner"], &["dates", ben, "--until", "2099-02-30"]]
    {
        let (done, _, complaint) = run(wrong);
        assert!(!done && !complaint.is_empty(), "{wrong:?}");
    }
}
