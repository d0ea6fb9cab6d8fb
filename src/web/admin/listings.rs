//! Which items listings are, as people say it.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{AccountId, Sku, audit::What, mapping::Named, signal::Command};
use engine::views;
use serde::Deserialize;

use super::Admin;
use crate::{
    ask::{Ask, bad_parameter},
    paging::Place,
    problem::{self, Problem},
    write::{Ticket, Write, carry_out, optional_text, text},
};

/// Who said it when nobody says.
const SOMEBODY: &str = "api";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnmappedQuery {
    account: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
    account: Option<String>,
    what: Option<String>,
}

/// Which item a listing is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapListing {
    account: String,
    listing: String,
    sku: Sku,
    by: Option<String>,
}

/// What is taken back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnmapListing {
    account: String,
    listing: String,
    by: Option<String>,
}

pub(crate) async fn unmapped(
    State(admin): State<Admin>,
    Ask(ask): Ask<UnmappedQuery>,
) -> Result<Response, Problem> {
    let account = admin.narrowed_to(ask.account.as_deref()).await?;
    let place = Place::read(&("unmapped", &account), ask.cursor.as_deref(), ask.limit)?;
    let (after, limit) = (place.after.as_deref(), place.limit);
    let page = views::unmapped::list(&admin.engine, account.as_ref(), after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn audit(
    State(admin): State<Admin>,
    Ask(ask): Ask<AuditQuery>,
) -> Result<Response, Problem> {
    let account = admin.narrowed_to(ask.account.as_deref()).await?;
    let what = match ask.what.as_deref() {
        None => None,
        Some(word) => Some(what(word)?),
    };
    let found = views::audit::audit(&admin.engine, account.as_ref(), what).await?;
    Ok(Json(found).into_response())
}

fn what(word: &str) -> Result<What, Problem> {
    let found = What::ALL.into_iter().find(|what| what.word() == word);
    found.ok_or_else(|| {
        let known = What::ALL.map(What::word).join(", ");
        bad_parameter("what", format!("is none of {known}"))
    })
}

pub(crate) async fn map(
    State(admin): State<Admin>,
    Write { body, ticket }: Write<MapListing>,
) -> Result<Response, Problem> {
    let named = (body.account.as_str(), body.listing);
    say(&admin, named, Some(body.sku), body.by, ticket).await
}

pub(crate) async fn unmap(
    State(admin): State<Admin>,
    Write { body, ticket }: Write<UnmapListing>,
) -> Result<Response, Problem> {
    let named = (body.account.as_str(), body.listing);
    say(&admin, named, None, body.by, ticket).await
}

/// Says which item a listing is, or takes that back.
async fn say(
    admin: &Admin,
    (account, listing): (&str, String),
    sku: Option<Sku>,
    by: Option<String>,
    ticket: Ticket,
) -> Result<Response, Problem> {
    let by = optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned());
    let (account, named) = meant(admin, account, listing).await?;
    let command = Command::MapListing {
        account,
        named,
        sku,
        by,
    };
    carry_out(admin, ticket, StatusCode::OK, command).await
}

/// A listing of an account, or a SKU that its channel writes.
async fn meant(
    admin: &Admin,
    account: &str,
    listing: String,
) -> Result<(AccountId, Named), Problem> {
    let account = admin.account(account)?.id.clone();
    let listing = text("listing", listing)?;
    match admin.engine.meant_by(&account, &listing).await? {
        Some(named) => Ok((account, named)),
        None => {
            let detail = format!(
                "account `{account}` has no listing `{listing}`, and nothing that waits there is called so: \
                 `oneshelf listings unmapped --account {account}` lists what waits"
            );
            Err(Problem::new(&problem::NO_LISTING, detail))
        }
    }
}
