//! Labels of a provider: what they cost, giving them back, and printing them.

use std::{fs, path::Path};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    client::{Client, query},
    fulfillment::{Of, path},
    orders::told,
    out::{Out, money, show},
};
use crate::exit::Exit;

pub(super) async fn rates(
    of: &Of,
    parcel: u32,
    provider: Option<&String>,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, _) = path(of, client).await?;
    let asked = query(&[("provider", provider.cloned())]);
    let told = client
        .get(&format!("{path}/parcels/{parcel}/label/rates{asked}"))
        .await?;
    let rates = told["rates"].as_array().cloned().unwrap_or_default();
    out.table(
        &rates,
        &[
            ("SERVICE", &|rate| show(rate, "service")),
            ("CARRIER", &|rate| show(rate, "carrier")),
            ("COST", &|rate| money(rate, "cost")),
            ("DAYS", &|rate| show(rate, "days")),
        ],
    )?;
    Ok(Exit::Good)
}

pub(super) async fn give_back(
    of: &Of,
    parcel: u32,
    by_hand: bool,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (at, order) = path(of, client).await?;
    let task = at.rsplit('/').next().unwrap_or_default().to_owned();
    let tasks = order["tasks"].as_array().into_iter().flatten();
    let mut tasks = tasks.filter(|one| one["id"] == task.as_str());
    let parcels = tasks.next().and_then(|one| one["parcels"].as_array());
    let mut parcels = parcels.into_iter().flatten();
    let known = parcels.find(|one| one["number"] == parcel);
    let is_sold = known.is_some_and(|known| known["label"]["provider"].is_string());
    let done = match is_sold && !by_hand {
        true => "The label is to be given back",
        false => "The label is void",
    };
    let by_hand = by_hand.then(|| "true".to_owned());
    let asked = query(&[("by", of.by.clone()), ("by_hand", by_hand)]);
    let path = format!("{at}/parcels/{parcel}/label{asked}");
    told(&client.delete(&path).await?, done, out)
}

pub(super) async fn print(
    of: &Of,
    parcel: u32,
    output: &Path,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, _) = path(of, client).await?;
    let told = client
        .get(&format!("{path}/parcels/{parcel}/label/file"))
        .await?;
    let file = BASE64_STANDARD
        .decode(show(&told, "pdf_base64"))
        .context("what the daemon gives is no file")?;
    fs::write(output, file).with_context(|| format!("cannot write `{}`", output.display()))?;
    match out.is_json() {
        true => out.objects([&serde_json::json!({ "file": output })])?,
        false => out.line(&format!("Written to {}.", output.display()))?,
    }
    Ok(Exit::Good)
}
