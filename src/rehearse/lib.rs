//! The deterministic simulator: engine, connectors and twins in one process under virtual time.
//!
//! One seed fixes time, faults, buyers, crash points and the order of all tasks; what happens is a
//! trace, and two runs of one seed give the same. It runs the very engine and connectors that the
//! daemon runs, through the ports, and judges them by the truth of the twins. It is never part of a
//! running daemon. Start reading at [`run::run`].

mod aftercare;
mod alarms;
mod banks;
pub mod checkers;
mod clerk;
pub mod coverage;
pub mod disk;
pub mod executor;
pub mod figures;
pub mod findings;
pub mod gateways;
mod goods;
pub mod hooks;
mod leaving;
pub mod market;
mod mishaps;
mod office;
pub mod own;
mod packer;
mod paperwork;
mod phone;
mod places;
pub mod plan;
pub mod port;
mod promises;
pub mod pushes;
pub mod quiet;
pub mod rows;
pub mod run;
pub mod shrink;
mod slips;
mod storeroom;
pub mod trace;
pub mod world;
mod worth;

pub use coverage::Coverage;
pub use findings::Checker;
pub use plan::{Scale, Weather};
pub use run::{Report, run, run_each, run_many, run_with};
pub use worth::lacks;
