//! Documents: what was issued, and the form in which any of them is drawn.
//!
//! What was issued is drawn from what was kept of it. Order confirmations, packing slips and pick lists have no
//! number of their own, and are drawn from the order as it is.

#[cfg(test)]
mod tests;

use documents::{
    Bank, Body, Correction, Document, Language, Line, PackedLine, Packing, Paper, Parcel, Pick,
    PickOrder, Picking, Prices, References, Seller as Letter, Sequence, Statement, TaxId, TaxLine,
};
use domain::{
    AccountId, Day, Money, Quantity, Time,
    billing::{self, Bill},
    decide::Refusal,
    ids::{DocumentId, DocumentNumber, OrderId, SellerId, ShipmentId},
    issuing::{Days, DocumentRefusal, Issued, Kind, Letterhead},
    item::Item,
    order::{self, Order},
    person::Person,
    snapshot::Address,
};
use serde::Serialize;

use super::{
    StoreError,
    orders::{Loaded, load},
    read,
};
use crate::{
    Engine,
    decider::DecideError,
    issuing::{Seller, paper_word},
    persons, recipients, rows,
};

/// A document that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DocumentView {
    /// Ours.
    pub id: DocumentId,
    /// What.
    pub kind: Kind,
    /// Under which number.
    pub number: DocumentNumber,
    /// The day on it.
    pub date: Day,
    /// When it was recorded.
    pub at: Time,
    /// Who asked for it.
    pub by: String,
    /// Who issued it.
    pub seller: SellerId,
    /// For which order.
    pub order: OrderId,
    /// Of which account.
    pub account: AccountId,
    /// The number of that order.
    pub order_number: String,
    /// The invoice that it takes back.
    pub corrects: Option<DocumentNumber>,
    /// Why, on a credit note.
    pub reason: Option<String>,
    /// Of how much, with tax.
    pub total: Money,
    /// All tax.
    pub tax: Money,
    /// What came of it, or was given back.
    pub paid: Money,
    /// By when the rest is due.
    pub due: Option<Day>,
    /// Its language.
    pub language: String,
}

impl DocumentView {
    /// What lists say of it.
    pub fn of(issued: &Issued) -> DocumentView {
        let corrects = issued.corrects.as_ref();
        DocumentView {
            id: issued.id,
            kind: issued.kind,
            number: issued.number.clone(),
            date: issued.on,
            at: issued.at,
            by: issued.by.clone(),
            seller: issued.seller.clone(),
            order: issued.order,
            account: issued.account.clone(),
            order_number: issued.order_number.clone(),
            corrects: corrects.map(|invoice| invoice.number.clone()),
            reason: Some(issued.reason.clone()).filter(|reason| !reason.is_empty()),
            total: issued.bill.total,
            tax: issued.bill.tax,
            paid: issued.bill.paid,
            due: issued.days.due,
            language: issued.letterhead.language.clone(),
        }
    }
}

/// What was issued for an order, in turn. Nothing when there is no such order.
pub async fn of_order(
    engine: &Engine,
    id: OrderId,
) -> Result<Option<Vec<DocumentView>>, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
    let Some(order) = order else { return Ok(None) };
    let mut views = Vec::new();
    for entry in &order.documents {
        let issued = by_id(engine, entry.id).await?;
        views.extend(issued.as_ref().map(DocumentView::of));
    }
    Ok(Some(views))
}

/// What was issued under a number, or has this id of ours.
pub async fn find(engine: &Engine, name: &str) -> Result<Option<Issued>, StoreError> {
    if let Ok(id) = name.parse() {
        return by_id(engine, id).await;
    }
    let id: Option<DocumentId> = read(engine, rows::DOCUMENT_NUMBERS, &[name]).await?;
    match id {
        Some(id) => by_id(engine, id).await,
        None => Ok(None),
    }
}

async fn by_id(engine: &Engine, id: DocumentId) -> Result<Option<Issued>, StoreError> {
    read(engine, rows::DOCUMENTS, &[&id.to_string()]).await
}

/// What was issued, to be drawn: it says what it said.
pub async fn draw(engine: &Engine, issued: &Issued) -> Result<Document, StoreError> {
    let (store, sealer) = (engine.store.as_ref(), &engine.ports.sealer);
    let person = recipients::read(store, sealer, issued.id).await?;
    let references = References {
        order: issued.order_number.clone(),
        ordered_on: issued.days.ordered.map(Day::date),
        ..References::default()
    };
    let mut statement = statement(
        &issued.bill,
        person.unwrap_or_default(),
        (&issued.letterhead, issued.days),
        references,
    );
    let body = match &issued.corrects {
        None => Body::Invoice(statement),
        Some(invoice) => {
            // Nobody has to pay it.
            statement.terms = String::new();
            // The one line of a part says it already.
            let is_told = |line: &Line| line.title == issued.reason;
            let reason = match statement.lines.iter().any(is_told) {
                true => String::new(),
                false => issued.reason.clone(),
            };
            let correction = Correction {
                invoice: invoice.number.to_string(),
                date: Some(invoice.on.date()),
                reason,
            };
            Body::CreditNote(correction, statement)
        }
    };
    let number = issued.number.to_string();
    Ok(document(number, issued.on, &issued.letterhead, body))
}

/// An order with who issues its documents.
struct Drawn<'a> {
    loaded: Loaded,
    seller: &'a Seller,
    letterhead: Letterhead,
    person: Person,
    /// Today, where the seller is.
    on: Day,
}

async fn drawn(
    engine: &Engine,
    id: OrderId,
    language: Option<Language>,
) -> Result<Drawn<'_>, DecideError> {
    let loaded = load(engine, id).await?.ok_or(Refusal::NoOrder(id))?;
    let seller = engine.seller_of(&loaded.order.account)?;
    let letterhead = engine.sellers.letterhead(seller, &loaded.order, language);
    let person = persons::read(engine.store.as_ref(), &engine.ports.sealer, id).await?;
    Ok(Drawn {
        loaded,
        seller,
        letterhead,
        person: person.unwrap_or_default(),
        on: seller.day(engine.ports.clock.now()),
    })
}

impl Drawn<'_> {
    fn order(&self) -> &Order {
        &self.loaded.order
    }

    fn references(&self) -> References {
        References {
            order: self.order().number.clone(),
            ordered_on: Some(self.seller.day(self.order().placed_at).date()),
            note: self.person.note.clone(),
            ..References::default()
        }
    }

    fn document(&self, number: String, body: Body) -> Document {
        document(number, self.on, &self.letterhead, body)
    }
}

/// What an order is, for its buyer.
pub async fn confirmation(
    engine: &Engine,
    id: OrderId,
    language: Option<Language>,
) -> Result<Document, DecideError> {
    let drawn = drawn(engine, id, language).await?;
    let order = drawn.order();
    let terms = engine
        .decider
        .policy()
        .accounts
        .get(&order.account)
        .copied();
    let is_by_hand = terms.is_some_and(|terms| terms.is_by_hand);
    let bill = Bill::of(order, is_by_hand, &drawn.seller.rates);
    let bill = bill.map_err(|refusal| Refusal::Document(DocumentRefusal::Bill(refusal)))?;
    let statement = statement(
        &bill,
        drawn.person.clone(),
        (&drawn.letterhead, Days::default()),
        drawn.references(),
    );
    let body = Body::OrderConfirmation(statement);
    Ok(drawn.document(order.number.clone(), body))
}

/// What lies in a parcel of an order; without one, what is to be sent, or its only parcel.
pub async fn packing_slip(
    engine: &Engine,
    id: OrderId,
    shipment: Option<ShipmentId>,
    language: Option<Language>,
) -> Result<Document, DecideError> {
    let drawn = drawn(engine, id, language).await?;
    let order = drawn.order();
    let parcel = match shipment {
        Some(shipment) => {
            let found = order.shipment(shipment);
            Some(found.ok_or(Refusal::NoShipment {
                order: id,
                shipment,
            })?)
        }
        None if to_send(order).next().is_some() => None,
        None => match order.shipments.as_slice() {
            [only] => Some(only),
            _ => return Err(Refusal::NothingToShip.into()),
        },
    };
    let (number, lines) = match parcel {
        Some(parcel) => {
            let place = order.shipments.iter().position(|one| one.id == parcel.id);
            let place = place.map_or(0, |at| at + 1);
            let lines = parcel.lines.iter();
            let lines = lines.filter_map(|(line, units)| Some((order.line(*line)?, *units)));
            (format!("{}-{place}", order.number), lines.collect())
        }
        None => (order.number.clone(), to_send(order).collect::<Vec<_>>()),
    };
    let parcels = parcel.map(|parcel| Parcel {
        carrier: parcel.carrier.clone().unwrap_or_default(),
        tracking: parcel.tracking_number.clone().unwrap_or_default(),
        weight_g: None,
    });
    let is_told = |parcel: &Parcel| !parcel.carrier.is_empty() || !parcel.tracking.is_empty();
    let packing = Packing {
        ship_to: drawn.person.ship_to.clone(),
        references: drawn.references(),
        lines: lines
            .into_iter()
            .map(|(line, units)| packed(line, units))
            .collect(),
        parcels: parcels.into_iter().filter(is_told).collect(),
    };
    Ok(drawn.document(number, Body::PackingSlip(packing)))
}

/// The lines of which something must still leave.
fn to_send(order: &Order) -> impl Iterator<Item = (&order::Line, Quantity)> {
    let is_sent = !order.is_withdrawn();
    let lines = order.lines.iter().filter(move |_| is_sent);
    lines
        .filter(|line| line.requires_shipping)
        .map(|line| (line, line.counters.to_ship()))
        .filter(|(_, units)| units.is_positive())
}

fn packed(line: &order::Line, units: Quantity) -> PackedLine {
    PackedLine {
        position: line.number,
        sku: sku_of(line),
        title: line.title.clone(),
        // What leaves in place of something else was never ordered.
        ordered: line
            .counters
            .ordered
            .is_positive()
            .then(|| line.counters.wanted().to_decimal(line.scale)),
        quantity: units.to_decimal(line.scale),
        unit: String::new(),
    }
}

fn sku_of(line: &order::Line) -> String {
    let sku = line.item.as_ref().map(|item| item.sku.to_string());
    sku.or(line.channel_sku.clone()).unwrap_or_default()
}

/// What is to be fetched for some orders: what is promised to them and has not left.
pub async fn pick_list(
    engine: &Engine,
    ids: &[OrderId],
    sequence: Sequence,
    language: Option<Language>,
) -> Result<Document, DecideError> {
    let mut orders = Vec::new();
    let mut head: Option<(Letterhead, Day)> = None;
    for id in ids {
        let drawn = drawn(engine, *id, language).await?;
        let picks = picks(engine, &drawn.loaded).await?;
        let order = drawn.order();
        orders.push(PickOrder {
            order: order.number.clone(),
            channel: order.account.to_string(),
            ship_by: order.ship_by.map(|at| drawn.seller.day(at).date()),
            note: drawn.person.note.clone(),
            picks,
        });
        // It stays in the house, which speaks its own language.
        let mut letterhead = drawn.seller.letterhead.clone();
        if let Some(language) = language {
            letterhead.language = language.code().to_owned();
        }
        head.get_or_insert((letterhead, drawn.on));
    }
    orders.retain(|order| !order.picks.is_empty());
    let Some((letterhead, on)) = head.filter(|_| !orders.is_empty()) else {
        return Err(Refusal::NothingToShip.into());
    };
    let number = match orders.as_slice() {
        [only] => only.order.clone(),
        _ => engine.ports.clock.now().to_string(),
    };
    let picking = Picking { sequence, orders };
    Ok(document(number, on, &letterhead, Body::PickList(picking)))
}

async fn picks(engine: &Engine, loaded: &Loaded) -> Result<Vec<Pick>, StoreError> {
    let mut picks = Vec::new();
    for (line, units) in to_send(&loaded.order) {
        if line.item.is_none() {
            picks.push(Pick {
                location: String::new(),
                sku: sku_of(line),
                title: line.title.clone(),
                quantity: units.to_decimal(line.scale),
                unit: String::new(),
            });
        }
        let claims = loaded.book.claims.iter();
        for (key, claim) in claims.filter(|(key, _)| key.line == line.number) {
            let item: Option<Item> = read(engine, rows::ITEMS, &[key.sku.as_str()]).await?;
            let scale = item.as_ref().map_or(0, |item| item.scale);
            // What buyers call it, unless it is a part of that.
            let is_whole = line.item.as_ref().is_some_and(|item| item.sku == key.sku);
            let title = match item {
                Some(item) if !is_whole => item.title,
                Some(_) | None => line.title.clone(),
            };
            let places = claim.places.iter();
            let places = places.map(|(location, units)| (location.to_string(), *units));
            let all = places.chain(std::iter::once((String::new(), claim.pending())));
            picks.extend(
                all.filter(|(_, units)| units.is_positive())
                    .map(|(location, units)| Pick {
                        location,
                        sku: key.sku.to_string(),
                        title: title.clone(),
                        quantity: units.to_decimal(scale),
                        unit: String::new(),
                    }),
            );
        }
    }
    Ok(picks)
}

fn document(number: String, on: Day, letterhead: &Letterhead, body: Body) -> Document {
    Document {
        number,
        date: on.date(),
        language: letterhead.language.parse().unwrap_or_default(),
        paper: paper(&letterhead.paper),
        seller: letter(letterhead),
        footer: letterhead.footer.clone(),
        body,
    }
}

fn paper(word: &str) -> Paper {
    let all = [Paper::A4, Paper::Letter];
    let named = all.into_iter().find(|paper| paper_word(*paper) == word);
    named.unwrap_or_default()
}

fn letter(letterhead: &Letterhead) -> Letter {
    let bank = &letterhead.bank;
    let tax_ids = letterhead.tax_ids.iter();
    Letter {
        name: letterhead.name.clone(),
        address: letterhead.address.clone(),
        country: letterhead.country.clone(),
        tax_ids: tax_ids
            .map(|(name, number)| TaxId {
                name: name.clone(),
                number: number.clone(),
            })
            .collect(),
        register: letterhead.register.clone(),
        bank: (*bank != domain::issuing::Bank::default()).then(|| Bank {
            name: bank.name.clone(),
            holder: bank.holder.clone(),
            iban: bank.iban.clone(),
            bic: bank.bic.clone(),
        }),
        email: letterhead.email.clone(),
        phone: letterhead.phone.clone(),
    }
}

fn statement(
    bill: &Bill,
    person: Person,
    (letterhead, days): (&Letterhead, Days),
    references: References,
) -> Statement {
    let name_of_buyer = Address {
        name: person.buyer.name,
        ..Address::default()
    };
    let bill_to = person.bill_to.or(person.ship_to.clone());
    let is_named = |to: &Address| to.name == name_of_buyer.name;
    let is_known = name_of_buyer.name.is_empty()
        || bill_to.as_ref().is_some_and(is_named)
        || person.ship_to.as_ref().is_some_and(is_named);
    let taxes = bill.taxes.iter();
    // At a rate of which a credit has no share nothing is said.
    let taxes = taxes.filter(|part| part.gross.minor() != 0);
    Statement {
        currency: bill.currency,
        prices: match bill.prices {
            billing::Prices::WithTax => Prices::WithTax,
            billing::Prices::BeforeTax => Prices::BeforeTax,
        },
        buyer: (!is_known).then_some(name_of_buyer),
        bill_to,
        ship_to: person.ship_to,
        buyer_tax_id: String::new(),
        references,
        supplied_on: days.supplied.map(Day::date),
        lines: bill.lines.iter().map(line).collect(),
        shipping: bill.shipping,
        discount: bill.discount,
        taxes: taxes
            .map(|part| TaxLine {
                name: String::new(),
                rate: part.rate,
                net: part.net,
                tax: part.tax,
                gross: part.gross,
            })
            .collect(),
        tax: bill.tax,
        total: bill.total,
        paid: bill.paid,
        due_on: days.due.map(Day::date),
        terms: letterhead.terms.clone(),
        tax_note: letterhead.tax_note.clone(),
    }
}

fn line(line: &billing::BillLine) -> Line {
    Line {
        position: line.position,
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit: String::new(),
        unit_price: line.unit_price,
        discount: None,
        total: line.total,
        tax_rate: line.rate,
    }
}
