//! `oneshelf outbox`: what is to be sent, and what waits for a person.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode, query},
    out::{Out, show},
};
use crate::exit::Exit;

/// Lists what is to be sent, and tries again what is parked.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only what is in this state.
    #[arg(long)]
    state: Option<State>,
    /// How many at most.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    /// It waits for a person.
    Parked,
    /// It waits for its turn.
    Waiting,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists what is to be sent.
    List(List),
    /// Tries again what is parked: an intent by its id, or a push by account and listing.
    Retry {
        /// The id of an intent, or an account.
        what: String,
        /// With an account: the listing.
        listing: Option<String>,
    },
    /// Gives up a message that waits, or waits for a person.
    Drop {
        /// The id of its intent.
        what: String,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        None => list(&args.list, client, out).await,
        Some(What::List(asked)) => list(asked, client, out).await,
        Some(What::Drop { what, by }) => {
            let path = format!("/outbox/{}/drop", encode(what));
            let receipt = client.post(&path, &json!({ "by": by })).await?;
            if out.is_json() {
                out.objects([&receipt])?;
            } else {
                out.line("It is given up.")?;
            }
            Ok(Exit::Good)
        }
        Some(What::Retry { what, listing }) => {
            let path = match listing {
                Some(listing) => format!("/listings/{}/{}/retry", encode(what), encode(listing)),
                None => format!("/outbox/{}/retry", encode(what)),
            };
            let receipt = client.post(&path, &json!({})).await?;
            if out.is_json() {
                out.objects([&receipt])?;
            } else {
                out.line("It is tried again.")?;
            }
            Ok(Exit::Good)
        }
    }
}

async fn list(asked: &List, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let state = asked.state.map(|state| match state {
        State::Parked => "parked".to_owned(),
        State::Waiting => "waiting".to_owned(),
    });
    let path = format!("/outbox{}", query(&[("state", state)]));
    let entries = client.list(&path, asked.limit).await?;
    out.table(
        &entries,
        &[
            ("STATE", &|entry| show(entry, "state")),
            ("ACCOUNT", &|entry| show(entry, "account")),
            ("WHAT", &|entry| show(entry, "text")),
            ("SINCE", &|entry| show(entry, "since")),
            ("TRIES", &|entry| show(entry, "tries")),
            ("REASON", &|entry| show(entry, "reason")),
            ("ID", &id),
        ],
    )?;
    Ok(Exit::Good)
}

/// What to say to `retry`.
fn id(entry: &Value) -> String {
    match entry["intent"].as_str() {
        Some(intent) => intent.to_owned(),
        None => show(entry, "listing"),
    }
}
