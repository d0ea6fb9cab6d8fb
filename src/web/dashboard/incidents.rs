//! Units that were sold and are not there: who else was promised them, and the ways out.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{ids::IncidentId, incident::WayKind};
use engine::{
    users::Role,
    views::{
        self,
        incidents::{IncidentDetail, IncidentView},
    },
};
use serde::Deserialize;
use serde_json::json;

use super::{
    deeds::{effect, note},
    fields::Fields,
    format::Moment,
    page::{Badge, Chrome, Part, go, send},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{self, Admin},
    ask::{Ask, At, id},
    paging::Place,
    problem::{self, Problem},
    write::{Ticket, Write},
};

/// How many incidents a page shows.
const ROWS: usize = 50;
/// The least role that may choose a way out.
pub(super) const LEAST: Role = Role::Operator;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
    cursor: Option<String>,
}

struct Row {
    href: String,
    number: String,
    order: String,
    account: String,
    sku: String,
    missing: String,
    why: String,
    opened_at: Moment,
    badge: Badge,
    decided: Option<String>,
}

struct WayRow {
    way: &'static str,
    text: &'static str,
    from: Option<String>,
    because: String,
    takes_amount: bool,
}

struct Rival {
    order: String,
    number: String,
    account: String,
    units: String,
    placed_at: Moment,
}

#[derive(Template)]
#[template(path = "incidents.html")]
struct List {
    chrome: Chrome,
    rows: Vec<Row>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "incident.html")]
struct One {
    chrome: Chrome,
    id: String,
    row: Row,
    explanation: String,
    ways: Vec<WayRow>,
    rivals: Vec<Rival>,
    currency: String,
}

pub(super) async fn list(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.incidents;
    let who = (Some(&visitor), taste);
    let chrome = Chrome::new(&admin.engine, who, Part::Incidents, title);
    let place = Place::read(&"incidents page", asked.cursor.as_deref(), Some(ROWS))?;
    let after = place.after.clone();
    let page = views::incidents::list(&admin.engine, Some(true), after, place.limit).await?;
    let page = List {
        rows: page.items.iter().map(|one| row(&chrome, one)).collect(),
        next: page
            .next
            .map(|key| format!("/incidents?cursor={}", place.cursor(key))),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

fn row(chrome: &Chrome, one: &IncidentView) -> Row {
    let stock = chrome.t.stock;
    let badge = match one.state {
        "open" => Badge::new("bad", stock.open),
        "decided" => Badge::new("wait", stock.decided),
        _ => Badge::new("off", stock.over),
    };
    Row {
        href: format!("/incidents/{}", one.id),
        number: one.number.clone().unwrap_or_default(),
        order: one.order.to_string(),
        account: one.account.to_string(),
        sku: one.sku.to_string(),
        missing: chrome.units(one.missing),
        why: one.why.replace('_', " "),
        opened_at: chrome.moment(one.opened_at),
        badge,
        decided: one
            .choice
            .as_ref()
            .map(|choice| format!("{} ({})", choice.text, choice.by)),
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(incident): At<String>,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    draw(&admin, (&visitor, taste), &incident, &asked, None).await
}

async fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    incident: &str,
    asked: &Asked,
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let incident: IncidentId = id("incident", incident)?;
    let found = views::incidents::detail(&admin.engine, incident).await?;
    let found = found.ok_or_else(|| {
        Problem::new(
            &problem::NOT_FOUND,
            format!("there is no incident {incident}"),
        )
    })?;
    let order = views::orders::summary(&admin.engine, found.summary.order).await?;
    let who = (Some(visitor), taste);
    let title = format!(
        "{} {}",
        found.summary.sku,
        taste.language.words().common.incidents
    );
    let mut chrome = Chrome::new(&admin.engine, who, Part::Incidents, title);
    chrome.confirm(asked.done.as_deref());
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    if let Some(problem) = &refused {
        chrome.refuse(problem);
    }
    let page = One {
        id: incident.to_string(),
        row: row(&chrome, &found.summary),
        explanation: found.explanation.clone(),
        ways: ways(&chrome, &found),
        rivals: rivals(&chrome, &found),
        currency: order.map_or_else(String::new, |order| {
            order.total.currency().code().to_owned()
        }),
        chrome,
    };
    Ok(send(status, &page))
}

fn ways(chrome: &Chrome, found: &IncidentDetail) -> Vec<WayRow> {
    let row = |one: &views::incidents::WayView| WayRow {
        way: one.way,
        text: match WayKind::from_word(one.way) {
            Some(kind) => chrome.t.stock.way(kind),
            None => one.way,
        },
        from: one.from.map(|order| order.to_string()),
        because: one.because.clone(),
        takes_amount: one.way == "cancel_units",
    };
    found.ways.iter().map(row).collect()
}

fn rivals(chrome: &Chrome, found: &IncidentDetail) -> Vec<Rival> {
    let row = |one: &views::incidents::Competing| Rival {
        order: one.order.to_string(),
        number: one.number.clone(),
        account: one.account.to_string(),
        units: chrome.units(one.units),
        placed_at: chrome.moment(one.placed_at),
    };
    found.competing.iter().map(row).collect()
}

pub(super) async fn resolve(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(incident): At<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let mut body = fields.body(&["way", "from", "note"]);
    body.insert("by".to_owned(), json!(visitor.user.name));
    if let (Some(amount), Some(currency)) = (fields.get("amount"), fields.get("currency")) {
        // As people of either custom write it.
        let amount = amount.replace(',', ".");
        let money = json!({ "amount": amount, "currency": currency });
        body.insert("amount".to_owned(), money);
    }
    let ticket = Ticket::of_form(fields.get("once"), fields.digest(&incident));
    let done = match Write::of(body, ticket) {
        Ok(write) => {
            admin::incidents::resolve(State(admin.clone()), At(incident.clone()), write).await
        }
        Err(problem) => Err(problem),
    };
    match done {
        Ok(answer) => {
            let effect = effect(answer).await;
            note(&admin, &visitor, format!("resolve {incident}")).await;
            let incident: IncidentId = id("incident", &incident)?;
            Ok(go(&format!("/incidents/{incident}?done={effect}")))
        }
        Err(problem) => {
            let asked = Asked::default();
            draw(&admin, (&visitor, taste), &incident, &asked, Some(problem)).await
        }
    }
}
