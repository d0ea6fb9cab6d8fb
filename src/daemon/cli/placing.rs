//! `oneshelf orders add` and `pay`: orders that no channel tells of.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{
    client::Client,
    orders::{find, told},
    out::{Out, show},
};
use crate::exit::Exit;

/// An order as somebody takes it down.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// On which account; its `kind` is `manual`.
    #[arg(long)]
    account: String,
    /// What was bought: an item, how many, and the price of one, `MUG=2@9.90`.
    #[arg(long = "line", required = true, value_name = "SKU=UNITS@PRICE", value_parser = line)]
    lines: Vec<Line>,
    /// In which currency.
    #[arg(long)]
    currency: String,
    /// For sending it.
    #[arg(long)]
    shipping: Option<String>,
    /// Taken off.
    #[arg(long)]
    discount: Option<String>,
    /// The tax within the prices.
    #[arg(long)]
    tax: Option<String>,
    /// What it must come to; it is refused when it does not.
    #[arg(long)]
    total: Option<String>,
    /// Your number of it. Entered again under the same one it changes nothing.
    #[arg(long)]
    reference: Option<String>,
    /// It takes the place of what was entered under the reference.
    #[arg(long, requires = "reference")]
    replace: bool,
    /// When it was placed (RFC 3339); now when it is not said.
    #[arg(long)]
    placed_at: Option<String>,
    /// By when it is to be shipped (RFC 3339).
    #[arg(long)]
    ship_by: Option<String>,
    #[command(flatten)]
    person: Person,
    /// When it may leave.
    #[arg(long, value_enum, default_value_t = Pays::Before)]
    pays: Pays,
    /// What was paid already, `cash=10.00`; again for more.
    #[arg(long = "paid", value_name = "METHOD=AMOUNT", value_parser = paid)]
    paid: Vec<(Method, String)>,
    /// What the buyer said.
    #[arg(long)]
    note: Option<String>,
    /// Who enters it.
    #[arg(long)]
    by: Option<String>,
    /// Only says what would become of it.
    #[arg(long)]
    dry_run: bool,
}

/// Who bought, and where it goes.
#[derive(Debug, clap::Args)]
struct Person {
    /// Who bought.
    #[arg(long)]
    name: Option<String>,
    /// Their e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Their phone number.
    #[arg(long)]
    phone: Option<String>,
    /// Who receives it; whoever bought when it is not said.
    #[arg(long)]
    ship_name: Option<String>,
    /// Street and number; again for more lines.
    #[arg(long)]
    street: Vec<String>,
    /// The town.
    #[arg(long)]
    city: Option<String>,
    /// The postal code.
    #[arg(long)]
    postal_code: Option<String>,
    /// State or province.
    #[arg(long)]
    region: Option<String>,
    /// Two letters, `DE`. Without one nothing is sent: it is taken along.
    #[arg(long)]
    country: Option<String>,
}

/// What happened to the money of an order.
#[derive(Debug, clap::Args)]
pub(super) struct Pay {
    /// Our id of it, or its number.
    order: String,
    /// How much, `12.50`.
    #[arg(long)]
    amount: String,
    /// By which means.
    #[arg(long, value_enum)]
    method: Method,
    /// What happened.
    #[arg(long, value_enum, default_value_t = Step::Paid)]
    step: Step,
    /// What the bank, the terminal or the provider calls it.
    #[arg(long)]
    reference: Option<String>,
    /// When it happened (RFC 3339); now when it is not said.
    #[arg(long)]
    at: Option<String>,
    /// Who enters it.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Clone, Debug)]
struct Line {
    sku: String,
    units: String,
    price: String,
}

/// When an order may leave.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Pays {
    /// When it is paid.
    Before,
    /// Before: the money is due when it arrives.
    OnDelivery,
    /// Before: the money is due by its invoice.
    OnInvoice,
}

/// By which means money comes and goes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    /// A card.
    Card,
    /// PayPal.
    Paypal,
    /// A transfer to your account.
    BankTransfer,
    /// Notes and coins.
    Cash,
    /// A gift card or voucher.
    GiftCard,
    /// To whoever delivers it.
    CashOnDelivery,
    /// Something else.
    Other,
}

/// What happened to money.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Step {
    /// It came.
    Paid,
    /// It was reserved, and not taken.
    Authorized,
    /// What was reserved was taken.
    Captured,
    /// What was reserved was given up.
    Voided,
    /// It was given back.
    Refunded,
    /// What was given back came again.
    RefundReversed,
}

/// The word of a value, as the API has it.
fn word(value: impl ValueEnum) -> String {
    let name = value.to_possible_value();
    name.map(|name| name.get_name().replace('-', "_"))
        .unwrap_or_default()
}

fn line(text: &str) -> Result<Line, String> {
    let parts = || {
        let (sku, rest) = text.split_once('=')?;
        let (units, price) = rest.split_once('@')?;
        Some((sku, units, price))
    };
    let (sku, units, price) = parts().ok_or("write it as SKU=UNITS@PRICE, as MUG=2@9.90")?;
    Ok(Line {
        sku: sku.to_owned(),
        units: units.to_owned(),
        price: price.to_owned(),
    })
}

fn paid(text: &str) -> Result<(Method, String), String> {
    let (method, amount) = text
        .split_once('=')
        .ok_or("write it as METHOD=AMOUNT, as cash=10.00")?;
    Ok((Method::from_str(method, true)?, amount.to_owned()))
}

pub(super) async fn add(asked: &Add, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let path = match asked.dry_run {
        true => "/orders/preview",
        false => "/orders",
    };
    let receipt = client.post(path, &body(asked)).await?;
    if out.is_json() {
        return told(&receipt, "", out);
    }
    let phase = show(&receipt, "phase");
    if asked.dry_run {
        let sentence = match receipt["effect"] == "nothing_to_do" {
            true => format!("It was entered before; it is {phase}."),
            false => format!("It would be entered, and be {phase}. Nothing was changed."),
        };
        out.line(&sentence)?;
        return Ok(Exit::Good);
    }
    let order = client
        .get(&format!("/orders/{}", show(&receipt, "order")))
        .await?;
    let did = match receipt["effect"] == "nothing_to_do" {
        true => "It was entered before",
        false => "Entered",
    };
    let (number, id) = (show(&order, "number"), show(&order, "id"));
    out.line(&format!("{did}: order {number} ({id}); it is {phase}."))?;
    let unknown = order["lines"].as_array().into_iter().flatten();
    for line in unknown.filter(|line| line["sku"].is_null()) {
        let (line, sku) = (show(line, "number"), show(line, "channel_sku"));
        out.line(&format!(
            "Line {line}: there is no item {sku}. Say which it is with `oneshelf orders map {number} {line} SKU`."
        ))?;
    }
    Ok(Exit::Good)
}

fn body(asked: &Add) -> Value {
    let lines = asked.lines.iter();
    let lines =
        lines.map(|line| json!({ "sku": line.sku, "units": line.units, "price": line.price }));
    let payments = asked.paid.iter();
    let payments =
        payments.map(|(method, amount)| json!({ "method": word(*method), "amount": amount }));
    let mut body = json!({
        "account": asked.account,
        "currency": asked.currency.to_uppercase(),
        "lines": lines.collect::<Vec<_>>(),
        "payments": payments.collect::<Vec<_>>(),
        "pays": word(asked.pays),
        "replaces": asked.replace,
        "buyer": present(&[
            ("name", &asked.person.name),
            ("email", &asked.person.email),
            ("phone", &asked.person.phone),
        ]),
    });
    let rest = present(&[
        ("shipping", &asked.shipping),
        ("discount", &asked.discount),
        ("tax", &asked.tax),
        ("total", &asked.total),
        ("reference", &asked.reference),
        ("placed_at", &asked.placed_at),
        ("ship_by", &asked.ship_by),
        ("note", &asked.note),
        ("by", &asked.by),
    ]);
    if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), rest) {
        body.extend(rest);
        body.extend(asked.person.ship_to());
    }
    body
}

impl Person {
    fn ship_to(&self) -> Map<String, Value> {
        let Some(country) = &self.country else {
            return Map::new();
        };
        let name = self.ship_name.clone().or_else(|| self.name.clone());
        let mut address = present(&[
            ("name", &name),
            ("city", &self.city),
            ("postal_code", &self.postal_code),
            ("region", &self.region),
        ]);
        address["country"] = json!(country);
        address["street"] = json!(self.street);
        Map::from_iter([("ship_to".to_owned(), address)])
    }
}

/// What was said, by its names.
fn present(parts: &[(&str, &Option<String>)]) -> Value {
    let said = parts
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), json!(value.as_ref()?))));
    Value::Object(said.collect())
}

pub(super) async fn pay(asked: &Pay, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let id = find(&asked.order, client).await?;
    let order = client.get(&format!("/orders/{id}")).await?;
    let mut body = present(&[
        ("reference", &asked.reference),
        ("at", &asked.at),
        ("by", &asked.by),
    ]);
    body["step"] = json!(word(asked.step));
    body["method"] = json!(word(asked.method));
    body["amount"] = json!({ "amount": asked.amount, "currency": order["total"]["currency"] });
    let receipt = client
        .post(&format!("/orders/{id}/payments"), &body)
        .await?;
    told(&receipt, "Noted", out)
}
