//! What may be owed in a rehearsed evening, and what its policy does about incidents.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    AccountId, Quantity, Sku, Time,
    item::{Item, ItemKind},
    order::Order,
    owed::{Backorder, Owing, Preorder},
    policy,
    rules::{OfferRules, ScopedRule},
    stock::Stock,
};
use engine::rows;
use fastrand::Rng;

use crate::{
    findings::{Checker, Findings},
    goods::Units,
    rows::Rows,
};

/// How long after its day the schedule may take to find that a promise was not kept.
const SOON: Duration = Duration::from_secs(10);

/// Here and there a good that may be sold when it has run out, or before its day.
pub(crate) fn rules(goods: &Units, begins_at: Time, chance: &mut Rng) -> Vec<ScopedRule> {
    let mut rules = Vec::new();
    if chance.bool() {
        return rules;
    }
    for good in goods.keys() {
        let max = Quantity::of(chance.i32(1..=12));
        let backorder = Backorder {
            max,
            ships_within: Duration::from_secs(chance.u64(20..900)),
        };
        let preorder = Preorder {
            max,
            available_on: begins_at.plus(Duration::from_secs(chance.u64(10..120))),
        };
        let (backorder, preorder) = match chance.u32(0..5) {
            0 => (Some(backorder), None),
            1 => (None, Some(preorder)),
            2 => (Some(backorder), Some(preorder)),
            _ => continue,
        };
        rules.push(ScopedRule {
            sku: Some(good.clone()),
            owing: Owing {
                backorder,
                preorder,
            },
            ..ScopedRule::default()
        });
    }
    rules
}

/// In some evenings nobody waits for a person to choose a way out.
pub(crate) fn policy(chance: &mut Rng) -> Vec<policy::Rule> {
    let then = match chance.u32(0..6) {
        0 => vec![policy::Step::TakeFrom, policy::Step::CancelOrder],
        1 => vec![policy::Step::TakeFrom, policy::Step::Wait],
        _ => return Vec::new(),
    };
    vec![policy::Rule {
        name: "evening".to_owned(),
        account: None,
        why: None,
        sku: None,
        category: None,
        max_value: None,
        then,
        after: Duration::from_secs(chance.u64(1..40)),
    }]
}

/// How many units of each good may be owed at most, by whatever rule may apply to it.
pub(crate) fn may_be_owed(rules: &OfferRules, goods: &[Item], accounts: &[AccountId]) -> Units {
    let mut categories: Vec<Vec<String>> = vec![Vec::new()];
    let named = rules.rules.iter().filter_map(|rule| rule.category.clone());
    categories.extend(named.map(|category| vec![category]));
    let mut most = Units::new();
    for item in goods {
        for account in accounts {
            for listed_in in &categories {
                let owing = rules.find(account, item, listed_in).owing;
                let backorder = owing.backorder.map(|one| one.max.units());
                let preorder = owing.preorder.map(|one| one.max.units());
                let max = most.entry(item.sku.clone()).or_default();
                *max = (*max).max(backorder.max(preorder).unwrap_or(0));
            }
        }
    }
    most.retain(|_, units| *units > 0);
    most
}

/// A good that is counted in pieces and in no category.
pub(crate) fn plain(sku: &Sku) -> Item {
    Item {
        sku: sku.clone(),
        kind: ItemKind::Good,
        scale: 0,
        title: String::new(),
        category: None,
        barcode: None,
        prices: Vec::new(),
    }
}

/// No more is owed than may be, and nothing that should have shipped long ago.
pub(crate) fn check(rows: &Rows<'_>, may_owe: &Units, now: Time, found: &mut Findings) {
    let mut owed: BTreeMap<Sku, Quantity> = BTreeMap::new();
    for stock in rows.all::<Stock>(rows::STOCK, b"") {
        if stock.owed.is_positive() {
            owed.insert(stock.sku.clone(), stock.owed);
        }
    }
    found.look(Checker::Owed, owed.len());
    for (sku, units) in owed {
        let most = may_owe.get(&sku).copied().unwrap_or(0);
        if units.units() > most {
            let sentence = format!("P3: {units} of {sku} are owed, and {most} may be");
            found.add(Checker::Owed, sentence);
        }
    }
    for order in rows.all::<Order>(rows::ORDERS, b"") {
        if let Some(until) = order.owed_until()
            && until.plus(SOON) < now
        {
            let (id, account) = (&order.external_id, &order.account);
            let sentence = format!("P6: order {id} of {account} was to ship by {until}");
            found.add(Checker::Owed, sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_rule_that_may_apply_says_how_many_may_be_owed() {
        let good = |text: &str| plain(&Sku::new(text).expect("a SKU"));
        let (mug, plate) = (good("MUG"), good("PLATE"));
        let backorder = |max| Owing {
            backorder: Some(Backorder {
                max: Quantity::of(max),
                ships_within: Duration::from_secs(60),
            }),
            preorder: None,
        };
        let shop = AccountId::new("shop");
        let of_all = ScopedRule {
            owing: backorder(2),
            ..ScopedRule::default()
        };
        let of_mugs = ScopedRule {
            sku: Some(mug.sku.clone()),
            account: Some(shop.clone()),
            owing: backorder(5),
            ..ScopedRule::default()
        };
        let of_china = ScopedRule {
            category: Some("china".to_owned()),
            owing: backorder(4),
            ..ScopedRule::default()
        };
        let most = |rules: &[&ScopedRule]| {
            let rules = rules.iter().map(|rule| (*rule).clone()).collect();
            let items = [mug.clone(), plate.clone()];
            let accounts = [shop.clone(), AccountId::new("till")];
            let most = may_be_owed(&OfferRules { rules }, &items, &accounts);
            [&mug, &plate].map(|item| most.get(&item.sku).copied())
        };
        assert_eq!(most(&[]), [None, None]);
        assert_eq!(most(&[&of_all]), [Some(2), Some(2)]);
        assert_eq!(most(&[&of_all, &of_mugs]), [Some(5), Some(2)]);
        assert_eq!(most(&[&of_china]), [Some(4), Some(4)]);
    }
}
