//! One order: how it stands on each axis, what was bought and what became of it, and what can be done.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    delivery::Tracking, fact::Event, fulfillment::TaskState, ids::OrderId, returns::ReturnState,
};
use engine::views::{
    self,
    next::NextStep,
    orders::{LineView, OrderDetail, ShipmentView},
    returns::{ReturnView, ReturnedLineView},
    tasks::TaskView,
    timeline::TimelineEntry,
};
use serde::Deserialize;

use super::{
    format::Moment,
    orders::phase_badge,
    page::{Badge, Chrome, Part, send},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::Admin,
    ask::{Ask, At, id},
    paging::Place,
    problem::{self, Problem},
};

/// How many entries of the timeline a page shows.
const ENTRIES: usize = 100;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
    cursor: Option<String>,
}

/// What to do next.
struct Step {
    kind: &'static str,
    text: String,
    until: Option<Moment>,
    /// The page on which it is settled, where that is another.
    href: Option<String>,
}

/// One line.
struct Row {
    number: u32,
    title: String,
    sku: Option<String>,
    channel_sku: Option<String>,
    total: String,
    ordered: String,
    canceled: Option<String>,
    covered: String,
    missing: Option<String>,
    picked: String,
    packed: String,
    shipped: String,
    delivered: String,
    returned: Option<String>,
    leaves_from: Vec<String>,
    suggestions: Vec<(String, String, String)>,
}

/// One task at a location.
struct Task {
    id: String,
    location: String,
    badge: Badge,
    is_open: bool,
    is_stopped: bool,
    lines: Vec<TaskLine>,
    parcels: Vec<Parcel>,
    can_pick: bool,
    can_pack: bool,
    can_hand_over: bool,
    can_put_back: bool,
}

struct TaskLine {
    title: String,
    sku: String,
    units: String,
    picked: String,
    packed: String,
    put_back: Option<String>,
}

struct Parcel {
    number: u32,
    label: Option<String>,
    has_left: bool,
}

struct Shipment {
    badge: Badge,
    carrier: String,
    tracking: String,
    url: Option<String>,
    at: Moment,
    lines: String,
}

struct Returned {
    id: String,
    badge: Badge,
    reason: String,
    opened_at: Moment,
    lines: Vec<(u32, String, String, String)>,
    can_receive: bool,
    can_inspect: bool,
    refunded: String,
}

struct HoldRow {
    reason: String,
    owner: String,
    since: Moment,
    until: Option<Moment>,
    released: Option<(Moment, String)>,
}

struct NoteRow {
    at: Moment,
    by: String,
    text: String,
}

struct RuleRow {
    rule: String,
    badge: Badge,
    saw: Vec<(String, String)>,
    did: Vec<String>,
    error: Option<String>,
}

struct WishRow {
    badge: Badge,
    text: String,
    last: String,
    tries: u32,
    can_retry: bool,
    id: String,
}

struct Entry {
    at: Moment,
    kind: &'static str,
    text: String,
    raw: String,
}

struct People {
    buyer: Vec<String>,
    ship_to: Vec<String>,
    note: String,
    is_erased: bool,
}

#[derive(Template)]
#[template(path = "order.html")]
struct Page {
    chrome: Chrome,
    id: String,
    number: String,
    account: String,
    placed: Moment,
    ship_by: Option<Moment>,
    total: String,
    refunded: Option<String>,
    tags: Vec<String>,
    badges: Vec<Badge>,
    flags: Vec<&'static str>,
    steps: Vec<Step>,
    lines: Vec<Row>,
    people: Option<People>,
    holds: Vec<HoldRow>,
    is_held: bool,
    notes: Vec<NoteRow>,
    tasks: Vec<Task>,
    can_start: bool,
    can_ship: bool,
    can_cancel: bool,
    can_return: bool,
    shipments: Vec<Shipment>,
    returns: Vec<Returned>,
    rules: Vec<RuleRow>,
    wishes: Vec<WishRow>,
    words: Vec<(String, String)>,
    documents: Vec<(String, String)>,
    entries: Vec<Entry>,
    next: Option<String>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(order): At<String>,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    draw(&admin, (&visitor, taste), &order, &asked, None).await
}

/// The page, with why something was not done where that is so.
pub(super) async fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    order: &str,
    asked: &Asked,
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let order: OrderId = id("order", order)?;
    let found = views::orders::detail(&admin.engine, order).await?;
    let found = found.ok_or_else(|| {
        let detail = format!("there is no order {order}");
        Problem::new(&problem::NOT_FOUND, detail)
    })?;
    let place = Place::read(
        &("timeline page", order),
        asked.cursor.as_deref(),
        Some(ENTRIES),
    )?;
    let after = place.after.clone();
    let timeline = views::timeline::page(&admin.engine, order, after, place.limit).await?;
    let (entries, next) = timeline.map_or((Vec::new(), None), |page| (page.items, page.next));
    let title = found.summary.number.clone();
    let mut chrome = Chrome::new(&admin.engine, (Some(visitor), taste), Part::Orders, title);
    chrome.confirm(asked.done.as_deref());
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    if let Some(problem) = &refused {
        chrome.refuse(problem);
    }
    let next = next.map(|key| format!("/orders/{order}?cursor={}#timeline", place.cursor(key)));
    let entries = entries
        .iter()
        .filter(|entry| chrome.may_pack() || tells_of_nobody(entry))
        .map(|entry| entry_row(&chrome, entry))
        .collect();
    Ok(send(status, &page(chrome, found, entries, next)))
}

/// Whether an entry may be seen by those who see nothing of people.
fn tells_of_nobody(entry: &TimelineEntry) -> bool {
    match &entry.event {
        Some(Event::NoteAdded { .. }) | None => false,
        Some(_) => true,
    }
}

fn entry_row(chrome: &Chrome, entry: &TimelineEntry) -> Entry {
    let raw = match (&entry.event, &entry.attempt) {
        (Some(event), _) => serde_json::to_string_pretty(event),
        (None, Some(attempt)) => serde_json::to_string_pretty(attempt),
        (None, None) => Ok(String::new()),
    };
    Entry {
        at: chrome.moment(entry.at),
        kind: entry.kind,
        text: entry.text.clone(),
        raw: raw.unwrap_or_default(),
    }
}

fn page(chrome: Chrome, found: OrderDetail, entries: Vec<Entry>, next: Option<String>) -> Page {
    let summary = &found.summary;
    let is_held = found.holds.iter().any(|hold| hold.released_at.is_none());
    let is_open = summary.phase.is_open();
    let to_ship = found.lines.iter().any(|line| line.to_ship.is_positive());
    let is_mapped = found.lines.iter().all(|line| line.sku.is_some());
    let works = found.tasks.iter().any(|task| task.closed_at.is_none());
    let has_left = found
        .lines
        .iter()
        .any(|line| line.counters.shipped.is_positive());
    let is_free = is_open && to_ship && is_mapped && !is_held;
    Page {
        id: summary.id.to_string(),
        number: summary.number.clone(),
        account: summary.account.to_string(),
        placed: chrome.moment(summary.placed_at),
        ship_by: summary.ship_by.map(|at| chrome.moment(at)),
        total: chrome.money(summary.total),
        refunded: Some(summary.refunded)
            .filter(|refunded| refunded.is_positive())
            .map(|refunded| chrome.money(refunded)),
        tags: summary.tags.iter().cloned().collect(),
        badges: badges(&chrome, &found),
        flags: summary
            .flags
            .iter()
            .map(|flag| chrome.t.states.flag(flag))
            .collect(),
        steps: found
            .next
            .iter()
            .map(|step| step_row(&chrome, step))
            .collect(),
        lines: found
            .lines
            .iter()
            .map(|line| line_row(&chrome, line))
            .collect(),
        people: people(&chrome, &found),
        holds: holds(&chrome, &found),
        is_held,
        notes: notes(&chrome, &found),
        tasks: found
            .tasks
            .iter()
            .map(|task| task_row(&chrome, task))
            .collect(),
        can_start: is_free && !works,
        can_ship: is_free && !works,
        can_cancel: is_open && to_ship,
        can_return: has_left,
        shipments: found
            .shipments
            .iter()
            .map(|one| shipment_row(&chrome, one))
            .collect(),
        returns: found
            .returns
            .iter()
            .map(|one| return_row(&chrome, one))
            .collect(),
        rules: rules(&chrome, &found),
        wishes: wishes(&chrome, &found),
        words: found.words.clone().into_iter().collect(),
        documents: documents(&found),
        entries,
        next,
        chrome,
    }
}

/// What was issued for it: ids and numbers.
fn documents(found: &OrderDetail) -> Vec<(String, String)> {
    let documents = found.documents.iter();
    documents
        .map(|entry| (entry.id.to_string(), entry.number.to_string()))
        .collect()
}

/// How it stands on each axis.
fn badges(chrome: &Chrome, found: &OrderDetail) -> Vec<Badge> {
    let states = chrome.t.states;
    let payment = match found.payment {
        "paid" | "authorized" => "ok",
        "pending" | "part_paid" | "part_refunded" => "wait",
        "unmapped" => "act",
        _ => "off",
    };
    let mut badges = vec![
        phase_badge(chrome, found.summary.phase),
        Badge::new(payment, states.payment(found.payment)),
    ];
    let held = found.holds.iter().find(|hold| hold.released_at.is_none());
    badges.extend(held.map(|hold| Badge::new("act", format!("{}: {}", states.held, hold.reason))));
    let open = found.tasks.iter().find(|task| task.closed_at.is_none());
    badges.extend(open.map(|task| task_badge(chrome, task.state)));
    badges.extend(found.shipments.last().and_then(carried));
    let back = found.returns.iter().find(|one| one.closed_at.is_none());
    badges.extend(back.map(return_badge));
    badges
}

fn carried(shipment: &ShipmentView) -> Option<Badge> {
    let tracking = shipment.tracking?;
    let kind = match tracking {
        Tracking::Delivered => "ok",
        Tracking::Failed | Tracking::Damaged | Tracking::Returning | Tracking::Lost => "bad",
        Tracking::PreTransit
        | Tracking::InTransit
        | Tracking::OutForDelivery
        | Tracking::ReadyForPickup => "wait",
    };
    Some(Badge::new(kind, tracking.words()))
}

fn return_badge(one: &ReturnView) -> Badge {
    let (kind, text) = match one.state {
        ReturnState::Advised => ("wait", "return announced"),
        ReturnState::InTransit => ("wait", "return on its way"),
        ReturnState::Received => ("act", "return came in"),
        ReturnState::Closed => ("off", "return closed"),
    };
    Badge::new(kind, text)
}

pub(super) fn task_badge(chrome: &Chrome, state: TaskState) -> Badge {
    let states = chrome.t.states;
    let (kind, text) = match state {
        TaskState::Open => ("wait", states.task_open),
        TaskState::Picking => ("wait", states.task_picking),
        TaskState::Picked => ("wait", states.task_picked),
        TaskState::Packed => ("wait", states.task_packed),
        TaskState::Labeled => ("wait", states.task_labeled),
        TaskState::Stopped => ("bad", states.task_stopped),
        TaskState::Closed => ("ok", states.task_closed),
    };
    Badge::new(kind, text)
}

fn step_row(chrome: &Chrome, step: &NextStep) -> Step {
    Step {
        kind: if step.is_to_do { "act" } else { "wait" },
        text: chrome.on_page(&step.text),
        until: step.until.map(|at| chrome.moment(at)),
        href: named(&step.text, "inc_").map(|incident| format!("/incidents/{incident}")),
    }
}

/// The first id of a kind that a sentence names.
fn named<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find(|word| word.starts_with(kind))
}

fn line_row(chrome: &Chrome, line: &LineView) -> Row {
    let counters = &line.counters;
    let units = |units| chrome.units(units);
    let some = |left: views::Units| left.is_positive().then(|| chrome.units(left));
    Row {
        number: line.number,
        title: line.title.clone(),
        sku: line.sku.as_ref().map(ToString::to_string),
        channel_sku: line.channel_sku.clone(),
        total: chrome.money(line.total),
        ordered: units(counters.ordered),
        canceled: some(counters.canceled.minus(counters.reinstated)),
        covered: units(line.claimed),
        missing: some(line.missing),
        picked: units(counters.picked.minus(counters.unpicked)),
        packed: units(counters.packed.minus(counters.unpacked)),
        shipped: units(counters.shipped.minus(counters.voided)),
        delivered: units(counters.delivered.minus(counters.undelivered)),
        returned: some(counters.returned),
        leaves_from: line
            .leaves_from
            .iter()
            .map(|part| part.location.to_string())
            .collect(),
        suggestions: line
            .suggestions
            .iter()
            .map(|one| (one.sku.to_string(), one.title.clone(), one.because.clone()))
            .collect(),
    }
}

fn people(chrome: &Chrome, found: &OrderDetail) -> Option<People> {
    if !chrome.may_pack() {
        return None;
    }
    let filled = |parts: Vec<String>| -> Vec<String> {
        parts
            .into_iter()
            .filter(|part| !part.trim().is_empty())
            .collect()
    };
    let buyer = &found.buyer;
    let ship_to = found.ship_to.clone().unwrap_or_default();
    let mut address = vec![ship_to.name, ship_to.company];
    address.extend(ship_to.street);
    // In the order of the country: the town after its code, or the code behind.
    let is_behind = matches!(ship_to.country.as_str(), "US" | "GB" | "CA" | "AU" | "IE");
    address.push(match is_behind {
        true => format!(
            "{} {} {}",
            ship_to.city, ship_to.region, ship_to.postal_code
        ),
        false => format!("{} {}", ship_to.postal_code, ship_to.city),
    });
    address.extend([ship_to.country, ship_to.phone]);
    Some(People {
        buyer: filled(vec![
            buyer.name.clone(),
            buyer.email.clone(),
            buyer.phone.clone(),
        ]),
        ship_to: filled(address),
        note: found.note.clone(),
        is_erased: found
            .erasure
            .as_ref()
            .is_some_and(|one| one.done_at.is_some()),
    })
}

fn holds(chrome: &Chrome, found: &OrderDetail) -> Vec<HoldRow> {
    let row = |hold: &domain::order::Hold| HoldRow {
        reason: hold.reason.clone(),
        owner: hold.owner.clone(),
        since: chrome.moment(hold.since),
        until: hold.until.map(|at| chrome.moment(at)),
        released: hold.released_at.map(|at| {
            let by = hold.released_by.clone().unwrap_or_default();
            (chrome.moment(at), by)
        }),
    };
    found.holds.iter().map(row).collect()
}

fn notes(chrome: &Chrome, found: &OrderDetail) -> Vec<NoteRow> {
    let notes = found.notes.iter().filter(|_| chrome.may_pack());
    notes
        .map(|note| NoteRow {
            at: chrome.moment(note.at),
            by: note.by.clone(),
            text: note.text.0.clone(),
        })
        .collect()
}

fn task_row(chrome: &Chrome, task: &TaskView) -> Task {
    let any = |of: fn(&views::tasks::TaskLineView) -> views::Units| {
        task.lines.iter().any(|line| of(line).is_positive())
    };
    let is_open = task.closed_at.is_none();
    let is_stopped = task.state == TaskState::Stopped;
    let is_going = is_open && !is_stopped;
    let row = |line: &views::tasks::TaskLineView| TaskLine {
        title: line.title.clone(),
        sku: line
            .sku
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        units: chrome.units(line.units),
        picked: chrome.units(line.picked),
        packed: chrome.units(line.packed),
        put_back: Some(line.to_put_back)
            .filter(|units| units.is_positive())
            .map(|units| chrome.units(units)),
    };
    let parcel = |parcel: &views::tasks::ParcelView| Parcel {
        number: parcel.number,
        label: parcel
            .label
            .as_ref()
            .map(|label| format!("{} {}", label.carrier, label.tracking_number)),
        has_left: parcel.left_as.is_some(),
    };
    Task {
        id: task.id.to_string(),
        location: task.location.to_string(),
        badge: task_badge(chrome, task.state),
        is_open,
        is_stopped,
        lines: task.lines.iter().map(row).collect(),
        parcels: task.parcels.iter().map(parcel).collect(),
        can_pick: is_going && any(|line| line.units.minus(line.picked)),
        can_pack: is_going && any(|line| line.picked.minus(line.packed)),
        can_hand_over: is_going && task.parcels.iter().any(|one| one.left_as.is_none()),
        can_put_back: is_open && any(|line| line.to_put_back),
    }
}

fn shipment_row(chrome: &Chrome, one: &ShipmentView) -> Shipment {
    let lines = one.lines.iter();
    let lines: Vec<String> = lines
        .map(|part| format!("#{} × {}", part.line, chrome.units(part.units)))
        .collect();
    let is_safe = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    Shipment {
        badge: carried(one).unwrap_or_else(|| Badge::new("wait", chrome.t.states.shipped)),
        carrier: one.carrier.clone().unwrap_or_default(),
        tracking: one.tracking_number.clone().unwrap_or_default(),
        url: one.tracking_url.clone().filter(is_safe),
        at: chrome.moment(one.shipped_at),
        lines: lines.join(", "),
    }
}

fn return_row(chrome: &Chrome, one: &ReturnView) -> Returned {
    let is_open = one.closed_at.is_none();
    let any = |of: fn(&ReturnedLineView) -> views::Units| {
        is_open && one.lines.iter().any(|line| of(line).is_positive())
    };
    let lines = one.lines.iter();
    Returned {
        id: one.id.to_string(),
        badge: return_badge(one),
        reason: one.reason.word().replace('_', " "),
        opened_at: chrome.moment(one.opened_at),
        lines: lines
            .map(|line| {
                let units = |units| chrome.units(units);
                (
                    line.line,
                    units(line.advised),
                    units(line.received),
                    units(line.to_check),
                )
            })
            .collect(),
        can_receive: any(|line| line.outstanding),
        can_inspect: any(|line| line.to_check),
        refunded: chrome.money(one.refunded),
    }
}

fn rules(chrome: &Chrome, found: &OrderDetail) -> Vec<RuleRow> {
    let orders = chrome.t.orders;
    let row = |run: &views::rules::RunView| RuleRow {
        rule: run.rule.clone(),
        badge: match run.outcome {
            "matched" => Badge::new("ok", orders.rule_matched),
            "not_matched" => Badge::new("off", orders.rule_not_matched),
            _ => Badge::new("bad", orders.rule_failed),
        },
        saw: run.saw.clone().into_iter().collect(),
        did: run.did.clone(),
        error: run.error.clone(),
    };
    found.rules.iter().map(row).collect()
}

fn wishes(chrome: &Chrome, found: &OrderDetail) -> Vec<WishRow> {
    let states = chrome.t.states;
    let row = |intent: &views::queues::IntentView| WishRow {
        badge: match intent.state {
            "done" => Badge::new("ok", states.settled),
            "parked" => Badge::new("act", states.parked),
            _ => Badge::new("wait", states.waiting),
        },
        text: intent.text.clone(),
        last: intent.parked.clone().unwrap_or_else(|| intent.last.clone()),
        tries: intent.tries,
        can_retry: intent.parked.is_some() && chrome.may_operate(),
        id: intent.id.to_string(),
    };
    found.intents.iter().map(row).collect()
}
