//! Writes: a strict body, an idempotency key, and an effect that happens once.
//!
//! With a key, the row that says so is in the commit of the effect; the same request again is given the
//! kept answer, and another request with that key is refused. Without a key, sending twice is asking
//! twice. The work is seen through even when whoever asked goes away.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    AccountId, ExternalId, Sku, Time,
    decide::Verdict,
    fact::Event,
    fulfillment::Work,
    ids::{IntentId, OrderId, ReturnId, ShipmentId, TaskId},
    order::Phase,
    signal::{Command, Signal, Sorting, Transfer},
};
use engine::{
    Engine,
    answers::Said,
    decider::{Alongside, Done},
    views::Units,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    admin::Admin,
    limits::{read_body, see_through},
    problem::{self, Problem},
};

/// The header with the key.
pub(crate) const KEY_HEADER: &str = "idempotency-key";
/// The header that says that an answer was kept from before.
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const KEY_LENGTH_MAX: usize = 200;
/// The longest text that a person writes into a reason or a name.
const TEXT_LENGTH_MAX: usize = 300;

/// A write that arrived: its body, and what it takes to recognize it.
pub(crate) struct Write<T> {
    pub(crate) body: T,
    pub(crate) ticket: Ticket,
}

/// What it takes to recognize a request that is sent again.
pub(crate) struct Ticket {
    key: Option<String>,
    /// A digest over method, address and body.
    request: String,
}

/// What a write did.
#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    /// `done`, or `nothing_to_do` when it was so already.
    pub(crate) effect: &'static str,
    /// When.
    pub(crate) at: Time,
    /// Of which order.
    pub(crate) order: Option<OrderId>,
    /// Its phase after that.
    pub(crate) phase: Option<Phase>,
    /// The shipment that was recorded.
    pub(crate) shipment: Option<ShipmentId>,
    /// What is to be done on the channel because of it.
    pub(crate) intent: Option<IntentId>,
    /// The tasks that were opened.
    pub(crate) tasks: Vec<TaskId>,
    /// The parcel that was packed, by its number within the task.
    pub(crate) parcel: Option<u32>,
    /// The return that was opened.
    pub(crate) r#return: Option<ReturnId>,
    /// Of which item.
    pub(crate) sku: Option<Sku>,
    /// How many more came in than the arrival announced.
    pub(crate) surplus: Option<Units>,
}

impl Ticket {
    /// Of a form, which says itself what makes it one and the same.
    /// Several forms of one page have one such text, so what they say is a part of the key.
    pub(crate) fn of_form(once: Option<&str>, request: String) -> Ticket {
        let key = once.map(|once| {
            let once: String = once.chars().take(64).collect();
            format!("form {once} {request}")
        });
        Ticket { key, request }
    }
}

impl<T: DeserializeOwned> Write<T> {
    /// What a form says, read as strictly as a body.
    pub(crate) fn of(body: Map<String, Value>, ticket: Ticket) -> Result<Write<T>, Problem> {
        let json = Value::Object(body).to_string();
        let body = read_json(json.as_bytes())?;
        Ok(Write { body, ticket })
    }
}

impl<T: DeserializeOwned> FromRequest<Admin> for Write<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Write<T>, Problem> {
        let (head, body) = request.into_parts();
        let key = key(&head.headers)?;
        let bytes = read_body(&head.headers, body, &admin.limits).await?;
        let mut digest = Sha256::new();
        for part in [
            head.method.as_str().as_bytes(),
            head.uri.to_string().as_bytes(),
        ] {
            digest.update(part);
            digest.update([0]);
        }
        digest.update(&bytes);
        let digest = digest.finalize();
        let ticket = Ticket {
            key,
            request: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        // A write that says nothing may come without a body.
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        if !bytes.is_empty() && !is_json(&head.headers) {
            let detail = "Content-Type is not application/json";
            return Err(Problem::new(&problem::BAD_MEDIA_TYPE, detail));
        }
        let body = read_json(json)?;
        Ok(Write { body, ticket })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY_HEADER) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if text.is_empty() || text.len() > KEY_LENGTH_MAX || !is_plain {
        let detail =
            format!("Idempotency-Key needs 1 to {KEY_LENGTH_MAX} printable ASCII characters");
        return Err(Problem::new(&problem::BAD_KEY, detail));
    }
    Ok(Some(text.to_owned()))
}

fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = serde_path_to_error::deserialize(&mut deserializer);
    let bad = |path: String, reason: String| {
        let detail = if path == "." {
            reason
        } else {
            format!("{path}: {reason}")
        };
        Problem::new(&problem::BAD_BODY, detail).with("path", path)
    };
    let value = read.map_err(|error| bad(error.path().to_string(), reason(error.inner())))?;
    let end = deserializer.end();
    end.map_err(|error| bad(".".to_owned(), reason(&error)))?;
    Ok(value)
}

/// What is wrong with a body. Where it stands helps only whoever wrote the JSON by hand; a value that is
/// wrong is named by its key.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match error.classify() {
        serde_json::error::Category::Data => {
            let place = format!(" at line {} column {}", error.line(), error.column());
            text.strip_suffix(&place).unwrap_or(&text).to_owned()
        }
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => {
            format!(
                "the body is no JSON object ({text}): write one, as {{\"reason\": \"counted\"}}"
            )
        }
    }
}

/// A text that a person wrote: not empty, not long, and without control characters.
pub(crate) fn text(path: &str, text: String) -> Result<String, Problem> {
    check_text(path, text, TEXT_LENGTH_MAX, char::is_control)
}

/// The same, of several lines.
pub(crate) fn lines_of_text(
    path: &str,
    text: String,
    length_max: usize,
) -> Result<String, Problem> {
    check_text(path, text, length_max, |c| c.is_control() && c != '\n')
}

fn check_text(
    path: &str,
    text: String,
    length_max: usize,
    is_bad: fn(char) -> bool,
) -> Result<String, Problem> {
    let reason = if text.trim().is_empty() {
        "it must not be empty".to_owned()
    } else if text.chars().count() > length_max {
        format!("it has more than {length_max} characters")
    } else if text.chars().any(is_bad) {
        "it must not hold control characters".to_owned()
    } else {
        return Ok(text.trim().to_owned());
    };
    Err(Problem::new(&problem::BAD_BODY, format!("{path}: {reason}")).with("path", path))
}

/// The same where nothing may be said.
pub(crate) fn optional_text(path: &str, said: Option<String>) -> Result<Option<String>, Problem> {
    said.map(|said| text(path, said)).transpose()
}

/// Has the engine decide about what a person wants, and says what it did.
pub(crate) async fn carry_out(
    admin: &Admin,
    ticket: Ticket,
    status: StatusCode,
    command: Command,
) -> Result<Response, Problem> {
    let concerns = Concerns::of(&command);
    once(admin, ticket, status, move |engine, rows| async move {
        let done = engine
            .decide_alongside(Signal::Command(command), rows)
            .await?;
        Ok(Receipt::of(&done, concerns, engine.ports.clock.now()))
    })
    .await
}

/// Says what the engine would decide about what a person wants; nothing is changed.
pub(crate) async fn preview(admin: &Admin, command: Command) -> Result<Response, Problem> {
    let concerns = Concerns::of(&command);
    let done = admin
        .engine
        .decider
        .preview(&Signal::Command(command))
        .await?;
    let receipt = Receipt::of(&done, concerns, admin.engine.ports.clock.now());
    Ok(Json(receipt).into_response())
}

/// Does something once for each idempotency key. `work` commits the rows that it is given together
/// with its effect.
pub(crate) async fn once<W, F, A>(
    admin: &Admin,
    ticket: Ticket,
    status: StatusCode,
    work: W,
) -> Result<Response, Problem>
where
    W: FnOnce(Arc<Engine>, Alongside) -> F + Send + 'static,
    F: Future<Output = Result<A, Problem>> + Send,
    A: Serialize + Send,
{
    let (engine, keys) = (Arc::clone(&admin.engine), Arc::clone(&admin.keys));
    let Ticket { key, request } = ticket;
    let whole = async move {
        let Some(key) = key else {
            let answer = work(engine, Alongside::default()).await?;
            return Ok((status, Json(answer)).into_response());
        };
        // One at a time, so that two requests with one key cannot both find it unused.
        let _turn = keys.lock().await;
        if let Some(answer) = engine.recall(&key).await? {
            return replay(answer, &request, status);
        }
        let rows = engine.use_key(&key, &request).await?;
        let answer = work(Arc::clone(&engine), rows).await?;
        let body = serde_json::to_value(answer).expect("answers have only text keys");
        let said = Said {
            status: status.as_u16(),
            body: body.clone(),
        };
        if let Err(error) = engine.keep_answer(&key, &request, said).await {
            // The effect is durable, and so is that the key was used; only these words are lost.
            tracing::warn!(%error, "An answer could not be kept.");
        }
        Ok((status, Json(body)).into_response())
    };
    let done = see_through(&admin.engine, whole).await;
    done.unwrap_or_else(|| Err(Problem::new(&problem::STORAGE, "the work was cut off")))
}

fn replay(
    answer: engine::answers::Answer,
    request: &str,
    status: StatusCode,
) -> Result<Response, Problem> {
    if answer.request != request {
        let detail = "this key was used for another request; use a new one";
        return Err(
            Problem::new(&problem::KEY_REUSED, detail).with("used_at", answer.at.to_string())
        );
    }
    let mut response = match answer.said {
        Some(said) => {
            let status = StatusCode::from_u16(said.status).unwrap_or(status);
            (status, Json(said.body)).into_response()
        }
        None => (status, Json(Receipt::plain("done", answer.at))).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(REPLAYED_HEADER, HeaderValue::from_static("true"));
    Ok(response)
}

/// What a command is about, as far as its receipt says.
#[derive(Default)]
struct Concerns {
    order: Option<OrderId>,
    sku: Option<Sku>,
    /// The order that was entered: its account and reference. Its id is known when it was decided.
    placed: Option<(AccountId, Option<ExternalId>)>,
}

impl Concerns {
    fn of(command: &Command) -> Concerns {
        let of_order = |order: &OrderId| Concerns {
            order: Some(*order),
            ..Concerns::default()
        };
        match command {
            Command::Adjust { sku, .. } => Concerns {
                placed: None,
                order: None,
                sku: Some(sku.clone()),
            },
            Command::Transfer(Transfer { sku, .. })
            | Command::Receive(domain::signal::Receipt { sku, .. })
            | Command::Sort(Sorting { sku, .. })
            | Command::Expect { sku, .. }
            | Command::GiveUp { sku, .. }
            | Command::EnterCount { sku, .. } => Concerns {
                placed: None,
                order: None,
                sku: Some(sku.clone()),
            },
            Command::MapListing { sku, .. } => Concerns {
                sku: sku.clone(),
                ..Concerns::default()
            },
            Command::SetItem(item) => Concerns {
                placed: None,
                order: None,
                sku: Some(item.sku.clone()),
            },
            Command::Place(asked) => Concerns {
                placed: Some((asked.account.clone(), asked.reference.clone())),
                ..Concerns::default()
            },
            Command::MapLine { order, sku, .. } => Concerns {
                placed: None,
                order: Some(*order),
                sku: Some(sku.clone()),
            },
            Command::Ship { order, .. }
            | Command::Allocate { order, .. }
            | Command::Unallocate { order, .. }
            | Command::Cancel { order, .. }
            | Command::Pay { order, .. }
            | Command::Deliver { order, .. }
            | Command::Return { order, .. }
            | Command::Fulfill { order, .. }
            | Command::Issue { order, .. }
            | Command::Refund { order, .. }
            | Command::Hold { order, .. }
            | Command::Tell { order, .. }
            | Command::Note { order, .. }
            | Command::Evidence { order, .. }
            | Command::Release { order, .. }
            | Command::Erase { order, .. } => of_order(order),
            // The order of an incident is known when it was decided.
            Command::ResolveIncident { .. }
            | Command::OpenCount { .. }
            | Command::CloseCount { .. }
            | Command::Lift { .. }
            | Command::RetryIntent { .. }
            | Command::DropIntent { .. }
            | Command::RetryPush { .. }
            | Command::SettleDrift { .. }
            | Command::LetGo { .. }
            | Command::ConfirmZeroes { .. }
            | Command::LiftBreaker { .. } => Concerns::default(),
        }
    }
}

impl Receipt {
    /// That something was done, and nothing more.
    pub(crate) fn plain(effect: &'static str, at: Time) -> Receipt {
        Receipt {
            effect,
            at,
            order: None,
            phase: None,
            shipment: None,
            intent: None,
            tasks: Vec::new(),
            parcel: None,
            r#return: None,
            sku: None,
            surplus: None,
        }
    }

    fn of(done: &Done, concerns: Concerns, at: Time) -> Receipt {
        let effect = match done.verdict {
            Verdict::New => "done",
            Verdict::Duplicate | Verdict::Stale | Verdict::Nothing => "nothing_to_do",
        };
        let mut receipt = Receipt::plain(effect, at);
        for fact in &done.book.facts {
            if let Event::ShipmentRecorded { shipment, .. } = &fact.event {
                receipt.shipment = Some(*shipment);
            }
            if let Event::IntentMade { intent, .. } = &fact.event {
                receipt.intent = Some(*intent);
            }
            if let Event::Worked { task, work, .. } = &fact.event {
                match work {
                    Work::Opened { .. } if !receipt.tasks.contains(task) => {
                        receipt.tasks.push(*task);
                    }
                    Work::Packed { parcel, .. } => receipt.parcel = Some(*parcel),
                    _ => {}
                }
            }
            if let Event::ReturnAdvised { id, .. } = &fact.event {
                receipt.r#return = Some(*id);
            }
            if let Event::ArrivalClosed { sku, surplus, .. } = &fact.event {
                let scale = done.book.items.get(sku).map_or(0, |item| item.scale);
                receipt.surplus = surplus.is_positive().then(|| Units::new(*surplus, scale));
            }
        }
        let chosen = done.book.facts.iter();
        let mut chosen = chosen.filter(|fact| matches!(fact.event, Event::WayChosen { .. }));
        let placed = concerns.placed.and_then(|(account, reference)| {
            let mut orders = done.book.orders.values();
            let mut made = done.book.facts.iter();
            let made = made.find(|fact| matches!(fact.event, Event::OrderAccepted { .. }));
            let known = orders.find(|order| {
                order.account == account && Some(&order.external_id) == reference.as_ref()
            });
            known
                .map(|order| order.id)
                .or(made.and_then(|fact| fact.order))
        });
        let chosen = chosen.next().and_then(|fact| fact.order);
        receipt.order = concerns.order.or(placed).or(chosen);
        let order = receipt.order.and_then(|id| done.book.orders.get(&id));
        receipt.phase = order.map(|order| order.phase(done.book.is_short(order)));
        receipt.sku = concerns.sku;
        receipt
    }
}
