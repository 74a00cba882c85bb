//! `/audit`, for auditors: drawn by the server, so that a filter is an address and a print is what was seen.

use super::audit::{DAYS, find, look};
use super::error::Refusal;
use super::extract::Auditor;
use super::pages::{Frame, render, signed_in};
use crate::app::App;
use crate::audit::parse_time;
use crate::transfer::size_text;
use actix_web::{HttpResponse, ResponseError as _, web};
use askama::Template;
use protocol::audit::{AuditDay, AuditPage, AuditQuery, AuditState};
use protocol::{DAY, Timestamp, TransferId};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// What the form asks for. Empty fields ask for nothing, and days are days in UTC.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Form {
    person: String,
    address: String,
    transfer: String,
    event: String,
    from: String,
    to: String,
    before: String,
}

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct Page {
    frame: Frame,
    form: Form,
    /// What in the form does not read.
    wrong: Option<&'static str>,
    found: AuditPage,
    state: AuditState,
    next: Option<String>,
    /// The time in the form, for the exports.
    time: String,
}

/// `GET /audit`
pub(super) async fn show(
    app: web::Data<App>,
    auditor: Result<Auditor, Refusal>,
    form: web::Query<Form>,
) -> HttpResponse {
    let form = form.into_inner();
    let (query, wrong) = match form.read() {
        Ok(query) => (query, None),
        Err(field) => (AuditQuery::default(), Some(field)),
    };
    // Nothing is looked for on behalf of somebody who may not see it.
    let seen = match &auditor {
        Ok(_) => match (find(&app, &query).await, look(&app).await) {
            (Ok(found), Ok(state)) => Some((found, state)),
            (Err(refusal), _) | (_, Err(refusal)) => return refusal.error_response(),
        },
        Err(_) => None,
    };
    signed_in(auditor, |auditor| {
        let Some((found, state)) = seen else { return Refusal::not_found().error_response() };
        let next = found.next.map(|next| form.address_before(&next.to_string()));
        let time = Form { from: form.from.clone(), to: form.to.clone(), ..Form::default() };
        render(&Page {
            frame: Frame::signed_in(auditor, "audit", "js/audit.js"),
            time: export_time(&query, &time),
            wrong,
            form,
            found,
            state,
            next,
        })
    })
}

/// The export takes moments, where the form has days.
fn export_time(query: &AuditQuery, form: &Form) -> String {
    let mut text = Serializer::new(String::new());
    if let Some(from) = query.from.filter(|_| !form.from.is_empty()) {
        text.append_pair("from", &from.to_rfc3339());
    }
    if let Some(to) = query.to.filter(|_| !form.to.is_empty()) {
        text.append_pair("to", &to.to_rfc3339());
    }
    let text = text.finish();
    if text.is_empty() { text } else { format!("&{text}") }
}

impl Form {
    /// What is asked for, or which field does not read.
    fn read(&self) -> Result<AuditQuery, &'static str> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let transfer_id = text(&self.transfer).map(|id| TransferId::parse(&id)).transpose();
        let day = |text: &str, days: i64| match text.trim() {
            "" => Ok(None),
            text => parse_time(text).map(|day| Some(day.plus(days * DAY))),
        };
        Ok(AuditQuery {
            person: text(&self.person),
            address: text(&self.address),
            transfer_id: transfer_id.map_err(|_| "The transfer’s id does not read: it has 22 letters and digits.")?,
            event: text(&self.event),
            from: day(&self.from, 0).map_err(|_| "The first day does not read: write it as 2027-01-31.")?,
            to: day(&self.to, 1).map_err(|_| "The last day does not read: write it as 2027-01-31.")?,
            before: text(&self.before).map(|text| text.parse()).transpose().map_err(|_| "This page is not there.")?,
            limit: None,
        })
    }

    fn address_before(&self, before: &str) -> String {
        let mut text = Serializer::new(String::from("/audit?"));
        for (name, value) in [
            ("person", &self.person),
            ("address", &self.address),
            ("transfer", &self.transfer),
            ("event", &self.event),
            ("from", &self.from),
            ("to", &self.to),
        ] {
            if !value.is_empty() {
                text.append_pair(name, value);
            }
        }
        text.append_pair("before", before).finish()
    }
}

/// A bar of the chart.
struct Bar {
    x: usize,
    y: u64,
    height: u64,
    class: &'static str,
}

/// Height of the tallest bar, in the chart's own units.
const TALLEST: u64 = 80;

impl Page {
    /// Bars of one kind over all days, the tallest as tall as the chart.
    fn bars(&self, value: impl Fn(&AuditDay) -> u64, class: &'static str) -> Vec<Bar> {
        let most = self.state.days.iter().map(&value).max().unwrap_or(0).max(1);
        let bar = |(index, day): (usize, &AuditDay)| {
            // Something is never drawn as nothing.
            let height = (value(day).saturating_mul(TALLEST) / most).max(u64::from(value(day) > 0) * 2);
            Bar { x: index * 10 + 1, y: TALLEST - height, height, class }
        };
        self.state.days.iter().enumerate().map(bar).collect()
    }

    fn charts(&self) -> [(&'static str, String, Vec<Bar>); 3] {
        let sum = |value: fn(&AuditDay) -> u64| self.state.days.iter().map(value).sum::<u64>();
        [
            ("Openings", sum(|day| day.opened).to_string(), self.bars(|day| day.opened, "good")),
            ("Refused passcodes and codes", sum(|day| day.refused).to_string(), self.bars(|day| day.refused, "bad")),
            ("Sent", size_text(sum(|day| day.bytes)), self.bars(|day| day.bytes, "seal")),
        ]
    }

    fn is_filtered(&self) -> bool {
        !self.form.address_before("").ends_with("?before=")
    }

    const fn days() -> u32 {
        DAYS
    }

    /// Most days have none, and a phone has little room.
    fn size(bytes: &u64) -> String {
        if *bytes == 0 { "0".to_owned() } else { size_text(*bytes) }
    }

    /// `2027-01-15 08:00:12`: times of an audit are compared, not read aloud.
    fn moment(at: &Timestamp) -> String {
        at.to_rfc3339().replace('T', " ").replace('Z', "")
    }

    fn day(at: &Timestamp) -> String {
        at.to_rfc3339().chars().take(10).collect()
    }
}
