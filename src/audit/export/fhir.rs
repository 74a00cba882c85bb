//! FHIR R4 AuditEvent (<https://hl7.org/fhir/R4/auditevent.html>), written as bulk data: one resource a line
//! (<https://hl7.org/fhir/R4/nd-json.html>).
//!
//! | element | is |
//! | --- | --- |
//! | `type`, `subtype` | a DICOM audit event (PS3.16, CID 400 and 403) that says most nearly what happened, then our own event's name |
//! | `action`, `outcome` | C, R, U, D or E; 0, or 4 (minor failure) for what was refused |
//! | `agent` | who, from which network address; the server itself is an agent that requested nothing |
//! | `source.observer` | this installation, a web server |
//! | `entity` | the transfer, if it is about one |

use super::super::StoredRow;
use serde_json::{Value, json};

/// <https://dicom.nema.org/medical/dicom/current/output/chtml/part16/chapter_D.html>
const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// What a kind of event is to FHIR: type, then a DICOM subtype where there is one, action.
struct Meaning {
    kind: (&'static str, &'static str),
    subtype: Option<(&'static str, &'static str)>,
    action: &'static str,
}

const fn meaning(
    kind: (&'static str, &'static str),
    subtype: Option<(&'static str, &'static str)>,
    action: &'static str,
) -> Meaning {
    Meaning { kind, subtype, action }
}

const ACTIVITY: (&str, &str) = ("110100", "Application Activity");
const LOG_USED: (&str, &str) = ("110101", "Audit Log Used");
const EXPORT: (&str, &str) = ("110106", "Export");
const IMPORT: (&str, &str) = ("110107", "Import");
const SECURITY_ALERT: (&str, &str) = ("110113", "Security Alert");
const AUTHENTICATION: (&str, &str) = ("110114", "User Authentication");

/// By the event's stable name. What is new and not listed is an activity of the application, which is never wrong.
fn meaning_of(event: &str) -> Meaning {
    match event {
        "session.started" | "sign_in.refused" => meaning(AUTHENTICATION, Some(("110122", "Login")), "E"),
        "session.ended" => meaning(AUTHENTICATION, Some(("110123", "Logout")), "E"),
        "sign_in.asked" => meaning(AUTHENTICATION, None, "E"),
        "transfer.created" => meaning(IMPORT, None, "C"),
        "transfer.file_restarted" | "transfer.sealed" => meaning(IMPORT, None, "U"),
        "transfer.opened" | "transfer.refused" | "transfer.received" => meaning(EXPORT, None, "R"),
        "transfer.purged" | "transfer.revoked" | "transfer.expired" | "transfer.used_up" => {
            meaning(ACTIVITY, None, "D")
        }
        "profile.changed" => meaning(SECURITY_ALERT, Some(("110137", "User security Attributes Changed")), "U"),
        "audit.flagged" => meaning(SECURITY_ALERT, None, "E"),
        "audit.cut" => meaning(LOG_USED, None, "D"),
        _ if ["person.", "factor.", "identity."].iter().any(|kind| event.starts_with(kind)) => {
            meaning(SECURITY_ALERT, Some(("110137", "User security Attributes Changed")), "U")
        }
        _ => meaning(ACTIVITY, None, "E"),
    }
}

/// The resource. `origin` names the installation and our own codes.
pub(super) fn event(StoredRow { row, hash }: &StoredRow, origin: &str) -> Value {
    let meaning = meaning_of(&row.event);
    let coding = |(code, display): (&str, &str)| json!({"system": DCM, "code": code, "display": display});
    let mut subtypes: Vec<Value> = meaning.subtype.map(coding).into_iter().collect();
    subtypes.push(json!({"system": format!("{origin}/fhir/audit-event"), "code": row.event}));
    let failed = row.event.ends_with(".refused");
    let mut resource = json!({
        "resourceType": "AuditEvent",
        "id": format!("audit-{}", row.seq),
        "type": coding(meaning.kind),
        "subtype": subtypes,
        "action": meaning.action,
        "recorded": row.at.to_rfc3339(),
        "outcome": if failed { "4" } else { "0" },
        "agent": [agent(&row.actor, row.address.as_deref())],
        "source": {
            "observer": {"display": "Filmjacket", "identifier": {"system": "urn:ietf:rfc:3986", "value": origin}},
            "type": [{"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "3", "display": "Web Server"}],
        },
    });
    if !row.detail.is_empty() {
        resource["outcomeDesc"] = json!(row.detail);
    }
    let mut entities = vec![json!({
        "what": {"identifier": {"system": format!("{origin}/fhir/audit-row"), "value": row.seq.to_string()}},
        "type": object_type("2", "System Object"),
        "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "13", "display": "Security Resource"},
        "detail": [{"type": "hash", "valueString": hash}],
    })];
    if let Some(id) = &row.transfer_id {
        entities.push(json!({
            "what": {"identifier": {"system": format!("{origin}/fhir/transfer"), "value": id}},
            "type": object_type("2", "System Object"),
            "role": {"system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "4", "display": "Domain Resource"},
        }));
    }
    resource["entity"] = Value::Array(entities);
    resource
}

fn object_type(code: &str, display: &str) -> Value {
    json!({"system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": code, "display": display})
}

/// Who did it: a person, or the server by itself.
fn agent(actor: &str, address: Option<&str>) -> Value {
    let is_person = actor != "system";
    let kind = if is_person {
        json!({"system": "http://terminology.hl7.org/CodeSystem/extra-security-role-type", "code": "humanuser", "display": "human user"})
    } else {
        json!({"system": DCM, "code": "110150", "display": "Application"})
    };
    let mut agent = json!({
        "type": {"coding": [kind]},
        "who": {"identifier": {"value": actor}},
        "requestor": is_person,
    });
    if let Some(address) = address {
        // 2: IP address (https://hl7.org/fhir/R4/valueset-network-type.html).
        agent["network"] = json!({"address": address, "type": "2"});
    }
    agent
}
