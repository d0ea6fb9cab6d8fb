//! Numbers: money in minor units, quantities with up to five decimals, and the counters of a line.
//!
//! All of it is exact and none of it wraps: what cannot be written as our own types is an error in
//! words, which makes the order malformed. No float is ever made.

use domain::{Currency, Decimal, Money};
use serde_json::Number;

use super::{
    map::given,
    wire,
    words::{OrderState, Stage, Way},
};

/// Reads amounts of one currency.
#[derive(Clone, Copy)]
pub(super) struct Amount(pub(super) Currency);

/// How much of a line has left, came back, or never will leave.
pub(super) struct Coverage {
    pub(super) shipped: Decimal,
    pub(super) canceled: Decimal,
    pub(super) returned: Decimal,
    /// Whether somebody has to hand it over later: not at the counter, and not as a download.
    pub(super) is_handed_over: bool,
}

impl Amount {
    /// An amount in minor units; nothing is zero.
    pub(super) fn read(self, money: Option<&wire::Money>) -> Result<Money, String> {
        let Some(money) = money else {
            return Ok(Money::zero(self.0));
        };
        if let Some(code) = &money.currency {
            let currency = Currency::new(code).map_err(|error| error.to_string())?;
            if currency != self.0 {
                return Err(format!("{currency} in an order in {}", self.0));
            }
        }
        let minor = money.amount.as_ref().map_or(Ok(0), integer)?;
        Money::from_minor(minor, self.0).map_err(|error| error.to_string())
    }

    /// The opposite of an amount.
    pub(super) fn negated(self, money: Money) -> Result<Money, String> {
        Money::zero(self.0)
            .minus(money)
            .map_err(|error| error.to_string())
    }
}

/// The sum of two amounts.
pub(super) fn sum(one: Money, other: Money) -> Result<Money, String> {
    one.plus(other).map_err(|error| error.to_string())
}

/// A whole number.
pub(super) fn integer(number: &Number) -> Result<i64, String> {
    number
        .to_string()
        .parse()
        .map_err(|_| format!("`{number}` is not a whole number within range"))
}

/// A quantity, which Square writes as text.
pub(super) fn quantity(text: Option<&str>, field: &str) -> Result<Decimal, String> {
    let text = text.ok_or_else(|| format!("{field} is missing"))?;
    let quantity: Decimal = text.parse().map_err(|error| format!("{field}: {error}"))?;
    if quantity.parts().0 < 0 {
        return Err(format!("{field} is negative"));
    }
    Ok(quantity)
}

impl Coverage {
    /// What the fulfillments and returns of an order say of one line. A canceled fulfillment cancels
    /// only what no other one covers, because Square replaces fulfillments by canceling them.
    pub(super) fn of(
        order: &wire::Order,
        state: &OrderState,
        uid: &str,
        ordered: Decimal,
    ) -> Result<Coverage, String> {
        let all = fine(ordered);
        let (mut done, mut open, mut dropped) = (0_i128, 0_i128, 0_i128);
        let mut is_handed_over = false;
        for fulfillment in &order.fulfillments {
            let part = covered(fulfillment, uid, all)?;
            match Stage::of(fulfillment) {
                Stage::Completed => done += part,
                Stage::Proposed | Stage::Reserved | Stage::Prepared => open += part,
                // It failed, but what becomes of the goods is not said: still wanted.
                Stage::Failed | Stage::Unmapped(_) => open += part,
                Stage::Canceled => dropped += part,
            }
            is_handed_over |= part > 0
                && match Way::of(fulfillment) {
                    Way::Shipment | Way::Delivery | Way::Pickup | Way::Unmapped(_) => true,
                    Way::Digital => false,
                };
        }
        let is_counter_sale = order.fulfillments.is_empty();
        let shipped = if is_counter_sale && *state == OrderState::Completed {
            all
        } else {
            done.min(all)
        };
        let canceled = match state {
            OrderState::Canceled => all - shipped,
            OrderState::Open
            | OrderState::Completed
            | OrderState::Draft
            | OrderState::Unmapped(_) => dropped.min(all - shipped - open).max(0),
        };
        Ok(Coverage {
            shipped: coarse(shipped)?,
            canceled: coarse(canceled)?,
            returned: coarse(came_back(order, uid)?.min(shipped))?,
            is_handed_over,
        })
    }
}

/// How much of a line is in a fulfillment.
fn covered(fulfillment: &wire::Fulfillment, uid: &str, all: i128) -> Result<i128, String> {
    if fulfillment.line_item_application.as_deref() != Some("ENTRY_LIST") {
        return Ok(all);
    }
    let mut part = 0;
    for entry in &fulfillment.entries {
        if entry.line_item_uid.as_deref() == Some(uid) {
            part += fine(quantity(entry.quantity.as_deref(), "entry quantity")?);
        }
    }
    Ok(part.min(all))
}

/// How much of a line this very order takes back. Square books a later return as an order of its
/// own, which names this one; that one is read as no sale.
fn came_back(order: &wire::Order, uid: &str) -> Result<i128, String> {
    let mut back = 0;
    for part in &order.returns {
        if given(part.source_order_id.as_deref()).is_some_and(|source| source != order.id) {
            continue;
        }
        for line in &part.return_line_items {
            if line.source_line_item_uid.as_deref() == Some(uid) {
                back += fine(quantity(line.quantity.as_deref(), "returned quantity")?);
            }
        }
    }
    Ok(back)
}

/// Whether a parcel holds all that a fulfillment lists; never true for one that lists nothing.
pub(super) fn is_all_in(
    fulfillment: &wire::Fulfillment,
    parcel: &[(domain::ExternalId, Decimal)],
) -> bool {
    let is_listed = fulfillment.line_item_application.as_deref() == Some("ENTRY_LIST");
    let holds = |entry: &wire::Entry| {
        let wanted = quantity(entry.quantity.as_deref(), "entry quantity").map(fine);
        let packed: i128 = parcel
            .iter()
            .filter(|(line, _)| entry.line_item_uid.as_deref() == Some(line.as_str()))
            .map(|(_, units)| fine(*units))
            .sum();
        wanted.is_ok_and(|wanted| packed >= wanted)
    };
    is_listed && !fulfillment.entries.is_empty() && fulfillment.entries.iter().all(holds)
}

/// The decimals that [`Decimal`] can have at most.
const SCALE: u8 = 9;

/// In units of 10⁻⁹, in which quantities can be added and compared; 19 digits and 9 zeros fit.
fn fine(decimal: Decimal) -> i128 {
    let (digits, scale) = decimal.parts();
    let missing = u32::from(SCALE.saturating_sub(scale));
    i128::from(digits) * 10_i128.pow(missing)
}

/// Back to a decimal.
fn coarse(units: i128) -> Result<Decimal, String> {
    let one = 10_i128.pow(u32::from(SCALE));
    let sign = if units < 0 { "-" } else { "" };
    let (whole, rest) = (units.abs() / one, units.abs() % one);
    format!("{sign}{whole}.{rest:09}")
        .parse()
        .map_err(|error: domain::quantity::NotAQuantity| error.to_string())
}
