//! Signed hooks of new orders, as many as are wanted, made from one real hook of each item.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use channel::HookRequest;
use domain::{AccountId, Sku};
use engine::{intake::RawSignal, ports::system, sealing::Sealer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sandbox::Act;
use serde_json::Value;
use sha2::Sha256;

use super::load::Source;
use crate::sandbox_host::HostedShop;

/// The number of the order in a template: as many digits as those that are put in its place, and in
/// nothing else that a hook says.
const PLACE: u64 = 7_310_946_285;
/// The number of the first order that is made. Shops count from one, so they never come here.
const FIRST: u64 = 2_000_000_000;
/// The header with the signature.
const SIGNATURE: &str = "x-wc-webhook-signature";

/// Which items are bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Baskets {
    /// One after the other.
    Spread,
    /// The first alone.
    One,
}

impl Baskets {
    /// Which of so many items the order with a number buys.
    pub(super) fn item(self, number: u64, items: usize) -> usize {
        match self {
            Baskets::Spread => usize::try_from(number).unwrap_or(0) % items.max(1),
            Baskets::One => 0,
        }
    }

    /// How many of so many items are bought.
    pub(super) fn bought(self, items: usize) -> usize {
        match self {
            Baskets::Spread => items,
            Baskets::One => 1,
        }
    }

    /// The word for it in figures.
    pub(super) fn word(self) -> &'static str {
        match self {
            Baskets::Spread => "spread",
            Baskets::One => "one",
        }
    }
}

/// Makes hooks.
#[derive(Clone, Debug, Default)]
pub(super) struct Hooks {
    secret: Vec<u8>,
    templates: Vec<Template>,
}

/// A hook with a number to be put in.
#[derive(Clone, Debug)]
struct Template {
    /// The request up to the value of the signature.
    head: Vec<u8>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Where the number stands in the body.
    places: Vec<usize>,
}

/// The hooks of some baskets.
struct Load {
    hooks: Hooks,
    baskets: Baskets,
}

impl Hooks {
    /// Buys each item once in a shop, and learns from what it tells of that.
    pub(super) fn learn(shop: &HostedShop, skus: &[Sku]) -> anyhow::Result<Hooks> {
        let settings = shop.settings();
        let secret = settings["webhook_secret"].as_str().context("a secret")?;
        let mut templates = Vec::new();
        for sku in skus {
            drop(shop.take_hooks());
            let basket = vec![(sku.clone(), 1)];
            let bought = shop.act(&Act::Buy { basket, paid: true });
            bought.map_err(|refused| anyhow::anyhow!("{sku} cannot be bought: {refused:?}"))?;
            let told = shop.take_hooks();
            let mut told = told.iter().filter(|told| is_about_an_order(told));
            let told = told.next().context("the shop tells of its orders")?;
            templates.push(Template::of(told)?);
        }
        let secret = secret.as_bytes().to_vec();
        Ok(Hooks { secret, templates })
    }

    /// How many bytes the journal takes for one of them, before it is decided about.
    pub(super) fn raw_signal_bytes(&self) -> usize {
        let Some(template) = self.templates.first() else {
            return 0;
        };
        let raw = RawSignal {
            account: AccountId::new("shop-0"),
            received_at: system::ports().clock.now(),
            request: HookRequest {
                method: "POST".to_owned(),
                topic: String::new(),
                query: String::new(),
                headers: template.headers.clone(),
                body: template.body.clone(),
            },
        };
        let sealed = raw.seal(&Sealer::in_memory(), [0; 16]);
        sealed.map_or(0, |sealed| sealed.len())
    }

    /// A load of such hooks. Tasks use it until the process ends; there are a handful of them.
    pub(super) fn load(&self, baskets: Baskets) -> &'static dyn Source {
        Box::leak(Box::new(Load {
            hooks: self.clone(),
            baskets,
        }))
    }

    /// One body, for those who only need its length.
    pub(super) fn body(&self) -> Vec<u8> {
        self.templates
            .first()
            .map(|template| template.body.clone())
            .unwrap_or_default()
    }
}

fn is_about_an_order(request: &http::Request<Vec<u8>>) -> bool {
    let topic = request.headers().get("x-wc-webhook-topic");
    topic.is_some_and(|topic| topic.as_bytes().starts_with(b"order."))
}

impl Template {
    fn of(request: &http::Request<Vec<u8>>) -> anyhow::Result<Template> {
        let mut order: Value = serde_json::from_slice(request.body())?;
        order["id"] = PLACE.into();
        order["number"] = PLACE.to_string().into();
        // A buyer of their own: a shop in which one person orders a thousand times a second is none.
        order["billing"]["email"] = format!("buyer-{PLACE}@example.com").into();
        order["billing"]["phone"] = format!("+49{PLACE}").into();
        order["shipping"]["phone"] = order["billing"]["phone"].clone();
        let body = serde_json::to_vec(&order)?;
        let place = PLACE.to_string();
        let found = body.windows(place.len()).enumerate();
        let found = found.filter(|(_, window)| *window == place.as_bytes());
        let places = found.map(|(at, _)| at).collect();
        let uri = request.uri();
        let host = uri.authority().context("a hook goes somewhere")?;
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {host}\r\n", uri.path());
        let mut headers = Vec::new();
        for (name, value) in request.headers() {
            headers.push((name.to_string(), value.to_str()?.to_owned()));
            let is_ours = [SIGNATURE, "content-length", "host"].contains(&name.as_str());
            if !is_ours {
                head.push_str(&format!("{name}: {}\r\n", value.to_str()?));
            }
        }
        head.push_str(&format!("content-length: {}\r\n{SIGNATURE}: ", body.len()));
        let head = head.into_bytes();
        Ok(Template {
            head,
            headers,
            body,
            places,
        })
    }
}

impl Source for Load {
    fn write(&self, number: u64, buffer: &mut Vec<u8>) {
        let templates = &self.hooks.templates;
        let which = self.baskets.item(number, templates.len());
        let Some(template) = templates.get(which) else {
            return;
        };
        let mut body = template.body.clone();
        let digits = (FIRST + number).to_string();
        for at in &template.places {
            if let Some(place) = body.get_mut(*at..*at + digits.len()) {
                place.copy_from_slice(digits.as_bytes());
            }
        }
        let mac = Hmac::<Sha256>::new_from_slice(&self.hooks.secret);
        let mut mac = mac.expect("a key of any length will do");
        mac.update(&body);
        buffer.extend_from_slice(&template.head);
        buffer.extend_from_slice(STANDARD.encode(mac.finalize().into_bytes()).as_bytes());
        buffer.extend_from_slice(b"\r\n\r\n");
        buffer.extend_from_slice(&body);
    }
}
