//! Hooks and the admin API over HTTP.
//!
//! Two routers for two listeners: [`public`] takes hooks and nothing else, [`admin`] everything that
//! people and programs do. Nothing is decided here: a request becomes a question to
//! [`engine::views`] or a signal for the engine, and the answer becomes JSON or a problem. Bodies and
//! queries are never logged. Every route of the API is a row in [`routes`]; start reading there.

mod access;
mod admin;
mod ask;
mod dashboard;
mod hooks;
mod limits;
mod metrics;
mod openapi;
mod paging;
pub mod problem;
mod routes;
mod schemas;
mod serve;
mod write;

#[cfg(test)]
mod tests;

pub use access::{NotAToken, Tokens};
pub use admin::{admin, configuration::Configured};
pub use dashboard::invite;
pub use hooks::public;
pub use limits::Limits;
pub use openapi::openapi;
pub use serve::serve;
