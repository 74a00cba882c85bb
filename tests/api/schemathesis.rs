//! Schemathesis (<https://schemathesis.readthedocs.io>) calls every operation of the description with what fits it, what almost
//! fits it and what does not, and holds the answers to the description: no status, media type or body that is not in it, no
//! fault of ours, nothing accepted that the description forbids, nothing answered without the right that it asks for.

use crate::harness::recipient::bearer;
use crate::harness::tokens::Owner;
use crate::harness::{Parcel, Sender, Site, rows};
use filmjacket::http::ROUTES;
use filmjacket::people::{Standing, scopes_for};
use protocol::sign_in::Role;
use std::path::Path;
use std::process::{Command, Output};

/// Test cases an operation at most: all runs together stay below a minute.
const EXAMPLES: &str = "10";

/// Left out: what fits the description may still be refused with a sentence (an address that is none, a day that is over).
const NOT_CHECKED: &str = "positive_data_acceptance";
const PERSON_NOT_CHECKED: &str = "positive_data_acceptance,ignored_auth";

/// One run: who calls what.
struct Run {
    who: &'static str,
    /// Which paths; together they are all.
    paths: &'static str,
    /// Lines of a `schemathesis.toml`.
    settings: String,
    arguments: &'static [&'static str],
}

fn call(url: &str, origin: &str, run: &Run) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("schemathesis.toml");
    // As from one of our own pages: else nothing that changes something would get further than that question.
    std::fs::write(&settings, format!("headers.Origin = \"{origin}\"\n{}", run.settings)).unwrap();
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/schemathesis/bin/st");
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(&settings).args(["run", url, "--include-path-regex", run.paths]);
    // Deterministic: the same calls every time, with no memory of earlier runs.
    command.args(["--generation-deterministic", "--max-examples", EXAMPLES, "--continue-on-failure", "--no-color"]);
    command.args(["--warnings", "off"]).args(run.arguments).current_dir(folder.path());
    command.output().expect("`cargo xtask test` installs Schemathesis")
}

/// Runs them side by side.
async fn hold(runs: Vec<(&Site, Run)>) {
    let running = runs.into_iter().map(|(site, run)| {
        let (url, origin) = (format!("http://{}/api/v1/openapi.json", site.address()), site.origin().to_owned());
        tokio::task::spawn_blocking(move || (call(&url, &origin, &run), run))
    });
    let outcomes = futures_util::future::join_all(running).await;
    let (mut selected, mut complaints) = (0, String::new());
    for outcome in outcomes {
        let (output, run) = outcome.unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if !output.status.success() {
            complaints += &format!("as {}:\n{text}\n", run.who);
        }
        selected += selected_in(&text);
    }
    assert!(complaints.is_empty(), "{complaints}");
    let all = ROUTES.iter().filter(|route| route.path.starts_with("/api/")).count();
    assert_eq!(selected, all, "each call is for one of them");
}

/// The number in `Operations: 7 selected / 58 total`.
fn selected_in(text: &str) -> usize {
    let line = text.lines().find(|line| line.contains("selected /")).unwrap_or_else(|| panic!("{text}"));
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

/// A program of somebody with these roles, whose token is for all that they can do.
async fn program(site: &Site, email: &str, roles: &[Role]) -> (Owner, String) {
    let owner = Owner::sign_in(site, email, roles).await;
    let standing =
        Standing { roles: roles.iter().copied().collect(), department: "Radiology".into(), ..Standing::default() };
    let token = owner.make(&scopes_for(&standing)).await.token;
    (owner, format!("[auth.openapi.token]\nbearer = \"{token}\"\n"))
}

fn about(parcel: &Parcel) -> String {
    let (transfer_id, object_id) = (parcel.id(), parcel.object_id(0));
    format!(
        "[parameters]\n\"path.transfer_id\" = \"{transfer_id}\"\n\"path.object_id\" = \"{object_id}\"\n\"path.n\" = 0\n"
    )
}

#[actix_web::test]
async fn the_api_answers_as_its_description_says_whatever_it_is_asked() {
    let site = Site::start().await;
    let (_, administrator) = program(&site, "ada@clinic.example", &[Role::Administrator, Role::DepartmentHead]).await;
    let (_, auditor) = program(&site, "otto@clinic.example", &[Role::Auditor]).await;
    let (ana, sender) = program(&site, "ana@clinic.example", &[Role::Sender]).await;
    let ana = Sender::resume(&site, ana.client);
    let draft = Parcel::scribble(&site, &[100]);
    ana.create(&draft).await.expect(201);
    // What is asked about with a ticket is on a server of its own: here a program ends every transfer that it finds.
    let other = Site::start().await;
    let sent = Parcel::scribble(&other, &[100]);
    let recipient = Sender::sign_in(&other, "ana@clinic.example").await.send(&sent).await;
    let ticket = recipient.take_ticket(&sent.proof()).await;
    let person = Owner::sign_in(&site, "bea@clinic.example", &Role::ALL).await.client;
    let session = person.cookie("filmjacket-session").unwrap();
    let run = |site, who, paths, settings, arguments| (site, Run { who, paths, settings, arguments });
    let runs = vec![
        run(
            &site,
            "an administrator's program",
            "^/api/v1/(admin|department)/",
            administrator,
            &["--exclude-checks", NOT_CHECKED],
        ),
        run(&site, "an auditor's program", "^/api/v1/(audit|openapi)", auditor, &["--exclude-checks", NOT_CHECKED]),
        run(
            &site,
            "a sender's program",
            "^/api/v1/transfers",
            sender + &about(&draft),
            &["--exclude-checks", NOT_CHECKED],
        ),
        run(
            &other,
            "a recipient with a ticket",
            "^/api/v1/open(/|$)",
            format!("[auth.openapi.ticket]\napi_key = \"{}\"\n{}", bearer(&ticket), about(&sent)),
            &["--exclude-checks", NOT_CHECKED],
        ),
        // The session is in a header of its own that stays as it is, so who has none is not asked about here (`access` is).
        run(
            &site,
            "a person in a browser",
            "^/api/v1/(account|me|mine|session|sign-in|first-administrator)(/|$)",
            format!("headers.Cookie = \"filmjacket-session={session}\"\n"),
            &["--generation-with-security-parameters", "false", "--exclude-checks", PERSON_NOT_CHECKED],
        ),
    ];
    // How often is another question, and how fast they come depends on the machine.
    for site in [&site, &other] {
        rows::lift_limits(site).await;
    }
    hold(runs).await;
    recipient.fetch(&ticket, &sent.object_id(0), "bytes=0-99").await.expect(206);
}
