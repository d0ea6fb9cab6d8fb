//! Tables of worlds and what is wrong with them.

use super::*;
use crate::{LevelWrite, TrueOrder};

fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a SKU")
}

/// Reads a world, one thing a line, and says in the same way what is wrong with it.
fn check(world: &str, expected: &str) {
    let mut evidence = Evidence::default();
    for line in world.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        read(&mut evidence, &words).unwrap_or_else(|| panic!("what is `{line}`?"));
    }
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(say(&judge(&evidence)), expected, "{world}");
}

fn read(evidence: &mut Evidence, words: &[&str]) -> Option<()> {
    let number = |at: usize| -> Option<i64> { words.get(at)?.parse().ok() };
    let time = |at: usize| number(at).map(Time::from_millis);
    let account = || Some(AccountId::new(*words.get(1)?));
    match *words.first()? {
        "stock" => drop(evidence.stock.insert(sku(words.get(1)?), number(2)?)),
        "owe" => drop(evidence.may_owe.insert(sku(words.get(1)?), number(2)?)),
        "kit" => {
            let bill = words.get(2..)?.iter().map(|good| (sku(good), 1));
            evidence.bills.insert(sku(words.get(1)?), bill.collect());
        }
        // and ACCOUNT SKU UNITS: one more line of the order before
        "and" => {
            let truth = evidence.shops.get_mut(&account()?)?;
            let line = (sku(words.get(2)?), number(3)?.try_into().ok()?);
            truth.orders.last_mut()?.lines.push(line);
        }
        // order ACCOUNT ID SKU UNITS PLACED KNOWN [canceled|expired|late|shipped]
        "order" => {
            let id = ExternalId::new(*words.get(2)?);
            let what = words.get(7).copied().unwrap_or_default();
            let truth = evidence.shops.entry(account()?).or_default();
            truth.orders.push(TrueOrder {
                external_id: id.clone(),
                placed_at: time(5)?,
                lines: vec![(sku(words.get(3)?), number(4)?.try_into().ok()?)],
                is_canceled: what == "canceled",
                is_deleted: false,
                shipments: Vec::new(),
                refunded_minor: 0,
                captured_minor: 0,
                given_up: Vec::new(),
                street: String::new(),
            });
            if let Some(at) = time(6) {
                let expired_at = ["expired", "late"].contains(&what).then_some(at);
                let counts = what != "expired";
                let known = Known {
                    at,
                    expired_at,
                    counts,
                };
                evidence.known.insert((account()?, id), known);
            }
        }
        // push ACCOUNT SKU QUANTITY STARTED ACKNOWLEDGED
        "push" => evidence.pushes.push(Push {
            account: account()?,
            sku: sku(words.get(2)?),
            quantity: number(3)?,
            started_at: time(4)?,
            acknowledged_at: time(5)?,
        }),
        // without ACCOUNT ID SKU SINCE UNTIL
        "without" => {
            let name = (account()?, ExternalId::new(*words.get(2)?));
            let times = evidence.without.entry((name, sku(words.get(3)?)));
            times.or_default().push(Without {
                line: 1,
                since: time(4)?,
                until: time(5),
            });
        }
        // missing ACCOUNT ID SKU UNITS
        "missing" => {
            let name = (account()?, ExternalId::new(*words.get(2)?));
            evidence
                .missing
                .insert((name, sku(words.get(3)?)), number(4)?);
        }
        _ => return read_levels(evidence, words),
    }
    Some(())
}

/// The lines about levels, and about what left.
fn read_levels(evidence: &mut Evidence, words: &[&str]) -> Option<()> {
    let number = |at: usize| -> Option<i64> { words.get(at)?.parse().ok() };
    let time = |at: usize| number(at).map(Time::from_millis);
    let account = || Some(AccountId::new(*words.get(1)?));
    match *words.first()? {
        // apart ACCOUNT OTHER
        "apart" => {
            let other = AccountId::new(*words.get(2)?);
            evidence.served_apart.insert((account()?, other));
        }
        // below ACCOUNT SKU UNITS SINCE: places that do not serve the account
        "below" => {
            let times = evidence.below_zero.entry((account()?, sku(words.get(2)?)));
            times.or_default().push((time(4)?, number(3)?));
        }
        // left ACCOUNT ID SKU UNITS
        "left" => {
            let name = (account()?, ExternalId::new(*words.get(2)?));
            let line = (sku(words.get(3)?), number(4)?.try_into().ok()?);
            evidence.left.entry(name).or_default().push(line);
        }
        "counted" => {
            let at = time(2)?;
            evidence.counted_at.insert(sku(words.get(1)?), at);
        }
        "edit" => evidence.edits.push(Edit {
            account: account()?,
            sku: sku(words.get(2)?),
            at: time(3)?,
        }),
        // restock ACCOUNT SKU UNITS AT
        "restock" => {
            let truth = evidence.shops.entry(account()?).or_default();
            truth.restocks.push(LevelWrite {
                sku: sku(words.get(2)?),
                from: 0,
                to: number(3)?,
                at: time(4)?,
            });
        }
        // level ACCOUNT SKU SHOWN WANTED
        "level" => {
            let (account, sku) = (account()?, sku(words.get(2)?));
            let truth = evidence.shops.entry(account.clone()).or_default();
            truth.levels.insert(sku.clone(), number(3)?);
            evidence.wanted.insert((account, sku), number(4)?);
        }
        _ => return None,
    }
    Some(())
}

fn say(judgment: &Judgment) -> Vec<String> {
    let mut said = Vec::new();
    for (account, id) in &judgment.unknown {
        said.push(format!("unknown {account} {id}"));
    }
    for one in &judgment.oversold {
        let name = format!(
            "oversold {} {} {} {}",
            one.account, one.external_id, one.sku, one.units
        );
        let why = match (&one.competing, one.lag_ms) {
            (Some(other), Some(lag)) => format!("{} told after {lag}", other.external_id),
            (Some(other), None) => format!("{} never told", other.external_id),
            (None, _) => "all told".to_owned(),
        };
        said.push(format!("{name}: {why}, {:?}", one.reason));
    }
    for wrong in &judgment.levels_wrong {
        said.push(format!(
            "wrong {} {} {:?} for {}",
            wrong.account, wrong.sku, wrong.shown, wrong.wanted
        ));
    }
    said
}

#[test]
fn what_is_there_may_be_sold() {
    check(
        "
        stock MUG 2
        order web 1 MUG 1 100 150
        order till 2 MUG 1 200 260
        level web MUG 0 0
        ",
        "",
    );
}

#[test]
fn a_sale_before_our_news_is_explained_by_the_lag() {
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150
        order till 2 MUG 1 200 260
        push till MUG 0 180 240
        ",
        "oversold till 2 MUG 1: 1 told after 140, PushLag",
    );
    // A level that was fixed before the order was known does not tell of it.
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150
        push till MUG 1 140 170
        order till 2 MUG 1 200 260
        ",
        "oversold till 2 MUG 1: 1 never told, PushLag",
    );
}

#[test]
fn a_sale_after_our_news_is_not_explained() {
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150
        push till MUG 1 160 190
        order till 2 MUG 1 200 260
        ",
        "oversold till 2 MUG 1: all told, Unexplained",
    );
}

#[test]
fn only_what_exceeds_is_oversold() {
    check(
        "
        stock MUG 3
        order web 1 MUG 2 100 150
        order till 2 MUG 2 200 260
        order web 3 MUG 1 300 350
        ",
        "
        oversold till 2 MUG 1: 1 never told, PushLag
        oversold web 3 MUG 1: 1 never told, PushLag
        ",
    );
}

#[test]
fn what_was_canceled_or_expired_takes_nothing() {
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150 canceled
        order web 2 MUG 1 110 160 expired
        order till 3 MUG 1 200 260
        ",
        "",
    );
}

#[test]
fn late_payments_and_edits_are_told_apart() {
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150 late
        push till MUG 0 160 170
        push till MUG 1 180 190
        order till 2 MUG 1 200 260
        ",
        "oversold till 2 MUG 1: all told, PaidLate",
    );
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150
        push till MUG 0 160 170
        edit till MUG 180
        order till 2 MUG 1 200 260
        ",
        "oversold till 2 MUG 1: all told, EditedByStaff",
    );
    // Put right before the sale, the edit explains nothing.
    check(
        "
        stock MUG 1
        order web 1 MUG 1 100 150
        edit till MUG 155
        push till MUG 0 160 170
        order till 2 MUG 1 200 260
        ",
        "oversold till 2 MUG 1: all told, Unexplained",
    );
}

#[test]
fn kits_take_their_components() {
    check(
        "
        stock MUG 1
        stock BOX 5
        kit SET MUG BOX
        kit WRAP
        order web 1 SET 1 100 150
        order till 2 MUG 1 200 260
        order till 3 WRAP 9 300 350
        push till MUG 0 180 240
        ",
        "oversold till 2 MUG 1: 1 told after 140, PushLag",
    );
}

#[test]
fn what_a_shop_puts_back_itself_may_be_promised_already() {
    // The mug of the canceled order goes to the one that waited; the shop offers it again at once.
    let told = "
        stock MUG 1
        order web 1 MUG 1 100 150 canceled
        order web 2 MUG 1 110 160
        push web MUG 0 170 180
        restock web MUG 1 300
        ";
    check(
        &format!("{told} order web 3 MUG 1 400 450"),
        "oversold web 3 MUG 1: all told, Restocked",
    );
    // Put right before the sale, it explains nothing.
    check(
        &format!(
            "{told} push web MUG 0 310 320
            order web 3 MUG 1 400 450"
        ),
        "oversold web 3 MUG 1: all told, Unexplained",
    );
}

#[test]
fn what_was_handed_over_where_none_lay_is_offered_at_another_place_still() {
    let world = |below: &str| {
        format!(
            "
            stock MUG 2
            order till 1 MUG 1 100 150
            push web MUG 1 160 170
            order web 2 MUG 2 200 260
            {below}
            "
        )
    };
    check(
        &world("below web MUG 1 150"),
        "oversold web 2 MUG 1: all told, Elsewhere",
    );
    let unexplained = "oversold web 2 MUG 1: all told, Unexplained";
    check(&world(""), unexplained);
    // Too few, too late, made good before, or at a place that serves the account.
    check(&world("below web MUG 0 150"), unexplained);
    check(&world("below web MUG 1 201"), unexplained);
    check(
        &world("below web MUG 1 150\nbelow web MUG 0 180"),
        unexplained,
    );
    check(&world("below till MUG 1 150"), unexplained);
}

#[test]
fn one_basket_may_take_what_is_left_twice() {
    check(
        "
        stock MUG 2
        kit SET MUG
        order web 1 SET 1 100 150
        push web MUG 1 160 170
        push web SET 1 160 170
        order web 2 SET 1 200 260
        and web MUG 1
        ",
        "oversold web 2 MUG 1: all told, OneBasket",
    );
    // What no listing showed is not excused by a second one.
    check(
        "
        stock MUG 2
        kit SET MUG
        order web 1 SET 1 100 150
        push web MUG 1 160 170
        push web SET 1 160 170
        order web 2 SET 2 200 260
        and web MUG 1
        ",
        "oversold web 2 MUG 2: all told, Unexplained",
    );
    // The level of the kit was told, and that of the mug was not.
    check(
        "
        stock MUG 2
        kit SET MUG
        order till 1 MUG 1 100 150
        push web SET 1 160 170
        order web 2 SET 1 200 260
        and web MUG 1
        ",
        "oversold web 2 MUG 1: 1 never told, PushLag",
    );
}

#[test]
fn a_kit_that_lacks_a_part_takes_none_of_the_others() {
    check(
        "
        stock MUG 1
        stock BOX 1
        kit SET MUG BOX
        order web 1 SET 1 100 150
        order web 2 MUG 1 110 140
        missing web 1 MUG 1
        missing web 1 BOX 1
        order till 3 BOX 1 900 950
        ",
        "
        oversold web 1 BOX 1: 3 never told, PushLag
        oversold web 1 MUG 1: 2 never told, PushLag
        ",
    );
    check(
        "
        stock MUG 1
        stock BOX 1
        kit SET MUG BOX
        order web 1 SET 1 100 150
        missing web 1 BOX 1
        ",
        "oversold web 1 BOX 1: all told, Unexplained",
    );
}

#[test]
fn what_one_account_is_short_of_may_be_there_for_one_that_is_served_elsewhere() {
    let told = "
        stock MUG 1
        order web 1 MUG 1 100 150
        without web 1 MUG 150 900
        push till MUG 1 160 170
        order till 2 MUG 1 200 260
        ";
    check(
        &format!("{told} apart web till"),
        "oversold till 2 MUG 1: all told, ShortBefore",
    );
    check(
        &format!("{told} apart till web"),
        "oversold till 2 MUG 1: all told, Unexplained",
    );
}

#[test]
fn a_kit_that_was_short_may_be_shipped_nevertheless() {
    let told = "
        stock MUG 1
        stock BOX 9
        kit SET MUG BOX
        order web 1 SET 1 100 150
        push web MUG 1 160 170
        push till MUG 1 160 170
        ";
    check(
        &format!(
            "{told} without web 1 MUG 150 900
            order till 2 MUG 1 200 260"
        ),
        "oversold till 2 MUG 1: all told, ShortBefore",
    );
    // It had its units again, and the till was told so.
    check(
        &format!(
            "{told} without web 1 MUG 150 180
            push till MUG 0 185 190
            order till 2 MUG 1 200 260"
        ),
        "oversold till 2 MUG 1: all told, Unexplained",
    );
}

#[test]
fn who_buys_before_the_count_may_be_passed_over() {
    check(
        "
        stock MUG 1
        stock BOX 1
        kit SET MUG BOX
        counted MUG 200
        counted BOX 900
        order web 1 SET 1 100 150
        push till MUG 1 210 220
        order till 2 MUG 1 500 550
        missing web 1 MUG 1
        missing web 1 BOX 1
        ",
        "
        oversold web 1 BOX 1: all told, NotCounted
        oversold web 1 MUG 1: all told, NotCounted
        ",
    );
}

#[test]
fn a_channel_shows_its_own_level_until_it_is_first_told() {
    let counted = "
        stock MUG 1
        counted MUG 50
        order till 1 MUG 2 100 150
        ";
    check(counted, "oversold till 1 MUG 1: all told, NotCounted");
    check(
        &format!("{counted} push till MUG 1 60 110"),
        "oversold till 1 MUG 1: all told, NotCounted",
    );
    check(
        &format!("{counted} push till MUG 1 60 90"),
        "oversold till 1 MUG 1: all told, Unexplained",
    );
}

#[test]
fn what_was_packed_of_a_canceled_order_is_sold_to_nobody_else() {
    let told = "
        stock MUG 1
        order web 1 MUG 1 100 150 canceled
        order till 2 MUG 1 120 160
        ";
    check(told, "");
    check(
        &format!("{told} left web 1 MUG 1"),
        "oversold till 2 MUG 1: 1 never told, PushLag",
    );
}

#[test]
fn what_may_be_owed_may_be_sold_but_is_no_part_of_a_kit() {
    let sold = "
        stock MUG 1
        stock BOX 1
        kit SET MUG BOX
        push web MUG 1 60 90
        push web SET 1 60 90
        push web SET 0 160 190
        push till MUG 0 160 190
        order web 1 SET 1 100 150
        order till 2 MUG 1 200 250
        ";
    check(sold, "oversold till 2 MUG 1: all told, Unexplained");
    check(&format!("{sold} owe MUG 1"), "");
    check(
        &format!("{sold} owe MUG 1\n missing web 1 MUG 1"),
        "oversold web 1 MUG 1: all told, Unexplained",
    );
}

#[test]
fn unknown_orders_and_wrong_levels_are_named() {
    check(
        "
        stock MUG 9
        order web 1 MUG 1 100 -
        level web MUG 7 8
        level till MUG 8 8
        ",
        "
        unknown web 1
        wrong web MUG Some(7) for 8
        ",
    );
}
