//! What commands about documents ask and write.

use clap::Parser;
use serde_json::json;

use super::{Line, page, run};
use crate::exit::Exit;

const API: &str = "http://daemon:8081/api/v1";

fn receipt(effect: &str) -> (u16, serde_json::Value) {
    let document = json!({ "id": "doc_a", "number": "RE-2026-00001" });
    (201, json!({ "effect": effect, "document": document }))
}

/// A document, as far as these tests care: the answers that stand here are JSON.
fn drawn() -> (u16, serde_json::Value) {
    (200, json!("%PDF-1.7"))
}

#[tokio::test]
async fn an_invoice_is_issued_and_then_fetched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.pdf").display().to_string();
    for (effect, said) in [
        ("done", "RE-2026-00001 is issued"),
        (
            "nothing_to_do",
            "RE-2026-00001 was issued before, and stands",
        ),
    ] {
        let line = format!("orders|document|ord_a|--kind|invoice|--by|ann|--output|{file}");
        let ran = run(&line, &[receipt(effect), drawn()]).await;
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
        assert_eq!(
            ran.calls(),
            [
                format!("POST {API}/orders/ord_a/documents"),
                format!("GET {API}/documents/doc_a?format=pdf"),
            ]
        );
        assert_eq!(ran.body(0), json!({ "kind": "invoice", "by": "ann" }));
        assert_eq!(ran.text, format!("{said}: {file}\n"));
        let written = std::fs::read_to_string(&file).expect("it is written");
        assert_eq!(written, "\"%PDF-1.7\"");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_with_an_address_in_it_is_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.html").display().to_string();
    let line = format!("orders|document|ord_a|--number|RE/1|--format|html|--output|{file}");
    let ran = run(&line, &[drawn()]).await;
    assert_eq!(
        ran.calls(),
        [format!("GET {API}/documents/RE%2F1?format=html")]
    );
    let mode = std::fs::metadata(&file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_credit_note_has_the_currency_of_its_order() {
    let order = json!({ "total": { "amount": "10.00", "currency": "EUR" } });
    let line = "orders|document|ord_a|--kind|credit-note|--amount|2.50|--reason|a chip|--output|-";
    let ran = run(line, &[(200, order), receipt("done"), drawn()]).await;
    let body = json!({
        "kind": "credit_note", "reason": "a chip",
        "amount": { "amount": "2.50", "currency": "EUR" },
    });
    assert_eq!(ran.body(1), body);
    assert_eq!(ran.text, "\"%PDF-1.7\"", "nothing but the document");
}

#[tokio::test]
async fn a_credit_note_names_lines_or_a_refund() {
    for (said, body) in [
        (
            "--line|1=2|--line|3=0.5",
            json!({
                "kind": "credit_note", "reason": "back",
                "lines": [{ "line": 1, "units": "2" }, { "line": 3, "units": "0.5" }],
            }),
        ),
        (
            "--refund|int_a",
            json!({ "kind": "credit_note", "reason": "back", "refund": "int_a" }),
        ),
    ] {
        let line =
            format!("orders|document|ord_a|--kind|credit-note|{said}|--reason|back|--output|-");
        let ran = run(&line, &[receipt("done"), drawn()]).await;
        assert_eq!(ran.body(0), body);
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    }
}

#[tokio::test]
async fn what_has_no_number_is_drawn_from_the_order() {
    for (line, path) in [
        (
            "orders|document|ord_a|--kind|confirmation|--language|de|--output|-",
            "orders/ord_a/confirmation?format=pdf&language=de",
        ),
        (
            "orders|document|ord_a|--kind|packing-slip|--shipment|shp_1|--output|-",
            "orders/ord_a/packing-slip?format=pdf&shipment=shp_1",
        ),
        (
            "orders|pick-list|ord_a|ord_b|--by-order|--format|html|--output|-",
            "pick-list?orders=ord_a%2Cord_b&sequence=by_order&format=html",
        ),
    ] {
        let ran = run(line, &[drawn()]).await;
        assert_eq!(ran.calls(), [format!("GET {API}/{path}")]);
        assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    }
}

#[tokio::test]
async fn what_is_refused_writes_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.pdf");
    let problem = json!({ "code": "bad-document", "detail": "it differs by 0.10 EUR" });
    let line = format!(
        "orders|document|ord_a|--kind|confirmation|--output|{}",
        file.display()
    );
    let ran = run(&line, &[(409, problem)]).await;
    assert_eq!(ran.exit, Exit::Finding);
    assert!(!file.exists());
}

#[test]
fn what_would_be_passed_over_is_a_mistake() {
    for line in [
        &["orders", "document", "ord_a"][..],
        &["orders", "document", "ord_a", "--kind", "bill"][..],
        &[
            "orders", "document", "ord_a", "--kind", "invoice", "--number", "RE-1",
        ][..],
        &["orders", "pick-list"][..],
    ] {
        let words = std::iter::once("oneshelf").chain(line.iter().copied());
        assert!(Line::try_parse_from(words).is_err(), "{line:?}");
    }
}

#[tokio::test]
async fn an_order_shows_what_was_issued_for_it() {
    let order = json!({
        "id": "ord_a", "number": "17", "phase": "delivered",
        "documents": [
            {
                "id": "doc_a", "kind": "invoice", "number": "RE-1", "on": "2026-12-05",
                "total": { "amount": "10.00", "currency": "EUR" },
            },
            {
                "id": "doc_b", "kind": "credit_note", "number": "GS-1", "on": "2026-12-06",
                "total": { "amount": "2.50", "currency": "EUR" }, "corrects": "doc_a",
            },
        ],
    });
    let ran = run("orders|show|ord_a", &[(200, order), page(json!([]), None)]).await;
    let table = "\
DOCUMENT  KIND         DATE        TOTAL      CORRECTS
RE-1      invoice      2026-12-05  10.00 EUR  -
GS-1      credit_note  2026-12-06  2.50 EUR   RE-1
";
    assert!(ran.text.contains(table), "{}", ran.text);
}
