//! What an operator and a load balancer ask: whether it is ready, what it counted, which request that was.

use crate::harness::{Parcel, Sender, Site, log};
use filmjacket::config::{MailWay, SmtpSecurity, SmtpSettings};
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::atomic::Ordering;

const ALL_WELL: &str = "database: ok\nstore: ok\nmail: ok\nkey: ok\nserver: ok\n";

#[actix_web::test]
async fn readiness_says_in_a_line_each_what_is_missing() {
    let site = Site::start_with(|config| {
        // The port of a listener that is gone.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        config.mail.way = MailWay::Smtp(SmtpSettings {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            security: SmtpSecurity::None,
            ca: None,
            username: None,
            password: None,
        });
    })
    .await;
    let ready = site.client().get("/readyz").await.expect(503);
    assert_eq!(ready.text(), ALL_WELL.replace("mail: ok", "mail: not ready"));
    for (path, line) in [("server.key", "key"), ("blobs/objects", "store")] {
        let (path, away) = (site.data().join(path), site.data().join("away"));
        std::fs::rename(&path, &away).unwrap();
        site.wait(5);
        let told = site.client().get("/readyz").await.expect(503).text();
        assert!(told.contains(&format!("{line}: not ready\n")), "{told}");
        std::fs::rename(&away, &path).unwrap();
    }
    // Another key than the one in use would be found by the next start only.
    std::fs::write(site.data().join("server.key"), "A".repeat(43)).unwrap();
    site.wait(5);
    assert!(site.client().get("/readyz").await.text().contains("key: not ready"));
}

#[actix_web::test]
async fn an_answer_about_readiness_holds_two_seconds_whoever_asks() {
    let site = Site::start().await;
    assert_eq!(site.client().get("/readyz").await.expect(200).text(), ALL_WELL);
    std::fs::remove_file(site.data().join("server.key")).unwrap();
    site.wait(1);
    site.client().get("/readyz").await.expect(200);
    site.wait(1);
    site.client().get("/readyz").await.expect(503);
}

#[actix_web::test]
async fn a_server_that_is_told_to_end_is_alive_and_not_ready() {
    let site = Site::start().await;
    site.client().get("/readyz").await.expect(200);
    site.app().stopping.store(true, Ordering::SeqCst);
    assert!(site.client().get("/readyz").await.expect(503).text().ends_with("server: stopping\n"));
    site.client().get("/healthz").await.expect(200);
}

/// What Prometheus would be told.
pub(crate) async fn figures(site: &Site) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = site.app().serve_metrics(listener).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let mut answer = awc::Client::default().get(format!("http://{address}/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let told = String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap();
    handle.stop(false).await;
    told
}

#[actix_web::test]
async fn figures_count_what_happened_and_name_nobody() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[1000, 10]);
    sender.upload(&parcel).await;
    sender.seal(&parcel).await.expect(200);
    site.wait(30);
    let told = figures(&site).await;
    for line in [
        "filmjacket_requests_total{method=\"PUT\",route=\"/api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}\",status=\"204\"} 2",
        "filmjacket_transfers{state=\"ready\"} 1",
        "filmjacket_outbox_mails 1",
        "filmjacket_outbox_oldest_seconds 30",
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in:\n{told}");
    }
    let value = |name: &str| -> u64 {
        let line = told.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("filmjacket_received_bytes_total") > 1016 + 26 && value("filmjacket_sent_bytes_total") > 100);
    site.tidy().await;
    let told = figures(&site).await;
    assert!(told.contains("filmjacket_outbox_mails 0\n"), "{told}");
    for job in ["expire", "mail", "purge"] {
        let line = format!("filmjacket_job_success_timestamp_seconds{{job=\"{job}\"}} {}", site.clock.now().as_unix());
        assert!(told.contains(&line), "{line} is not in:\n{told}");
    }
    for secret in ["clinic.example", "Ruiz", &parcel.id().to_text(), "127.0.0.1"] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[actix_web::test]
async fn what_a_client_makes_up_becomes_no_figure_of_its_own() {
    let site = Site::start().await;
    for n in 0..20 {
        site.client().send(&format!("BREW{n}"), &format!("/tea/{n}"), &[], "").await;
    }
    let told = figures(&site).await;
    assert!(!told.contains("BREW") && !told.contains("/tea"), "{told}");
    assert!(told.contains("filmjacket_requests_total{method=\"other\",route=\"-\",status=\"404\"} 20"), "{told}");
}

#[actix_web::test]
async fn every_figure_on_the_dashboard_is_one_that_the_server_tells() {
    let site = Site::start().await;
    Sender::sign_in(&site, "ana@clinic.example").await.upload(&Parcel::scribble(&site, &[10])).await;
    site.tidy().await;
    let told = figures(&site).await;
    let names = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("filmjacket_")).map(str::to_owned).collect()
    };
    let dashboard = include_str!("../../deploy/grafana-dashboard.json");
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    let (shown, alerts) = (names(dashboard), names(include_str!("../../deploy/alerts.yaml")));
    assert!(shown.len() >= 8 && alerts.len() >= 4, "{shown:?} {alerts:?}");
    let told = names(&told);
    for name in shown.union(&alerts) {
        assert!(told.contains(name), "{name} is not among {told:?}");
    }
}

#[actix_web::test]
async fn a_request_has_the_number_that_our_proxy_gave_it_and_no_strangers() {
    let site = Site::start().await;
    let answer = site.client().with("x-request-id", "Canary-7f3a").get("/healthz").await;
    assert_eq!(answer.header("x-request-id"), "Canary-7f3a");
    assert!(String::from_utf8_lossy(&log::text()).contains("Canary-7f3a"), "the log does not have it");
    for bad in ["", "a b", "<script>", &"x".repeat(65)] {
        let made = site.client().with("x-request-id", bad).get("/healthz").await;
        assert!(made.header("x-request-id").len() == 12, "{bad:?} → {}", made.header("x-request-id"));
    }
    let open = Site::start_with(|config| config.trusted_proxies.clear()).await;
    let answer = open.client().with("x-request-id", "Canary-7f3a").get("/healthz").await;
    assert_ne!(answer.header("x-request-id"), "Canary-7f3a");
}
