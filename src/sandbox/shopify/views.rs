//! What the shop has to say of its things: the graph that requests select from.

use domain::Time;
use serde_json::{Value, json};

use super::{
    answer::later,
    order::{Fulfillment, Order, Part, Refund, Transaction},
    world::{Variant, World, to_seconds},
};

/// A global id.
pub(super) fn gid(kind: &str, id: u64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The type and the number of a global id.
pub(super) fn read_gid(gid: &str) -> Option<(&str, u64)> {
    let (kind, number) = gid.strip_prefix("gid://shopify/")?.split_once('/')?;
    Some((kind, number.split('?').next()?.parse().ok()?))
}

/// The number of a global id of a type.
pub(super) fn number_of(kind: &str, gid: &Value) -> Option<u64> {
    let (found, number) = read_gid(gid.as_str()?)?;
    (found == kind).then_some(number)
}

/// When everything was put on sale.
const OPENED: &str = "2026-01-01T00:00:00Z";

fn time(time: Time) -> String {
    to_seconds(time).to_string()
}

/// When a level changed; those that never did were counted when the shop was opened.
fn shown(at: Time) -> String {
    match at == Time::EPOCH {
        true => OPENED.to_owned(),
        false => time(at),
    }
}

/// A number of things that is known for sure.
pub(super) fn count(count: usize) -> Value {
    json!({ "count": count, "precision": "EXACT" })
}

/// What buyers see of a variant.
pub(super) fn name(variant: &Variant) -> String {
    match &variant.variation {
        Some(variation) => format!("{} - {variation}", variant.title),
        None => variant.title.clone(),
    }
}

pub(super) fn email(order: &Order) -> String {
    format!("buyer{}@example.com", order.number)
}

/// The street that an order goes to.
pub(super) fn street(order: &Order) -> String {
    let first = || format!("Example Street {}", order.number % 200 + 1);
    order.street.clone().unwrap_or_else(first)
}

/// Where an order goes, in the REST shape.
pub(super) fn address(order: &Order) -> Value {
    json!({
        "name": format!("Buyer {}", order.number),
        "company": null,
        "address1": street(order),
        "address2": null,
        "city": "Berlin",
        "province": null,
        "zip": format!("10{:03}", order.number % 1000),
        "country": "Germany",
        "country_code": "DE",
        "phone": null,
    })
}

pub(super) fn level_gid(world: &World, place: usize) -> String {
    let variant = &world.variants[place];
    format!(
        "gid://shopify/InventoryLevel/{}?inventory_item_id={}",
        world.location, variant.item
    )
}

impl World {
    fn bag(&self, minor: i64) -> Value {
        let money = json!({
            "amount": self.money(minor).amount(),
            "currencyCode": self.currency.code(),
        });
        json!({ "shopMoney": money, "presentmentMoney": money })
    }

    pub(super) fn shop_view(&self) -> Value {
        json!({
            "id": gid("Shop", self.location + 1),
            "name": self.shop,
            "myshopifyDomain": format!("{}.myshopify.com", self.shop),
            "currencyCode": self.currency.code(),
        })
    }

    pub(super) fn location_view(&self) -> Value {
        let counted = self.variants.iter().enumerate();
        let levels: serde_json::Map<String, Value> = counted
            .filter(|(_, variant)| variant.is_tracked)
            .map(|(place, variant)| {
                let level = later(&level_gid(self, place));
                (gid("InventoryItem", variant.item), level)
            })
            .collect();
        json!({
            "__typename": "Location",
            "id": gid("Location", self.location),
            "legacyResourceId": self.location.to_string(),
            "name": "Shop location",
            "isActive": true,
            "fulfillsOnlineOrders": true,
            "shipsInventory": true,
            "inventoryLevels": levels.values().cloned().collect::<Vec<_>>(),
            "inventoryLevel": levels,
        })
    }

    pub(super) fn installation_view(&self) -> Value {
        let scopes = [
            "write_orders",
            "read_products",
            "write_inventory",
            "read_locations",
            "write_merchant_managed_fulfillment_orders",
        ];
        json!({
            "id": gid("AppInstallation", self.location + 2),
            "accessScopes": scopes.map(|handle| json!({ "handle": handle })),
        })
    }

    /// A product, by its number.
    pub(super) fn product_view(&self, product: u64) -> Option<Value> {
        let forms = self.variants.iter();
        let forms: Vec<&Variant> = forms.filter(|form| form.product == product).collect();
        let first = forms.first()?;
        let changed = forms.iter().map(|form| form.changed_at).max();
        Some(json!({
            "__typename": "Product",
            "id": gid("Product", product),
            "legacyResourceId": product.to_string(),
            "title": first.title,
            "handle": first.title.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "-"),
            "status": "ACTIVE",
            "vendor": self.shop,
            "productType": "",
            "tags": [],
            "createdAt": OPENED,
            "updatedAt": changed.map(shown),
            "hasOnlyDefaultVariant": first.variation.is_none(),
            "totalInventory": forms.iter().map(|form| form.available).sum::<i64>(),
            "tracksInventory": forms.iter().any(|form| form.is_tracked),
            "variantsCount": count(forms.len()),
            "variants": list(&forms, |form| later(&gid("ProductVariant", form.id))),
        }))
    }

    pub(super) fn variant_view(&self, place: usize) -> Value {
        let variant = &self.variants[place];
        json!({
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", variant.id),
            "legacyResourceId": variant.id.to_string(),
            "displayName": name(variant),
            "title": variant.variation.as_deref().unwrap_or("Default Title"),
            "sku": variant.sku.as_str(),
            "barcode": null,
            "price": variant.price.amount(),
            "createdAt": OPENED,
            "updatedAt": shown(variant.changed_at),
            "availableForSale": !variant.is_tracked || variant.available > 0,
            "inventoryPolicy": "DENY",
            "inventoryQuantity": variant.is_tracked.then_some(variant.available),
            "product": later(&gid("Product", variant.product)),
            "inventoryItem": later(&gid("InventoryItem", variant.item)),
        })
    }

    pub(super) fn item_view(&self, place: usize) -> Value {
        let variant = &self.variants[place];
        let mut levels = serde_json::Map::new();
        if variant.is_tracked {
            levels.insert(gid("Location", self.location), self.level_view(place));
        }
        json!({
            "__typename": "InventoryItem",
            "id": gid("InventoryItem", variant.item),
            "legacyResourceId": variant.item.to_string(),
            "sku": variant.sku.as_str(),
            "tracked": variant.is_tracked,
            "requiresShipping": variant.is_tracked,
            "createdAt": OPENED,
            "updatedAt": shown(variant.changed_at),
            "variant": later(&gid("ProductVariant", variant.id)),
            "inventoryLevels": levels.values().cloned().collect::<Vec<_>>(),
            "inventoryLevel": levels,
        })
    }

    pub(super) fn level_view(&self, place: usize) -> Value {
        let variant = &self.variants[place];
        let quantities = [
            ("available", variant.available),
            ("committed", variant.committed),
            ("damaged", 0),
            ("incoming", 0),
            ("on_hand", variant.available + variant.committed),
            ("quality_control", 0),
            ("reserved", 0),
            ("safety_stock", 0),
        ];
        json!({
            "__typename": "InventoryLevel",
            "id": level_gid(self, place),
            "isActive": true,
            "createdAt": OPENED,
            "updatedAt": shown(variant.changed_at),
            "item": later(&gid("InventoryItem", variant.item)),
            "location": later(&gid("Location", self.location)),
            "quantities": list(&quantities, |(name, quantity)| json!({
                "name": name,
                "quantity": quantity,
                "updatedAt": shown(variant.changed_at),
            })),
        })
    }

    pub(super) fn order_view(&self, order: &Order) -> Value {
        let gross = order.gross_minor(self);
        let paid = order.paid_minor();
        let removed: i64 = order
            .lines
            .iter()
            .map(|line| self.variants[line.variant].price.minor() * line.removed)
            .sum();
        let mut view = json!({
            "__typename": "Order",
            "id": gid("Order", order.id),
            "legacyResourceId": order.id.to_string(),
            "name": format!("#{}", order.number),
            "number": order.number,
            "test": false,
            "note": null,
            "sourceName": "web",
            "email": email(order),
            "phone": null,
            "createdAt": time(order.placed_at),
            "processedAt": time(order.placed_at),
            "updatedAt": time(order.updated_at),
            "closedAt": null,
            "cancelledAt": order.canceled.as_ref().map(|(at, _)| time(*at)),
            "cancelReason": order.canceled.as_ref().map(|(_, reason)| reason),
            "currencyCode": self.currency.code(),
            "presentmentCurrencyCode": self.currency.code(),
            "taxesIncluded": true,
            "displayFinancialStatus": order.financial_status(),
            "displayFulfillmentStatus": order.fulfillment_status(),
            "returnStatus": "NO_RETURN",
            "risk": risk(order),
            "confirmed": true,
            "tags": [],
            "canMarkAsPaid": paid == 0 && order.canceled.is_none(),
            "currentSubtotalLineItemsQuantity": order
                .lines
                .iter()
                .map(|line| line.quantity - line.removed)
                .sum::<i64>(),
            "subtotalPriceSet": self.bag(gross - order.shipping_minor),
            "totalOutstandingSet": self.bag(match order.canceled {
                Some(_) => 0,
                None => (gross - removed - paid).max(0),
            }),
            "fullyPaid": paid > 0 && !order.is_part_paid,
            "unpaid": paid == 0,
            "totalPriceSet": self.bag(gross),
            "currentTotalPriceSet": self.bag(gross - removed),
            "totalTaxSet": self.bag(World::tax_minor(gross)),
            "totalShippingPriceSet": self.bag(order.shipping_minor),
            "totalDiscountsSet": self.bag(0),
            "totalRefundedSet": self.bag(order.refunded_minor()),
            "shippingAddress": mailing_address(order, "shipping"),
            "billingAddress": mailing_address(order, "billing"),
        });
        view["lineItems"] = (0..order.lines.len())
            .map(|at| self.line_view(order, at))
            .collect();
        view["fulfillmentOrders"] = list(&order.parts, |part| self.part_view(order, part));
        view["fulfillments"] = list(&order.fulfillments, |made| {
            self.fulfillment_view(order, made)
        });
        view["refunds"] = list(&order.refunds, |made| self.refund_view(order, made));
        view["transactions"] = list(&order.transactions, |made| {
            self.transaction_view(order, made)
        });
        view
    }

    fn line_view(&self, order: &Order, at: usize) -> Value {
        let line = &order.lines[at];
        let variant = &self.variants[line.variant];
        let gross = variant.price.minor() * line.quantity;
        json!({
            "__typename": "LineItem",
            "id": gid("LineItem", line.id),
            "sku": variant.sku.as_str(),
            "title": variant.title,
            "name": name(variant),
            "quantity": line.quantity,
            "currentQuantity": line.quantity - line.removed,
            "refundableQuantity": line.quantity - line.removed,
            "unfulfilledQuantity": order.unfulfilled(at),
            "nonFulfillableQuantity": line.unshippable,
            "requiresShipping": variant.is_tracked,
            "originalUnitPriceSet": self.bag(variant.price.minor()),
            "originalTotalSet": self.bag(gross),
            "discountAllocations": [],
            "taxLines": [{ "title": "VAT", "priceSet": self.bag(World::tax_minor(gross)) }],
            "variantTitle": variant.variation,
            "product": later(&gid("Product", variant.product)),
            "variant": later(&gid("ProductVariant", variant.id)),
        })
    }

    pub(super) fn part_view(&self, order: &Order, part: &Part) -> Value {
        let is_open = matches!(part.status, "OPEN" | "IN_PROGRESS");
        let actions: &[&str] = match is_open {
            true => &["CREATE_FULFILLMENT", "HOLD"],
            false => &[],
        };
        json!({
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", part.id),
            "orderId": gid("Order", order.id),
            "orderName": format!("#{}", order.number),
            "order": later(&gid("Order", order.id)),
            "status": part.status,
            "fulfillBy": null,
            "assignedLocation": { "name": "Shop location", "location": later(&gid("Location", self.location)) },
            "supportedActions": list(actions, |action| json!({ "action": action })),
            "lineItems": list(&part.lines, |line| json!({
                "__typename": "FulfillmentOrderLineItem",
                "id": gid("FulfillmentOrderLineItem", line.id),
                "sku": self.variants[order.lines[line.line].variant].sku.as_str(),
                "totalQuantity": line.total,
                "remainingQuantity": line.remaining,
                "lineItem": self.line_view(order, line.line),
            })),
        })
    }

    pub(super) fn fulfillment_view(&self, order: &Order, made: &Fulfillment) -> Value {
        let units: i64 = made.lines.iter().map(|(_, _, units)| units).sum();
        json!({
            "__typename": "Fulfillment",
            "id": gid("Fulfillment", made.id),
            "legacyResourceId": made.id.to_string(),
            "name": format!("#{}-F", order.number),
            "status": made.status(),
            "displayStatus": if made.is_canceled { "CANCELED" } else { "FULFILLED" },
            "order": later(&gid("Order", order.id)),
            "location": later(&gid("Location", self.location)),
            "createdAt": time(made.created_at),
            "updatedAt": time(made.updated_at),
            "totalQuantity": units,
            "trackingInfo": list(&made.tracking.parcels(), |(number, url)| json!({
                "company": made.tracking.company,
                "number": number,
                "url": url,
            })),
            "fulfillmentLineItems": list(&made.lines, |(id, line, units)| json!({
                "__typename": "FulfillmentLineItem",
                "id": gid("FulfillmentLineItem", *id),
                "quantity": units,
                "lineItem": self.line_view(order, *line),
            })),
        })
    }

    pub(super) fn refund_view(&self, order: &Order, made: &Refund) -> Value {
        json!({
            "__typename": "Refund",
            "id": gid("Refund", made.id),
            "legacyResourceId": made.id.to_string(),
            "createdAt": time(made.created_at),
            "note": made.note,
            "order": later(&gid("Order", order.id)),
            "totalRefundedSet": self.bag(made.minor),
            "refundLineItems": list(&made.lines, |line| json!({
                "id": gid("RefundLineItem", line.id),
                "quantity": line.quantity,
                "restockType": line.restock_type,
                "restocked": matches!(line.restock_type.as_str(), "CANCEL" | "RETURN"),
                "lineItem": self.line_view(order, line.line),
            })),
        })
    }

    fn transaction_view(&self, order: &Order, made: &Transaction) -> Value {
        let parent = order
            .transactions
            .iter()
            .find(|other| Some(other.id) == made.parent);
        json!({
            "__typename": "OrderTransaction",
            "id": gid("OrderTransaction", made.id),
            "kind": made.kind,
            "status": "SUCCESS",
            "errorCode": null,
            "gateway": "bogus",
            "createdAt": time(made.created_at),
            "amountSet": self.bag(made.minor),
            "parentTransaction": parent.map(|parent| self.transaction_view(order, parent)),
        })
    }

    /// A job: one that is not waiting any more is done.
    pub(super) fn job_view(&self, id: &Value) -> Value {
        let id = id
            .as_str()
            .filter(|id| id.starts_with("gid://shopify/Job/"));
        match id {
            None => Value::Null,
            Some(id) => {
                let mut jobs = self.jobs.iter();
                json!({ "id": id, "done": !jobs.any(|job| job.id == id) })
            }
        }
    }

    /// Anything that a global id may name.
    pub(super) fn node_view(&self, id: &Value) -> Value {
        let Some((kind, number)) = id.as_str().and_then(read_gid) else {
            return Value::Null;
        };
        let orders = || self.orders.values().filter(|order| !order.is_deleted);
        let found = match kind {
            "Product" => self.product_view(number),
            "InventoryLevel" => {
                let item = id
                    .as_str()
                    .and_then(|id| id.split_once("?inventory_item_id="));
                let item = item.and_then(|(_, item)| item.parse::<u64>().ok());
                let mut variants = self.variants.iter();
                let place = variants.position(|one| Some(one.item) == item && one.is_tracked);
                place
                    .filter(|_| number == self.location)
                    .map(|place| self.level_view(place))
            }
            "WebhookSubscription" => {
                let mut hooks = self.hooks.subscriptions.iter();
                hooks
                    .find(|hook| hook.id == number)
                    .map(super::subscriptions::view)
            }
            "Order" => self.live(number).map(|order| self.order_view(order)),
            "Location" => (number == self.location).then(|| self.location_view()),
            "InventoryItem" => {
                let place = self
                    .variants
                    .iter()
                    .position(|variant| variant.item == number);
                place.map(|place| self.item_view(place))
            }
            "ProductVariant" => {
                let place = self
                    .variants
                    .iter()
                    .position(|variant| variant.id == number);
                place.map(|place| self.variant_view(place))
            }
            "FulfillmentOrder" => orders().find_map(|order| {
                let part = order.parts.iter().find(|part| part.id == number)?;
                Some(self.part_view(order, part))
            }),
            "Fulfillment" => orders().find_map(|order| {
                let made = order.fulfillments.iter().find(|made| made.id == number)?;
                Some(self.fulfillment_view(order, made))
            }),
            "Refund" => orders().find_map(|order| {
                let made = order.refunds.iter().find(|made| made.id == number)?;
                Some(self.refund_view(order, made))
            }),
            _ => None,
        };
        found.unwrap_or(Value::Null)
    }
}

fn mailing_address(order: &Order, kind: &str) -> Value {
    let mut view = address(order);
    view["id"] = json!(format!(
        "gid://shopify/MailingAddress/{}?kind={kind}",
        order.id
    ));
    view["countryCodeV2"] = view["country_code"].take();
    view
}

fn list<T>(of: &[T], view: impl Fn(&T) -> Value) -> Value {
    of.iter().map(view).collect()
}

/// What the shop says of the risk with an order.
fn risk(order: &Order) -> Value {
    let (level, recommendation) = match order.is_suspect {
        true => ("HIGH", "CANCEL"),
        false => ("LOW", "ACCEPT"),
    };
    json!({
        "__typename": "OrderRiskSummary",
        "recommendation": recommendation,
        "assessments": [{ "__typename": "OrderRiskAssessment", "riskLevel": level }],
    })
}
