//! Documents: issued, listed, and drawn as PDF or HTML.
//!
//! What is drawn is full of what orders say of people: it is kept by nobody on its way, and a page may load and run
//! nothing.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use documents::{Body, Document, Language, Paper, Sequence};
use domain::{
    Money, Time,
    decide::{Refusal, Verdict},
    fact::Event,
    ids::OrderId,
    issuing::{Kind, standing_invoice},
    signal::Signal,
};
use engine::{
    decider::Done,
    issuing::Wish,
    views::{self, documents::DocumentView},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Admin,
    orders::{LineUnits, SOMEBODY, few},
};
use crate::{
    ask::{Ask, At, bad_parameter, id},
    problem::{self, Problem},
    write::{Write, once, optional_text, text},
};

/// The most orders on one pick list.
const PICKED_MAX: usize = 200;
/// The longest name of a file.
const FILE_NAME_LENGTH_MAX: usize = 80;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDocument {
    kind: Kind,
    amount: Option<Money>,
    #[serde(default)]
    lines: Vec<LineUnits>,
    refund: Option<String>,
    reason: Option<String>,
    language: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormQuery {
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrawQuery {
    format: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlipQuery {
    format: Option<String>,
    language: Option<String>,
    shipment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PickQuery {
    orders: String,
    sequence: Option<String>,
    format: Option<String>,
    language: Option<String>,
}

/// What issuing did.
#[derive(Serialize)]
struct DocumentReceipt {
    effect: &'static str,
    at: Time,
    document: DocumentView,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    At(order): At<String>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    let items = views::documents::of_order(&admin.engine, order).await?;
    let items = items.ok_or(Refusal::NoOrder(order))?;
    Ok(Json(json!({ "items": items, "next": null })).into_response())
}

pub(crate) async fn issue(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewDocument>,
) -> Result<Response, Problem> {
    let order: OrderId = id("order", &order)?;
    let asked = write.body;
    let by = optional_text("by", asked.by)?;
    let language = asked.language.as_deref().map(|word| {
        let read = word.parse::<Language>();
        read.map_err(|error| bad_body("language", error))
    });
    let wish = Wish {
        kind: asked.kind,
        amount: asked.amount,
        lines: few(asked.lines)?
            .into_iter()
            .map(|LineUnits { line, units }| (line, units.0))
            .collect(),
        refund: asked
            .refund
            .as_deref()
            .map(|of| id("refund", of))
            .transpose()?,
        reason: match (asked.kind, asked.reason) {
            (Kind::CreditNote, Some(reason)) => text("reason", reason)?,
            (Kind::CreditNote, None) => return Err(bad_body("reason", "a credit note says why")),
            (Kind::Invoice, Some(_)) => {
                return Err(bad_body("reason", "an invoice has none: leave it out"));
            }
            (Kind::Invoice, None) => String::new(),
        },
        language: language.transpose()?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    for (path, is_said) in [
        ("amount", wish.amount.is_some()),
        ("lines", !wish.lines.is_empty()),
        ("refund", wish.refund.is_some()),
    ] {
        if wish.kind == Kind::Invoice && is_said {
            let detail = "an invoice is over all of the order: leave it out";
            return Err(bad_body(path, detail));
        }
    }
    once(
        &admin,
        write.ticket,
        StatusCode::CREATED,
        move |engine, rows| async move {
            let command = engine.to_issue(order, wish).await?;
            let done = engine
                .decide_alongside(Signal::Command(command), rows)
                .await?;
            receipt(&done, order, engine.ports.clock.now())
        },
    )
    .await
}

fn bad_body(path: &str, detail: impl std::fmt::Display) -> Problem {
    Problem::new(&problem::BAD_BODY, format!("{path}: {detail}")).with("path", path)
}

/// The document that was issued, or the invoice that stands.
fn receipt(done: &Done, order: OrderId, at: Time) -> Result<DocumentReceipt, Problem> {
    let mut facts = done.book.facts.iter();
    let issued = facts.find_map(|fact| match &fact.event {
        Event::DocumentIssued { document, .. } => Some(*document),
        _ => None,
    });
    let entries = done.book.orders.get(&order).map(|order| &order.documents);
    let standing = || standing_invoice(entries?).map(|entry| entry.id);
    let document = issued.or_else(standing);
    let document = document.and_then(|id| done.book.documents.get(&id));
    let document = document
        .ok_or_else(|| Problem::new(&problem::STORAGE, "the document that was issued is gone"))?;
    Ok(DocumentReceipt {
        effect: match done.verdict {
            Verdict::New => "done",
            Verdict::Duplicate | Verdict::Stale | Verdict::Nothing => "nothing_to_do",
        },
        at,
        document: DocumentView::of(document),
    })
}

pub(crate) async fn issued(
    State(admin): State<Admin>,
    At(name): At<String>,
    Ask(ask): Ask<FormQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::of(ask.format.as_deref(), &headers)?;
    let found = views::documents::find(&admin.engine, &name).await?;
    let found = found.ok_or_else(|| {
        let short: String = name.chars().take(60).collect();
        let detail = format!("nothing was issued under `{short}`");
        Problem::new(&problem::NO_DOCUMENT, detail).with("document", short)
    })?;
    let document = views::documents::draw(&admin.engine, &found).await?;
    drawn(document, form).await
}

pub(crate) async fn confirmation(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<DrawQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::of(ask.format.as_deref(), &headers)?;
    let (order, language) = (id("order", &order)?, language(ask.language.as_deref())?);
    let document = views::documents::confirmation(&admin.engine, order, language).await?;
    drawn(document, form).await
}

pub(crate) async fn packing_slip(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<SlipQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::of(ask.format.as_deref(), &headers)?;
    let (order, language) = (id("order", &order)?, language(ask.language.as_deref())?);
    let shipment = ask.shipment.map(|text| id("shipment", &text)).transpose()?;
    let engine = &admin.engine;
    let document = views::documents::packing_slip(engine, order, shipment, language).await?;
    drawn(document, form).await
}

pub(crate) async fn pick_list(
    State(admin): State<Admin>,
    Ask(ask): Ask<PickQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::of(ask.format.as_deref(), &headers)?;
    let language = language(ask.language.as_deref())?;
    let mut known = BTreeSet::new();
    let mut orders: Vec<OrderId> = Vec::new();
    for text in ask.orders.split(',').filter(|text| !text.is_empty()) {
        let order = id("orders", text.trim())?;
        if known.insert(order) {
            orders.push(order);
        }
    }
    if orders.is_empty() || orders.len() > PICKED_MAX {
        let detail = format!("name 1 to {PICKED_MAX} orders, with commas between them");
        return Err(bad_parameter("orders", detail));
    }
    let sequence = match ask.sequence.as_deref() {
        None | Some("by_location") => Sequence::ByLocation,
        Some("by_order") => Sequence::ByOrder,
        Some(_) => return Err(bad_parameter("sequence", "write by_order or by_location")),
    };
    let engine = &admin.engine;
    let document = views::documents::pick_list(engine, &orders, sequence, language).await?;
    drawn(document, form).await
}

fn language(word: Option<&str>) -> Result<Option<Language>, Problem> {
    let read = word.map(str::parse::<Language>).transpose();
    read.map_err(|error| bad_parameter("language", error))
}

/// The form in which a document is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Pdf,
    Html,
}

impl Form {
    /// What is said, or else what is accepted best, or else a PDF.
    fn of(said: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
        match said {
            Some("pdf") => Ok(Form::Pdf),
            Some("html") => Ok(Form::Html),
            Some(_) => Err(bad_parameter("format", "write pdf or html")),
            None => Ok(Form::accepted(headers)),
        }
    }

    fn accepted(headers: &HeaderMap) -> Form {
        let accept = headers.get_all(header::ACCEPT).iter();
        let accept: Vec<&str> = accept.filter_map(|value| value.to_str().ok()).collect();
        let weight = |kind: &str| {
            let parts = accept.iter().flat_map(|value| value.split(','));
            let of_kind = parts.filter_map(|part| {
                let mut words = part.split(';').map(str::trim);
                let is_it = words.next()?.eq_ignore_ascii_case(kind);
                is_it.then(|| thousandths(words.find_map(|word| word.strip_prefix("q="))))
            });
            of_kind.max()
        };
        let of = |kind| weight(kind).or(weight("*/*")).unwrap_or(0);
        if of("text/html") > of("application/pdf") {
            Form::Html
        } else {
            Form::Pdf
        }
    }
}

/// A quality value of RFC 9110, in thousandths.
fn thousandths(quality: Option<&str>) -> u16 {
    let Some(quality) = quality else { return 1000 };
    let (whole, fraction) = quality.split_once('.').unwrap_or((quality, ""));
    let digits = format!("{whole}{fraction:0<3}");
    digits.parse().map_or(0, |weight: u16| weight.min(1000))
}

/// A document as an answer. Drawing may take a while, and keeps nobody else waiting.
async fn drawn(document: Document, form: Form) -> Result<Response, Problem> {
    let (name, paper) = (file_name(&document), document.paper);
    let draw = move || match form {
        Form::Pdf => documents::to_pdf(&document),
        Form::Html => documents::to_html(&document).map(String::into_bytes),
    };
    let drawn = tokio::task::spawn_blocking(draw).await;
    let drawn = drawn.map_err(|_| Problem::new(&problem::STORAGE, "the drawing was cut off"))?;
    let bytes = drawn.map_err(|error| Problem::new(&problem::BAD_DOCUMENT, error.to_string()))?;
    let (kind, disposition) = match form {
        Form::Pdf => (
            "application/pdf",
            format!("attachment; filename=\"{name}.pdf\""),
        ),
        Form::Html => (
            "text/html; charset=utf-8",
            format!("inline; filename=\"{name}.html\""),
        ),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::CONTENT_DISPOSITION, plain(&disposition));
    headers.insert(header::CONTENT_SECURITY_POLICY, plain(&policy(paper)));
    Ok((headers, bytes).into_response())
}

fn plain(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("it is made of ASCII that can be seen")
}

/// Nothing is fetched, run, framed or sent from a page; its one style sheet is known by its hash.
fn policy(paper: Paper) -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(documents::style(paper)));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; sandbox"
    )
}

/// `invoice-RE-2026-00042`: letters, digits, `-`, `_` and `.`, whatever a channel calls its orders.
fn file_name(document: &Document) -> String {
    let kind = match &document.body {
        Body::OrderConfirmation(_) => "confirmation",
        Body::Invoice(_) => "invoice",
        Body::CreditNote(..) => "credit-note",
        Body::PackingSlip(_) => "packing-slip",
        Body::PickList(_) => "pick-list",
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let number = document.number.chars().take(FILE_NAME_LENGTH_MAX);
    let number: String = number.map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("{kind}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_what_is_said_or_accepted_best() {
        use Form::{Html, Pdf};
        for (accept, form) in [
            ("", Pdf),
            ("*/*", Pdf),
            ("text/html", Html),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Html),
            ("application/pdf, text/html;q=0.9", Pdf),
            ("application/pdf;q=0.5, text/html;q=0.9", Html),
            ("text/html;q=0", Pdf),
            ("application/json", Pdf),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Form::of(None, &headers).unwrap(), form, "{accept}");
            assert_eq!(Form::of(Some("html"), &headers).unwrap(), Html);
        }
        assert!(Form::of(Some("docx"), &HeaderMap::new()).is_err());
    }
}
