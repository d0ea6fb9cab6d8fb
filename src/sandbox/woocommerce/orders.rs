//! Orders, and what their states do to the levels.
//!
//! Units are taken once per line, on becoming processing, on-hold or completed, and remembered in the
//! line. They are given back on cancelled and pending, and from version 11 on failed. Nothing else gives
//! any back: not the bin, not deletion, not the status refunded.

use domain::{Sku, Time};
use serde_json::{Map, Value, json};

use super::{Kind, Product, Version, Woo};
use crate::LevelWrite;

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) status: String,
    pub(super) created_at: Time,
    pub(super) modified_at: Time,
    pub(super) paid_at: Option<Time>,
    pub(super) completed_at: Option<Time>,
    pub(super) lines: Vec<Line>,
    pub(super) refunds: Vec<Refund>,
    pub(super) notes: Vec<Note>,
    pub(super) meta: Vec<Meta>,
    pub(super) via: &'static str,
    pub(super) payment_method: String,
    pub(super) payment_title: String,
    pub(super) billing: Value,
    pub(super) shipping: Value,
    pub(super) customer_note: String,
    pub(super) is_stock_taken: bool,
    /// Whether it was ever more than a draft.
    pub(super) was_sale: bool,
    /// Deleted for good; kept for the truth only.
    pub(super) is_deleted: bool,
    /// Entries of the tracking extension.
    pub(super) trackings: Vec<Value>,
    /// Fulfillments.
    pub(super) fulfillments: Vec<Value>,
}

/// A line of an order.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: u64,
    /// 0 for a product that the shop does not know.
    pub(super) product: u64,
    pub(super) variation: u64,
    pub(super) name: String,
    pub(super) sku: Option<String>,
    pub(super) units: i64,
    pub(super) total_minor: i64,
    pub(super) tax_minor: i64,
    /// What was taken off the level for it.
    pub(super) reduced: Option<i64>,
    /// What refunds have put back.
    pub(super) restocked: i64,
}

/// A refund.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub(super) id: u64,
    pub(super) created_at: Time,
    pub(super) amount_minor: i64,
    pub(super) reason: String,
    pub(super) is_paid_back: bool,
    pub(super) lines: Vec<RefundLine>,
}

/// What a refund says of a line.
#[derive(Debug, Clone)]
pub(super) struct RefundLine {
    pub(super) id: u64,
    pub(super) of: u64,
    pub(super) units: i64,
    pub(super) total_minor: i64,
    pub(super) tax_minor: i64,
}

/// A note on an order.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) id: u64,
    pub(super) created_at: Time,
    pub(super) text: String,
    pub(super) is_for_customer: bool,
}

/// Something hung on an order.
#[derive(Debug, Clone)]
pub(super) struct Meta {
    pub(super) id: u64,
    pub(super) key: String,
    pub(super) value: Value,
}

impl Order {
    pub(super) fn total_minor(&self) -> i64 {
        let lines = self.lines.iter();
        lines.map(|line| line.total_minor + line.tax_minor).sum()
    }

    pub(super) fn tax_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.tax_minor).sum()
    }

    pub(super) fn refunded_minor(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount_minor).sum()
    }

    /// Whether it was canceled. When it is then refunded it has the same word as any other, but its units were
    /// given back before.
    pub(super) fn is_canceled(&self) -> bool {
        match self.status.as_str() {
            "cancelled" | "failed" => true,
            "refunded" => !self.is_stock_taken,
            _ => false,
        }
    }

    /// Units that were refunded before the order was done with: they stay here.
    pub(super) fn given_up(&self) -> Vec<(Sku, u32)> {
        let refunds = self.refunds.iter().filter(|refund| {
            let done = self.completed_at;
            done.is_none_or(|done| refund.created_at < done)
        });
        let lines = refunds.flat_map(|refund| &refund.lines);
        lines
            .filter_map(|back| {
                let line = self.lines.iter().find(|line| line.id == back.of)?;
                let sku = Sku::new(line.sku.as_deref()?).ok()?;
                Some((sku, u32::try_from(back.units).ok()?))
            })
            .filter(|(_, units)| *units > 0 && !self.is_canceled())
            .collect()
    }

    /// Whether lists show it when they are not asked for a status.
    pub(super) fn is_listed(&self) -> bool {
        let hidden = ["trash", "checkout-draft", "auto-draft"];
        !self.is_deleted && !hidden.contains(&self.status.as_str())
    }
}

impl Line {
    /// The product that its units come from.
    pub(super) fn stocked(&self) -> u64 {
        match self.variation {
            0 => self.product,
            variation => variation,
        }
    }
}

impl Woo {
    /// An order without lines.
    pub(super) fn new_order(&mut self, status: &str, via: &'static str, now: Time) -> Order {
        Order {
            id: self.id_next(),
            status: status.to_owned(),
            created_at: now,
            modified_at: now,
            paid_at: None,
            completed_at: None,
            lines: Vec::new(),
            refunds: Vec::new(),
            notes: Vec::new(),
            meta: Vec::new(),
            via,
            payment_method: String::new(),
            payment_title: String::new(),
            billing: address(&["email", "phone"]),
            shipping: address(&["phone"]),
            customer_note: String::new(),
            is_stock_taken: false,
            was_sale: false,
            is_deleted: false,
            trackings: Vec::new(),
            fulfillments: Vec::new(),
        }
    }

    /// A line for a product; the shop takes also what it does not know, for nothing.
    pub(super) fn new_line(&mut self, product: Option<&Product>, units: i64) -> Line {
        let id = self.id_next();
        let Some(product) = product else {
            return Line {
                id,
                product: 0,
                variation: 0,
                name: String::new(),
                sku: None,
                units,
                total_minor: 0,
                tax_minor: 0,
                reduced: None,
                restocked: 0,
            };
        };
        let (of, variation) = match product.kind {
            Kind::Variation { parent } => (parent, product.id),
            Kind::Simple | Kind::Variable => (product.id, 0),
        };
        let total_minor = product.price.minor().saturating_mul(units);
        Line {
            id,
            product: of,
            variation,
            name: product.name.clone(),
            sku: Some(product.sku.clone()),
            units,
            total_minor,
            tax_minor: self.tax(total_minor),
            reduced: None,
            restocked: 0,
        }
    }

    pub(super) fn tax(&self, minor: i64) -> i64 {
        (minor.saturating_mul(self.options.tax_percent) + 50) / 100
    }

    /// Changes the status of an order and moves units as that asks for. It tells nobody.
    pub(super) fn set_status(&mut self, id: u64, status: &str, now: Time) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut order.status, status.to_owned());
        order.modified_at = now;
        order.was_sale |= !matches!(status, "checkout-draft" | "auto-draft" | "trash");
        if status == "completed" {
            order.completed_at = Some(now);
            order.paid_at = order.paid_at.or(Some(now));
        }
        let gives_back = match status {
            "cancelled" | "pending" => true,
            "failed" => self.options.version == Version::V11_0,
            _ => false,
        };
        if before != status {
            let text = format!("Order status changed from {before} to {status}.");
            self.add_note(id, &text, false, now);
        }
        if matches!(status, "processing" | "on-hold" | "completed") {
            self.take_units(id, now);
        } else if gives_back {
            self.give_units_back(id, now);
        } else if status == "refunded" {
            self.refund_rest(id, now);
        }
    }

    fn take_units(&mut self, id: u64, now: Time) {
        let Some(order) = self.orders.get_mut(&id).filter(|o| !o.is_stock_taken) else {
            return;
        };
        order.is_stock_taken = true;
        let mut touched = Vec::new();
        for line in &mut order.lines {
            if let Some(product) = self.products.get_mut(&line.stocked())
                && product.is_counted
            {
                product.stock -= line.units;
                line.reduced = Some(line.units);
                touched.push(product.id);
            }
        }
        for product in touched {
            self.touch_product(product, now);
        }
    }

    fn give_units_back(&mut self, id: u64, now: Time) {
        let Some(order) = self.orders.get_mut(&id).filter(|o| o.is_stock_taken) else {
            return;
        };
        order.is_stock_taken = false;
        let mut touched = Vec::new();
        for line in &mut order.lines {
            if let Some(units) = line.reduced.take()
                && let Some(product) = self.products.get_mut(&line.stocked())
            {
                touched.push((product.id, units));
            }
        }
        for (product, units) in touched {
            self.put_back(product, units, now);
        }
    }

    /// Puts units of a canceled or refunded order back.
    pub(super) fn put_back(&mut self, id: u64, units: i64, now: Time) {
        let Some(product) = self.products.get_mut(&id) else {
            return;
        };
        let from = product.stock;
        product.stock += units;
        if let Ok(sku) = Sku::new(&product.sku) {
            let (to, at) = (product.stock, now);
            self.restocks.push(LevelWrite { sku, from, to, at });
        }
        self.touch_product(id, now);
    }

    /// Staff change how many units a line has, or remove it (no units): the level follows at once.
    pub(super) fn set_units(&mut self, id: u64, line_id: u64, units: i64, now: Time) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let is_stock_taken = order.is_stock_taken;
        let Some(line) = order.lines.iter_mut().find(|line| line.id == line_id) else {
            return;
        };
        let each = line.total_minor / line.units.max(1);
        let stocked = line.stocked();
        line.units = units;
        line.total_minor = each.saturating_mul(units);
        let total = line.total_minor;
        let before = line.reduced.unwrap_or(0);
        let mut is_moved = false;
        if is_stock_taken
            && let Some(product) = self.products.get_mut(&stocked)
            && product.is_counted
        {
            product.stock -= units - before;
            line.reduced = Some(units);
            is_moved = units != before;
        }
        let tax = self.tax(total);
        if let Some(order) = self.orders.get_mut(&id) {
            for line in order.lines.iter_mut().filter(|line| line.id == line_id) {
                line.tax_minor = tax;
            }
            order.lines.retain(|line| line.units > 0);
        }
        if is_moved {
            self.touch_product(stocked, now);
        }
    }

    pub(super) fn add_note(
        &mut self,
        order: u64,
        text: &str,
        is_for_customer: bool,
        now: Time,
    ) -> u64 {
        let id = self.id_next();
        if let Some(order) = self.orders.get_mut(&order) {
            order.notes.push(Note {
                id,
                created_at: now,
                text: text.to_owned(),
                is_for_customer,
            });
        }
        id
    }

    /// An order as the API and the hooks write it.
    pub(super) fn order_json(&self, order: &Order) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("id", order.id.into());
        put("parent_id", 0.into());
        put("status", order.status.as_str().into());
        put("currency", self.currency.code().into());
        put("version", self.version().into());
        put("prices_include_tax", false.into());
        for (name, time) in [
            ("date_created", Some(order.created_at)),
            ("date_modified", Some(order.modified_at)),
            ("date_completed", order.completed_at),
            ("date_paid", order.paid_at),
        ] {
            put(name, time.map(|time| self.local(time)).into());
            put(&format!("{name}_gmt"), time.map(Time::to_naive_utc).into());
        }
        for name in [
            "discount_total",
            "discount_tax",
            "shipping_total",
            "shipping_tax",
        ] {
            put(name, self.money(0).into());
        }
        put("cart_tax", self.money(order.tax_minor()).into());
        put("total", self.money(order.total_minor()).into());
        put("total_tax", self.money(order.tax_minor()).into());
        put("customer_id", 0.into());
        put("order_key", format!("wc_order_{:013}", order.id).into());
        put("billing", order.billing.clone());
        put("shipping", order.shipping.clone());
        put("payment_method", order.payment_method.as_str().into());
        put("payment_method_title", order.payment_title.as_str().into());
        for name in ["customer_ip_address", "customer_user_agent", "cart_hash"] {
            put(name, "".into());
        }
        put("transaction_id", "".into());
        put("created_via", order.via.into());
        put("customer_note", order.customer_note.as_str().into());
        put("number", order.id.to_string().into());
        let meta = order
            .meta
            .iter()
            .map(|meta| json!({ "id": meta.id, "key": meta.key, "value": meta.value }));
        put("meta_data", meta.collect());
        put(
            "line_items",
            order.lines.iter().map(|l| self.line_json(l)).collect(),
        );
        for name in ["tax_lines", "fee_lines", "coupon_lines"] {
            put(name, json!([]));
        }
        let refunds = order.refunds.iter().map(|refund| {
            let tax: i64 = refund.lines.iter().map(|line| line.tax_minor).sum();
            json!({ "id": refund.id, "reason": refund.reason,
                    "total": self.money(-refund.amount_minor), "total_tax": self.money(-tax) })
        });
        put("refunds", refunds.collect());
        put("needs_payment", (order.status == "pending").into());
        put("needs_processing", true.into());
        for (name, value) in self.order_ends(order) {
            put(name, value);
        }
        fields.into()
    }

    /// What an order is shipped by, how it is paid, and where it is found.
    fn order_ends(&self, order: &Order) -> [(&'static str, Value); 5] {
        let symbol = match self.currency.code() {
            "EUR" => "\u{20ac}",
            "USD" => "$",
            "GBP" => "\u{a3}",
            code => code,
        };
        let is_editable = matches!(order.status.as_str(), "pending" | "on-hold" | "auto-draft");
        let payment_url = format!(
            "{}/checkout/order-pay/{}/?pay_for_order=true&key=wc_order_{:013}",
            self.shop.api_url, order.id, order.id
        );
        let collection = format!("{}/wp-json/wc/v3/orders", self.shop.api_url);
        let shipping = json!([{
            "id": order.id,
            "method_title": "Flat rate",
            "method_id": "flat_rate",
            "instance_id": "1",
            "total": self.money(0),
            "total_tax": self.money(0),
            "taxes": [],
            "tax_status": "taxable",
            "meta_data": [],
        }]);
        let links = json!({
            "self": [{ "href": format!("{collection}/{}", order.id) }],
            "collection": [{ "href": collection }],
        });
        [
            ("shipping_lines", shipping),
            ("is_editable", is_editable.into()),
            ("payment_url", payment_url.into()),
            ("currency_symbol", symbol.into()),
            ("_links", links),
        ]
    }

    fn line_json(&self, line: &Line) -> Value {
        let mut meta = Vec::new();
        let mut hang = |key: &str, units: i64| {
            meta.push(json!({ "id": line.id * 10 + meta.len() as u64, "key": key,
                              "value": units.to_string(), "display_key": key,
                              "display_value": units.to_string() }));
        };
        if let Some(units) = line.reduced {
            hang("_reduced_stock", units);
        }
        if line.restocked > 0 {
            hang("_restock_refunded_items", line.restocked);
        }
        let each = line.total_minor / line.units.max(1);
        let price: f64 = self.money(each).parse().unwrap_or_default();
        let tax = self.money(line.tax_minor);
        let taxes = match line.tax_minor {
            0 => json!([]),
            _ => json!([{ "id": 1, "total": tax, "subtotal": tax }]),
        };
        json!({
            "id": line.id,
            "name": line.name,
            "product_id": line.product,
            "variation_id": line.variation,
            "quantity": line.units,
            "tax_class": "",
            "subtotal": self.money(line.total_minor),
            "subtotal_tax": tax,
            "total": self.money(line.total_minor),
            "total_tax": tax,
            "taxes": taxes,
            "meta_data": meta,
            "sku": line.sku.as_deref().map(|sku| self.told(sku)),
            "global_unique_id": "",
            "price": price,
            "image": { "id": "", "src": "" },
            "parent_name": null,
        })
    }
}

/// An address in which nothing is filled in yet.
fn address(further: &[&str]) -> Value {
    let fields = [
        "first_name",
        "last_name",
        "company",
        "address_1",
        "address_2",
        "city",
        "state",
        "postcode",
        "country",
    ];
    let fields = fields.iter().chain(further);
    fields
        .map(|field| ((*field).to_owned(), Value::from("")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
