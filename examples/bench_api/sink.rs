//! What the same framework does when nothing is checked, digested or stored: the yardstick for parts and downloads.

use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::io;

/// The argument that makes this program the sink.
pub(crate) const ARGUMENT: &str = "sink";

/// Bytes handed over at a time, as by the product.
const BATCH_LEN: u64 = 256 * 1024;

/// Takes every PUT and forgets it; answers `GET /{len}` with so many zeros. Ends with the process.
pub(crate) fn run() {
    let address = std::env::var("FILMJACKET_LISTEN").unwrap();
    actix_web::rt::System::new().block_on(async move {
        let routes = || {
            App::new()
                .route("/healthz", web::get().to(HttpResponse::Ok))
                .route("/{len}", web::get().to(give))
                .default_service(web::put().to(take))
        };
        HttpServer::new(routes).bind(address).unwrap().run().await.unwrap();
    });
}

async fn take(mut body: web::Payload) -> HttpResponse {
    while let Some(piece) = body.next().await {
        drop(piece.unwrap());
    }
    HttpResponse::NoContent().finish()
}

async fn give(len: web::Path<u64>) -> HttpResponse {
    let len = len.into_inner();
    let zeros = Bytes::from(vec![0; BATCH_LEN as usize]);
    let pieces = (0..len.div_ceil(BATCH_LEN)).map(move |n| (len - n * BATCH_LEN).min(BATCH_LEN) as usize);
    let body = stream::iter(pieces.map(move |piece| Ok::<_, io::Error>(zeros.slice(..piece))));
    HttpResponse::Ok().no_chunking(len).streaming(body)
}
