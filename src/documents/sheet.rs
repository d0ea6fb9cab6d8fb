//! What stands where on a document, as texts in its language: the one model that both forms draw.
//!
//! All that depends on the kind of a document is decided here. It draws nothing and escapes nothing.

use domain::{Decimal, Money, snapshot::Address};
use jiff::civil::Date;

use crate::{
    Body, Correction, Document, Language, Line, Packing, Paper, PickOrder, Picking, Prices,
    References, Seller, Sequence, Statement, TaxLine, address,
    labels::Label,
    text::{is_blank, one_line},
};

/// Holds parts of one remark together.
const BETWEEN: &str = " · ";

/// A document, ready to be drawn.
pub(crate) struct Sheet {
    pub(crate) language: Language,
    pub(crate) paper: Paper,
    /// The day of the document.
    pub(crate) date: Date,
    /// What kind it is.
    pub(crate) kind: &'static str,
    /// Its number.
    pub(crate) number: String,
    /// The seller's name.
    pub(crate) seller: String,
    /// The seller's address, a line each.
    pub(crate) seller_lines: Vec<String>,
    /// Who it goes to, and what else has an address.
    pub(crate) parties: Vec<Party>,
    /// Labels with what they are for this document.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Tables, one below the other.
    pub(crate) tables: Vec<Table>,
    /// What is added up below the first table.
    pub(crate) sums: Vec<Sum>,
    /// Texts below all that, each with a heading that may be empty.
    pub(crate) notes: Vec<(&'static str, String)>,
    /// Columns of lines at the foot.
    pub(crate) foot: Vec<Vec<String>>,
}

/// An address with what it is for.
pub(crate) struct Party {
    pub(crate) heading: &'static str,
    pub(crate) lines: Vec<String>,
}

/// A table with a heading to each column.
pub(crate) struct Table {
    /// Above it; empty for the one that the document is about.
    pub(crate) caption: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Column {
    pub(crate) heading: &'static str,
    /// Whether its cells are numbers, which stand to the right.
    pub(crate) is_number: bool,
    /// Whether it takes the room that the others leave.
    pub(crate) takes_rest: bool,
}

pub(crate) enum Row {
    /// Heads the rows below it.
    Group(String),
    /// A cell to each column.
    Cells(Vec<Cell>),
}

pub(crate) enum Cell {
    Text(String),
    /// A text, and in small what says more of it.
    Item {
        title: String,
        detail: String,
    },
    /// A box to be ticked with a pen.
    TickBox,
}

/// One line of what is added up.
pub(crate) struct Sum {
    pub(crate) label: String,
    pub(crate) amount: String,
    /// Whether the eye should find it first.
    pub(crate) is_main: bool,
}

/// Lays out a document that was checked.
pub(crate) fn lay_out(document: &Document) -> Sheet {
    let language = document.language;
    let kind = match &document.body {
        Body::OrderConfirmation(_) => Label::OrderConfirmation,
        Body::Invoice(_) => Label::Invoice,
        Body::CreditNote(..) => Label::CreditNote,
        Body::PackingSlip(_) => Label::PackingSlip,
        Body::PickList(_) => Label::PickList,
    };
    let seller = &document.seller;
    let mut seller_lines = kept(&seller.address);
    let country = Address {
        country: seller.country.clone(),
        ..Address::default()
    };
    seller_lines.extend(address::lines(&country, language, ""));
    let mut sheet = Sheet {
        language,
        paper: document.paper,
        date: document.date,
        kind: kind.text(language),
        number: one_line(&document.number),
        seller: one_line(&seller.name),
        seller_lines,
        parties: Vec::new(),
        facts: Vec::new(),
        tables: Vec::new(),
        sums: Vec::new(),
        notes: Vec::new(),
        foot: Vec::new(),
    };
    sheet.fact(Label::Number, &document.number);
    sheet.day(Label::Date, Some(document.date));
    let home = &seller.country;
    match &document.body {
        Body::OrderConfirmation(statement) => sheet.state(statement, home, None),
        Body::Invoice(statement) => sheet.state(statement, home, None),
        Body::CreditNote(correction, statement) => sheet.state(statement, home, Some(correction)),
        Body::PackingSlip(packing) => sheet.pack(packing, home),
        Body::PickList(picking) => sheet.pick(picking),
    }
    // A pick list stays in the house.
    if !matches!(document.body, Body::PickList(_)) {
        sheet.foot = foot(seller, language);
    }
    if !is_blank(&document.footer) {
        sheet.notes.push(("", document.footer.clone()));
    }
    sheet
}

impl Sheet {
    fn text(&self, label: Label) -> &'static str {
        label.text(self.language)
    }

    fn fact(&mut self, label: Label, text: &str) {
        if !is_blank(text) {
            self.facts.push((self.text(label), text.to_owned()));
        }
    }

    fn day(&mut self, label: Label, day: Option<Date>) {
        if let Some(day) = day {
            self.facts.push((self.text(label), self.language.date(day)));
        }
    }

    fn note(&mut self, label: Label, text: &str) {
        if !is_blank(text) {
            self.notes.push((self.text(label), text.to_owned()));
        }
    }

    fn party(&mut self, label: Label, party: Option<&Address>, home: &str) {
        let lines = party.map(|party| address::lines(party, self.language, home));
        if let Some(lines) = lines.filter(|lines| !lines.is_empty()) {
            let heading = self.text(label);
            self.parties.push(Party { heading, lines });
        }
    }

    fn refer(&mut self, references: &References) {
        self.fact(Label::Order, &references.order);
        self.day(Label::OrderedOn, references.ordered_on);
        self.fact(Label::Channel, &references.channel);
        self.fact(Label::BuyerReference, &references.buyer_reference);
    }

    fn state(&mut self, statement: &Statement, home: &str, correction: Option<&Correction>) {
        let language = self.language;
        self.party(Label::Buyer, statement.buyer.as_ref(), home);
        self.party(Label::BillTo, statement.bill_to.as_ref(), home);
        let elsewhere = |to: &&Address| Some(*to) != statement.bill_to.as_ref();
        let ship_to = statement.ship_to.as_ref().filter(elsewhere);
        self.party(Label::ShipTo, ship_to, home);
        if let Some(correction) = correction {
            let invoice = match correction.date {
                Some(date) => language.fill(
                    Label::CorrectsOf,
                    &[&correction.invoice, &language.date(date)],
                ),
                None => correction.invoice.clone(),
            };
            self.fact(Label::Corrects, &invoice);
            self.notes.push(("", correction.reason.clone()));
        }
        self.day(Label::SuppliedOn, statement.supplied_on);
        self.day(Label::DueOn, statement.due_on);
        self.refer(&statement.references);
        self.fact(Label::BuyerTaxId, &statement.buyer_tax_id);
        self.tables.push(priced_lines(&statement.lines, language));
        self.add_up(statement, correction.is_some());
        if !statement.taxes.is_empty() {
            self.tables.push(taxes(&statement.taxes, language));
            let prices = match statement.prices {
                Prices::WithTax => Label::PricesWithTax,
                Prices::BeforeTax => Label::PricesBeforeTax,
            };
            self.notes.push(("", self.text(prices).to_owned()));
        }
        self.notes.push(("", statement.tax_note.clone()));
        self.note(Label::Terms, &statement.terms);
        self.note(Label::Note, &statement.references.note);
        self.notes.retain(|(_, text)| !is_blank(text));
    }

    fn add_up(&mut self, statement: &Statement, is_credit: bool) {
        let items = statement.lines.iter().map(|line| line.total.minor()).sum();
        let money = |minor| {
            Money::from_minor(minor, statement.currency).expect("the check held it to be in range")
        };
        let (shipping, discount) = (statement.shipping, statement.discount);
        if shipping.or(discount).is_some() || statement.prices == Prices::BeforeTax {
            self.sum(Label::Items, money(items));
        }
        if let Some(shipping) = shipping {
            self.sum(Label::Shipping, shipping);
        }
        if let Some(discount) = discount {
            self.sum(Label::Discount, money(-discount.minor()));
        }
        let net = money(statement.total.minor() - statement.tax.minor());
        let is_taxed = !statement.taxes.is_empty();
        if is_taxed && statement.prices == Prices::BeforeTax {
            self.sum(Label::SumNet, net);
            self.sum(Label::SumTax, statement.tax);
        }
        let (total, paid, due, beyond) = match is_credit {
            false => (Label::Total, Label::Paid, Label::Due, Label::Overpaid),
            true => (
                Label::TotalCredit,
                Label::Returned,
                Label::ToReturn,
                Label::OverReturned,
            ),
        };
        self.sum(total, statement.total);
        self.main();
        if is_taxed && statement.prices == Prices::WithTax {
            self.sum(Label::TaxWithin, statement.tax);
        }
        self.sum(paid, statement.paid);
        let rest = statement.total.minor() - statement.paid.minor();
        let label = if rest < 0 { beyond } else { due };
        self.sum(label, money(rest.abs()));
        self.main();
    }

    fn sum(&mut self, label: Label, amount: Money) {
        self.sums.push(Sum {
            label: self.text(label).to_owned(),
            amount: self.language.money(amount),
            is_main: false,
        });
    }

    /// Lets the eye find the last sum first.
    fn main(&mut self) {
        if let Some(last) = self.sums.last_mut() {
            last.is_main = true;
        }
    }

    fn pack(&mut self, packing: &Packing, home: &str) {
        let language = self.language;
        self.party(Label::ShipTo, packing.ship_to.as_ref(), home);
        self.refer(&packing.references);
        self.tables.push(packed_lines(packing, language));
        if !packing.parcels.is_empty() {
            self.tables.push(parcels(packing, language));
        }
        self.note(Label::Note, &packing.references.note);
    }

    fn pick(&mut self, picking: &Picking) {
        let language = self.language;
        self.facts.push((
            self.text(Label::Orders),
            language.decimal(count(picking.orders.len())),
        ));
        self.tables.push(match picking.sequence {
            Sequence::ByOrder => picks_by_order(picking, language),
            Sequence::ByLocation => picks_by_location(picking, language),
        });
        if picking.sequence == Sequence::ByLocation {
            for order in &picking.orders {
                let said = order.ship_by.is_some() || !is_blank(&order.note);
                if said {
                    self.notes.push(("", order_heading(order, language)));
                }
            }
        }
    }
}

fn column(label: Label, language: Language, is_number: bool) -> Column {
    Column {
        heading: label.text(language),
        is_number,
        takes_rest: label == Label::Item,
    }
}

fn priced_lines(lines: &[Line], language: Language) -> Table {
    let has_discount = lines.iter().any(|line| line.discount.is_some());
    let has_tax = lines.iter().any(|line| line.tax_rate.is_some());
    let mut columns = vec![
        column(Label::Position, language, true),
        column(Label::Item, language, false),
        column(Label::Quantity, language, true),
        column(Label::UnitPrice, language, true),
    ];
    if has_discount {
        columns.push(column(Label::LineDiscount, language, true));
    }
    if has_tax {
        columns.push(column(Label::Tax, language, true));
    }
    columns.push(column(Label::LineTotal, language, true));
    let money = |amount: Option<Money>| {
        Cell::Text(amount.map_or(String::new(), |amount| language.money(amount)))
    };
    let row = |line: &Line| {
        let mut cells = vec![
            Cell::Text(line.position.to_string()),
            item(&line.title, &line.sku, language),
            Cell::Text(measure(line.quantity, &line.unit, language)),
            money(line.unit_price),
        ];
        if has_discount {
            let minus = |amount: Money| Money::zero(amount.currency()).minus(amount).ok();
            cells.push(money(line.discount.and_then(minus)));
        }
        if has_tax {
            let rate = line.tax_rate.map(|rate| language.percent(rate));
            cells.push(Cell::Text(rate.unwrap_or_default()));
        }
        cells.push(money(Some(line.total)));
        Row::Cells(cells)
    };
    Table {
        caption: "",
        columns,
        rows: lines.iter().map(row).collect(),
    }
}

fn taxes(taxes: &[TaxLine], language: Language) -> Table {
    let row = |line: &TaxLine| {
        let name = match is_blank(&line.name) {
            true => Label::Tax.text(language).to_owned(),
            false => line.name.clone(),
        };
        let rate = line.rate.map(|rate| format!(" {}", language.percent(rate)));
        let amounts =
            [line.net, line.tax, line.gross].map(|amount| Cell::Text(language.money(amount)));
        let name = Cell::Text(format!("{name}{}", rate.unwrap_or_default()));
        Row::Cells(std::iter::once(name).chain(amounts).collect())
    };
    let mut columns = vec![Column {
        heading: Label::Rate.text(language),
        is_number: false,
        takes_rest: true,
    }];
    columns
        .extend([Label::Net, Label::Tax, Label::Gross].map(|label| column(label, language, true)));
    Table {
        caption: Label::Taxes.text(language),
        columns,
        rows: taxes.iter().map(row).collect(),
    }
}

fn packed_lines(packing: &Packing, language: Language) -> Table {
    let has_ordered = packing.lines.iter().any(|line| line.ordered.is_some());
    let mut columns = vec![
        column(Label::Position, language, true),
        column(Label::Item, language, false),
    ];
    if has_ordered {
        columns.push(column(Label::Ordered, language, true));
    }
    columns.push(column(Label::Quantity, language, true));
    let rows = packing.lines.iter().map(|line| {
        let quantity = |quantity| Cell::Text(measure(quantity, &line.unit, language));
        let mut cells = vec![
            Cell::Text(line.position.to_string()),
            item(&line.title, &line.sku, language),
        ];
        if has_ordered {
            cells.push(line.ordered.map_or(Cell::Text(String::new()), quantity));
        }
        cells.push(quantity(line.quantity));
        Row::Cells(cells)
    });
    Table {
        caption: "",
        columns,
        rows: rows.collect(),
    }
}

fn parcels(packing: &Packing, language: Language) -> Table {
    let rows = packing
        .parcels
        .iter()
        .zip(1_usize..)
        .map(|(parcel, number)| {
            let weight = parcel.weight_g.map(|grams| language.weight(grams));
            Row::Cells(vec![
                Cell::Text(number.to_string()),
                Cell::Text(parcel.carrier.clone()),
                Cell::Text(parcel.tracking.clone()),
                Cell::Text(weight.unwrap_or_default()),
            ])
        });
    let mut columns = vec![
        column(Label::Parcel, language, true),
        column(Label::Carrier, language, false),
        column(Label::Tracking, language, false),
        column(Label::Weight, language, true),
    ];
    columns[2].takes_rest = true;
    Table {
        caption: Label::Parcels.text(language),
        columns,
        rows: rows.collect(),
    }
}

fn picks_by_order(picking: &Picking, language: Language) -> Table {
    let mut rows = Vec::new();
    for order in &picking.orders {
        rows.push(Row::Group(order_heading(order, language)));
        rows.extend(order.picks.iter().map(|pick| {
            Row::Cells(vec![
                Cell::TickBox,
                Cell::Text(pick.location.clone()),
                item(&pick.title, &pick.sku, language),
                Cell::Text(measure(pick.quantity, &pick.unit, language)),
            ])
        }));
    }
    Table {
        caption: "",
        columns: vec![
            column(Label::Picked, language, false),
            column(Label::Location, language, false),
            column(Label::Item, language, false),
            column(Label::Quantity, language, true),
        ],
        rows,
    }
}

fn picks_by_location(picking: &Picking, language: Language) -> Table {
    let of_order = |order| move |pick| (order, pick);
    let mut picks: Vec<_> = picking
        .orders
        .iter()
        .flat_map(|order| order.picks.iter().map(of_order(&order.order)))
        .collect();
    picks.sort_by_key(|(_, pick)| (&pick.location, &pick.sku));
    let rows = picks.into_iter().map(|(order, pick)| {
        Row::Cells(vec![
            Cell::TickBox,
            Cell::Text(pick.location.clone()),
            item(&pick.title, &pick.sku, language),
            Cell::Text(order.clone()),
            Cell::Text(measure(pick.quantity, &pick.unit, language)),
        ])
    });
    Table {
        caption: "",
        columns: vec![
            column(Label::Picked, language, false),
            column(Label::Location, language, false),
            column(Label::Item, language, false),
            column(Label::Order, language, false),
            column(Label::Quantity, language, true),
        ],
        rows: rows.collect(),
    }
}

/// What stands above the picks of an order.
fn order_heading(order: &PickOrder, language: Language) -> String {
    let number = language.fill(Label::PickOrder, &[&order.order]);
    let by = order.ship_by.map(|day| language.date(day));
    let by = by.map(|day| language.fill(Label::ShipBy, &[&day]));
    let parts = [
        number,
        order.channel.clone(),
        by.unwrap_or_default(),
        order.note.clone(),
    ];
    let parts = parts.into_iter().filter(|part| !is_blank(part));
    parts.collect::<Vec<_>>().join(BETWEEN)
}

fn item(title: &str, sku: &str, language: Language) -> Cell {
    match (is_blank(title), is_blank(sku)) {
        (_, true) => Cell::Text(title.to_owned()),
        (true, false) => Cell::Text(sku.to_owned()),
        (false, false) => Cell::Item {
            title: title.to_owned(),
            detail: language.fill(Label::Sku, &[sku]),
        },
    }
}

/// A quantity with its unit, which no line end parts.
fn measure(quantity: Decimal, unit: &str, language: Language) -> String {
    let number = language.decimal(quantity);
    match is_blank(unit) {
        true => number,
        false => format!("{number}\u{A0}{}", unit.trim()),
    }
}

fn count(number: usize) -> Decimal {
    Decimal::whole(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The seller once more, for whoever looks for a number to call or to send money to.
fn foot(seller: &Seller, language: Language) -> Vec<Vec<String>> {
    let labeled = |label: Label, text: &str| match is_blank(text) {
        true => String::new(),
        false => language.fill(label, &[text]),
    };
    let mut contact = vec![seller.name.clone()];
    contact.extend(seller.address.iter().cloned());
    contact.push(labeled(Label::Phone, &seller.phone));
    contact.push(labeled(Label::Email, &seller.email));
    let mut law = vec![seller.register.clone()];
    for id in seller.tax_ids.iter().filter(|id| !is_blank(&id.number)) {
        let name = match is_blank(&id.name) {
            true => Label::VatId.text(language),
            false => &id.name,
        };
        law.push(format!("{name}: {}", id.number));
    }
    let bank = seller.bank.as_ref().map_or(Vec::new(), |bank| {
        vec![
            bank.name.clone(),
            labeled(Label::AccountHolder, &bank.holder),
            labeled(Label::Iban, &bank.iban),
            labeled(Label::Bic, &bank.bic),
        ]
    });
    let columns = [contact, law, bank].map(|lines| kept(&lines));
    columns
        .into_iter()
        .filter(|lines| !lines.is_empty())
        .collect()
}

/// The lines that say something.
fn kept(lines: &[String]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| !is_blank(line))
        .cloned()
        .collect()
}
