//! A server of a test's own, for pages that are not the product's.

use actix_web::web::ServiceConfig;
use actix_web::{App, HttpResponse, HttpServer};

/// Serves `routes` from a thread that lives as long as this process; answers the origin.
pub(crate) fn serve(routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || App::new().configure(routes.clone());
            HttpServer::new(app).disable_signals().listen(listener).unwrap().run().await.unwrap();
        });
    });
    origin
}

pub(crate) fn html(page: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.into())
}

/// A module or a script from the disk; anything missing is 404.
pub(crate) fn code(path: &std::path::Path) -> HttpResponse {
    let kind = if path.extension().is_some_and(|end| end == "wasm") { "application/wasm" } else { "text/javascript" };
    match std::fs::read(path) {
        Ok(bytes) => HttpResponse::Ok().content_type(kind).body(bytes),
        Err(_) => HttpResponse::NotFound().finish(),
    }
}
