//! Orders by phone: our staff enter what buyers say. Who gets no answer, because the process died, enters the
//! same again under its number, and it is one order. No shop knows of them; what was entered is their truth.

use std::collections::BTreeMap;

use domain::{
    AccountId, Currency, Decimal, ExternalId, Money, Time,
    item::{Item, ItemKind},
    order::{Order, Phase},
    payment::{Method, Pays, Step},
    placement::{NewPayment, PlacedLine, Placement},
    signal::Command,
    snapshot::{Address, Buyer},
};
use engine::rows;
use fastrand::Rng;
use sandbox::{TrueOrder, Truth};

use crate::{
    rows::Rows,
    slips::{order_in, pick, unknown_order_id},
};

/// The account of what is entered by hand.
pub(crate) const PHONE: &str = "phone";
const BY: &str = "reception";
/// How many orders are looked at for one by phone.
const TRIES: u32 = 20;
/// What a unit costs, whatever it is.
const PRICE_MINOR: i64 = 1_000;

/// What was entered so far, by its number.
#[derive(Default)]
pub(crate) struct Pad {
    pages: BTreeMap<ExternalId, Page>,
}

/// One order, as it was entered.
struct Page {
    asked: Placement,
    /// Whether somebody saw that it was taken.
    is_confirmed: bool,
}

impl Pad {
    /// What somebody at the phone does next, if there is any of what chance wants.
    pub(crate) fn errand(
        &mut self,
        rows: &Rows<'_>,
        chance: &mut Rng,
        now: Time,
    ) -> Option<Command> {
        Some(match chance.u32(0..12) {
            0..6 => self.take_order(rows, chance, now)?,
            6 | 7 => {
                let unconfirmed = self.pages.values().find(|page| !page.is_confirmed);
                let page = match unconfirmed {
                    Some(page) => page,
                    None => self.some_page(chance)?,
                };
                place(page.asked.clone())
            }
            8 => self.slip(rows, chance)?,
            _ => pay(rows, chance)?,
        })
    }

    /// Somebody saw that this was carried out.
    pub(crate) fn confirm(&mut self, command: &Command) {
        if let Command::Place(asked) = command
            && let Some(number) = &asked.reference
            && let Some(page) = self.pages.get_mut(number)
        {
            page.is_confirmed = true;
        }
    }

    /// What is true of these orders: all that was seen to be taken is there, and what nobody saw may be.
    /// Whoever cancels them does so in our book.
    pub(crate) fn truth(&self, rows: &Rows<'_>) -> Truth {
        let of_phone: BTreeMap<ExternalId, Order> = rows
            .scan::<Order>(rows::ORDERS, b"")
            .into_iter()
            .map(|(_, order)| (order.external_id.clone(), order))
            .filter(|(_, order)| order.account.as_str() == PHONE)
            .collect();
        let orders = self.pages.iter().filter_map(|(number, page)| {
            let known = of_phone.get(number);
            if !page.is_confirmed && known.is_none() {
                return None;
            }
            let lines = page.asked.lines.iter().filter_map(|line| {
                let units = u32::try_from(line.units.parts().0).ok()?;
                Some((line.sku.as_deref()?.parse().ok()?, units))
            });
            Some(TrueOrder {
                external_id: number.clone(),
                placed_at: page.asked.placed_at?,
                lines: lines.collect(),
                is_canceled: known.is_some_and(Order::is_withdrawn),
                is_deleted: false,
                shipments: Vec::new(),
                refunded_minor: 0,
                captured_minor: 0,
                given_up: Vec::new(),
                street: String::new(),
            })
        });
        Truth {
            orders: orders.collect(),
            levels: BTreeMap::new(),
            level_writes: Vec::new(),
            restocks: Vec::new(),
            writes: 0,
            requests: 0,
        }
    }

    fn some_page(&self, chance: &mut Rng) -> Option<&Page> {
        let numbers: Vec<&ExternalId> = self.pages.keys().collect();
        self.pages.get(pick(&numbers, chance)?)
    }

    fn take_order(&mut self, rows: &Rows<'_>, chance: &mut Rng, now: Time) -> Option<Command> {
        let items = rows.scan::<Item>(rows::ITEMS, b"");
        let mut lines = Vec::new();
        for _ in 0..chance.usize(1..3) {
            let (_, item) = pick(&items, chance)?;
            lines.push(line(&item, chance));
        }
        let units: i64 = lines.iter().map(|line| line.units.parts().0).sum();
        let number = self.pages.len() + 1;
        let reference = ExternalId::new(format!("TEL-{number}"));
        let (pays, payments) = money(units * PRICE_MINOR, number, chance)?;
        let asked = Placement {
            account: AccountId::new(PHONE),
            reference: Some(reference.clone()),
            placed_at: Some(now),
            lines,
            shipping: euro(0)?,
            discount: euro(0)?,
            tax: euro(0)?,
            total: None,
            buyer: Buyer {
                name: format!("Caller {number}"),
                phone: format!("+49 30 {number:06}"),
                ..Buyer::default()
            },
            ship_to: Some(address(number)),
            bill_to: None,
            note: String::new(),
            ship_by: None,
            pays,
            payments,
            by: BY.to_owned(),
            replaces: false,
            person_print: None,
            gist: None,
        };
        let page = Page {
            asked: asked.clone(),
            is_confirmed: false,
        };
        self.pages.insert(reference, page);
        Some(place(asked))
    }

    /// What must be refused: another order under a number that is taken, one on an account that a channel
    /// fills, one without lines, a payment of what was never reserved.
    fn slip(&self, rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
        let page = self.some_page(chance)?;
        let mut asked = page.asked.clone();
        match chance.u32(0..4) {
            0 if page.is_confirmed => asked.lines.first_mut()?.units = Decimal::whole(7),
            0 => return None,
            1 => asked.account = order_in(rows, chance, Phase::Ready)?.account,
            2 => {
                asked.reference = Some(ExternalId::new("TEL-0"));
                asked.lines.clear();
            }
            _ => {
                asked.reference = Some(ExternalId::new("TEL-0"));
                asked.payments = vec![payment(Step::Captured, Method::Card, PRICE_MINOR, "TEL-0")?];
            }
        }
        Some(place(asked))
    }
}

fn place(asked: Placement) -> Command {
    Command::Place(Box::new(asked))
}

fn euro(minor: i64) -> Option<Money> {
    Money::from_minor(minor, Currency::new("EUR").ok()?).ok()
}

/// A unit or two of an item.
fn line(item: &Item, chance: &mut Rng) -> PlacedLine {
    PlacedLine {
        sku: Some(item.sku.to_string()),
        title: item.sku.to_string(),
        units: Decimal::whole(chance.i64(1..3)),
        price: euro(PRICE_MINOR),
        total: None,
        tax: None,
        requires_shipping: !matches!(item.kind, ItemKind::Service),
    }
}

fn address(number: usize) -> Address {
    Address {
        name: format!("Caller {number}"),
        street: vec![format!("Rufallee {number}")],
        city: "Berlin".to_owned(),
        postal_code: "10115".to_owned(),
        country: "DE".to_owned(),
        ..Address::default()
    }
}

fn payment(step: Step, method: Method, minor: i64, reference: &str) -> Option<NewPayment> {
    Some(NewPayment {
        step,
        method,
        amount: euro(minor)?,
        reference: reference.to_owned(),
        at: None,
        by: BY.to_owned(),
    })
}

/// How it is paid: not yet, in part, at once, reserved, or by its invoice.
fn money(minor: i64, number: usize, chance: &mut Rng) -> Option<(Pays, Vec<NewPayment>)> {
    let reference = format!("receipt {number}");
    let one = |step, method, minor| payment(step, method, minor, &reference);
    Some(match chance.u32(0..6) {
        0 => (Pays::Before, Vec::new()),
        1 => (
            Pays::Before,
            vec![one(Step::Paid, Method::GiftCard, minor / 2)?],
        ),
        2 => (
            Pays::Before,
            vec![one(Step::Authorized, Method::Card, minor)?],
        ),
        3 => (Pays::OnInvoice, Vec::new()),
        _ => (Pays::Before, vec![one(Step::Paid, Method::Cash, minor)?]),
    })
}

/// Money comes for an order by phone; now and then too much is said to come, or for another order.
fn pay(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let waiting = match chance.u32(0..4) {
        0 => Phase::Ready,
        _ => Phase::AwaitingPayment,
    };
    // Now and then it comes for an order of a shop, which takes its money itself.
    let mut order = order_in(rows, chance, waiting)?;
    for _ in 0..TRIES {
        if order.account.as_str() == PHONE {
            break;
        }
        order = order_in(rows, chance, waiting)?;
    }
    let id = match chance.u32(0..12) {
        0 => unknown_order_id(),
        _ => order.id,
    };
    let step = pick(
        &[Step::Paid, Step::Paid, Step::Captured, Step::Voided],
        chance,
    )?;
    let minor = match chance.bool() {
        true => order.total.minor().max(1),
        false => PRICE_MINOR,
    };
    Some(Command::Pay {
        order: id,
        payment: payment(step, Method::BankTransfer, minor, "transfer")?,
    })
}
