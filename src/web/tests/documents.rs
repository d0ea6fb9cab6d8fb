//! Documents are issued once, drawn in both forms, and kept from whoever should not see them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, Time,
    ids::SellerId,
    issuing::{Bank, Letterhead},
};
use engine::issuing::{Seller, Sellers};
use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{Answer, Rig, bearer, rig},
};

/// A seller in Berlin who sells on all accounts but `quiet`.
pub(super) fn sellers() -> Sellers {
    let main = SellerId::new("main");
    let seller = Seller {
        id: main.clone(),
        letterhead: Letterhead {
            name: "Töpferei Example".to_owned(),
            address: vec!["Ofenweg 1".to_owned(), "10115 Berlin".to_owned()],
            country: "DE".to_owned(),
            tax_ids: vec![(String::new(), "DE123456788".to_owned())],
            bank: Bank {
                iban: "DE89370400440532013000".to_owned(),
                ..Bank::default()
            },
            terms: "Pay soon".to_owned(),
            paper: "a4".to_owned(),
            language: "en".to_owned(),
            ..Letterhead::default()
        },
        zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"),
        due_days: Some(14),
        rates: vec!["19".parse().expect("a rate"), "7".parse().expect("a rate")],
        invoice: "RE/{year}/{number:04}".parse().expect("a format"),
        invoice_from: 1,
        credit_note: "GS-{number}".parse().expect("a format"),
        credit_note_from: 1,
    };
    let accounts = ["shop", "phone", "closed"];
    Sellers {
        all: BTreeMap::from([(main.clone(), seller)]),
        of: accounts
            .map(|account| (AccountId::new(account), main.clone()))
            .into(),
        languages: BTreeMap::new(),
    }
}

/// An order of two jugs that was entered, with a name that means something to a page.
fn order(reference: &str) -> Value {
    json!({
        "account": "phone",
        "reference": reference,
        "currency": "EUR",
        "lines": [{ "sku": "JUG", "title": "Krug <b>", "units": 2, "price": "5.95", "tax": "1.90" }],
        "tax": "1.90",
        "buyer": { "name": "Ada <script>alert(1)</script>", "email": "ada@example.com" },
        "ship_to": { "name": "Ada <script>alert(1)</script>", "street": ["High St 1"], "city": "Wien", "country": "AT" },
        "note": "",
        "by": "ann",
    })
}

async fn enter(rig: &Rig, reference: &str) -> String {
    let entered = rig.post("/api/v1/orders", order(reference)).await;
    let id = entered.json()["order"].as_str().map(str::to_owned);
    format!("/api/v1/orders/{}", id.expect("an order"))
}

/// Every route about documents, once.
pub(super) async fn issued_and_drawn(reader: &mut Reader) {
    reader.rig.stock("shop", "JUG", 5).await;
    let path = enter(&reader.rig, "doc-1").await;
    let documents = format!("{path}/documents");
    let invoice = json!({ "kind": "invoice", "by": "ann" });
    let receipt = reader.post(&documents, invoice.clone()).await;
    assert_eq!(receipt["effect"], "done", "{receipt}");
    let number = receipt["document"]["number"].as_str().expect("a number");
    assert!(number.starts_with("RE/") && number.ends_with("/0001"));
    assert_eq!(receipt["document"]["language"], "de", "it goes to Austria");
    let again = reader.post(&documents, invoice).await;
    assert_eq!(again["effect"], "nothing_to_do");
    assert_eq!(again["document"], receipt["document"]);
    let part = json!({
        "kind": "credit_note", "reason": "a chip", "by": "ann",
        "amount": { "amount": "2.00", "currency": "EUR" },
    });
    let credit = reader.post(&documents, part).await;
    assert_eq!(credit["document"]["number"], "GS-1");
    assert_eq!(credit["document"]["corrects"], number);
    assert_eq!(credit["document"]["tax"]["amount"], "0.31");
    let listed = reader.get(&documents).await;
    assert_eq!(listed["items"][0], receipt["document"]);
    assert_eq!(listed["items"][1], credit["document"]);
    let of_line = json!({
        "kind": "credit_note", "reason": "one came back", "lines": [{ "line": 1, "units": 1 }],
    });
    let credit = reader.post(&documents, of_line).await;
    assert_eq!(credit["document"]["total"]["amount"], "5.95");
    assert_eq!(credit["document"]["tax"]["amount"], "0.95");
    let shown = reader.get(&path).await;
    assert_eq!(shown["documents"][1]["number"], "GS-1");

    let id = receipt["document"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    reader
        .get(&format!("/api/v1/documents/{id}?format=html"))
        .await;
    reader
        .get(&format!("{path}/confirmation?format=html&language=es"))
        .await;
    reader
        .get(&format!("{path}/packing-slip?format=pdf&language=en"))
        .await;
    let order = path.rsplit('/').next().expect("an id").to_owned();
    reader
        .get(&format!(
            "/api/v1/pick-list?orders={order}&sequence=by_order&format=html&language=de"
        ))
        .await;
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_default()
}

#[tokio::test]
async fn what_is_drawn_is_kept_by_nobody_and_runs_nothing() {
    let rig = rig().await;
    let path = enter(&rig, "doc-1").await;
    let issued = rig
        .post(&format!("{path}/documents"), json!({ "kind": "invoice" }))
        .await
        .json();
    let number = issued["document"]["number"].as_str().expect("a number");
    let by_number = format!("/api/v1/documents/{}", number.replace('/', "%2F"));

    let pdf = rig.get(&by_number).await;
    assert_eq!(pdf.status, 200, "{}", pdf.text);
    assert_eq!(header(&pdf, "content-type"), "application/pdf");
    assert!(pdf.text.starts_with("%PDF-"));
    let name = format!(
        "attachment; filename=\"invoice-{}.pdf\"",
        number.replace('/', "-")
    );
    assert_eq!(header(&pdf, "content-disposition"), name);

    let accept = ("accept", "text/html,*/*;q=0.8");
    let page = rig.ask("GET", &by_number, None, &[bearer(), accept]).await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert!(header(&page, "content-disposition").starts_with("inline; filename=\"invoice-"));
    for answer in [&pdf, &page] {
        assert_eq!(header(answer, "cache-control"), "no-store");
        assert_eq!(header(answer, "x-content-type-options"), "nosniff");
    }
    let policy = header(&page, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    let style = page
        .text
        .split("<style>")
        .nth(1)
        .and_then(|rest| rest.split("</style>").next());
    assert_eq!(style, Some(documents::style(documents::Paper::A4).as_str()));
    assert!(!page.text.contains("<script>") && page.text.contains("Ada &lt;script&gt;"));
    assert!(
        page.text.contains("11,90") && page.text.contains("Rechnung"),
        "{}",
        page.text
    );
    assert_eq!(
        rig.get(&by_number).await.text,
        pdf.text,
        "it says the same again"
    );

    let without = rig.ask("GET", &by_number, None, &[]).await;
    assert_eq!(without.status, 401);
}

#[tokio::test]
async fn a_credit_note_lists_what_is_taken_back_and_nothing_but_that() {
    let rig = rig().await;
    let path = enter(&rig, "doc-lines").await;
    rig.post(&format!("{path}/documents"), json!({ "kind": "invoice" }))
        .await;
    let one = json!({ "kind": "credit_note", "reason": "a jug came back", "lines": [{ "line": 1, "units": 1 }] });
    let credit = rig.post(&format!("{path}/documents"), one).await.json();
    let number = credit["document"]["number"].as_str().expect("a number");
    let page = rig
        .get(&format!("/api/v1/documents/{number}?format=html"))
        .await;
    assert!(
        page.text.contains("Krug") && page.text.contains("5,95"),
        "{}",
        page.text
    );
    assert!(page.text.contains("0,95"), "its tax");
    for (body, code) in [
        (
            json!({ "kind": "invoice", "lines": [{ "line": 1, "units": 1 }] }),
            "bad-body",
        ),
        (
            json!({ "kind": "credit_note", "reason": "r", "refund": "int" }),
            "bad-parameter",
        ),
        (
            json!({ "kind": "credit_note", "reason": "r", "lines": [{ "line": 1, "units": 2 }] }),
            "bad-document",
        ),
        (
            json!({ "kind": "credit_note", "reason": "r", "lines": [{ "line": 7, "units": 1 }] }),
            "bad-document",
        ),
    ] {
        let answer = rig.post(&format!("{path}/documents"), body).await;
        assert_eq!(answer.json()["code"], code, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_document_says_the_same_when_its_order_is_changed_or_forgotten() {
    let rig = rig().await;
    let path = enter(&rig, "doc-1").await;
    rig.post(&format!("{path}/documents"), json!({ "kind": "invoice" }))
        .await;
    let listed = rig.get(&format!("{path}/documents")).await.json();
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    let drawn = format!("/api/v1/documents/{id}?format=html");
    let before = rig.get(&drawn).await.text;
    assert!(before.contains("High St 1") && before.contains("Pay soon"));

    let mut other = order("doc-1");
    other["lines"][0]["units"] = json!(3);
    other["lines"][0]["tax"] = json!("2.85");
    (other["tax"], other["replaces"]) = (json!("2.85"), json!(true));
    other["ship_to"]["street"] = json!(["Low St 2"]);
    let replaced = rig.post("/api/v1/orders", other).await;
    assert_eq!(replaced.json()["effect"], "done", "{}", replaced.text);
    assert_eq!(rig.get(&drawn).await.text, before);

    let gone = json!({ "reason": "no" });
    rig.post(&format!("{path}/cancel"), gone).await;
    let erased = rig
        .post(&format!("{path}/erasure"), json!({ "by": "ada" }))
        .await;
    assert_eq!(erased.status, 202, "{}", erased.text);
    let order = rig.get(&path).await.json();
    assert_eq!(order["ship_to"], Value::Null);
    assert!(order["erasure"]["done_at"].is_string(), "{order}");
    assert_eq!(rig.get(&drawn).await.text, before, "the law wants it kept");

    // Until its own time is over.
    rig.engine
        .forget_recipients_before(Time::EPOCH)
        .await
        .expect("it is done");
    assert_eq!(rig.get(&drawn).await.text, before);

    // A credit note is for whom its invoice was for.
    let back = json!({ "kind": "credit_note", "reason": "canceled" });
    let credit = rig.post(&format!("{path}/documents"), back).await;
    assert_eq!(credit.status, 201, "{}", credit.text);
    let credit = credit.json();
    let number = credit["document"]["number"].as_str().expect("a number");
    let page = rig
        .get(&format!("/api/v1/documents/{number}?format=html"))
        .await;
    assert!(page.text.contains("High St 1"), "{}", page.text);
    assert!(page.text.contains("canceled"), "it says why");
    assert!(!page.text.contains("Pay soon"), "nobody has to pay it");

    rig.engine
        .forget_recipients_before(Time::END)
        .await
        .expect("it is done");
    let after = rig.get(&drawn).await;
    assert_eq!(after.status, 200);
    assert!(!after.text.contains("High St 1") && !after.text.contains("Ada"));
    assert!(after.text.contains("11,90"), "its figures stay");
    let range = store::Range::default();
    let left = rig
        .engine
        .store
        .scan(engine::rows::RECIPIENTS, range, 10)
        .await;
    assert_eq!(left.expect("it is read"), []);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is refused")]
async fn what_cannot_be_issued_or_drawn_has_a_code() {
    let rig = rig().await;
    rig.stock("quiet", "CUP", 5).await;
    let elsewhere = rig.order("quiet", "q-1", &[("CUP", 1)]).await;
    let path = enter(&rig, "doc-1").await;
    let none = "0000000000000000000000000000000a";
    let documents = format!("{path}/documents");
    let credit = |amount: &str| {
        json!({
            "kind": "credit_note", "reason": "r", "amount": { "amount": amount, "currency": "EUR" },
        })
    };
    let cases: Vec<(&str, String, Value, u16, &str)> = vec![
        ("POST", documents.clone(), json!({}), 400, "bad-body"),
        (
            "POST",
            documents.clone(),
            json!({ "kind": "bill" }),
            400,
            "bad-body",
        ),
        (
            "POST",
            documents.clone(),
            json!({ "kind": "credit_note" }),
            400,
            "bad-body",
        ),
        (
            "POST",
            documents.clone(),
            json!({ "kind": "invoice", "reason": "r" }),
            400,
            "bad-body",
        ),
        (
            "POST",
            documents.clone(),
            json!({ "kind": "invoice", "language": "fr" }),
            400,
            "bad-body",
        ),
        (
            "POST",
            documents.clone(),
            credit("1.00"),
            409,
            "bad-document",
        ),
        (
            "POST",
            format!("/api/v1/orders/ord_{none}/documents"),
            json!({ "kind": "invoice" }),
            404,
            "no-order",
        ),
        (
            "POST",
            format!("/api/v1/orders/{elsewhere}/documents"),
            json!({ "kind": "invoice" }),
            409,
            "bad-document",
        ),
        (
            "GET",
            format!("/api/v1/orders/{elsewhere}/confirmation"),
            Value::Null,
            409,
            "bad-document",
        ),
        (
            "GET",
            "/api/v1/documents/RE-9".into(),
            Value::Null,
            404,
            "no-document",
        ),
        (
            "GET",
            format!("/api/v1/documents/doc_{none}"),
            Value::Null,
            404,
            "no-document",
        ),
        (
            "GET",
            format!("{path}/confirmation?format=docx"),
            Value::Null,
            400,
            "bad-parameter",
        ),
        (
            "GET",
            format!("{path}/confirmation?language=fr"),
            Value::Null,
            400,
            "bad-parameter",
        ),
        (
            "GET",
            format!("{path}/packing-slip?shipment=shp_{none}"),
            Value::Null,
            404,
            "no-shipment",
        ),
        (
            "GET",
            "/api/v1/pick-list?orders=".into(),
            Value::Null,
            400,
            "bad-parameter",
        ),
        (
            "GET",
            format!("/api/v1/pick-list?orders=ord_{none}"),
            Value::Null,
            404,
            "no-order",
        ),
    ];
    for (method, path, body, status, code) in cases {
        let body = Some(body).filter(|body| !body.is_null());
        let answer = rig.ask(method, &path, body.clone(), &[bearer()]).await;
        let said = (answer.status, answer.json()["code"].clone());
        let at = format!("{method} {path} {body:?}: {}", answer.text);
        assert_eq!(said, (status, json!(code)), "{at}");
    }
    rig.post(&documents, json!({ "kind": "invoice" })).await;
    let beyond = rig.post(&documents, credit("11.91")).await;
    assert_eq!(beyond.json()["code"], "bad-document");
    assert!(
        beyond.text.contains("only 11.90 EUR of invoice RE/"),
        "{}",
        beyond.text
    );
}

/// Many ask at once, some of them twice: each order has one invoice, and the numbers are 1, 2, 3 and so on.
#[tokio::test]
async fn invoices_that_are_issued_at_once_have_no_gap_and_no_double() {
    const ORDERS: usize = 40;
    let rig = rig().await;
    let mut paths = Vec::new();
    for at in 0..ORDERS {
        paths.push(enter(&rig, &format!("doc-{at}")).await);
    }
    let mut asking = tokio::task::JoinSet::new();
    for path in paths.iter().chain(&paths) {
        let (admin, path) = (rig.admin.clone(), format!("{path}/documents"));
        asking.spawn(async move {
            let (name, token) = bearer();
            let request = axum::http::Request::post(path)
                .header(name, token)
                .header("content-type", "application/json")
                .body(axum::body::Body::from(r#"{"kind":"invoice"}"#));
            super::rig::answer(&admin, request.expect("a request")).await
        });
    }
    let mut issued = 0;
    while let Some(answer) = asking.join_next().await {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 201, "{}", answer.text);
        issued += usize::from(answer.json()["effect"] == "done");
    }
    assert_eq!(issued, ORDERS);
    let mut numbers = BTreeSet::new();
    for path in &paths {
        let listed = rig.get(&format!("{path}/documents")).await.json();
        let items = listed["items"].as_array().expect("a list").clone();
        assert_eq!(items.len(), 1, "{listed}");
        let number = items[0]["number"].as_str().expect("a number");
        let number = number.rsplit('/').next().expect("its last part");
        numbers.insert(number.parse::<usize>().expect("a number"));
    }
    assert!(numbers.into_iter().eq(1..=ORDERS));
    let found = engine::doctor::examine(rig.engine.store.as_ref()).await;
    assert_eq!(found.expect("it is looked over").sentences, [""; 0]);
}
