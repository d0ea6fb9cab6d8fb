//! What the offer rules mean: `[stock]`, `[[stock.rules]]` and `[offer]` of an account.
//!
//! A rule that says nothing, contradicts itself or names what is not there is told at its place; what
//! was already told to be wrong is left alone.

use std::collections::BTreeSet;

use domain::{
    AccountId, Decimal, Sku,
    rules::{FormulaRef, is_same_category},
};
use engine::ports::formula::{compile, known_names};

use super::{
    document::Document,
    meaning::{check_account, inner, keys, read_category, read_sku, tell},
    mistakes::{self, Severity},
    owing::owing,
    places::{KeyPath, Part},
    shape::{
        Item, ItemKind, LastUnits, LastUnitsText, Offer, OfferText, Rule, RuleText, Stock,
        StockText,
    },
    values::{Buffer, EndWhen, Units},
};

/// Checks `[stock]`, and says what it means.
pub(super) fn stock(
    document: &mut Document,
    text: StockText,
    accounts: &BTreeSet<String>,
    items: &[Item],
) -> Stock {
    let path = keys("stock");
    let opening = text
        .opening
        .filter(|account| check_account(document, &inner(&path, "opening"), account, accounts));
    let said = OfferText {
        buffer: text.buffer,
        buffer_min: text.buffer_min,
        buffer_max: text.buffer_max,
        oversell_risk: text.oversell_risk,
        formula: text.formula,
        share: text.share,
        max: text.max,
        zero_below: text.zero_below,
        end_when: text.end_when,
    };
    let mut offer = offer(document, &path, said, None);
    offer.last_units = last_units(document, &path, text.last_units, None, accounts);
    let kind = None;
    owing(
        document,
        &path,
        (text.backorder, text.preorder),
        kind,
        &mut offer,
    );
    let mut rules = Vec::new();
    for (index, rule) in text.rules.into_iter().enumerate() {
        let path = keys(&format!("stock/rules/{index}"));
        rules.extend(read_rule(document, &path, rule, accounts, items));
    }
    Stock {
        opening: opening.map(AccountId::new),
        unpaid_for: text.unpaid_for,
        offer,
        rules,
    }
}

fn read_rule(
    document: &mut Document,
    path: &KeyPath,
    rule: RuleText,
    accounts: &BTreeSet<String>,
    items: &[Item],
) -> Option<Rule> {
    check_sense(document, path, &rule);
    if let Some(account) = &rule.account {
        check_account(document, &inner(path, "account"), account, accounts);
    }
    let owes = match (&rule.backorder, &rule.preorder) {
        (Some(_), _) => Some("backorder"),
        (None, Some(_)) => Some("preorder"),
        (None, None) => None,
    };
    let sku = rule
        .sku
        .and_then(|text| read_sku(document, &inner(path, "sku"), &text));
    let category_path = inner(path, "category");
    let category = read_category(document, &category_path, rule.category);
    if let Some(category) = &category {
        warn_of_category(document, &category_path, category, items);
        if let Some(key) = owes {
            warn_of_owed_kits(document, &inner(path, key), category, items);
        }
    }
    let scale = sku.as_ref().map(|sku| scale_of(items, sku));
    let said = OfferText {
        buffer: rule.buffer,
        buffer_min: rule.buffer_min,
        buffer_max: rule.buffer_max,
        oversell_risk: rule.oversell_risk,
        formula: rule.formula,
        share: rule.share,
        max: rule.max,
        zero_below: rule.zero_below,
        end_when: rule.end_when,
    };
    let mut offer = offer(document, path, said, scale);
    offer.last_units = last_units(document, path, rule.last_units, scale, accounts);
    let item = sku
        .as_ref()
        .and_then(|sku| items.iter().find(|item| item.sku == *sku));
    owing(
        document,
        path,
        (rule.backorder, rule.preorder),
        item,
        &mut offer,
    );
    Some(Rule {
        account: rule.account.map(AccountId::new),
        sku,
        category,
        offer,
        exclude: rule.exclude,
    })
}

/// A rule says something, about one thing.
fn check_sense(document: &mut Document, path: &KeyPath, rule: &RuleText) {
    let says_nothing = rule.buffer.is_none()
        && rule.buffer_min.is_none()
        && rule.buffer_max.is_none()
        && rule.oversell_risk.is_none()
        && rule.formula.is_none()
        && rule.max.is_none()
        && rule.share.is_none()
        && rule.zero_below.is_none()
        && rule.end_when.is_none()
        && rule.last_units.is_none()
        && rule.backorder.is_none()
        && rule.preorder.is_none();
    if says_nothing && !rule.exclude && !document.is_wrong(path) {
        let help = "say one of buffer, max, share, zero_below, end_when, last_units, backorder, preorder, \
                    formula, or exclude = true";
        tell(document, path, "this rule changes nothing", Some(help));
    }
    if !says_nothing && rule.exclude {
        tell(
            document,
            &inner(path, "exclude"),
            "what is excluded is not offered at all: the rest of this rule means nothing",
            Some("leave out either exclude or the others"),
        );
    }
    if rule.sku.is_some() && rule.category.is_some() {
        tell(
            document,
            &inner(path, "category"),
            "a rule is about a SKU or about a category, not about both",
            Some("leave out one of them; the SKU is the narrower one"),
        );
    }
    let alone = rule.account.iter().zip(&rule.last_units);
    for (account, last) in alone {
        if last.only.contains(account) {
            tell(
                document,
                &inner(&inner(path, "last_units"), "only"),
                &format!(
                    "this rule is about `{account}` alone, which may show the last units: it changes nothing"
                ),
                Some("leave out `account`, so that it is about the others"),
            );
        }
    }
}

/// Channels have categories that are not known here, so only what looks like a slip is told.
fn warn_of_category(document: &mut Document, path: &KeyPath, category: &str, items: &[Item]) {
    let known: Vec<&str> = items
        .iter()
        .filter_map(|item| item.category.as_deref())
        .collect();
    if known.iter().any(|known| is_same_category(known, category)) {
        return;
    }
    if let Some(help) = mistakes::suggestion(category, &known) {
        let problem = format!("no item here is of the category `{category}`");
        document.tell(Severity::Warning, path, Part::Value, problem, Some(help));
    }
}

/// Kits are not owed, so a category does not reach those in it.
fn warn_of_owed_kits(document: &mut Document, path: &KeyPath, category: &str, items: &[Item]) {
    let is_in = |item: &&Item| {
        let own = item.category.as_deref();
        item.kind == ItemKind::Kit && own.is_some_and(|own| is_same_category(own, category))
    };
    let kits = items.iter().filter(is_in);
    let kits: Vec<String> = kits.map(|kit| format!("`{}`", kit.sku)).collect();
    if kits.is_empty() {
        return;
    }
    let problem = format!(
        "this does nothing for {}: kits are not owed, their components are",
        kits.join(", ")
    );
    let help = "say it for each component; the kit is owed as often as all of them may be";
    document.tell(
        Severity::Warning,
        path,
        Part::Value,
        problem,
        Some(help.to_owned()),
    );
}

/// Checks what is said of offers, for an item with so many decimals; without one of items in general,
/// which differ in their decimals.
pub(super) fn offer(
    document: &mut Document,
    path: &[String],
    said: OfferText,
    scale: Option<u8>,
) -> Offer {
    let mut read = |key: &str, number| units(document, &inner(path, key), number, scale);
    let end_when = match said.end_when {
        Some(EndWhen::Never) => Some(None),
        Some(EndWhen::At(number)) => read("end_when", Some(number)).map(Some),
        None => None,
    };
    let buffer = match said.buffer {
        Some(Buffer::Auto) => Some(None),
        Some(Buffer::Units(number)) => read("buffer", Some(number)).map(Some),
        None => None,
    };
    let (buffer_min, buffer_max) = (
        read("buffer_min", said.buffer_min),
        read("buffer_max", said.buffer_max),
    );
    let most = i64::from(domain::buffer::UNITS_MAX);
    let above = |one: Decimal, other: Decimal| one.minus(other).is_some_and(|d| d.parts().0 > 0);
    let mut offer = Offer {
        buffer,
        buffer_min,
        buffer_max,
        oversell_risk: said.oversell_risk,
        formula: None,
        share: said.share,
        max: read("max", said.max),
        zero_below: read("zero_below", said.zero_below),
        end_when,
        last_units: None,
        backorder: None,
        preorder: None,
    };
    if let (Some(min), Some(max)) = (buffer_min, buffer_max)
        && above(min, max)
    {
        let problem = format!("buffer_min {min} is more than buffer_max {max}");
        tell(document, &inner(path, "buffer_min"), &problem, None);
    }
    if buffer_max.is_some_and(|max| above(max, Decimal::whole(most))) {
        let problem = format!("an automatic buffer holds at most {most}");
        tell(document, &inner(path, "buffer_max"), &problem, None);
    }
    offer.formula = formula(document, &inner(path, "formula"), said.formula);
    offer
}

/// Reads a formula, and tells what is wrong in it at its place in the text.
fn formula(document: &mut Document, path: &KeyPath, text: Option<String>) -> Option<FormulaRef> {
    let text = text?;
    match compile(&text) {
        Ok(formula) => Some(formula),
        Err(error) => {
            let help = match &error.unknown {
                Some(name) => mistakes::suggestion_or_list(name, &known_names(), "there are"),
                None => None,
            };
            document.tell_within(path, error.at, error.problem, help);
            None
        }
    }
}

fn last_units(
    document: &mut Document,
    path: &[String],
    said: Option<LastUnitsText>,
    scale: Option<u8>,
    accounts: &BTreeSet<String>,
) -> Option<LastUnits> {
    let said = said?;
    let path = inner(path, "last_units");
    let Some(Units(number)) = said.below else {
        if !document.is_wrong(&path) {
            let help = "write { below = 3, only = [\"till\"] }";
            tell(
                document,
                &path,
                "last_units needs `below`: how many are the last ones",
                Some(help),
            );
        }
        return None;
    };
    let below = units(document, &inner(&path, "below"), said.below, scale);
    let only = inner(&path, "only");
    if said.only.is_empty() && number.parts().0 != 0 && !document.is_wrong(&only) {
        let help = "write { below = 3, only = [\"till\"] }";
        tell(
            document,
            &path,
            "last_units needs `only`: who still shows them",
            Some(help),
        );
    }
    for (index, account) in said.only.iter().enumerate() {
        check_account(
            document,
            &inner(&only, &index.to_string()),
            account,
            accounts,
        );
    }
    Some(LastUnits {
        below: below?,
        only: said.only.into_iter().map(AccountId::new).collect(),
    })
}

/// A number of units of an item with so many decimals; of items in general where there is none.
pub(super) fn units(
    document: &mut Document,
    path: &KeyPath,
    units: Option<Units>,
    scale: Option<u8>,
) -> Option<Decimal> {
    let Units(number) = units?;
    if number.to_quantity(scale.unwrap_or(0)).is_ok() {
        return Some(number);
    }
    let (problem, help) = match scale {
        Some(decimals) => (
            format!("the item has {decimals} decimals, this number has more"),
            "give the item a `scale` in [[items]]",
        ),
        None => (
            "only whole units here: items differ in their decimals".to_owned(),
            "say fractions in [[stock.rules]], with the `sku` of an item that has them",
        ),
    };
    tell(document, path, &problem, Some(help));
    None
}

fn scale_of(items: &[Item], sku: &Sku) -> u8 {
    let item = items.iter().find(|item| item.sku == *sku);
    item.map_or(0, |item| item.scale)
}
