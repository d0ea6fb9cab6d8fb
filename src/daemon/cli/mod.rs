//! The commands that talk to a running daemon over its admin API.
//!
//! A command asks, prints and ends; none decides anything, and none opens the store but [`backup`], where
//! no daemon has it. With `--json` it prints
//! one object a line, as the API gave it, and without it tables and sentences for people. Start
//! reading at [`Verb::run`].

mod accounts;
mod adopt;
mod aftersales;
mod allocation;
mod audit;
pub mod backup;
mod client;
mod documents;
mod drift;
mod due;
mod evidence;
mod exposure;
mod freeze;
mod fulfillment;
mod import;
mod incidents;
mod insight;
mod labels;
mod listings;
mod moves;
mod orders;
mod out;
mod outbox;
mod overview;
mod partner;
mod pausing;
mod people;
mod placing;
mod rules;
mod status;
mod stock;
mod stock_sheet;
mod users;
mod zip;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{
    exit::{self, Exit},
    settings::Environment,
};
use client::{Client, Connect, Failure};
use out::Out;

/// What to ask or want of a running daemon.
#[derive(Debug, Subcommand)]
pub enum Verb {
    Status(status::Args),
    Orders(orders::Args),
    Import(import::Args),
    People(people::Args),
    Stock(stock::Args),
    Listings(listings::Args),
    Accounts(accounts::Args),
    Adopt(adopt::Args),
    Outbox(outbox::Args),
    Partner(partner::Args),
    Rules(rules::Args),
    Drift(drift::Args),
    Incidents(incidents::Args),
    Insight(insight::Args),
    Freeze(freeze::Args),
    Unfreeze(freeze::UnfreezeArgs),
    Pause(pausing::Args),
    Resume(pausing::ResumeArgs),
    Sync(pausing::SyncArgs),
    Backfill(pausing::BackfillArgs),
    Users(users::Args),
    /// Prints the description of the admin API (OpenAPI 3.1); needs no daemon.
    Openapi,
}

impl Verb {
    /// Does it, and says by its exit code how it went.
    pub async fn run(self, environment: &Environment) -> anyhow::Result<ExitCode> {
        let mut stdout = std::io::stdout().lock();
        let result = match self.connect() {
            Some(connect) => {
                let client = connect.client(environment)?;
                let mut out = Out::new(&mut stdout, connect.json);
                self.hand_over(&client, &mut out).await
            }
            None => Out::new(&mut stdout, true)
                .text(&format!("{:#}", web::openapi()))
                .map(|()| Exit::Good),
        };
        settle(result).map(ExitCode::from)
    }

    fn connect(&self) -> Option<&Connect> {
        match self {
            Verb::Status(args) => Some(&args.connect),
            Verb::Orders(args) => Some(&args.connect),
            Verb::Import(args) => Some(&args.connect),
            Verb::People(args) => Some(&args.connect),
            Verb::Stock(args) => Some(&args.connect),
            Verb::Listings(args) => Some(&args.connect),
            Verb::Accounts(args) => Some(&args.connect),
            Verb::Adopt(args) => Some(&args.connect),
            Verb::Outbox(args) => Some(&args.connect),
            Verb::Partner(args) => Some(&args.connect),
            Verb::Rules(args) => Some(&args.connect),
            Verb::Drift(args) => Some(&args.connect),
            Verb::Incidents(args) => Some(&args.connect),
            Verb::Insight(args) => Some(&args.connect),
            Verb::Freeze(args) => Some(&args.connect),
            Verb::Unfreeze(args) => Some(&args.connect),
            Verb::Pause(args) => Some(&args.connect),
            Verb::Resume(args) => Some(&args.args.connect),
            Verb::Sync(args) => Some(&args.connect),
            Verb::Backfill(args) => Some(&args.connect),
            Verb::Users(args) => Some(&args.connect),
            Verb::Openapi => None,
        }
    }

    async fn hand_over(&self, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
        match self {
            Verb::Status(args) => status::run(args, client, out).await,
            Verb::Orders(args) => orders::run(args, client, out).await,
            Verb::Import(args) => import::run(args, client, out).await,
            Verb::People(args) => people::run(args, client, out).await,
            Verb::Stock(args) => stock::run(args, client, out).await,
            Verb::Listings(args) => listings::run(args, client, out).await,
            Verb::Accounts(args) => accounts::run(args, client, out).await,
            Verb::Adopt(args) => adopt::run(args, client, out).await,
            Verb::Outbox(args) => outbox::run(args, client, out).await,
            Verb::Partner(args) => partner::run(args, client, out).await,
            Verb::Rules(args) => rules::run(args, client, out).await,
            Verb::Drift(args) => drift::run(args, client, out).await,
            Verb::Incidents(args) => incidents::run(args, client, out).await,
            Verb::Insight(args) => insight::run(args, client, out).await,
            Verb::Freeze(args) => freeze::run(args, client, out).await,
            Verb::Unfreeze(args) => freeze::run_back(args, client, out).await,
            Verb::Pause(args) => pausing::run(args, client, out).await,
            Verb::Resume(args) => pausing::run_back(args, client, out).await,
            Verb::Sync(args) => pausing::sync(args, client, out).await,
            Verb::Backfill(args) => pausing::backfill(args, client, out).await,
            Verb::Users(args) => users::run(args, client, out).await,
            Verb::Openapi => Ok(Exit::Good),
        }
    }
}

/// Tells what failed, and turns it into an exit code. Whoever closed the pipe has read enough.
fn settle(result: anyhow::Result<Exit>) -> anyhow::Result<Exit> {
    let error = match result {
        Ok(exit) => return Ok(exit),
        Err(error) => error,
    };
    let is_closed = error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
    if is_closed {
        return Ok(Exit::Good);
    }
    match error.downcast_ref::<Failure>() {
        Some(failure) => {
            exit::tell(&format!("error: {failure}\n"));
            Ok(failure.exit())
        }
        None => Err(error),
    }
}
