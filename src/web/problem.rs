//! Everything that the admin API says when it does not do what was asked, as RFC 9457 problems.
//!
//! One [`Kind`] for each reason, with a stable code that programs branch on; the sentences may change.
//! Each code has a page in `docs/errors/`, which the admin listener serves at the problem's `type`.

use std::sync::Arc;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{decide::Refusal, item::ItemRefusal};
use engine::{
    decider::DecideError,
    users::{Role, UserError},
    views::StoreError,
};
use serde_json::{Map, Value, json};

/// The type of the body of every problem.
pub const CONTENT_TYPE: &str = "application/problem+json";
/// How long to wait before asking again, in seconds, where waiting helps.
const RETRY_AFTER_S: &str = "5";

/// A reason why something is not done.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What programs branch on.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The same in a few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub page: &'static str,
}

/// One refusal or error, ready to be sent.
#[derive(Debug)]
pub struct Problem {
    kind: &'static Kind,
    detail: String,
    more: Map<String, Value>,
}

macro_rules! kinds {
    ($($name:ident { code: $code:literal, status: $status:literal, title: $title:literal })*) => {
        $(pub(crate) static $name: Kind = Kind {
            code: $code,
            status: $status,
            title: $title,
            page: include_str!(concat!("../../docs/errors/", $code, ".md")),
        };)*

        /// All kinds.
        pub static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    UNAUTHORIZED { code: "unauthorized", status: 401, title: "The token is missing or wrong" }
    FORBIDDEN { code: "forbidden", status: 403, title: "The role does not reach so far" }
    NOT_FOUND { code: "not-found", status: 404, title: "There is nothing at this address" }
    METHOD_NOT_ALLOWED { code: "method-not-allowed", status: 405, title: "This address does not take this method" }
    BAD_PARAMETER { code: "bad-parameter", status: 400, title: "A part of the address cannot be read" }
    BAD_TIME { code: "bad-time", status: 400, title: "The time cannot be read" }
    TIME_AHEAD { code: "time-ahead", status: 400, title: "The time has not come yet" }
    BAD_CURSOR { code: "bad-cursor", status: 400, title: "The cursor belongs to no such list" }
    BAD_BODY { code: "bad-body", status: 400, title: "The body cannot be read" }
    BAD_MEDIA_TYPE { code: "bad-media-type", status: 415, title: "The body must be JSON" }
    BODY_TOO_LARGE { code: "body-too-large", status: 413, title: "The body is too large" }
    HEADERS_TOO_LARGE { code: "headers-too-large", status: 431, title: "The headers are too large" }
    TOO_SLOW { code: "too-slow", status: 408, title: "The request came too slowly" }
    BAD_KEY { code: "bad-idempotency-key", status: 400, title: "The idempotency key cannot be used" }
    KEY_REUSED { code: "idempotency-key-reused", status: 422, title: "The idempotency key was used for another request" }
    BUSY { code: "busy", status: 503, title: "Too much is asked at once" }
    TIMED_OUT { code: "timed-out", status: 503, title: "It took too long" }
    NO_SPACE { code: "no-space", status: 503, title: "There is too little disk space" }
    STORAGE { code: "storage", status: 503, title: "The store does not answer" }
    CONTENDED { code: "contended", status: 503, title: "Others changed the same thing at the same time" }
    BAD_SHEET { code: "bad-sheet", status: 422, title: "Nothing of the file was entered, or not all of it" }
    NO_ACCOUNT { code: "no-account", status: 404, title: "There is no such account" }
    NO_CHANNEL { code: "no-channel", status: 409, title: "There is no channel behind the account" }
    ORDERS_PAUSED { code: "orders-paused", status: 409, title: "The orders of the account are paused" }
    ACCOUNT_OFF { code: "account-off", status: 409, title: "The account is off" }
    NOT_READ { code: "not-read", status: 409, title: "Levels of the account were never read" }
    OTHER_SOURCE { code: "other-source", status: 409, title: "Another account is the source of opening stock" }
    ALREADY_COUNTED { code: "already-counted", status: 409, title: "The stock was counted already" }
    NOT_PREVIEWED { code: "not-previewed", status: 409, title: "Nobody has looked at the first writes" }
    PREVIEW_STALE { code: "preview-stale", status: 409, title: "What was shown is not what would be written" }
    NO_LISTING { code: "no-listing", status: 404, title: "There is no such listing" }
    NO_LABEL_PROVIDER { code: "no-label-provider", status: 404, title: "There is no such provider of labels" }
    LABEL_NOT_HAD { code: "label-not-had", status: 502, title: "The provider of labels does not give it" }
    NO_MESSAGE { code: "no-message", status: 404, title: "There is no such message" }
    NO_INTENT { code: "no-intent", status: 404, title: "There is no such intent" }
    NO_ORDER { code: "no-order", status: 404, title: "There is no such order" }
    NO_LINE { code: "no-line", status: 404, title: "The order has no such line" }
    NO_INCIDENT { code: "no-incident", status: 404, title: "There is no such incident" }
    NO_CASE { code: "no-case", status: 404, title: "Nothing was kept of the incident" }
    CASE_UNPLAYABLE { code: "case-unplayable", status: 409, title: "What was kept of the incident cannot be played" }
    NO_ITEM { code: "no-item", status: 404, title: "There is no such item" }
    BEFORE_RECORDS { code: "before-records", status: 404, title: "Nothing was recorded then" }
    NOT_STOCKED { code: "not-stocked", status: 409, title: "The item has no stock of its own" }
    EMPTY_KIT { code: "empty-kit", status: 422, title: "A kit needs components" }
    KIT_QUANTITY { code: "kit-quantity", status: 422, title: "A kit needs more than nothing of each component" }
    NESTED_KIT { code: "nested-kit", status: 422, title: "A kit cannot contain a kit" }
    ITEM_SCALE { code: "item-scale", status: 422, title: "An item has at most 6 decimals" }
    ITEM_IN_USE { code: "item-in-use", status: 409, title: "The item is in use" }
    BAD_QUANTITY { code: "bad-quantity", status: 422, title: "The quantity cannot be used" }
    NOT_BY_HAND { code: "not-by-hand", status: 409, title: "The orders of the account come from its channel" }
    REFERENCE_USED { code: "reference-used", status: 409, title: "Another order has this reference" }
    BAD_ORDER { code: "bad-order", status: 422, title: "The order does not add up" }
    BAD_PAYMENT { code: "bad-payment", status: 422, title: "The payment cannot be" }
    NOT_OPEN { code: "not-open", status: 409, title: "That many have left already" }
    TOO_MANY { code: "too-many", status: 409, title: "That many are not left to be shipped" }
    NOTHING_TO_SHIP { code: "nothing-to-ship", status: 409, title: "Nothing is left to be shipped" }
    NOT_COVERED { code: "not-covered", status: 409, title: "The units are not there" }
    WRONG_PHASE { code: "wrong-phase", status: 409, title: "The order waits for something else first" }
    ALREADY_SHIPPED { code: "already-shipped", status: 409, title: "Part of the order has left" }
    REFUND_TOO_LARGE { code: "refund-too-large", status: 409, title: "That much cannot be refunded" }
    NO_SHIPMENT { code: "no-shipment", status: 404, title: "The order has no such parcel" }
    NO_RETURN { code: "no-return", status: 404, title: "The order has no such return" }
    BAD_DELIVERY { code: "bad-delivery", status: 409, title: "That cannot be said of the parcel" }
    NO_TASK { code: "no-task", status: 404, title: "The order has no such task" }
    BAD_FULFILLMENT { code: "bad-fulfillment", status: 409, title: "That cannot be done on the task" }
    BAD_RETURN { code: "bad-return", status: 409, title: "That cannot be said of the return" }
    BAD_DOCUMENT { code: "bad-document", status: 409, title: "That cannot be issued or printed" }
    NO_DOCUMENT { code: "no-document", status: 404, title: "There is no such document" }
    BAD_NOTE { code: "bad-note", status: 409, title: "The note is not taken" }
    NOT_HELD { code: "not-held", status: 409, title: "The order is not on hold" }
    NOT_TO_BE_DROPPED { code: "not-to-be-dropped", status: 409, title: "It cannot be given up" }
    TOO_MANY_MESSAGES { code: "too-many-messages", status: 409, title: "Enough was sent about the order" }
    NOT_PARKED { code: "not-parked", status: 409, title: "Nothing is parked there" }
    INCIDENT_OVER { code: "incident-over", status: 409, title: "The incident is over" }
    NOT_GIVING_WAY { code: "not-giving-way", status: 409, title: "That order does not give way" }
    NO_HELP { code: "no-help", status: 409, title: "That way out does not help" }
    CANNOT_CANCEL_UNITS { code: "cannot-cancel-units", status: 409, title: "The missing units alone cannot be canceled" }
    NO_DRIFT { code: "no-drift", status: 404, title: "There is no such case of drift" }
    CANNOT_TAKE { code: "cannot-take", status: 409, title: "The level does not say how many there are" }
    NOT_TRIPPED { code: "not-tripped", status: 409, title: "The breaker has not tripped" }
    NOTHING_TO_UNDO { code: "nothing-to-undo", status: 409, title: "There is no freeze to take back" }
    NOT_ENDED { code: "not-ended", status: 409, title: "The listing has not ended" }
    WOULD_END { code: "would-end", status: 409, title: "The listing would end again at once" }
    NO_LOCATION { code: "no-location", status: 404, title: "There is no such location" }
    NOT_SERVED { code: "not-served", status: 409, title: "The location does not serve the account" }
    CHANNEL_OWNED { code: "channel-owned", status: 409, title: "The location is run by a channel" }
    NOT_FREE { code: "not-free", status: 409, title: "Not so many can leave from there" }
    NO_PLACE { code: "no-place", status: 409, title: "No location can send it" }
    NOTHING_PROMISED { code: "nothing-promised", status: 409, title: "Nothing is promised to the order" }
    NOTHING_MOVES { code: "nothing-moves", status: 422, title: "It would change nothing" }
    PROMISED { code: "promised", status: 409, title: "What lies there is promised" }
    NO_ARRIVAL { code: "no-arrival", status: 404, title: "Nothing like that is on its way" }
    NO_COUNT { code: "no-count", status: 404, title: "There is no such stocktake" }
    COUNT_OPEN { code: "count-open", status: 409, title: "The same is being counted already" }
    COUNT_OVER { code: "count-over", status: 409, title: "The stocktake was closed" }
    NOT_IN_COUNT { code: "not-in-count", status: 409, title: "The item is not in the stocktake" }
    BAD_AS_OF { code: "bad-as-of", status: 409, title: "It cannot be counted as of that time" }
    RECOUNT_FIRST { code: "recount-first", status: 409, title: "Something is to be counted again" }
    NOT_THERE { code: "not-there", status: 409, title: "Fewer lie there" }
    NO_USER { code: "no-user", status: 404, title: "There is no such user" }
    BAD_USER { code: "bad-user", status: 409, title: "That cannot be done to the user" }
    NO_BACKUPS { code: "no-backups", status: 409, title: "Backups are not configured" }
    BACKUP_FAILED { code: "backup-failed", status: 503, title: "The backups cannot be reached" }
    UNDER_WAY { code: "under-way", status: 409, title: "It was asked for already" }
}

impl Kind {
    /// The kind of a code.
    pub fn find(code: &str) -> Option<&'static Kind> {
        KINDS.iter().copied().find(|kind| kind.code == code)
    }
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            detail: detail.into(),
            more: Map::new(),
        }
    }

    /// With a value that programs may use.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// What programs branch on.
    pub(crate) fn code(&self) -> &'static str {
        self.kind.code
    }

    /// It in a few words.
    pub(crate) fn title(&self) -> &'static str {
        self.kind.title
    }

    /// It in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The role that it takes, where that is what is missing.
    pub(crate) fn role(&self) -> Option<Role> {
        Role::from_word(self.more.get("role")?.as_str()?)
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "type": format!("/errors/{}", self.kind.code),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.kind.code,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.more.clone());
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The dashboard makes a page of it.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match error {
            StoreError::NoSpace { free_bytes } => Problem::new(
                &NO_SPACE,
                "there is too little disk space to write; reading goes on",
            )
            .with("free_bytes", free_bytes),
            StoreError::Conflict { .. } => {
                Problem::new(&CONTENDED, "others were quicker, again and again")
            }
            // What exactly failed is in the log, and no concern of whoever asks.
            StoreError::Refused { .. }
            | StoreError::Unavailable { .. }
            | StoreError::Corrupt { .. } => {
                tracing::error!(%error, "The store did not answer a request.");
                Problem::new(&STORAGE, "the store does not answer; the log says why")
            }
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Problem {
        let detail = error.to_string();
        match error {
            UserError::Store(error) => error.into(),
            UserError::NoUser(name) => Problem::new(&NO_USER, detail).with("user", name),
            UserError::BadName
            | UserError::Taken(_)
            | UserError::LastAdmin(_)
            | UserError::TooMany
            | UserError::LinkOver => Problem::new(&BAD_USER, detail),
        }
    }
}

impl From<DecideError> for Problem {
    fn from(error: DecideError) -> Problem {
        match error {
            DecideError::Refused(refusal) => refusal.into(),
            DecideError::Store(error) => error.into(),
        }
    }
}

impl From<Refusal> for Problem {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each refusal, and none is more than its data"
    )]
    fn from(refusal: Refusal) -> Problem {
        let detail = refusal.to_string();
        let problem = |kind| Problem::new(kind, detail.clone());
        match refusal {
            Refusal::NoOrder(order) => problem(&NO_ORDER).with("order", order.to_string()),
            Refusal::NoLine { order, line } => problem(&NO_LINE)
                .with("order", order.to_string())
                .with("line", line),
            Refusal::NoItem(sku) => problem(&NO_ITEM).with("sku", sku.as_str()),
            Refusal::NotStocked(sku) => problem(&NOT_STOCKED).with("sku", sku.as_str()),
            Refusal::Item(refusal) => of_item(&refusal, detail),
            Refusal::ItemInUse(sku) => problem(&ITEM_IN_USE).with("sku", sku.as_str()),
            Refusal::Quantity { line, .. } => problem(&BAD_QUANTITY).with("line", line),
            Refusal::TooMany { line, left, asked } => problem(&TOO_MANY)
                .with("line", line)
                .with("left", left.units())
                .with("asked", asked.units()),
            Refusal::NotByHand(account) => problem(&NOT_BY_HAND).with("account", account.as_str()),
            Refusal::ReferenceUsed { reference, order } => problem(&REFERENCE_USED)
                .with("reference", reference)
                .with("order", order.to_string()),
            Refusal::Placement(_) => problem(&BAD_ORDER),
            Refusal::Payment(_) => problem(&BAD_PAYMENT),
            Refusal::NotOpen { line, left } => problem(&NOT_OPEN)
                .with("line", line)
                .with("left", left.to_string()),
            Refusal::NothingToShip => problem(&NOTHING_TO_SHIP),
            Refusal::NotCovered { line, sku, missing } => problem(&NOT_COVERED)
                .with("line", line)
                .with("sku", sku.as_str())
                .with("missing", missing.units()),
            Refusal::Phase { phase, hint } => problem(&WRONG_PHASE)
                .with("phase", phase)
                .with("hint", hint),
            Refusal::AlreadyShipped => problem(&ALREADY_SHIPPED),
            Refusal::RefundTooLarge(left) => problem(&REFUND_TOO_LARGE).with("left", left),
            Refusal::NoShipment { order, shipment } => problem(&NO_SHIPMENT)
                .with("order", order.to_string())
                .with("shipment", shipment.to_string()),
            Refusal::NoReturn { order, id } => problem(&NO_RETURN)
                .with("order", order.to_string())
                .with("return", id.to_string()),
            Refusal::Delivery(_) => problem(&BAD_DELIVERY),
            Refusal::Return(_) => problem(&BAD_RETURN),
            Refusal::NoTask { order, task } => problem(&NO_TASK)
                .with("order", order.to_string())
                .with("task", task.to_string()),
            Refusal::Fulfillment(_) => problem(&BAD_FULFILLMENT),
            Refusal::Document(_) => problem(&BAD_DOCUMENT),
            Refusal::Note(_) => problem(&BAD_NOTE),
            Refusal::NotHeld => problem(&NOT_HELD),
            Refusal::NotToBeDropped(_) => problem(&NOT_TO_BE_DROPPED),
            Refusal::TooManyMessages(order) => {
                problem(&TOO_MANY_MESSAGES).with("order", order.to_string())
            }
            Refusal::NotParked => problem(&NOT_PARKED),
            Refusal::IncidentOver { incident } => {
                problem(&INCIDENT_OVER).with("incident", incident.to_string())
            }
            Refusal::NotGivingWay { order, .. } => {
                problem(&NOT_GIVING_WAY).with("order", order.to_string())
            }
            Refusal::NoHelp { way, .. } => problem(&NO_HELP).with("way", way.word()),
            Refusal::CannotCancelUnits { .. } => problem(&CANNOT_CANCEL_UNITS),
            Refusal::NoDrift(drift) => problem(&NO_DRIFT).with("drift", drift.to_string()),
            Refusal::CannotTake { listing, .. } => {
                problem(&CANNOT_TAKE).with("listing", listing.as_str())
            }
            Refusal::NotTripped(account) => problem(&NOT_TRIPPED).with("account", account.as_str()),
            Refusal::NotEnded => problem(&NOT_ENDED),
            Refusal::WouldEnd {
                sku,
                sellable,
                end_when,
            } => problem(&WOULD_END)
                .with("sku", sku.as_str())
                .with("sellable", sellable.to_string())
                .with("end_when", end_when.to_string()),
            Refusal::NoLocation { location, known } => problem(&NO_LOCATION)
                .with("location", location.as_str())
                .with(
                    "known",
                    known.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
                ),
            Refusal::NotServed { location, account } => problem(&NOT_SERVED)
                .with("location", location.as_str())
                .with("account", account.as_str()),
            Refusal::ChannelOwned(location) => {
                problem(&CHANNEL_OWNED).with("location", location.as_str())
            }
            Refusal::NotThere {
                sku,
                location,
                there,
                asked,
                ..
            } => problem(&NOT_THERE)
                .with("sku", sku.as_str())
                .with("location", location.as_str())
                .with("there", there.units())
                .with("asked", asked.units()),
            Refusal::NotFree {
                sku,
                location,
                free,
                asked,
            } => problem(&NOT_FREE)
                .with("sku", sku.as_str())
                .with("location", location.as_str())
                .with("free", free.to_string())
                .with("asked", asked.to_string()),
            Refusal::NoPlace(order) => problem(&NO_PLACE).with("order", order.to_string()),
            Refusal::NothingPromised(order) => {
                problem(&NOTHING_PROMISED).with("order", order.to_string())
            }
            Refusal::NothingMoves(_) => problem(&NOTHING_MOVES),
            Refusal::Promised {
                sku,
                location,
                free,
                asked,
            } => problem(&PROMISED)
                .with("sku", sku.as_str())
                .with("location", location.as_str())
                .with("free", free.to_string())
                .with("asked", asked.to_string()),
            Refusal::NoArrival { sku, arrival } => problem(&NO_ARRIVAL)
                .with("sku", sku.as_str())
                .with("arrival", arrival.to_string()),
            Refusal::NoCount(count) => problem(&NO_COUNT).with("count", count.to_string()),
            Refusal::CountOpen {
                count, location, ..
            } => problem(&COUNT_OPEN)
                .with("count", count.to_string())
                .with("location", location.as_str()),
            Refusal::CountOver(count) => problem(&COUNT_OVER).with("count", count.to_string()),
            Refusal::NotInCount(sku) => problem(&NOT_IN_COUNT).with("sku", sku.as_str()),
            Refusal::AsOf { as_of, .. } => problem(&BAD_AS_OF).with("as_of", as_of.to_string()),
            Refusal::RecountFirst(skus) => problem(&RECOUNT_FIRST).with(
                "skus",
                skus.iter().map(|sku| sku.as_str()).collect::<Vec<_>>(),
            ),
            Refusal::UnderWay => problem(&UNDER_WAY),
        }
    }
}

fn of_item(refusal: &ItemRefusal, detail: String) -> Problem {
    match refusal {
        ItemRefusal::EmptyKit(kit) => Problem::new(&EMPTY_KIT, detail).with("sku", kit.as_str()),
        ItemRefusal::NotPositive { kit, component } => Problem::new(&KIT_QUANTITY, detail)
            .with("sku", kit.as_str())
            .with("component", component.as_str()),
        ItemRefusal::Nested { kit, component } => Problem::new(&NESTED_KIT, detail)
            .with("sku", kit.as_str())
            .with("component", component.as_str()),
        ItemRefusal::Scale(sku) => Problem::new(&ITEM_SCALE, detail).with("sku", sku.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_its_page_says_what_to_do() {
        let mut codes: Vec<&str> = KINDS.iter().map(|kind| kind.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), KINDS.len());
        for kind in KINDS {
            assert!((400..600).contains(&kind.status), "{}", kind.code);
            assert!(kind.page.starts_with("# "), "{}", kind.code);
            for part in ["## What it means", "## What to do"] {
                assert!(kind.page.contains(part), "{} lacks {part}", kind.code);
            }
            let status = format!("`{}`, status {}", kind.code, kind.status);
            assert!(kind.page.contains(&status), "{} lacks {status}", kind.code);
        }
    }

    #[test]
    fn the_index_of_pages_lists_every_code() {
        let index = include_str!("../../docs/errors/README.md");
        let rows = index.lines().filter(|line| line.starts_with("| ["));
        assert_eq!(rows.count(), KINDS.len());
        for Kind {
            code,
            status,
            title,
            ..
        } in KINDS
        {
            let row = format!("| [{code}]({code}.md) | {status} | {title} |");
            assert!(index.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_programs_branch_on_is_in_every_body() {
        let problem = Problem::from(Refusal::TooMany {
            line: 2,
            left: domain::Quantity::of(1),
            asked: domain::Quantity::of(3),
        });
        assert_eq!(
            problem.body(),
            json!({
                "type": "/errors/too-many",
                "title": "That many are not left to be shipped",
                "status": 409,
                "detail": "line 2 has only 1 left to ship, not 3: ship that many or fewer",
                "code": "too-many",
                "line": 2,
                "left": 1,
                "asked": 3,
            })
        );
    }
}
