//! Routes that show an order whole.

use super::{Gives, Route, posts, reads};
use crate::admin::overview;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/orders/due",
            "List what must leave or arrive soon or is late, and parcels that nobody heard of.",
            Gives::Page("DueOrder"),
            overview::due,
        )
        .asks(&["account", "state", "within", "cursor", "limit"]),
        reads(
            "/api/v1/orders/{order}",
            "Show one order, with what is to be done next.",
            Gives::One("Order"),
            overview::detail,
        )
        .asks(&["at"]),
        reads(
            "/api/v1/orders/{order}/timeline",
            "List everything that happened to an order: facts, notes, tries on its channel, what the channel changed.",
            Gives::Page("TimelineEntry"),
            overview::timeline,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/orders/{order}/notes",
            "Write a note beside an order, for staff. It is erased with what the order says of people.",
            Gives::One("Receipt"),
            overview::note,
        )
        .takes("NewNote")
        .status(201),
        posts(
            "/api/v1/orders/{order}/evidence",
            "Write down all that is known of an order, people too, for a dispute. That it was made is recorded; the \
             answer is kept nowhere.",
            Gives::One("EvidencePack"),
            overview::evidence,
        )
        .takes("NewEvidence")
        .status(201),
    ]
}
