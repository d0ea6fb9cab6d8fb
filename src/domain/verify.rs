//! What is looked at in each order before it may go on: whether its sums fit, whether it can be sent where it
//! goes, whether somebody ordered twice, and whether its channel fears fraud.
//!
//! A finding must be worth a person's time. So what a channel does not tell is never held against an order:
//! a total whose parts are not all told is not added up, and an address that is kept back is not missing.
//! Nothing here changes anything; start reading at [`Verification::of`].

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Decimal, Money,
    ids::OrderId,
    message::Notice,
    order::Order,
    postal::{self, Flaw},
    snapshot::{Address, OrderSnapshot, Standing},
};

/// How long ago the same may have been ordered, when nothing is said.
pub const DUPLICATES_WITHIN: Duration = Duration::from_secs(30 * 60);
/// So many orders that look like one are named at most.
pub const ALIKE_MAX: usize = 5;

/// What is looked at in the orders of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Whether it can be sent where it goes.
    pub address: bool,
    /// Whether its parts make its total.
    pub arithmetic: bool,
    /// Whether the same buyer ordered the same, so shortly before; not at all where nothing is said.
    pub duplicates: Option<Duration>,
    /// Whether its channel fears fraud.
    #[serde(default)]
    pub risk: bool,
}

impl Default for Checks {
    fn default() -> Checks {
        Checks {
            address: true,
            arithmetic: true,
            duplicates: Some(DUPLICATES_WITHIN),
            risk: true,
        }
    }
}

/// What is looked at, account by account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// On accounts of which nothing else is said.
    pub usual: Checks,
    /// On these.
    pub accounts: BTreeMap<AccountId, Checks>,
    /// What asks for an address that it can be sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Notice>,
}

impl Verification {
    /// What is looked at in orders of an account.
    pub fn of(&self, account: &AccountId) -> Checks {
        self.accounts.get(account).copied().unwrap_or(self.usual)
    }
}

/// What decisions go by of the people in a view of an order: little enough that it may be kept where
/// nothing of people is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gist {
    /// What is wrong with the address that it goes to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<Flaw>,
    /// The country of the bill, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_country: Option<String>,
    /// Orders of shortly before that look like it, by the same buyer, where somebody looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<OrderId>,
}

impl Gist {
    /// Of what a view says of people.
    pub fn of(ship_to: Option<&Address>, bill_to: Option<&Address>) -> Gist {
        let country = bill_to.map(|address| address.country.trim().to_ascii_uppercase());
        Gist {
            flaws: ship_to.map(postal::flaws).unwrap_or_default(),
            bill_country: country.filter(|country| postal::is_country(country)),
            alike: Vec::new(),
        }
    }
}

/// Whether the parts of an order make its total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sum {
    /// They do.
    Fits,
    /// They do not.
    Differs(Difference),
    /// Nobody can say: its channel does not tell all parts, or some of it was canceled or given back.
    Unknown,
}

/// How far the parts of an order are from its total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What the parts make, where tax is within the prices.
    pub within: Money,
    /// What they make with tax on top of the prices.
    pub on_top: Money,
    /// What the channel says.
    pub total: Money,
    /// By how much the total is off the nearer of both; more than nothing where too much is asked.
    pub off: Money,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lines, shipping and discount make {}", self.within)?;
        if self.on_top != self.within {
            write!(f, ", with tax on top {}", self.on_top)?;
        }
        let way = if self.off.is_positive() {
            "more"
        } else {
            "less"
        };
        let off = Money::zero(self.off.currency()).minus(self.off);
        let off = if self.off.is_positive() {
            self.off
        } else {
            off.unwrap_or(self.off)
        };
        write!(f, ", and the total is {}: {off} {way}", self.total)
    }
}

/// Adds an order up. Lines are after their own discounts; what else was taken off may be any part of the
/// discount, because channels count those of lines, of the order and of shipping together. Tax is within
/// the prices or on top of all of them. Each amount may have been rounded, which is half a minor unit.
pub fn add_up(view: &OrderSnapshot) -> Sum {
    let Some(extra) = view.extra else {
        return Sum::Unknown;
    };
    let is_changed = view
        .lines
        .iter()
        .any(|line| line.canceled != Decimal::ZERO || line.returned != Decimal::ZERO);
    let is_sale = view.standing == Standing::Placed && view.refunded.minor() == 0;
    if view.lines.is_empty() || is_changed || !is_sale {
        return Sum::Unknown;
    }
    let lines = view.lines.iter().map(|line| line.total.minor());
    let parts = lines.chain([view.shipping.minor(), extra.minor()]);
    let parts = parts.fold(0_i64, i64::saturating_add);
    let (total, tax, discount) = (
        view.total.minor(),
        view.tax.minor(),
        view.discount.minor().max(0),
    );
    let least = parts.saturating_sub(discount);
    let rounded = [view.shipping, view.tax]
        .into_iter()
        .filter(|amount| amount.minor() != 0);
    let rounded = view.lines.len().saturating_add(rounded.count());
    let slack = i64::try_from(rounded.checked_div(2).unwrap_or_default()).unwrap_or(i64::MAX);
    // How far the total is beyond what these parts may make.
    let beyond = |tax: i64| {
        let (least, most) = (least.saturating_add(tax), parts.saturating_add(tax));
        if total > most.saturating_add(slack) {
            total.saturating_sub(most)
        } else if total < least.saturating_sub(slack) {
            total.saturating_sub(least)
        } else {
            0
        }
    };
    let (within, on_top) = (beyond(0), beyond(tax));
    if within == 0 || on_top == 0 {
        return Sum::Fits;
    }
    let off = if within.unsigned_abs() <= on_top.unsigned_abs() {
        within
    } else {
        on_top
    };
    // A sum that the total is above of is that without the discount, as nobody can say where it is.
    let base = if off > 0 { parts } else { least };
    let money = |minor: i64| Money::from_minor(minor, view.currency);
    match (money(base), money(base.saturating_add(tax)), money(off)) {
        (Ok(within), Ok(on_top), Ok(off)) => Sum::Differs(Difference {
            within,
            on_top,
            total: view.total,
            off,
        }),
        _ => Sum::Unknown,
    }
}

/// Whether an order is the same as one that is new: the same things, as many of each, for the same sum. One
/// that was canceled, or lost its stock unpaid, was meant to be ordered again.
pub fn is_alike(new: &Bought, order: &Order) -> bool {
    let known = Bought::of_order(order);
    !order.is_withdrawn() && !order.is_expired() && !known.things.is_empty() && known == *new
}

/// What was bought, as it is compared over channels: these have ids of their own for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    total: Money,
    things: BTreeMap<(String, String), u32>,
}

impl Bought {
    /// Of a channel's view.
    pub fn of(view: &OrderSnapshot) -> Bought {
        let lines = view.lines.iter();
        Bought::made(
            view.total,
            lines.map(|line| (line.sku.as_deref(), line.title.as_str(), line.ordered)),
        )
    }

    /// Of an order that somebody enters, for this sum.
    pub fn of_placement(asked: &crate::placement::Placement, total: Money) -> Bought {
        let lines = asked.lines.iter();
        Bought::made(
            total,
            lines.map(|line| (line.sku.as_deref(), line.title.as_str(), line.units)),
        )
    }

    fn of_order(order: &Order) -> Bought {
        let lines = order.lines.iter().map(|line| {
            let units = line.counters.ordered.to_decimal(line.scale);
            (line.channel_sku.as_deref(), line.title.as_str(), units)
        });
        Bought::made(order.total, lines)
    }

    fn made<'l>(
        total: Money,
        lines: impl Iterator<Item = (Option<&'l str>, &'l str, Decimal)>,
    ) -> Bought {
        let mut things: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (sku, title, units) in lines {
            let sku = sku.map(str::trim).filter(|sku| !sku.is_empty());
            let name = sku.unwrap_or(title).trim().to_lowercase();
            let slot = things.entry((name, units.to_string())).or_default();
            *slot = slot.saturating_add(1);
        }
        Bought { total, things }
    }
}
