//! What a policy does about incidents while no person has chosen.
//!
//! A rule says for which incidents, which ways in which order, and how long after the incident opened. A
//! policy does only what can be done without a person: wait, take units from a younger order that is not
//! paid, cancel an order. A way that cannot be done is left out, the next one is tried. Each rule acts
//! once, and none after a person has chosen.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Money, Sku, Time,
    incident::{Incident, WayKind},
    item::Item,
    order::Order,
    rules::is_same_category,
};

/// A rule of the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What timelines call it.
    pub name: String,
    /// Only of orders on this account.
    pub account: Option<AccountId>,
    /// Only with this explanation, by its word.
    pub why: Option<String>,
    /// Only of this item.
    pub sku: Option<Sku>,
    /// Only of items of this category.
    pub category: Option<String>,
    /// Only of orders that cost no more than this, in the same currency.
    pub max_value: Option<Money>,
    /// What is done: the first of these that can be.
    pub then: Vec<Step>,
    /// How long after the incident opened.
    pub after: Duration,
}

/// What a policy may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// [`WayKind::Wait`]
    Wait,
    /// [`WayKind::TakeFrom`], from an order that can give all that is missing.
    TakeFrom,
    /// [`WayKind::CancelOrder`]
    CancelOrder,
}

impl Step {
    /// All of them.
    pub const ALL: [Step; 3] = [Step::Wait, Step::TakeFrom, Step::CancelOrder];

    /// The way that it goes.
    pub fn way(self) -> WayKind {
        match self {
            Step::Wait => WayKind::Wait,
            Step::TakeFrom => WayKind::TakeFrom,
            Step::CancelOrder => WayKind::CancelOrder,
        }
    }
}

/// How much it costs a merchant to cancel on an account: marketplaces count it against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// Little: a shop of one's own.
    Low,
    /// Some.
    #[default]
    Medium,
    /// Much: it puts the account at risk.
    High,
}

/// What the policy does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next<'r> {
    /// By which rule.
    pub rule: &'r Rule,
    /// Not before this time.
    pub at: Time,
}

impl Rule {
    fn fits(&self, incident: &Incident, item: Option<&Item>, order: &Order) -> bool {
        let category = item.and_then(|item| item.category.as_deref());
        self.account
            .as_ref()
            .is_none_or(|one| *one == incident.account)
            && self
                .why
                .as_ref()
                .is_none_or(|why| *why == incident.why.word())
            && self.sku.as_ref().is_none_or(|sku| *sku == incident.sku)
            && self
                .category
                .as_ref()
                .is_none_or(|own| category.is_some_and(|its| is_same_category(own, its)))
            && self.max_value.is_none_or(|most| {
                most.currency() == order.currency && order.total.minor() <= most.minor()
            })
    }
}

/// The rule that acts next on an open incident: of those that fit, in the order of their times, the first
/// after the one that acted last. None once a person has chosen.
pub fn next<'r>(
    rules: &'r [Rule],
    incident: &Incident,
    item: Option<&Item>,
    order: &Order,
) -> Option<Next<'r>> {
    if incident.closed_at.is_some() {
        return None;
    }
    let mut fitting: Vec<&Rule> = rules
        .iter()
        .filter(|rule| rule.fits(incident, item, order))
        .collect();
    fitting.sort_by_key(|rule| rule.after);
    let rule = match &incident.choice {
        None => fitting.first().copied()?,
        Some(choice) => {
            let acted = choice.rule.as_ref()?;
            let at = fitting.iter().position(|rule| rule.name == *acted)?;
            fitting.get(at.checked_add(1)?).copied()?
        }
    };
    Some(Next {
        rule,
        at: incident.opened_at.plus(rule.after),
    })
}
