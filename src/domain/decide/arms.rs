//! The arms of a decision by name, so that a rehearsal can count which of them it went through.
//!
//! Nothing decides by these words, and nothing stores them.

use crate::{
    delivery::DeliveryStep,
    fulfillment::FulfillmentStep,
    intent::Outcome,
    returns::ReturnStep,
    signal::{Command, PushResult, Reading, Signal, Source},
};

use super::{Refusal, Verdict};

/// Every arm: each kind of signal, with what it can turn out to be. What is refused turns out to be the
/// word of its [`Refusal`].
pub const ARMS: &[(&str, &[&str])] = &[
    ("order_by_hook", &["new", "duplicate", "stale", "nothing"]),
    ("order_by_list", &["new", "duplicate", "stale", "nothing"]),
    ("order_by_read", &["new", "duplicate", "stale", "nothing"]),
    ("order_gone", &["new", "duplicate", "nothing"]),
    ("listings", &["new", "duplicate"]),
    ("opening", &["new", "duplicate"]),
    ("levels_before_push", &["new", "duplicate"]),
    ("levels_to_compare", &["new", "duplicate"]),
    ("levels_to_confirm", &["new", "duplicate"]),
    ("weigh", &["new"]),
    ("start_push", &["new", "duplicate"]),
    ("push_applied", &["new"]),
    ("push_found", &["new"]),
    ("push_conflict", &["new"]),
    ("push_rejected", &["new"]),
    ("push_not_done", &["new"]),
    ("push_ambiguous", &["new"]),
    ("push_retry", &["new"]),
    ("intent_applied", &["new", "nothing"]),
    ("intent_retry", &["new", "nothing"]),
    ("intent_park", &["new", "nothing"]),
    ("measured", &["new", "duplicate"]),
    ("reclaim", &["new", "no_order"]),
    ("expire", &["new", "nothing", "no_order"]),
    ("close", &["new", "nothing", "no_order"]),
    ("forget", &["new", "nothing", "no_order"]),
    ("promises", &["new"]),
    ("follow_policy", &["new", "nothing"]),
    (
        "allocate",
        &[
            "new",
            "duplicate",
            "no_order",
            "no_line",
            "no_location",
            "not_served",
            "channel_owned",
            "not_free",
            "no_place",
            "nothing_promised",
            "fulfillment",
        ],
    ),
    (
        "unallocate",
        &["new", "duplicate", "no_order", "no_line", "fulfillment"],
    ),
    (
        "adjust",
        &["new", "no_item", "not_stocked", "quantity", "no_location"],
    ),
    (
        "transfer",
        &[
            "new",
            "no_item",
            "not_stocked",
            "quantity",
            "no_location",
            "nothing_moves",
            "not_there",
            "promised",
        ],
    ),
    (
        "expect",
        &[
            "new",
            "no_item",
            "not_stocked",
            "quantity",
            "no_location",
            "nothing_moves",
        ],
    ),
    (
        "receive",
        &[
            "new",
            "no_item",
            "not_stocked",
            "quantity",
            "no_location",
            "nothing_moves",
            "no_arrival",
        ],
    ),
    ("give_up", &["new", "no_arrival"]),
    (
        "sort",
        &[
            "new",
            "no_item",
            "not_stocked",
            "quantity",
            "no_location",
            "nothing_moves",
            "not_there",
        ],
    ),
    (
        "open_count",
        &["new", "no_item", "not_stocked", "no_location", "count_open"],
    ),
    (
        "enter_count",
        &[
            "new",
            "no_item",
            "not_stocked",
            "quantity",
            "nothing_moves",
            "no_count",
            "count_over",
            "not_in_count",
            "as_of",
        ],
    ),
    (
        "close_count",
        &["new", "no_count", "count_over", "recount_first"],
    ),
    ("set_item", &["new", "duplicate", "item", "item_in_use"]),
    (
        "map_line",
        &["new", "duplicate", "no_item", "no_order", "no_line"],
    ),
    (
        "place",
        &[
            "new",
            "duplicate",
            "not_by_hand",
            "reference_used",
            "placement",
            "payment",
        ],
    ),
    ("pay", &["new", "no_order", "not_by_hand", "payment"]),
    (
        "ship",
        &[
            "new",
            "no_order",
            "no_line",
            "quantity",
            "too_many",
            "nothing_to_ship",
            "not_covered",
            "phase",
            "no_location",
            "not_served",
            "channel_owned",
            "not_there",
        ],
    ),
    (
        "cancel",
        &[
            "new",
            "duplicate",
            "no_order",
            "already_shipped",
            "under_way",
            "no_line",
            "quantity",
            "not_open",
            "cannot_cancel_units",
            "fulfillment",
        ],
    ),
    (
        "refund",
        &[
            "new",
            "no_order",
            "no_line",
            "refund_too_large",
            "no_return",
            "return",
        ],
    ),
    (
        "track",
        &["new", "duplicate", "no_order", "no_shipment", "delivery"],
    ),
    (
        "settle_delivery",
        &["new", "no_order", "no_shipment", "delivery"],
    ),
    (
        "resend",
        &[
            "new",
            "no_order",
            "no_shipment",
            "no_line",
            "quantity",
            "delivery",
        ],
    ),
    ("drop_resend", &["new", "no_order", "delivery"]),
    (
        "open_task",
        &[
            "new",
            "no_order",
            "no_line",
            "quantity",
            "nothing_to_ship",
            "phase",
            "no_location",
            "not_served",
            "channel_owned",
            "not_free",
            "fulfillment",
        ],
    ),
    (
        "pick",
        &[
            "new",
            "no_order",
            "no_task",
            "no_line",
            "quantity",
            "nothing_to_ship",
            "phase",
            "fulfillment",
        ],
    ),
    (
        "put_back",
        &[
            "new",
            "no_order",
            "no_task",
            "no_line",
            "quantity",
            "fulfillment",
        ],
    ),
    (
        "pack",
        &[
            "new",
            "no_order",
            "no_task",
            "no_line",
            "quantity",
            "nothing_to_ship",
            "phase",
            "fulfillment",
        ],
    ),
    ("unpack", &["new", "no_order", "no_task", "fulfillment"]),
    (
        "label",
        &[
            "new",
            "no_order",
            "no_task",
            "nothing_to_ship",
            "phase",
            "fulfillment",
        ],
    ),
    ("void_label", &["new", "no_order", "no_task", "fulfillment"]),
    (
        "hand_over",
        &[
            "new",
            "no_order",
            "no_task",
            "nothing_to_ship",
            "phase",
            "not_covered",
            "not_there",
            "fulfillment",
        ],
    ),
    (
        "split_task",
        &[
            "new",
            "no_order",
            "no_task",
            "no_line",
            "quantity",
            "fulfillment",
        ],
    ),
    (
        "merge_tasks",
        &["new", "no_order", "no_task", "fulfillment"],
    ),
    ("close_task", &["new", "no_order", "no_task", "fulfillment"]),
    (
        "open_return",
        &["new", "no_order", "no_line", "quantity", "return"],
    ),
    (
        "exchange",
        &[
            "new", "no_order", "no_line", "no_item", "quantity", "return",
        ],
    ),
    (
        "receive_return",
        &[
            "new",
            "no_order",
            "no_return",
            "no_line",
            "quantity",
            "return",
            "no_location",
            "not_served",
            "channel_owned",
        ],
    ),
    (
        "inspect_return",
        &[
            "new",
            "no_order",
            "no_return",
            "no_line",
            "quantity",
            "return",
            "not_there",
        ],
    ),
    (
        "close_return",
        &["new", "duplicate", "no_order", "no_return", "return"],
    ),
    ("issue", &["new", "duplicate", "no_order", "document"]),
    ("hold", &["new", "no_order"]),
    ("note", &["new", "no_order", "note"]),
    ("evidence", &["new", "no_order"]),
    ("release", &["new", "no_order", "not_held"]),
    ("erase", &["new", "duplicate", "no_order"]),
    (
        "resolve_incident",
        &[
            "new",
            "duplicate",
            "incident_over",
            "not_giving_way",
            "no_help",
            "cannot_cancel_units",
            "refund_too_large",
            "already_shipped",
            "under_way",
        ],
    ),
    (
        "settle_drift",
        &["new", "duplicate", "no_drift", "cannot_take"],
    ),
    ("let_go", &["new"]),
    ("confirm_zeroes", &["new"]),
    ("lift_breaker", &["new", "not_tripped"]),
    ("retry_intent", &["new", "not_parked"]),
    ("lift", &["new", "not_ended", "would_end"]),
    ("retry_push", &["new", "not_parked"]),
];

impl Signal {
    /// The words for what it is: one, or one for each of its results.
    pub fn words(&self) -> Vec<&'static str> {
        let word = match self {
            Signal::PushTried { results, .. } => {
                return results.iter().map(|(_, result)| result.word()).collect();
            }
            Signal::Order { source, .. } => match source {
                Source::Hook => "order_by_hook",
                Source::List => "order_by_list",
                Source::Read => "order_by_read",
            },
            Signal::OrderGone { .. } => "order_gone",
            Signal::Listings { .. } => "listings",
            Signal::Opening { .. } => "opening",
            Signal::Levels { reading, .. } => match reading {
                Reading::BeforePush => "levels_before_push",
                Reading::Compare => "levels_to_compare",
                Reading::Confirm => "levels_to_confirm",
            },
            Signal::Weigh { .. } => "weigh",
            Signal::StartPush { .. } => "start_push",
            Signal::IntentTried { outcome, .. } => match outcome {
                Outcome::Applied { .. } => "intent_applied",
                Outcome::Retry { .. } => "intent_retry",
                Outcome::Park { .. } => "intent_park",
            },
            Signal::Measured { .. } => "measured",
            Signal::Reclaim { .. } => "reclaim",
            Signal::Promises { .. } => "promises",
            Signal::FollowPolicy { .. } => "follow_policy",
            Signal::Expire { .. } => "expire",
            Signal::Close { .. } => "close",
            Signal::Forget { .. } => "forget",
            Signal::Command(command) => command.word(),
        };
        vec![word]
    }
}

impl PushResult {
    fn word(&self) -> &'static str {
        match self {
            PushResult::Applied => "push_applied",
            PushResult::Found { .. } => "push_found",
            PushResult::Conflict { .. } => "push_conflict",
            PushResult::Rejected { .. } => "push_rejected",
            PushResult::NotDone => "push_not_done",
            PushResult::Ambiguous { .. } => "push_ambiguous",
            PushResult::Retry { .. } => "push_retry",
        }
    }
}

impl Command {
    fn word(&self) -> &'static str {
        match self {
            Command::Place(_) => "place",
            Command::Pay { .. } => "pay",
            Command::Deliver { step, .. } => match step {
                DeliveryStep::Track { .. } => "track",
                DeliveryStep::Settle { .. } => "settle_delivery",
                DeliveryStep::Resend { .. } => "resend",
                DeliveryStep::DropResend => "drop_resend",
            },
            Command::Return { step, .. } => match step {
                ReturnStep::Open { .. } => "open_return",
                ReturnStep::Exchange { .. } => "exchange",
                ReturnStep::Receive { .. } => "receive_return",
                ReturnStep::Inspect { .. } => "inspect_return",
                ReturnStep::Close { .. } => "close_return",
            },
            Command::Fulfill { step, .. } => match step {
                FulfillmentStep::Open { .. } => "open_task",
                FulfillmentStep::Pick { .. } => "pick",
                FulfillmentStep::PutBack { .. } => "put_back",
                FulfillmentStep::Pack { .. } => "pack",
                FulfillmentStep::Unpack { .. } => "unpack",
                FulfillmentStep::Label { .. } => "label",
                FulfillmentStep::VoidLabel { .. } => "void_label",
                FulfillmentStep::HandOver { .. } => "hand_over",
                FulfillmentStep::Split { .. } => "split_task",
                FulfillmentStep::Merge { .. } => "merge_tasks",
                FulfillmentStep::Close { .. } => "close_task",
            },
            Command::Adjust { .. } => "adjust",
            Command::Transfer(_) => "transfer",
            Command::Expect { .. } => "expect",
            Command::Receive(_) => "receive",
            Command::GiveUp { .. } => "give_up",
            Command::Sort(_) => "sort",
            Command::OpenCount { .. } => "open_count",
            Command::EnterCount { .. } => "enter_count",
            Command::CloseCount { .. } => "close_count",
            Command::SetItem(_) => "set_item",
            Command::Issue { .. } => "issue",
            Command::MapLine { .. } => "map_line",
            Command::Ship { .. } => "ship",
            Command::Allocate { .. } => "allocate",
            Command::Unallocate { .. } => "unallocate",
            Command::Cancel { .. } => "cancel",
            Command::Refund { .. } => "refund",
            Command::Hold { .. } => "hold",
            Command::Note { .. } => "note",
            Command::Evidence { .. } => "evidence",
            Command::Release { .. } => "release",
            Command::Erase { .. } => "erase",
            Command::ResolveIncident { .. } => "resolve_incident",
            Command::SettleDrift { .. } => "settle_drift",
            Command::LetGo { .. } => "let_go",
            Command::ConfirmZeroes { .. } => "confirm_zeroes",
            Command::LiftBreaker { .. } => "lift_breaker",
            Command::RetryIntent { .. } => "retry_intent",
            Command::Lift { .. } => "lift",
            Command::RetryPush { .. } => "retry_push",
        }
    }
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::New => "new",
            Verdict::Duplicate => "duplicate",
            Verdict::Stale => "stale",
            Verdict::Nothing => "nothing",
        }
    }
}

impl Refusal {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::NoOrder(_) => "no_order",
            Refusal::NoLine { .. } => "no_line",
            Refusal::NoItem(_) => "no_item",
            Refusal::NotStocked(_) => "not_stocked",
            Refusal::Item(_) => "item",
            Refusal::ItemInUse(_) => "item_in_use",
            Refusal::Quantity { .. } => "quantity",
            Refusal::NotByHand(_) => "not_by_hand",
            Refusal::ReferenceUsed { .. } => "reference_used",
            Refusal::Placement(_) => "placement",
            Refusal::Payment(_) => "payment",
            Refusal::NotOpen { .. } => "not_open",
            Refusal::TooMany { .. } => "too_many",
            Refusal::NothingToShip => "nothing_to_ship",
            Refusal::NotCovered { .. } => "not_covered",
            Refusal::Phase { .. } => "phase",
            Refusal::AlreadyShipped => "already_shipped",
            Refusal::RefundTooLarge(_) => "refund_too_large",
            Refusal::NoShipment { .. } => "no_shipment",
            Refusal::NoReturn { .. } => "no_return",
            Refusal::Delivery(_) => "delivery",
            Refusal::Return(_) => "return",
            Refusal::NoTask { .. } => "no_task",
            Refusal::Fulfillment(_) => "fulfillment",
            Refusal::Document(_) => "document",
            Refusal::Note(_) => "note",
            Refusal::NotHeld => "not_held",
            Refusal::NoLocation { .. } => "no_location",
            Refusal::NotServed { .. } => "not_served",
            Refusal::ChannelOwned(_) => "channel_owned",
            Refusal::NotThere { .. } => "not_there",
            Refusal::NotFree { .. } => "not_free",
            Refusal::NoPlace(_) => "no_place",
            Refusal::NothingPromised(_) => "nothing_promised",
            Refusal::NothingMoves(_) => "nothing_moves",
            Refusal::Promised { .. } => "promised",
            Refusal::NoArrival { .. } => "no_arrival",
            Refusal::NoCount(_) => "no_count",
            Refusal::CountOpen { .. } => "count_open",
            Refusal::CountOver(_) => "count_over",
            Refusal::NotInCount(_) => "not_in_count",
            Refusal::AsOf { .. } => "as_of",
            Refusal::RecountFirst(_) => "recount_first",
            Refusal::NotParked => "not_parked",
            Refusal::IncidentOver { .. } => "incident_over",
            Refusal::NotGivingWay { .. } => "not_giving_way",
            Refusal::NoHelp { .. } => "no_help",
            Refusal::CannotCancelUnits { .. } => "cannot_cancel_units",
            Refusal::NoDrift(_) => "no_drift",
            Refusal::CannotTake { .. } => "cannot_take",
            Refusal::NotTripped(_) => "not_tripped",
            Refusal::NotEnded => "not_ended",
            Refusal::WouldEnd { .. } => "would_end",
            Refusal::UnderWay => "under_way",
        }
    }
}
