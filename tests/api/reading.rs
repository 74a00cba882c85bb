//! GET, HEAD and OPTIONS change nothing, ever.

use crate::harness::recipient::bearer;
use crate::harness::{MINUTE, Parcel, Sender, Site, people, rows};
use filmjacket::http::ROUTES;
use protocol::sign_in::Role;
use std::collections::BTreeSet;

#[actix_web::test]
async fn a_thousand_reading_requests_change_no_row_and_no_file() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let (sent, draft) = (Parcel::scribble(&site, &[100]), Parcel::scribble(&site, &[100]));
    let recipient = sender.send(&sent).await;
    sender.upload(&draft).await;
    let ticket = recipient.take_ticket(&sent.proof()).await;
    people::give(&site, "ana@clinic.example", &Role::ALL).await;
    people::set(&site, "ana@clinic.example", "department = 'Radiology'").await;
    // Late enough for anything that is written down only now and then.
    site.wait(10 * MINUTE);
    let paths: BTreeSet<String> = ROUTES
        .iter()
        .flat_map(|route| [&sent, &draft].map(|parcel| (route, parcel)))
        .map(|(route, parcel)| {
            route
                .path
                .replace("{transfer_id}", &parcel.id().to_text())
                .replace("{object_id}", &parcel.object_id(0).to_text())
                .replace("{n}", "0")
                .replace("{slug}", "not-found")
                .replace("{account_id}", "nobody")
                .replace("{hash}/{path:.*}", "0/js/send.js")
        })
        .collect();
    let before = (rows::dump(&site).await, rows::stored_files(&site));
    let ticket = bearer(&ticket);
    let mut asked = 0;
    while asked < 1000 {
        for path in &paths {
            for method in ["GET", "HEAD", "OPTIONS"] {
                let answer = sender.client.send(method, path, &[("authorization", &*ticket)], "").await;
                assert!(answer.status < 500, "{method} {path}: {}", answer.status);
                asked += 1;
            }
        }
    }
    let after = (rows::dump(&site).await, rows::stored_files(&site));
    assert_eq!(rows::difference(&before.0, &after.0), "");
    assert_eq!(before.1, after.1);
}
