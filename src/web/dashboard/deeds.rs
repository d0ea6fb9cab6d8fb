//! What is done to an order from its page: a form becomes the body of a call of the API, which the very handler
//! of the API carries out. So both refuse the same in the same words, and sending a form twice does it once.

use axum::{extract::State, response::Response};
use domain::ids::OrderId;
use engine::users::{Change, Role};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};

use super::{
    fields::Fields,
    order,
    page::go,
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{Admin, aftersales, fulfillment, orders, overview, queues},
    ask::{Ask, At, id},
    problem::Problem,
    write::{Ticket, Write},
};

/// How much of an answer of our own is read.
const ANSWER_LENGTH_MAX: usize = 64 * 1024;

/// Something that is done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Hold,
    Release,
    Note,
    Cancel,
    Map,
    Start,
    Pick,
    Pack,
    Label,
    HandOver,
    PutBack,
    Ship,
    Return,
    Receive,
    Inspect,
    Retry,
}

impl Deed {
    pub(super) const ALL: [Deed; 16] = [
        Deed::Hold,
        Deed::Release,
        Deed::Note,
        Deed::Cancel,
        Deed::Map,
        Deed::Start,
        Deed::Pick,
        Deed::Pack,
        Deed::Label,
        Deed::HandOver,
        Deed::PutBack,
        Deed::Ship,
        Deed::Return,
        Deed::Receive,
        Deed::Inspect,
        Deed::Retry,
    ];

    /// Where its form is sent.
    pub(super) fn path(self) -> &'static str {
        match self {
            Deed::Hold => "/orders/{order}/hold",
            Deed::Release => "/orders/{order}/release",
            Deed::Note => "/orders/{order}/note",
            Deed::Cancel => "/orders/{order}/cancel",
            Deed::Map => "/orders/{order}/map",
            Deed::Start => "/orders/{order}/start",
            Deed::Pick => "/orders/{order}/pick",
            Deed::Pack => "/orders/{order}/pack",
            Deed::Label => "/orders/{order}/label",
            Deed::HandOver => "/orders/{order}/hand-over",
            Deed::PutBack => "/orders/{order}/put-back",
            Deed::Ship => "/orders/{order}/ship",
            Deed::Return => "/orders/{order}/return",
            Deed::Receive => "/orders/{order}/receive",
            Deed::Inspect => "/orders/{order}/inspect",
            Deed::Retry => "/orders/{order}/retry",
        }
    }

    /// The least role that it takes.
    pub(super) fn least(self) -> Role {
        match self {
            Deed::Note
            | Deed::Start
            | Deed::Pick
            | Deed::Pack
            | Deed::Label
            | Deed::HandOver
            | Deed::PutBack
            | Deed::Ship
            | Deed::Receive
            | Deed::Inspect => Role::Packer,
            Deed::Hold | Deed::Release | Deed::Cancel | Deed::Map | Deed::Return | Deed::Retry => {
                Role::Operator
            }
        }
    }
}

/// Does it and shows the order, or why it was not done.
pub(super) async fn run(
    deed: Deed,
    admin: Admin,
    (visitor, taste): (Visitor, Taste),
    order: String,
    fields: Fields,
) -> Result<Response, Problem> {
    match act(deed, &admin, &visitor, &order, &fields).await {
        Ok(answer) => {
            let effect = effect(answer).await;
            let order: OrderId = id("order", &order)?;
            if effect == "done" {
                let name = deed.path().rsplit('/').next().unwrap_or_default();
                note(&admin, &visitor, format!("{name} {order}")).await;
            }
            Ok(go(&format!("/orders/{order}?done={effect}")))
        }
        Err(problem) => {
            let asked = order::Asked::default();
            order::draw(&admin, (&visitor, taste), &order, &asked, Some(problem)).await
        }
    }
}

/// What was done, and by whom, stands in the log of users also where the fact names nobody.
pub(super) async fn note(admin: &Admin, visitor: &Visitor, what: String) {
    let did = Change::Did(what);
    let by = &visitor.user.name;
    if let Err(error) = admin.engine.note_of_user(by, by, did).await {
        tracing::warn!(%error, "It was not noted who did something.");
    }
}

/// What an answer of the API says that it did.
pub(super) async fn effect(answer: Response) -> String {
    let body = http_body_util::Limited::new(answer.into_body(), ANSWER_LENGTH_MAX);
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let read: Value = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    match read["effect"].as_str() {
        Some("nothing_to_do") => "nothing_to_do".to_owned(),
        _ => "done".to_owned(),
    }
}

pub(super) async fn act(
    deed: Deed,
    admin: &Admin,
    visitor: &Visitor,
    order: &str,
    fields: &Fields,
) -> Result<Response, Problem> {
    let by = visitor.user.name.clone();
    let state = State(admin.clone());
    let at = At(order.to_owned());
    let path = deed.path().replace("{order}", order);
    let ticket = Ticket::of_form(fields.get("once"), fields.digest(&path));
    let signed = |mut body: Map<String, Value>| {
        body.insert("by".to_owned(), json!(by));
        body
    };
    match deed {
        Deed::Hold => {
            let mut body = signed(fields.body(&["reason"]));
            let keeps = fields.get("keeps_claim").is_some();
            body.insert("keeps_claim".to_owned(), json!(keeps));
            orders::hold(state, at, Write::of(body, ticket)?).await
        }
        Deed::Release => {
            let ask = orders::Release {
                by: Some(by.clone()),
            };
            orders::release(state, at, Ask(ask), Write::of(Map::new(), ticket)?).await
        }
        Deed::Note => {
            let body = signed(fields.body(&["text"]));
            overview::note(state, at, Write::of(body, ticket)?).await
        }
        Deed::Cancel => {
            let body = fields.body(&["reason"]);
            orders::cancel(state, at, Write::of(body, ticket)?).await
        }
        Deed::Map => {
            let line = fields.get("line").unwrap_or_default();
            let line: u32 = line.parse().unwrap_or_default();
            let at = At((order.to_owned(), line));
            orders::map_line(state, at, Write::of(fields.body(&["sku"]), ticket)?).await
        }
        Deed::Ship => {
            let body = fields.body(&["carrier", "tracking_number", "tracking_url"]);
            orders::ship(state, at, Write::of(body, ticket)?).await
        }
        Deed::Return => {
            let body = signed(fields.body(&["reason", "note"]));
            aftersales::open_return(state, at, Write::of(body, ticket)?).await
        }
        Deed::Retry => {
            let intent = At(fields.whole("intent").to_owned());
            queues::retry_intent(state, intent, Write::of(Map::new(), ticket)?).await
        }
        Deed::Receive | Deed::Inspect => {
            let at = At((order.to_owned(), fields.whole("return").to_owned()));
            match deed {
                Deed::Receive => {
                    let body = signed(fields.body(&["location"]));
                    aftersales::receive(state, at, Write::of(body, ticket)?).await
                }
                _ => {
                    let body = signed(fields.body(&["verdict", "note"]));
                    aftersales::inspect(state, at, Write::of(body, ticket)?).await
                }
            }
        }
        Deed::Start | Deed::Pick | Deed::Pack | Deed::Label | Deed::HandOver | Deed::PutBack => {
            work(deed, state, order, fields, (ticket, signed(Map::new()))).await
        }
    }
}

/// A step of a task.
async fn work(
    deed: Deed,
    state: State<Admin>,
    order: &str,
    fields: &Fields,
    (ticket, mut body): (Ticket, Map<String, Value>),
) -> Result<Response, Problem> {
    let task = fields.whole("task").to_owned();
    let at = At((order.to_owned(), task.clone()));
    match deed {
        Deed::Pick => fulfillment::pick(state, at, Write::of(body, ticket)?).await,
        Deed::Pack => fulfillment::pack(state, at, Write::of(body, ticket)?).await,
        Deed::PutBack => fulfillment::put_back(state, at, Write::of(body, ticket)?).await,
        Deed::HandOver => {
            body.append(&mut fields.body(&["carrier", "tracking_number"]));
            fulfillment::hand_over(state, at, Write::of(body, ticket)?).await
        }
        Deed::Label => {
            let parcel = fields.get("parcel").unwrap_or_default();
            let parcel: u32 = parcel.parse().unwrap_or_default();
            body.append(&mut fields.body(&["carrier", "tracking_number"]));
            let at = At((order.to_owned(), task, parcel));
            fulfillment::label(state, at, Write::of(body, ticket)?).await
        }
        _ => fulfillment::open(state, At(order.to_owned()), Write::of(body, ticket)?).await,
    }
}
