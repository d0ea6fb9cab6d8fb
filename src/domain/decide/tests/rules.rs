//! What rules make of what is sellable, and the laws that every combination of them keeps.

use std::sync::Arc;

use proptest::prelude::*;

use super::world::{World, check, sku};
use crate::{
    AccountId, Quantity, Time,
    buffer::{Demand, Tuned},
    item::Item,
    offer::Suppression,
    rules::{
        Buffer, Case, EndWhen, Formula, FormulaRef, Given, LastUnits, OfferRule, OfferRules, Ratio,
        ScopedRule, Shown, Zeroed, show,
    },
};

#[test]
fn rules_limit_offers_and_never_claims() {
    check(
        "rule web buffer 2
         rule market share 1/2
         count MUG 9              => web.MUG 7, market.MUG 4
         order web #1 MUG:8       => MUG 9-8, #1 ready, web.MUG 0, market.MUG 0
         rule market exclude
         count MUG 90             => web.MUG 80, market.MUG 0",
    );
}

#[test]
fn an_offer_that_is_too_small_is_shown_as_zero() {
    check(
        "rule web zero_below 3
         count MUG 4              => web.MUG 4, market.MUG 4
         order market #1 MUG:1    => web.MUG 3
         order market #2 MUG:1    => web.MUG 0, market.MUG 2
         order web #3 MUG:1       => #3 ready, MUG 4-3, web.MUG 0, market.MUG 1
         adjust MUG 5             => web.MUG 6",
    );
    // It is about the offer, after share, buffer and the most; a narrower rule takes it back.
    check(
        "rule all zero_below 5
         rule web buffer 2
         rule web of PLATE zero_below 0
         count MUG 6              => web.MUG 0, market.MUG 6
         count PLATE 3            => web.PLATE 1, market.PLATE 0",
    );
}

#[test]
fn the_last_units_are_shown_where_the_rule_says() {
    check(
        "rule all last_units 3 market till
         count MUG 3              => web.MUG 3, market.MUG 3
         order web #1 MUG:1       => web.MUG 0, market.MUG 2
         order market #2 MUG:1    => web.MUG 0, market.MUG 1
         order web #1 v2 canceled refunded MUG:1 => web.MUG 0, market.MUG 2
         adjust MUG 1             => web.MUG 3, market.MUG 3",
    );
    // A kit is as scarce as its scarcest component.
    check(
        "rule all of SET last_units 2 market
         count MUG 9
         count PLATE 2            => web.SET 2, market.SET 2, web.PLATE 2
         order web #1 PLATE:1     => web.SET 0, market.SET 1, web.PLATE 1",
    );
}

#[test]
fn a_listing_that_ended_stays_ended_until_stock_comes_in() {
    check(
        "rule web end_when 1
         count MUG 4              => web.MUG 4
         order market #1 MUG:3    => web.MUG 0, web.MUG ended, market.MUG 1
         order market #1 v2 canceled refunded MUG:3 => web.MUG ended, web.MUG 0, market.MUG 4
         adjust MUG -1            => web.MUG ended, market.MUG 3
         adjust MUG 1             => web.MUG 4
         order web #2 MUG:3       => web.MUG ended
         adjust MUG -1            => web.MUG ended, market.MUG 0
         adjust MUG 1             => web.MUG ended, market.MUG 1
         adjust MUG 1             => web.MUG 2",
    );
    // Of a kit, when a component comes in.
    check(
        "rule web of SET end_when 0
         count MUG 9
         count PLATE 1            => web.SET 1
         order market #1 PLATE:1  => web.SET ended, web.PLATE 0
         adjust MUG 1             => web.SET ended
         adjust PLATE 1           => web.SET 1",
    );
}

#[test]
fn a_person_lifts_a_listing_that_ended() {
    check(
        "rule web end_when 1
         offer web MUG            => refused: has not ended
         count MUG 4
         order market #1 MUG:3    => web.MUG ended
         offer web MUG            => refused: only 1 of MUG can be sold
         order market #1 v2 canceled refunded MUG:3 => web.MUG ended, web.MUG 0
         offer web MUG            => new, web.MUG 4
         offer web MUG            => refused: has not ended
         order market #2 MUG:4    => web.MUG ended
         no rules
         order market #2 v2 canceled refunded MUG:4 => web.MUG 4",
    );
}

#[test]
fn what_was_never_counted_has_not_ended() {
    check(
        "rule all end_when 5
         order web #1 MUG:1       => web.MUG -
         count MUG 9              => web.MUG 8
         rule all of PLATE end_when never
         count PLATE 2            => web.PLATE 2",
    );
}

#[test]
fn a_buffer_tunes_itself_by_what_was_measured() {
    check(
        "rule web buffer auto
         rule web buffer_min 1
         rule web buffer_max 4
         count MUG 9              => web.MUG 8, market.MUG 9
         measured web MUG 0 8     => new, web.MUG 8
         measured web MUG 0 9     => duplicate
         measured web MUG 60 8    => new, web.MUG 8
         adjust MUG -7            => web.MUG 0, market.MUG 2
         measured web MUG 18 8    => duplicate, web.MUG 0
         adjust MUG 1             => web.MUG 2, market.MUG 3
         adjust MUG 6             => web.MUG 8
         measured web MUG 10 8    => new, web.MUG 8
         measured web MUG 900 60  => new, web.MUG 5
         measured market MUG 9 9  => duplicate, market.MUG 9
         order web #1 MUG:9       => #1 ready, web.MUG 0
         rule web of MUG buffer 2
         adjust MUG 6             => web.MUG 4",
    );
}

/// Gives half of what is sellable, in a way that no quantity of three or less survives.
struct Half;

impl Formula for Half {
    fn text(&self) -> &str {
        "half"
    }

    fn evaluate(&self, given: &Given) -> Result<Quantity, String> {
        let half = Quantity::of(3).min(given.sellable);
        if half == given.sellable {
            return Err("too few".to_owned());
        }
        Ok(given.sellable.plus(given.buffer))
    }
}

#[test]
fn without_its_formula_a_listing_falls_with_what_is_there_and_never_rises() {
    let mut world = World::new();
    world.rules.rules.push(ScopedRule {
        account: Some(AccountId::new("web")),
        formula: Some(FormulaRef(Arc::new(Half))),
        ..ScopedRule::default()
    });
    for (act, wanted) in [
        ("count MUG 10", "web.MUG 10"),
        ("level web MUG 10 compare", "web.MUG settled"),
        ("count MUG 2", "web.MUG 2"),
        ("count MUG 3", "web.MUG 2"),
        ("count MUG 8", "web.MUG 8"),
    ] {
        world.act(act);
        world.expect(wanted);
        let is_failing = act == "count MUG 2" || act == "count MUG 3";
        let key = (AccountId::new("web"), crate::ListingId::new("MUG"));
        let suppressed = world.book.offers[&key].suppressed;
        assert_eq!(suppressed.is_some(), is_failing, "{act}");
    }
}

#[test]
fn a_formula_that_fails_shows_nothing_new_and_never_more_than_is_there() {
    let rule = OfferRule {
        formula: Some(FormulaRef(Arc::new(Half))),
        buffer: Buffer::Units(Quantity::of(9)),
        max: Some(Quantity::of(7)),
        ..OfferRule::usual(0)
    };
    let account = AccountId::new("web");
    let of = |units, has_ended| {
        let shown = show(Quantity::of(units), &rule, case(&account, has_ended));
        shown.map(|shown| shown.quantity.units())
    };
    assert_eq!(of(5, false), Ok(5), "not more than is sellable");
    assert_eq!(of(50, false), Ok(7), "not more than the most");
    assert_eq!(of(3, false), Err(Suppression::Formula));
    assert_eq!(of(3, true), Ok(0), "what has ended needs no formula");
}

#[test]
fn a_category_is_the_merchants_word_or_else_the_channels() {
    check(
        "rule all in mugs buffer 2
         count MUG 9              => web.MUG 7
         count PLATE 9            => web.PLATE 9
         category PLATE Mugs      => web.PLATE 7
         category MUG Stoneware   => web.MUG 9",
    );
}

#[test]
fn narrower_rules_win_and_exclusions_always() {
    let rule = |account: Option<&str>, category: Option<&str>, name: Option<&str>, buffer: i32| {
        ScopedRule {
            account: account.map(AccountId::new),
            category: category.map(str::to_owned),
            sku: name.map(sku),
            buffer: Some(Buffer::Units(Quantity::of(buffer))),
            ..ScopedRule::default()
        }
    };
    let mut rules = OfferRules {
        rules: vec![
            rule(Some("web"), None, Some("MUG"), 6),
            rule(None, None, Some("MUG"), 5),
            rule(Some("web"), Some("cups"), None, 4),
            rule(None, Some("cups"), None, 3),
            rule(Some("web"), None, None, 2),
            rule(None, None, None, 1),
        ],
    };
    let found = |rules: &OfferRules, account: &str, name: &str, categories: &[&str]| -> OfferRule {
        let categories: Vec<String> = categories.iter().map(|&text| text.to_owned()).collect();
        let item = Item::good(sku(name), "");
        rules.find(&AccountId::new(account), &item, &categories)
    };
    for (account, name, categories, buffer) in [
        ("web", "MUG", &["cups"][..], 6),
        ("market", "MUG", &["cups"], 5),
        ("web", "CUP", &["tableware", " Cups "], 4),
        ("market", "CUP", &["CUPS"], 3),
        ("web", "PLATE", &["plates"], 2),
        ("market", "PLATE", &[], 1),
    ] {
        let rule = found(&rules, account, name, categories);
        assert_eq!(
            rule.buffer,
            Buffer::Units(Quantity::of(buffer)),
            "{account} {name}"
        );
    }
    rules.rules.push(ScopedRule {
        exclude: true,
        ..ScopedRule::default()
    });
    assert!(found(&rules, "web", "MUG", &[]).exclude);
}

#[test]
fn whole_units_of_a_wide_rule_are_whole_units_of_every_item() {
    let rules = OfferRules {
        rules: vec![
            ScopedRule {
                buffer: Some(Buffer::Units(Quantity::of(2))),
                max: Some(Quantity::of(5)),
                end_when: Some(EndWhen::At(Quantity::of(1))),
                ..ScopedRule::default()
            },
            ScopedRule {
                sku: Some(sku("TEA")),
                scale: 3,
                zero_below: Some(Quantity::of(250)),
                ..ScopedRule::default()
            },
        ],
    };
    let mut tea = Item::good(sku("TEA"), "");
    tea.scale = 3;
    let rule = rules.find(&AccountId::new("web"), &tea, &[]);
    assert_eq!(rule.buffer, Buffer::Units(Quantity::of(2_000)));
    assert_eq!(rule.tuning.max, Quantity::of(10_000));
    assert_eq!(rule.max, Some(Quantity::of(5_000)));
    assert_eq!(rule.end_when, Some(Quantity::of(1_000)));
    assert_eq!(rule.zero_below, Quantity::of(250));
}

fn case(account: &AccountId, has_ended: bool) -> Case<'_> {
    Case {
        account,
        tuned: None,
        has_ended,
        room: Quantity::ZERO,
        scale: 0,
    }
}

fn any_rule() -> impl Strategy<Value = OfferRule> {
    let quantity = || (0..40_i32).prop_map(Quantity::of);
    let only = prop::collection::btree_set(prop::sample::select(vec!["web", "till"]), 0..3);
    (
        (1..6_u32, 0..6_u32),
        quantity(),
        prop::option::of(quantity()),
        quantity(),
        prop::option::of(quantity()),
        prop::option::of((quantity(), only)),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |((denominator, above), buffer, max, zero_below, end_when, last, exclude)| OfferRule {
                share: Ratio {
                    numerator: above.min(denominator),
                    denominator,
                },
                buffer: Buffer::Units(buffer),
                max,
                zero_below,
                end_when,
                last_units: last.map(|(below, only)| LastUnits {
                    below,
                    only: only.into_iter().map(AccountId::new).collect(),
                }),
                exclude,
                ..OfferRule::usual(0)
            },
        )
}

proptest! {
    /// Whatever the rules are, an offer is never negative and never more than what is sellable, and
    /// each rule does what its name says.
    #[test]
    fn no_rule_shows_what_is_not_there(
        sellable in -5..60_i32,
        rule in any_rule(),
        has_ended in any::<bool>(),
    ) {
        let (sellable, account) = (Quantity::of(sellable), AccountId::new("web"));
        let shown = show(sellable, &rule, case(&account, has_ended)).expect("no formula");
        prop_assert!(shown.quantity >= Quantity::ZERO);
        prop_assert!(shown.quantity <= sellable.or_zero());
        if let Some(max) = rule.max {
            prop_assert!(shown.quantity <= max);
        }
        prop_assert!(shown.quantity.is_zero() || shown.quantity >= rule.zero_below);
        prop_assert!(shown.quantity.is_zero() || sellable.minus(shown.quantity) >= rule.buffer(None));
        if rule.exclude || has_ended {
            prop_assert!(shown.quantity.is_zero());
        }
        if let Some(last) = &rule.last_units
            && !last.only.contains(&account)
            && sellable < last.below
        {
            prop_assert!(shown.quantity.is_zero());
        }
        if shown.zeroed.is_some() {
            prop_assert!(shown.quantity.is_zero());
        }
    }

    /// More on the shelf never shows less, also where a buffer tuned itself.
    #[test]
    fn more_stock_never_shows_less(
        sellable in 0..60_i32,
        more in 0..9_i32,
        rule in any_rule(),
        tuned in prop::option::of((0..12_i32, prop::option::of(0..40_i32))),
    ) {
        let account = AccountId::new("web");
        let tuned = tuned.map(|(buffer, within)| Tuned {
            buffer: Quantity::of(buffer),
            within: within.map(Quantity::of),
            demand: Demand::default(),
            at: Time::EPOCH,
        });
        let rule = match tuned {
            Some(_) => OfferRule { buffer: Buffer::Auto, ..rule },
            None => rule,
        };
        let case = Case { tuned: tuned.as_ref(), ..case(&account, false) };
        let of = |units| show(Quantity::of(units), &rule, case).expect("no formula").quantity;
        prop_assert!(of(sellable + more) >= of(sellable));
        prop_assert!(of(sellable) <= Quantity::of(sellable));
    }
}

#[test]
fn a_zero_says_which_rule_made_it() {
    let rule = |change: fn(&mut OfferRule)| {
        let mut rule = OfferRule::usual(0);
        change(&mut rule);
        rule
    };
    let last = |rule: &mut OfferRule| {
        rule.last_units = Some(LastUnits {
            below: Quantity::of(9),
            only: [AccountId::new("till")].into(),
        });
    };
    for (rule, has_ended, zeroed) in [
        (rule(|_| {}), false, None),
        (
            rule(|rule| rule.exclude = true),
            true,
            Some(Zeroed::Excluded),
        ),
        (rule(|_| {}), true, Some(Zeroed::Ended)),
        (rule(last), false, Some(Zeroed::LastUnits)),
        (
            rule(|rule| rule.zero_below = Quantity::of(8)),
            false,
            Some(Zeroed::BelowLeast(Quantity::of(7))),
        ),
        (
            rule(|rule| rule.buffer = Buffer::Units(Quantity::of(7))),
            false,
            None,
        ),
    ] {
        let shown = show(
            Quantity::of(7),
            &rule,
            case(&AccountId::new("web"), has_ended),
        );
        let Shown { zeroed: found, .. } = shown.expect("no formula");
        assert_eq!(found, zeroed, "{rule:?}");
    }
}
