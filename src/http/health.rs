//! Whether the server lives, whether it is ready for requests, and its figures.

use super::error::Refusal;
use crate::app::App;
use crate::metrics::Snapshot;
use actix_web::dev::Server;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpServer, web};
use protocol::Timestamp;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Instant;

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /healthz`: the server runs and its database answers.
pub(super) async fn health(app: web::Data<App>) -> Result<HttpResponse, Refusal> {
    app.store.ping().await?;
    Ok(HttpResponse::Ok().content_type(TEXT).body("ok\n"))
}

/// `GET /readyz`: whether requests should come here; a line for each thing that they need.
pub(super) async fn ready(app: web::Data<App>) -> HttpResponse {
    let readiness = app.readiness().await;
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).content_type(TEXT).body(readiness.to_string())
}

/// Answers `GET /metrics` on a listener of its own, which is not for the public.
pub(crate) fn serve_metrics(app: Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let data = web::Data::from(app);
    let server =
        HttpServer::new(move || actix_web::App::new().app_data(data.clone()).route("/metrics", web::get().to(metrics)));
    Ok(server.workers(1).disable_signals().listen(listener)?.run())
}

async fn metrics(app: web::Data<App>) -> Result<HttpResponse, Refusal> {
    let asked = Instant::now();
    app.store.ping().await?;
    let database_wait = asked.elapsed();
    let (outbox_mails, oldest) = app.store.measure_outbox().await?;
    // Without a second store nothing waits for it.
    let (uncopied_objects, uncopied) = match app.second_copy {
        Some(_) => app.store.measure_uncopied().await?,
        None => (0, None),
    };
    let now = app.clock.now().as_unix();
    let age = |oldest: Option<Timestamp>| oldest.map_or(0, |oldest| now - oldest.as_unix());
    let snapshot = Snapshot {
        transfers: app.store.count_transfers().await?,
        outbox_mails,
        outbox_oldest: age(oldest),
        uncopied_objects,
        uncopied_oldest: age(uncopied),
        connections: app.store.connections(),
        database_wait,
    };
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok().content_type(content_type).body(app.metrics.to_text(&snapshot)))
}
