//! Stock, items, listings and what is at risk.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    AccountId, Currency, ListingId, Money, Sku, Time,
    decide::Refusal,
    item::{Item, ItemKind},
    signal::{Change, Command},
    stock::{Condition, LocationId},
};
use engine::{
    explain,
    views::{self, exposure, listings::Filter, past::Past},
};
use serde::Deserialize;
use serde_json::json;

use super::{Admin, accounts::Nothing};
use crate::{
    ask::{Amount, Ask, At, OrderedQuery, PageQuery, bad_parameter, moment, sku},
    paging::Place,
    problem::{self, Problem},
    write::{Write, carry_out, optional_text, text},
};

/// Who did it when nobody says.
const SOMEBODY: &str = "api";
/// The most components of a kit.
const COMPONENTS_MAX: usize = 100;
/// The longest title of an item.
const TITLE_LENGTH_MAX: usize = 300;

/// A change of stock: either by so much, or to so much.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adjustment {
    sku: Sku,
    location: Option<String>,
    #[serde(default)]
    condition: Condition,
    delta: Option<Amount>,
    to: Option<Amount>,
    reason: String,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Good,
    Kit,
    Service,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetItem {
    kind: Kind,
    #[serde(default)]
    scale: u8,
    #[serde(default)]
    title: String,
    category: Option<String>,
    barcode: Option<String>,
    #[serde(default)]
    prices: Vec<Money>,
    #[serde(default)]
    components: BTreeMap<Sku, Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListingsQuery {
    account: Option<String>,
    sku: Option<String>,
    parked: Option<bool>,
    suppressed: Option<bool>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExposureQuery {
    sku: Option<String>,
    since: Option<String>,
    step: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtQuery {
    at: Option<String>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    Ask(ask): Ask<PageQuery>,
) -> Result<Response, Problem> {
    let place = Place::read(&"stock", ask.cursor.as_deref(), ask.limit)?;
    let page = views::stock::list(&admin.engine, place.after.clone(), place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn detail(
    State(admin): State<Admin>,
    At(name): At<String>,
    Ask(ask): Ask<AtQuery>,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    if let Some(at) = ask.at {
        let at = moment("at", &at, admin.engine.ports.clock.now())?;
        return as_it_was(&admin, &sku, at).await;
    }
    let found = views::stock::detail(&admin.engine, &sku).await?;
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(|| no_item(&sku))
}

async fn as_it_was(admin: &Admin, sku: &Sku, at: Time) -> Result<Response, Problem> {
    match views::past::detail(&admin.engine, sku, at).await? {
        Past::Known(found) => Ok(Json(*found).into_response()),
        Past::NoItem => Err(no_item(sku)),
        Past::Before { first_at } => {
            let detail = format!("{sku} is known since {first_at}, which is after {at}");
            let problem = Problem::new(&problem::BEFORE_RECORDS, detail);
            Err(problem
                .with("sku", sku.as_str())
                .with("first_at", first_at.to_string()))
        }
    }
}

pub(crate) async fn movements(
    State(admin): State<Admin>,
    At(name): At<String>,
    Ask(ask): Ask<OrderedQuery>,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    let place = Place::read(
        &("movements", &sku, ask.newest_first),
        ask.cursor.as_deref(),
        ask.limit,
    )?;
    let after = place.after.clone();
    let page = views::stock::movements(&admin.engine, (&sku, ask.newest_first), after, place.limit)
        .await?;
    let page = page.ok_or_else(|| no_item(&sku))?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn explain(
    State(admin): State<Admin>,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    let sentences = explain::explain(&admin.engine, &sku).await?;
    let sentences = sentences.ok_or_else(|| no_item(&sku))?;
    Ok(Json(json!({ "sku": sku, "sentences": sentences })).into_response())
}

pub(crate) async fn locations(State(admin): State<Admin>) -> Result<Response, Problem> {
    let page = views::locations::list(&admin.engine).await?;
    let place = Place::read(&"locations", None, None)?;
    Ok(Json(place.show(page)).into_response())
}

fn no_item(sku: &Sku) -> Problem {
    Refusal::NoItem(sku.clone()).into()
}

pub(crate) async fn adjust(
    State(admin): State<Admin>,
    write: Write<Adjustment>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let change = match (asked.delta, asked.to) {
        (Some(delta), None) => Change::By(delta.0),
        (None, Some(to)) => Change::To(to.0),
        (Some(_), Some(_)) | (None, None) => {
            let detail = "say either delta (by how much) or to (how many there are)";
            return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "delta"));
        }
    };
    let location = optional_text("location", asked.location)?.map(LocationId::new);
    let by = optional_text("by", asked.by)?;
    let command = Command::Adjust {
        sku: asked.sku,
        location: location.unwrap_or_else(|| admin.engine.decider.policy().home.clone()),
        condition: asked.condition,
        change,
        reason: text("reason", asked.reason)?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn item(
    State(admin): State<Admin>,
    At(name): At<String>,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    let found = views::stock::item(&admin.engine, &sku).await?;
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(|| no_item(&sku))
}

pub(crate) async fn set_item(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write<SetItem>,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    let asked = write.body;
    let bad = |detail: String, path: &'static str| {
        Problem::new(&problem::BAD_BODY, format!("{path}: {detail}")).with("path", path)
    };
    if asked.components.len() > COMPONENTS_MAX {
        return Err(bad(format!("more than {COMPONENTS_MAX}"), "components"));
    }
    let category = asked.category.as_deref().unwrap_or_default();
    let barcode = asked.barcode.as_deref().unwrap_or_default();
    for (text, path) in [
        (asked.title.as_str(), "title"),
        (category, "category"),
        (barcode, "barcode"),
    ] {
        if text.chars().count() > TITLE_LENGTH_MAX || text.chars().any(char::is_control) {
            let detail =
                format!("at most {TITLE_LENGTH_MAX} characters, and no control characters");
            return Err(bad(detail, path));
        }
    }
    let currencies: BTreeSet<Currency> = asked.prices.iter().map(|one| one.currency()).collect();
    if currencies.len() < asked.prices.len() {
        return Err(bad("more than one in a currency".to_owned(), "prices"));
    }
    let kind = match asked.kind {
        Kind::Kit => ItemKind::Kit(bill(&admin, asked.components).await?),
        Kind::Good | Kind::Service if !asked.components.is_empty() => {
            return Err(bad("only a kit has components".to_owned(), "components"));
        }
        Kind::Good => ItemKind::Good,
        Kind::Service => ItemKind::Service,
    };
    let command = Command::SetItem(Item {
        sku,
        kind,
        scale: asked.scale,
        title: asked.title,
        category: asked.category,
        barcode: asked.barcode,
        prices: asked.prices,
    });
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

/// The components of a kit in their smallest units.
async fn bill(
    admin: &Admin,
    components: BTreeMap<Sku, Amount>,
) -> Result<BTreeMap<Sku, domain::Quantity>, Problem> {
    let mut bill = BTreeMap::new();
    for (sku, amount) in components {
        let scale = views::stock::scale(&admin.engine, &sku).await?;
        let quantity = amount.0.to_quantity(scale);
        let quantity = quantity.map_err(|source| Refusal::Quantity { line: 0, source })?;
        bill.insert(sku, quantity);
    }
    Ok(bill)
}

pub(crate) async fn listings(
    State(admin): State<Admin>,
    Ask(ask): Ask<ListingsQuery>,
) -> Result<Response, Problem> {
    let filter = Filter {
        account: admin.narrowed_to(ask.account.as_deref()).await?,
        sku: admin.narrowed_to_item(ask.sku.as_deref()).await?,
        is_parked: ask.parked,
        is_suppressed: ask.suppressed,
    };
    let place = Place::read(&("listings", &filter), ask.cursor.as_deref(), ask.limit)?;
    let after = place.after.clone();
    let page = views::listings::list(&admin.engine, &filter, after, place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn tries(
    State(admin): State<Admin>,
    At((account, listing)): At<(String, String)>,
    Ask(ask): Ask<PageQuery>,
) -> Result<Response, Problem> {
    let (account, listing) = known_listing(&admin, account, listing).await?;
    let of = (account.as_str(), listing.as_str());
    let place = Place::read(&("tries", &of), ask.cursor.as_deref(), ask.limit)?;
    let page = views::queues::tries(&admin.engine, of, place.after.clone(), place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn retry_push(
    State(admin): State<Admin>,
    At((account, listing)): At<(String, String)>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let (account, listing) = known_listing(&admin, account, listing).await?;
    let command = Command::RetryPush { account, listing };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

/// Who lifts a listing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    by: Option<String>,
}

pub(crate) async fn lift(
    State(admin): State<Admin>,
    At((account, listing)): At<(String, String)>,
    write: Write<Lift>,
) -> Result<Response, Problem> {
    let by = optional_text("by", write.body.by)?;
    let (account, listing) = known_listing(&admin, account, listing).await?;
    let command = Command::Lift {
        account,
        listing,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

async fn known_listing(
    admin: &Admin,
    account: String,
    listing: String,
) -> Result<(AccountId, ListingId), Problem> {
    let known = views::listings::one(&admin.engine, &account, &listing).await?;
    if known.is_none() {
        let short = |text: &str| -> String { text.chars().take(100).collect() };
        let detail = format!(
            "account `{}` has no listing `{}`",
            short(&account),
            short(&listing)
        );
        return Err(Problem::new(&problem::NO_LISTING, detail));
    }
    Ok((AccountId::new(account), ListingId::new(listing)))
}

pub(crate) async fn exposure(
    State(admin): State<Admin>,
    Ask(ask): Ask<ExposureQuery>,
) -> Result<Response, Problem> {
    let now = admin.engine.ports.clock.now();
    let asked = exposure::Asked {
        sku: admin.narrowed_to_item(ask.sku.as_deref()).await?,
        span: span(ask.since.as_deref(), ask.step.as_deref(), now)?,
    };
    Ok(Json(exposure::exposure(&admin.engine, &asked).await?).into_response())
}

/// The span of time that is asked for: since a time, or in steps, or both.
fn span(
    since: Option<&str>,
    step: Option<&str>,
    now: Time,
) -> Result<Option<exposure::Span>, Problem> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let since = since.map(|text| moment("since", text, now)).transpose()?;
    let Some(step) = step else {
        return Ok(since.map(|since| exposure::Span::since(since, now)));
    };
    let is_whole = |step: &Duration| step.as_secs() > 0 && step.as_secs().is_multiple_of(60);
    let read = domain::time::parse_span(step).filter(is_whole);
    let Some(step) = read else {
        let short: String = step.chars().take(40).collect();
        let detail = format!("`{short}` is not a step of whole minutes, as `15m`, `1h` or `1d`");
        return Err(bad_parameter("step", detail));
    };
    let since = since.unwrap_or_else(|| now.minus(DAY));
    let span = exposure::Span { since, step };
    if span.steps(now) > exposure::STEPS_MAX {
        let most = exposure::STEPS_MAX;
        let detail = format!("from then until now are more than {most} steps; take longer ones");
        return Err(bad_parameter("step", detail));
    }
    Ok(Some(span))
}
