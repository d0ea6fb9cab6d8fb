//! Stock: all items, and one with what each channel shows of it, why, and what was done to it.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{Sku, decide::Refusal, stock::LocationId};
use engine::{
    Engine, explain,
    lanes::AttemptNote,
    views::{self, listings::ListingView, stock::StockView},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    deeds::{effect, note},
    fields::Fields,
    format::Moment,
    insight::{ItemRow, item_row},
    page::{Badge, Chrome, Part, go, send},
    stuck::{Attempt, attempts},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{self, Admin, moves},
    ask::{Ask, At, sku},
    paging::Place,
    problem::Problem,
    write::{Ticket, Write},
};

/// How many items or movements a page shows.
const ROWS: usize = 50;
/// How many items are shown that run out first.
const LOW: usize = 10;
/// How many tries of a listing its item shows.
const ATTEMPTS: usize = 10;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    done: Option<String>,
    cursor: Option<String>,
}

struct Row {
    sku: String,
    href: String,
    title: String,
    kind: &'static str,
    on_hand: String,
    allocated: String,
    pending: String,
    sellable: String,
    incoming: String,
    badge: Option<Badge>,
}

#[derive(Template)]
#[template(path = "stock.html")]
struct List {
    chrome: Chrome,
    rows: Vec<Row>,
    next: Option<String>,
    is_first: bool,
    /// What sells and runs out first, and when that was ranked.
    low: Option<(Moment, Vec<ItemRow>)>,
}

struct PlaceRow {
    location: String,
    on_hand: String,
    allocated: String,
    incoming: String,
    unsellable: Vec<(String, String)>,
}

struct ListingRow {
    account: String,
    listing: String,
    title: String,
    offer: String,
    /// Wanted, sent, acknowledged, read back.
    levels: [Level; 4],
    badge: Badge,
    why: Option<String>,
    /// Whether it waits for a person.
    is_parked: bool,
    /// The last tries, the newest first.
    attempts: Vec<Attempt>,
}

struct Level {
    units: String,
    at: Option<Moment>,
}

struct MovementRow {
    at: Moment,
    text: String,
}

#[derive(Template)]
#[template(path = "item.html")]
struct Item {
    chrome: Chrome,
    row: Row,
    is_good: bool,
    places: Vec<PlaceRow>,
    components: Vec<(String, String, String, bool)>,
    listings: Vec<ListingRow>,
    sentences: Vec<String>,
    movements: Vec<MovementRow>,
    arrivals: Vec<(String, String, Option<Moment>)>,
    home: String,
    /// Between which it can be brought.
    locations: Vec<String>,
    next: Option<String>,
}

/// The locations that there are, the usual one first.
pub(super) fn locations(engine: &Engine) -> Vec<LocationId> {
    let policy = engine.decider.policy();
    let mut all = vec![policy.home.clone()];
    for one in policy.locations.declared() {
        if !all.contains(&one.id) {
            all.push(one.id.clone());
        }
    }
    all
}

/// The page of an item.
pub(super) fn href(sku: &str) -> String {
    let sku: String = url::form_urlencoded::byte_serialize(sku.as_bytes()).collect();
    // In a path a plus is a plus.
    format!("/stock/{}", sku.replace('+', "%20"))
}

pub(super) async fn list(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    if !asked.q.trim().is_empty() {
        let sku = sku(asked.q.trim())?;
        return Ok(go(&href(sku.as_str())));
    }
    let title = taste.language.words().common.stock;
    let chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Stock, title);
    let place = Place::read(&"stock page", asked.cursor.as_deref(), Some(ROWS))?;
    let after = place.after.clone();
    let page = views::stock::list(&admin.engine, after, place.limit).await?;
    let low = match asked.cursor {
        None => views::insight::running_out(&admin.engine).await?,
        Some(_) => None,
    };
    let low = low.map(|(at, low)| {
        let rows = low.iter().take(LOW).map(|one| item_row(&chrome, one));
        (chrome.moment(at), rows.collect())
    });
    let page = List {
        low,
        rows: page.items.iter().map(|one| row(&chrome, one)).collect(),
        next: page
            .next
            .map(|key| format!("/stock?cursor={}", place.cursor(key))),
        is_first: asked.cursor.is_none(),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

fn row(chrome: &Chrome, one: &StockView) -> Row {
    let units = |units: Option<views::Units>| match units {
        Some(units) => chrome.units(units),
        None => "–".to_owned(),
    };
    let desk = chrome.t.stock;
    let badge = match (one.kind, one.is_counted, one.sellable) {
        ("service", ..) => None,
        (_, false, _) => Some(Badge::new("act", desk.never_counted)),
        (_, true, Some(sellable)) if !sellable.is_positive() => {
            Some(Badge::new("bad", desk.sold_out))
        }
        _ => None,
    };
    Row {
        href: href(one.sku.as_str()),
        sku: one.sku.to_string(),
        title: one.title.clone(),
        kind: one.kind,
        on_hand: units(one.on_hand),
        allocated: units(one.allocated),
        pending: units(one.pending),
        sellable: units(one.sellable),
        incoming: units(one.incoming),
        badge,
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(name): At<String>,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    draw(&admin, (&visitor, taste), &sku(&name)?, &asked, None).await
}

async fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    sku: &Sku,
    asked: &Asked,
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let engine = &admin.engine;
    let found = views::stock::detail(engine, sku).await?;
    let found = found.ok_or_else(|| Problem::from(Refusal::NoItem(sku.clone())))?;
    let who = (Some(visitor), taste);
    let mut chrome = Chrome::new(engine, who, Part::Stock, sku.to_string());
    chrome.confirm(asked.done.as_deref());
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    if let Some(problem) = &refused {
        chrome.refuse(problem);
    }
    let place = Place::read(&("item page", sku), asked.cursor.as_deref(), Some(ROWS))?;
    let after = place.after.clone();
    let movements = views::stock::movements(engine, (sku, true), after, place.limit).await?;
    let (movements, next) = movements.map_or((Vec::new(), None), |page| (page.items, page.next));
    let listings = views::listings::of_item(engine, sku).await?;
    let mut listing_rows = Vec::new();
    for one in &listings {
        let of = (one.account.as_str(), one.listing.as_str());
        let tries = views::queues::tries(engine, of, None, ATTEMPTS).await?;
        listing_rows.push(listing_row(&chrome, one, tries.items));
    }
    let page = Item {
        row: row(&chrome, &found),
        is_good: found.kind == "good",
        places: found
            .locations
            .iter()
            .map(|one| place_row(&chrome, one))
            .collect(),
        components: components(&chrome, &found),
        listings: listing_rows,
        sentences: explain::explain(engine, sku).await?.unwrap_or_default(),
        movements: movements
            .iter()
            .map(|one| MovementRow {
                at: chrome.moment(one.at),
                text: one.text.clone(),
            })
            .collect(),
        arrivals: found
            .arrivals
            .iter()
            .map(|one| {
                let due = one.due.map(|at| chrome.moment(at));
                (chrome.units(one.open), one.location.to_string(), due)
            })
            .collect(),
        home: engine.decider.policy().home.to_string(),
        locations: locations(engine).iter().map(ToString::to_string).collect(),
        next: next.map(|key| {
            format!(
                "{}?cursor={}#movements",
                href(sku.as_str()),
                place.cursor(key)
            )
        }),
        chrome,
    };
    Ok(send(status, &page))
}

/// What a kit is made of: item, how many in one, how many can be sold, whether it is the scarcest.
fn components(chrome: &Chrome, found: &StockView) -> Vec<(String, String, String, bool)> {
    let row = |one: &views::stock::ComponentView| {
        let sellable = one
            .sellable
            .map_or("–".to_owned(), |units| chrome.units(units));
        let per_kit = chrome.units(one.per_kit);
        (one.sku.to_string(), per_kit, sellable, one.is_scarcest)
    };
    found.components.iter().map(row).collect()
}

fn place_row(chrome: &Chrome, one: &views::stock::LocationView) -> PlaceRow {
    PlaceRow {
        location: one.location.to_string(),
        on_hand: chrome.units(one.on_hand),
        allocated: chrome.units(one.allocated),
        incoming: chrome.units(one.incoming),
        unsellable: one
            .unsellable
            .iter()
            .map(|(condition, units)| ((*condition).to_owned(), chrome.units(*units)))
            .collect(),
    }
}

fn listing_row(chrome: &Chrome, one: &ListingView, tries: Vec<AttemptNote>) -> ListingRow {
    let level = |level: Option<views::Level>| Level {
        units: level.map_or("–".to_owned(), |level| chrome.units(level.quantity)),
        at: level.map(|level| chrome.moment(level.at)),
    };
    let desk = chrome.t.stock;
    let why = one
        .parked
        .clone()
        .or_else(|| one.held.map(str::to_owned))
        .or_else(|| one.suppressed.as_ref().map(|one| one.reason.to_owned()))
        .or_else(|| one.zeroed.as_ref().map(|one| one.reason.clone()));
    let badge = if one.parked.is_some() {
        Badge::new("act", chrome.t.states.parked)
    } else if one.held.is_some() {
        Badge::new("bad", chrome.t.states.tripped)
    } else if one.suppressed.is_some() {
        Badge::new("act", desk.told_nothing)
    } else if one.is_drifting {
        Badge::new("bad", desk.drifts)
    } else if one.attempt.is_some() {
        Badge::new("wait", desk.being_written)
    } else {
        Badge::new("ok", desk.in_step)
    };
    ListingRow {
        account: one.account.to_string(),
        listing: one.listing.to_string(),
        title: one.title.clone(),
        offer: level(one.offer).units,
        levels: [one.wanted, one.sent, one.acknowledged, one.read_back].map(level),
        badge,
        why,
        is_parked: one.parked.is_some(),
        attempts: attempts(chrome, tries),
    }
}

/// Something that is done to the stock of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Adjust,
    Count,
    Receive,
    Transfer,
}

impl Move {
    pub(super) const ALL: [Move; 4] = [Move::Adjust, Move::Count, Move::Receive, Move::Transfer];

    /// Where its form is sent.
    pub(super) fn path(self) -> &'static str {
        match self {
            Move::Adjust => "/stock/{sku}/adjust",
            Move::Count => "/stock/{sku}/count",
            Move::Receive => "/stock/{sku}/receive",
            Move::Transfer => "/stock/{sku}/transfer",
        }
    }

    /// The least role that it takes.
    pub(super) fn least(self) -> engine::users::Role {
        match self {
            Move::Adjust => engine::users::Role::Operator,
            Move::Count | Move::Receive | Move::Transfer => engine::users::Role::Packer,
        }
    }
}

pub(super) async fn run(
    asked: Move,
    admin: Admin,
    (visitor, taste): (Visitor, Taste),
    name: String,
    fields: Fields,
) -> Result<Response, Problem> {
    let sku = sku(&name)?;
    let done = act(asked, &admin, &visitor, &sku, &fields).await;
    match done {
        Ok(answer) => {
            let effect = effect(answer).await;
            let what = asked.path().rsplit('/').next().unwrap_or_default();
            note(&admin, &visitor, format!("{what} {sku}")).await;
            Ok(go(&format!("{}?done={effect}", href(sku.as_str()))))
        }
        Err(problem) => {
            let asked = Asked::default();
            draw(&admin, (&visitor, taste), &sku, &asked, Some(problem)).await
        }
    }
}

async fn act(
    asked: Move,
    admin: &Admin,
    visitor: &Visitor,
    sku: &Sku,
    fields: &Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(
        fields.get("once"),
        fields.digest(&format!("{:?} {sku}", asked)),
    );
    let mut body: Map<String, Value> = fields.body(&["location"]);
    body.insert("sku".to_owned(), json!(sku));
    body.insert("by".to_owned(), json!(visitor.user.name));
    let state = State(admin.clone());
    match asked {
        Move::Adjust => {
            body.append(&mut fields.body(&["delta", "condition", "reason"]));
            admin::stock::adjust(state, Write::of(body, ticket)?).await
        }
        Move::Count => {
            body.append(&mut fields.body(&["to"]));
            let reason = fields.get("reason").unwrap_or("counted");
            body.insert("reason".to_owned(), json!(reason));
            admin::stock::adjust(state, Write::of(body, ticket)?).await
        }
        Move::Receive => {
            body.append(&mut fields.body(&["units", "condition", "reference"]));
            moves::receive(state, Write::of(body, ticket)?).await
        }
        Move::Transfer => {
            body.remove("location");
            body.append(&mut fields.body(&["units", "from", "to", "reference"]));
            let is_at_once = fields.get("at_once").is_some();
            body.insert("at_once".to_owned(), json!(is_at_once));
            moves::transfer(state, Write::of(body, ticket)?).await
        }
    }
}
