//! Routes about which items listings are.

use super::{Gives, Route, posts, reads};
use crate::admin::listings;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/listings/unmapped",
            "List what waits because nobody knows which item it is, with what may be meant.",
            Gives::Page("Unmapped"),
            listings::unmapped,
        )
        .asks(&["account", "cursor", "limit"]),
        reads(
            "/api/v1/listings/audit",
            "Compare price, title and barcode that each listing shows with its item; nothing is written.",
            Gives::One("Audit"),
            listings::audit,
        )
        .asks(&["account", "what"]),
        posts(
            "/api/v1/listings/map",
            "Say which item a listing is, or a SKU that its channel writes: all that waits for it goes on, and \
             what comes later is mapped when it comes.",
            Gives::One("Receipt"),
            listings::map,
        )
        .takes("MapListing"),
        posts(
            "/api/v1/listings/unmap",
            "Take back which item a listing is, or a SKU that its channel writes. Lines that were mapped stay so.",
            Gives::One("Receipt"),
            listings::unmap,
        )
        .takes("UnmapListing"),
    ]
}
