//! Invoices and credit notes: numbers in turn, one invoice that stands, and nothing taken back twice.

use std::collections::BTreeSet;

use super::{reports::eur as money, world::World, *};
use crate::{
    Currency, Day, Decimal, Money,
    billing::{Bill, BillRefusal},
    ids::{DocumentId, DocumentNumber, SellerId, SeriesId},
    issuing::{Days, DocumentRefusal, Issued, Kind, Letterhead, NewDocument},
    payment::{Method, Pays, Step},
    placement::{NewPayment, PlacedLine, Placement},
    snapshot::Buyer,
};

fn world() -> World {
    let mut world = World::new();
    world.act("count MUG 100");
    world
}

/// Mugs at five euros, on the account of phone orders.
fn sell(world: &mut World, reference: &str, units: i64) -> OrderId {
    let line = PlacedLine {
        sku: Some("MUG".to_owned()),
        title: "A mug".to_owned(),
        units: Decimal::whole(units),
        price: Some(money(500)),
        total: None,
        tax: Some(money(80 * units)),
        requires_shipping: true,
    };
    let order = Placement {
        account: AccountId::new("phone"),
        reference: Some(ExternalId::new(reference)),
        placed_at: None,
        lines: vec![line],
        shipping: money(0),
        discount: money(0),
        tax: money(80 * units),
        total: None,
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        note: String::new(),
        ship_by: None,
        pays: Pays::Before,
        payments: Vec::new(),
        by: "ann".to_owned(),
        replaces: true,
        person_print: None,
        gist: None,
    };
    let placed = world.ask(Command::Place(Box::new(order)));
    placed.expect("it is entered");
    world.id(reference)
}

fn pay(world: &mut World, order: OrderId, step: Step, amount: i64) {
    let payment = NewPayment {
        step,
        method: Method::Cash,
        amount: money(amount),
        reference: String::new(),
        at: None,
        by: "ann".to_owned(),
    };
    let paid = world.ask(Command::Pay { order, payment });
    paid.expect("it is noted");
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn wanted(kind: Kind) -> NewDocument {
    NewDocument {
        kind,
        on: day("2026-12-05"),
        seller: SellerId::new("main"),
        format: match kind {
            Kind::Invoice => "RE-{year}-{number:04}".parse(),
            Kind::CreditNote => "GS-{number}".parse(),
        }
        .expect("a format"),
        from: 1,
        letterhead: Letterhead {
            name: "Töpferei Example".to_owned(),
            ..Letterhead::default()
        },
        days: Days {
            due: Some(day("2026-12-19")),
            ..Days::default()
        },
        rates: vec!["19".parse().expect("a rate"), "7".parse().expect("a rate")],
        amount: None,
        lines: Vec::new(),
        refund: None,
        reason: match kind {
            Kind::Invoice => String::new(),
            Kind::CreditNote => "it broke".to_owned(),
        },
        by: "ann".to_owned(),
    }
}

fn issue(world: &mut World, order: OrderId, asked: NewDocument) -> Result<Verdict, Refusal> {
    let asked = Box::new(asked);
    world.ask(Command::Issue { order, asked })
}

fn invoice(world: &mut World, order: OrderId) -> Result<Verdict, Refusal> {
    issue(world, order, wanted(Kind::Invoice))
}

fn credit(
    world: &mut World,
    order: OrderId,
    amount: Option<Money>,
) -> Result<Verdict, DocumentRefusal> {
    let asked = NewDocument {
        amount,
        ..wanted(Kind::CreditNote)
    };
    issue(world, order, asked).map_err(|refusal| match refusal {
        Refusal::Document(refusal) => refusal,
        other => panic!("{other}"),
    })
}

fn numbers(world: &World, order: OrderId) -> Vec<String> {
    let entries = world.book.orders[&order].documents.iter();
    entries.map(|entry| entry.number.to_string()).collect()
}

fn last(world: &World, order: OrderId) -> &Issued {
    let entries = &world.book.orders[&order].documents;
    let id: DocumentId = entries.last().expect("a document").id;
    &world.book.documents[&id]
}

#[test]
fn numbers_follow_each_other_by_seller_kind_and_year() {
    let mut world = world();
    let orders: Vec<OrderId> = (1..=3)
        .map(|at| sell(&mut world, &format!("P{at}"), 1))
        .collect();
    for (at, order) in orders.iter().enumerate() {
        assert_eq!(invoice(&mut world, *order), Ok(Verdict::New));
        assert_eq!(numbers(&world, *order), [format!("RE-2026-{:04}", at + 1)]);
    }
    assert_eq!(credit(&mut world, orders[1], None), Ok(Verdict::New));
    assert_eq!(numbers(&world, orders[1]), ["RE-2026-0002", "GS-1"]);

    let next_year = NewDocument {
        on: day("2027-01-01"),
        ..wanted(Kind::Invoice)
    };
    assert_eq!(
        issue(&mut world, orders[1], next_year),
        Ok(Verdict::New),
        "a new one, since the first was taken back"
    );
    assert_eq!(
        numbers(&world, orders[1]),
        ["RE-2026-0002", "GS-1", "RE-2027-0001"]
    );

    let fourth = sell(&mut world, "P4", 1);
    let other = NewDocument {
        seller: SellerId::new("second"),
        format: "R-{number}".parse().expect("a format"),
        from: 4711,
        ..wanted(Kind::Invoice)
    };
    assert_eq!(issue(&mut world, fourth, other), Ok(Verdict::New));
    assert_eq!(numbers(&world, fourth), ["R-4711"]);
    let fifth = sell(&mut world, "P5", 1);
    assert_eq!(invoice(&mut world, fifth), Ok(Verdict::New));
    assert_eq!(numbers(&world, fifth), ["RE-2026-0004"], "no gap");
}

#[test]
fn an_invoice_is_issued_once_and_says_what_it_said() {
    let mut world = world();
    let order = sell(&mut world, "P1", 2);
    pay(&mut world, order, Step::Paid, 400);
    assert_eq!(invoice(&mut world, order), Ok(Verdict::New));
    let said = last(&world, order).clone();
    assert_eq!(said.bill.total, money(1000));
    assert_eq!(said.bill.paid, money(400));
    assert_eq!(said.days.due, Some(day("2026-12-19")));
    assert_eq!(said.bill.taxes.len(), 1);
    assert_eq!(said.bill.taxes[0].rate, "19".parse().ok());

    assert_eq!(invoice(&mut world, order), Ok(Verdict::Duplicate));
    sell(&mut world, "P1", 3);
    assert_eq!(world.book.orders[&order].total, money(1500));
    assert_eq!(invoice(&mut world, order), Ok(Verdict::Duplicate));
    assert_eq!(last(&world, order), &said, "the order changed, it did not");
    assert_eq!(
        world.book.series[&SeriesId::new("RE-2026-")].last,
        1,
        "asking takes no number"
    );

    assert_eq!(credit(&mut world, order, None), Ok(Verdict::New));
    let storno = last(&world, order).clone();
    let of = storno.corrects.as_ref().map(|of| of.number.clone());
    assert_eq!(of, Some(DocumentNumber::new("RE-2026-0001")));
    assert_eq!(storno.bill.lines, said.bill.lines);
    assert_eq!(storno.bill.total, money(1000));
    assert_eq!(storno.bill.paid, money(0), "nothing was given back");
    assert_eq!(storno.days.due, None);

    assert_eq!(invoice(&mut world, order), Ok(Verdict::New));
    assert_eq!(last(&world, order).bill.total, money(1500));
    assert_eq!(
        numbers(&world, order),
        ["RE-2026-0001", "GS-1", "RE-2026-0002"]
    );
    assert_eq!(world.book.documents[&said.id], said);
}

#[test]
fn no_more_is_taken_back_than_was_billed() {
    let mut world = world();
    let order = sell(&mut world, "P1", 2);
    assert_eq!(
        credit(&mut world, order, None),
        Err(DocumentRefusal::NoInvoice)
    );
    pay(&mut world, order, Step::Paid, 1000);
    assert_eq!(invoice(&mut world, order), Ok(Verdict::New));
    assert_eq!(last(&world, order).days.due, None, "it is paid");
    let number = DocumentNumber::new("RE-2026-0001");
    let beyond = |left| {
        let number = number.clone();
        Err(DocumentRefusal::Beyond { number, left })
    };
    assert_eq!(
        credit(&mut world, order, Some(money(1001))),
        beyond(money(1000))
    );
    for none in [0, -1] {
        assert_eq!(
            credit(&mut world, order, Some(money(none))),
            Err(DocumentRefusal::NotPositive)
        );
    }
    let dollars = Money::from_minor(100, Currency::new("USD").expect("one")).expect("an amount");
    assert!(matches!(
        credit(&mut world, order, Some(dollars)),
        Err(DocumentRefusal::OtherCurrency { .. })
    ));
    assert!(numbers(&world, order).len() == 1, "nothing was issued");
    assert!(!world.book.series.contains_key(&SeriesId::new("GS-")));

    pay(&mut world, order, Step::Refunded, 300);
    assert_eq!(
        credit(&mut world, order, Some(money(300))),
        Ok(Verdict::New)
    );
    let part = &last(&world, order).bill;
    assert_eq!((part.total, part.paid), (money(300), money(300)));
    assert_eq!(part.tax, money(48));
    assert_eq!(part.lines[0].title, "it broke");
    assert_eq!(invoice(&mut world, order), Ok(Verdict::Duplicate));
    assert_eq!(
        credit(&mut world, order, Some(money(701))),
        beyond(money(700))
    );
    assert_eq!(credit(&mut world, order, None), Ok(Verdict::New));
    let rest = &last(&world, order).bill;
    assert_eq!((rest.total, rest.paid), (money(700), money(0)));
    assert_eq!(rest.tax, money(112), "all tax of the invoice");
    assert_eq!(
        credit(&mut world, order, None),
        Err(DocumentRefusal::NoInvoice)
    );
}

#[test]
fn what_is_no_sale_or_does_not_add_up_takes_no_number() {
    let mut world = world();
    let order = sell(&mut world, "P1", 2);
    let asked = Command::Cancel {
        order,
        lines: Vec::new(),
        reason: "no".to_owned(),
    };
    world.ask(asked).expect("it is canceled");
    let refused = |refusal| Err(Refusal::Document(refusal));
    assert_eq!(
        invoice(&mut world, order),
        refused(DocumentRefusal::NotASale)
    );
    // The lines of a channel's order are worth ten euros each, and so is the order.
    world.act("order web W1 MUG:1 PLATE:1");
    let order = world.id("W1");
    assert_eq!(
        invoice(&mut world, order),
        refused(DocumentRefusal::Bill(BillRefusal::Differs {
            sum: money(2000),
            with_tax: money(2000),
            total: money(1000),
        }))
    );
    assert!(world.book.series.is_empty() && world.book.documents.is_empty());
}

#[test]
fn nobody_numbers_in_the_series_of_another() {
    let mut world = world();
    let (first, second) = (sell(&mut world, "P1", 1), sell(&mut world, "P2", 1));
    assert_eq!(invoice(&mut world, first), Ok(Verdict::New));
    let thief = NewDocument {
        seller: SellerId::new("second"),
        ..wanted(Kind::Invoice)
    };
    let refused = issue(&mut world, second, thief);
    assert!(
        matches!(
            refused,
            Err(Refusal::Document(DocumentRefusal::OthersSeries { .. }))
        ),
        "{refused:?}"
    );
}

/// Parts of an invoice that are taken back make the invoice, at each rate, whatever they are.
#[test]
fn credits_add_up_to_the_invoice() {
    let mut world = world();
    let order = sell(&mut world, "P1", 1);
    let mut order = world.book.orders[&order].clone();
    let mut seven = order.lines[0].clone();
    (seven.number, seven.total, seven.tax) = (2, money(333), money(22));
    order.lines.push(seven);
    order.total = money(833);
    order.amounts = order.amounts.map(|amounts| crate::order::Amounts {
        tax: money(102),
        ..amounts
    });
    let rates = wanted(Kind::Invoice).rates;
    let bill = Bill::of(&order, true, &rates).expect("it adds up");
    assert_eq!(bill.taxes.len(), 2);
    for step in [1, 2, 7, 99, 100, 416, 832, 833] {
        let mut credits: Vec<Bill> = Vec::new();
        loop {
            let all: Vec<&Bill> = credits.iter().collect();
            let left = bill.left(&all).minor();
            if left == 0 {
                break;
            }
            let amount = money(step.min(left));
            let part = bill.credit(&all, Some(amount), "back", money(0));
            let part = part.expect("it is left");
            let gross: i64 = part.taxes.iter().map(|tax| tax.gross.minor()).sum();
            assert_eq!(gross, amount.minor());
            let is_sound = |tax: &crate::billing::TaxPart| {
                tax.net.minor() >= 0
                    && tax.tax.minor() >= 0
                    && tax.net.minor() + tax.tax.minor() == tax.gross.minor()
            };
            assert!(part.taxes.iter().all(is_sound), "{part:?}");
            credits.push(part);
        }
        for (at, tax) in bill.taxes.iter().enumerate() {
            let sum = |pick: fn(&crate::billing::TaxPart) -> Money| -> i64 {
                let parts = credits.iter().map(|credit| &credit.taxes[at]);
                parts.map(|part| pick(part).minor()).sum()
            };
            assert_eq!(sum(|part| part.net), tax.net.minor(), "in steps of {step}");
            assert_eq!(sum(|part| part.tax), tax.tax.minor(), "in steps of {step}");
        }
    }
}

/// Whatever is asked in whatever turn: the numbers of each series are 1, 2, 3, and none twice.
#[test]
fn no_history_leaves_a_gap() {
    let mut world = world();
    let orders: Vec<OrderId> = (1..=5)
        .map(|at| sell(&mut world, &format!("P{at}"), at))
        .collect();
    let mut dice = 7_u64;
    for _ in 0..300 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let roll = dice >> 33;
        let order = orders[usize::try_from(roll % 5).expect("a place")];
        match roll / 5 % 4 {
            0 | 1 => drop(invoice(&mut world, order)),
            2 => drop(credit(&mut world, order, Some(money(137)))),
            _ => drop(credit(&mut world, order, None)),
        }
    }
    let documents = world.book.documents.values();
    let issued: Vec<(Kind, &str)> = documents
        .map(|one| (one.kind, one.number.as_str()))
        .collect();
    for (kind, prefix) in [(Kind::Invoice, "RE-2026-"), (Kind::CreditNote, "GS-")] {
        let of_kind = issued.iter().filter(|(of, _)| *of == kind);
        let numbers: Vec<u64> = of_kind
            .map(|(_, number)| number.strip_prefix(prefix).expect("its series"))
            .map(|number| number.parse().expect("a number"))
            .collect();
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(distinct.len(), numbers.len(), "none twice");
        let last = u64::try_from(numbers.len()).expect("a count");
        assert!(distinct.into_iter().eq(1..=last), "{numbers:?}");
        assert!(last > 10, "the test did something: {last}");
    }
}

#[test]
fn a_credit_note_lists_the_lines_that_are_named() {
    let mut world = world();
    let order = sell(&mut world, "P1", 2);
    pay(&mut world, order, Step::Paid, 1000);
    invoice(&mut world, order).expect("it is issued");
    let asked = |units: i64| NewDocument {
        lines: vec![(1, Decimal::whole(units))],
        ..wanted(Kind::CreditNote)
    };
    assert_eq!(issue(&mut world, order, asked(1)), Ok(Verdict::New));
    let bill = &last(&world, order).bill;
    assert_eq!((bill.total, bill.lines.len()), (money(500), 1));
    let line = &bill.lines[0];
    assert_eq!((line.line, line.quantity), (Some(1), Decimal::whole(1)));
    let number = DocumentNumber::new("RE-2026-0001");
    let left = Decimal::whole(1);
    let beyond = DocumentRefusal::BeyondUnits {
        number: number.clone(),
        line: 1,
        left,
    };
    let refused = |refusal| Err(Refusal::Document(refusal));
    assert_eq!(issue(&mut world, order, asked(2)), refused(beyond));
    let other = NewDocument {
        lines: vec![(9, Decimal::whole(1))],
        ..wanted(Kind::CreditNote)
    };
    let unknown = DocumentRefusal::NotOnInvoice { number, line: 9 };
    assert_eq!(issue(&mut world, order, other), refused(unknown));
    assert_eq!(issue(&mut world, order, asked(1)), Ok(Verdict::New));
    assert_eq!(
        invoice(&mut world, order),
        Ok(Verdict::New),
        "all of it was taken back"
    );
}

#[test]
fn a_credit_note_tells_of_a_refund_as_it_was_wished() {
    let mut world = world();
    world.act("count MUG 10");
    let mut view = super::reports::order_snapshot("#1");
    view.lines = vec![super::reports::line_snapshot("MUG:2", false)];
    view.lines[0].total = money(1000);
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(view),
        source: crate::signal::Source::Read,
    });
    let order = world.id("#1");
    invoice(&mut world, order).expect("it is issued");
    let refund = |world: &mut World, amount: i64, lines: Vec<(u32, Quantity)>| {
        let amount = super::reports::eur(amount);
        let reason = "it broke".to_owned();
        let of_return = None;
        let asked = Command::Refund {
            order,
            amount,
            lines,
            reason,
            of_return,
        };
        world.ask(asked).expect("it is wished");
        let mut intents = world.book.intents.values();
        intents.next_back().expect("a wish").id
    };
    let of_line = refund(&mut world, 500, vec![(1, Quantity::of(1))]);
    let of_amount = refund(&mut world, 120, Vec::new());
    let asked = |refund| NewDocument {
        refund: Some(refund),
        ..wanted(Kind::CreditNote)
    };
    assert_eq!(issue(&mut world, order, asked(of_line)), Ok(Verdict::New));
    let bill = &last(&world, order).bill;
    assert_eq!(bill.total.minor(), 500);
    assert_eq!(bill.lines[0].line, Some(1));
    assert_eq!(issue(&mut world, order, asked(of_amount)), Ok(Verdict::New));
    let bill = &last(&world, order).bill;
    assert_eq!((bill.total.minor(), bill.lines[0].line), (120, None));
    let unknown = crate::ids::IntentId::next(&mut IdSource::new(Time::EPOCH, [9; 16]));
    assert_eq!(
        issue(&mut world, order, asked(unknown)),
        Err(Refusal::Document(DocumentRefusal::NoRefund(unknown)))
    );
}
