//! Entering orders that no channel tells of, and what happens to their money.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    AccountId, Currency, ExternalId, Money, Time,
    payment::{Method, Pays, Step},
    placement::{NewPayment, PlacedLine, Placement},
    signal::Command,
    snapshot::{Address, Buyer},
};
use serde::Deserialize;

use super::{Admin, orders::SOMEBODY};
use crate::{
    ask::{Amount, At, id},
    problem::{self, Problem},
    write::{Write, carry_out, optional_text, preview, text},
};

/// The most lines of an order, and the most payments that come with it.
const LINES_MAX: usize = 500;
/// The longest reference: it stands on papers and in addresses.
const REFERENCE_LENGTH_MAX: usize = 64;
/// The longest text of a note.
const NOTE_LENGTH_MAX: usize = 2000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrder {
    account: String,
    reference: Option<String>,
    placed_at: Option<Time>,
    currency: Currency,
    lines: Vec<NewLine>,
    shipping: Option<Amount>,
    discount: Option<Amount>,
    tax: Option<Amount>,
    total: Option<Amount>,
    #[serde(default)]
    buyer: NewBuyer,
    ship_to: Option<NewAddress>,
    bill_to: Option<NewAddress>,
    note: Option<String>,
    ship_by: Option<Time>,
    #[serde(default)]
    pays: Pays,
    #[serde(default)]
    payments: Vec<PaymentOf>,
    by: Option<String>,
    #[serde(default)]
    replaces: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLine {
    sku: Option<String>,
    title: Option<String>,
    units: Amount,
    price: Option<Amount>,
    total: Option<Amount>,
    tax: Option<Amount>,
    #[serde(default = "ships")]
    requires_shipping: bool,
}

fn ships() -> bool {
    true
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBuyer {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    name: Option<String>,
    company: Option<String>,
    #[serde(default)]
    street: Vec<String>,
    city: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    phone: Option<String>,
}

/// What happened to the money of an order; the amount is in its currency.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentOf {
    #[serde(default = "paid")]
    step: Step,
    method: Method,
    amount: Amount,
    reference: Option<String>,
    at: Option<Time>,
}

fn paid() -> Step {
    Step::Paid
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payment {
    #[serde(default = "paid")]
    step: Step,
    method: Method,
    amount: Money,
    reference: Option<String>,
    at: Option<Time>,
    by: Option<String>,
}

pub(crate) async fn place(
    State(admin): State<Admin>,
    write: Write<NewOrder>,
) -> Result<Response, Problem> {
    let command = read(&admin, write.body)?;
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn try_out(
    State(admin): State<Admin>,
    write: Write<NewOrder>,
) -> Result<Response, Problem> {
    let command = read(&admin, write.body)?;
    preview(&admin, command).await
}

fn read(admin: &Admin, asked: NewOrder) -> Result<Command, Problem> {
    let placement = asked.read()?;
    admin.account(placement.account.as_str())?;
    Ok(Command::Place(Box::new(placement)))
}

pub(crate) async fn pay(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<Payment>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let command = Command::Pay {
        order: id("order", &order)?,
        payment: NewPayment {
            step: asked.step,
            method: asked.method,
            amount: asked.amount,
            reference: optional_text("reference", asked.reference)?.unwrap_or_default(),
            at: asked.at,
            by: by(asked.by)?,
        },
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

fn by(said: Option<String>) -> Result<String, Problem> {
    Ok(optional_text("by", said)?.unwrap_or_else(|| SOMEBODY.to_owned()))
}

impl NewOrder {
    fn read(self) -> Result<Placement, Problem> {
        let currency = self.currency;
        few("lines", self.lines.len())?;
        few("payments", self.payments.len())?;
        let by = by(self.by)?;
        let lines = self.lines.into_iter().enumerate();
        let lines = lines.map(|(at, line)| line.read(at, currency));
        let payments = self.payments.into_iter().enumerate();
        let payments = payments.map(|(at, payment)| payment.read(at, currency, &by));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let payments = payments.collect::<Result<Vec<_>, _>>()?;
        let or_nothing = |path: &str, amount: Option<Amount>| {
            let amount = money(path, amount, currency)?;
            Ok::<Money, Problem>(amount.unwrap_or(Money::zero(currency)))
        };
        Ok(Placement {
            account: AccountId::new(text("account", self.account)?),
            reference: reference(self.reference)?,
            placed_at: self.placed_at,
            lines,
            shipping: or_nothing("shipping", self.shipping)?,
            discount: or_nothing("discount", self.discount)?,
            tax: or_nothing("tax", self.tax)?,
            total: money("total", self.total, currency)?,
            buyer: self.buyer.read()?,
            ship_to: address("ship_to", self.ship_to)?,
            bill_to: address("bill_to", self.bill_to)?,
            note: note(self.note)?,
            ship_by: self.ship_by,
            pays: self.pays,
            payments,
            by,
            replaces: self.replaces,
            person_print: None,
            gist: None,
        })
    }
}

impl NewLine {
    fn read(self, at: usize, currency: Currency) -> Result<PlacedLine, Problem> {
        let path = |part: &str| format!("lines[{at}].{part}");
        let price = money(&path("price"), self.price, currency)?;
        Ok(PlacedLine {
            sku: optional_text(&path("sku"), self.sku)?,
            title: optional_text(&path("title"), self.title)?.unwrap_or_default(),
            units: self.units.0,
            price,
            total: money(&path("total"), self.total, currency)?,
            tax: money(&path("tax"), self.tax, currency)?,
            requires_shipping: self.requires_shipping,
        })
    }
}

impl PaymentOf {
    fn read(self, at: usize, currency: Currency, by: &str) -> Result<NewPayment, Problem> {
        let path = |part: &str| format!("payments[{at}].{part}");
        let amount = money(&path("amount"), Some(self.amount), currency)?;
        Ok(NewPayment {
            step: self.step,
            method: self.method,
            amount: amount.unwrap_or(Money::zero(currency)),
            reference: optional_text(&path("reference"), self.reference)?.unwrap_or_default(),
            at: self.at,
            by: by.to_owned(),
        })
    }
}

impl NewBuyer {
    fn read(self) -> Result<Buyer, Problem> {
        let part =
            |path: &str, said| Ok::<_, Problem>(optional_text(path, said)?.unwrap_or_default());
        Ok(Buyer {
            name: part("buyer.name", self.name)?,
            email: part("buyer.email", self.email)?,
            phone: part("buyer.phone", self.phone)?,
            handle: String::new(),
        })
    }
}

fn address(path: &str, said: Option<NewAddress>) -> Result<Option<Address>, Problem> {
    let Some(said) = said else { return Ok(None) };
    let part = |name: &str, said| {
        let said = optional_text(&format!("{path}.{name}"), said)?;
        Ok::<String, Problem>(said.unwrap_or_default())
    };
    let street = said.street.into_iter();
    let street = street.map(|line| part("street", Some(line)));
    let country = part("country", said.country)?;
    let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !is_code {
        let detail = format!("{path}.country: write two letters, as DE or US");
        let path = format!("{path}.country");
        return Err(Problem::new(&problem::BAD_BODY, detail).with("path", path));
    }
    Ok(Some(Address {
        street: street.collect::<Result<Vec<_>, _>>()?,
        country: country.to_ascii_uppercase(),
        name: part("name", said.name)?,
        company: part("company", said.company)?,
        city: part("city", said.city)?,
        region: part("region", said.region)?,
        postal_code: part("postal_code", said.postal_code)?,
        phone: part("phone", said.phone)?,
    }))
}

fn money(path: &str, amount: Option<Amount>, currency: Currency) -> Result<Option<Money>, Problem> {
    let read = |amount: Amount| {
        Money::parse(&amount.0.to_string(), currency).map_err(|error| {
            Problem::new(&problem::BAD_BODY, format!("{path}: {error}")).with("path", path)
        })
    };
    amount.map(read).transpose()
}

fn reference(said: Option<String>) -> Result<Option<ExternalId>, Problem> {
    let said = optional_text("reference", said)?;
    if said
        .as_ref()
        .is_some_and(|said| said.len() > REFERENCE_LENGTH_MAX)
    {
        let detail = format!("reference: it has more than {REFERENCE_LENGTH_MAX} characters");
        return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "reference"));
    }
    Ok(said.map(ExternalId::new))
}

/// What a buyer says may have lines.
fn note(said: Option<String>) -> Result<String, Problem> {
    let said = said.unwrap_or_default();
    let is_odd = |c: char| c.is_control() && c != '\n';
    if said.chars().count() > NOTE_LENGTH_MAX || said.chars().any(is_odd) {
        let detail =
            format!("note: at most {NOTE_LENGTH_MAX} characters, and none that cannot be seen");
        return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "note"));
    }
    Ok(said.trim().to_owned())
}

fn few(path: &'static str, count: usize) -> Result<(), Problem> {
    if count <= LINES_MAX {
        return Ok(());
    }
    let detail = format!("{path}: more than {LINES_MAX}");
    Err(Problem::new(&problem::BAD_BODY, detail).with("path", path))
}
