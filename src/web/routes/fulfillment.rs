//! Routes about picking, packing and handing over.

use axum::routing::delete;

use super::{Gives, Route, posts, reads};
use crate::admin::{fulfillment, labels};

const RECEIPT: Gives = Gives::One("Receipt");

pub(super) fn routes() -> Vec<Route> {
    let mut all = lists();
    all.extend(about_tasks());
    all.extend(about_parcels());
    all
}

fn lists() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/tasks",
            "List open tasks, the oldest of each location first.",
            Gives::Page("OpenTask"),
            fulfillment::open_tasks,
        )
        .asks(&["location", "state", "cursor", "limit"]),
        reads(
            "/api/v1/tasks/waiting",
            "List orders with units that nobody picks yet, the most urgent of each location first.",
            Gives::Page("Waiting"),
            fulfillment::waiting,
        )
        .asks(&["location", "cursor", "limit"]),
    ]
}

fn about_tasks() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/orders/{order}/tasks",
            "Begin to pick: at one location, or at each that units leave from; without lines all that no task has.",
            RECEIPT,
            fulfillment::open,
        )
        .takes("NewTask")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/picks",
            "Say what was fetched, and what was not found; without lines all that is left.",
            RECEIPT,
            fulfillment::pick,
        )
        .takes("Pick")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/put-backs",
            "Say what lies again where it lay; without lines all that must not leave any more.",
            RECEIPT,
            fulfillment::put_back,
        )
        .takes("PutBack")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/hand-over",
            "Hand parcels over: they leave the shelf, and the channel is told. Where nothing is packed, all of \
             the task leaves as one.",
            RECEIPT,
            fulfillment::hand_over,
        )
        .takes("HandOver")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/split",
            "Let units that nobody has picked go on as a task of their own.",
            RECEIPT,
            fulfillment::split,
        )
        .takes("Split")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/merge",
            "Let a task go on as part of another at the same location.",
            RECEIPT,
            fulfillment::merge,
        )
        .takes("Merge")
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/close",
            "Do nothing more of a task: what was packed is unpacked, what was picked is put back.",
            RECEIPT,
            fulfillment::close,
        )
        .takes("TaskEnding")
        .status(201),
    ]
}

fn about_parcels() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/orders/{order}/tasks/{task}/parcels",
            "Pack a parcel; without lines all that lies loose.",
            RECEIPT,
            fulfillment::pack,
        )
        .takes("NewParcel")
        .status(201),
        Route::new(
            "DELETE",
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}",
            "Unpack a parcel.",
            RECEIPT,
            delete(fulfillment::unpack),
        )
        .asks(&["by"])
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}/label",
            "Note the label of a parcel.",
            RECEIPT,
            fulfillment::label,
        )
        .takes("NewLabel")
        .status(201),
        Route::new(
            "DELETE",
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}/label",
            "Note that the label of a parcel was given back. One that a provider sold is given back to it, unless that \
             was done by hand.",
            RECEIPT,
            delete(fulfillment::void_label),
        )
        .asks(&["by", "by_hand"])
        .status(201),
        posts(
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}/label/buy",
            "Buy a label for a parcel of a provider.",
            RECEIPT,
            labels::buy,
        )
        .takes("LabelOrder")
        .status(202),
        reads(
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}/label/rates",
            "Ask a provider what sending a parcel would cost.",
            Gives::One("Rates"),
            labels::rates,
        )
        .asks(&["provider"]),
        reads(
            "/api/v1/orders/{order}/tasks/{task}/parcels/{parcel}/label/file",
            "Fetch the label of a parcel from who sold it, to be printed.",
            Gives::One("LabelFile"),
            labels::file,
        ),
    ]
}
