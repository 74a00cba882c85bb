//! The audit for other programs: what they read is what was written.

use crate::harness::{DAY, Parcel, Sender, Site, rows};
use filmjacket::audit::export as written;
use filmjacket::jobs;
use filmjacket::store::AuditReader;
use protocol::Timestamp;
use protocol::audit::AuditFormat;
use serde_json::Value;
use std::process::Command;

const ALWAYS: (Timestamp, Timestamp) = (Timestamp::from_unix(i64::MIN), Timestamp::from_unix(i64::MAX));

async fn export(site: &Site, format: AuditFormat, (from, to): (Timestamp, Timestamp)) -> String {
    let mut reader = AuditReader::open(&site.app().config.database, from, to).await.unwrap();
    let mut text = written::head(format);
    loop {
        let rows = reader.next_page().await.unwrap();
        if rows.is_empty() {
            return text;
        }
        text.extend(rows.iter().map(|row| written::line(format, row, site.origin())));
    }
}

async fn fill(site: &Site) {
    let sender = Sender::sign_in(site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(site, &[10]);
    let recipient = sender.send(&parcel).await;
    recipient.guess().await.refused(403, "wrong-passcode");
    site.wait(600);
    recipient.take_ticket(&parcel.proof()).await;
    site.send_mail().await;
}

/// The first program in the document.
fn documented_program() -> &'static str {
    let document = include_str!("../../docs/AUDIT.md");
    document.split_once("```python\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0
}

/// Runs a Python program on what was exported; what it says.
fn python(site: &Site, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new("python3").args(["-c", program]).args(arguments).current_dir(site.data()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[actix_web::test]
async fn a_stranger_verifies_the_chain_with_the_documents_program() {
    let site = Site::start().await;
    fill(&site).await;
    rows::execute(&site, "CREATE TABLE kept AS SELECT * FROM audit").await;
    jobs::audit::anchor(site.app()).await.unwrap();
    let files = ["audit.ndjson", "audit-anchors.ndjson"];
    let run = async |site: &Site| {
        std::fs::write(site.data().join(files[0]), export(site, AuditFormat::Ndjson, ALWAYS).await).unwrap();
        python(site, documented_program(), &files)
    };
    let count = rows::count(&site, "audit").await;
    let told = run(&site).await.unwrap();
    assert_eq!(told, format!("{count} rows are as they were written, and 1 anchors were looked at\n"));
    rows::execute(&site, "UPDATE audit SET detail = 'ä' WHERE seq = 3").await;
    assert_eq!(run(&site).await.unwrap_err(), "row 3 is not as it was written\n");
    rows::execute(&site, "DELETE FROM audit WHERE seq = 3").await;
    assert_eq!(run(&site).await.unwrap_err(), "row 3 is not as it was written\n");
    rows::execute(&site, "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept").await;
    rows::execute(&site, &format!("DELETE FROM audit WHERE seq = {count}")).await;
    assert!(run(&site).await.unwrap_err().starts_with(&format!("row {count} is not the one that was signed")));
    rows::execute(&site, "DROP TABLE kept").await;
}

#[actix_web::test]
async fn an_anchor_is_checked_by_openssl_with_the_printed_key() {
    let site = Site::start().await;
    fill(&site).await;
    jobs::audit::anchor(site.app()).await.unwrap();
    let line = std::fs::read_to_string(site.data().join("audit-anchors.ndjson")).unwrap();
    let anchor: Value = serde_json::from_str(line.trim()).unwrap();
    let field = |name: &str| anchor[name].as_str().map_or_else(|| anchor[name].to_string(), str::to_owned);
    let text = format!(
        "filmjacket/1/audit-anchor\n{}\n{} {}\n{}\n{}\n",
        field("key"),
        field("seq"),
        field("hash"),
        field("cut_seq"),
        field("at")
    );
    let signature = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, field("signature")).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(site.data().join(name), bytes).unwrap();
    put("key.pem", site.app().keys.derive_anchor_key().unwrap().public().to_pem().as_bytes());
    put("signature", &signature);
    let arguments = "pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature";
    let check = || Command::new("openssl").args(arguments.split(' ')).current_dir(site.data()).output().unwrap();
    put("text", text.as_bytes());
    assert!(check().status.success(), "{}", String::from_utf8_lossy(&check().stderr));
    put("text", text.replacen("\n0\n", "\n1\n", 1).as_bytes());
    assert!(!check().status.success());
}

#[actix_web::test]
async fn csv_has_every_row_and_no_cell_that_a_spreadsheet_would_compute() {
    let site = Site::start().await;
    fill(&site).await;
    // A recipient's mail server is somebody else's, and says what it likes.
    rows::execute(&site, "UPDATE audit SET detail = '=HYPERLINK(\"http://evil.example\";\"x\")' WHERE seq = 2").await;
    std::fs::write(site.data().join("audit.csv"), export(&site, AuditFormat::Csv, ALWAYS).await).unwrap();
    let program = "import csv, json\nprint(json.dumps(list(csv.DictReader(open('audit.csv', newline='')))))";
    let read: Vec<Value> = serde_json::from_str(&python(&site, program, &[]).unwrap()).unwrap();
    assert_eq!(read.len(), rows::count(&site, "audit").await);
    assert_eq!(read[1]["detail"], "'=HYPERLINK(\"http://evil.example\";\"x\")");
    let events: Vec<&str> = read.iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"transfer.opened") && events.contains(&"transfer.refused"), "{events:?}");
}

#[actix_web::test]
async fn fhir_events_have_every_required_element_and_codes_of_its_value_sets() {
    let site = Site::start().await;
    fill(&site).await;
    let text = export(&site, AuditFormat::Fhir, ALWAYS).await;
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), rows::count(&site, "audit").await);
    for event in &events {
        assert_eq!(event["resourceType"], "AuditEvent");
        // Each 1..1 or 1..* in R4: type, recorded, agent, agent.requestor, source, source.observer.
        let kind: u32 = event["type"]["code"].as_str().unwrap().parse().unwrap();
        assert!((110_100..=110_114).contains(&kind), "{event}");
        assert_eq!(event["type"]["system"], "http://dicom.nema.org/resources/ontology/DCM");
        assert!(event["recorded"].as_str().unwrap().ends_with('Z'));
        assert!(["0", "4"].contains(&event["outcome"].as_str().unwrap()));
        assert!(["C", "R", "U", "D", "E"].contains(&event["action"].as_str().unwrap()));
        let agents = event["agent"].as_array().unwrap();
        assert!(!agents.is_empty() && agents.iter().all(|agent| agent["requestor"].is_boolean()), "{event}");
        assert!(event["source"]["observer"].is_object());
        let id = event["id"].as_str().unwrap();
        assert!(id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)));
        // No element may be empty or null (https://hl7.org/fhir/R4/json.html).
        assert!(!event.to_string().contains("null") && !event.to_string().contains("\"\""), "{event}");
    }
    let named = |name: &str| {
        let is_named = |event: &&Value| event["subtype"].as_array().unwrap().iter().any(|code| code["code"] == name);
        events.iter().find(is_named).unwrap_or_else(|| panic!("no {name}"))
    };
    let opened = named("transfer.opened");
    assert_eq!((opened["type"]["code"].as_str(), opened["outcome"].as_str()), (Some("110106"), Some("0")));
    assert_eq!(opened["agent"][0]["network"]["address"], "127.0.0.1");
    assert_eq!(opened["entity"].as_array().unwrap().len(), 2);
    assert_eq!(named("transfer.refused")["outcome"], "4");
    assert_eq!(named("session.started")["subtype"][0]["code"], "110122");
    assert_eq!(named("mail.accepted")["agent"][0]["requestor"], false);
}

#[actix_web::test]
async fn an_export_of_a_time_has_the_rows_of_that_time_and_its_ends() {
    let site = Site::start().await;
    let start = site.clock.now();
    Sender::sign_in(&site, "ana@clinic.example").await;
    site.wait(DAY);
    Sender::sign_in(&site, "ben@clinic.example").await;
    let lines = async |from: i64, to: i64| {
        let text = export(&site, AuditFormat::Ndjson, (start.plus(from), start.plus(to))).await;
        text.lines().filter(|line| line.contains("session.started")).count()
    };
    assert_eq!((lines(0, DAY).await, lines(DAY, DAY + 1).await, lines(0, DAY + 1).await), (1, 1, 2));
    assert_eq!((lines(1, DAY).await, lines(DAY + 1, 2 * DAY).await), (0, 0));
}
