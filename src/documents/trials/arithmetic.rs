//! Documents whose amounts do not fit together are refused, with the difference.

use crate::{
    samples::{self, euros, money, number},
    *,
};

/// What is said of the sample invoice after a change: the part and by how many minor units it differs.
fn difference(change: impl FnOnce(&mut Statement)) -> Option<(Part, i64)> {
    match refusal(change) {
        None => None,
        Some(Error::Differs(difference)) => Some((difference.part, difference.by.minor())),
        Some(other) => panic!("{other}"),
    }
}

fn refusal(change: impl FnOnce(&mut Statement)) -> Option<Error> {
    let mut statement = samples::statement();
    change(&mut statement);
    let document = samples::document(Body::Invoice(statement));
    let html = to_html(&document).err();
    assert_eq!(to_pdf(&document).err(), html, "both forms refuse the same");
    html
}

#[test]
fn the_samples_are_right() {
    for document in samples::all() {
        assert_eq!(to_html(&document).err(), None, "{document:?}");
    }
}

#[test]
fn one_minor_unit_too_much_is_found_and_named() {
    type Change = fn(&mut Statement);
    let rows: [(Change, Part, i64); 10] = [
        (|s| s.total = euros(123_457), Part::Total, 1),
        (|s| s.total = euros(123_455), Part::Total, -1),
        (|s| s.shipping = Some(euros(591)), Part::Total, -1),
        (|s| s.discount = Some(euros(2_474)), Part::Total, 1),
        (|s| s.lines[2].total = euros(1_001), Part::Total, -1),
        (|s| s.lines[0].total = euros(120_001), Part::Line(1), 1),
        (|s| s.lines[0].discount = None, Part::Line(1), -15_000),
        (|s| s.tax = euros(19_304), Part::Tax, 1),
        (|s| s.taxes[1].gross = euros(4_340), Part::TaxGross(2), 1),
        (
            |s| {
                s.taxes[0].net = euros(100_099);
                s.taxes[0].gross = euros(119_118);
            },
            Part::TaxedTotal,
            -1,
        ),
    ];
    for (change, part, by) in rows {
        assert_eq!(difference(change), Some((part.clone(), by)), "{part}");
    }
}

#[test]
fn a_line_may_be_rounded_either_way_and_no_further() {
    // 3.34 kg at 12.99 are 43.3866.
    for (minor, wanted) in [
        (4_337, Some((Part::Line(2), -1))),
        (4_338, None),
        (4_339, None),
        (4_340, Some((Part::Line(2), 2))),
    ] {
        let found = difference(|statement| {
            statement.lines[1].total = euros(minor);
            // What the line has less, another one has more.
            statement.lines[2].total = euros(1_000 + 4_339 - minor);
        });
        assert_eq!(found, wanted, "{minor}");
    }
}

#[test]
fn a_tax_that_its_rate_does_not_make_is_refused() {
    let swapped = difference(|statement| {
        statement.taxes[0].rate = Some(number("7"));
        statement.taxes[1].rate = Some(number("19"));
    });
    // 7% of 1000.98 are 70.06.
    assert_eq!(swapped, Some((Part::TaxAtRate(1), 19_019 - 7_006)));
    // Some channels round the tax of each unit: 3 + 4 + 3 units, and 2 for the order.
    let by_unit = |cents: i64| {
        difference(move |statement| {
            statement.taxes[0].tax = euros(19_019 + cents);
            statement.taxes[0].net = euros(100_098 - cents);
            statement.tax = euros(19_303 + cents);
        })
    };
    assert_eq!(by_unit(10), None);
    assert_eq!(by_unit(-10), None);
    assert!(matches!(by_unit(15), Some((Part::TaxAtRate(1), _))));
    assert!(matches!(by_unit(-15), Some((Part::TaxAtRate(1), _))));
}

#[test]
fn prices_before_tax_have_it_added() {
    let before = |total| {
        difference(move |statement| {
            statement.prices = Prices::BeforeTax;
            statement.lines.truncate(1);
            statement.lines[0].unit_price = None;
            statement.lines[0].discount = None;
            statement.lines[0].total = euros(10_000);
            statement.shipping = Some(euros(500));
            statement.discount = Some(euros(1_000));
            statement.taxes.truncate(1);
            statement.taxes[0].net = euros(9_500);
            statement.taxes[0].tax = euros(1_805);
            statement.taxes[0].gross = euros(11_305);
            statement.tax = euros(1_805);
            statement.total = euros(total);
        })
    };
    assert_eq!(before(11_305), None);
    assert_eq!(before(9_500), Some((Part::Total, -1_805)));
}

#[test]
fn what_is_no_amount_of_the_document_is_refused() {
    let yen = money(100, "JPY");
    let found = refusal(|statement| statement.lines[0].total = yen);
    assert!(
        matches!(
            found,
            Some(Error::Currency {
                part: Part::Line(1),
                ..
            })
        ),
        "{found:?}"
    );
    let found = refusal(|statement| statement.paid = yen);
    assert!(
        matches!(
            found,
            Some(Error::Currency {
                part: Part::Paid,
                ..
            })
        ),
        "{found:?}"
    );
    let found = refusal(|statement| statement.discount = Some(euros(-1)));
    assert!(
        matches!(
            found,
            Some(Error::Negative {
                part: Part::Discount,
                ..
            })
        ),
        "{found:?}"
    );
    let found = refusal(|statement| statement.lines[2].tax_rate = Some(number("16")));
    assert!(
        matches!(found, Some(Error::NoTaxLine { position: 3, .. })),
        "{found:?}"
    );
    // 19 and 19.0 are one rate.
    let coarse = domain::Quantity::of(190).to_decimal(1);
    assert_eq!(
        refusal(|statement| statement.lines[2].tax_rate = Some(coarse)),
        None
    );
}

#[test]
fn numbers_too_large_to_compute_with_are_refused_without_a_panic() {
    let most = domain::Decimal::whole(i64::MAX);
    let largest = euros(1_000_000_000_000_000);
    let found = refusal(|statement| statement.lines[0].quantity = most);
    assert!(
        matches!(found, Some(Error::Range(Part::Line(1)))),
        "{found:?}"
    );
    let found = refusal(|statement| statement.taxes[0].rate = Some(most));
    assert!(matches!(found, Some(Error::NoTaxLine { .. })), "{found:?}");
    let found = refusal(|statement| {
        statement.lines[2].total = largest;
        statement.lines[1].total = largest;
        statement.lines[1].unit_price = None;
    });
    assert!(
        matches!(found, Some(Error::Range(Part::Total))),
        "{found:?}"
    );
    let found = refusal(|statement| {
        statement.lines[0].unit_price = Some(largest);
        statement.lines[0].quantity = most;
    });
    assert!(
        matches!(found, Some(Error::Range(Part::Line(1)))),
        "{found:?}"
    );
}

#[test]
fn what_gives_a_document_its_meaning_must_be_there() {
    let mut nameless = samples::packing_slip();
    nameless.seller.name = " ".to_owned();
    assert_eq!(
        to_html(&nameless),
        Err(Error::Missing("the name of the seller"))
    );
    let mut numberless = samples::invoice();
    numberless.number = String::new();
    assert_eq!(to_pdf(&numberless), Err(Error::Missing("the number")));
    let mut of_nothing = samples::credit_note();
    if let Body::CreditNote(correction, _) = &mut of_nothing.body {
        correction.invoice = String::new();
    }
    assert!(matches!(to_html(&of_nothing), Err(Error::Missing(_))));
    let lines = u32::try_from(LINES_MAX).expect("it is small") + 1;
    assert_eq!(
        to_html(&samples::long_invoice(lines)),
        Err(Error::TooManyLines(LINES_MAX + 1))
    );
}

#[test]
fn the_words_of_a_refusal_name_the_difference() {
    let found = refusal(|statement| statement.total = euros(123_457));
    assert_eq!(
        found.map(|error| error.to_string()).as_deref(),
        Some(
            "the total is said to be 1234.57 EUR, and its parts make 1234.56 EUR, which differs by \
             0.01 EUR: correct one of them"
        )
    );
}
