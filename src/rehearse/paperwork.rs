//! Invoices and credit notes: our staff ask for them, and their numbers have no gaps.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Decimal, Money,
    ids::{DocumentId, SellerId},
    issuing::{Days, Issued, Kind, Letterhead, NewDocument, Series, standing_invoice},
    order::{Order, Phase},
    signal::Command,
};
use engine::rows;
use fastrand::Rng;

use crate::{
    findings::{Checker, Findings},
    rows::Rows,
    slips::{order_in, pick},
};

const SELLER: &str = "seller";
/// The day on all of them: a series is of a year.
const ON: &str = "2026-12-23";

/// Somebody wants an invoice, or takes one back in whole or in part.
pub(crate) fn errand(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phases = [
        Phase::Ready,
        Phase::Shipped,
        Phase::Delivered,
        Phase::AfterSales,
        Phase::Canceled,
    ];
    let phase = pick(&phases, chance)?;
    let mut order = order_in(rows, chance, phase)?;
    let mut kind = Kind::Invoice;
    if chance.u32(0..3) == 0 {
        let billed = rows.scan::<Issued>(rows::DOCUMENTS, b"");
        if let Some((_, issued)) = pick(&billed, chance) {
            kind = Kind::CreditNote;
            let orders = rows.scan::<Order>(rows::ORDERS, b"");
            let of = orders.into_iter().find(|(_, one)| one.id == issued.order);
            order = of?.1;
        }
    }
    let part = Money::from_minor(chance.i64(1..2_000), order.currency).ok()?;
    let is_part = kind == Kind::CreditNote && chance.bool();
    let format = match kind {
        Kind::Invoice => "RE-{year}-{number:05}",
        Kind::CreditNote => "GS-{year}-{number:05}",
    };
    let asked = NewDocument {
        kind,
        on: ON.parse().ok()?,
        seller: SellerId::new(SELLER),
        format: format.parse().ok()?,
        from: 1,
        letterhead: Letterhead::default(),
        days: Days::default(),
        rates: vec![Decimal::whole(19), Decimal::ZERO],
        amount: is_part.then_some(part),
        lines: Vec::new(),
        refund: None,
        reason: "as agreed".to_owned(),
        by: "bookkeeping".to_owned(),
    };
    Some(Command::Issue {
        order: order.id,
        asked: Box::new(asked),
    })
}

/// P2: every number of a series was given once, up to the last; an order names what was issued for it; no more
/// is taken back than was billed, and no second invoice stands beside one that does.
pub(crate) fn check(rows: &Rows<'_>, orders: &[Order], found: &mut Findings) {
    let issued = rows.scan::<Issued>(rows::DOCUMENTS, b"");
    let issued: BTreeMap<DocumentId, Issued> = issued
        .into_iter()
        .map(|(_, issued)| (issued.id, issued))
        .collect();
    found.look(Checker::Documents, issued.len());
    let mut add = |sentence: String| found.add(Checker::Documents, sentence);
    for (id, series) in rows.scan::<Series>(rows::SERIES, b"") {
        let of_series = issued.values().filter(|one| one.kind == series.kind);
        let numbers: Vec<&str> = of_series.map(|one| one.number.as_str()).collect();
        let different: BTreeSet<&str> = numbers.iter().copied().collect();
        let last = usize::try_from(series.last).unwrap_or(usize::MAX);
        let series = String::from_utf8_lossy(&id);
        if numbers.len() != last || different.len() != last {
            let count = numbers.len();
            let different = different.len();
            add(format!(
                "P2: {series} is at {last}, with {count} documents under {different} numbers"
            ));
        }
    }
    let kinds: BTreeSet<Kind> = issued.values().map(|one| one.kind).collect();
    let series = rows.keys(rows::SERIES, b"").len();
    if kinds.len() > series {
        let kinds = kinds.len();
        add(format!(
            "P2: {kinds} kinds of documents, and {series} series"
        ));
    }
    let mut named = BTreeSet::new();
    for order in orders {
        let name = format!("order {} of {}", order.external_id, order.account);
        named.extend(order.documents.iter().map(|entry| entry.id));
        let invoices = order.documents.iter();
        let invoices = invoices.filter(|entry| entry.kind == Kind::Invoice);
        for invoice in invoices {
            let credits = order.documents.iter();
            let credits = credits.filter(|entry| entry.corrects == Some(invoice.id));
            let back: i64 = credits.map(|entry| entry.total.minor()).sum();
            let total = invoice.total.minor();
            if back > total {
                add(format!(
                    "P2: {name} was billed {total}, and {back} came back"
                ));
            }
            let stands = standing_invoice(&order.documents).map(|entry| entry.id);
            if stands.is_some() && stands != Some(invoice.id) && back < total {
                add(format!("P2: {name} has two invoices that stand"));
            }
        }
    }
    let all: BTreeSet<DocumentId> = issued.keys().copied().collect();
    if named != all {
        let (named, all) = (named.len(), all.len());
        add(format!(
            "P2: orders name {named} documents, and there are {all}"
        ));
    }
}
