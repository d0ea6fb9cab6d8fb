//! Whole documents, in both forms.

mod arithmetic;
mod html;
mod pdf;

use proptest::prelude::*;

use crate::{samples, *};

/// Texts as they come from outside: any characters, and those that mean something to one of the forms.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[<>&\"'\\\\()/%\\n\\r\\t\u{0}\u{7f}\u{202e}\u{fffe} üñ€日😀\u{301}-]{0,60}",
        "\\PC{0,200}",
        "[a-z]{1,300}",
    ]
}

/// One of each kind with a text in all places that take one.
pub(crate) fn filled(text: &str) -> Vec<Document> {
    let mut documents = samples::all();
    for document in &mut documents {
        fill(document, text);
    }
    documents
}

fn fill(document: &mut Document, text: &str) {
    let own = || text.to_owned();
    document.number = format!("1{text}");
    document.footer = own();
    document.seller = Seller {
        name: format!("1{text}"),
        address: vec![own(); 3],
        country: own(),
        tax_ids: vec![
            TaxId {
                name: own(),
                number: own(),
            };
            2
        ],
        register: own(),
        bank: Some(Bank {
            name: own(),
            holder: own(),
            iban: own(),
            bic: own(),
        }),
        email: own(),
        phone: own(),
    };
    match &mut document.body {
        Body::OrderConfirmation(statement) | Body::Invoice(statement) => {
            fill_statement(statement, text);
        }
        Body::CreditNote(correction, statement) => {
            correction.invoice = format!("1{text}");
            correction.reason = own();
            fill_statement(statement, text);
        }
        Body::PackingSlip(packing) => {
            fill_address(&mut packing.ship_to, text);
            fill_references(&mut packing.references, text);
            for line in &mut packing.lines {
                (line.sku, line.title, line.unit) = (own(), own(), own());
            }
            for parcel in &mut packing.parcels {
                (parcel.carrier, parcel.tracking) = (own(), own());
            }
        }
        Body::PickList(picking) => {
            for order in &mut picking.orders {
                (order.order, order.channel, order.note) = (own(), own(), own());
                for pick in &mut order.picks {
                    (pick.location, pick.sku) = (own(), own());
                    (pick.title, pick.unit) = (own(), own());
                }
            }
        }
    }
}

fn fill_statement(statement: &mut Statement, text: &str) {
    let own = || text.to_owned();
    statement.buyer = Some(samples::buyer());
    fill_address(&mut statement.buyer, text);
    fill_address(&mut statement.bill_to, text);
    fill_references(&mut statement.references, text);
    (statement.buyer_tax_id, statement.terms, statement.tax_note) = (own(), own(), own());
    for line in &mut statement.lines {
        (line.sku, line.title, line.unit) = (own(), own(), own());
    }
    for line in &mut statement.taxes {
        line.name = own();
    }
}

fn fill_address(address: &mut Option<domain::snapshot::Address>, text: &str) {
    let address = address.as_mut().expect("the sample has one");
    let own = || text.to_owned();
    (address.name, address.company, address.street) = (own(), own(), vec![own(), own()]);
    (address.city, address.region) = (own(), own());
    (address.postal_code, address.country) = (own(), own());
}

fn fill_references(references: &mut References, text: &str) {
    let own = || text.to_owned();
    (references.order, references.channel) = (own(), own());
    (references.buyer_reference, references.note) = (own(), own());
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    for document in samples::all() {
        assert_eq!(to_html(&document), to_html(&document.clone()));
        assert_eq!(to_pdf(&document), to_pdf(&document.clone()));
    }
}

#[test]
fn debug_says_nothing_of_people() {
    let shown = format!("{:?}", samples::invoice());
    assert_eq!(shown, "Invoice(RE-2026-0042, …)");
}
