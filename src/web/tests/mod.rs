//! The routers against a real engine on a store in memory, with a small channel of their own.

mod access;
mod adoption;
mod aftersales;
mod allocation;
mod api;
mod backups;
mod dashboard;
mod description;
mod documents;
mod due;
mod fulfillment;
mod hooks;
mod once;
mod overview;
mod owed;
mod people;
mod placing;
mod refusals;
mod rig;
mod rules;
mod safety;
mod serving;
mod shape;
mod tuning;
mod users;
