//! What every journey stands on: a server in this process, a real browser, and steps that read like the product.

pub(crate) mod aside;
pub(crate) mod browser;
mod downloads;
mod driver;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod interrupted;
pub(crate) mod line;
#[path = "../../shared/log.rs"]
pub(crate) mod log;
pub(crate) mod native;
pub(crate) mod page;
pub(crate) mod provider;
pub(crate) mod provider_tour;
pub(crate) mod relay;
pub(crate) mod second_step_tour;
pub(crate) mod site;
pub(crate) mod steps;
pub(crate) mod tour;
pub(crate) mod tour_admin;
