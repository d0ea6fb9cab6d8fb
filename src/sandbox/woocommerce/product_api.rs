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

/// Filters of lists of products that this shop has not.
const FILTERS_ELSEWHERE: [&str; 18] = [
    "attribute",
    "attribute_term",
    "attributes",
    "category",
    "downloadable",
    "exclude_status",
    "exclude_types",
    "featured",
    "has_price",
    "include_status",
    "include_types",
    "max_price",
    "min_price",
    "on_sale",
    "parent_exclude",
    "search_fields",
    "shipping_class",
    "tag",
];

/// What a list of products is narrowed to.
struct WantedProducts<'a> {
    kind: &'a str,
    stock: &'a str,
    /// What the name, the SKU, either, and the slug must hold.
    texts: [Option<String>; 4],
}

impl<'a> WantedProducts<'a> {
    fn of(call: &'a Call) -> Result<WantedProducts<'a>, Fail> {
        let kinds = [
            "any",
            "simple",
            "grouped",
            "external",
            "variable",
            "variation",
        ];
        let stocks = ["any", "instock", "outofstock", "onbackorder"];
        let texts = ["search", "search_sku", "search_name_or_sku", "slug"];
        Ok(WantedProducts {
            kind: call.word("type", &kinds)?,
            stock: call.word("stock_status", &stocks)?,
            texts: texts.map(|name| call.param(name).map(str::to_lowercase)),
        })
    }

    fn takes(&self, product: &Product) -> bool {
        let (name, sku) = (product.name.to_lowercase(), product.sku.to_lowercase());
        let [in_name, in_sku, in_either, slug] = &self.texts;
        let holds = |text: &Option<String>, takes: &dyn Fn(&str) -> bool| {
            text.as_ref().is_none_or(|text| takes(text))
        };
        (self.kind == "any" || self.kind == product.kind.word())
            && (self.stock == "any" || self.stock == product.stock_word())
            && holds(in_name, &|text| name.contains(text))
            && holds(in_sku, &|text| sku.contains(text))
            && holds(in_either, &|text| name.contains(text) || sku.contains(text))
            && holds(slug, &|text| sku == text)
    }
}

impl Woo {
    pub(super) fn product_route(&mut self, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => self.list_products(None, call),
            [] if call.is_create() => self.create_product(call),
            ["batch"] if call.is_edit() => self.batch(None, call),
            [id] if id.bytes().all(|digit| digit.is_ascii_digit()) => {
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
            [
                family @ ("attributes" | "categories" | "custom-fields" | "reviews"
                | "shipping_classes" | "tags"),
                ..,
            ] => Err(Fail::not_here(&format!("route /wc/v3/products/{family}"))),
            _ => Err(Fail::no_route()),
        }
    }

    fn variation_route(&mut self, parent: u64, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => self.list_products(Some(parent), call),
            [] if call.is_create() => Err(Fail::not_here("way to add a variation")),
            ["batch"] if call.is_edit() => self.batch(Some(parent), call),
            [id] => {
                let id = id.parse().map_err(|_| Fail::no_route())?;
                let kind = self.products.get(&id).map(|product| product.kind);
                if kind != Some(Kind::Variation { parent }) {
                    let code = "woocommerce_rest_product_variation_invalid_id";
                    return Err(Fail::new(404, code, "Invalid ID."));
                }
                if call.is_delete() {
                    let before = self.product_json(&self.products[&id], true);
                    self.products.remove(&id);
                    return Reply::ok(before);
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
        call.refuse(&FILTERS_ELSEWHERE)?;
        let wanted = WantedProducts::of(call)?;
        let parents = call.ids("parent");
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
            .filter(|product| wanted.takes(product))
            .filter(|product| {
                let parent = match product.kind {
                    Kind::Variation { parent } => parent,
                    Kind::Simple | Kind::Variable => 0,
                };
                parents
                    .as_ref()
                    .is_none_or(|parents| parents.contains(&parent))
            })
            .collect();
        found.sort_by_key(|product| match by {
            "modified" => (product.modified_at.seconds(), product.id),
            "date" => (product.created_at.seconds(), product.id),
            _ => (0, product.id),
        });
        if direction == "desc" {
            found.reverse();
        }
        call.page_of(
            &found,
            |product| Some(product.id),
            |product| self.product_json(product, parent.is_some()),
        )
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
        self.batch_of(call, |shop, id, part| match id {
            None if parent.is_some() => Err(Fail::not_here("way to add a variation")),
            None => shop.create_product(part),
            Some(id) => {
                shop.check_place(id, parent)?;
                let before = shop.product_json(&shop.products[&id], parent.is_some());
                if part.is_delete() {
                    shop.products.remove(&id);
                    return Reply::ok(before);
                }
                shop.write_product(id, &part.body, part.now)?;
                Reply::ok(shop.product_json(&shop.products[&id], parent.is_some()))
            }
        })
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
        let kind = product.kind.word();
        let parent = match product.kind {
            Kind::Simple | Kind::Variable => 0,
            Kind::Variation { parent } => parent,
        };
        let name = match self.products.get(&parent) {
            Some(parent) if !is_below => format!("{} - {}", parent.name, product.name),
            Some(_) | None => product.name.clone(),
        };
        let stock = match (product.is_counted, self.options.writes_stock_as_text) {
            (false, _) => Value::Null,
            (true, false) => product.stock.into(),
            (true, true) => product.stock.to_string().into(),
        };
        let url = format!("{}/product/{}", self.shop.api_url, product.id);
        let mut json = json!({
            "id": product.id,
            "name": name,
            "permalink": url,
            "date_created": self.local(product.created_at),
            "date_created_gmt": product.created_at.to_naive_utc(),
            "date_modified": self.local(product.modified_at),
            "date_modified_gmt": product.modified_at.to_naive_utc(),
            "type": kind,
            "status": product.status,
            "description": "",
            "sku": self.told(&product.sku),
            "price": product.price.amount(),
            "regular_price": product.price.amount(),
            "sale_price": "",
            "on_sale": false,
            "purchasable": true,
            "virtual": product.is_virtual,
            "downloadable": false,
            "downloads": [],
            "download_limit": -1,
            "download_expiry": -1,
            "tax_status": "taxable",
            "tax_class": "",
            "manage_stock": product.is_counted,
            "stock_quantity": stock,
            "backorders": "no",
            "backorders_allowed": false,
            "backordered": false,
            "low_stock_amount": null,
            "weight": "",
            "dimensions": { "length": "", "width": "", "height": "" },
            "shipping_class": "",
            "shipping_class_id": 0,
            "menu_order": 0,
            "parent_id": parent,
            "attributes": self.attributes_json(product),
            "meta_data": [],
            "stock_status": product.stock_word(),
            "global_unique_id": "",
        });
        for name in ["from", "from_gmt", "to", "to_gmt"] {
            json[format!("date_on_sale_{name}")] = Value::Null;
        }
        self.complete_product(&mut json, product, is_below);
        json
    }

    /// What depends on whether a variation is read below its parent.
    fn complete_product(&self, json: &mut Value, product: &Product, is_below: bool) {
        let parent = json["parent_id"].as_u64().unwrap_or(0);
        let forms = self.products.values();
        let forms = forms.filter(|form| form.kind == Kind::Variation { parent: product.id });
        let variations: Vec<u64> = forms.map(|form| form.id).collect();
        let products = format!("{}/wp-json/wc/v3/products", self.shop.api_url);
        let (collection, rest) = match is_below {
            true => (
                format!("{products}/{parent}/variations"),
                json!({ "image": null, "gallery_image_ids": [] }),
            ),
            false => (products.clone(), alone_json(product, variations)),
        };
        for (name, value) in rest.as_object().cloned().unwrap_or_default() {
            json[name] = value;
        }
        json["_links"] = json!({
            "self": [{ "href": format!("{collection}/{}", product.id) }],
            "collection": [{ "href": collection }],
        });
        if parent != 0 {
            json["_links"]["up"] = json!([{ "href": format!("{products}/{parent}") }]);
        }
    }

    /// What makes a variation differ, and among what a buyer may choose.
    fn attributes_json(&self, product: &Product) -> Value {
        match product.kind {
            Kind::Simple => json!([]),
            Kind::Variation { .. } => {
                json!([{ "id": 0, "name": "Form", "slug": "form", "option": product.name }])
            }
            Kind::Variable => {
                let forms = self.products.values();
                let forms =
                    forms.filter(|form| form.kind == Kind::Variation { parent: product.id });
                let options: Vec<&str> = forms.map(|form| form.name.as_str()).collect();
                json!([{ "id": 0, "name": "Form", "slug": "form", "position": 0, "visible": true,
                         "variation": true, "options": options }])
            }
        }
    }
}

/// What only a product on its own has, also a variation that is read as one.
fn alone_json(product: &Product, variations: Vec<u64>) -> Value {
    json!({
        "slug": product.sku.to_lowercase(),
        "featured": false,
        "catalog_visibility": "visible",
        "short_description": "",
        "total_sales": 0,
        "external_url": "",
        "button_text": "",
        "sold_individually": false,
        "shipping_required": !product.is_virtual,
        "shipping_taxable": !product.is_virtual,
        "reviews_allowed": true,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "purchase_note": "",
        "categories": [],
        "brands": [],
        "tags": [],
        "images": [],
        "default_attributes": [],
        "has_options": !variations.is_empty(),
        "variations": variations,
        "grouped_products": [],
        "price_html": "",
        "related_ids": [],
        "post_password": "",
    })
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Simple => "simple",
            Kind::Variable => "variable",
            Kind::Variation { .. } => "variation",
        }
    }
}

impl Product {
    fn stock_word(&self) -> &'static str {
        if !self.is_counted || self.stock > 0 {
            "instock"
        } else {
            "outofstock"
        }
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
