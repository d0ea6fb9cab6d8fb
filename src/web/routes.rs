//! The table of all routes of the admin listener.
//!
//! A row says who may call it, what it takes and gives, and what answers it. The router, the OpenAPI
//! description and the tests of access are made from these rows, so none can be forgotten.

mod aftersales;
mod documents;
mod fulfillment;
mod insight;
mod listings;
mod messages;
mod overview;
mod rules;
mod users;

use axum::{
    Json,
    handler::Handler,
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post, put},
};

use crate::{
    access::Access,
    admin::{
        Admin, accounts, adoption, allocation, backups, error_page, health, incidents, moves,
        orders, people, placing, queues, safety, stock,
    },
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
    all.extend(about_accounts());
    all.extend(about_orders());
    all.extend(entered_orders());
    all.extend(done_to_orders());
    all.extend(overview::routes());
    all.extend(messages::routes());
    all.extend(aftersales::routes());
    all.extend(fulfillment::routes());
    all.extend(documents::routes());
    all.extend(rules::routes());
    all.extend(users::routes());
    all.extend(about_people());
    all.extend(about_allocation());
    all.extend(about_stock());
    all.extend(about_moves());
    all.extend(about_counts());
    all.extend(about_listings());
    all.extend(insight::routes());
    all.extend(listings::routes());
    all.extend(about_queues());
    all.extend(about_incidents());
    all.extend(about_safety());
    all.extend(about_adoption());
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

fn about_accounts() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/accounts",
            "List all accounts.",
            Gives::Page("Account"),
            accounts::list,
        ),
        reads(
            "/api/v1/accounts/{account}",
            "Show one account.",
            Gives::One("Account"),
            accounts::detail,
        ),
        posts(
            "/api/v1/accounts/{account}/mode",
            "Set what an account may do; null goes back to the configuration. With dry_run, say what \
             would be written.",
            Gives::One("AccountChange"),
            accounts::set_mode,
        )
        .takes("SetMode")
        .asks(&["dry_run"]),
        posts(
            "/api/v1/accounts/{account}/freeze",
            "Stop writing to an account. With dry_run, say what would be held back.",
            Gives::One("AccountChange"),
            accounts::freeze,
        )
        .takes("Signed")
        .asks(&["dry_run"]),
        posts(
            "/api/v1/accounts/{account}/unfreeze",
            "Let writing go on. With dry_run, say what would be written.",
            Gives::One("AccountChange"),
            accounts::unfreeze,
        )
        .takes("Signed")
        .asks(&["dry_run"]),
        reads(
            "/api/v1/accounts/{account}/freeze-preview",
            "Say what is to be written to an account, or held back while it is frozen.",
            Gives::One("WritePreview"),
            accounts::preview,
        ),
        posts(
            "/api/v1/accounts/{account}/poll",
            "Read an account's orders and listings now.",
            Gives::One("Begun"),
            accounts::poll,
        )
        .takes("Nothing")
        .status(202),
        posts(
            "/api/v1/accounts/{account}/reconcile",
            "Compare all levels of an account now.",
            Gives::One("Begun"),
            accounts::reconcile,
        )
        .takes("Nothing")
        .status(202),
    ]
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
            "newest_first",
            "cursor",
            "limit",
        ]),
    ]
}

/// Orders of accounts that have no channel behind them.
fn entered_orders() -> Vec<Route> {
    const RECEIPT: Gives = Gives::One("Receipt");
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
    const RECEIPT: Gives = Gives::One("Receipt");
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

fn about_stock() -> Vec<Route> {
    const RECEIPT: Gives = Gives::One("Receipt");
    vec![
        reads(
            "/api/v1/stock",
            "List all items with their stock, by SKU.",
            Gives::Page("Stock"),
            stock::list,
        )
        .asks(&["cursor", "limit"]),
        reads(
            "/api/v1/locations",
            "List where stock can lie, and which accounts each location serves.",
            Gives::Page("Place"),
            stock::locations,
        ),
        posts(
            "/api/v1/stock/adjustments",
            "Change what lies somewhere, by or to a quantity.",
            RECEIPT,
            stock::adjust,
        )
        .takes("Adjustment")
        .status(201),
        reads(
            "/api/v1/stock/{sku}",
            "Show the stock of an item, as it is or as it was.",
            Gives::One("Stock"),
            stock::detail,
        )
        .asks(&["at"]),
        reads(
            "/api/v1/stock/{sku}/movements",
            "List every change of an item's stock, the oldest or the newest first.",
            Gives::Page("Movement"),
            stock::movements,
        )
        .asks(&["newest_first", "cursor", "limit"]),
        reads(
            "/api/v1/stock/{sku}/explain",
            "Say in sentences how the number came to be, and what each channel was told.",
            Gives::One("Explanation"),
            stock::explain,
        ),
        reads(
            "/api/v1/items/{sku}",
            "Show an item.",
            Gives::One("Item"),
            stock::item,
        ),
        Route::new(
            "PUT",
            "/api/v1/items/{sku}",
            "Make an item known, or change it.",
            RECEIPT,
            put(stock::set_item),
        )
        .takes("SetItem"),
    ]
}

const RECEIPT: Gives = Gives::One("Receipt");

fn about_moves() -> Vec<Route> {
    vec![
        posts(
            "/api/v1/transfers",
            "Send units from one location to another. They are sellable again when they are received.",
            RECEIPT,
            moves::transfer,
        )
        .takes("NewTransfer")
        .status(201),
        reads(
            "/api/v1/arrivals",
            "List what is on its way to us.",
            Gives::Page("Arrival"),
            moves::arrivals,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/arrivals",
            "Note units that are to come in.",
            RECEIPT,
            moves::expect,
        )
        .takes("NewArrival")
        .status(201),
        posts(
            "/api/v1/arrivals/{arrival}/give-up",
            "Say that the rest of an arrival will not come.",
            RECEIPT,
            moves::give_up,
        )
        .takes("GiveUp"),
        posts(
            "/api/v1/receipts",
            "Take units in: those of an arrival, in part or whole, or others.",
            RECEIPT,
            moves::receive,
        )
        .takes("NewReceipt")
        .status(201),
        posts(
            "/api/v1/conditions",
            "Find units to be in another condition.",
            RECEIPT,
            moves::sort,
        )
        .takes("NewSorting")
        .status(201),
    ]
}

fn about_counts() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/counts",
            "List stocktakes, the oldest first.",
            Gives::Page("Count"),
            moves::counts,
        )
        .asks(&["cursor", "limit"]),
        posts(
            "/api/v1/counts",
            "Open a stocktake of a location.",
            Gives::One("Count"),
            moves::open_count,
        )
        .takes("NewCount")
        .status(201),
        reads(
            "/api/v1/counts/{count}",
            "Show a stocktake with what was counted.",
            Gives::One("Count"),
            moves::count,
        ),
        posts(
            "/api/v1/counts/{count}/entries",
            "Say how many of an item were counted, and when.",
            Gives::One("CountEntry"),
            moves::enter,
        )
        .takes("NewCountEntry")
        .status(201),
        posts(
            "/api/v1/counts/{count}/close",
            "Close a stocktake.",
            RECEIPT,
            moves::close_count,
        )
        .takes("CloseCount"),
    ]
}

fn about_listings() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/listings",
            "List listings: what each should show, was told and shows.",
            Gives::Page("Listing"),
            stock::listings,
        )
        .asks(&["account", "sku", "parked", "suppressed", "cursor", "limit"]),
        posts(
            "/api/v1/listings/{account}/{listing}/retry",
            "Try a parked push again.",
            Gives::One("Receipt"),
            stock::retry_push,
        )
        .takes("Nothing"),
        posts(
            "/api/v1/listings/{account}/{listing}/lift",
            "Offer a listing again that ended by its rule.",
            Gives::One("Receipt"),
            stock::lift,
        )
        .takes("Lift"),
        reads(
            "/api/v1/exposure",
            "Show the units at risk now, and the overhang apart; with since or step also how they \
             developed.",
            Gives::One("Exposure"),
            stock::exposure,
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

fn about_safety() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/drift",
            "List levels that changed and that no order explains, the oldest first; open ones by account.",
            Gives::Page("Drift"),
            safety::drifts,
        )
        .asks(&["open", "account", "cursor", "limit"]),
        reads(
            "/api/v1/drift/{drift}",
            "Show a case of drift with its evidence.",
            Gives::One("Drift"),
            safety::drift,
        ),
        posts(
            "/api/v1/drift/{drift}/settle",
            "Say whose number is right: theirs becomes a movement, ours is written.",
            Gives::One("Receipt"),
            safety::settle,
        )
        .takes("Settle"),
        reads(
            "/api/v1/accounts/{account}/breaker",
            "Show whether too much happened at once, and which listings are held because of it.",
            Gives::One("Breaker"),
            safety::breaker,
        ),
        posts(
            "/api/v1/accounts/{account}/breaker/lift",
            "Let go what a side of the breaker holds, and lift it.",
            Gives::One("Receipt"),
            safety::lift,
        )
        .takes("LiftBreaker"),
        reads(
            "/api/v1/freeze",
            "Show what the last freeze did.",
            Gives::One("Freeze"),
            safety::last_freeze,
        ),
        posts(
            "/api/v1/freeze",
            "Stop writing to several accounts at once, to all when none is named.",
            Gives::One("Freeze"),
            safety::freeze,
        )
        .takes("Which"),
        posts(
            "/api/v1/freeze/undo",
            "Take the last freeze back: the accounts that it froze are written to again.",
            Gives::One("Freeze"),
            safety::undo_freeze,
        )
        .takes("Signed"),
    ]
}

fn about_incidents() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/incidents",
            "List units that were sold and are not there, the oldest first.",
            Gives::Page("Incident"),
            incidents::list,
        )
        .asks(&["open", "cursor", "limit"]),
        reads(
            "/api/v1/incidents/{incident}",
            "Show one incident: what explains it, who else was promised the units, and the ways out.",
            Gives::One("IncidentDetail"),
            incidents::detail,
        ),
        reads(
            "/api/v1/incidents/{incident}/export",
            "Export what led to an incident, without names, as a case that `oneshelf replay` plays again.",
            Gives::One("Case"),
            incidents::export,
        )
        .asks(&["hide_skus", "hide_accounts"]),
        posts(
            "/api/v1/incidents/{incident}/resolve",
            "Choose a way out of an incident; what it takes on the channel is done.",
            Gives::One("Receipt"),
            incidents::resolve,
        )
        .takes("Resolve"),
    ]
}

fn about_adoption() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/adoption",
            "Show how far taking over the shops has come: matching, levels, opening stock, first writes, \
             and what to do next.",
            Gives::One("Adoption"),
            adoption::overview,
        ),
        reads(
            "/api/v1/adoption/report",
            "Say what watching accounts has shown that writing to them would have prevented; of the last \
             seven days, when nothing is said.",
            Gives::One("ShadowReport"),
            adoption::report,
        )
        .asks(&["account", "since"]),
        reads(
            "/api/v1/adoption/{account}/opening",
            "Say what taking opening stock from an account would count, and what it would leave out.",
            Gives::One("Opening"),
            adoption::opening,
        ),
        posts(
            "/api/v1/adoption/{account}/opening",
            "Take opening stock from an account: only items that were never counted.",
            Gives::One("Begun"),
            adoption::take_opening,
        )
        .takes("Nothing")
        .status(202),
        posts(
            "/api/v1/adoption/{account}/preview",
            "Show every first write to an account, and note that it was shown.",
            Gives::One("FirstWrites"),
            adoption::preview,
        )
        .takes("Nothing"),
        posts(
            "/api/v1/adoption/{account}/arm",
            "Arm an account that is observed: what was shown in its last preview is confirmed, and written.",
            Gives::One("AccountChange"),
            adoption::arm,
        )
        .takes("Arm"),
    ]
}
