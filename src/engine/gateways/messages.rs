//! The admin's messages: what stands in them, and who gets them, as it is when they are sent.
//!
//! A template sees the values of [`values`] and nothing else. What of them is somebody's data is read from its
//! sealed row when the message is sent, and is in nothing that stays behind.

use std::time::Duration;

use domain::{
    Time,
    intent::{Intent, Outcome},
    message::{Notice, Way},
    order::Order,
    person::Person,
    snapshot::Address,
};
use serde_json::{Value, json};
use store::StoreError;

use crate::{Engine, persons, ports::formula};

/// One of the admin's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the admin calls it.
    pub name: String,
    /// Who gets it.
    pub to: To,
    /// From whom it is, where that is said of this one.
    pub from: Option<String>,
    /// Template of its subject.
    pub subject: String,
    /// Template of its text.
    pub text: String,
    /// Template of the same as HTML.
    pub html: Option<String>,
    /// So long it is news.
    pub within: Duration,
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Whoever bought.
    Buyer,
    /// People of the house.
    Addresses(Vec<String>),
    /// A program.
    Webhook,
}

/// A message that is ready to go.
pub struct Letter {
    /// The same for each try.
    pub id: String,
    /// When the message was made.
    pub made_at: Time,
    /// What the admin calls it.
    pub message: String,
    /// E-mail addresses; none for a program.
    pub to: Vec<String>,
    /// From whom, where that is said.
    pub from: Option<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// What a program is told of the order; nothing of people.
    pub order: Value,
}

impl Message {
    /// As a decision names it.
    pub fn notice(&self) -> Notice {
        let way = match self.to {
            To::Buyer | To::Addresses(_) => Way::Mail,
            To::Webhook => Way::Webhook,
        };
        Notice {
            message: self.name.clone(),
            way,
        }
    }
}

/// Tries a template with values of every sort. Says what is wrong with it.
pub fn try_template(template: &str, is_html: bool) -> Result<(), String> {
    formula::fill(template, is_html, &sample()).map(|_| ())
}

/// What templates see.
fn values(order: Value, person: &Person) -> Value {
    let address = |address: Option<&Address>| match address {
        None => json!({ "name": "", "lines": [], "country": "" }),
        Some(address) => {
            let town = format!("{} {}", address.postal_code, address.city);
            let lines = std::iter::once(&address.company)
                .chain(&address.street)
                .chain([&town, &address.region]);
            let lines: Vec<&str> = lines
                .map(|line| line.trim())
                .filter(|line| !line.is_empty())
                .collect();
            json!({ "name": address.name, "lines": lines, "country": address.country })
        }
    };
    json!({
        "order": order,
        "buyer": { "name": person.buyer.name },
        "ship_to": address(person.ship_to.as_ref()),
    })
}

/// What they see of the order itself: nothing of people.
fn order_values(order: &Order, pay_link: Option<String>) -> Value {
    let lines = order.lines.iter().map(|line| {
        let own = line.item.as_ref().map(|item| item.sku.to_string());
        let sku = own.or_else(|| line.channel_sku.clone()).unwrap_or_default();
        // What was entered here may have no title.
        let title = match line.title.is_empty() {
            true => sku.clone(),
            false => line.title.clone(),
        };
        let units = line.counters.wanted().to_decimal(line.scale).to_string();
        json!({ "title": title, "sku": sku, "units": units })
    });
    let shipments = order.shipments.iter().map(|shipment| {
        json!({
            "carrier": shipment.carrier.clone().unwrap_or_default(),
            "number": shipment.tracking_number.clone().unwrap_or_default(),
            "url": shipment.tracking_url.clone().unwrap_or_default(),
        })
    });
    let holds: Vec<&str> = order
        .active_holds()
        .map(|hold| hold.reason.as_str())
        .collect();
    json!({
        "id": order.id.to_string(),
        "number": order.number,
        "account": order.account.as_str(),
        "external_id": order.external_id.as_str(),
        "placed_at": order.placed_at.to_string(),
        "total": order.total.amount(),
        "currency": order.currency.code(),
        "lines": lines.collect::<Vec<_>>(),
        "shipments": shipments.collect::<Vec<_>>(),
        "holds": holds,
        "tags": order.tags,
        "pay_link": pay_link.unwrap_or_default(),
    })
}

/// The same of nobody's order.
fn sample() -> Value {
    json!({
        "order": {
            "id": "ord_00000000000000000000000000000001",
            "number": "1001",
            "account": "shop",
            "external_id": "1",
            "placed_at": "2026-01-02T03:04:05Z",
            "total": "12.50",
            "currency": "EUR",
            "lines": [{ "title": "Mug", "sku": "MUG-1", "units": "2" }],
            "shipments": [{ "carrier": "DHL", "number": "1", "url": "https://example.com/1" }],
            "holds": ["the address has no street"],
            "tags": ["abroad"],
            "pay_link": "https://pay.example.com/1001",
        },
        "buyer": { "name": "Ada Example" },
        "ship_to": { "name": "Ada Example", "lines": ["1 Example Street"], "country": "DE" },
    })
}

impl Engine {
    /// What is to be sent; or what becomes of it instead.
    pub(super) async fn write_letter(
        &self,
        intent: &Intent,
        message: &str,
    ) -> Result<Result<Letter, Outcome>, StoreError> {
        let park = |reason: &str| {
            Ok(Err(Outcome::Park {
                reason: reason.to_owned(),
            }))
        };
        let drop = |reason: &str| {
            Ok(Err(Outcome::Drop {
                reason: reason.to_owned(),
            }))
        };
        let Some(message) = self.gateways.messages.get(message) else {
            return park(&format!(
                "there is no message `{message}` in the configuration any more"
            ));
        };
        let Some(order) = self.order_of(intent.order).await? else {
            return park("the order is not in the book");
        };
        let mut holds = order.holds.iter();
        let is_answered =
            holds.any(|hold| hold.asked == Some(intent.id) && hold.released_at.is_some());
        if is_answered && intent.tries == 0 {
            return drop("the order is not on hold any more");
        }
        if order.is_erased() {
            return drop("what the order says of people was erased");
        }
        let person = persons::read(self.store.as_ref(), &self.ports.sealer, order.id).await?;
        let person = person.unwrap_or_default();
        let to = match &message.to {
            To::Buyer if person.buyer.email.trim().is_empty() => {
                return park(
                    "the order tells no e-mail address of its buyer: tell them in another way, then drop it",
                );
            }
            To::Buyer => vec![person.buyer.email.trim().to_owned()],
            To::Addresses(addresses) => addresses.clone(),
            To::Webhook => Vec::new(),
        };
        let told = order_values(&order, self.gateways.pay_link(&order));
        let values = values(told.clone(), &person);
        let fill = |template: &str, is_html| formula::fill(template, is_html, &values);
        let filled = fill(&message.subject, false).and_then(|subject| {
            let text = fill(&message.text, false)?;
            let html = message.html.as_deref().map(|html| fill(html, true));
            Ok((subject, text, html.transpose()?))
        });
        let (subject, text, html) = match filled {
            Ok(filled) => filled,
            Err(error) => return park(&format!("its template cannot be filled: {error}")),
        };
        // A line break would begin another header.
        let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Ok(Letter {
            id: intent.id.to_string(),
            made_at: intent.made_at,
            message: message.name.clone(),
            to,
            from: message.from.clone(),
            subject,
            text,
            html,
            order: told,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_escaped_as_its_form_needs() {
        let mut values = sample();
        values["buyer"]["name"] = json!("Ada <b> & Co");
        let fill = |template, is_html| formula::fill(template, is_html, &values).expect("it fits");
        assert_eq!(fill("Hello {{ buyer.name }}", false), "Hello Ada <b> & Co");
        assert_eq!(
            fill("<p>{{ buyer.name }}</p>", true),
            "<p>Ada &lt;b&gt; &amp; Co</p>"
        );
    }

    #[test]
    fn a_slip_in_a_template_is_told() {
        for (template, part) in [
            ("{{ order.numer }}", "numer"),
            (
                "{% for line in order.lines %}{{ line.titel }}{% endfor %}",
                "titel",
            ),
            ("{{ order.number", "end of"),
            ("{{ order.number | shout }}", "shout"),
        ] {
            let said = try_template(template, false).expect_err(template);
            assert!(said.contains(part), "{template}: {said}");
        }
        let good = "{% for line in order.lines %}{{ line.units }} x {{ line.title }}{% endfor %}\n\
                    {% if order.shipments %}{{ order.shipments[0].number }}{% endif %} {{ ship_to.lines | join(', ') }}";
        assert_eq!(try_template(good, true), Ok(()));
    }
}
