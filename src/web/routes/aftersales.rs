//! Routes about what happens after something left.

use axum::routing::delete;

use super::{Gives, Route, posts};
use crate::admin::aftersales;

pub(super) fn routes() -> Vec<Route> {
    let mut all = about_parcels();
    all.extend(about_returns());
    all
}

fn about_parcels() -> Vec<Route> {
    const RECEIPT: Gives = Gives::One("Receipt");
    vec![
        posts(
            "/api/v1/orders/{order}/shipments/{shipment}/events",
            "Note what happened to a parcel.",
            RECEIPT,
            aftersales::track,
        )
        .takes("NewTrackingEvent")
        .status(201),
        posts(
            "/api/v1/orders/{order}/shipments/{shipment}/settle",
            "Say that somebody saw to a parcel that went astray.",
            RECEIPT,
            aftersales::settle,
        )
        .takes("DeliverySettlement")
        .status(201),
        posts(
            "/api/v1/orders/{order}/resends",
            "Send units again that left and do not come back: those of a parcel, or those that are named.",
            RECEIPT,
            aftersales::resend,
        )
        .takes("NewResend")
        .status(201),
        Route::new(
            "DELETE",
            "/api/v1/orders/{order}/resends",
            "Send nothing again that has not left yet.",
            RECEIPT,
            delete(aftersales::drop_resend),
        )
        .asks(&["by"]),
    ]
}

fn about_returns() -> Vec<Route> {
    const RECEIPT: Gives = Gives::One("Receipt");
    vec![
        posts(
            "/api/v1/orders/{order}/returns",
            "Announce that goods come back; without lines all that is with the buyer.",
            RECEIPT,
            aftersales::open_return,
        )
        .takes("NewReturn")
        .status(201),
        posts(
            "/api/v1/orders/{order}/exchanges",
            "Announce that goods come back and others leave instead: a return, and a line for each item that leaves.",
            RECEIPT,
            aftersales::exchange,
        )
        .takes("NewExchange")
        .status(201),
        posts(
            "/api/v1/orders/{order}/returns/{return}/receipts",
            "Take in goods of a return; without lines all that is still to come.",
            RECEIPT,
            aftersales::receive,
        )
        .takes("NewReturnReceipt")
        .status(201),
        posts(
            "/api/v1/orders/{order}/returns/{return}/inspections",
            "Say what becomes of goods that came in; without lines all that nobody has looked at.",
            RECEIPT,
            aftersales::inspect,
        )
        .takes("NewInspection")
        .status(201),
        posts(
            "/api/v1/orders/{order}/returns/{return}/close",
            "Say that nothing more of a return will come.",
            RECEIPT,
            aftersales::close,
        )
        .takes("ReturnEnding")
        .status(201),
    ]
}
