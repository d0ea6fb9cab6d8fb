//! What orders, stock and offers are, and every decision about them.
//!
//! This crate is pure and synchronous: it knows no clock, no randomness, no log and no I/O. Whatever
//! a decision needs is handed to it as a value, so the same state, input and time give the same
//! decision, on every backend and in every replay. Start reading at [`decide`].
#![warn(missing_docs)]

pub mod adoption;
pub mod allocation;
pub mod arrival;
pub mod audit;
pub mod billing;
pub mod book;
pub mod breaker;
pub mod budget;
pub mod buffer;
pub mod count;
pub mod deadlines;
pub mod decide;
pub mod delivery;
pub mod demand;
pub mod exchange;
pub mod exposure;
pub mod fact;
pub mod fulfillment;
pub mod ids;
pub mod incident;
pub mod insight;
pub mod intent;
pub mod issuing;
pub mod item;
pub mod lateness;
pub mod locations;
pub mod mapping;
pub mod message;
pub mod money;
pub mod notes;
pub mod offer;
pub mod order;
pub mod order_rules;
pub mod owed;
pub mod past;
pub mod payment;
pub mod person;
pub mod placement;
pub mod policy;
pub mod possible;
pub mod postal;
pub mod quantity;
pub mod returns;
pub mod risk;
pub mod rules;
pub mod signal;
pub mod sku;
pub mod snapshot;
pub mod stock;
pub mod time;
pub mod verify;

pub use ids::{AccountId, ChannelId, ExternalId, IdSource, ListingId};
pub use money::{Currency, Money};
pub use quantity::{Decimal, Quantity};
pub use sku::Sku;
pub use time::{Day, Time};
