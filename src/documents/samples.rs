//! Documents of a made-up shop, for tests.

use domain::{Currency, Decimal, Money, snapshot::Address};
use jiff::civil::date;

use crate::*;

pub(crate) fn euros(minor: i64) -> Money {
    money(minor, "EUR")
}

pub(crate) fn money(minor: i64, currency: &str) -> Money {
    let currency = Currency::new(currency).expect("a currency");
    Money::from_minor(minor, currency).expect("in range")
}

pub(crate) fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

pub(crate) fn seller() -> Seller {
    Seller {
        name: "Müller & Söhne Keramik GmbH".to_owned(),
        address: vec!["Töpfergasse 7".to_owned(), "50667 Köln".to_owned()],
        country: "DE".to_owned(),
        tax_ids: vec![
            TaxId {
                name: String::new(),
                number: "DE000000000".to_owned(),
            },
            TaxId {
                name: "Steuernummer".to_owned(),
                number: "000/0000/0000".to_owned(),
            },
        ],
        register: "Amtsgericht Köln, HRB 00000".to_owned(),
        bank: Some(Bank {
            name: "Beispielbank".to_owned(),
            holder: "Müller & Söhne Keramik GmbH".to_owned(),
            iban: "DE00 0000 0000 0000 0000 00".to_owned(),
            bic: "XXXXDE00XXX".to_owned(),
        }),
        email: "shop@example.com".to_owned(),
        phone: "+49 221 000000".to_owned(),
    }
}

pub(crate) fn buyer() -> Address {
    Address {
        name: "Íñigo Núñez Peña".to_owned(),
        company: "Cerámica Núñez S.L.".to_owned(),
        street: vec!["Calle del Ejemplo 12, 3.º B".to_owned()],
        city: "Alcalá de Henares".to_owned(),
        region: "Madrid".to_owned(),
        postal_code: "28801".to_owned(),
        country: "ES".to_owned(),
        phone: "+34 900 000 000".to_owned(),
    }
}

pub(crate) fn references() -> References {
    References {
        order: "1001".to_owned(),
        channel: "Shopify · eu-shop".to_owned(),
        ordered_on: Some(date(2026, 12, 3)),
        buyer_reference: "PO-77".to_owned(),
        note: "Bitte gut verpacken!\nDanke.".to_owned(),
    }
}

/// Prices with tax: 3 bowls, glaze by weight at another rate, shipping and a voucher.
pub(crate) fn statement() -> Statement {
    Statement {
        currency: Currency::new("EUR").expect("a currency"),
        prices: Prices::WithTax,
        buyer: None,
        bill_to: Some(buyer()),
        ship_to: Some(Address {
            name: "Lager Nord".to_owned(),
            street: vec!["Musterweg 1".to_owned()],
            city: "Hamburg".to_owned(),
            postal_code: "20095".to_owned(),
            country: "DE".to_owned(),
            ..Address::default()
        }),
        buyer_tax_id: "ESX0000000X".to_owned(),
        references: references(),
        supplied_on: Some(date(2026, 12, 4)),
        lines: lines(),
        shipping: Some(euros(590)),
        discount: Some(euros(2_473)),
        taxes: taxes(),
        tax: euros(19_303),
        total: euros(123_456),
        paid: euros(100_000),
        due_on: Some(date(2026, 12, 19)),
        terms: "14 Tage ohne Abzug.".to_owned(),
        tax_note: String::new(),
    }
}

fn lines() -> Vec<Line> {
    let line = |position, sku: &str, title: &str, quantity, unit: &str| Line {
        position,
        sku: sku.to_owned(),
        title: title.to_owned(),
        quantity: number(quantity),
        unit: unit.to_owned(),
        unit_price: None,
        discount: None,
        total: euros(0),
        tax_rate: Some(number("19")),
    };
    vec![
        Line {
            unit_price: Some(euros(45_000)),
            discount: Some(euros(15_000)),
            total: euros(120_000),
            ..line(
                1,
                "BOWL-L",
                "Große Schüssel „Señorita“, handbemalt, 38 cm",
                "3",
                "",
            )
        },
        Line {
            unit_price: Some(euros(1_299)),
            total: euros(4_339),
            tax_rate: Some(number("7")),
            ..line(2, "GLAZE", "Glasur <weiß>, lose", "3.34", "kg")
        },
        Line {
            total: euros(1_000),
            ..line(3, "", "Geschenkverpackung", "3", "")
        },
    ]
}

fn taxes() -> Vec<TaxLine> {
    vec![
        TaxLine {
            name: String::new(),
            rate: Some(number("19")),
            net: euros(100_098),
            tax: euros(19_019),
            gross: euros(119_117),
        },
        TaxLine {
            name: String::new(),
            rate: Some(number("7")),
            net: euros(4_055),
            tax: euros(284),
            gross: euros(4_339),
        },
    ]
}

pub(crate) fn document(body: Body) -> Document {
    Document {
        number: "RE-2026-0042".to_owned(),
        date: date(2026, 12, 5),
        language: Language::De,
        paper: Paper::A4,
        seller: seller(),
        footer: "Vielen Dank für Ihren Einkauf.".to_owned(),
        body,
    }
}

pub(crate) fn invoice() -> Document {
    document(Body::Invoice(statement()))
}

pub(crate) fn credit_note() -> Document {
    let correction = Correction {
        invoice: "RE-2026-0041".to_owned(),
        date: Some(date(2026, 12, 1)),
        reason: "Eine Schüssel kam zerbrochen an.".to_owned(),
    };
    let mut part = statement();
    part.lines.drain(..2);
    part.shipping = None;
    part.discount = None;
    part.taxes = vec![TaxLine {
        name: String::new(),
        rate: Some(number("19")),
        net: euros(840),
        tax: euros(160),
        gross: euros(1_000),
    }];
    part.tax = euros(160);
    part.total = euros(1_000);
    part.paid = euros(0);
    part.due_on = None;
    part.terms = String::new();
    document(Body::CreditNote(correction, part))
}

pub(crate) fn packing_slip() -> Document {
    let line = |position, sku: &str, title: &str, ordered, quantity, unit: &str| PackedLine {
        position,
        sku: sku.to_owned(),
        title: title.to_owned(),
        ordered: Some(number(ordered)),
        quantity: number(quantity),
        unit: unit.to_owned(),
    };
    let parcel = |tracking: &str, weight_g| Parcel {
        carrier: "DHL".to_owned(),
        tracking: tracking.to_owned(),
        weight_g: Some(weight_g),
    };
    document(Body::PackingSlip(Packing {
        ship_to: Some(buyer()),
        references: references(),
        lines: vec![
            line(
                1,
                "BOWL-L",
                "Große Schüssel „Señorita“, handbemalt, 38 cm",
                "3",
                "2",
                "",
            ),
            line(2, "GLAZE", "Glasur <weiß>, lose", "3.34", "3.34", "kg"),
        ],
        parcels: vec![
            parcel("JJD000390000000001", 4_250),
            parcel("JJD000390000000002", 3_700),
        ],
    }))
}

pub(crate) fn pick_list(sequence: Sequence) -> Document {
    let pick = |location: &str, sku: &str, title: &str, quantity, unit: &str| Pick {
        location: location.to_owned(),
        sku: sku.to_owned(),
        title: title.to_owned(),
        quantity: number(quantity),
        unit: unit.to_owned(),
    };
    let order = |order: &str, channel: &str, note: &str, picks| PickOrder {
        order: order.to_owned(),
        channel: channel.to_owned(),
        ship_by: Some(date(2026, 12, 7)),
        note: note.to_owned(),
        picks,
    };
    document(Body::PickList(Picking {
        sequence,
        orders: vec![
            order(
                "1001",
                "Shopify",
                "Als Geschenk einpacken",
                vec![
                    pick("B-02-1", "BOWL-L", "Große Schüssel „Señorita“", "3", ""),
                    pick("A-01-4", "GLAZE", "Glasur, lose", "3.34", "kg"),
                ],
            ),
            order(
                "1002",
                "eBay",
                "",
                vec![
                    pick("A-01-4", "GLAZE", "Glasur, lose", "0.5", "kg"),
                    pick("", "CUP", "Becher", "12", ""),
                ],
            ),
        ],
    }))
}

/// An invoice of so many lines of one euro each, without tax.
pub(crate) fn long_invoice(lines: u32) -> Document {
    let mut long = statement();
    long.lines = (1..=lines)
        .map(|position| Line {
            position,
            sku: format!("SKU-{position:05}"),
            title: format!("Artikel Nummer {position}"),
            quantity: number("1"),
            unit: String::new(),
            unit_price: Some(euros(100)),
            discount: None,
            total: euros(100),
            tax_rate: None,
        })
        .collect();
    long.taxes = Vec::new();
    long.tax = euros(0);
    long.shipping = None;
    long.discount = None;
    long.total = euros(100 * i64::from(lines));
    long.paid = euros(0);
    document(Body::Invoice(long))
}

/// One of each kind.
pub(crate) fn all() -> Vec<Document> {
    vec![
        document(Body::OrderConfirmation(statement())),
        invoice(),
        credit_note(),
        packing_slip(),
        pick_list(Sequence::ByOrder),
        pick_list(Sequence::ByLocation),
    ]
}
