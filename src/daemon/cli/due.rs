//! `oneshelf orders due`: what must leave or arrive, by when, and how it stands with each account.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use engine::views::due::Standing;
use serde_json::Value;

use super::{
    client::{Client, query},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// Which deadlines are listed.
#[derive(Debug, clap::Args)]
pub(super) struct Due {
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// Only what stands so.
    #[arg(long, value_parser = PossibleValuesParser::new(Standing::ALL.map(Standing::word)))]
    state: Option<String>,
    /// What is over within this time, `36h` or `7d`; two days when it is not said.
    #[arg(long, value_name = "TIME")]
    within: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

pub(super) async fn run(asked: &Due, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let filters = query(&[
        ("account", asked.account.clone()),
        ("state", asked.state.clone()),
        ("within", asked.within.clone()),
    ]);
    let due = client
        .list(&format!("/orders/due{filters}"), asked.limit)
        .await?;
    out.table(
        &due,
        &[
            ("STATE", &|one| show(one, "state")),
            ("WHAT", &|one| show(one, "due")),
            ("BY", &|one| show(one, "by")),
            ("NUMBER", &|one| show(one, "number")),
            ("ACCOUNT", &|one| show(one, "account")),
            ("PHASE", &|one| show(one, "phase")),
            ("ORDER", &|one| show(one, "id")),
            ("", &|one| show(one, "text")),
        ],
    )?;
    if !out.is_json() && !due.is_empty() {
        out.line("")?;
        for sentence in by_account(&due) {
            out.line(&sentence)?;
        }
    }
    Ok(Exit::Good)
}

/// `eu-shop: 2 late, 1 at risk`: how many of each.
fn by_account(due: &[Value]) -> Vec<String> {
    let mut sums: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    for one in due {
        let state = Standing::ALL
            .iter()
            .position(|state| one["state"] == state.word());
        let sum = sums.entry(show(one, "account")).or_default();
        if let Some(slot) = state.and_then(|state| sum.get_mut(state)) {
            *slot += 1;
        }
    }
    let told = |(account, sum): (String, [usize; 4])| {
        let parts = Standing::ALL
            .iter()
            .zip(sum)
            .filter(|(_, number)| *number > 0);
        let parts =
            parts.map(|(state, number)| format!("{number} {}", state.word().replace('_', " ")));
        format!("{account}: {}", parts.collect::<Vec<_>>().join(", "))
    };
    let mut lines: Vec<String> = sums.into_iter().map(told).collect();
    lines.push(format!(
        "{} in all.",
        count(&due.len().to_string(), "deadline")
    ));
    lines
}
