//! Rules that are right by themselves and do nothing, or not what they were written for, beside the others
//! or on this day. They are told as warnings, at their place.

use std::collections::BTreeSet;

use domain::{Time, rules::is_same_category};

use super::{
    Settings,
    document::Document,
    meaning::{inner, keys},
    mistakes::Severity,
    places::{KeyPath, Part},
    shape::{Decides, Offer, Rule},
};

/// Looks at everything that `[stock]` says together with the accounts.
pub(super) fn warn(
    document: &mut Document,
    settings: &Settings,
    accounts: &BTreeSet<String>,
    now: Time,
) {
    let stock = &settings.stock;
    let path = keys("stock");
    warn_of_past_day(document, &path, &stock.offer, now);
    let owners = settings.accounts.values();
    let owners = owners.filter(|account| account.authority.stock == Decides::Channel);
    for key in limits(&stock.offer) {
        // What the account says itself was told there.
        let others = owners.clone().filter(|owner| !says(&owner.offer, key));
        let others: Vec<&str> = others.map(|owner| owner.id.as_str()).collect();
        warn_of_limit(document, &inner(&path, key), key, &others);
    }
    for (index, rule) in stock.rules.iter().enumerate() {
        let path = keys(&format!("stock/rules/{index}"));
        warn_of_past_day(document, &path, &rule.offer, now);
        let owner = owners
            .clone()
            .find(|owner| Some(&owner.id) == rule.account.as_ref());
        if let Some(owner) = owner {
            warn_of_limits(document, &path, &rule.offer, &[owner.id.as_str()]);
            if rule.exclude {
                warn_of_limit(
                    document,
                    &inner(&path, "exclude"),
                    "exclude",
                    &[owner.id.as_str()],
                );
            }
        }
        warn_of_ending(document, &path, rule, settings, accounts);
    }
}

/// Tells of everything in an offer that hides how many there are, for accounts that decide about that.
pub(super) fn warn_of_limits(
    document: &mut Document,
    path: &[String],
    offer: &Offer,
    owners: &[&str],
) {
    for key in limits(offer) {
        warn_of_limit(document, &inner(path, key), key, owners);
    }
}

fn warn_of_limit(document: &mut Document, path: &KeyPath, key: &str, owners: &[&str]) {
    if owners.is_empty() {
        return;
    }
    let owners = owners.join("` and `");
    let problem = format!(
        "`{owners}` decides about its stock, and behind `{key}` its number does not say how many there are: \
         what is changed there may not be taken"
    );
    let help = "leave it out for that account, or have authority.stock = \"ledger\" there";
    tell(document, path, problem, help);
}

/// The keys of an offer that stand between what there is and what is shown.
fn limits(offer: &Offer) -> Vec<&'static str> {
    const ALL: [&str; 9] = [
        "share",
        "buffer",
        "max",
        "formula",
        "zero_below",
        "end_when",
        "last_units",
        "backorder",
        "preorder",
    ];
    ALL.into_iter().filter(|key| hides(offer, key)).collect()
}

fn hides(offer: &Offer, key: &str) -> bool {
    let some = |number: Option<domain::Decimal>| number.is_some_and(|n| n.parts().0 != 0);
    match key {
        "share" => offer
            .share
            .is_some_and(|share| share.numerator != share.denominator),
        "buffer" => offer
            .buffer
            .is_some_and(|kept| kept.is_none() || some(kept)),
        "zero_below" => some(offer.zero_below),
        "end_when" => offer.end_when.is_some_and(|least| least.is_some()),
        "last_units" => offer
            .last_units
            .as_ref()
            .is_some_and(|last| some(Some(last.below))),
        "backorder" => some(offer.backorder.map(|said| said.max)),
        "preorder" => some(offer.preorder.map(|said| said.max)),
        _ => says(offer, key),
    }
}

/// Whether an offer says anything of a key, be it that there is none.
fn says(offer: &Offer, key: &str) -> bool {
    match key {
        "share" => offer.share.is_some(),
        "buffer" => offer.buffer.is_some(),
        "max" => offer.max.is_some(),
        "formula" => offer.formula.is_some(),
        "zero_below" => offer.zero_below.is_some(),
        "end_when" => offer.end_when.is_some(),
        "last_units" => offer.last_units.is_some(),
        "backorder" => offer.backorder.is_some(),
        "preorder" => offer.preorder.is_some(),
        _ => false,
    }
}

/// A preorder is sold until its day begins.
fn warn_of_past_day(document: &mut Document, path: &KeyPath, offer: &Offer, now: Time) {
    let Some(said) = offer.preorder.filter(|_| hides(offer, "preorder")) else {
        return;
    };
    if said.available_on <= now {
        let path = inner(&inner(path, "preorder"), "available_on");
        let problem = "this day has come: nothing more is sold as a preorder".to_owned();
        tell(
            document,
            &path,
            problem,
            "write a later day, or take it out",
        );
    }
}

/// A listing that ends shows 0, so what may be owed of it is not sold.
fn warn_of_ending(
    document: &mut Document,
    path: &KeyPath,
    rule: &Rule,
    settings: &Settings,
    accounts: &BTreeSet<String>,
) {
    let key = ["backorder", "preorder"]
        .into_iter()
        .find(|key| hides(&rule.offer, key));
    let Some(key) = key.filter(|_| rule.offer.end_when.is_none()) else {
        return;
    };
    let of = rule.account.as_ref().map(|account| account.as_str());
    let sold_on = accounts.iter().map(String::as_str);
    let ends = |account: &&str| ends(rule, account, settings);
    let ended: Vec<&str> = sold_on
        .filter(|account| of.is_none_or(|of| of == *account))
        .filter(ends)
        .collect();
    if ended.is_empty() {
        return;
    }
    let problem = format!(
        "a wider `end_when` ends the listing on `{}` when the last one is sold: then nothing is owed there",
        ended.join("`, `")
    );
    tell(
        document,
        &inner(path, key),
        problem,
        "say end_when = \"never\" here too",
    );
}

/// Whether the narrowest rule of those that say `end_when` for what this rule is about ends the listing.
fn ends(rule: &Rule, account: &str, settings: &Settings) -> bool {
    let stock = &settings.stock;
    let item = settings
        .items
        .iter()
        .find(|item| Some(&item.sku) == rule.sku.as_ref());
    let category = rule
        .category
        .as_deref()
        .or(item.and_then(|item| item.category.as_deref()));
    let is_about_it = |other: &&Rule| {
        let of_account = other
            .account
            .as_ref()
            .is_none_or(|of| of.as_str() == account);
        let of_sku = other.sku.is_none() || other.sku == rule.sku;
        let of_category = match (&other.category, category) {
            (None, _) => true,
            (Some(of), Some(category)) => is_same_category(of, category),
            (Some(_), None) => false,
        };
        of_account && of_sku && of_category
    };
    let of_account = settings
        .accounts
        .iter()
        .find(|(id, _)| id.as_str() == account);
    let mut said = vec![(0, stock.offer.end_when)];
    said.extend(of_account.map(|(_, account)| (1, account.offer.end_when)));
    said.extend(stock.rules.iter().filter(is_about_it).map(|other| {
        let narrowness = usize::from(other.account.is_some())
            + 2 * usize::from(other.category.is_some())
            + 4 * usize::from(other.sku.is_some());
        (narrowness, other.offer.end_when)
    }));
    said.retain(|(_, end_when)| end_when.is_some());
    // Among equals the later one decides.
    let decides = said.into_iter().max_by_key(|(narrowness, _)| *narrowness);
    decides.is_some_and(|(_, end_when)| end_when.flatten().is_some())
}

fn tell(document: &mut Document, path: &KeyPath, problem: String, help: &str) {
    document.tell(
        Severity::Warning,
        path,
        Part::Value,
        problem,
        Some(help.to_owned()),
    );
}
