//! Routes about documents: what is issued under a number, and what is drawn from an order.

use super::{Gives, Route, posts, reads};
use crate::admin::documents;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/orders/{order}/documents",
            "List what was issued for an order, in turn.",
            Gives::Page("Document"),
            documents::list,
        ),
        posts(
            "/api/v1/orders/{order}/documents",
            "Issue an invoice or a credit note under the next number. An invoice that stands is given again.",
            Gives::One("DocumentReceipt"),
            documents::issue,
        )
        .takes("NewDocument")
        .status(201),
        reads(
            "/api/v1/orders/{order}/confirmation",
            "Draw the confirmation of an order.",
            Gives::Drawn,
            documents::confirmation,
        )
        .asks(&["format", "language"]),
        reads(
            "/api/v1/orders/{order}/packing-slip",
            "Draw the packing slip of a parcel; without one, of what is to be sent.",
            Gives::Drawn,
            documents::packing_slip,
        )
        .asks(&["format", "language", "shipment"]),
        reads(
            "/api/v1/pick-list",
            "Draw what is to be fetched for some orders.",
            Gives::Drawn,
            documents::pick_list,
        )
        .asks(&["orders", "sequence", "format", "language"]),
        reads(
            "/api/v1/documents/{document}",
            "Draw what was issued, by its number or id, as it was said.",
            Gives::Drawn,
            documents::issued,
        )
        .asks(&["format"]),
    ]
}
