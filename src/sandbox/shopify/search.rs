//! The search language: terms joined by AND. What the shop understands narrows what is found; what
//! Shopify does not know either narrows nothing, as there; what Shopify knows and this sandbox does
//! not is refused, because a search that silently finds too much is worse than none.

use domain::Time;

/// What can be searched for here, and what Shopify has beside it. Source: the descriptions of the
/// `query` arguments in the schema.
pub(super) struct Fields {
    here: &'static [&'static str],
    elsewhere: &'static [&'static str],
}

pub(super) const ORDER_FIELDS: Fields = Fields {
    here: &[
        "created_at",
        "email",
        "financial_status",
        "fulfillment_status",
        "id",
        "name",
        "processed_at",
        "return_status",
        "sku",
        "source_name",
        "status",
        "test",
        "updated_at",
    ],
    elsewhere: &[
        "cart_token",
        "channel",
        "channel_id",
        "chargeback_status",
        "checkout_token",
        "confirmation_number",
        "credit_card_last4",
        "current_total_price",
        "customer_id",
        "delivery_method",
        "discount_code",
        "earliest_fulfill_by",
        "fraud_protection_level",
        "fulfillment_location_id",
        "gateway",
        "location_id",
        "metafields",
        "payment_id",
        "payment_provider_id",
        "po_number",
        "reference_location_id",
        "risk_level",
        "sales_channel",
        "source_identifier",
        "subtotal_line_items_quantity",
        "tag",
        "tag_not",
        "total_weight",
    ],
};

pub(super) const PRODUCT_FIELDS: Fields = Fields {
    here: &["id", "sku", "status", "title", "updated_at", "vendor"],
    elsewhere: &[
        "barcode",
        "bundles",
        "category_id",
        "collection_id",
        "created_at",
        "gift_card",
        "handle",
        "has_only_default_variant",
        "inventory_total",
        "is_price_reduced",
        "out_of_stock_somewhere",
        "price",
        "product_type",
        "published_at",
        "published_status",
        "tag",
        "tag_not",
        "tracks_inventory",
        "variant_id",
        "variant_title",
    ],
};

pub(super) const VARIANT_FIELDS: Fields = Fields {
    here: &["id", "product_id", "sku", "title", "updated_at"],
    elsewhere: &[
        "barcode",
        "collection",
        "delivery_profile_id",
        "gift_card",
        "inventory_quantity",
        "location_id",
        "managed",
        "managed_by",
        "product_ids",
        "product_status",
        "product_type",
        "published_status",
        "requires_components",
        "tag",
        "tag_not",
        "taxable",
        "vendor",
    ],
};

pub(super) const ITEM_FIELDS: Fields = Fields {
    here: &["id", "sku", "updated_at"],
    elsewhere: &["created_at"],
};

/// What a thing holds in a field.
pub(super) enum Held {
    Time(Time),
    Words(Vec<String>),
}

/// A search, read.
pub(super) struct Search {
    terms: Vec<Term>,
}

struct Term {
    /// Empty for a word without a field.
    field: String,
    /// `<`, `<=`, `>`, `>=`, or nothing for being equal.
    relation: &'static str,
    value: String,
    is_negated: bool,
}

impl Search {
    pub(super) fn read(query: &str, fields: &Fields) -> Result<Search, String> {
        let mut terms = Vec::new();
        let mut is_negated = false;
        for token in tokens(query) {
            match token.as_str() {
                "AND" => continue,
                "NOT" => {
                    is_negated = true;
                    continue;
                }
                "OR" => return Err("This sandbox joins terms by AND only.".to_owned()),
                _ => {}
            }
            let token = match token.strip_prefix('-') {
                Some(rest) => {
                    is_negated = true;
                    rest
                }
                None => token.as_str(),
            };
            if token.starts_with('(') {
                return Err("This sandbox reads no parentheses in a search.".to_owned());
            }
            let (field, rest) = match token.split_once(':') {
                Some((field, rest)) if fields.here.contains(&field) => (field, rest),
                Some((field, _)) if fields.elsewhere.contains(&field) => {
                    return Err(format!("This sandbox does not search by {field}."));
                }
                // Nobody knows this field: it narrows nothing.
                Some(_) => {
                    is_negated = false;
                    continue;
                }
                None => ("", token),
            };
            let relations = ["<=", ">=", "<", ">"];
            let relation = relations.into_iter().find(|sign| rest.starts_with(sign));
            let relation = relation.unwrap_or_default();
            let value = rest[relation.len()..].trim_matches(['\'', '"']);
            if field.ends_with("_at") && value != "*" {
                instant(value)?;
            }
            terms.push(Term {
                field: field.to_owned(),
                relation,
                value: value.to_owned(),
                is_negated: std::mem::take(&mut is_negated),
            });
        }
        Ok(Search { terms })
    }

    /// Whether a thing is found, by what it holds.
    pub(super) fn takes(&self, held: impl Fn(&str) -> Held) -> Result<bool, String> {
        for term in &self.terms {
            let holds = match held(&term.field) {
                Held::Time(time) => term.holds_time(time)?,
                Held::Words(words) => term.holds_word(&words)?,
            };
            if holds == term.is_negated {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Term {
    fn holds_time(&self, time: Time) -> Result<bool, String> {
        if self.value == "*" {
            return Ok(true);
        }
        let at = instant(&self.value)?;
        Ok(match self.relation {
            "<" => time < at,
            "<=" => time <= at,
            ">" => time > at,
            ">=" => time >= at,
            _ => time.seconds() == at.seconds(),
        })
    }

    fn holds_word(&self, words: &[String]) -> Result<bool, String> {
        if !self.relation.is_empty() {
            let asked: Option<u64> = self.value.parse().ok();
            let held = words.first().and_then(|word| word.parse::<u64>().ok());
            return match (held, asked) {
                (Some(held), Some(asked)) if self.field == "id" => Ok(match self.relation {
                    "<" => held < asked,
                    "<=" => held <= asked,
                    ">" => held > asked,
                    _ => held >= asked,
                }),
                _ => Err(format!("This sandbox does not compare {}.", self.field)),
            };
        }
        let is_any = self.field == "status" && self.value == "any";
        let asked = self.value.to_lowercase();
        let mut alternatives = asked.split(',').map(str::trim);
        Ok(is_any
            || alternatives.any(|asked| {
                words.iter().any(|word| {
                    let word = word.to_lowercase();
                    match asked.strip_suffix('*') {
                        Some(start) => word.starts_with(start),
                        None => word == asked,
                    }
                })
            }))
    }
}

/// A time, or a date and its beginning.
fn instant(text: &str) -> Result<Time, String> {
    let time = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        _ => text.to_owned(),
    };
    time.parse::<Time>().map_err(|error| error.to_string())
}

/// Cuts a query at spaces that stand outside of quotes.
fn tokens(query: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut quote = None;
    for letter in query.chars() {
        match (quote, letter) {
            (None, ' ' | '\t' | '\n') => tokens.push(String::new()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                push(&mut tokens, letter);
            }
            (Some(open), letter) if open == letter => {
                quote = None;
                push(&mut tokens, letter);
            }
            (_, letter) => push(&mut tokens, letter),
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

fn push(tokens: &mut [String], letter: char) {
    if let Some(token) = tokens.last_mut() {
        token.push(letter);
    }
}
