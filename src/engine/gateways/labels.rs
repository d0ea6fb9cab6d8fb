//! Labels from a provider: bought under a key that is the same for each try, given back, and fetched for printing.
//!
//! The provider speaks a small protocol of ours over HTTP (docs/operating/labels.md), so that any carrier's gateway can be
//! bridged. An answer that nobody heard is asked for again with the same key: a provider buys once for each key.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    HttpPort, Secret,
    http::{Request, Response, SendError},
};
use domain::{
    Money,
    fulfillment::{NewLabel, Parcel, Task},
    intent::{Intent, Outcome, Wish},
    order::Order,
    snapshot::Address,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::StoreError;

use super::Answer;
use crate::{Engine, persons};

/// The longest part of an answer that is kept.
const WORDS_MAX: usize = 200;
/// The longest text that is taken of a label.
const TEXT_MAX: usize = 300;
/// The largest file to be printed.
const FILE_MAX: usize = 8 * 1024 * 1024;

/// Who sells labels.
pub struct LabelProvider {
    /// The admin's word for it.
    pub name: String,
    /// Its service, where nobody names one.
    pub service: Option<String>,
    url: String,
    token: Option<Secret>,
    http: Arc<dyn HttpPort>,
}

/// A label as a provider tells it.
#[derive(Deserialize)]
struct Told {
    reference: String,
    carrier: String,
    tracking_number: String,
    tracking_url: Option<String>,
    cost: Option<Money>,
}

/// What can be had, for how much.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Rate {
    /// The provider's word for it.
    pub service: String,
    /// Who would carry it.
    pub carrier: String,
    /// What it costs.
    pub cost: Money,
    /// In how many days it should be there.
    #[serde(default)]
    pub days: Option<u32>,
}

/// Why there is no file or no rate.
#[derive(Debug, thiserror::Error)]
pub enum NotHad {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to ask for.
    #[error("{0}")]
    Nothing(String),
    /// The provider does not give it.
    #[error("the provider does not give it: {0}")]
    Provider(String),
}

impl LabelProvider {
    /// One that listens below this address.
    pub fn new(
        name: String,
        (url, token): (String, Option<Secret>),
        service: Option<String>,
        http: Arc<dyn HttpPort>,
    ) -> LabelProvider {
        let url = url.trim_end_matches('/').to_owned();
        LabelProvider {
            name,
            service,
            url,
            token,
            http,
        }
    }

    async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Response, Answer<Value>> {
        let mut request = http::Request::post(format!("{}/{path}", self.url))
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        let request: Request = request
            .body(body.to_string().into_bytes())
            .map_err(|error| Answer::Refused(error.to_string()))?;
        self.http.send(request).await.map_err(|error| match error {
            SendError::NotSent(reason) => Answer::Later(reason),
            SendError::NoAnswer(reason) => Answer::Unknown(reason),
        })
    }

    /// What a call brought, by its status.
    async fn ask(&self, path: &str, key: &str, body: &Value) -> Answer<Value> {
        let answer = match self.post(path, key, body).await {
            Ok(answer) => answer,
            Err(brought) => return brought,
        };
        let text = String::from_utf8_lossy(answer.body());
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let words = json.as_ref().and_then(|json| json["error"].as_str());
        let words: String = words
            .unwrap_or(&text)
            .chars()
            .filter(|c| !c.is_control())
            .take(WORDS_MAX)
            .collect();
        let said = format!("it answered {}: {words}", answer.status().as_u16());
        match (answer.status().as_u16(), json) {
            (200..=299, Some(json)) => Answer::Taken(json),
            (200..=299, None) => Answer::Unknown("its answer cannot be read".to_owned()),
            (429 | 503, _) => Answer::Later(said),
            (408 | 425 | 500..=599, _) => Answer::Unknown(said),
            _ => Answer::Refused(said),
        }
    }

    pub(super) async fn buy(&self, key: &str, body: &Value) -> Answer<NewLabel> {
        match self.ask("labels", key, body).await {
            Answer::Taken(json) => match read_label(json) {
                Some(label) => Answer::Taken(label),
                None => Answer::Unknown("what it tells of the label cannot be read".to_owned()),
            },
            Answer::Later(reason) => Answer::Later(reason),
            Answer::Refused(reason) => Answer::Refused(reason),
            Answer::Unknown(reason) => Answer::Unknown(reason),
        }
    }

    pub(super) async fn give_back(&self, key: &str, reference: &str) -> Answer {
        let body = json!({ "reference": reference });
        match self.ask("labels/void", key, &body).await {
            Answer::Taken(_) => Answer::Taken(()),
            Answer::Later(reason) => Answer::Later(reason),
            Answer::Refused(reason) => Answer::Refused(reason),
            Answer::Unknown(reason) => Answer::Unknown(reason),
        }
    }

    async fn read(&self, path: &str, body: &Value) -> Result<Value, NotHad> {
        match self.ask(path, &self.http.nonce(), body).await {
            Answer::Taken(json) => Ok(json),
            Answer::Later(reason) | Answer::Refused(reason) | Answer::Unknown(reason) => {
                Err(NotHad::Provider(reason))
            }
        }
    }
}

/// A label that says all that is needed; a text that is too long is none.
fn read_label(json: Value) -> Option<NewLabel> {
    let told: Told = serde_json::from_value(json).ok()?;
    let is_text = |text: &str| {
        !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.contains(char::is_control)
    };
    let is_link = |url: &String| url.starts_with("https://") && is_text(url);
    let says_all =
        is_text(&told.reference) && is_text(&told.carrier) && is_text(&told.tracking_number);
    if !says_all {
        return None;
    }
    Some(NewLabel {
        carrier: told.carrier,
        tracking_number: told.tracking_number,
        tracking_url: told.tracking_url.filter(is_link),
        reference: Some(told.reference),
        cost: told.cost,
    })
}

impl Engine {
    /// What a label is bought for; or what becomes of the wish instead.
    pub(super) async fn write_label_order(
        &self,
        intent: &Intent,
    ) -> Result<Result<Value, Outcome>, StoreError> {
        let Wish::BuyLabel {
            task,
            parcel,
            service,
            ..
        } = &intent.wish
        else {
            return Ok(Err(park("it buys no label")));
        };
        let Some(order) = self.order_of(intent.order).await? else {
            return Ok(Err(park("the order is not in the book")));
        };
        let known = order.task(*task);
        let known = known.and_then(|task| Some((task, task.parcel(*parcel)?)));
        let is_asked = intent.is_ambiguous || intent.sent_at.is_some();
        let (task, parcel) = match known {
            // What may have been bought is asked for once more, and then given back.
            Some(known) if is_asked || (known.1.is_here() && !order.is_withdrawn()) => known,
            None if is_asked => {
                return Ok(Err(park(
                    "its parcel is gone, and a label may have been bought: look at the provider, then drop it",
                )));
            }
            Some(_) | None => {
                return Ok(Err(Outcome::Drop {
                    reason: "the parcel is not to be sent any more".to_owned(),
                }));
            }
        };
        let body = self
            .parcel_of(&order, task, parcel, service.as_deref())
            .await?;
        Ok(body.map_err(park))
    }

    /// A parcel as a provider is told of it.
    async fn parcel_of(
        &self,
        order: &Order,
        task: &Task,
        parcel: &Parcel,
        service: Option<&str>,
    ) -> Result<Result<Value, &'static str>, StoreError> {
        let person = persons::read(self.store.as_ref(), &self.ports.sealer, order.id).await?;
        let Some(person) = person else {
            return Ok(Err("what the order says of people was erased"));
        };
        let Some(to) = &person.ship_to else {
            return Ok(Err("the order tells no address that it goes to"));
        };
        let contents = parcel.lines.iter().filter_map(|(number, units)| {
            let line = order.line(*number)?;
            let sku = line.item.as_ref().map(|item| item.sku.to_string());
            Some(json!({
                "title": line.title,
                "sku": sku.or_else(|| line.channel_sku.clone()),
                "units": units.to_decimal(line.scale).to_string(),
            }))
        });
        Ok(Ok(json!({
            "order": { "id": order.id, "number": order.number, "account": order.account },
            "from": { "location": task.location },
            "to": address(to, &person.buyer.email),
            "parcel": {
                "number": parcel.number,
                "weight_g": parcel.weight_g,
                "contents": contents.collect::<Vec<_>>(),
            },
            "currency": order.currency.code(),
            "service": service,
        })))
    }

    /// What sending a parcel would cost.
    pub async fn rates(
        &self,
        order: &Order,
        (task, parcel): (&Task, &Parcel),
        provider: &LabelProvider,
    ) -> Result<Vec<Rate>, NotHad> {
        let body = self.parcel_of(order, task, parcel, None).await?;
        let body = body.map_err(|reason| NotHad::Nothing(reason.to_owned()))?;
        let told = provider.read("rates", &body).await?;
        let rates = serde_json::from_value(told["rates"].clone());
        rates.map_err(|_| NotHad::Provider("its rates cannot be read".to_owned()))
    }

    /// The label of a parcel as a file to be printed.
    pub async fn label_file(
        &self,
        provider: &LabelProvider,
        reference: &str,
    ) -> Result<Vec<u8>, NotHad> {
        let told = provider
            .read("labels/file", &json!({ "reference": reference }))
            .await?;
        let file = told["pdf_base64"].as_str().unwrap_or_default();
        let file = BASE64_STANDARD.decode(file).unwrap_or_default();
        match file.starts_with(b"%PDF-") && file.len() <= FILE_MAX {
            true => Ok(file),
            false => Err(NotHad::Provider("what it gives is no PDF".to_owned())),
        }
    }
}

fn park(reason: &str) -> Outcome {
    Outcome::Park {
        reason: reason.to_owned(),
    }
}

fn address(to: &Address, email: &str) -> Value {
    json!({
        "name": to.name,
        "company": to.company,
        "street": to.street,
        "city": to.city,
        "region": to.region,
        "postal_code": to.postal_code,
        "country": to.country,
        "phone": to.phone,
        "email": email,
    })
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;

    #[test]
    fn a_label_that_says_too_little_is_none() {
        let good = json!({
            "reference": "lbl_1", "carrier": "DHL", "tracking_number": "JD01", "tracking_url": "javascript:x",
            "cost": { "amount": "4.90", "currency": "EUR" },
        });
        let label = read_label(good.clone()).expect("it says all");
        assert_eq!(label.tracking_url, None, "that is no address to follow");
        let eur = Currency::new("EUR").expect("a currency");
        assert_eq!(label.cost, Money::parse("4.90", eur).ok());
        for key in ["reference", "carrier", "tracking_number"] {
            for value in [
                json!(null),
                json!(""),
                json!(7),
                json!("a\nb"),
                json!("x".repeat(301)),
            ] {
                let mut bad = good.clone();
                bad[key] = value;
                assert_eq!(read_label(bad), None, "{key}");
            }
        }
    }
}
