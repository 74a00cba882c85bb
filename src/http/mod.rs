//! HTTP only: parse, call, reply. This file is the one route table and the one order of middleware.
//!
//! | file | for |
//! | --- | --- |
//! | [`error`] | the one mapping from errors to answers (RFC 9457 problem+json, or a page for a browser) |
//! | `security` | the HTTP baseline on every answer, the same-origin check, the request log |
//! | `extract`, `cookies`, `client` | what handlers take: the session, bodies, tickets, cookies, the client's address |
//! | `line` | cuts clients that are too slow |
//! | `signed_in` | how far a request's session has come |
//! | `single_sign_on` | signing in by the provider |
//! | `bearer` | what a request with an access token may do |
//! | `sign_in`, `second_step`, `account`, `factors`, `tokens`, `me`, `transfers`, `parts`, `restarts`, `sealing`, `open`, `mailbox`, `objects`, `mine` | one file a resource |
//! | `codes` | codes that are mailed and typed, for all that they lead to |
//! | `direct` | signed requests for parts that do not pass through here |
//! | `audit`, `audit_page` | what auditors read |
//! | `people`, `oversight` | for administrators and heads of a department: who may do what, what is under way |
//! | [`openapi`] | the API's description for programs |
//! | `paging` | pages of a list |
//! | `health` | whether the server lives and is ready, and its figures |
//! | `rates` | how often what may be asked |
//! | `pages`, `problem_pages`, `assets` | what browsers see |
//!
//! This room must not hold rules (`transfer`, `people`, `audit`) or SQL (`store`). A handler reads as a script.

mod account;
mod assets;
mod audit;
mod audit_page;
mod bearer;
mod client;
mod codes;
mod cookies;
mod direct;
pub mod error;
mod extract;
mod factors;
mod health;
mod line;
mod mailbox;
mod me;
mod mine;
mod objects;
mod open;
pub mod openapi;
mod oversight;
mod pages;
mod paging;
mod parts;
mod people;
mod problem_pages;
mod rates;
mod restarts;
mod sealing;
mod second_step;
mod security;
mod sign_in;
mod signed_in;
mod single_sign_on;
mod tokens;
mod transfers;

pub(crate) use self::health::serve_metrics;
use crate::app::App;
use crate::tls::Certificate;
use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::{HttpServer, Route as Handling, guard, middleware, web};
use protocol::tokens::Scope;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

/// Who may call a route; the tests hold every route to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Anyone,
    /// Whoever asked for a code in this browser.
    Browser,
    /// Whoever took the first step of signing in, by a mailed code or the provider, whatever is left of it.
    SignedIn,
    /// Whoever has no second step left to show.
    SettingUp,
    /// Whoever is signed in, with every step of it, whatever they may do.
    Person,
    /// A signed-in sender.
    Sender,
    /// The signed-in sender whose transfer it is.
    Owner,
    /// A signed-in auditor.
    Auditor,
    /// A signed-in administrator.
    Administrator,
    /// The signed-in head of a department.
    DepartmentHead,
    /// Whoever holds a link.
    Link,
    /// Whoever proved an address to see what waits for it.
    Reader,
    /// Whoever unlocked the transfer.
    Ticket,
}

/// One line of the route table.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// `GET` also answers HEAD.
    pub method: &'static str,
    /// With `{names}` for what varies.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What an access token must have been made for to call it for its owner; `None`: no token calls it.
    pub scope: Option<Scope>,
}

macro_rules! scope {
    () => {
        None
    };
    ($scope:ident) => {
        Some(Scope::$scope)
    };
}

/// Writes each route once: the table for tests and documents, and the same routes for actix. In parentheses stands the scope.
macro_rules! routes {
    ($($path:literal => { $($method:ident $access:ident $(($scope:ident))? $handler:path),+ $(,)? })+) => {
        /// Every route there is.
        pub const ROUTES: &[Route] = &[
            $($(Route {
                method: stringify!($method),
                path: $path,
                access: Access::$access,
                scope: scope!($($scope)?),
            },)+)+
        ];

        fn configure(config: &mut web::ServiceConfig) {
            $(config.service(
                web::resource($path)
                    $(.route(on(Method::$method).to($handler)))+
                    .default_service(web::to(|| refuse_method(&[$(stringify!($method)),+]))),
            );)+
        }
    };
}

routes! {
    "/healthz" => { GET Anyone health::health }
    "/readyz" => { GET Anyone health::ready }
    "/" => { GET Anyone pages::sign_in }
    "/sign-in/provider" => { GET Anyone single_sign_on::start }
    "/sign-in/provider/callback" => { GET Anyone single_sign_on::finish }
    "/second-step" => { GET SignedIn pages::second_step }
    "/account" => { GET SettingUp pages::account }
    "/welcome" => { GET Person pages::welcome }
    "/send" => { GET Sender pages::send }
    "/sent" => { GET Sender pages::sent }
    "/sent/{transfer_id}" => { GET Sender pages::transfer }
    "/audit" => { GET Auditor audit_page::show }
    "/open" => { GET Anyone pages::open }
    "/mine" => { GET Anyone pages::mine }
    "/first-administrator" => { GET Anyone pages::first_administrator }
    "/department" => { GET DepartmentHead pages::department }
    "/admin/people" => { GET Administrator pages::people }
    "/admin/transfers" => { GET Administrator pages::under_way }
    "/admin/state" => { GET Administrator pages::state }
    "/about" => { GET Anyone pages::about }
    "/problems" => { GET Anyone problem_pages::list }
    "/problems/{slug}" => { GET Anyone problem_pages::detail }
    "/assets/{hash}/{path:.*}" => { GET Anyone assets::get }
    "/api/v1/openapi.json" => { GET Anyone openapi::get }
    "/api/v1/sign-in" => { POST Anyone sign_in::ask }
    "/api/v1/sign-in/code" => { POST Browser sign_in::enter }
    "/api/v1/sign-in/second-step" => { POST SignedIn second_step::enter }
    "/api/v1/sign-in/passkey" => { POST SignedIn second_step::ask_passkey }
    "/api/v1/sign-in/passkey/answer" => { POST SignedIn second_step::answer_passkey }
    "/api/v1/session" => { DELETE SignedIn sign_in::end, POST Person me::stay }
    "/api/v1/account" => { GET SettingUp account::show }
    "/api/v1/account/app" => { POST SettingUp factors::begin_app }
    "/api/v1/account/app/confirm" => { POST SettingUp factors::confirm_app }
    "/api/v1/account/passkey" => { POST SettingUp factors::begin_passkey }
    "/api/v1/account/passkey/confirm" => { POST SettingUp factors::confirm_passkey }
    "/api/v1/account/factors/{factor_id}" => { PUT Person account::rename, DELETE Person account::remove }
    "/api/v1/account/identity" => { DELETE Person account::disconnect }
    "/api/v1/account/recovery-codes" => { POST Person account::make_recovery_codes }
    "/api/v1/account/sessions" => { DELETE Person account::end_other_sessions }
    "/api/v1/account/sessions/{session_id}" => { DELETE Person account::end_session }
    "/api/v1/account/tokens" => { POST Person tokens::make }
    "/api/v1/account/tokens/{token_id}" => { DELETE Person tokens::revoke }
    "/api/v1/me" => { GET Person(TransfersRead) me::show, PUT Person me::change }
    "/api/v1/first-administrator" => { POST Person people::become_first }
    "/api/v1/admin/people" => { GET Administrator(PeopleRead) people::list, POST Administrator(PeopleWrite) people::invite }
    "/api/v1/admin/people/{account_id}" => { GET Administrator(PeopleRead) people::detail, PUT Administrator(PeopleWrite) people::change }
    "/api/v1/admin/people/{account_id}/disable" => { POST Administrator(PeopleWrite) people::disable }
    "/api/v1/admin/people/{account_id}/enable" => { POST Administrator(PeopleWrite) people::enable }
    "/api/v1/admin/people/{account_id}/identity" => { DELETE Administrator(PeopleWrite) people::disconnect }
    "/api/v1/admin/people/{account_id}/invitation" => { POST Administrator(PeopleWrite) people::invite_again }
    "/api/v1/admin/transfers" => { GET Administrator(OversightRead) oversight::list_under_way }
    "/api/v1/admin/transfers/{transfer_id}/end" => { POST Administrator(OversightWrite) oversight::end }
    "/api/v1/admin/state" => { GET Administrator(StateRead) oversight::state }
    "/api/v1/department/transfers" => { GET DepartmentHead(OversightRead) oversight::list_department }
    "/api/v1/transfers" => { GET Sender(TransfersRead) transfers::list, POST Sender(TransfersWrite) transfers::create }
    "/api/v1/transfers/{transfer_id}" => { GET Owner(TransfersRead) transfers::detail }
    "/api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}" => { PUT Owner(TransfersWrite) parts::put }
    "/api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}/url" => { POST Owner(TransfersWrite) direct::sign_put }
    "/api/v1/transfers/{transfer_id}/objects/{object_id}/parts/{n}/stored" => { POST Owner(TransfersWrite) direct::note_stored }
    "/api/v1/transfers/{transfer_id}/objects/{object_id}/restart" => { POST Owner(TransfersWrite) restarts::restart }
    "/api/v1/transfers/{transfer_id}/seal" => { POST Owner(TransfersWrite) sealing::seal }
    "/api/v1/transfers/{transfer_id}/end" => { POST Owner(TransfersWrite) transfers::end }
    "/api/v1/transfers/{transfer_id}/mail" => { POST Owner(TransfersWrite) sealing::resend }
    "/api/v1/transfers/{transfer_id}/log" => { GET Owner(TransfersRead) transfers::log }
    "/api/v1/audit" => { GET Auditor(AuditRead) audit::list }
    "/api/v1/audit/state" => { GET Auditor(AuditRead) audit::state }
    "/api/v1/audit/export" => { GET Auditor(AuditRead) audit::export }
    "/api/v1/open" => { POST Link open::look }
    "/api/v1/open/mailbox" => { POST Link mailbox::ask }
    "/api/v1/open/mailbox/code" => { POST Browser mailbox::enter }
    "/api/v1/open/unlock" => { POST Link open::unlock }
    "/api/v1/open/objects/{object_id}" => { GET Ticket objects::fetch }
    "/api/v1/open/objects/{object_id}/parts/{n}/url" => { GET Ticket direct::sign_get }
    "/api/v1/open/receipt" => { POST Ticket open::receipt }
    "/api/v1/mine" => { GET Reader mine::list, POST Anyone mine::ask, DELETE Reader mine::end }
    "/api/v1/mine/code" => { POST Browser mine::enter }
}

/// A route for `method`; HEAD is answered where GET is.
fn on(method: Method) -> Handling {
    if method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method)
    }
}

async fn refuse_method(allowed: &[&str]) -> error::Refusal {
    error::Refusal::method_not_allowed(allowed)
}

/// Connections that one worker holds at a time (the framework's own number).
const CONNECTIONS: usize = 25_600;

/// Binds the routes and the baseline to a listener.
pub(crate) fn serve(app: Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let patience = app.config.patience;
    let tls = app.certificate.as_ref().map(Certificate::server_config).transpose().map_err(std::io::Error::other)?;
    let data = web::Data::from(app);
    let server = HttpServer::new(move || {
        actix_web::App::new()
            .app_data(data.clone())
            .app_data(web::PathConfig::default().error_handler(|_, _| error::Refusal::not_found().into()))
            .app_data(web::QueryConfig::default().error_handler(|_, _| error::Refusal::bad_query().into()))
            .configure(configure)
            .default_service(web::to(|| async { error::Refusal::not_found() }))
            .wrap(middleware::from_fn(security::baseline))
    })
    // The framework answers a first head that is late; later heads and answers are watched by `line`, bodies by `extract`.
    .client_request_timeout(patience.head)
    .on_connect(move |connection, data| line::Line::watch(patience, connection, data))
    // Who is refused before the whole part was sent gets this long to send the rest, which is thrown away: a browser
    // that finds the connection cut never reads the refusal.
    .client_disconnect_timeout(Duration::from_secs(30))
    .keep_alive(patience.idle)
    .tls_handshake_timeout(patience.head)
    // As many as connections: a few hundred clients that begin a handshake and fall silent would shut out all others.
    .max_connection_rate(CONNECTIONS)
    .max_connections(CONNECTIONS)
    .shutdown_timeout(20)
    .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls)?,
        None => server.listen(listener)?,
    };
    Ok(server.run())
}
