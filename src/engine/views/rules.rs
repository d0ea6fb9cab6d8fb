//! Rules of orders: which there are, what came of them for an order, and what they would say of past orders.

use std::collections::BTreeMap;

use domain::{
    AccountId, Time,
    ids::OrderId,
    item::Item,
    message::Notice,
    order_rules::{Moment, OrderRule, Outcome, Run, ask, seen},
    stock::LocationId,
};
use serde::Serialize;

use super::{StoreError, Walk, orders, read};
use crate::{Engine, rows};

/// So many past orders are looked at, when nothing is said.
pub const TESTED: usize = 200;
/// So many at most.
pub const TESTED_MAX: usize = 2000;

/// A rule, as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleView {
    /// What people call it.
    pub name: String,
    /// When it is run.
    pub on: &'static str,
    /// Which orders it is about; all where it says nothing.
    pub when: Option<String>,
    /// For which reason it holds them.
    pub hold: Option<String>,
    /// After how many seconds that is to be settled.
    pub hold_for_s: Option<u64>,
    /// Whether they keep their stock meanwhile.
    pub keeps_claim: bool,
    /// What it calls them.
    pub tag: Vec<String>,
    /// Where it has them leave from.
    pub route: Option<LocationId>,
    /// How soon they are served.
    pub priority: Option<i32>,
    /// The message that asks for what is missing of those that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// The messages that it sends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
}

/// What came of a rule for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunView {
    /// Which.
    pub rule: String,
    /// When it is run.
    pub on: &'static str,
    /// When it was; nothing where it was only tried.
    pub at: Option<Time>,
    /// `matched`, `not_matched` or `failed`.
    pub outcome: &'static str,
    /// What its condition saw.
    pub saw: BTreeMap<String, String>,
    /// What it did, or would do.
    pub did: Vec<String>,
    /// Why nobody can say.
    pub error: Option<String>,
}

/// What rules would say of past orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// How many orders were looked at.
    pub looked_at: usize,
    /// Whether there are more that were not.
    pub is_cut_off: bool,
    /// How often each rule would match, and fail.
    pub rules: Vec<Tally>,
    /// The orders of which a rule would be so, or nobody could say; all that were looked at when one is named.
    pub orders: Vec<TriedOrder>,
}

/// How often a rule would be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Which.
    pub rule: String,
    /// When it is run.
    pub on: &'static str,
    /// Of so many orders.
    pub matched: usize,
    /// Of so many nobody could say.
    pub failed: usize,
}

/// What rules would say of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedOrder {
    /// Ours.
    pub order: OrderId,
    /// The number that people know.
    pub number: String,
    /// Where it was placed.
    pub account: AccountId,
    /// When.
    pub placed_at: Time,
    /// Rule by rule.
    pub runs: Vec<RunView>,
}

/// Which past orders are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Only this one.
    pub order: Option<OrderId>,
    /// Only those that were placed at this time or later.
    pub since: Option<Time>,
    /// So many at most.
    pub limit: usize,
}

/// The rules that are in force, in their order.
pub fn list(engine: &Engine) -> Vec<RuleView> {
    let policy = engine.decider.policy();
    policy.order_rules.iter().map(RuleView::of).collect()
}

/// What rules would say of past orders, as these stand now. Nothing is changed by it, and nothing is found
/// where the one that is named does not exist.
pub async fn try_out(
    engine: &Engine,
    rules: &[OrderRule],
    past: Past,
) -> Result<Option<Trial>, StoreError> {
    let mut trial = Trial {
        rules: rules.iter().map(Tally::of).collect(),
        ..Trial::default()
    };
    if let Some(id) = past.order {
        let Some(loaded) = orders::load(engine, id).await? else {
            return Ok(None);
        };
        trial.look_at(engine, loaded, rules, true).await?;
        return Ok(Some(trial));
    }
    let start = past.since.map(|since| rows::ids_since(since).into_bytes());
    let mut walk = Walk::new(engine, rows::ORDERS, Vec::new(), start).unbounded();
    while let Some((row, _)) = walk.next().await? {
        let Ok(id) = rows::last_part(&row).parse() else {
            continue;
        };
        let Some(loaded) = orders::load(engine, id).await? else {
            continue;
        };
        if past
            .since
            .is_some_and(|since| loaded.order.placed_at < since)
        {
            continue;
        }
        if trial.looked_at >= past.limit {
            trial.is_cut_off = true;
            break;
        }
        trial.look_at(engine, loaded, rules, false).await?;
    }
    Ok(Some(trial))
}

impl Trial {
    async fn look_at(
        &mut self,
        engine: &Engine,
        mut loaded: orders::Loaded,
        rules: &[OrderRule],
        is_named: bool,
    ) -> Result<(), StoreError> {
        self.looked_at += 1;
        for line in &loaded.order.lines {
            let Some(sku) = line.item.as_ref().map(|item| item.sku.clone()) else {
                continue;
            };
            let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
            loaded.book.items.extend(item.map(|item| (sku, item)));
        }
        let order = &loaded.order;
        let values = seen(order, &loaded.book);
        let mut runs = Vec::new();
        for (rule, tally) in rules.iter().zip(&mut self.rules) {
            let (answer, saw) = ask(rule, &values);
            let outcome = match answer {
                Ok(true) => Outcome::Matched {
                    did: would_do(rule),
                },
                Ok(false) => Outcome::NotMatched,
                Err(error) => Outcome::Failed { error },
            };
            match &outcome {
                Outcome::Matched { .. } => tally.matched += 1,
                Outcome::Failed { .. } => tally.failed += 1,
                Outcome::NotMatched if is_named => {}
                Outcome::NotMatched => continue,
            }
            runs.push(RunView::new((&rule.name, rule.on), None, &saw, &outcome));
        }
        if !runs.is_empty() {
            self.orders.push(TriedOrder {
                order: order.id,
                number: order.number.clone(),
                account: order.account.clone(),
                placed_at: order.placed_at,
                runs,
            });
        }
        Ok(())
    }
}

/// What a rule does when it is so, in words that follow `would be`.
fn would_do(rule: &OrderRule) -> Vec<String> {
    let then = &rule.then;
    let mut does = Vec::new();
    does.extend(
        then.hold
            .iter()
            .map(|hold| format!("held: {}", hold.reason)),
    );
    does.extend(then.tag.iter().map(|tag| format!("tagged {tag}")));
    does.extend(then.route.iter().map(|to| format!("routed to {to}")));
    does.extend(
        then.priority
            .map(|priority| format!("given priority {priority}")),
    );
    let ask = then.hold.iter().filter_map(|hold| hold.ask.as_ref());
    let told = ask.chain(&then.notify);
    does.extend(told.map(|notice| format!("told of by `{}`", notice.message)));
    does
}

impl Tally {
    fn of(rule: &OrderRule) -> Tally {
        Tally {
            rule: rule.name.clone(),
            on: rule.on.word(),
            matched: 0,
            failed: 0,
        }
    }
}

impl RuleView {
    fn of(rule: &OrderRule) -> RuleView {
        let hold = rule.then.hold.as_ref();
        RuleView {
            name: rule.name.clone(),
            on: rule.on.word(),
            when: rule.when.as_ref().map(|when| when.0.text().to_owned()),
            hold: hold.map(|hold| hold.reason.clone()),
            hold_for_s: hold
                .and_then(|hold| hold.settle_within)
                .map(|within| within.as_secs()),
            keeps_claim: hold.is_none_or(|hold| hold.keeps_claim),
            tag: rule.then.tag.clone(),
            route: rule.then.route.clone(),
            priority: rule.then.priority,
            ask: hold
                .and_then(|hold| hold.ask.as_ref())
                .map(|notice| notice.message.clone()),
            notify: names(&rule.then.notify),
        }
    }
}

fn names(notices: &[Notice]) -> Vec<String> {
    notices
        .iter()
        .map(|notice| notice.message.clone())
        .collect()
}

impl RunView {
    /// What came of a run.
    pub(crate) fn of(run: &Run) -> RunView {
        RunView::new((&run.rule, run.on), Some(run.at), &run.saw, &run.outcome)
    }

    fn new(
        (rule, on): (&str, Moment),
        at: Option<Time>,
        saw: &[(String, String)],
        outcome: &Outcome,
    ) -> RunView {
        let (word, did, error) = match outcome {
            Outcome::Matched { did } => ("matched", did.clone(), None),
            Outcome::NotMatched => ("not_matched", Vec::new(), None),
            Outcome::Failed { error } => ("failed", Vec::new(), Some(error.clone())),
        };
        RunView {
            rule: rule.to_owned(),
            on: on.word(),
            at,
            outcome: word,
            saw: saw.iter().cloned().collect(),
            did,
            error,
        }
    }
}
