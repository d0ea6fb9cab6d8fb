//! Amounts as channels tell them, and what is billed of them.

use std::collections::BTreeSet;

use super::*;
use crate::{
    AccountId, ExternalId, IdSource, Quantity, Time,
    ids::OrderId,
    order::{Amounts, Counters},
    payment::Pays,
    snapshot::{Standing, Version},
};

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::new("EUR").unwrap()).unwrap()
}

fn rates(texts: &[&str]) -> Vec<Decimal> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn line(number: u32, units: i32, total: i64, tax: i64) -> Line {
    Line {
        number,
        external_id: ExternalId::new(number.to_string()),
        channel_sku: Some("MUG".to_owned()),
        listing: None,
        title: "A mug".to_owned(),
        item: None,
        scale: 0,
        counters: Counters {
            ordered: Quantity::of(units),
            ..Counters::default()
        },
        subtracted: Quantity::ZERO,
        priced: None,
        total: eur(total),
        tax: eur(tax),
        requires_shipping: true,
        left_from: BTreeMap::new(),
        owed: None,
        gave_up: Quantity::ZERO,
    }
}

/// An order of lines (units, total, tax), and shipping, discount, tax and total.
fn order(lines: &[(i32, i64, i64)], sides: (i64, i64, i64, i64)) -> Order {
    let (shipping, discount, tax, total) = sides;
    let lines = lines.iter().zip(1..);
    Order {
        id: OrderId::next(&mut IdSource::new(Time::EPOCH, [1; 16])),
        account: AccountId::new("web"),
        external_id: ExternalId::new("1"),
        number: "1".to_owned(),
        version: Version {
            revision: 1,
            changed_at: Time::EPOCH,
        },
        fingerprint: 0,
        placed_at: Time::EPOCH,
        accepted_at: Time::EPOCH,
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: BTreeMap::new(),
        currency: Currency::new("EUR").unwrap(),
        total: eur(total),
        refunded: eur(0),
        amounts: Some(Amounts {
            shipping: eur(shipping),
            discount: eur(discount),
            tax: eur(tax),
        }),
        payments: Vec::new(),
        pays: Pays::Before,
        destination: None,
        erasure: None,
        bill_country: None,
        alike: Vec::new(),
        tags: BTreeSet::new(),
        priority: 0,
        route: None,
        routed_by: None,
        runs: Vec::new(),
        ship_by: None,
        promised_by: None,
        deliver_by: None,
        risk: None,
        lines: lines
            .map(|((units, total, tax), number)| line(number, *units, *total, *tax))
            .collect(),
        holds: Vec::new(),
        tasks: Vec::new(),
        not_found_at: BTreeSet::new(),
        shipments: Vec::new(),
        returns: Vec::new(),
        documents: Vec::new(),
        expired_at: None,
        closed_at: None,
        unplaced_by: None,
        notes: 0,
        timeline_length: 0,
    }
}

/// `19: 10000+1900`, and `?` where no rate is known.
fn told(bill: &Bill) -> String {
    let part = |part: &TaxPart| {
        let rate = part.rate.map_or("?".to_owned(), |rate| rate.to_string());
        format!("{rate}: {}+{}", part.net.minor(), part.tax.minor())
    };
    let parts: Vec<String> = bill.taxes.iter().map(part).collect();
    parts.join(", ")
}

#[test]
fn the_reading_that_fits_is_taken() {
    use Prices::{BeforeTax, WithTax};
    for (what, lines, sides, prices, discount) in [
        (
            "tax within",
            (2, 11900, 1900),
            (0, 0, 1900, 11900),
            WithTax,
            None,
        ),
        (
            "tax on top",
            (2, 10000, 1900),
            (0, 0, 1900, 11900),
            BeforeTax,
            None,
        ),
        (
            "discount in the line",
            (2, 11900, 1900),
            (0, 500, 1900, 11900),
            WithTax,
            None,
        ),
        (
            "discount beside it",
            (2, 12400, 1900),
            (0, 500, 1900, 11900),
            WithTax,
            Some(500),
        ),
        (
            "both beside",
            (2, 10500, 1900),
            (0, 500, 1900, 11900),
            BeforeTax,
            Some(500),
        ),
        (
            "shipping",
            (2, 11410, 1822),
            (490, 0, 1900, 11900),
            WithTax,
            None,
        ),
        ("no tax", (2, 11900, 0), (0, 0, 0, 11900), WithTax, None),
    ] {
        let order = order(&[lines], sides);
        let bill = Bill::of(&order, false, &rates(&["19"])).unwrap();
        let read = (bill.prices, bill.discount.map(Money::minor));
        assert_eq!(read, (prices, discount), "{what}");
        assert_eq!(bill.total, order.total, "{what}");
    }
    // What was entered here has its discount beside the lines, whatever else would fit.
    let entered = order(&[(1, 1500, 0)], (0, 500, 500, 1500));
    assert!(Bill::of(&entered, true, &[]).is_err());
    assert!(Bill::of(&entered, false, &[]).is_ok());
}

#[test]
fn what_does_not_add_up_is_refused_with_the_difference() {
    let order = order(&[(2, 10000, 1900)], (490, 0, 1900, 12400));
    let refused = Bill::of(&order, false, &[]).unwrap_err().to_string();
    assert!(refused.contains("make 104.90 EUR"), "{refused}");
    assert!(refused.contains("its total is 124.00 EUR"), "{refused}");
    assert!(refused.contains("differs by 0.10 EUR"), "{refused}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what amounts say")]
fn a_rate_is_told_where_it_follows_and_left_out_where_not() {
    let german = rates(&["19", "7", "0"]);
    let none = rates(&[]);
    for (what, rates, lines, sides, wanted) in [
        (
            "exact",
            &none,
            vec![(1, 11900, 1900)],
            (0, 0, 1900, 11900),
            "19: 10000+1900",
        ),
        (
            "rounded",
            &none,
            vec![(1, 999, 160)],
            (0, 0, 160, 999),
            "?: 839+160",
        ),
        (
            "rounded, and charged",
            &german,
            vec![(1, 999, 160)],
            (0, 0, 160, 999),
            "19: 839+160",
        ),
        (
            "a chance",
            &none,
            vec![(1, 30, 5)],
            (0, 0, 5, 30),
            "?: 25+5",
        ),
        (
            "not charged",
            &german,
            vec![(1, 12100, 2100)],
            (0, 0, 2100, 12100),
            "?: 10000+2100",
        ),
        (
            "two rates and shipping",
            &german,
            vec![(1, 11900, 1900), (2, 2140, 140)],
            (490, 0, 2118, 14530),
            "19: 10412+1978, 7: 2000+140",
        ),
        (
            "free of tax",
            &german,
            vec![(1, 11900, 1900), (1, 5000, 0)],
            (0, 0, 1900, 16900),
            "19: 10000+1900, 0: 5000+0",
        ),
        (
            "only the sum is told",
            &german,
            vec![(1, 11900, 0)],
            (0, 0, 1900, 11900),
            "19: 10000+1900",
        ),
        (
            "a discount from what?",
            &german,
            vec![(1, 11900, 1900), (1, 10700, 700)],
            (0, 1130, 2470, 21470),
            "?: 19000+2470",
        ),
        (
            "each unit rounded",
            &german,
            vec![(9, 297, 45)],
            (0, 0, 45, 297),
            "19: 252+45",
        ),
        (
            "too small to say",
            &german,
            vec![(9, 27, 0), (1, 2, 1)],
            (0, 0, 1, 29),
            "0: 27+0, ?: 1+1",
        ),
    ] {
        let order = order(&lines, sides);
        let bill = Bill::of(&order, sides.1 > 0, rates).unwrap();
        assert_eq!(told(&bill), wanted, "{what}");
        let gross: i64 = bill.taxes.iter().map(|tax| tax.gross.minor()).sum();
        assert_eq!(gross, bill.total.minor(), "{what}");
    }
}

#[test]
fn lines_are_for_the_units_that_their_price_is_for() {
    let mut edited = order(&[(3, 1000, 0)], (0, 0, 0, 1000));
    edited.lines[0].priced = Some(Quantity::of(2));
    let bill = Bill::of(&edited, false, &[]).unwrap();
    assert_eq!(bill.lines[0].quantity, Decimal::whole(2));
    assert_eq!(bill.lines[0].unit_price, Some(eur(500)));
    edited.lines[0].priced = None;
    let bill = Bill::of(&edited, false, &[]).unwrap();
    assert_eq!(bill.lines[0].unit_price, None, "a third of ten euros");
    // A line that was taken out costs nothing where the total says so.
    let mut removed = order(&[(1, 1000, 0), (1, 700, 0)], (0, 0, 0, 1000));
    removed.lines[1].counters.canceled = Quantity::of(1);
    let bill = Bill::of(&removed, false, &[]).unwrap();
    assert_eq!(bill.lines.len(), 1);
}

#[test]
fn what_was_paid_is_what_came() {
    for (payment, paid) in [
        (PaymentState::Paid, Some(1000)),
        (PaymentState::PartRefunded, Some(1000)),
        (PaymentState::Refunded, Some(1000)),
        (PaymentState::Pending, Some(0)),
        (PaymentState::Authorized, Some(0)),
        (PaymentState::Voided, Some(0)),
        (PaymentState::PartPaid, None),
        (PaymentState::Unmapped("odd".to_owned()), None),
    ] {
        let mut order = order(&[(1, 1000, 0)], (0, 0, 0, 1000));
        order.payment = payment.clone();
        let bill = Bill::of(&order, false, &[]);
        let said = bill.as_ref().ok().map(|bill| bill.paid.minor());
        assert_eq!(said, paid, "{payment:?}");
        assert!(said.is_some() || bill == Err(BillRefusal::PaidUnknown));
    }
}

/// Units of lines.
fn units(asked: &[(u32, i64)]) -> Vec<(u32, Decimal)> {
    let asked = asked.iter();
    asked
        .map(|(line, units)| (*line, Decimal::whole(*units)))
        .collect()
}

/// What a credit lists: line, units, amount and tax.
fn listed(credit: &Bill) -> Vec<(Option<u32>, i64, i64, i64)> {
    let minor = |amount: Option<Money>| amount.map_or(0, Money::minor);
    let lines = credit.lines.iter();
    lines
        .map(|line| {
            let units = line.quantity.to_whole().unwrap_or_default();
            (line.line, units, line.total.minor(), minor(line.tax))
        })
        .collect()
}

/// What a credit says fits together, as its document is checked.
fn assert_sound(credit: &Bill) {
    let lines: i64 = credit.lines.iter().map(|line| line.total.minor()).sum();
    assert_eq!(lines, credit.total.minor());
    let tax: i64 = credit.taxes.iter().map(|part| part.tax.minor()).sum();
    assert_eq!(tax, credit.tax.minor());
    let gross: i64 = credit.taxes.iter().map(|part| part.gross.minor()).sum();
    assert!(credit.taxes.is_empty() || gross == credit.total.minor());
    for part in &credit.taxes {
        assert_eq!(part.net.minor() + part.tax.minor(), part.gross.minor());
        assert!(part.net.minor() >= 0 && part.tax.minor() >= 0, "{part:?}");
    }
}

/// Three mugs and a book, at two rates, and shipping.
fn two_rates() -> Bill {
    let order = order(&[(3, 1000, 160), (1, 535, 35)], (490, 0, 273, 2025));
    Bill::of(&order, false, &rates(&["19", "7"])).unwrap()
}

#[test]
fn units_that_are_taken_back_one_by_one_make_what_the_bill_says() {
    let bill = two_rates();
    let mut credits: Vec<Bill> = Vec::new();
    let mut mugs = Vec::new();
    for _ in 0..3 {
        let before: Vec<&Bill> = credits.iter().collect();
        let credit = bill.credit_units(&before, &units(&[(1, 1)]), (None, "back"), eur(0));
        let credit = credit.unwrap();
        assert_sound(&credit);
        mugs.extend(listed(&credit));
        credits.push(credit);
    }
    let expected = [
        (Some(1), 1, 333, 53),
        (Some(1), 1, 333, 53),
        (Some(1), 1, 334, 54),
    ];
    assert_eq!(mugs, expected, "ten euros with 1.60 of tax");
    let before: Vec<&Bill> = credits.iter().collect();
    let again = bill.credit_units(&before, &units(&[(1, 1)]), (None, "back"), eur(0));
    let left = Decimal::ZERO;
    assert_eq!(again, Err(credit::Beyond::Units { line: 1, left }));
    // The rest of it: the book and the shipping.
    let rest = bill.credit(&before, None, "rest", eur(0)).unwrap();
    assert_eq!(rest.total, eur(1025));
    let all: i64 = before.iter().map(|credit| credit.tax.minor()).sum();
    assert_eq!(all + rest.tax.minor(), bill.tax.minor());
}

#[test]
fn an_amount_beside_units_is_shared_out_or_has_a_line_of_its_own() {
    let bill = two_rates();
    let both = units(&[(1, 3), (2, 1)]);
    for (amount, expected) in [
        // What they cost.
        (None, vec![(Some(1), 3, 1000, 160), (Some(2), 1, 535, 35)]),
        // A goodwill: less than that.
        (Some(300), vec![(Some(1), 3, 195, 31), (Some(2), 1, 105, 6)]),
        // With the shipping.
        (
            Some(2025),
            vec![
                (Some(1), 3, 1000, 160),
                (Some(2), 1, 535, 35),
                (None, 1, 490, 0),
            ],
        ),
    ] {
        let amount = amount.map(eur);
        let credit = bill.credit_units(&[], &both, (amount, "all of it"), eur(0));
        let credit = credit.unwrap();
        assert_sound(&credit);
        assert_eq!(listed(&credit), expected, "{amount:?}");
        if amount == Some(bill.total) {
            assert_eq!(credit.taxes, bill.taxes);
        }
    }
    let beyond = bill.credit_units(&[], &both, (Some(eur(2026)), "more"), eur(0));
    assert_eq!(beyond, Err(credit::Beyond::Left(bill.total)));
    let unknown = bill.credit_units(&[], &units(&[(7, 1)]), (None, "none"), eur(0));
    assert_eq!(unknown, Err(credit::Beyond::NoLine(7)));
    let nothing = bill.credit_units(&[], &units(&[(1, 0)]), (None, "none"), eur(0));
    assert_eq!(nothing, Err(credit::Beyond::NotPositive));
}

#[test]
fn units_have_their_part_of_a_discount_and_of_a_tax_that_is_only_known_as_a_sum() {
    // Net prices, a discount beside the lines, and 19 % of tax on all of it.
    let order = order(&[(2, 2000, 0), (1, 1000, 0)], (0, 300, 513, 3213));
    let bill = Bill::of(&order, false, &rates(&["19"])).unwrap();
    assert_eq!(bill.prices, Prices::BeforeTax);
    let one = bill.credit_units(&[], &units(&[(1, 1)]), (None, "back"), eur(0));
    let one = one.unwrap();
    assert_sound(&one);
    assert_eq!(one.total, eur(1071), "9.00 with 19 %");
    assert_eq!(one.taxes[0].rate, "19".parse().ok());
    let other = bill.credit_units(&[&one], &units(&[(1, 1), (2, 1)]), (None, "back"), eur(0));
    let other = other.unwrap();
    assert_sound(&other);
    assert_eq!(one.total.minor() + other.total.minor(), bill.total.minor());
    assert_eq!(one.tax.minor() + other.tax.minor(), bill.tax.minor());
}
