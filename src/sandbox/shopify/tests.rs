//! The shop on its own: what it reads, refuses, counts and tells.

mod clients;
mod counts;
mod official;
mod requests;

use std::time::Duration;

use domain::{Currency, Money, Sku, Time};
use serde_json::{Value, json};

use crate::{Act, Done, Product, ProductKind, Shop, Twin};

fn start() -> Time {
    Time::parse_utc("2026-11-01T10:00:00Z").expect("a time")
}

fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a SKU")
}

fn shop(seed: u64) -> Shop {
    let euro = Currency::new("EUR").expect("a currency");
    let product = |code: &str, kind, level| Product {
        sku: sku(code),
        title: format!("The {code}"),
        price: Money::parse("10.00", euro).expect("a price"),
        kind,
        level,
    };
    Shop {
        name: "eu-shop".to_owned(),
        api_url: "http://127.0.0.1:4711/base/".to_owned(),
        hook_url: "http://127.0.0.1:8080/hooks/eu-shop".to_owned(),
        products: vec![
            product("MUG", ProductKind::Simple, 10),
            product("PLATE", ProductKind::Simple, 4),
            product("WRAP", ProductKind::Service, 0),
        ],
        seed,
    }
}

/// A shop, its time, and a token for it.
struct Counter {
    twin: Box<dyn Twin>,
    now: Time,
    token: String,
}

impl Counter {
    fn open(seed: u64) -> Counter {
        let mut counter = Counter {
            twin: super::open(shop(seed)),
            now: start(),
            token: String::new(),
        };
        counter.knock();
        counter
    }

    /// Gets a token.
    fn knock(&mut self) {
        let settings = self.twin.settings();
        let form = json!({
            "grant_type": "client_credentials",
            "client_id": settings["client_credentials"]["client_id"],
            "client_secret": settings["client_secret"],
        });
        let (_, body) = self.post("/admin/oauth/access_token", &form.to_string());
        body["access_token"]
            .as_str()
            .expect("a token")
            .clone_into(&mut self.token);
    }

    fn post(&mut self, path: &str, body: &str) -> (u16, Value) {
        let request = http::Request::post(format!("http://127.0.0.1:4711/base{path}"))
            .header("x-shopify-access-token", &self.token)
            .body(body.as_bytes().to_vec())
            .expect("a request");
        let response = self.twin.handle(&request, self.now);
        let body = serde_json::from_slice(response.body()).expect("JSON");
        (response.status().as_u16(), body)
    }

    fn ask(&mut self, query: &str, variables: &Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let (status, answer) = self.post("/admin/api/2026-10/graphql.json", &body);
        assert_eq!(status, 200);
        answer
    }

    /// The data of an answer without errors.
    fn data(&mut self, query: &str) -> Value {
        let answer = self.ask(query, &json!({}));
        assert_eq!(answer["errors"], Value::Null, "{query}");
        answer["data"].clone()
    }

    fn buy(&mut self, basket: &[(&str, u32)], paid: bool) -> u64 {
        let basket = basket
            .iter()
            .map(|(code, units)| (sku(code), *units))
            .collect();
        match self.twin.act(&Act::Buy { basket, paid }, self.now) {
            Ok(Done::Order(id)) => id.as_str().parse().expect("a number"),
            other => panic!("{other:?}"),
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
    }

    /// available, committed, on_hand of an item
    fn counts(&mut self, code: &str) -> Vec<i64> {
        let location = self.twin.settings()["location_id"]
            .as_str()
            .expect("a number")
            .to_owned();
        let data = self.data(&format!(
            "{{ productVariants(first: 1, query: \"sku:{code}\") {{ nodes {{ inventoryItem {{
                inventoryLevel(locationId: \"gid://shopify/Location/{location}\") {{
                    quantities(names: [\"available\", \"committed\", \"on_hand\"]) {{ quantity }}
                }} }} }} }} }}"
        ));
        let level = &data["productVariants"]["nodes"][0]["inventoryItem"]["inventoryLevel"];
        let quantities = level["quantities"].as_array().expect("quantities").iter();
        quantities
            .map(|one| one["quantity"].as_i64().expect("a number"))
            .collect()
    }

    fn item(&mut self, code: &str) -> String {
        let data = self.data(&format!(
            "{{ productVariants(first: 1, query: \"sku:{code}\") {{ nodes {{ inventoryItem {{ id }} }} }} }}"
        ));
        let id = &data["productVariants"]["nodes"][0]["inventoryItem"]["id"];
        id.as_str().expect("an id").to_owned()
    }
}
