//! Whatever can be billed can be printed: what the rules of orders hold to fit together fits for what draws it.

use domain::{
    Currency, Decimal,
    billing::{BillRefusal, credit::Beyond},
    issuing::Kind,
};
use serde_json::json;

use super::*;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        let roll = i64::try_from(self.0 >> 33).expect("31 bits");
        roll % bound
    }

    fn is_one_of(&mut self, of: i64) -> bool {
        self.below(of) == 0
    }
}

fn money(minor: i64) -> Money {
    Money::from_minor(minor, Currency::new("EUR").expect("one")).expect("an amount")
}

/// The tax within or on top of an amount, rounded by line or by unit as channels do.
fn tax_of(dice: &mut Dice, amount: i64, rate: i64, units: i64, is_within: bool) -> i64 {
    let of = |amount: i64| match is_within {
        true => (amount * rate * 2 + 100 + rate) / (2 * (100 + rate)),
        false => (amount * rate * 2 + 100) / 200,
    };
    match dice.is_one_of(2) && amount % units == 0 {
        true => of(amount / units) * units,
        false => of(amount),
    }
}

/// An order as a channel might tell it; now and then one that does not add up.
fn order(dice: &mut Dice) -> Order {
    let is_within = dice.is_one_of(2);
    let (mut lines, mut sum, mut tax) = (Vec::new(), 0, 0);
    for number in 1..=1 + dice.below(6) {
        let units = 1 + dice.below(12);
        let total = dice.below(30_000) * if dice.is_one_of(2) { units } else { 1 };
        let rate = [19, 7, 0, 21].get(usize::try_from(dice.below(4)).expect("small"));
        let of_line = tax_of(dice, total, *rate.expect("one of four"), units, is_within);
        sum += total;
        tax += of_line;
        let told = if dice.is_one_of(5) { 0 } else { of_line };
        lines.push(json!({
            "number": number, "external_id": number.to_string(), "channel_sku": "MUG", "listing": null,
            "title": "A mug", "item": null, "scale": 0, "subtracted": 0, "requires_shipping": true,
            "counters": {
                "ordered": units, "canceled": 0, "reinstated": 0, "shipped": 0, "voided": 0, "delivered": 0,
                "returned": 0,
            },
            "total": money(total), "tax": money(told),
        }));
    }
    let shipping = if dice.is_one_of(2) {
        dice.below(2_000)
    } else {
        0
    };
    let of_shipping = tax_of(dice, shipping, 19, 1, is_within);
    let discount = if dice.is_one_of(3) {
        dice.below(sum.max(1))
    } else {
        0
    };
    let is_off = dice.is_one_of(2);
    let odd = if dice.is_one_of(20) { 1 } else { 0 };
    let tax = (tax + of_shipping).min(sum);
    let total =
        sum + shipping - if is_off { discount } else { 0 } + if is_within { 0 } else { tax };
    let order = json!({
        "id": "ord_019aaaaaaaaa7aaa8aaaaaaaaaaaaaaa", "account": "web", "external_id": "1", "number": "1",
        "version": { "revision": 1, "changed_at": Time::EPOCH }, "fingerprint": 0, "placed_at": Time::EPOCH,
        "accepted_at": Time::EPOCH, "standing": "placed", "payment": "paid", "words": {}, "currency": "EUR",
        "total": money(total + odd), "refunded": money(0), "ship_by": null, "lines": lines, "holds": [],
        "shipments": [], "expired_at": null, "closed_at": null, "timeline_length": 0,
        "amounts": {
            "shipping": money(shipping), "discount": money(discount), "tax": money(tax),
        },
    });
    serde_json::from_value(order).expect("an order")
}

fn printed(bill: &Bill, kind: Kind) -> Result<String, documents::Error> {
    let letterhead = Letterhead {
        name: "Example".to_owned(),
        ..Letterhead::default()
    };
    let statement = statement(
        bill,
        Person::default(),
        (&letterhead, Days::default()),
        References::default(),
    );
    let body = match kind {
        Kind::Invoice => Body::Invoice(statement),
        Kind::CreditNote => {
            let correction = Correction {
                invoice: "RE-1".to_owned(),
                date: None,
                reason: "r".to_owned(),
            };
            Body::CreditNote(correction, statement)
        }
    };
    let on: Day = "2026-12-05".parse().expect("a day");
    documents::to_html(&document("1".to_owned(), on, &letterhead, body))
}

/// Takes a bill back in parts of chance until nothing is left of it; each part must be printed.
fn take_back(dice: &mut Dice, bill: &Bill) {
    let mut credits: Vec<Bill> = Vec::new();
    for _ in 0..6 {
        let all: Vec<&Bill> = credits.iter().collect();
        let left = bill.left(&all).minor();
        if left == 0 && !credits.is_empty() {
            return;
        }
        let part = (left > 0 && dice.is_one_of(2)).then(|| money(1 + dice.below(left)));
        let credit = bill.credit(&all, part, "a chip", money(dice.below(50_000)));
        let credit = credit.unwrap_or_else(|beyond: Beyond| panic!("{beyond:?}"));
        if let Err(error) = printed(&credit, Kind::CreditNote) {
            panic!("{error}: {credit:?} of {bill:?}");
        }
        credits.push(credit);
    }
}

#[test]
fn whatever_is_billed_can_be_printed() {
    let mut dice = Dice(42);
    let (mut billed, mut refused, mut with_rates) = (0, 0, 0);
    let german: Vec<Decimal> = ["19", "7", "0"]
        .map(|rate| rate.parse().expect("a rate"))
        .into();
    for _ in 0..4_000 {
        let order = order(&mut dice);
        let rates: &[Decimal] = if dice.is_one_of(2) { &german } else { &[] };
        match Bill::of(&order, dice.is_one_of(4), rates) {
            Ok(bill) => {
                billed += 1;
                with_rates += usize::from(bill.taxes.iter().any(|part| part.rate.is_some()));
                if let Err(error) = printed(&bill, Kind::Invoice) {
                    panic!("{error}: {bill:?} of {order:?}");
                }
                take_back(&mut dice, &bill);
            }
            Err(BillRefusal::Differs { .. }) => refused += 1,
            Err(other) => panic!("{other}: {order:?}"),
        }
    }
    assert!(
        billed > 2_000 && refused > 100 && with_rates > 1_000,
        "{billed} {refused} {with_rates}"
    );
}

#[test]
fn a_word_of_paper_is_read_and_anything_else_is_the_usual() {
    for size in [Paper::A4, Paper::Letter] {
        assert_eq!(paper(paper_word(size)), size);
    }
    assert_eq!(paper("papyrus"), Paper::A4);
}
