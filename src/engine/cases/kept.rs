//! What is kept of an incident so that it can be played again: the rows of the store, and the rules in a
//! form that can be written down.
//!
//! These rows hold what the orders hold, names included; they are taken out when a case is exported.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    AccountId, Sku, Time, allocation,
    breaker::BreakerRule,
    decide::Terms,
    fact::Fact,
    ids::IncidentId,
    locations::{Location, Locations},
    offer::OfferRules,
    order_rules::OrderRule,
    policy::{Penalty, Rule},
    signal::Signal,
    stock::LocationId,
    verify::{Checks, Verification},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    decider::Policy,
    ports::{condition, formula},
};

/// What is kept of one incident, and of those that came while it was open and are about the same units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recording {
    /// The incident that it began with, whose id is its own.
    pub(crate) id: IncidentId,
    /// All that it is about.
    pub(crate) incidents: BTreeSet<IncidentId>,
    /// Those among them that are not over.
    pub(crate) open: BTreeSet<IncidentId>,
    /// The item, and what is put together with it.
    pub(crate) skus: BTreeSet<Sku>,
    /// When the incident opened.
    pub(crate) opened_at: Time,
    /// When the last of them was over.
    #[serde(default)]
    pub(crate) ended_at: Option<Time>,
    /// From when on memory held all decisions when it opened; nothing where that was long enough.
    #[serde(default)]
    pub(crate) whole_since: Option<Time>,
    /// How many steps are kept.
    pub(crate) steps: u64,
    /// How long they are in all.
    pub(crate) bytes: u64,
    /// How many forms of the rules.
    pub(crate) policies: u32,
    /// How many decisions were left out, and why.
    #[serde(default)]
    pub(crate) left_out: BTreeMap<String, u64>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Its time.
    pub(crate) at: Time,
    /// What its ids were made from, in hexadecimal digits.
    pub(crate) seed: String,
    /// By which of the rules that are kept.
    pub(crate) policy: u32,
    /// What was decided about.
    pub(crate) signal: Signal,
    /// What it turned out to be.
    pub(crate) verdict: String,
    /// Rows that it read and that the steps before it do not give.
    pub(crate) given: Vec<Given>,
    /// What was recorded.
    pub(crate) facts: Vec<Fact>,
}

/// A row as a decision found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) table: String,
    pub(crate) key: String,
    /// Whether there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) gone: bool,
    #[serde(default)]
    pub(crate) value: Value,
}

/// A [`Policy`] that can be written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rulebook {
    accounts: BTreeMap<AccountId, Terms>,
    pub(crate) rules: OfferRules,
    home: LocationId,
    pub(crate) locations: Vec<Location>,
    breaker: BreakerRule,
    #[serde(default)]
    allocation: allocation::Rules,
    #[serde(default)]
    pub(crate) incidents: Vec<Rule>,
    #[serde(default)]
    penalties: BTreeMap<AccountId, Penalty>,
    #[serde(default = "not_looked_at")]
    verify: Verification,
    #[serde(default)]
    pub(crate) order_rules: Vec<OrderRule>,
}

/// What was looked at when nothing was kept of that: nothing. What was decided then is not decided otherwise by it.
fn not_looked_at() -> Verification {
    let usual = Checks {
        address: false,
        arithmetic: false,
        duplicates: None,
        risk: false,
    };
    Verification {
        usual,
        accounts: BTreeMap::new(),
        ask: None,
    }
}

/// Why rules that were written down cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRules {
    /// A formula is none.
    #[error("the formula `{text}` cannot be used: {reason}")]
    Formula {
        /// As it is written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A condition is none.
    #[error("the condition `{text}` cannot be used: {reason}")]
    Condition {
        /// As it is written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// More than may be declared.
    #[error("there are {0} locations, and {max} is the limit", max = domain::locations::LOCATIONS_MAX)]
    Locations(usize),
}

impl Rulebook {
    /// The rules that are in force.
    pub(crate) fn of(policy: &Policy) -> Rulebook {
        let Policy {
            accounts,
            rules,
            home,
            locations,
            breaker,
            allocation,
            incidents,
            penalties,
            verify,
            order_rules,
        } = policy;
        Rulebook {
            accounts: accounts.clone(),
            rules: rules.clone(),
            home: home.clone(),
            locations: locations.declared().to_vec(),
            breaker: *breaker,
            allocation: allocation.clone(),
            incidents: incidents.clone(),
            penalties: penalties.clone(),
            verify: verify.clone(),
            order_rules: order_rules.clone(),
        }
    }

    /// The same, to decide by.
    pub(crate) fn policy(mut self) -> Result<Arc<Policy>, NotRules> {
        if self.locations.len() > domain::locations::LOCATIONS_MAX {
            return Err(NotRules::Locations(self.locations.len()));
        }
        for rule in &mut self.rules.rules {
            let Some(written) = &rule.formula else {
                continue;
            };
            let text = written.0.text().to_owned();
            match formula::compile(&text) {
                Ok(compiled) => rule.formula = Some(compiled),
                Err(error) => {
                    let reason = error.problem;
                    return Err(NotRules::Formula { text, reason });
                }
            }
        }
        for rule in &mut self.order_rules {
            let Some(written) = &rule.when else { continue };
            let text = written.0.text().to_owned();
            match condition::compile(&text) {
                Ok(read) => rule.when = Some(read.condition),
                Err(error) => {
                    let reason = error.problem;
                    return Err(NotRules::Condition { text, reason });
                }
            }
        }
        Ok(Arc::new(Policy {
            accounts: self.accounts,
            rules: self.rules,
            home: self.home,
            locations: Locations::new(self.locations),
            breaker: self.breaker,
            allocation: self.allocation,
            incidents: self.incidents,
            penalties: self.penalties,
            verify: self.verify,
            order_rules: self.order_rules,
        }))
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The seed that these digits are.
pub(crate) fn seed(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut seed = [0; 16];
    for (at, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(seed)
}
