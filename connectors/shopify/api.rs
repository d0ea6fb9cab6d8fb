//! Calls to the GraphQL Admin API, and what its answers mean.
//!
//! The only file that builds requests to the shop's address. Status 200 says nothing here: a call
//! that was throttled, denied or broken says so in `errors`, and those are classified once, below.

use std::{collections::BTreeMap, time::Duration};

use channel::{
    Allowance, ChannelError, ErrorKind, Port, Rest, Secret,
    http::{Answer, Effect},
};
use domain::Time;
use http::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    auth::{Auth, Mode},
    wire::{self, Cost, Envelope, Fault},
};

/// An empty bucket fills within seconds; a longer wait is a wrong number.
const THROTTLE_WAIT_MAX_S: f64 = 60.0;
const THROTTLE_WAIT_MIN: Duration = Duration::from_millis(100);
/// How much of an error's text is kept.
const REASON_LENGTH_MAX: usize = 300;
/// What the shop never has more of than this many pages; a longer list is a loop.
const REST_PAGES_MAX: usize = 50;

pub(super) const REST: &str = concat!(
    include_str!("queries/rest.graphql"),
    include_str!("queries/fields_of_line.graphql"),
    include_str!("queries/fields_of_fulfillment.graphql"),
    include_str!("queries/fields_of_refund.graphql"),
);

/// One shop's API.
pub(super) struct Api {
    pub(super) port: Port,
    graphql_url: String,
    auth: Auth,
}

/// One operation to be carried out.
pub(super) struct Call {
    /// What is tried, for errors.
    pub(super) operation: &'static str,
    pub(super) effect: Effect,
    pub(super) document: &'static str,
    pub(super) variables: Value,
}

/// An answer that can be read, at least in parts.
pub(super) struct Reply<D> {
    pub(super) data: D,
    /// Which elements of the list in it could not be given, and why.
    pub(super) broken: BTreeMap<usize, String>,
    /// The API version that was really used.
    pub(super) version: Option<String>,
    /// What the shop's clock said.
    pub(super) date: Option<Time>,
}

/// Why a call brought nothing.
pub(super) enum Failure {
    /// It asked for too much at once; a smaller page may work.
    TooCostly(ChannelError),
    /// Everything else.
    Other(ChannelError),
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Failure {
        Failure::Other(error)
    }
}

impl From<Failure> for ChannelError {
    fn from(failure: Failure) -> ChannelError {
        match failure {
            Failure::TooCostly(error) | Failure::Other(error) => error,
        }
    }
}

impl Api {
    /// `base_url` has no slash at its end.
    pub(super) fn new(port: Port, base_url: &str, version: &str, mode: Mode) -> Api {
        Api {
            port,
            graphql_url: format!("{base_url}/admin/api/{version}/graphql.json"),
            auth: Auth::new(mode, format!("{base_url}/admin/oauth/access_token")),
        }
    }

    /// Carries out an operation whose cost is not in doubt.
    pub(super) async fn call<D: DeserializeOwned>(&self, call: Call) -> Result<D, ChannelError> {
        Ok(self.try_call(call).await?.data)
    }

    /// Carries out an operation; a refused token is replaced once.
    pub(super) async fn try_call<D: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<Reply<D>, Failure> {
        let body = json!({ "query": call.document, "variables": call.variables }).to_string();
        let token = self.auth.token(&self.port).await?;
        let mut answer = self.send(&call, &body, &token).await?;
        if answer.status() == http::StatusCode::UNAUTHORIZED
            && let Some(token) = self.auth.renew(&self.port, &token).await?
        {
            answer = self.send(&call, &body, &token).await?;
        }
        let answer = self.judge(&call, answer)?;
        read(&call, &answer, self.port.http.now())
    }

    async fn send(&self, call: &Call, body: &str, token: &Secret) -> Result<Answer, ChannelError> {
        let mut token = HeaderValue::from_str(token.expose())
            .map_err(|error| ChannelError::unauthorized(call.operation, error.to_string()))?;
        token.set_sensitive(true);
        let request = http::Request::builder()
            .method(http::Method::POST)
            .uri(&self.graphql_url)
            .header("x-shopify-access-token", token)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::ACCEPT, "application/json")
            .body(body.as_bytes().to_vec())
            .map_err(|error| ChannelError::rejected(call.operation, error.to_string()))?;
        self.port
            .call_unjudged(call.operation, call.effect, request)
            .await
    }

    fn judge(&self, call: &Call, answer: Answer) -> Result<Answer, ChannelError> {
        match answer.status().as_u16() {
            // The one address of the API is missing, not the thing that was asked for.
            404 | 410 => Err(ChannelError::rejected(
                call.operation,
                "there is no shop at api_url, or it does not serve this api_version",
            )),
            status @ (402 | 423) => Err(ChannelError::unauthorized(
                call.operation,
                format!("the shop is locked (status {status})"),
            )),
            _ => answer.judged(call.effect, self.port.http.now())?.success(),
        }
    }

    /// The rest of a list of which `first` is the first page. `field` is its name in `rest.graphql`.
    pub(super) async fn rest<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        id: &str,
        field: &str,
        first: &mut wire::Connection<T>,
    ) -> Result<(), ChannelError> {
        let mut next = std::mem::take(&mut first.page_info).next();
        for _ in 0..REST_PAGES_MAX {
            let Some(after) = next else {
                return Ok(());
            };
            let value = self
                .rest_of(operation, id, field, Some(after.clone()))
                .await?;
            let page: wire::Connection<T> = read_as(operation, value)?;
            first.nodes.extend(page.nodes);
            next = page.page_info.next();
            if next.as_ref() == Some(&after) {
                break;
            }
        }
        match next {
            None => Ok(()),
            Some(_) => Err(ChannelError::malformed(
                operation,
                format!("the list `{field}` of {id} does not end"),
            )),
        }
    }

    /// One field of `rest.graphql`.
    pub(super) async fn rest_of(
        &self,
        operation: &'static str,
        id: &str,
        field: &str,
        after: Option<String>,
    ) -> Result<Value, ChannelError> {
        let rest: wire::Rest = self
            .call(Call {
                operation,
                effect: Effect::None,
                document: REST,
                variables: json!({ "id": id, "after": after }),
            })
            .await?;
        rest.node
            .and_then(|mut node| node.remove(field))
            .ok_or_else(|| ChannelError::new(operation, ErrorKind::Gone))
    }
}

/// Reads a part of an answer as a type.
pub(super) fn read_as<T: DeserializeOwned>(
    operation: &'static str,
    value: Value,
) -> Result<T, ChannelError> {
    serde_json::from_value(value)
        .map_err(|error| ChannelError::malformed(operation, error.to_string()))
}

/// What the shop's rules refused, in one text.
pub(super) fn refusals(errors: &[wire::UserError]) -> String {
    let texts: Vec<String> = errors
        .iter()
        .map(|error| match error.code.as_str() {
            "" => error.message.clone(),
            code => format!("{code}: {}", error.message),
        })
        .collect();
    shorten(&texts.join("; "))
}

/// A global id: `gid://shopify/Order/450789469`.
pub(super) fn gid(kind: &str, id: &str) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// Whether a text is an id as the channel writes it in numbers.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn read<D: DeserializeOwned>(call: &Call, answer: &Answer, now: Time) -> Result<Reply<D>, Failure> {
    let envelope: Envelope = answer.json()?;
    let mut broken = BTreeMap::new();
    for fault in faults(envelope.errors) {
        match element(&fault, &envelope.data) {
            Some(index) => {
                broken.insert(index, shorten(&fault.message));
            }
            None => {
                return Err(classify(
                    call,
                    &fault,
                    &envelope.data,
                    &envelope.extensions.cost,
                    now,
                ));
            }
        }
    }
    Ok(Reply {
        data: read_as(call.operation, envelope.data)?,
        broken,
        version: answer.header("x-shopify-api-version").map(str::to_owned),
        date: answer.date(),
    })
}

fn faults(errors: Value) -> Vec<Fault> {
    let bare = |message: String| Fault {
        message,
        path: Vec::new(),
        extensions: wire::FaultExtensions::default(),
    };
    match errors {
        Value::Null => Vec::new(),
        Value::Array(entries) => entries
            .into_iter()
            .map(|entry| {
                let text = entry.to_string();
                serde_json::from_value(entry).unwrap_or_else(|_| bare(text))
            })
            .collect(),
        Value::String(message) => vec![bare(message)],
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            vec![bare(other.to_string())]
        }
    }
}

/// Which element of the answer's list a fault concerns, when it concerns only one and the list came
/// nevertheless. A fault that concerns the whole account is never one of an element.
fn element(fault: &Fault, data: &Value) -> Option<usize> {
    if matches!(
        fault.extensions.code.as_str(),
        "THROTTLED" | "ACCESS_DENIED" | "SHOP_INACTIVE" | "MAX_COST_EXCEEDED"
    ) {
        return None;
    }
    let at = fault.path.iter().position(|step| step == "nodes")?;
    let list = fault.path[..=at]
        .iter()
        .try_fold(data, |value, step| value.get(step.as_str()?))?;
    list.as_array()?;
    usize::try_from(fault.path.get(at + 1)?.as_u64()?).ok()
}

fn classify(call: &Call, fault: &Fault, data: &Value, cost: &Cost, now: Time) -> Failure {
    let code = fault.extensions.code.as_str();
    let reason = shorten(&match code {
        "" => fault.message.clone(),
        code => format!("{code}: {}", fault.message),
    });
    let kind = match code {
        "THROTTLED" => ErrorKind::Throttled {
            until: refilled_at(cost, now),
        },
        "ACCESS_DENIED" | "SHOP_INACTIVE" => ErrorKind::Unauthorized { reason },
        "MAX_COST_EXCEEDED" => {
            return Failure::TooCostly(ChannelError::rejected(call.operation, reason));
        }
        // Refused before anything ran.
        "BAD_REQUEST" | "INVALID_FIELD_ARGUMENTS" => ErrorKind::Rejected { reason },
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => unknown_outcome(call.effect, reason),
        // Any other code without data is a refusal of the document itself.
        _ if data.is_null() => ErrorKind::Rejected { reason },
        _ => unknown_outcome(call.effect, reason),
    };
    ChannelError::new(call.operation, kind).into()
}

fn unknown_outcome(effect: Effect, reason: String) -> ErrorKind {
    match effect {
        Effect::None => ErrorKind::Retry { reason },
        Effect::Idempotent | Effect::Once => ErrorKind::Ambiguous { reason },
    }
}

/// How long to rest so that the bucket holds enough for what is urgent, and for what was just called
/// once more: a call that asks for more than there is would be refused. A shop that does not say what
/// is left asks for no rest.
pub(super) fn rest(response: &channel::http::Response) -> Option<Rest> {
    /// A write of levels after a reading of them, twice over.
    const RESERVE: f64 = 250.0;
    /// What of a full bucket is left to others than the leisurely.
    const OTHERS: f64 = 0.6;
    let bill: wire::Bill = serde_json::from_slice(response.body()).ok()?;
    let cost = bill.extensions.cost;
    let status = &cost.throttle_status;
    let available = points(status.currently_available.as_ref())?;
    let rate = points(status.restore_rate.as_ref()).filter(|rate| *rate > 0.0)?;
    let again = points(cost.requested_query_cost.as_ref()).unwrap_or(0.0);
    let full = points(status.maximum_available.as_ref()).unwrap_or(f64::INFINITY);
    let until = |level: f64| {
        let wait_s = (level.min(full) - available) / rate;
        // Nothing of a time below zero: there is enough.
        Duration::try_from_secs_f64(wait_s.min(THROTTLE_WAIT_MAX_S)).unwrap_or_default()
    };
    let others = if full.is_finite() { full * OTHERS } else { 0.0 };
    Some(Rest {
        usual: until(RESERVE + again),
        leisurely: until(RESERVE.max(others) + again),
    })
}

/// What the bucket holds after a call, as the shop says it.
pub(super) fn allowance(response: &channel::http::Response) -> Option<Allowance> {
    let bill: wire::Bill = serde_json::from_slice(response.body()).ok()?;
    let status = bill.extensions.cost.throttle_status;
    Some(Allowance {
        left: whole_points(status.currently_available.as_ref())?,
        of: whole_points(status.maximum_available.as_ref()),
        unit: "points",
        restored_per_second: whole_points(status.restore_rate.as_ref()),
    })
}

/// Points without their decimals; shops write them both ways. Less than none is none.
fn whole_points(number: Option<&serde_json::Number>) -> Option<u64> {
    let text = number?.to_string();
    match text.starts_with('-') {
        true => Some(0),
        false => text.split('.').next()?.parse().ok(),
    }
}

fn points(number: Option<&serde_json::Number>) -> Option<f64> {
    number?.as_f64()
}

/// When the bucket will hold what the call needs, and what a small call before it may take.
fn refilled_at(cost: &Cost, now: Time) -> Option<Time> {
    const MARGIN: f64 = 1.25;
    let needed = points(cost.requested_query_cost.as_ref())? * MARGIN;
    let available = points(cost.throttle_status.currently_available.as_ref())?;
    let rate = points(cost.throttle_status.restore_rate.as_ref()).filter(|rate| *rate > 0.0)?;
    let wait_s = ((needed - available).max(0.0) / rate).min(THROTTLE_WAIT_MAX_S);
    let wait = Duration::try_from_secs_f64(wait_s).ok()?;
    Some(now.plus(wait.max(THROTTLE_WAIT_MIN)))
}

fn shorten(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(REASON_LENGTH_MAX)
        .collect()
}
