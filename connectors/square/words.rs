//! Square's words, each as a value of ours. A word that is not listed stays a word.

use super::wire;

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OrderState {
    Open,
    Completed,
    Canceled,
    Draft,
    Unmapped(String),
}

/// How an order reaches its buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    Shipment,
    Delivery,
    Pickup,
    /// What payment links make; Square documents it nowhere.
    Digital,
    Unmapped(String),
}

/// How far a fulfillment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Proposed,
    Reserved,
    Prepared,
    Completed,
    Canceled,
    Failed,
    Unmapped(String),
}

/// What a line is.
pub(super) enum LineKind {
    Item,
    CustomAmount,
    GiftCard,
    Unmapped,
}

/// What became of a payment or a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Promised,
    Done,
    Failed,
    Unmapped(String),
}

impl OrderState {
    pub(super) fn of(order: &wire::Order) -> OrderState {
        match order.state.as_deref().unwrap_or_default() {
            "OPEN" => OrderState::Open,
            "COMPLETED" => OrderState::Completed,
            "CANCELED" => OrderState::Canceled,
            "DRAFT" => OrderState::Draft,
            other => OrderState::Unmapped(format!("state {other}")),
        }
    }
}

impl Way {
    pub(super) fn of(fulfillment: &wire::Fulfillment) -> Way {
        match fulfillment.kind.as_deref().unwrap_or_default() {
            "SHIPMENT" => Way::Shipment,
            "DELIVERY" => Way::Delivery,
            "PICKUP" => Way::Pickup,
            "DIGITAL" => Way::Digital,
            other => Way::Unmapped(format!("fulfillment type {other}")),
        }
    }
}

impl Stage {
    pub(super) fn of(fulfillment: &wire::Fulfillment) -> Stage {
        match fulfillment.state.as_deref().unwrap_or_default() {
            "PROPOSED" => Stage::Proposed,
            "RESERVED" => Stage::Reserved,
            "PREPARED" => Stage::Prepared,
            "COMPLETED" => Stage::Completed,
            "CANCELED" => Stage::Canceled,
            "FAILED" => Stage::Failed,
            other => Stage::Unmapped(format!("fulfillment state {other}")),
        }
    }

    /// Whether something can still be done about it.
    pub(super) fn is_live(&self) -> bool {
        match self {
            Stage::Proposed | Stage::Reserved | Stage::Prepared => true,
            Stage::Completed | Stage::Canceled | Stage::Failed | Stage::Unmapped(_) => false,
        }
    }
}

impl LineKind {
    pub(super) fn of(line: &wire::Line) -> LineKind {
        match line.item_type.as_deref() {
            None | Some("ITEM") => LineKind::Item,
            Some("CUSTOM_AMOUNT") => LineKind::CustomAmount,
            Some("GIFT_CARD") => LineKind::GiftCard,
            Some(_) => LineKind::Unmapped,
        }
    }

    /// Whether there is something to hand over. An unknown kind is looked at rather than forgotten.
    pub(super) fn is_thing(&self) -> bool {
        match self {
            LineKind::Item | LineKind::Unmapped => true,
            LineKind::CustomAmount | LineKind::GiftCard => false,
        }
    }
}

impl Outcome {
    /// Only cards have a state of their own; everything else that is listed was paid.
    pub(super) fn of_tender(tender: &wire::Tender) -> Outcome {
        let card = tender.card_details.as_ref();
        match card.and_then(|card| card.status.as_deref()) {
            None | Some("CAPTURED") => Outcome::Done,
            Some("AUTHORIZED") => Outcome::Promised,
            Some("VOIDED" | "FAILED") => Outcome::Failed,
            Some(other) => Outcome::Unmapped(format!("tender {other}")),
        }
    }

    /// Orders say `APPROVED` for what payments call `COMPLETED`.
    pub(super) fn of_refund(status: Option<&str>) -> Outcome {
        match status.unwrap_or_default() {
            "PENDING" => Outcome::Promised,
            "APPROVED" | "COMPLETED" => Outcome::Done,
            "REJECTED" | "FAILED" => Outcome::Failed,
            other => Outcome::Unmapped(format!("refund {other}")),
        }
    }
}
