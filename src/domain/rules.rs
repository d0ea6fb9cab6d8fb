//! Offer rules: how much of what is sellable each listing may show.
//!
//! `offer = clamp(floor(share × sellable) − buffer, 0, max)`, and then what sets it to zero: an
//! exclusion, an ended listing, the last units kept for other accounts, an offer that is too small to
//! be worth showing. Rules limit offers, never claims, and no rule shows more than is sellable but one
//! that says how much may be owed ([`crate::owed`]).

use std::{collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    AccountId, Quantity, Sku, Time,
    buffer::{Tuned, Tuning},
    item::Item,
    offer::Suppression,
    owed::Owing,
};

/// A ratio of integers, so that a share is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// Above the line.
    pub numerator: u32,
    /// Below the line; never zero.
    pub denominator: u32,
}

impl Ratio {
    /// All of it.
    pub const WHOLE: Ratio = Ratio {
        numerator: 1,
        denominator: 1,
    };
}

/// How much of what is sellable a listing may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRule {
    /// Which part of it.
    pub share: Ratio,
    /// What is kept back.
    pub buffer: Buffer,
    /// How the buffer tunes itself, if it does.
    pub tuning: Tuning,
    /// What is computed instead of share and buffer.
    pub formula: Option<FormulaRef>,
    /// The most that is ever shown.
    pub max: Option<Quantity>,
    /// An offer below this is shown as zero.
    pub zero_below: Quantity,
    /// When no more than this is sellable, the listing ends: see [`crate::offer::Offer::ended`].
    pub end_when: Option<Quantity>,
    /// Who alone shows the last units.
    pub last_units: Option<LastUnits>,
    /// What may be sold beyond what is there.
    pub owing: Owing,
    /// Not offered at all: shows zero.
    pub exclude: bool,
}

/// What is kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Buffer {
    /// So much.
    Units(Quantity),
    /// As much as the sales elsewhere and the delay of the account call for.
    Auto,
}

impl OfferRule {
    /// What holds when nothing is said, for an item with so many decimals.
    pub fn usual(scale: u8) -> OfferRule {
        OfferRule {
            share: Ratio::WHOLE,
            buffer: Buffer::Units(Quantity::ZERO),
            tuning: Tuning::usual(scale),
            formula: None,
            max: None,
            zero_below: Quantity::ZERO,
            end_when: None,
            last_units: None,
            owing: Owing::default(),
            exclude: false,
        }
    }

    /// The most that is kept back, where the buffer may have tuned itself. Before anything was
    /// measured it is the least.
    pub fn buffer(&self, tuned: Option<&Tuned>) -> Quantity {
        match self.buffer {
            Buffer::Units(units) => units,
            Buffer::Auto => self
                .tuning
                .clamp(tuned.map(|tuned| tuned.buffer).unwrap_or_default()),
        }
    }

    /// What is kept back of so much that is sellable: a buffer that tuned itself is held only while
    /// there is little.
    pub fn held(&self, sellable: Quantity, tuned: Option<&Tuned>) -> Quantity {
        match self.buffer {
            Buffer::Units(units) => units,
            Buffer::Auto => {
                let held = tuned.map(|tuned| tuned.held(sellable));
                self.tuning.clamp(held.unwrap_or_default())
            }
        }
    }
}

/// An admin's own formula. It is pure: the same numbers give the same result.
pub trait Formula: Send + Sync {
    /// As it was written.
    fn text(&self) -> &str;
    /// What it gives, in the smallest units of the item; or why it gives nothing.
    fn evaluate(&self, given: &Given) -> Result<Quantity, String>;
}

/// What a formula may reckon with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// What is sellable; not negative.
    pub sellable: Quantity,
    /// The share.
    pub share: Ratio,
    /// The whole units of that share.
    pub shared: Quantity,
    /// The buffer, also one that tuned itself.
    pub buffer: Quantity,
    /// The most; what is sellable where there is none.
    pub max: Quantity,
    /// The decimals of these quantities.
    pub scale: u8,
}

/// A formula that many rules may share; equal when it is written the same.
#[derive(Clone)]
pub struct FormulaRef(pub Arc<dyn Formula>);

impl PartialEq for FormulaRef {
    fn eq(&self, other: &FormulaRef) -> bool {
        self.0.text() == other.0.text()
    }
}

impl Eq for FormulaRef {}

impl fmt::Debug for FormulaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormulaRef({})", self.0.text())
    }
}

impl Serialize for FormulaRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("FormulaRef", self.0.text())
    }
}

/// A formula that was read back gives no number until whoever can compile it has done so.
impl<'de> Deserialize<'de> for FormulaRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FormulaRef, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(FormulaRef(Arc::new(Uncompiled(text))))
    }
}

/// The text of a formula.
struct Uncompiled(String);

impl Formula for Uncompiled {
    fn text(&self) -> &str {
        &self.0
    }

    fn evaluate(&self, _: &Given) -> Result<Quantity, String> {
        Err("it was not compiled".to_owned())
    }
}

/// The last units of an item are shown on some accounts only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUnits {
    /// When less than this is sellable.
    pub below: Quantity,
    /// On these; others show zero.
    pub only: BTreeSet<AccountId>,
}

/// When a listing ends, as a rule says it: a narrower rule may take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndWhen {
    /// It never ends.
    Never,
    /// When no more than this is sellable.
    At(Quantity),
}

/// A rule as an admin writes it: for whom, and what it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScopedRule {
    /// Only on this account.
    pub account: Option<AccountId>,
    /// Only for this item.
    pub sku: Option<Sku>,
    /// Only for items of this category.
    pub category: Option<String>,
    /// How many decimals its quantities are written with; those of the item that it is applied to
    /// may be more, and the rule means the same then.
    pub scale: u8,
    /// The formula, if it says one.
    pub formula: Option<FormulaRef>,
    /// The share, if it says one.
    pub share: Option<Ratio>,
    /// The buffer, if it says one.
    pub buffer: Option<Buffer>,
    /// The least that a buffer tunes itself to, if it says one.
    pub buffer_min: Option<Quantity>,
    /// The most, if it says one.
    pub buffer_max: Option<Quantity>,
    /// The risk that is accepted, if it says one.
    pub oversell_risk: Option<Ratio>,
    /// The most, if it says one.
    pub max: Option<Quantity>,
    /// The least that is shown, if it says one.
    pub zero_below: Option<Quantity>,
    /// When the listing ends, if it says so.
    pub end_when: Option<EndWhen>,
    /// Who alone shows the last units, if it says so.
    pub last_units: Option<LastUnits>,
    /// What may be sold beyond what is there, if it says so.
    pub owing: Owing,
    /// Whether it excludes.
    pub exclude: bool,
}

/// All offer rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferRules {
    /// In the order of the configuration.
    pub rules: Vec<ScopedRule>,
}

impl OfferRules {
    /// The rule for an item on an account, where the channel has it in these categories. A narrower
    /// rule wins, value by value: item and account, then item, then category and account, then
    /// category, then account, then all; among equals the later one. An exclusion always wins.
    pub fn find(&self, account: &AccountId, item: &Item, listed_in: &[String]) -> OfferRule {
        let is_in = |category: &str| match &item.category {
            // What the merchant says of an item goes before what a channel says of its listing.
            Some(own) => is_same_category(own, category),
            None => listed_in
                .iter()
                .any(|in_it| is_same_category(in_it, category)),
        };
        let applies = |rule: &&ScopedRule| {
            rule.account.as_ref().is_none_or(|wanted| wanted == account)
                && rule.sku.as_ref().is_none_or(|wanted| *wanted == item.sku)
                && rule.category.as_deref().is_none_or(is_in)
        };
        let mut found: Vec<&ScopedRule> = self.rules.iter().filter(applies).collect();
        found.sort_by_key(|rule| {
            (
                rule.sku.is_some(),
                rule.category.is_some(),
                rule.account.is_some(),
            )
        });
        let usual = OfferRule::usual(item.scale);
        found
            .iter()
            .fold(usual, |rule, scoped| scoped.narrow(rule, item.scale))
    }

    /// Whether anything may be owed by them.
    pub fn owe(&self) -> bool {
        let owes = |rule: &ScopedRule| rule.owing != Owing::default();
        self.rules.iter().any(owes)
    }

    /// The days on which something is no preorder any more.
    pub fn preorder_days(&self) -> impl Iterator<Item = Time> {
        let preorders = self.rules.iter().filter_map(|rule| rule.owing.preorder);
        preorders.map(|preorder| preorder.available_on)
    }

    /// Whether any buffer tunes itself, so that it is worth measuring.
    pub fn are_tuned(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.buffer == Some(Buffer::Auto))
    }
}

impl ScopedRule {
    /// A wider rule with what this one says, for an item with so many decimals.
    fn narrow(&self, wider: OfferRule, scale: u8) -> OfferRule {
        let units = |quantity: Quantity| {
            let more = u32::from(scale.saturating_sub(self.scale));
            quantity.times(10_i64.checked_pow(more).unwrap_or(1))
        };
        OfferRule {
            share: self.share.unwrap_or(wider.share),
            buffer: match self.buffer {
                Some(Buffer::Units(kept)) => Buffer::Units(units(kept)),
                Some(Buffer::Auto) => Buffer::Auto,
                None => wider.buffer,
            },
            tuning: Tuning {
                min: self.buffer_min.map_or(wider.tuning.min, units),
                max: self.buffer_max.map_or(wider.tuning.max, units),
                risk: self.oversell_risk.unwrap_or(wider.tuning.risk),
            },
            formula: self.formula.clone().or(wider.formula),
            max: self.max.map(units).or(wider.max),
            zero_below: self.zero_below.map_or(wider.zero_below, units),
            end_when: match self.end_when {
                Some(EndWhen::At(least)) => Some(units(least)),
                Some(EndWhen::Never) => None,
                None => wider.end_when,
            },
            last_units: match &self.last_units {
                Some(last) => Some(LastUnits {
                    below: units(last.below),
                    only: last.only.clone(),
                }),
                None => wider.last_units,
            },
            owing: wider.owing.narrowed(&self.owing, units),
            exclude: wider.exclude || self.exclude,
        }
    }
}

/// Whether two words name one category: people write `Mugs` here and `mugs` there.
pub fn is_same_category(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// What a rule makes of what is sellable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How much is shown. Never negative, never more than is sellable and may be owed.
    pub quantity: Quantity,
    /// How much of it is not there, and may be owed.
    pub owed: Quantity,
    /// Why it is zero, where a rule set it to zero.
    pub zeroed: Option<Zeroed>,
}

/// Why a rule sets an offer to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeroed {
    /// It is excluded.
    Excluded,
    /// The listing has ended.
    Ended,
    /// The last units are shown on other accounts only.
    LastUnits,
    /// So little would be shown that nothing is.
    BelowLeast(Quantity),
}

/// What matters of one listing, beside its rule and what is sellable.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Where it is.
    pub account: &'a AccountId,
    /// The buffer that tuned itself, if one did.
    pub tuned: Option<&'a Tuned>,
    /// Whether it has ended.
    pub has_ended: bool,
    /// How much may be sold beyond what is sellable ([`crate::owed::Lookup::room`]).
    pub room: Quantity,
    /// The decimals of the item.
    pub scale: u8,
}

/// What a listing may show of an item with this much sellable, by a rule; nothing when its formula
/// gives no number, because nobody may guess one.
pub fn show(sellable: Quantity, rule: &OfferRule, case: Case<'_>) -> Result<Shown, Suppression> {
    let zero = |why| {
        Ok(Shown {
            quantity: Quantity::ZERO,
            owed: Quantity::ZERO,
            zeroed: Some(why),
        })
    };
    if rule.exclude {
        return zero(Zeroed::Excluded);
    }
    if case.has_ended {
        return zero(Zeroed::Ended);
    }
    let are_kept = |last: &LastUnits| sellable < last.below && !last.only.contains(case.account);
    if rule.last_units.as_ref().is_some_and(are_kept) {
        return zero(Zeroed::LastUnits);
    }
    let kept = match compute(sellable, rule, case) {
        Some(computed) => computed.map_err(|_| Suppression::Formula)?,
        None => {
            let buffer = rule.held(sellable, case.tuned);
            shared(sellable, rule.share).minus(buffer)
        }
    };
    let kept = kept.or_zero().min(sellable.or_zero());
    let all = kept.plus(case.room.or_zero());
    let offer = rule.max.map_or(all, |max| all.min(max));
    if offer.is_positive() && offer < rule.zero_below {
        return zero(Zeroed::BelowLeast(offer));
    }
    Ok(Shown {
        quantity: offer,
        owed: offer.minus(kept).or_zero(),
        zeroed: None,
    })
}

/// What the formula of a rule gives, if there is one; or why it gives nothing.
pub fn compute(
    sellable: Quantity,
    rule: &OfferRule,
    case: Case<'_>,
) -> Option<Result<Quantity, String>> {
    let formula = rule.formula.as_ref()?;
    let sellable = sellable.or_zero();
    Some(formula.0.evaluate(&Given {
        sellable,
        share: rule.share,
        shared: shared(sellable, rule.share),
        buffer: rule.held(sellable, case.tuned),
        max: rule.max.unwrap_or(sellable),
        scale: case.scale,
    }))
}

/// The whole units of a share of what is sellable.
fn shared(sellable: Quantity, share: Ratio) -> Quantity {
    let units = sellable
        .or_zero()
        .units()
        .saturating_mul(i64::from(share.numerator))
        .checked_div(i64::from(share.denominator))
        .unwrap_or(0);
    Quantity::new(units)
        .unwrap_or_default()
        .min(sellable.or_zero())
}
