//! The table of all routes of the admin listener.
//!
//! A row says who may call it, what it takes and gives, and what answers it. The router, the OpenAPI
//! description and the tests of access are made from these rows, so none can be forgotten.

mod accounts;
mod aftersales;
mod documents;
mod fulfillment;
mod insight;
mod listings;
mod messages;
mod orders;
mod overview;
mod rules;
mod safety;
mod stock;
mod users;

use axum::{
    Json,
    handler::Handler,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get, post},
};

use crate::{
    access::Access,
    admin::{Admin, backups, configuration, error_page, health, queues, stock as items},
};

/// One route.
pub(crate) struct Route {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub(crate) method: &'static str,
    /// The address, with what varies in braces.
    pub(crate) path: &'static str,
    /// Who may call it.
    pub(crate) access: Access,
    /// What it does, as a sentence.
    pub(crate) summary: &'static str,
    /// What its query may hold: names of the table `PARAMETERS`.
    pub(crate) query: &'static [&'static str],
    /// The name of the schema of its body.
    pub(crate) takes: Option<&'static str>,
    /// What it answers when all is well.
    pub(crate) gives: Gives,
    /// The status of that answer.
    pub(crate) status: u16,
    /// What answers it.
    pub(crate) serve: MethodRouter<Admin>,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    /// One thing of a schema.
    One(&'static str),
    /// A page of things of a schema.
    Page(&'static str),
    /// Text of a media type.
    Text(&'static str),
    /// A document, as PDF or HTML.
    Drawn,
}

impl Route {
    fn new(
        method: &'static str,
        path: &'static str,
        summary: &'static str,
        gives: Gives,
        serve: MethodRouter<Admin>,
    ) -> Route {
        Route {
            method,
            path,
            access: Access::Token,
            summary,
            query: &[],
            takes: None,
            gives,
            status: 200,
            serve,
        }
    }

    fn open(mut self) -> Route {
        self.access = Access::Open;
        self
    }

    fn asks(mut self, query: &'static [&'static str]) -> Route {
        self.query = query;
        self
    }

    fn takes(mut self, schema: &'static str) -> Route {
        self.takes = Some(schema);
        self
    }

    fn status(mut self, status: u16) -> Route {
        self.status = status;
        self
    }
}

fn reads<H: Handler<T, Admin>, T: 'static>(
    path: &'static str,
    summary: &'static str,
    gives: Gives,
    handler: H,
) -> Route {
    Route::new("GET", path, summary, gives, get(handler))
}

fn posts<H: Handler<T, Admin>, T: 'static>(
    path: &'static str,
    summary: &'static str,
    gives: Gives,
    handler: H,
) -> Route {
    Route::new("POST", path, summary, gives, post(handler))
}

async fn description() -> Response {
    Json(crate::openapi::openapi()).into_response()
}

/// All routes.
pub(crate) fn routes() -> Vec<Route> {
    let mut all = about_us();
    all.extend(about_backups());
    all.extend(about_configuration());
    all.extend(accounts::routes());
    all.extend(orders::routes());
    all.extend(overview::routes());
    all.extend(messages::routes());
    all.extend(aftersales::routes());
    all.extend(fulfillment::routes());
    all.extend(documents::routes());
    all.extend(rules::routes());
    all.extend(users::routes());
    all.extend(stock::routes());
    all.extend(about_listings());
    all.extend(insight::routes());
    all.extend(listings::routes());
    all.extend(about_queues());
    all.extend(safety::routes());
    all
}

fn about_us() -> Vec<Route> {
    const PLAIN: Gives = Gives::Text("text/plain");
    vec![
        reads(
            "/livez",
            "Say whether the process runs.",
            PLAIN,
            health::livez,
        )
        .open(),
        reads(
            "/readyz",
            "Say whether it can take requests.",
            PLAIN,
            health::readyz,
        )
        .open(),
        reads(
            "/healthz",
            "Say whether all accounts are well.",
            PLAIN,
            health::healthz,
        )
        .open(),
        reads(
            "/errors/{code}",
            "Explain a problem.",
            Gives::Text("text/markdown"),
            error_page,
        )
        .open(),
        reads(
            "/metrics",
            "Give metrics in the OpenMetrics format.",
            Gives::Text(crate::metrics::CONTENT_TYPE),
            health::metrics,
        ),
        reads(
            "/api/v1/openapi.json",
            "Describe this API.",
            Gives::One("Anything"),
            description,
        ),
        reads(
            "/api/v1/metrics/summary",
            "Give the figures of the whole.",
            Gives::One("Summary"),
            health::summary,
        ),
    ]
}

fn about_configuration() -> Vec<Route> {
    vec![reads(
        "/api/v1/config",
        "List what the daemon was configured with, and where each value came from; no secret is shown.",
        Gives::Page("Configured"),
        configuration::list,
    )]
}

fn about_backups() -> Vec<Route> {
    const PATH: &str = "/api/v1/backups";
    vec![
        reads(
            PATH,
            "List backups, the oldest first, and say how making them goes.",
            Gives::One("Backups"),
            backups::list,
        ),
        posts(
            PATH,
            "Begin a backup below the configured directory; the list says when it is there.",
            Gives::One("BackupBegun"),
            backups::make,
        )
        .takes("NewBackup")
        .status(202),
    ]
}

const RECEIPT: Gives = Gives::One("Receipt");

fn about_listings() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/listings",
            "List listings: what each should show, was told and shows.",
            Gives::Page("Listing"),
            items::listings,
        )
        .asks(&["account", "sku", "parked", "suppressed", "cursor", "limit"]),
        reads(
            "/api/v1/listings/{account}/{listing}/attempts",
            "List every try to write a listing, with what was sent and what the channel answered, the newest first.",
            Gives::Page("Try"),
            items::tries,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/listings/{account}/{listing}/retry",
            "Try a parked push again.",
            Gives::One("Receipt"),
            items::retry_push,
        )
        .takes("Nothing"),
        posts(
            "/api/v1/listings/{account}/{listing}/lift",
            "Offer a listing again that ended by its rule.",
            Gives::One("Receipt"),
            items::lift,
        )
        .takes("Lift"),
        reads(
            "/api/v1/exposure",
            "Show the units at risk now, and the overhang apart; with since or step also how they \
             developed.",
            Gives::One("Exposure"),
            items::exposure,
        )
        .asks(&["sku", "since", "step"]),
    ]
}

fn about_queues() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/inbox",
            "List signals that are not decided: parked ones first.",
            Gives::Page("Signal"),
            queues::inbox,
        )
        .asks(&["state", "cursor", "limit"]),
        reads(
            "/api/v1/outbox",
            "List what is to be sent: what is parked first, with its last tries.",
            Gives::Page("OutboxEntry"),
            queues::outbox,
        )
        .asks(&["state", "cursor", "limit"]),
        posts(
            "/api/v1/outbox/{intent}/retry",
            "Try a parked intent again.",
            Gives::One("Receipt"),
            queues::retry_intent,
        )
        .takes("Nothing"),
    ]
}
