//! Stock that moves: transfers, arrivals, conditions, and stocktakes.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Decimal, Sku, Time,
    decide::Refusal,
    ids::{ArrivalId, CountId},
    signal::{Command, Receipt, Signal, Sorting, Transfer},
    stock::{Condition, LocationId},
};
use engine::views;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use crate::{
    ask::{Amount, Ask, At, PageQuery, id},
    paging::Place,
    problem::Problem,
    write::{Write, carry_out, once, optional_text, text},
};

/// Who did it when nobody says.
const SOMEBODY: &str = "api";
/// The most items that a stocktake names.
const SKUS_MAX: usize = 1000;
/// A difference above this is counted again, where a stocktake says nothing else.
const RECOUNT_ABOVE: Decimal = Decimal::whole(2);

fn somebody(by: Option<String>) -> Result<String, Problem> {
    Ok(optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned()))
}

fn place(path: &str, location: String) -> Result<LocationId, Problem> {
    text(path, location).map(LocationId::new)
}

fn said(path: &str, words: Option<String>) -> Result<String, Problem> {
    Ok(optional_text(path, words)?.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTransfer {
    sku: Sku,
    units: Amount,
    from: String,
    to: String,
    due: Option<Time>,
    #[serde(default)]
    at_once: bool,
    reference: Option<String>,
    by: Option<String>,
}

pub(crate) async fn transfer(
    State(admin): State<Admin>,
    write: Write<NewTransfer>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let command = Command::Transfer(Transfer {
        sku: asked.sku,
        units: asked.units.0,
        from: place("from", asked.from)?,
        to: place("to", asked.to)?,
        due: asked.due,
        is_at_once: asked.at_once,
        reference: said("reference", asked.reference)?,
        by: somebody(asked.by)?,
    });
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewArrival {
    sku: Sku,
    units: Amount,
    location: Option<String>,
    due: Option<Time>,
    reference: Option<String>,
    by: Option<String>,
}

pub(crate) async fn expect(
    State(admin): State<Admin>,
    write: Write<NewArrival>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let location = optional_text("location", asked.location)?.map(LocationId::new);
    let command = Command::Expect {
        sku: asked.sku,
        units: asked.units.0,
        location: location.unwrap_or_else(|| admin.engine.decider.policy().home.clone()),
        due: asked.due,
        reference: said("reference", asked.reference)?,
        by: somebody(asked.by)?,
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn arrivals(
    State(admin): State<Admin>,
    Ask(ask): Ask<PageQuery>,
) -> Result<Response, Problem> {
    let place = Place::read(&"arrivals", ask.cursor.as_deref(), ask.limit)?;
    let (after, limit) = (place.after.clone(), place.limit);
    let page = views::stocktakes::arrivals(&admin.engine, after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReceipt {
    sku: Sku,
    units: Option<Amount>,
    location: Option<String>,
    #[serde(default)]
    condition: Condition,
    arrival: Option<ArrivalId>,
    reference: Option<String>,
    by: Option<String>,
}

pub(crate) async fn receive(
    State(admin): State<Admin>,
    write: Write<NewReceipt>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let command = Command::Receive(Receipt {
        sku: asked.sku,
        units: asked.units.map(|units| units.0),
        location: optional_text("location", asked.location)?.map(LocationId::new),
        condition: asked.condition,
        arrival: asked.arrival,
        reference: said("reference", asked.reference)?,
        by: somebody(asked.by)?,
    });
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GiveUp {
    sku: Sku,
    reason: String,
}

pub(crate) async fn give_up(
    State(admin): State<Admin>,
    At(arrival): At<String>,
    write: Write<GiveUp>,
) -> Result<Response, Problem> {
    let command = Command::GiveUp {
        sku: write.body.sku,
        arrival: id("arrival", &arrival)?,
        reason: text("reason", write.body.reason)?,
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSorting {
    sku: Sku,
    units: Amount,
    location: Option<String>,
    from: Condition,
    to: Condition,
    reason: String,
    by: Option<String>,
}

pub(crate) async fn sort(
    State(admin): State<Admin>,
    write: Write<NewSorting>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let location = optional_text("location", asked.location)?.map(LocationId::new);
    let command = Command::Sort(Sorting {
        sku: asked.sku,
        location: location.unwrap_or_else(|| admin.engine.decider.policy().home.clone()),
        units: asked.units.0,
        from: asked.from,
        to: asked.to,
        reason: text("reason", asked.reason)?,
        by: somebody(asked.by)?,
    });
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCount {
    location: Option<String>,
    #[serde(default)]
    skus: Vec<Sku>,
    recount_above: Option<Amount>,
    by: Option<String>,
}

pub(crate) async fn open_count(
    State(admin): State<Admin>,
    write: Write<NewCount>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let bad = |path: &str, detail: String| {
        Problem::new(&crate::problem::BAD_BODY, format!("{path}: {detail}")).with("path", path)
    };
    if asked.skus.len() > SKUS_MAX {
        return Err(bad(
            "skus",
            format!("more than {SKUS_MAX}; name none to count everything"),
        ));
    }
    let recount_above = asked.recount_above.map_or(RECOUNT_ABOVE, |amount| amount.0);
    if recount_above.parts().0 < 0 {
        return Err(bad("recount_above", "it cannot be below 0".to_owned()));
    }
    let location = optional_text("location", asked.location)?.map(LocationId::new);
    let command = Command::OpenCount {
        location: location.unwrap_or_else(|| admin.engine.decider.policy().home.clone()),
        skus: asked.skus,
        recount_above,
        by: somebody(asked.by)?,
    };
    let status = StatusCode::CREATED;
    once(
        &admin,
        write.ticket,
        status,
        move |engine, rows| async move {
            let done = engine
                .decide_alongside(Signal::Command(command), rows)
                .await?;
            // Others may be open elsewhere, and ids go up.
            let opened = done.book.counts.keys().next_back().copied();
            let shown = match opened {
                Some(id) => views::stocktakes::detail(&engine, id).await?,
                None => None,
            };
            Ok(shown.map_or(Value::Null, |shown| json!(shown)))
        },
    )
    .await
}

pub(crate) async fn counts(
    State(admin): State<Admin>,
    Ask(ask): Ask<PageQuery>,
) -> Result<Response, Problem> {
    let place = Place::read(&"counts", ask.cursor.as_deref(), ask.limit)?;
    let (after, limit) = (place.after.clone(), place.limit);
    let page = views::stocktakes::list(&admin.engine, after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn count(
    State(admin): State<Admin>,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let count: CountId = id("count", &name)?;
    let found = views::stocktakes::detail(&admin.engine, count).await?;
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(|| Refusal::NoCount(count).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEntry {
    sku: Sku,
    units: Amount,
    as_of: Option<Time>,
    by: Option<String>,
}

pub(crate) async fn enter(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write<NewEntry>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let (count, sku): (CountId, Sku) = (id("count", &name)?, asked.sku.clone());
    let command = Command::EnterCount {
        count,
        sku: asked.sku,
        units: asked.units.0,
        as_of: asked.as_of,
        by: somebody(asked.by)?,
    };
    let status = StatusCode::CREATED;
    once(
        &admin,
        write.ticket,
        status,
        move |engine, rows| async move {
            let done = engine
                .decide_alongside(Signal::Command(command), rows)
                .await?;
            let scale = done.book.items.get(&sku).map_or(0, |item| item.scale);
            let entry = done.book.entries.get(&(count, sku));
            let shown = entry.and_then(|entry| views::stocktakes::entry_view(entry, scale));
            Ok(shown.map_or(Value::Null, |shown| json!(shown)))
        },
    )
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseCount {
    #[serde(default)]
    discard: bool,
    by: Option<String>,
}

pub(crate) async fn close_count(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write<CloseCount>,
) -> Result<Response, Problem> {
    let command = Command::CloseCount {
        count: id("count", &name)?,
        discards: write.body.discard,
        by: somebody(write.body.by)?,
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}
