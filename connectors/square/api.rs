//! Requests and answers: the only file that builds URLs.
//!
//! A call goes out with the token of the moment; if Square says that the token has expired, the
//! token is renewed once and the call is sent once more, which is safe because a refused call did
//! nothing. Everything else is classified and handed up: nothing here retries, waits or logs.

use channel::{
    ChannelError, ErrorKind, Port, Secret,
    http::{Answer, Effect, Request},
};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::{
    auth::{Access, Tokens},
    wire,
};

/// The most orders in one page of a search; Square's own default.
const SEARCH_LIMIT: u32 = 500;
/// The most orders that one call reads by id. Source: BatchRetrieveOrders.
pub(super) const ORDERS_PER_READ_MAX: usize = 100;
/// The most objects that one call reads from the catalog. Source: BatchRetrieveCatalogObjects.
pub(super) const OBJECTS_PER_READ_MAX: usize = 1000;
/// The most counts that one call reads. Source: BatchRetrieveInventoryCounts.
pub(super) const COUNTS_PER_READ_MAX: usize = 1000;

/// The way to one seller's account.
pub(super) struct Api {
    port: Port,
    base: Url,
    version: String,
    access: Access,
    application_token: Option<Secret>,
}

/// What Square said to a request that reached it.
#[derive(Debug)]
pub(super) enum Reply<T> {
    /// It did it.
    Yes(T),
    /// It will not.
    No(Refusal),
}

/// Square's reasons.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    errors: Vec<wire::Error>,
}

/// Which token a call goes out with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bearer {
    Seller,
    Application,
}

/// A request before it has a token.
struct Call {
    operation: &'static str,
    effect: Effect,
    method: Method,
    url: Url,
    body: Option<Value>,
    bearer: Bearer,
}

impl<T> Reply<T> {
    /// What was asked for, or a refusal as an error.
    pub(super) fn or_rejected(self, operation: &'static str) -> Result<T, ChannelError> {
        match self {
            Reply::Yes(done) => Ok(done),
            Reply::No(refusal) => Err(ChannelError::rejected(operation, refusal.reason())),
        }
    }
}

impl Refusal {
    /// Whether the order changed since it was read. The list of codes lacks `VERSION_MISMATCH`, the
    /// prose has it, and some answers say `CONFLICT`.
    pub(super) fn is_stale(&self) -> bool {
        self.status == 409 || self.has("VERSION_MISMATCH") || self.has("CONFLICT")
    }

    /// Whether the same key was used before with another body.
    pub(super) fn is_key_reused(&self) -> bool {
        self.has("IDEMPOTENCY_KEY_REUSED")
    }

    fn has(&self, code: &str) -> bool {
        let mut errors = self.errors.iter();
        errors.any(|error| error.code.as_deref() == Some(code))
    }

    /// In Square's words.
    pub(super) fn reason(&self) -> String {
        const LENGTH_MAX: usize = 400;
        let words = |error: &wire::Error| {
            let code = error.code.as_deref().unwrap_or("no code");
            let detail = error.detail.as_deref().unwrap_or("no detail");
            match &error.field {
                Some(field) => format!("{detail} ({code}, {field})"),
                None => format!("{detail} ({code})"),
            }
        };
        let reasons: Vec<String> = self.errors.iter().map(words).collect();
        if reasons.is_empty() {
            return format!("status {}", self.status);
        }
        let text = reasons.join("; ");
        text.chars()
            .filter(|c| !c.is_control())
            .take(LENGTH_MAX)
            .collect()
    }
}

impl Api {
    pub(super) fn new(
        port: Port,
        base: Url,
        version: String,
        access: Access,
        application_token: Option<Secret>,
    ) -> Api {
        Api {
            port,
            base,
            version,
            access,
            application_token,
        }
    }

    /// The way out, for its time and its vault.
    pub(super) fn port(&self) -> &Port {
        &self.port
    }

    /// Whether there is a token of the application itself, which hook subscriptions need.
    pub(super) fn can_subscribe(&self) -> bool {
        self.application_token.is_some() || matches!(self.access, Access::Personal(_))
    }

    /// The location, and the API version that answered.
    pub(super) async fn location(
        &self,
        id: &str,
    ) -> Result<(wire::OneLocation, String), ChannelError> {
        const OPERATION: &str = "read the location";
        let call = self.reading(OPERATION, &["v2", "locations", id]);
        let answer = self.send(call).await?;
        let version = answer
            .header("square-version")
            .unwrap_or_default()
            .to_owned();
        match read(OPERATION, Effect::None, &answer)? {
            Reply::Yes(location) => Ok((location, version)),
            Reply::No(refusal) => Err(ChannelError::rejected(OPERATION, refusal.reason())),
        }
    }

    /// Orders changed since an instant, oldest change first. Every page repeats the query.
    pub(super) async fn search_orders(
        &self,
        location: &str,
        since: domain::Time,
        cursor: Option<&str>,
    ) -> Result<wire::Orders, ChannelError> {
        const OPERATION: &str = "search orders";
        let mut body = json!({
            "location_ids": [location],
            "limit": SEARCH_LIMIT,
            "query": {
                "filter": {
                    "date_time_filter": { "updated_at": { "start_at": since.to_string() } }
                },
                "sort": { "sort_field": "UPDATED_AT", "sort_order": "ASC" },
            },
        });
        if let Some(cursor) = cursor {
            body["cursor"] = json!(cursor);
        }
        let call = self.asking(OPERATION, &["v2", "orders", "search"], body);
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// At most [`ORDERS_PER_READ_MAX`] orders; those that Square does not know are left out.
    pub(super) async fn orders(&self, ids: &[&str]) -> Result<wire::Orders, ChannelError> {
        const OPERATION: &str = "read orders";
        let path = ["v2", "orders", "batch-retrieve"];
        let call = self.asking(OPERATION, &path, json!({ "order_ids": ids }));
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// One order, to change it.
    pub(super) async fn order(
        &self,
        operation: &'static str,
        id: &str,
    ) -> Result<wire::Order, ChannelError> {
        let call = self.reading(operation, &["v2", "orders", id]);
        let reply: Reply<wire::OneOrder> = self.ask(call).await?;
        let order = reply.or_rejected(operation)?.order;
        let order = order.ok_or_else(|| ChannelError::malformed(operation, "no order in it"))?;
        serde_json::from_value(order)
            .map_err(|error| ChannelError::malformed(operation, error.to_string()))
    }

    /// Changes an order that is still at the version in `body`.
    pub(super) async fn update_order(
        &self,
        operation: &'static str,
        id: &str,
        body: Value,
    ) -> Result<Reply<wire::OneOrder>, ChannelError> {
        let url = self.url(&["v2", "orders", id]);
        let call = Call {
            operation,
            effect: Effect::Idempotent,
            method: Method::PUT,
            url,
            body: Some(body),
            bearer: Bearer::Seller,
        };
        self.ask(call).await
    }

    /// A page of all items with their variations.
    pub(super) async fn items(&self, cursor: Option<&str>) -> Result<wire::Objects, ChannelError> {
        const OPERATION: &str = "list the catalog";
        let mut call = self.reading(OPERATION, &["v2", "catalog", "list"]);
        call.url.query_pairs_mut().append_pair("types", "ITEM");
        if let Some(cursor) = cursor {
            call.url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// Objects of the catalog by their ids, deleted ones too: their sales go on being read.
    pub(super) async fn objects(&self, ids: &[&str]) -> Result<wire::Objects, ChannelError> {
        const OPERATION: &str = "read SKUs from the catalog";
        let body = json!({ "object_ids": ids, "include_deleted_objects": true });
        let call = self.asking(OPERATION, &["v2", "catalog", "batch-retrieve"], body);
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// The counts of what can be sold at a location.
    pub(super) async fn counts(
        &self,
        location: &str,
        variations: &[&str],
        cursor: Option<&str>,
    ) -> Result<wire::Counts, ChannelError> {
        const OPERATION: &str = "read stock";
        let mut body = json!({
            "catalog_object_ids": variations,
            "location_ids": [location],
            "states": ["IN_STOCK"],
        });
        if let Some(cursor) = cursor {
            body["cursor"] = json!(cursor);
        }
        let path = ["v2", "inventory", "counts", "batch-retrieve"];
        let call = self.asking(OPERATION, &path, body);
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// Sets counts: all of them or none.
    pub(super) async fn change_inventory(
        &self,
        body: Value,
    ) -> Result<Reply<wire::Counts>, ChannelError> {
        let path = ["v2", "inventory", "changes", "batch-create"];
        let call = self.asking("set stock", &path, body);
        self.ask(call.idempotent()).await
    }

    /// Gives money back.
    pub(super) async fn refund(&self, body: Value) -> Result<Reply<wire::OneRefund>, ChannelError> {
        let call = self.asking("refund a payment", &["v2", "refunds"], body);
        self.ask(call.idempotent()).await
    }

    /// A page of refunds at a location since an instant, newest first.
    pub(super) async fn refunds(
        &self,
        location: &str,
        since: &str,
        cursor: Option<&str>,
    ) -> Result<wire::Refunds, ChannelError> {
        const OPERATION: &str = "list refunds";
        let mut call = self.reading(OPERATION, &["v2", "refunds"]);
        call.url
            .query_pairs_mut()
            .append_pair("begin_time", since)
            .append_pair("location_id", location)
            .append_pair("sort_order", "DESC");
        if let Some(cursor) = cursor {
            call.url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// A page of the application's hook subscriptions, switched off ones too.
    pub(super) async fn subscriptions(
        &self,
        cursor: Option<&str>,
    ) -> Result<wire::Subscriptions, ChannelError> {
        const OPERATION: &str = "list hook subscriptions";
        let mut call = self.reading(OPERATION, &["v2", "webhooks", "subscriptions"]);
        call.bearer = Bearer::Application;
        call.url
            .query_pairs_mut()
            .append_pair("include_disabled", "true");
        if let Some(cursor) = cursor {
            call.url.query_pairs_mut().append_pair("cursor", cursor);
        }
        self.ask(call).await?.or_rejected(OPERATION)
    }

    /// Makes a hook subscription, or changes the one with this id.
    pub(super) async fn subscribe(
        &self,
        id: Option<&str>,
        mut subscription: Value,
    ) -> Result<wire::OneSubscription, ChannelError> {
        const OPERATION: &str = "subscribe to hooks";
        let call = match id {
            Some(id) => Call {
                method: Method::PUT,
                ..self.asking(
                    OPERATION,
                    &["v2", "webhooks", "subscriptions", id],
                    json!({ "subscription": subscription }),
                )
            },
            None => {
                subscription["api_version"] = json!(self.version);
                let body = json!({
                    "idempotency_key": self.port.http.nonce(),
                    "subscription": subscription,
                });
                self.asking(OPERATION, &["v2", "webhooks", "subscriptions"], body)
            }
        };
        let call = Call {
            bearer: Bearer::Application,
            ..call.idempotent()
        };
        self.ask(call).await?.or_rejected(OPERATION)
    }

    fn reading(&self, operation: &'static str, path: &[&str]) -> Call {
        Call {
            operation,
            effect: Effect::None,
            method: Method::GET,
            url: self.url(path),
            body: None,
            bearer: Bearer::Seller,
        }
    }

    fn asking(&self, operation: &'static str, path: &[&str], body: Value) -> Call {
        Call {
            method: Method::POST,
            body: Some(body),
            ..self.reading(operation, path)
        }
    }

    /// The address of a path; ids are escaped, so that none of them can leave its place.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("the address was checked to be http or https")
            .pop_if_empty()
            .extend(path);
        url
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<Reply<T>, ChannelError> {
        let (operation, effect) = (call.operation, call.effect);
        let answer = self.send(call).await?;
        read(operation, effect, &answer)
    }

    /// Sends a call, and once more with a new token if the old one has expired.
    async fn send(&self, call: Call) -> Result<Answer, ChannelError> {
        let (bearer, oauth) = match (&self.application_token, &self.access) {
            (Some(token), _) if call.bearer == Bearer::Application => (token.clone(), None),
            (_, Access::Personal(token)) => (token.clone(), None),
            (_, Access::Oauth(oauth)) => (oauth.token(self).await?, Some(oauth)),
        };
        let request = self.request(&call, &bearer)?;
        let sent = self.port.call(call.operation, call.effect, request).await;
        let (Some(oauth), true) = (oauth, sent.as_ref().is_err_and(is_expired)) else {
            return sent;
        };
        let renewed = oauth.renewed(self, &bearer).await?;
        let request = self.request(&call, &renewed)?;
        self.port.call(call.operation, call.effect, request).await
    }

    fn request(&self, call: &Call, bearer: &Secret) -> Result<Request, ChannelError> {
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        http::Request::builder()
            .method(call.method.clone())
            .uri(call.url.as_str())
            .header("authorization", format!("Bearer {}", bearer.expose()))
            .header("square-version", &self.version)
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .body(body.into_bytes())
            .map_err(|_| {
                ChannelError::rejected(call.operation, "an id or token cannot be sent over HTTP")
            })
    }

    /// New tokens for a refresh token. No token goes with it, and it is not tried again.
    pub(super) async fn obtain_token(
        &self,
        client_id: &str,
        client_secret: &Secret,
        refresh_token: &Secret,
    ) -> Result<Tokens, ChannelError> {
        const OPERATION: &str = "renew the access token";
        let body = json!({
            "client_id": client_id,
            "client_secret": client_secret.expose(),
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.expose(),
        });
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(self.url(&["oauth2", "token"]).as_str())
            .header("square-version", &self.version)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|_| ChannelError::rejected(OPERATION, "the address cannot be used"))?;
        let answer = self.port.call(OPERATION, Effect::None, request).await;
        // What is gone here is not what the caller spoke of.
        let answer = answer.map_err(|error| match error.kind {
            ErrorKind::Gone => ChannelError::malformed(OPERATION, "there is no token endpoint"),
            ErrorKind::Retry { .. }
            | ErrorKind::Throttled { .. }
            | ErrorKind::Unauthorized { .. }
            | ErrorKind::Rejected { .. }
            | ErrorKind::Ambiguous { .. }
            | ErrorKind::Malformed { .. } => error,
        })?;
        match read(OPERATION, Effect::None, &answer)? {
            Reply::Yes(tokens) => Tokens::of(tokens, refresh_token, self.port.http.now()),
            Reply::No(refusal) => Err(ChannelError::unauthorized(OPERATION, refusal.reason())),
        }
    }
}

impl Call {
    fn idempotent(self) -> Call {
        Call {
            effect: Effect::Idempotent,
            ..self
        }
    }
}

/// Whether a call was refused for no other reason than the age of its token.
fn is_expired(error: &ChannelError) -> bool {
    match &error.kind {
        ErrorKind::Unauthorized { reason } => reason.contains("ACCESS_TOKEN_EXPIRED"),
        ErrorKind::Retry { .. }
        | ErrorKind::Throttled { .. }
        | ErrorKind::Gone
        | ErrorKind::Rejected { .. }
        | ErrorKind::Ambiguous { .. }
        | ErrorKind::Malformed { .. } => false,
    }
}

/// Reads an answer. A write whose answer cannot be read may have happened.
fn read<T: DeserializeOwned>(
    operation: &'static str,
    effect: Effect,
    answer: &Answer,
) -> Result<Reply<T>, ChannelError> {
    if answer.status().is_success() {
        return answer.json().map(Reply::Yes).map_err(|error| match effect {
            Effect::None => error,
            Effect::Idempotent | Effect::Once => {
                let reason = error.to_string();
                ChannelError::new(operation, ErrorKind::Ambiguous { reason })
            }
        });
    }
    let errors = answer.json::<wire::Errors>().unwrap_or_default();
    Ok(Reply::No(Refusal {
        status: answer.status().as_u16(),
        errors: errors.errors,
    }))
}
