//! Fulfillment: what waits to be picked, and what is being worked on.

use std::collections::BTreeMap;

use domain::{
    AccountId, Money, Quantity, Sku, Time,
    fulfillment::{Label, Parcel, Task, TaskLine, TaskState},
    ids::{OrderId, ShipmentId, TaskId},
    item::Item,
    locations::Kind,
    order::Order,
    stock::LocationId,
};
use serde::Serialize;

use super::{
    Page, StoreError, Units, Walk,
    orders::{Loaded, OrderSummary, ShippedLine, load},
    parts, read,
};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// A task of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskView {
    /// Ours.
    pub id: TaskId,
    /// Where.
    pub location: LocationId,
    /// How far it is.
    pub state: TaskState,
    /// When it was opened.
    pub opened_at: Time,
    /// Who opened it.
    pub by: String,
    /// What is to be done.
    pub lines: Vec<TaskLineView>,
    /// What was packed.
    pub parcels: Vec<ParcelView>,
    /// When nothing more was to be done.
    pub closed_at: Option<Time>,
}

/// A part of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskLineView {
    /// Of which line.
    pub line: u32,
    /// The item.
    pub sku: Option<Sku>,
    /// What the buyer saw.
    pub title: String,
    /// How many are to leave with it, those that left among them.
    pub units: Units,
    /// In hand, or left.
    pub picked: Units,
    /// In a parcel, or left.
    pub packed: Units,
    /// Handed over.
    pub left: Units,
    /// In hand, and must not leave any more.
    pub to_put_back: Units,
}

/// A parcel of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParcelView {
    /// Its number within the task.
    pub number: u32,
    /// What is in it.
    pub lines: Vec<ShippedLine>,
    /// What it weighs, in grams.
    pub weight_g: Option<u32>,
    /// The label that is on it.
    pub label: Option<LabelView>,
    /// What it left as.
    pub left_as: Option<ShipmentId>,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelView {
    /// Who carries it.
    pub carrier: String,
    /// Its number there.
    pub tracking_number: String,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// What whoever sold it calls it.
    pub reference: Option<String>,
    /// What it cost.
    pub cost: Option<Money>,
    /// Who sold it to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// When it was noted.
    pub at: Time,
    /// Who noted it.
    pub by: String,
}

/// A task in a list, with the order that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenTask {
    /// The task.
    #[serde(flatten)]
    pub task: TaskView,
    /// For which order.
    pub order: OrderId,
    /// Its number.
    pub number: String,
    /// On which account.
    pub account: AccountId,
    /// By when it is to be shipped.
    pub ship_by: Option<Time>,
    /// Whether nothing more must be done than putting back: it is canceled, on hold, or not paid any more.
    pub is_stopped: bool,
}

/// An order with units that nobody picks yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The order.
    #[serde(flatten)]
    pub order: OrderSummary,
    /// Where these units lie; nothing while that is not chosen.
    pub location: Option<LocationId>,
    /// What is to be picked there.
    pub lines: Vec<WaitingLine>,
}

/// Units that nobody picks yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WaitingLine {
    /// Of which line.
    pub line: u32,
    /// The item to fetch: of a kit each of its own.
    pub sku: Option<Sku>,
    /// What the buyer saw.
    pub title: String,
    /// How many of the item.
    pub units: Units,
}

impl TaskView {
    /// As it is shown with its order.
    pub(crate) fn of(task: &Task, order: &Order) -> TaskView {
        let line = |part: &TaskLine| {
            let line = order.line(part.line);
            let scale = line.map_or(0, |line| line.scale);
            let units = |quantity| Units::new(quantity, scale);
            TaskLineView {
                line: part.line,
                sku: line.and_then(|line| Some(line.item.as_ref()?.sku.clone())),
                title: line.map_or_else(String::new, |line| line.title.clone()),
                units: units(part.units),
                picked: units(part.picked),
                packed: units(part.packed),
                left: units(part.left),
                to_put_back: units(part.to_put_back()),
            }
        };
        TaskView {
            id: task.id,
            location: task.location.clone(),
            state: task.state(),
            opened_at: task.opened_at,
            by: task.by.clone(),
            lines: task.lines.iter().map(line).collect(),
            parcels: task.parcels.iter().map(|one| parcel(one, order)).collect(),
            closed_at: task.closed_at,
        }
    }
}

fn parcel(parcel: &Parcel, order: &Order) -> ParcelView {
    let lines = parcel.lines.iter().map(|(line, units)| {
        let scale = order.line(*line).map_or(0, |line| line.scale);
        ShippedLine {
            line: *line,
            units: Units::new(*units, scale),
        }
    });
    let label = |label: &Label| LabelView {
        carrier: label.carrier.clone(),
        tracking_number: label.tracking_number.clone(),
        tracking_url: label.tracking_url.clone(),
        reference: label.reference.clone(),
        cost: label.cost,
        provider: label.provider.clone(),
        at: label.at,
        by: label.by.clone(),
    };
    ParcelView {
        number: parcel.number,
        lines: lines.collect(),
        weight_g: parcel.weight_g,
        label: parcel.label().map(label),
        left_as: parcel.left_as,
    }
}

/// A page of open tasks, the oldest of each location first.
pub async fn open(
    engine: &Engine,
    location: Option<&LocationId>,
    state: Option<TaskState>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<OpenTask>, StoreError> {
    let below = location.map_or_else(Vec::new, |at| prefix(&[at.as_str()]));
    let mut walk = Walk::new(engine, rows::OPEN_TASKS, below, after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((row, _)) = walk.next().await? else {
            break;
        };
        let row = parts(&row);
        let [_, _, order, task] = row.as_slice() else {
            continue;
        };
        let (Ok(order), Ok(task)) = (order.parse(), task.parse()) else {
            continue;
        };
        let Some(loaded) = load(engine, order).await? else {
            continue;
        };
        let found = loaded.order.task(task);
        let found = found.map(|task| open_task(task, &loaded));
        items.extend(found.filter(|one| state.is_none_or(|state| state == one.task.state)));
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

fn open_task(task: &Task, loaded: &Loaded) -> OpenTask {
    let order = &loaded.order;
    OpenTask {
        task: TaskView::of(task, order),
        order: order.id,
        number: order.number.clone(),
        account: order.account.clone(),
        ship_by: order.ship_by,
        is_stopped: order.is_withdrawn()
            || order.active_holds().next().is_some()
            || !order.is_payable(),
    }
}

/// A page of orders with units to pick that no task has: of each location the most urgent first, those that
/// have no location before all.
pub async fn waiting(
    engine: &Engine,
    location: Option<&LocationId>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<Waiting>, StoreError> {
    let location = location.filter(|at| !is_the_only_one(engine, at));
    let below = location.map_or_else(Vec::new, |at| prefix(&[at.as_str()]));
    let mut walk = Walk::new(engine, rows::TO_PICK, below, after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((row, _)) = walk.next().await? else {
            break;
        };
        let row = parts(&row);
        let (Some(at), Some(Ok(id))) = (row.first(), row.last().map(|id| id.parse())) else {
            continue;
        };
        let at = (!at.is_empty()).then(|| LocationId::new(at.clone()));
        let Some(loaded) = load(engine, id).await? else {
            continue;
        };
        let lines = waiting_lines(engine, &loaded, at.as_ref()).await?;
        items.push(Waiting {
            order: loaded.summary(),
            location: at,
            lines,
        });
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// Whether all that is ours lies there. Nothing is given to it then: what has no location waits there as well.
fn is_the_only_one(engine: &Engine, at: &LocationId) -> bool {
    let locations = engine.decider.policy().locations.clone();
    let ours = locations.declared().iter();
    let ours = ours.filter(|location| location.kind != Kind::Channel);
    ours.count() <= 1 && *at == locations.home()
}

async fn waiting_lines(
    engine: &Engine,
    loaded: &Loaded,
    at: Option<&LocationId>,
) -> Result<Vec<WaitingLine>, StoreError> {
    let mut lines = Vec::new();
    for (line, sku, quantity) in loaded.to_pick(at) {
        let item: Option<Item> = match &sku {
            Some(sku) => read(engine, rows::ITEMS, &[sku.as_str()]).await?,
            None => None,
        };
        let found = loaded.order.line(line);
        let scale = item.map(|item| item.scale);
        let scale = scale.or(found.map(|line| line.scale)).unwrap_or(0);
        lines.push(WaitingLine {
            line,
            sku,
            title: found.map_or_else(String::new, |line| line.title.clone()),
            units: Units::new(quantity, scale),
        });
    }
    Ok(lines)
}

impl Loaded {
    /// What is to be fetched at a location that no task has: line, item, and how many of it.
    fn to_pick(&self, at: Option<&LocationId>) -> Vec<(u32, Option<Sku>, Quantity)> {
        let order = &self.order;
        let mut found = Vec::new();
        for line in &order.lines {
            let left = line.counters.to_ship().minus(order.in_tasks(line.number));
            let bill: BTreeMap<&Sku, Quantity> = line
                .item
                .iter()
                .flat_map(|item| item.bill.iter().map(|(sku, units)| (sku, *units)))
                .collect();
            if bill.is_empty() && left.is_positive() && at.is_none() {
                found.push((line.number, None, left));
            }
            let of_line = self.book.claims.iter();
            let of_line = of_line.filter(|(key, _)| key.line == line.number);
            for (key, claim) in of_line {
                let Some(per_unit) = bill.get(&key.sku) else {
                    continue;
                };
                let units = match at {
                    None => claim.pending(),
                    Some(at) => {
                        let tasks = order.tasks.iter();
                        let tasks = tasks.filter(|task| task.is_open() && task.location == *at);
                        let parts = tasks.filter_map(|task| task.line(line.number));
                        let worked_on: Quantity = parts.map(TaskLine::to_leave).sum();
                        let bound = claim.places.get(at).copied().unwrap_or_default();
                        bound.minus(per_unit.times(worked_on.units()))
                    }
                };
                if units.is_positive() {
                    found.push((line.number, Some(key.sku.clone()), units));
                }
            }
        }
        found
    }
}
