//! Listings and levels: read, written, refused one by one.

use channel::{Ack, StockTarget};
use domain::{Decimal, ListingId};
use sandbox::{Act, LevelWrite};
use serde_json::{Value, json};

use super::{answer, fault, kind, listing, listings, rig};
use crate::port::{Fault, Rig, block_on, sku};

fn target(listing: &ListingId, quantity: &str, expected: Option<&str>) -> StockTarget {
    let decimal = |text: &str| text.parse::<Decimal>().expect("a decimal");
    StockTarget {
        listing: listing.clone(),
        quantity: decimal(quantity),
        expected: expected.map(decimal),
        believed_at: domain::Time::EPOCH,
    }
}

fn push(
    rig: &Rig,
    targets: &[StockTarget],
    key: &str,
) -> Result<Vec<(ListingId, Ack)>, channel::ChannelError> {
    let stock = rig.channel.push_stock().expect("pushes");
    block_on(stock.push(targets, key))
}

/// The acks in the order of the targets, each in a word.
fn acks(rig: &Rig, targets: &[StockTarget], key: &str) -> Vec<String> {
    let acks = push(rig, targets, key).expect("acks");
    assert_eq!(acks.len(), targets.len());
    let acks = acks.into_iter().zip(targets);
    acks.map(|((listing, ack), target)| {
        assert_eq!(listing, target.listing);
        match ack {
            Ack::Applied { .. } => "applied".to_owned(),
            Ack::Conflict { observed } => format!("conflict {observed:?}"),
            Ack::Rejected { reason } => {
                format!("rejected {}", reason.split(':').next().unwrap_or_default())
            }
            Ack::Ambiguous => "ambiguous".to_owned(),
        }
    })
    .collect()
}

#[test]
fn listings_come_with_sku_price_and_level() {
    let rig = rig();
    let all = listings(&rig);
    let seen: Vec<(&str, &str, String, bool, Option<i64>)> = all
        .iter()
        .map(|one| {
            (
                one.sku.as_deref().expect("a SKU"),
                one.title.as_str(),
                one.price.expect("a price").to_string(),
                one.tracked,
                one.level.and_then(Decimal::to_whole),
            )
        })
        .collect();
    let price = str::to_owned;
    assert_eq!(
        seen,
        [
            ("MUG-1", "Mug", price("11.90 EUR"), true, Some(10)),
            ("MUG-2", "Big mug", price("14.90 EUR"), true, Some(5)),
            (
                "SHIRT-S",
                "SHIRT - Shirt, small",
                price("25.00 EUR"),
                true,
                Some(3)
            ),
            (
                "SHIRT-M",
                "SHIRT - Shirt, medium",
                price("25.00 EUR"),
                true,
                Some(7)
            ),
            ("WRAP", "Gift wrapping", price("2.50 EUR"), false, None),
        ]
    );
    let ids: std::collections::BTreeSet<_> = all.iter().map(|one| &one.listing).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn levels_are_read_and_unknown_ones_left_out() {
    let rig = rig();
    let (mug, wrap) = (listing(&rig, "MUG-1"), listing(&rig, "WRAP"));
    rig.buy(&[("MUG-1", 4)], true);
    let stock = rig.channel.read_stock().expect("levels");
    let asked = [
        mug.clone(),
        wrap.clone(),
        ListingId::from("1"),
        ListingId::from("x"),
    ];
    let levels = block_on(stock.read(&asked)).expect("levels");
    assert_eq!(levels.len(), 2);
    assert_eq!(
        (&levels[0].listing, levels[0].level),
        (&mug, Some(Decimal::whole(6)))
    );
    assert_eq!(levels[0].changed_at, Some(rig.now()));
    assert_eq!(
        (&levels[1].listing, levels[1].level),
        (&wrap, None),
        "unknown is not zero"
    );
    assert_eq!(block_on(stock.read(&[])).expect("nothing"), vec![]);
}

#[test]
fn a_write_compares_and_is_done_once_under_its_key() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    let targets = [target(&mug, "4", Some("10"))];
    assert_eq!(acks(&rig, &targets, "k1"), ["applied"]);
    assert_eq!(rig.level("MUG-1"), 4);
    // The same again, as after a lost answer: it was done and is not done twice.
    assert_eq!(acks(&rig, &targets, "k1"), ["applied"]);
    assert_eq!(
        acks(&rig, &targets, "k2"),
        ["conflict None"],
        "another key is another write"
    );
    let write = LevelWrite {
        sku: sku("MUG-1"),
        from: 10,
        to: 4,
        at: rig.now(),
    };
    assert_eq!(rig.truth().level_writes, [write]);
    assert_eq!(rig.truth().writes, 1);
    // Without a belief it writes whatever is there.
    assert_eq!(acks(&rig, &[target(&mug, "9", None)], "k3"), ["applied"]);
    assert_eq!(rig.level("MUG-1"), 9);
}

#[test]
fn a_write_whose_answer_was_lost_is_found_again_by_its_key() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    let targets = [target(&mug, "4", Some("10"))];
    rig.faults([Fault::LostAnswer]);
    let error = push(&rig, &targets, "k1").expect_err("no answer");
    assert_eq!(kind(&error), "ambiguous");
    assert_eq!(rig.level("MUG-1"), 4);
    assert_eq!(acks(&rig, &targets, "k1"), ["applied"]);
    assert_eq!(rig.truth().writes, 1);
}

#[test]
fn every_item_of_a_mixed_write_gets_its_own_answer() {
    let rig = rig();
    let one = |code| listing(&rig, code);
    let targets = [
        target(&one("MUG-1"), "8", Some("10")),
        target(&one("MUG-2"), "1", Some("4")), // holds 5
        target(&one("WRAP"), "1", None),       // not counted
        target(&one("SHIRT-S"), "2.5", None),
        target(&one("SHIRT-M"), "6", Some("7")),
        target(&ListingId::from("17"), "6", None),
        target(&ListingId::from("17/18"), "6", None),
        target(&one("SHIRT-S"), "2000000000", None),
    ];
    assert_eq!(
        acks(&rig, &targets, "k1"),
        [
            "applied",
            "conflict None",
            "rejected ITEM_NOT_STOCKED_AT_LOCATION",
            "rejected 2.5 is not a number of whole units",
            "applied",
            "rejected INVALID_INVENTORY_ITEM",
            "rejected `17/18` is not an inventory item",
            "rejected 2000000000 is not a number of whole units",
        ]
    );
    let levels = ["MUG-1", "MUG-2", "SHIRT-S", "SHIRT-M"].map(|code| rig.level(code));
    assert_eq!(levels, [8, 5, 3, 6]);
    // Sent again under the same key, as after a restart: nothing is written twice, and what was
    // written already does not hold the believed level any more.
    let again = acks(&rig, &targets, "k1");
    assert_eq!(
        (again[0].as_str(), again[4].as_str()),
        ("conflict None", "conflict None")
    );
    assert_eq!(rig.truth().level_writes.len(), 2);
}

#[test]
fn two_targets_of_one_listing_are_not_both_written() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    let targets = [target(&mug, "3", Some("10")), target(&mug, "4", Some("10"))];
    let acks = acks(&rig, &targets, "k1");
    assert_eq!(acks[0], "applied");
    assert_eq!(
        acks[1],
        "rejected NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR"
    );
    assert_eq!(rig.level("MUG-1"), 3);
}

fn refused(errors: &Value) -> Fault {
    let payload = json!({ "inventoryAdjustmentGroup": null, "userErrors": errors });
    Fault::Answer(answer(
        &json!({ "data": { "inventorySetQuantities": payload } }),
    ))
}

#[test]
fn a_refusal_that_names_no_entry_is_found_by_halving() {
    let rig = rig();
    let codes = ["MUG-1", "MUG-2", "SHIRT-S", "SHIRT-M"];
    let targets = codes.map(|code| target(&listing(&rig, code), "1", None));
    let unnamed =
        json!([{ "code": "CHANGE_FROM_QUANTITY_STALE", "field": null, "message": "No." }]);
    rig.requests();
    // All four, then the first two, then the first alone are refused.
    rig.faults([refused(&unnamed), refused(&unnamed), refused(&unnamed)]);
    assert_eq!(
        acks(&rig, &targets, "k1"),
        ["conflict None", "applied", "applied", "applied"]
    );
    assert_eq!(rig.requests().len(), 5);
    assert_eq!(codes.map(|code| rig.level(code)), [10, 1, 1, 1]);
}

#[test]
fn what_the_shop_says_of_keys_decides_whether_to_try_again() {
    let rig = rig();
    let targets = [target(&listing(&rig, "MUG-1"), "1", None)];
    let coded = |code: &str| json!([{ "code": code, "field": null, "message": "No." }]);
    rig.faults([refused(&coded("IDEMPOTENCY_CONCURRENT_REQUEST"))]);
    let error = push(&rig, &targets, "k1").expect_err("it is still running");
    assert_eq!(kind(&error), "retry");
    // A key that failed is spent, and another one is used for the same write.
    rig.faults([refused(&coded("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"))]);
    assert_eq!(acks(&rig, &targets, "k1"), ["applied"]);
    let failed = || refused(&coded("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"));
    rig.faults([failed(), failed(), failed()]);
    let error = push(&rig, &targets, "k1").expect_err("all keys are spent");
    assert_eq!(kind(&error), "retry");
    rig.faults([refused(&coded("INVALID_REASON"))]);
    let error = push(&rig, &targets, "k1").expect_err("no entry is to blame");
    assert_eq!(kind(&error), "rejected");
}

#[test]
fn what_is_unknown_in_the_middle_of_a_write_is_said_for_its_items_alone() {
    let rig = rig();
    let targets = [
        target(&listing(&rig, "MUG-1"), "8", Some("1")),
        target(&listing(&rig, "MUG-2"), "2", Some("5")),
    ];
    // The first call finds the stale one; the second is carried out, and its answer is lost.
    rig.faults([Fault::Pass, Fault::LostAnswer]);
    assert_eq!(acks(&rig, &targets, "k1"), ["conflict None", "ambiguous"]);
    assert_eq!(rig.level("MUG-2"), 2);
    // Nothing was written before a call that did not happen, so it speaks for all.
    rig.act(&Act::SetLevel(sku("MUG-2"), 5)).expect("edited");
    rig.faults([Fault::Pass, Fault::NotSent]);
    let error = push(&rig, &targets, "k2").expect_err("it was not sent");
    assert_eq!(kind(&error), "retry");
}

#[test]
fn an_edit_by_staff_is_a_conflict_and_not_overwritten() {
    let rig = rig();
    let mug = listing(&rig, "MUG-1");
    rig.act(&Act::SetLevel(sku("MUG-1"), 3)).expect("edited");
    assert_eq!(
        acks(&rig, &[target(&mug, "8", Some("10"))], "k1"),
        ["conflict None"]
    );
    assert_eq!(rig.level("MUG-1"), 3);
}

#[test]
fn faults_of_a_write_as_a_whole_are_errors() {
    let rig = rig();
    let targets = [target(&listing(&rig, "MUG-1"), "1", None)];
    for (code, expected) in [
        ("THROTTLED", "throttled"),
        ("ACCESS_DENIED", "unauthorized"),
        ("INTERNAL_SERVER_ERROR", "ambiguous"),
        ("BAD_REQUEST", "rejected"),
        ("MAX_COST_EXCEEDED", "rejected"),
        ("SOMETHING_NEW", "rejected"),
    ] {
        rig.faults([Fault::Answer(fault(code))]);
        let error = push(&rig, &targets, "k1").expect_err(code);
        assert_eq!(kind(&error), expected, "{code}");
    }
    assert_eq!(rig.level("MUG-1"), 10);
}
