//! A pack for a dispute: all that is known of an order, dated, in files that anybody can read.
//!
//! It says when and by which version it was made, that all times are UTC, and a SHA-256 of each of its files, so
//! that whoever gets it can see that nothing was changed since. It tells of people, because a dispute is about
//! them: it goes to whoever asked and is kept nowhere.

use std::fmt::Write as _;

use domain::{Time, ids::OrderId, snapshot::Address};
use ring::digest;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    StoreError,
    orders::{self, OrderDetail, ShipmentView},
    timeline::{self, TimelineEntry},
    words,
};
use crate::Engine;

/// In which zone all times of a pack are.
const TIME_ZONE: &str = "UTC";

/// The pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Of which order.
    pub order: OrderId,
    /// The number that people know it by.
    pub number: String,
    /// When it was made.
    pub made_at: Time,
    /// Who had it made.
    pub made_by: String,
    /// By which version.
    pub version: String,
    /// In which zone its times are.
    pub time_zone: &'static str,
    /// What is in it, the index first.
    pub files: Vec<EvidenceFile>,
}

/// One file of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceFile {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The SHA-256 of its text in UTF-8, in hexadecimal.
    pub sha256: String,
    /// All of it.
    pub text: String,
}

impl std::fmt::Debug for EvidenceFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvidenceFile({}, …)", self.name)
    }
}

impl EvidenceFile {
    fn new(name: &'static str, about: &'static str, text: String) -> EvidenceFile {
        let mut sha256 = String::new();
        for byte in digest::digest(&digest::SHA256, text.as_bytes()).as_ref() {
            write!(sha256, "{byte:02x}").expect("a string takes all");
        }
        EvidenceFile {
            name,
            about,
            sha256,
            text,
        }
    }
}

/// Makes the pack of an order. Nothing when there is no such order.
pub async fn pack(
    engine: &Engine,
    id: OrderId,
    made_by: String,
    version: &str,
) -> Result<Option<Evidence>, StoreError> {
    let Some(order) = orders::detail(engine, id).await? else {
        return Ok(None);
    };
    let timeline = timeline::whole(engine, id).await?;
    let made = Made {
        at: engine.ports.clock.now(),
        by: made_by,
        version: version.to_owned(),
    };
    Ok(Some(write_up(&order, &timeline, made)))
}

struct Made {
    at: Time,
    by: String,
    version: String,
}

fn write_up(order: &OrderDetail, timeline: &[TimelineEntry], made: Made) -> Evidence {
    let pretty = |value: &Value| {
        let text = serde_json::to_string_pretty(value).expect("only text keys");
        format!("{text}\n")
    };
    let value = |thing: serde_json::Result<Value>| thing.expect("only text keys");
    let whole = value(serde_json::to_value(order));
    let entries = value(serde_json::to_value(timeline));
    let attempts: Vec<&TimelineEntry> = timeline
        .iter()
        .filter(|one| one.attempt.is_some())
        .collect();
    let money = json!({
        "total": order.summary.total, "refunded": order.summary.refunded, "payment": order.payment,
        "amounts": order.amounts, "payments": order.payments,
    });
    let sent = json!({ "shipments": order.shipments, "returns": order.returns });
    let tried = json!({ "intents": order.intents, "attempts": attempts });
    let files = vec![
        EvidenceFile::new(
            "order.html",
            "everything, to be read",
            page(order, timeline, &made),
        ),
        EvidenceFile::new(
            "order.json",
            "the order, its people and notes, the channel's own words",
            pretty(&whole),
        ),
        EvidenceFile::new(
            "timeline.json",
            "everything that happened, the oldest first",
            pretty(&entries),
        ),
        EvidenceFile::new(
            "parcels.json",
            "what was sent, where it was when, what came back",
            pretty(&sent),
        ),
        EvidenceFile::new("money.json", "what was paid and given back", pretty(&money)),
        EvidenceFile::new(
            "channel.json",
            "what was to be done on the channel, each try and its answer",
            pretty(&tried),
        ),
    ];
    let index = EvidenceFile::new("index.txt", "what is in here", index(order, &made, &files));
    Evidence {
        order: order.summary.id,
        number: order.summary.number.clone(),
        made_at: made.at,
        made_by: made.by,
        version: made.version,
        time_zone: TIME_ZONE,
        files: std::iter::once(index).chain(files).collect(),
    }
}

fn index(order: &OrderDetail, made: &Made, files: &[EvidenceFile]) -> String {
    let summary = &order.summary;
    let mut text = format!(
        "Evidence for order {} ({}) of {}\n\nMade at {} by {}, with Oneshelf {}. All times are {TIME_ZONE}.\nThe order \
         became known at {}; its id on the channel is {}.\n",
        summary.number,
        summary.id,
        summary.account,
        made.at,
        made.by,
        made.version,
        summary.accepted_at,
        summary.external_id,
    );
    if let Some(done) = order.erasure.as_ref().and_then(|erasure| erasure.done_at) {
        text.push_str(&format!(
            "What it said of people was erased at {done}, and is not in here.\n"
        ));
    }
    text.push_str("\nFiles, with the SHA-256 of each:\n\n");
    for file in files {
        text.push_str(&format!(
            "{}  {}\n    {}\n",
            file.sha256, file.name, file.about
        ));
    }
    text
}

/// A page that needs nothing else.
struct Html(String);

impl Html {
    fn heading(&mut self, text: &str) {
        self.0.push_str(&format!("<h2>{}</h2>\n", escape(text)));
    }

    fn paragraph(&mut self, text: &str) {
        self.0.push_str(&format!("<p>{}</p>\n", escape(text)));
    }

    fn table(&mut self, heads: &[&str], rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            return self.paragraph("None.");
        }
        self.0.push_str("<table>\n<tr>");
        for head in heads {
            self.0.push_str(&format!("<th>{}</th>", escape(head)));
        }
        self.0.push_str("</tr>\n");
        for row in rows {
            let cells: String = row
                .iter()
                .map(|cell| format!("<td>{}</td>", escape(cell)))
                .collect();
            self.0.push_str(&format!("<tr>{cells}</tr>\n"));
        }
        self.0.push_str("</table>\n");
    }
}

/// Texts come from buyers and channels, so none of them is markup.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push_str("<br>"),
            other => safe.push(other),
        }
    }
    safe
}

fn said<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn page(order: &OrderDetail, timeline: &[TimelineEntry], made: &Made) -> String {
    let summary = &order.summary;
    let title = format!(
        "Evidence for order {} of {}",
        summary.number, summary.account
    );
    let mut html = Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>\nbody {{ \
         font-family: sans-serif; max-width: 60em; margin: 2em auto; }}\ntable {{ border-collapse: collapse; \
         }}\nth, td {{ border: 1px solid #999; padding: 0.3em 0.6em; text-align: left; vertical-align: top; \
         }}\n</style>\n</head>\n<body>\n<h1>{}</h1>\n",
        escape(&title),
        escape(&title),
    ));
    html.paragraph(&format!(
        "Made at {} by {}, with Oneshelf {}. All times are {TIME_ZONE}.",
        made.at, made.by, made.version
    ));
    about(&mut html, order);
    sent(&mut html, order);
    money(&mut html, order);
    html.heading("What was to be done on the channel, and each try");
    let tries = timeline.iter().filter_map(|one| one.attempt.as_ref());
    let tries = tries.map(|one| {
        let note = &one.note;
        vec![
            one.intent.to_string(),
            note.at.to_string(),
            note.request.clone(),
            note.result.clone(),
        ]
    });
    html.table(&["Intent", "At", "What", "Answer"], tries.collect());
    html.heading("Notes of staff");
    let notes = order.notes.iter();
    let notes = notes.map(|note| vec![note.at.to_string(), note.by.clone(), note.text.0.clone()]);
    html.table(&["At", "By", "Note"], notes.collect());
    html.heading("Everything that happened, the oldest first");
    let rows = timeline
        .iter()
        .map(|one| vec![one.at.to_string(), one.kind.to_owned(), one.text.clone()]);
    html.table(&["At", "About", "What"], rows.collect());
    html.0.push_str("</body>\n</html>\n");
    html.0
}

fn about(html: &mut Html, order: &OrderDetail) {
    let summary = &order.summary;
    html.heading("The order");
    let pair = |name: &str, value: String| vec![name.to_owned(), value];
    let address = |one: Option<&Address>| one.map_or_else(|| "-".to_owned(), Address::line);
    html.table(
        &["", ""],
        vec![
            pair("Number", summary.number.clone()),
            pair("Id", summary.id.to_string()),
            pair("Id on the channel", summary.external_id.to_string()),
            pair("Account", summary.account.to_string()),
            pair("Placed", summary.placed_at.to_string()),
            pair("Became known", summary.accepted_at.to_string()),
            pair("Phase", summary.phase.word().to_owned()),
            pair("On the channel", order.standing.to_owned()),
            pair("Buyer", order.buyer.line()),
            pair("Sent to", address(order.ship_to.as_ref())),
            pair("Billed to", address(order.bill_to.as_ref())),
            pair("What the buyer wrote", order.note.clone()),
        ],
    );
    if let Some(done) = order.erasure.as_ref().and_then(|erasure| erasure.done_at) {
        html.paragraph(&format!("What it said of people was erased at {done}."));
    }
    html.heading("What was bought");
    let lines = order.lines.iter().map(|line| {
        let counters = &line.counters;
        vec![
            line.number.to_string(),
            said(line.sku.as_ref()),
            line.title.clone(),
            counters.ordered.to_string(),
            counters.canceled.to_string(),
            counters.shipped.to_string(),
            counters.delivered.to_string(),
            counters.returned.to_string(),
            line.total.to_string(),
        ]
    });
    let heads = [
        "Line", "SKU", "Title", "Ordered", "Canceled", "Left", "Arrived", "Returned", "Price",
    ];
    html.table(&heads, lines.collect());
    html.heading("The channel's own words");
    let own = order
        .words
        .iter()
        .map(|(name, word)| vec![name.clone(), word.clone()]);
    html.table(&["Name", "Word"], own.collect());
}

fn units(parcel: &ShipmentView) -> String {
    let parts = parcel
        .lines
        .iter()
        .map(|part| format!("line {}: {}", part.line, part.units));
    parts.collect::<Vec<_>>().join(", ")
}

fn sent(html: &mut Html, order: &OrderDetail) {
    html.heading("Parcels");
    let parcels = order.shipments.iter().map(|parcel| {
        vec![
            parcel.id.to_string(),
            parcel.shipped_at.to_string(),
            units(parcel),
            said(parcel.carrier.as_ref()),
            said(parcel.tracking_number.as_ref()),
            said(parcel.tracking_url.as_ref()),
        ]
    });
    html.table(
        &["Parcel", "Left", "What", "Carrier", "Number", "Follow it"],
        parcels.collect(),
    );
    html.heading("Where parcels were, and when");
    let events = order.shipments.iter().flat_map(|parcel| {
        parcel.events.iter().map(|event| {
            vec![
                parcel.id.to_string(),
                event.at.to_string(),
                event.state.word().to_owned(),
                said(event.place.as_ref()),
                event.by.clone(),
            ]
        })
    });
    html.table(
        &["Parcel", "At", "State", "Where", "Told by"],
        events.collect(),
    );
    html.heading("Returns");
    let returns = order.returns.iter().flat_map(|back| {
        back.lines.iter().map(|part| {
            vec![
                back.id.to_string(),
                back.opened_at.to_string(),
                back.reason.word().to_owned(),
                part.line.to_string(),
                part.advised.to_string(),
                part.received.to_string(),
                said(back.closed_at.as_ref()),
            ]
        })
    });
    html.table(
        &[
            "Return",
            "Opened",
            "Because",
            "Line",
            "Announced",
            "Came",
            "Closed",
        ],
        returns.collect(),
    );
}

fn money(html: &mut Html, order: &OrderDetail) {
    html.heading("Money");
    let summary = &order.summary;
    html.paragraph(&format!(
        "Total {}, given back {}, payment {}.",
        summary.total, summary.refunded, order.payment
    ));
    let payments = order.payments.iter().map(|payment| {
        let (step, method) = (
            words::payment_step(payment.step),
            words::payment_method(payment.method),
        );
        vec![
            payment.at.to_string(),
            format!("{} {step} {method}", payment.amount),
            payment.reference.clone(),
            payment.by.clone(),
        ]
    });
    html.table(&["At", "What", "Reference", "By"], payments.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_buyer_is_markup() {
        let mut html = Html(String::new());
        html.table(
            &["<b>"],
            vec![vec![
                "<script>alert('x')</script>\nline \"two\" & more".to_owned(),
            ]],
        );
        assert_eq!(
            html.0,
            "<table>\n<tr><th>&lt;b&gt;</th></tr>\n<tr><td>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;<br>line \
             &quot;two&quot; &amp; more</td></tr>\n</table>\n"
        );
    }

    #[test]
    fn a_file_says_the_sha_256_of_its_text_and_is_not_printed() {
        let file = EvidenceFile::new("a.txt", "a text", "abc".to_owned());
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file.sha256, known);
        assert_eq!(format!("{file:?}"), "EvidenceFile(a.txt, …)");
    }
}
