//! The catalog: items with their variations, as Square lists them.

use std::collections::BTreeMap;

use domain::Sku;
use serde_json::{Value, json};

use super::{
    Ids, Square,
    api::{Fail, Query, array},
    ledger::Ledger,
};
use crate::{Product, ProductKind};

/// Items on a page. Source: ListCatalog.
const PAGE: usize = 100;
/// Objects that one call reads. Source: BatchRetrieveCatalogObjects.
const READ_MAX: usize = 1000;

/// What the shop sells.
pub(super) struct Catalog {
    items: Vec<Item>,
    variations: BTreeMap<String, Variation>,
}

struct Item {
    id: String,
    name: String,
    variations: Vec<String>,
}

/// What can be bought.
pub(super) struct Variation {
    pub(super) id: String,
    pub(super) item: String,
    pub(super) item_name: String,
    pub(super) name: String,
    pub(super) sku: Sku,
    pub(super) price_minor: i64,
    pub(super) is_counted: bool,
    pub(super) ledger: Ledger,
}

impl Catalog {
    pub(super) fn new(products: &[Product], ids: &mut Ids) -> Catalog {
        let mut catalog = Catalog {
            items: Vec::new(),
            variations: BTreeMap::new(),
        };
        for product in products {
            let (item_name, name) = match &product.kind {
                ProductKind::Simple | ProductKind::Service => (&product.title, "Regular"),
                ProductKind::Variation { parent } => (parent, product.title.as_str()),
            };
            let is_form = matches!(product.kind, ProductKind::Variation { .. });
            let known = catalog.items.iter_mut();
            let known = known
                .filter(|_| is_form)
                .position(|item| item.name == *item_name);
            let place = known.unwrap_or_else(|| {
                catalog.items.push(Item {
                    id: ids.opaque(24),
                    name: item_name.clone(),
                    variations: Vec::new(),
                });
                catalog.items.len() - 1
            });
            let item = &mut catalog.items[place];
            let id = ids.opaque(24);
            item.variations.push(id.clone());
            let variation = Variation {
                id: id.clone(),
                item: item.id.clone(),
                item_name: item_name.clone(),
                name: name.to_owned(),
                sku: product.sku.clone(),
                price_minor: product.price.minor(),
                is_counted: product.kind != ProductKind::Service,
                ledger: Ledger::new(product.level),
            };
            catalog.variations.insert(id, variation);
        }
        catalog
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&Variation> {
        self.variations.get(id)
    }

    pub(super) fn by_id_mut(&mut self, id: &str) -> Option<&mut Variation> {
        self.variations.get_mut(id)
    }

    pub(super) fn by_sku(&self, sku: &Sku) -> Option<&Variation> {
        self.variations
            .values()
            .find(|variation| variation.sku == *sku)
    }

    /// Every variation that is counted.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Variation> {
        self.variations
            .values()
            .filter(|variation| variation.is_counted)
    }

    pub(super) fn levels(&self) -> BTreeMap<Sku, i64> {
        self.counted()
            .map(|variation| (variation.sku.clone(), variation.ledger.level()))
            .collect()
    }
}

impl Square {
    pub(super) fn list_catalog(&self, query: &Query) -> Result<Value, Fail> {
        let wants_items = query.get("types").is_none_or(|types| {
            let mut types = types.split(',');
            types.any(|kind| kind.trim().eq_ignore_ascii_case("ITEM"))
        });
        let first = match query.get("cursor") {
            Some(cursor) => cursor.parse().map_err(|_| Fail::cursor())?,
            None => 0,
        };
        if !wants_items || first > self.catalog.items.len() {
            return Ok(json!({}));
        }
        let rest = &self.catalog.items[first..];
        let page: Vec<Value> = rest.iter().take(PAGE).map(|item| self.item(item)).collect();
        let mut answer = json!({ "objects": page });
        if rest.len() > PAGE {
            answer["cursor"] = json!((first + PAGE).to_string());
        }
        Ok(answer)
    }

    pub(super) fn read_catalog(&self, body: &Value) -> Result<Value, Fail> {
        let ids = array(body, "object_ids")?;
        if ids.is_empty() || ids.len() > READ_MAX {
            return Err(Fail::value("object_ids", "1 to 1000 ids are allowed"));
        }
        let objects: Vec<Value> = ids
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|id| self.object(id))
            .collect();
        if objects.is_empty() {
            return Ok(json!({}));
        }
        Ok(json!({ "objects": objects }))
    }

    fn object(&self, id: &str) -> Option<Value> {
        let items = &self.catalog.items;
        let item = items.iter().find(|item| item.id == id);
        match item {
            Some(item) => Some(self.item(item)),
            None => self.catalog.by_id(id).map(|found| self.variation(found)),
        }
    }

    fn item(&self, item: &Item) -> Value {
        let variations = item.variations.iter();
        let variations = variations.filter_map(|id| self.catalog.by_id(id));
        json!({
            "type": "ITEM",
            "id": item.id,
            "version": 1,
            "is_deleted": false,
            "present_at_all_locations": true,
            "item_data": {
                "name": item.name,
                "product_type": "REGULAR",
                "variations": variations.map(|form| self.variation(form)).collect::<Vec<_>>(),
            },
        })
    }

    /// Tracking is on for the one location only, which is how the dashboard does it.
    fn variation(&self, variation: &Variation) -> Value {
        let mut data = json!({
            "item_id": variation.item,
            "name": variation.name,
            "sku": variation.sku.as_str(),
            "pricing_type": "FIXED_PRICING",
            "price_money": self.amount(variation.price_minor),
            "sellable": true,
            "stockable": true,
        });
        if variation.is_counted {
            data["location_overrides"] =
                json!([{ "location_id": self.location, "track_inventory": true }]);
        }
        json!({
            "type": "ITEM_VARIATION",
            "id": variation.id,
            "version": 1,
            "is_deleted": false,
            "present_at_all_locations": true,
            "item_variation_data": data,
        })
    }
}
