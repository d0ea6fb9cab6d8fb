//! The catalog: items with their variations, as Square lists them.

use std::collections::{BTreeMap, BTreeSet};

use domain::Sku;
use serde_json::{Value, json};

use super::{
    Ids, Square,
    api::{Fail, OPENED, Query, array},
    ledger::Ledger,
};
use crate::{Product, ProductKind};

/// Objects on a page. Source: ListCatalog.
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
        // Without a word about it, variations are listed within their items alone.
        let types = query.get("types").unwrap_or("ITEM");
        let types: Vec<String> = types
            .split(',')
            .map(|kind| kind.trim().to_ascii_uppercase())
            .collect();
        let objects = self.objects(|kind| types.iter().any(|wanted| wanted == kind));
        let (objects, cursor) = page_of(objects, query.first()?, PAGE)?;
        Ok(listed(objects, cursor))
    }

    /// The objects of some types: items first.
    pub(super) fn objects(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<Value> {
        let mut objects = Vec::new();
        if is_wanted("ITEM") {
            objects.extend(self.catalog.items.iter().map(|item| self.item(item)));
        }
        if is_wanted("ITEM_VARIATION") {
            let forms = self.catalog.items.iter().flat_map(|item| &item.variations);
            let forms = forms.filter_map(|id| self.catalog.by_id(id));
            objects.extend(forms.map(|form| self.variation(form)));
        }
        objects
    }

    pub(super) fn read_object(&self, id: &str, query: &Query) -> Result<Value, Fail> {
        let object = self.object(id);
        let object = object
            .ok_or_else(|| Fail::not_found(format!("Catalog object with ID `{id}` not found.")))?;
        let mut answer = json!({ "object": object });
        if query.get("include_related_objects") == Some("true") {
            let related = self.related(std::slice::from_ref(&object));
            if !related.is_empty() {
                answer["related_objects"] = json!(related);
            }
        }
        Ok(answer)
    }

    /// The items that the variations among some objects belong to.
    pub(super) fn related(&self, objects: &[Value]) -> Vec<Value> {
        let owners: BTreeSet<&str> = objects
            .iter()
            .filter_map(|object| object.pointer("/item_variation_data/item_id")?.as_str())
            .collect();
        let items = self.catalog.items.iter();
        let items = items.filter(|item| owners.contains(item.id.as_str()));
        items.map(|item| self.item(item)).collect()
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
        Ok(self.with_related(listed(objects, None), body))
    }

    /// An answer with the objects that belong to those in it, if they are asked for.
    pub(super) fn with_related(&self, mut answer: Value, body: &Value) -> Value {
        if body.get("include_related_objects") == Some(&json!(true)) {
            let objects = answer.get("objects").and_then(Value::as_array);
            let related = self.related(objects.map_or(&[], Vec::as_slice));
            if !related.is_empty() {
                answer["related_objects"] = json!(related);
            }
        }
        answer
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
            "updated_at": OPENED,
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
            "updated_at": OPENED,
            "is_deleted": false,
            "present_at_all_locations": true,
            "item_variation_data": data,
        })
    }
}

/// A page, and where the next one begins.
pub(super) fn page_of(
    objects: Vec<Value>,
    first: usize,
    limit: usize,
) -> Result<(Vec<Value>, Option<usize>), Fail> {
    if first > objects.len() {
        return Err(Fail::cursor());
    }
    let next = first.saturating_add(limit);
    let cursor = (next < objects.len()).then_some(next);
    let page = objects.into_iter().skip(first).take(limit);
    Ok((page.collect(), cursor))
}

/// A list as the catalog answers it: empty fields are left out.
pub(super) fn listed(objects: Vec<Value>, cursor: Option<usize>) -> Value {
    let mut answer = json!({});
    if !objects.is_empty() {
        answer["objects"] = json!(objects);
    }
    if let Some(cursor) = cursor {
        answer["cursor"] = json!(cursor.to_string());
    }
    answer
}
