//! Routes about messages to buyers and programs.

use super::{Gives, Route, posts, reads};
use crate::admin::messages;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/messages",
            "List the messages that can be sent, and which way each goes.",
            Gives::One("Messages"),
            messages::list,
        ),
        posts(
            "/api/v1/orders/{order}/messages",
            "Send one of the configured messages about an order.",
            Gives::One("Receipt"),
            messages::tell,
        )
        .takes("NewMessage")
        .status(202),
        posts(
            "/api/v1/outbox/{intent}/drop",
            "Give up a message that waits, or waits for a person.",
            Gives::One("Receipt"),
            messages::drop_intent,
        )
        .takes("Dropped"),
    ]
}
