//! Incidents: units that were sold and are not there, who else was promised them, and the ways out.

use domain::{
    AccountId, Quantity, Sku, Time,
    arrival::Arrival,
    ids::{IncidentId, OrderId},
    incident::{self, Choice, Coming, Ending, Incident, Proposal, Rival, Situation},
    item::Item,
    order::{Line, Order, Phase},
    policy::Step,
    snapshot::PaymentState,
    stock::{Claim, LocationId, Stock},
};
use serde::Serialize;

use super::{
    Page, StoreError, Units, Walk,
    orders::{Loaded, load},
    read, words,
};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// How many other orders are shown that were promised the same item.
const RIVALS_SHOWN: usize = 50;

/// An incident in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentView {
    /// Ours.
    pub id: IncidentId,
    /// `open`, `decided` (a person chose, and it is not over) or `closed`.
    pub state: &'static str,
    /// Of which order.
    pub order: OrderId,
    /// Its number there.
    pub number: Option<String>,
    /// Which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// On which account it was sold.
    pub account: AccountId,
    /// How many are missing; once it is closed, how many were at last.
    pub missing: Units,
    /// When it became known.
    pub opened_at: Time,
    /// What explains it, in a word.
    pub why: &'static str,
    /// What a person chose at last.
    pub choice: Option<ChoiceView>,
    /// When it was settled.
    pub closed_at: Option<Time>,
    /// How.
    pub ending: Option<Ending>,
    /// What the policy does next, unless a person chooses before.
    pub policy: Option<PolicyView>,
}

/// What the policy does next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyView {
    /// By which rule.
    pub rule: String,
    /// Not before this time.
    pub at: Time,
    /// The ways of the rule, in its order: the first that can be done is.
    pub then: Vec<&'static str>,
    /// The one that could be done now; nothing where none could, or in lists.
    pub would: Option<&'static str>,
}

/// What a person chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChoiceView {
    /// Which way.
    pub way: &'static str,
    /// The same as a verb phrase.
    pub text: String,
    /// Who, or by which rule of the policy.
    pub by: String,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub at: Time,
}

/// An incident with everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentDetail {
    /// As in lists.
    #[serde(flatten)]
    pub summary: IncidentView,
    /// Where the order is in its life.
    pub phase: Option<Phase>,
    /// By when the channel wants it shipped.
    pub ship_by: Option<Time>,
    /// How many units of the line the channel sold.
    pub ordered: Option<Units>,
    /// What explains it, in a sentence.
    pub explanation: String,
    /// Who else was promised units of the item, the oldest first.
    pub competing: Vec<Competing>,
    /// The ways out, the best first; none once it is closed.
    pub ways: Vec<WayView>,
}

/// Another order that was promised units of the item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Competing {
    /// Which.
    pub order: OrderId,
    /// Its number there.
    pub number: String,
    /// On which account.
    pub account: AccountId,
    /// Which line.
    pub line: u32,
    /// How many units.
    pub units: Units,
    /// When its buyer placed it.
    pub placed_at: Time,
    /// Whether it is paid, or as good as.
    pub is_paid: bool,
}

/// A way out, as it is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WayView {
    /// What to say to choose it.
    pub way: &'static str,
    /// From which order units would be taken.
    pub from: Option<OrderId>,
    /// Why it stands where it stands.
    pub because: String,
}

/// A page of incidents, the oldest first.
pub async fn list(
    engine: &Engine,
    is_open: Option<bool>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<IncidentView>, StoreError> {
    let table = match is_open {
        Some(true) => rows::OPEN_INCIDENTS,
        Some(false) | None => rows::INCIDENTS,
    };
    let mut walk = Walk::new(engine, table, Vec::new(), after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let incident: Option<Incident> = match is_open {
            Some(true) => {
                let id: IncidentId = rows::decode(table, &row.value)?;
                read(engine, rows::INCIDENTS, &[&id.to_string()]).await?
            }
            Some(false) | None => Some(rows::decode(table, &row.value)?),
        };
        // One that was closed a moment ago is not open any more.
        let fits = |one: &Incident| is_open.is_none_or(|is| is == one.closed_at.is_none());
        let Some(incident) = incident.filter(fits) else {
            continue;
        };
        let id = incident.order.to_string();
        let order: Option<Order> = read(engine, rows::ORDERS, &[&id]).await?;
        let item: Option<Item> = read(engine, rows::ITEMS, &[incident.sku.as_str()]).await?;
        let scale = item.map_or(0, |item| item.scale);
        let policy = policy(engine, &incident, &[], false).await?;
        let view = summary(incident, order.map(|order| order.number), scale);
        items.push(IncidentView { policy, ..view });
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

fn summary(incident: Incident, number: Option<String>, scale: u8) -> IncidentView {
    let state = match (incident.closed_at, &incident.choice) {
        (Some(_), _) => "closed",
        (None, Some(_)) => "decided",
        (None, None) => "open",
    };
    IncidentView {
        id: incident.id,
        state,
        order: incident.order,
        number,
        line: incident.line,
        sku: incident.sku,
        account: incident.account,
        missing: Units::new(incident.missing, scale),
        opened_at: incident.opened_at,
        why: incident.why.word(),
        choice: incident.choice.map(choice),
        closed_at: incident.closed_at,
        ending: incident.ending,
        policy: None,
    }
}

/// What the policy does next, and which of these ways it would go now. It takes from nobody who cannot
/// give all that is missing; a person may.
async fn policy(
    engine: &Engine,
    incident: &Incident,
    ways: &[Proposal],
    has_giver: bool,
) -> Result<Option<PolicyView>, StoreError> {
    let policy = engine.decider.policy();
    let Some(next) = engine.next_of(&policy, incident).await? else {
        return Ok(None);
    };
    let can = |step: &&Step| {
        let is_possible = **step != Step::TakeFrom || has_giver;
        is_possible && ways.iter().any(|way| way.kind == step.way())
    };
    let would = next.rule.then.iter().find(can);
    Ok(Some(PolicyView {
        rule: next.rule.name.clone(),
        at: next.at,
        then: next
            .rule
            .then
            .iter()
            .map(|step| step.way().word())
            .collect(),
        would: would.map(|step| step.way().word()),
    }))
}

fn choice(choice: Choice) -> ChoiceView {
    ChoiceView {
        way: choice.way.word(),
        text: words::way(&choice.way),
        by: choice.by,
        note: choice.note,
        at: choice.at,
    }
}

/// One incident with its ways out, if there is such a one.
pub async fn detail(engine: &Engine, id: IncidentId) -> Result<Option<IncidentDetail>, StoreError> {
    let incident: Option<Incident> = read(engine, rows::INCIDENTS, &[&id.to_string()]).await?;
    let Some(incident) = incident else {
        return Ok(None);
    };
    let item: Option<Item> = read(engine, rows::ITEMS, &[incident.sku.as_str()]).await?;
    let scale = item.map_or(0, |item| item.scale);
    let loaded = load(engine, incident.order).await?;
    let is_open = incident.closed_at.is_none();
    let (competing, rivals) = competing(engine, &incident, scale).await?;
    let placed_at = loaded.as_ref().map(|loaded| loaded.order.placed_at);
    let has_giver = placed_at
        .and_then(|placed_at| incident::gives_all(&rivals, placed_at, incident.missing))
        .is_some();
    let ways = match loaded.as_ref().filter(|_| is_open) {
        Some(loaded) => {
            let stock: Option<Stock> = read(engine, rows::STOCK, &[incident.sku.as_str()]).await?;
            let at_hand = situation(engine, &incident, loaded, rivals);
            incident::ways(&look_around(engine, at_hand, &incident, stock.as_ref()))
        }
        None => Vec::new(),
    };
    let policy = policy(engine, &incident, &ways, has_giver).await?;
    let order = loaded.as_ref().map(|loaded| &loaded.order);
    let ordered = order
        .and_then(|order| order.line(incident.line))
        .map(|line: &Line| Units::new(line.counters.ordered, line.scale));
    Ok(Some(IncidentDetail {
        phase: loaded.as_ref().map(Loaded::phase),
        ship_by: order.and_then(|order| order.ship_by),
        ordered,
        explanation: words::why(&incident.why),
        competing,
        ways: ways.into_iter().map(way).collect(),
        summary: IncidentView {
            policy,
            ..summary(incident, order.map(|order| order.number.clone()), scale)
        },
    }))
}

fn way(proposal: Proposal) -> WayView {
    WayView {
        way: proposal.kind.word(),
        from: proposal.from,
        because: proposal.because,
    }
}

/// Who else was promised units of the item, for people and for the policy.
async fn competing(
    engine: &Engine,
    incident: &Incident,
    scale: u8,
) -> Result<(Vec<Competing>, Vec<Rival>), StoreError> {
    let mut walk = Walk::new(engine, rows::CLAIMS, prefix(&[incident.sku.as_str()]), None);
    let (mut shown, mut rivals): (Vec<Competing>, Vec<Rival>) = (Vec::new(), Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let claim: Claim = rows::decode(rows::CLAIMS, &row.value)?;
        if claim.order == incident.order {
            continue;
        }
        let id = claim.order.to_string();
        let order: Option<Order> = read(engine, rows::ORDERS, &[&id]).await?;
        let Some(order) = order else { continue };
        let is_paid = order.is_payable();
        match rivals.iter_mut().find(|rival| rival.order == order.id) {
            Some(rival) => rival.units = rival.units.plus(claim.open()),
            None => rivals.push(Rival {
                order: order.id,
                units: claim.open(),
                placed_at: order.placed_at,
                is_paid,
            }),
        }
        shown.push(Competing {
            order: order.id,
            number: order.number,
            account: order.account,
            line: claim.line,
            units: Units::new(claim.open(), scale),
            placed_at: order.placed_at,
            is_paid,
        });
    }
    shown.sort_by_key(|one| (one.placed_at, one.order, one.line));
    shown.truncate(RIVALS_SHOWN);
    Ok((shown, rivals))
}

fn situation(
    engine: &Engine,
    incident: &Incident,
    loaded: &Loaded,
    rivals: Vec<Rival>,
) -> Situation {
    let order = &loaded.order;
    let account = engine.accounts.get(&order.account);
    let has_left = order
        .lines
        .iter()
        .any(|line| line.counters.shipped_net().is_positive());
    let is_taken = matches!(
        order.payment,
        PaymentState::Paid | PaymentState::PartRefunded
    );
    let has_other_units = order.lines.iter().any(|line| {
        let missing = loaded.book.missing_units(order, line.number);
        line.counters.wanted().minus(missing).is_positive()
    });
    Situation {
        now: engine.ports.clock.now(),
        ship_by: order.ship_by,
        placed_at: order.placed_at,
        is_paid: order.is_payable(),
        can_refund: is_taken && account.is_some_and(|a| a.channel.refund_orders().is_some()),
        can_cancel: !has_left && account.is_some_and(|a| a.channel.cancel_orders().is_some()),
        has_other_units,
        missing: incident.missing,
        rivals,
        penalty: engine
            .decider
            .policy()
            .penalties
            .get(&order.account)
            .copied()
            .unwrap_or_default(),
        arrival: None,
        elsewhere: None,
        unsorted: None,
        can_split: !has_left && has_other_units,
    }
}

/// What lies somewhere or is on its way, and could help.
fn look_around(
    engine: &Engine,
    situation: Situation,
    incident: &Incident,
    stock: Option<&Stock>,
) -> Situation {
    let Some(stock) = stock else { return situation };
    let policy = engine.decider.policy();
    let serves = |at: &LocationId| policy.locations.serves(at, &incident.account);
    let mut arrivals: Vec<&Arrival> = stock
        .incoming
        .values()
        .filter(|one| one.open().is_positive() && serves(&one.location))
        .collect();
    arrivals.sort_by_key(|one| (one.due.is_none(), one.due, one.id));
    let mut comes = Quantity::ZERO;
    let arrival = arrivals.into_iter().find(|one| {
        comes = comes.plus(one.open());
        comes >= incident.missing
    });
    Situation {
        arrival: arrival.map(|one| Coming {
            location: one.location.clone(),
            due: one.due,
        }),
        elsewhere: incident::elsewhere(stock, &policy.locations, &incident.account),
        unsorted: incident::unsorted(stock, &policy.locations, &incident.account),
        ..situation
    }
}
