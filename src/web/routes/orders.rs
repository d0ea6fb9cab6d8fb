//! Routes about orders: lists, orders that are entered, what is done to them, and where they leave from.

use axum::routing::delete;

use super::{Gives, RECEIPT, Route, posts, reads};
use crate::admin::{allocation, orders, people, placing};

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_orders();
    all.extend(entered_orders());
    all.extend(done_to_orders());
    all.extend(about_people());
    all.extend(about_allocation());
    all
}

fn about_orders() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/orders",
            "List orders, the oldest or the newest first.",
            Gives::Page("OrderSummary"),
            orders::list,
        )
        .asks(&[
            "account",
            "external_id",
            "phase",
            "since",
            "tag",
            "q",
            "newest_first",
            "cursor",
            "limit",
        ]),
    ]
}

/// Orders of accounts that have no channel behind them.
fn entered_orders() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/orders",
            "Enter an order of an account whose orders are entered by hand.",
            RECEIPT,
            placing::place,
        )
        .takes("NewOrder")
        .status(201),
        posts(
            "/api/v1/orders/preview",
            "Say what would become of an order if it were entered; nothing is changed.",
            RECEIPT,
            placing::try_out,
        )
        .takes("NewOrder"),
        posts(
            "/api/v1/orders/{order}/payments",
            "Add what happened to the money of an order that was entered by hand.",
            RECEIPT,
            placing::pay,
        )
        .takes("NewPayment")
        .status(201),
    ]
}

fn done_to_orders() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/orders/{order}/shipments",
            "Record that something left, and tell the channel; without lines all that remains.",
            RECEIPT,
            orders::ship,
        )
        .takes("NewShipment")
        .status(201),
        posts(
            "/api/v1/orders/{order}/cancel",
            "Cancel an order on its channel; lines only of one that was entered by hand.",
            RECEIPT,
            orders::cancel,
        )
        .takes("Cancel")
        .status(202),
        posts(
            "/api/v1/orders/{order}/refunds",
            "Give money back on the channel.",
            RECEIPT,
            orders::refund,
        )
        .takes("NewRefund")
        .status(202),
        posts(
            "/api/v1/orders/{order}/holds",
            "Stop an order.",
            RECEIPT,
            orders::hold,
        )
        .takes("NewHold")
        .status(201),
        Route::new(
            "DELETE",
            "/api/v1/orders/{order}/holds",
            "Let an order go on.",
            RECEIPT,
            delete(orders::release),
        )
        .asks(&["by"]),
        posts(
            "/api/v1/orders/{order}/lines/{line}/map",
            "Say which item a line is.",
            RECEIPT,
            orders::map_line,
        )
        .takes("MapLine"),
    ]
}

fn about_people() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/people/orders",
            "List the orders of somebody, by an e-mail address or a phone number.",
            Gives::Page("OrderSummary"),
            people::orders,
        )
        .takes("Somebody"),
        posts(
            "/api/v1/orders/{order}/erasure",
            "Erase what an order says of people, as soon as nothing must be sent any more.",
            Gives::One("Receipt"),
            people::erase,
        )
        .takes("NewErasure")
        .status(202),
    ]
}

fn about_allocation() -> Vec<Route> {
    const PATH: &str = "/api/v1/orders/{order}/allocation";
    vec![
        reads(
            PATH,
            "Say where an order would leave from, and of each location why or why not. Nothing changes.",
            Gives::One("Allocation"),
            allocation::plan,
        )
        .asks(&["line", "location"]),
        posts(
            PATH,
            "Choose where promised units leave from: the best location, or the one that is named.",
            RECEIPT,
            allocation::allocate,
        )
        .takes("NewAllocation"),
        Route::new(
            "DELETE",
            PATH,
            "Take back where promised units leave from; none is chosen by itself any more.",
            RECEIPT,
            delete(allocation::unallocate),
        )
        .asks(&["line", "by"]),
    ]
}
