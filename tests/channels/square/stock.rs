//! Levels: setting, reading back, and the time of a count.

use channel::{Ack, ErrorKind, StockTarget};
use domain::{Decimal, ListingId, Time};

use super::{applied, levels, listings, rig, target};
use crate::port::{Rig, block_on};

fn push(rig: &Rig, targets: &[StockTarget], key: &str) -> Vec<(ListingId, Ack)> {
    let stock = rig.channel.push_stock().expect("it sets stock");
    block_on(stock.push(targets, key)).expect("acks")
}

#[test]
fn stock_is_set_and_read_back() {
    let rig = rig();
    let listings = listings(&rig);
    let (mug, big) = (&listings["MUG-1"], &listings["MUG-2"]);
    let targets = [target(&rig, mug, 4), target(&rig, big, 0)];
    let acks = push(&rig, &targets, "int_1");
    assert_eq!(acks, [(mug.clone(), applied()), (big.clone(), applied())]);
    let both = [mug.clone(), big.clone()];
    assert_eq!(
        levels(&rig, &both),
        [Some(Decimal::whole(4)), Some(Decimal::ZERO)]
    );
    assert_eq!(rig.truth().writes, 1);
    assert_eq!(push(&rig, &targets, "int_1"), acks, "a replay");
    assert_eq!(push(&rig, &targets, "int_2"), acks, "unchanged counts");
    let truth = rig.truth();
    assert_eq!((truth.writes, truth.level_writes.len()), (1, 2));
    assert_eq!(levels(&rig, &[ListingId::new("nowhere")]), [None]);
}

#[test]
fn a_count_does_not_wipe_out_a_sale_that_we_have_not_seen() {
    let rig = rig();
    let listings = listings(&rig);
    let mug = &listings["MUG-1"];
    let believed = target(&rig, mug, 6);
    rig.advance(2000);
    rig.buy(&[("MUG-1", 1)], true);
    rig.advance(2000);
    let acks = push(&rig, &[believed], "int_1");
    let conflict = Ack::Conflict {
        observed: Some(Decimal::whole(5)),
    };
    assert_eq!(acks, [(mug.clone(), conflict)]);
    assert_eq!(rig.level("MUG-1"), 5);
    assert_eq!(
        push(&rig, &[target(&rig, mug, 4)], "int_2"),
        [(mug.clone(), applied())]
    );
}

#[test]
fn a_bad_item_refuses_its_call_and_alone_only_itself() {
    let rig = rig();
    let listings = listings(&rig);
    let (mug, wrap) = (&listings["MUG-1"], &listings["WRAP"]);
    let nowhere = ListingId::new("NOWHERE");
    let stock = rig.channel.push_stock().expect("it sets stock");
    for bad in [wrap, &nowhere] {
        let both = [target(&rig, mug, 3), target(&rig, bad, 3)];
        let error = block_on(stock.push(&both, "int_1")).expect_err("refused");
        assert!(matches!(error.kind, ErrorKind::Rejected { .. }), "{error}");
        let acks = push(&rig, &[target(&rig, bad, 3)], "int_2");
        assert!(
            matches!(acks.as_slice(), [(_, Ack::Rejected { .. })]),
            "{acks:?}"
        );
    }
    assert_eq!(rig.level("MUG-1"), 10);
    let fine = StockTarget {
        quantity: "1.123456".parse().expect("a decimal"),
        ..target(&rig, mug, 0)
    };
    let acks = push(&rig, &[target(&rig, &listings["MUG-2"], 1), fine], "int_3");
    assert!(matches!(&acks[0], (listing, Ack::Rejected { .. }) if listing == mug));
    assert_eq!(acks[1], (listings["MUG-2"].clone(), applied()));
}

#[test]
fn an_old_belief_is_dated_within_the_last_day() {
    let rig = rig();
    let listings = listings(&rig);
    let mug = &listings["MUG-1"];
    for believed_at in [
        Time::EPOCH,
        rig.now().plus(std::time::Duration::from_secs(60)),
    ] {
        let believed = StockTarget {
            believed_at,
            ..target(&rig, mug, 9)
        };
        let acks = push(&rig, &[believed], &format!("int_{believed_at}"));
        assert_eq!(acks, [(mug.clone(), applied())]);
    }
}

#[test]
fn a_key_that_was_used_for_something_else_is_read_back() {
    let rig = rig();
    let listings = listings(&rig);
    let mug = &listings["MUG-1"];
    push(&rig, &[target(&rig, mug, 4)], "int_1");
    let acks = push(&rig, &[target(&rig, mug, 5)], "int_1");
    assert_eq!(acks, [(mug.clone(), Ack::Ambiguous)]);
    assert_eq!(rig.level("MUG-1"), 4);
}
