//! Issuing invoices and credit notes.
//!
//! The number is the next one of its series, and the decision that takes it writes the document, the order and
//! the series together. An invoice is issued once: asked for again it is the one that stands. When all of it was
//! taken back, a new one can be issued.

use crate::{
    Money,
    billing::{Bill, credit::Beyond, units::Asked},
    fact::Event,
    ids::{DocumentId, DocumentNumber, OrderId},
    intent::Wish,
    issuing::{
        Corrected, DOCUMENTS_MAX, DocumentRefusal, Entry, Issued, Kind, NewDocument, Series,
        standing_invoice,
    },
    order::Order,
};

use super::{Desk, Refusal, Undecided, Verdict, manual};

/// What is to stand on a document, before it has a number.
struct Draft {
    bill: Bill,
    corrects: Option<Corrected>,
}

pub(super) fn issue(
    desk: &mut Desk<'_>,
    id: OrderId,
    asked: &NewDocument,
) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    if order.documents.len() >= DOCUMENTS_MAX {
        return refuse(DocumentRefusal::TooMany);
    }
    let draft = match asked.kind {
        Kind::Invoice if standing_invoice(&order.documents).is_some() => {
            return Ok(Verdict::Duplicate);
        }
        Kind::Invoice => invoice(desk, order, asked),
        Kind::CreditNote => credit_note(desk, order, asked),
    };
    let draft = draft.map_err(Refusal::Document)?;
    let (account, order_number) = (order.account.clone(), order.number.clone());
    let number = take_number(desk, asked)?;
    let mut days = asked.days;
    let is_open = asked.kind == Kind::Invoice && draft.bill.paid.minor() < draft.bill.total.minor();
    days.due = days.due.filter(|_| is_open);
    let issued = Issued {
        id: DocumentId::next(&mut desk.ids),
        kind: asked.kind,
        number: number.clone(),
        seller: asked.seller.clone(),
        on: asked.on,
        at: desk.now(),
        by: asked.by.clone(),
        order: id,
        account,
        order_number,
        corrects: draft.corrects,
        reason: asked.reason.clone(),
        days,
        letterhead: asked.letterhead.clone(),
        bill: draft.bill,
    };
    desk.order_mut(id)?.documents.push(Entry {
        id: issued.id,
        kind: issued.kind,
        number: number.clone(),
        on: issued.on,
        total: issued.bill.total,
        corrects: issued.corrects.as_ref().map(|invoice| invoice.id),
    });
    let corrects = issued.corrects.as_ref();
    let event = Event::DocumentIssued {
        document: issued.id,
        kind: issued.kind,
        number,
        corrects: corrects.map(|invoice| invoice.number.clone()),
        total: issued.bill.total,
        by: issued.by.clone(),
    };
    desk.record_for(id, event);
    desk.book.documents.insert(issued.id, issued);
    Ok(Verdict::New)
}

fn refuse<T>(refusal: DocumentRefusal) -> Result<T, Undecided> {
    Err(Refusal::Document(refusal).into())
}

fn invoice(desk: &Desk<'_>, order: &Order, asked: &NewDocument) -> Result<Draft, DocumentRefusal> {
    let is_given_up = |line: &crate::order::Line| line.counters.wanted().is_zero();
    if order.is_withdrawn() || (!order.lines.is_empty() && order.lines.iter().all(is_given_up)) {
        return Err(DocumentRefusal::NotASale);
    }
    let is_by_hand = manual::is_by_hand(desk, &order.account);
    let bill = Bill::of(order, is_by_hand, &asked.rates)?;
    Ok(Draft {
        bill,
        corrects: None,
    })
}

/// Of what the invoice says, whatever became of its order since.
fn credit_note(
    desk: &Desk<'_>,
    order: &Order,
    asked: &NewDocument,
) -> Result<Draft, DocumentRefusal> {
    let documents = &desk.book.documents;
    let invoice = standing_invoice(&order.documents).and_then(|entry| documents.get(&entry.id));
    let invoice = invoice.ok_or(DocumentRefusal::NoInvoice)?;
    let corrects = |one: &&Issued| one.corrects.as_ref().is_some_and(|of| of.id == invoice.id);
    let credits: Vec<&Bill> = documents
        .values()
        .filter(corrects)
        .map(|one| &one.bill)
        .collect();
    let told_of = refund(desk, order, asked)?;
    let (lines, amount) = match &told_of {
        Some((of_refund, all)) if asked.lines.is_empty() => {
            (of_refund, asked.amount.or(Some(*all)))
        }
        Some((_, all)) => (&asked.lines, asked.amount.or(Some(*all))),
        None => (&asked.lines, asked.amount),
    };
    let (bill, reason) = (&invoice.bill, asked.reason.as_str());
    let credit = match lines.as_slice() {
        [] => bill.credit(&credits, amount, reason, order.refunded),
        lines => bill.credit_units(&credits, lines, (amount, reason), order.refunded),
    };
    let bill = credit.map_err(|beyond| told(beyond, &invoice.number, &invoice.bill, asked))?;
    Ok(Draft {
        bill,
        corrects: Some(Corrected {
            id: invoice.id,
            number: invoice.number.clone(),
            on: invoice.on,
        }),
    })
}

/// The lines and the amount of a refund.
type Refunded = (Vec<Asked>, Money);

/// Those of the refund that is named.
fn refund(
    desk: &Desk<'_>,
    order: &Order,
    asked: &NewDocument,
) -> Result<Option<Refunded>, DocumentRefusal> {
    let Some(id) = asked.refund else {
        return Ok(None);
    };
    let intent = desk.book.intents.get(&id);
    let wish = intent
        .filter(|intent| intent.order == order.id)
        .map(|intent| &intent.wish);
    let Some(Wish::Refund { amount, lines, .. }) = wish else {
        return Err(DocumentRefusal::NoRefund(id));
    };
    // What left in place of something else was never billed.
    let lines = lines
        .iter()
        .filter(|(number, _)| order.replacement(*number).is_none())
        .filter_map(|(number, units)| {
            Some((*number, units.to_decimal(order.line(*number)?.scale)))
        });
    Ok(Some((lines.collect(), *amount)))
}

fn told(
    beyond: Beyond,
    number: &DocumentNumber,
    invoice: &Bill,
    asked: &NewDocument,
) -> DocumentRefusal {
    let number = number.clone();
    match beyond {
        Beyond::Left(left) => DocumentRefusal::Beyond { number, left },
        Beyond::NotPositive => DocumentRefusal::NotPositive,
        Beyond::NoLine(line) => DocumentRefusal::NotOnInvoice { number, line },
        Beyond::Units { line, left } => DocumentRefusal::BeyondUnits { number, line, left },
        Beyond::OtherCurrency => DocumentRefusal::OtherCurrency {
            number,
            invoice: invoice.currency,
            asked: asked
                .amount
                .map_or(invoice.currency, |amount| amount.currency()),
        },
    }
}

/// The next number of the series. It is the document's when the decision is.
fn take_number(desk: &mut Desk<'_>, asked: &NewDocument) -> Result<DocumentNumber, Undecided> {
    let id = asked.series();
    let series = desk.book.series.entry(id.clone());
    let series = series.or_insert_with(|| Series {
        seller: asked.seller.clone(),
        kind: asked.kind,
        last: 0,
    });
    if series.seller != asked.seller || series.kind != asked.kind {
        let (seller, kind) = (series.seller.clone(), series.kind);
        let series = id;
        return refuse(DocumentRefusal::OthersSeries {
            series,
            seller,
            kind,
        });
    }
    series.last = series.last.saturating_add(1).max(asked.from);
    Ok(asked.format.number(&id, series.last))
}
