//! The routes below `/products`.
//!
//! A variation can be read as a product but is written only below its parent. A batch answers 200 and
//! says of each item apart what became of it.

use domain::{Money, Sku, Time};
use serde_json::{Value, json};

use super::{
    Kind, Product, Woo,
    api::{Answered, Call, Fail, Reply},
};
use crate::LevelWrite;

/// The most items that one batch may have.
const BATCH_MAX: usize = 100;

impl Woo {
    pub(super) fn product_route(&mut self, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => self.list_products(None, call),
            [] if call.is_create() => self.create_product(call),
            ["batch"] if call.is_edit() => self.batch(None, call),
            [id] => {
                let id = id.parse().map_err(|_| Fail::no_route())?;
                self.one_product(id, call)
            }
            [parent, "variations", rest @ ..] => {
                let parent = parent.parse().map_err(|_| Fail::no_route())?;
                let is_parent = |product: &Product| product.kind == Kind::Variable;
                if !self.products.get(&parent).is_some_and(is_parent) {
                    return Err(unknown_product(404));
                }
                self.variation_route(parent, rest, call)
            }
            _ => Err(Fail::no_route()),
        }
    }

    fn variation_route(&mut self, parent: u64, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => self.list_products(Some(parent), call),
            ["batch"] if call.is_edit() => self.batch(Some(parent), call),
            [id] => {
                let id = id.parse().map_err(|_| Fail::no_route())?;
                let kind = self.products.get(&id).map(|product| product.kind);
                if kind != Some(Kind::Variation { parent }) {
                    let code = "woocommerce_rest_product_variation_invalid_id";
                    return Err(Fail::new(404, code, "Invalid ID."));
                }
                if call.is_edit() {
                    self.write_product(id, &call.body, call.now)?;
                }
                Reply::ok(self.product_json(&self.products[&id], true))
            }
            _ => Err(Fail::no_route()),
        }
    }

    fn list_products(&self, parent: Option<u64>, call: &Call) -> Answered {
        let by = call.word(
            "orderby",
            &[
                "date",
                "id",
                "include",
                "title",
                "slug",
                "modified",
                "menu_order",
            ],
        )?;
        let direction = call.word("order", &["desc", "asc"])?;
        let ids = call.ids("include");
        let skus: Option<Vec<&str>> = call.param("sku").map(|skus| skus.split(',').collect());
        let status = call.param("status").unwrap_or("any");
        let bounds = self.bounds(call)?;
        let mut found: Vec<&Product> = self
            .products
            .values()
            .filter(|product| match (parent, product.kind) {
                (Some(parent), Kind::Variation { parent: of }) => of == parent,
                (Some(_), Kind::Simple | Kind::Variable) => false,
                // Only a question by SKU finds variations among the products.
                (None, Kind::Variation { .. }) => skus.is_some(),
                (None, Kind::Simple | Kind::Variable) => true,
            })
            .filter(|product| match status {
                "any" => product.status != "trash",
                status => product.status == status,
            })
            .filter(|product| ids.as_ref().is_none_or(|ids| ids.contains(&product.id)))
            .filter(|product| {
                skus.as_ref()
                    .is_none_or(|skus| skus.contains(&product.sku.as_str()))
            })
            .filter(|product| bounds.hold(product.created_at, product.modified_at))
            .collect();
        found.sort_by_key(|product| match by {
            "modified" => (product.modified_at.seconds(), product.id),
            "date" => (product.created_at.seconds(), product.id),
            _ => (0, product.id),
        });
        if direction == "desc" {
            found.reverse();
        }
        let found: Vec<Value> = found
            .iter()
            .map(|product| self.product_json(product, parent.is_some()))
            .collect();
        call.page(&found)
    }

    fn create_product(&mut self, call: &Call) -> Answered {
        let price = Money::zero(self.currency);
        let product = Product {
            id: self.id_next(),
            kind: Kind::Simple,
            sku: String::new(),
            name: "Product".to_owned(),
            price,
            is_virtual: call.body["virtual"] == true,
            is_counted: false,
            stock: 0,
            status: "publish".to_owned(),
            created_at: call.now,
            modified_at: call.now,
            rush: None,
        };
        let id = product.id;
        self.products.insert(id, product);
        if let Err(fail) = self.write_product(id, &call.body, call.now) {
            self.products.remove(&id);
            return Err(fail);
        }
        self.announce("product.created", id, call.now);
        Reply::created(self.product_json(&self.products[&id], false))
    }

    fn one_product(&mut self, id: u64, call: &Call) -> Answered {
        let Some(product) = self.products.get(&id) else {
            return Err(unknown_product(404));
        };
        let before = self.product_json(product, false);
        if call.is_read() {
            return Reply::ok(before);
        }
        if matches!(product.kind, Kind::Variation { .. }) {
            return Err(not_here());
        }
        if call.is_delete() {
            if call.is_forced() {
                self.products.remove(&id);
                return Reply::ok(before);
            }
            if let Some(product) = self.products.get_mut(&id) {
                product.status = "trash".to_owned();
            }
            self.announce("product.deleted", id, call.now);
            return Reply::ok(before);
        }
        let was_trashed = product.status == "trash";
        self.write_product(id, &call.body, call.now)?;
        if was_trashed && self.products[&id].status != "trash" {
            self.announce("product.restored", id, call.now);
        }
        Reply::ok(self.product_json(&self.products[&id], false))
    }

    fn batch(&mut self, parent: Option<u64>, call: &Call) -> Answered {
        let items = |name: &str| call.body[name].as_array().map_or(0, Vec::len);
        if items("create") + items("update") + items("delete") > BATCH_MAX {
            return Err(Fail::new(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            ));
        }
        let mut answers = Vec::new();
        for item in call.body["update"].as_array().into_iter().flatten() {
            let id = item["id"].as_u64().unwrap_or(0);
            let written = self.check_place(id, parent).and_then(|()| {
                self.write_product(id, item, call.now)
                    .map(|()| self.product_json(&self.products[&id], parent.is_some()))
            });
            answers.push(written.unwrap_or_else(|fail| json!({ "id": id, "error": fail.body() })));
        }
        Reply::ok(json!({ "update": answers }))
    }

    /// Whether a batch on this route may write this product.
    fn check_place(&self, id: u64, parent: Option<u64>) -> Result<(), Fail> {
        match (self.products.get(&id).map(|product| product.kind), parent) {
            (Some(Kind::Variation { parent: of }), Some(parent)) if of == parent => Ok(()),
            (Some(Kind::Simple | Kind::Variable), None) => Ok(()),
            (Some(Kind::Variation { .. }), None) => Err(not_here()),
            (None, None) => Err(unknown_product(400)),
            (_, Some(_)) => Err(Fail::new(
                400,
                "woocommerce_rest_product_variation_invalid_id",
                "Invalid ID.",
            )),
        }
    }

    /// Writes fields of a product. Every write says that it happened, also one that changes nothing.
    fn write_product(&mut self, id: u64, body: &Value, now: Time) -> Result<(), Fail> {
        let wrong = |name: &str| {
            let message = format!("{name} is not of type integer.");
            Fail::parameter(name, "rest_invalid_type", &message)
        };
        let level = whole(&body["stock_quantity"]).map_err(|()| wrong("stock_quantity"))?;
        let delta = whole(&body["inventory_delta"]).map_err(|()| wrong("inventory_delta"))?;
        if let Some(sku) = body["sku"].as_str().filter(|sku| !sku.is_empty()) {
            let other = self
                .products
                .values()
                .find(|product| product.sku == sku && product.id != id);
            if let Some(other) = other {
                let message = "Invalid or duplicated SKU.";
                return Err(Fail {
                    data: json!({ "status": 400, "resource_id": other.id, "unique_sku": sku }),
                    ..Fail::new(400, "product_invalid_sku", message)
                });
            }
        }
        let Some(product) = self.products.get_mut(&id) else {
            return Err(unknown_product(404));
        };
        for (name, field) in [
            ("name", &mut product.name),
            ("sku", &mut product.sku),
            ("status", &mut product.status),
        ] {
            if let Some(text) = body[name].as_str() {
                text.clone_into(field);
            }
        }
        if let Some(text) = body["regular_price"].as_str()
            && let Ok(price) = Money::parse(text, product.price.currency())
        {
            product.price = price;
        }
        match &body["manage_stock"] {
            Value::Bool(is_counted) => product.is_counted = *is_counted,
            Value::String(word) => product.is_counted = word == "true" || word == "1",
            _ => {}
        }
        let from = product.stock;
        // A level of something that is not counted is dropped without a word.
        if product.is_counted {
            product.stock = level.unwrap_or(from + delta.unwrap_or(0));
        }
        let to = product.stock;
        if from != to
            && let Ok(sku) = Sku::new(&product.sku)
        {
            let at = now;
            self.level_writes.push(LevelWrite { sku, from, to, at });
        }
        self.touch_product(id, now);
        Ok(())
    }

    /// A product as the API and the hooks write it. Below its parent, a variation is named by what makes
    /// it differ.
    pub(super) fn product_json(&self, product: &Product, is_below: bool) -> Value {
        let (kind, parent) = match product.kind {
            Kind::Simple => ("simple", 0),
            Kind::Variable => ("variable", 0),
            Kind::Variation { parent } => ("variation", parent),
        };
        let name = match self.products.get(&parent) {
            Some(parent) if !is_below => format!("{} - {}", parent.name, product.name),
            Some(_) | None => product.name.clone(),
        };
        let variations: Vec<u64> = self
            .products
            .values()
            .filter(|other| other.kind == Kind::Variation { parent: product.id })
            .map(|other| other.id)
            .collect();
        let stock = match (product.is_counted, self.options.writes_stock_as_text) {
            (false, _) => Value::Null,
            (true, false) => product.stock.into(),
            (true, true) => product.stock.to_string().into(),
        };
        let is_in_stock = !product.is_counted || product.stock > 0;
        let url = format!("{}/product/{}", self.shop.api_url, product.id);
        json!({
            "id": product.id,
            "name": name,
            "slug": product.sku.to_lowercase(),
            "permalink": url,
            "date_created": self.local(product.created_at),
            "date_created_gmt": product.created_at.to_naive_utc(),
            "date_modified": self.local(product.modified_at),
            "date_modified_gmt": product.modified_at.to_naive_utc(),
            "type": kind,
            "status": product.status,
            "description": "",
            "sku": product.sku,
            "price": product.price.amount(),
            "regular_price": product.price.amount(),
            "sale_price": "",
            "on_sale": false,
            "purchasable": true,
            "virtual": product.is_virtual,
            "downloadable": false,
            "manage_stock": product.is_counted,
            "stock_quantity": stock,
            "backorders": "no",
            "backorders_allowed": false,
            "backordered": false,
            "low_stock_amount": null,
            "parent_id": parent,
            "attributes": [],
            "variations": variations,
            "meta_data": [],
            "stock_status": if is_in_stock { "instock" } else { "outofstock" },
            "global_unique_id": "",
        })
    }
}

/// A whole number, also as a text; nothing when it is not there.
fn whole(value: &Value) -> Result<Option<i64>, ()> {
    const LEVEL_MAX: i64 = 1_000_000_000_000;
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let fits = |number: &i64| (-LEVEL_MAX..=LEVEL_MAX).contains(number);
    number.filter(fits).map(Some).ok_or(())
}

fn unknown_product(status: u16) -> Fail {
    Fail::new(status, "woocommerce_rest_product_invalid_id", "Invalid ID.")
}

fn not_here() -> Fail {
    Fail::new(
        404,
        "woocommerce_rest_invalid_product_id",
        "To manipulate product variations you should use the \
         /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint.",
    )
}
