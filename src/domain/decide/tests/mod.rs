//! Tables of decisions. Each row is `what happens => what is so afterwards`; the words are explained
//! at [`World::act`] and [`World::expect`]. A row can be reviewed without reading code.

mod aftersales;
mod capture;
mod claim_rules;
mod deadlines;
mod echoes;
mod erase;
mod exchange;
mod fulfillment;
mod incidents;
mod issuing;
mod labels;
mod later_laws;
mod laws;
mod locations;
mod manual;
mod mapping;
mod messages;
mod notes;
mod order_rules;
mod owed;
mod past;
mod phases;
mod places;
mod policy;
mod refusals;
mod reports;
mod rules;
mod verification;
mod words;
mod world;

use std::collections::BTreeMap;

use super::*;
use crate::{
    item::{Item, ItemKind},
    order::Phase,
    signal::Command,
};
use world::{World, check, sku};

#[test]
fn a_sale_claims_and_lowers_every_offer() {
    check(
        "count MUG 10              => MUG 10-0, web.MUG 10, market.MUG 10
         order web #1 MUG:2        => new, #1 ready, MUG 10-2, web.MUG 8, market.MUG 8
         order web #1 MUG:2        => duplicate, MUG 10-2
         order web #1 hook MUG:2   => duplicate, MUG 10-2
         order market #2 MUG:8     => #2 ready, MUG 10-10, web.MUG 0, market.MUG 0
         order web #3 MUG:1        => #3 short, #3 lacks 1, MUG 10-10, web.MUG 0
         adjust MUG 5              => #3 ready, #3 lacks 0, MUG 15-11, web.MUG 4",
    );
}

#[test]
fn the_last_writes_of_a_day_are_kept_for_falls() {
    check(
        "budget 8
         count MUG 3
         push web MUG              => new
         applied web MUG           => web.MUG settled
         adjust MUG 1
         push web MUG              => new
         applied web MUG           => web.MUG settled
         adjust MUG 1
         push web MUG              => new
         applied web MUG           => web.MUG believes 5
         adjust MUG 1
         push web MUG              => duplicate, web.MUG 6, web.MUG due
         order market #1 MUG:2     => web.MUG 4
         push web MUG              => new
         applied web MUG           => web.MUG settled
         order market #2 MUG:4     => web.MUG 0
         push web MUG              => duplicate, web.MUG due",
    );
}

#[test]
fn an_older_view_never_overwrites_a_newer_one() {
    check(
        "count MUG 10
         order web #1 v3 MUG:1           => MUG 10-1
         order web #1 v2 MUG:5           => stale, MUG 10-1
         order web #1 v3 hook MUG:5      => stale, MUG 10-1
         order web #1 v3 list MUG:5      => stale, MUG 10-1
         order web #1 v3 MUG:5           => new, MUG 10-5
         order web #1 v4 canceled MUG:5  => #1 after_sales, MUG 10-0
         order web #1 v1 MUG:5           => stale, MUG 10-0
         order web #1 v5 canceled refunded MUG:5 => #1 canceled",
    );
}

#[test]
fn edits_after_import_move_the_claim() {
    check(
        "count MUG 10
         count PLATE 10
         order web #1 v1 MUG:3          => MUG 10-3
         order web #1 v2 MUG:5          => MUG 10-5
         order web #1 v3 MUG:2          => MUG 10-2
         order web #1 v4 MUG:2 PLATE:4  => MUG 10-2, PLATE 10-4
         order web #1 v5 PLATE:4        => MUG 10-0, PLATE 10-4
         order web #1 v6 MUG:1 PLATE:4  => MUG 10-1, PLATE 10-4
         order web #1 v7 MUG:1 PLATE:4/canceled1 => PLATE 10-3",
    );
}

#[test]
fn a_draft_is_no_sale_and_a_canceled_order_is_one() {
    check(
        "count MUG 10
         order web #1 draft MUG:2          => nothing, MUG 10-0
         gone web #1                       => nothing
         order web #1 v2 MUG:2             => new, MUG 10-2
         order web #2 canceled refunded MUG:2 => new, #2 canceled, MUG 10-2
         order web #2 v2 MUG:2             => new, #2 ready, MUG 10-4
         gone web #2                       => new, #2 after_sales, MUG 10-2
         gone web #2                       => duplicate",
    );
}

#[test]
fn a_kit_claims_its_components_together_and_moves_what_shares_them() {
    check(
        "count MUG 10
         count PLATE 3            => web.SET 3, web.MUG 10, web.PLATE 3
         order web #1 SET:2       => #1 ready, MUG 10-4, PLATE 3-2, web.SET 1, market.SET 1, market.MUG 6, market.PLATE 1
         order market #2 MUG:5    => MUG 10-9, web.SET 0, web.PLATE 1, web.MUG 1
         order web #3 SET:1       => #3 short, #3 lacks 1, MUG 10-9, PLATE 3-2
         order market #2 v2 canceled refunded MUG:5 => #2 canceled, #3 ready, MUG 10-6, PLATE 3-3
         ship #1                  => #1 shipped, MUG 6-2, PLATE 1-1, intents 1",
    );
}

#[test]
fn a_service_claims_nothing() {
    check(
        "order web #1 WRAP:1      => new, #1 ready, web.WRAP -
         ship #1                  => #1 shipped, intents 1",
    );
}

#[test]
fn stock_that_was_never_counted_is_told_to_nobody() {
    check(
        "order web #1 MUG:2       => #1 short, web.MUG -
         open web MUG 8           => #1 ready, MUG 10-2, web.MUG 8, market.MUG 8
         open web MUG 50          => duplicate, MUG 10-2
         open web PLATE 0         => PLATE 0-0, web.PLATE 0",
    );
    // What left before the count is history: the level that is counted has it off already.
    check(
        "order till #1 MUG:2
         order web #2 MUG:1/shipped1
         order web #3 MUG:1
         open web MUG 8           => #3 ready, MUG 9-1, web.MUG 8",
    );
    // A sale that became known meanwhile may be in the level or not: it is asked again.
    check(
        "order web #1 MUG:1
         open web MUG 8 late      => duplicate, web.MUG -
         order till #2 MUG:1
         open web MUG 8 late      => duplicate, web.MUG -
         open web MUG 8           => #1 ready, MUG 9-1",
    );
    // What the channel has off its level lies there, whatever became of the right to it.
    check(
        "order web #1 unpaid MUG:2
         order web #2 MUG:1
         expire #1
         hold #2 drop
         open web MUG 7           => MUG 10-0, web.MUG 10",
    );
}

#[test]
fn a_till_takes_what_lies_there_and_the_youngest_claim_gives_way() {
    check(
        "count MUG 3
         order web #1 MUG:1       => MUG 3-1
         order market #2 MUG:2    => MUG 3-3
         order till #3 MUG:1      => #3 delivered, MUG 2-2, #2 lacks 1, #2 short, #1 ready
         order till #4 MUG:2      => MUG 0-0, #1 short, #2 short, #2 lacks 2
         adjust MUG 1             => #1 ready, #2 short, MUG 1-1",
    );
}

#[test]
fn a_till_may_sell_more_than_was_counted() {
    check(
        "count MUG 1
         order till #1 MUG:3      => #1 delivered, MUG -2-0, web.MUG 0",
    );
}

#[test]
fn unpaid_orders_keep_their_stock_until_the_deadline() {
    check(
        "count MUG 2
         order web #1 unpaid MUG:2   => #1 awaiting_payment, MUG 2-2, web.MUG 0
         order web #2 MUG:1          => #2 short
         expire #1                   => #1 awaiting_payment, #2 ready, MUG 2-1
         expire #1                   => nothing
         order web #1 v2 MUG:2       => #1 short, #1 lacks 1, MUG 2-2",
    );
}

#[test]
fn holds_say_whether_they_keep_their_stock() {
    check(
        "count MUG 2
         order web #1 MUG:2     => MUG 2-2
         hold #1 keep           => #1 held, MUG 2-2
         ship #1                => refused: lift the hold
         release #1             => #1 ready
         hold #1 drop           => #1 held, MUG 2-0
         release #1             => #1 ready, MUG 2-2
         release #1             => refused: not on hold",
    );
}

#[test]
fn an_unknown_word_holds_the_order_until_it_is_known() {
    check(
        "count MUG 2
         order web #1 word:backordered MUG:1  => #1 held, MUG 2-1
         order web #1 v2 MUG:1                => #1 ready, MUG 2-1
         order web #1 v3 repaid MUG:1         => #1 held, MUG 2-1
         order web #1 v4 repaid MUG:1/canceled1 => #1 canceled, MUG 2-0",
    );
}

#[test]
fn nobody_counts_less_than_nothing() {
    check(
        "count MUG 5
         count MUG -1             => refused: less than nothing cannot lie there, MUG 5-0
         order web #1 MUG:5
         count MUG 0              => #1 lacks 5, MUG 0-0",
    );
}

#[test]
fn parcels_leave_in_parts() {
    check(
        "count MUG 5
         order web #1 MUG:3       => MUG 5-3
         ship #1 1:1              => #1 part_shipped, MUG 4-2, intents 1
         ship #1 1:3              => refused: only 2 left
         ship #1 2:1              => refused: no line 2
         cancel #1                => refused: part of the order has left
         ship #1                  => #1 shipped, MUG 2-0, intents 2
         ship #1                  => refused: nothing of this order is left
         order web #1 v2 MUG:3/shipped3 => #1 shipped, MUG 2-0
         order web #1 v3 canceled MUG:3 => #1 exception, MUG 2-0",
    );
}

#[test]
fn what_is_not_covered_cannot_leave() {
    check(
        "count MUG 1
         order web #1 MUG:3       => #1 short, MUG 1-1
         ship #1 1:1              => #1 part_shipped, MUG 0-0
         ship #1                  => refused: 2 of MUG are missing
         count MUG 2              => MUG 2-2
         ship #1                  => #1 shipped, MUG 0-0",
    );
}

#[test]
fn what_the_channel_ships_itself_leaves_the_shelf() {
    check(
        "count MUG 5
         order web #1 v1 MUG:2           => MUG 5-2
         order web #1 v2 MUG:2/shipped1  => #1 part_shipped, MUG 4-1
         order web #1 v3 MUG:2/shipped2  => #1 shipped, MUG 3-0
         order web #1 v4 MUG:2/shipped0  => #1 ready, MUG 5-2
         order web #1 v5 MUG:2/shipped2/returned1 => #1 after_sales, MUG 3-0",
    );
}

#[test]
fn what_the_channel_takes_back_and_cancels_in_one_is_not_wanted_any_more() {
    check(
        "count MUG 5
         order web #1 v1 MUG:2           => MUG 5-2
         order web #1 v2 MUG:2/shipped2  => #1 shipped, MUG 3-0
         order web #1 v3 canceled refunded MUG:2 => MUG 5-0, #1 canceled
         order web #2 v1 MUG:3           => MUG 5-3
         order web #2 v2 MUG:3/shipped3  => #2 shipped, MUG 2-0
         order web #2 v3 MUG:1           => #2 ready, MUG 5-1",
    );
}

#[test]
fn canceling_waits_for_the_channel() {
    check(
        "count MUG 5
         order web #1 MUG:2         => MUG 5-2
         cancel #1                  => new, intents 1, MUG 5-2
         cancel #1                  => refused: under way
         order web #1 v2 canceled refunded MUG:2 => #1 canceled, MUG 5-0
         cancel #1                  => duplicate",
    );
}

#[test]
fn a_lower_count_takes_promises_back() {
    check(
        "count MUG 5
         order web #1 MUG:2
         order web #2 MUG:3       => MUG 5-5
         count MUG 3              => MUG 3-3, #1 ready, #2 lacks 2
         adjust SET 1             => refused: no stock of its own
         adjust NONE 1            => refused: no item",
    );
}

#[test]
fn units_that_the_channel_will_still_subtract_are_added_back() {
    check(
        "count MUG 10
         order web #1 unpaid MUG:2/sub0  => MUG 10-2, web.MUG 10, market.MUG 8
         order web #1 v2 MUG:2/sub2      => MUG 10-2, web.MUG 8, market.MUG 8",
    );
}

#[test]
fn a_push_states_what_it_believes_and_settles() {
    check(
        "count MUG 10
         level web MUG 4 before   => web.MUG believes 4, web.MUG due
         push web MUG             => new
         applied web MUG          => web.MUG believes 10, web.MUG settled
         order web #1 MUG:1       => web.MUG 9, web.MUG believes 9, web.MUG settled, market.MUG 9
         order market #2 MUG:1    => web.MUG 8, web.MUG due
         push web MUG
         order market #3 MUG:1    => web.MUG 7
         ambiguous web MUG        => web.MUG due
         push web MUG
         notdone web MUG
         push web MUG
         applied web MUG          => web.MUG believes 7, web.MUG settled",
    );
}

#[test]
fn a_push_takes_in_what_was_just_read_and_leaves_what_differs() {
    check(
        "count MUG 10
         level web MUG 10 before
         order market #1 MUG:2    => web.MUG 8, web.MUG due
         push web MUG reading 10  => new, web.MUG believes 10
         applied web MUG          => web.MUG believes 8, web.MUG settled
         order market #2 MUG:1    => web.MUG 7, web.MUG due
         push web MUG reading 6   => new, web.MUG believes 8, web.MUG due, no drift
         applied web MUG          => web.MUG believes 8, web.MUG due
         push web MUG reading 8   => new
         applied web MUG          => web.MUG believes 7, web.MUG settled",
    );
    let mut world = World::new();
    for line in [
        "count MUG 10",
        "level web MUG 10 before",
        "order market #1 MUG:2",
    ] {
        world.act(line);
    }
    let signal = reports::push_signal("push", "web", "MUG", &["reading", "9"], world.now);
    let follow_ups = world.decide_once(&signal);
    let [FollowUp::Compare { listings, .. }] = follow_ups.as_slice() else {
        panic!("it is compared again, not {follow_ups:?}");
    };
    assert_eq!(listings, &[crate::ListingId::new("MUG")]);
}

#[test]
fn a_conflict_drops_the_try_and_a_refusal_parks_it() {
    check(
        "count MUG 10
         level web MUG 4 before
         push web MUG
         conflict web MUG 3       => web.MUG believes 4, web.MUG due
         level web MUG 3 before   => web.MUG believes 3, web.MUG due
         push web MUG
         rejected web MUG         => web.MUG parked
         push web MUG             => duplicate, web.MUG parked
         count MUG 11             => web.MUG 11, web.MUG due",
    );
}

#[test]
fn only_a_confirmed_difference_is_drift() {
    check(
        "count MUG 10
         level web MUG 10 compare  => web.MUG settled
         level web MUG 7 compare   => web.MUG believes 10, no drift
         order web #1 MUG:3        => web.MUG 7, web.MUG believes 7
         level web MUG 7 confirm   => no drift
         level web MUG 2 compare   => no drift
         level web MUG 2 confirm   => drift web.MUG, web.MUG due
         push web MUG
         applied web MUG           => no drift, web.MUG settled, latest case is repaired",
    );
}

#[test]
fn a_case_keeps_what_it_rests_on() {
    let mut world = World::new();
    for act in [
        "count MUG 10",
        "level web MUG 4 compare",
        "push web MUG",
        "applied web MUG",
        "level web MUG 7 confirm app Importer",
    ] {
        world.act(act);
    }
    let drift = world.book.drifts.values().next().expect("a case");
    let units = |told: Option<crate::offer::Told>| told.map(|told| told.quantity.units());
    let evidence = &drift.evidence;
    assert_eq!(drift.expected, Quantity::of(10));
    assert_eq!(drift.observed, Quantity::of(7));
    assert_eq!(drift.difference, Some(Quantity::of(-3)));
    assert_eq!(evidence.believed.quantity, Quantity::of(10));
    assert!(evidence.believed.at <= evidence.shown.at);
    assert!(evidence.orders_read_at.is_some());
    assert_eq!(
        (units(evidence.sent), units(evidence.acknowledged)),
        (Some(10), Some(10))
    );
    let author = evidence.author.as_ref().map(|author| author.name.as_str());
    assert_eq!(author, Some("Importer"));
}

#[test]
fn an_account_that_owns_the_stock_is_believed() {
    check(
        "owner web
         count MUG 10
         level web MUG 10 compare
         level market MUG 10 compare
         level web MUG 7 confirm   => no drift, MUG 7-0, web.MUG 7, web.MUG settled, market.MUG 7, market.MUG due
         order web #1 MUG:2        => MUG 7-2, web.MUG 5, web.MUG settled
         level web MUG 1 confirm   => MUG 3-2, web.MUG 1, web.MUG settled, market.MUG 1
         level web MUG 0 confirm   => MUG 2-2, market.MUG 0
         level market MUG 5 confirm => drift market.MUG, MUG 2-2, market.MUG due
         order market #2 MUG:1     => #2 short
         level web MUG 1 confirm   => #2 ready, MUG 3-3, web.MUG 0, web.MUG due",
    );
}

#[test]
fn an_owner_that_shows_nothing_is_believed_though_an_unpaid_order_waits() {
    check(
        "owner web
         count MUG 25
         order web #1 unpaid MUG:2/sub0
         level web MUG 25 compare  => web.MUG 25, web.MUG settled
         level web MUG 0 confirm   => no drift, MUG 0-0, #1 short, web.MUG 0",
    );
}

#[test]
fn an_owner_is_believed_about_what_changed_while_a_write_of_ours_waited() {
    check(
        "owner web
         count MUG 10
         level web MUG 10 compare
         order market #1 MUG:1     => web.MUG 9, web.MUG due
         level web MUG 8 confirm   => MUG 8-1, web.MUG 7, web.MUG due, no drift",
    );
}

#[test]
fn what_a_level_does_not_tell_is_a_case_and_no_movement() {
    check(
        "owner web
         count MUG 10
         count PLATE 3
         rule web max 5
         count MUG 11              => web.MUG 5, web.SET 3
         level web MUG 5 compare
         level web SET 3 compare
         level web MUG 3 confirm   => drift web.MUG, MUG 11-0, web.MUG due
         level web SET 1 confirm   => drift web.SET, PLATE 3-0
         settle theirs             => refused: cannot be taken over, drift web.SET
         settle ours               => new, drift web.SET
         push web SET
         applied web SET           => latest case is ours",
    );
}

#[test]
fn an_edit_by_a_person_is_no_drift_but_is_repaired() {
    check(
        "count MUG 10
         level web MUG 10 compare
         level web MUG 7 confirm person Ann => no drift, MUG 10-0, web.MUG due
         level web MUG 6 confirm app Importer => drift web.MUG, MUG 10-0, web.MUG due",
    );
}

#[test]
fn a_person_settles_a_case_either_way_and_may_change_their_mind() {
    check(
        "count MUG 10
         level web MUG 10 compare
         level web MUG 7 confirm   => drift web.MUG, web.MUG due
         settle theirs             => new, no drift, MUG 7-0, web.MUG settled, latest case is theirs
         settle theirs             => duplicate, MUG 7-0
         settle ours               => new, MUG 10-0, web.MUG due, latest case is ours
         push web MUG
         applied web MUG           => web.MUG settled
         level web MUG 4 confirm   => drift web.MUG
         push web MUG
         applied web MUG           => no drift, latest case is repaired
         settle theirs             => MUG 4-0, web.MUG 4, web.MUG due, latest case is theirs",
    );
}

#[test]
fn a_level_that_changes_again_before_its_case_is_settled_counts_as_a_whole() {
    check(
        "count MUG 10
         level web MUG 10 compare
         level web MUG 7 confirm   => drift web.MUG
         level web MUG 5 confirm   => drift web.MUG
         settle theirs             => MUG 5-0, web.MUG settled
         level web MUG 2 confirm   => drift web.MUG
         level web MUG 5 confirm   => no drift, latest case is agreed",
    );
}

#[test]
fn a_source_that_jumps_everywhere_is_neither_repaired_nor_taken() {
    check(
        "owner web
         count MUG 10
         count PLATE 10
         level web MUG 10 compare
         level web PLATE 10 compare
         weigh web source MUG PLATE    => sound web source
         weigh web source MUG PLATE X  => tripped web source, sound web writes
         level web MUG 0 confirm       => drift web.MUG, web.MUG held, MUG 10-0
         level web PLATE 90 confirm    => drift web.PLATE, web.PLATE held, PLATE 10-0
         order market #1 MUG:1         => web.MUG 9, web.MUG held
         order market #2 PLATE:1       => web.PLATE 9, web.PLATE due
         let web source theirs MUG     => drift web.PLATE, MUG 0-0, #1 short, web.MUG 0, web.MUG settled",
    );
}

#[test]
fn a_level_that_tells_nothing_stays_held_when_the_shop_is_said_to_be_right() {
    check(
        "count MUG 10
         count PLATE 10
         level web SET 10 compare
         weigh web source MUG PLATE X
         level web SET 0 confirm       => drift web.SET, web.SET held
         let web source theirs SET     => new, drift web.SET, web.SET held
         settle theirs                 => refused: cannot be taken over, web.SET held
         settle ours                   => new, web.SET due",
    );
}

#[test]
fn a_person_lifts_the_breaker_of_a_source() {
    check(
        "count MUG 10
         level web MUG 10 compare
         lift web source               => refused: has not tripped
         weigh web source MUG PLATE X
         level web MUG 0 confirm       => drift web.MUG, web.MUG held
         level web MUG 0 compare       => web.MUG held
         let web source ours MUG       => drift web.MUG, web.MUG due
         lift web source               => new, sound web source
         push web MUG
         applied web MUG               => no drift, latest case is ours, web.MUG settled",
    );
}

#[test]
fn a_shop_that_agrees_again_is_let_go_by_itself() {
    check(
        "count MUG 10
         level web MUG 10 compare
         weigh web source MUG PLATE X
         level web MUG 0 confirm       => drift web.MUG, web.MUG held
         level web MUG 10 confirm      => no drift, web.MUG settled, tripped web source",
    );
}

#[test]
fn what_a_person_saw_when_they_armed_an_account_is_confirmed() {
    check(
        "count MUG 2
         level web MUG 2 compare
         count MUG 0                   => web.MUG 0, web.MUG due
         confirm web
         weigh web writes PLATE X Y    => tripped web writes
         push web MUG
         applied web MUG               => web.MUG settled",
    );
}

#[test]
fn only_zeroes_that_were_shown_are_confirmed() {
    // Each step takes ten seconds; what came after the preview was not shown.
    check(
        "count MUG 2
         level web MUG 2 compare
         count MUG 0
         confirm web shown 25
         weigh web writes PLATE X Y    => tripped web writes
         push web MUG                  => web.MUG held",
    );
    let mut world = World::new();
    for act in ["count MUG 5", "level web MUG 5 compare"] {
        world.act(act);
    }
    let key: crate::book::ListingKey = ("web".into(), "MUG".into());
    let decided = |world: &World| world.book.offers[&key].decided_at;
    let counted = decided(&world);
    assert!(counted.is_some());
    world.act("order market #1 MUG:2");
    assert_eq!(
        decided(&world),
        counted,
        "an order is no decision of anybody here"
    );
    world.act("count MUG 9");
    assert!(decided(&world) > counted);
}

#[test]
fn zeroes_that_no_order_caused_wait_for_a_person_once_there_are_too_many() {
    check(
        "count MUG 2
         count PLATE 5
         level web MUG 2 compare
         level web PLATE 5 compare
         weigh web writes MUG X Y      => tripped web writes
         order market #1 MUG:2         => web.MUG 0, web.MUG due
         push web MUG                  => web.MUG due
         applied web MUG               => web.MUG settled
         count PLATE 0                 => web.PLATE 0, web.PLATE due
         push web PLATE                => web.PLATE held
         count PLATE 4                 => web.PLATE 4, web.PLATE due
         count PLATE 0
         push web PLATE                => web.PLATE held
         let web writes ours PLATE
         lift web writes               => web.PLATE due, sound web writes
         push web PLATE
         applied web PLATE             => web.PLATE settled",
    );
}

#[test]
fn finished_orders_are_closed() {
    check(
        "count MUG 5
         order till #1 MUG:1      => #1 delivered
         close #1                 => #1 closed
         order web #2 MUG:1
         close #2                 => nothing, #2 ready
         order web #2 v2 canceled refunded MUG:1
         close #2                 => #2 canceled",
    );
}

#[test]
fn what_was_canceled_is_no_sale_again_when_its_money_goes_back() {
    check(
        "count MUG 5
         order web #1 MUG:2                          => #1 ready, MUG 5-2
         order web #1 v2 canceled MUG:2/sub0         => #1 after_sales, MUG 5-0
         order web #1 v3 repaid refunded MUG:2/sub0  => #1 canceled, MUG 5-0, web.MUG 5
         order web #1 v4 MUG:2                       => #1 ready, MUG 5-2",
    );
}

#[test]
fn what_left_long_ago_is_done_and_opens_again_with_news() {
    let mut world = World::new();
    world.act("count MUG 5");
    let order = |revision: i64| {
        let mut snapshot = reports::order_snapshot("#1");
        snapshot.version = crate::snapshot::Version {
            revision,
            changed_at: Time::from_seconds(revision),
        };
        let status = ("status".to_owned(), revision.to_string());
        snapshot.words.extend([status]);
        snapshot.lines.push(reports::line_snapshot("MUG:1", false));
        Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(snapshot),
            source: crate::signal::Source::Read,
        }
    };
    world.decide(&order(1));
    world.act("ship #1");
    // Its channel was told.
    world.book.intents.clear();
    world.act("close #1");
    world.expect("nothing");
    world.expect("#1 shipped");
    world.now += 31 * 24 * 3600;
    world.act("close #1");
    world.expect("new");
    world.expect("#1 closed");
    let news = world.now;
    world.decide(&order(news));
    world.expect("new");
    world.expect("#1 shipped");
}

#[test]
fn kits_within_kits_are_refused() {
    let mut world = World::new();
    let components = BTreeMap::from([(sku("SET"), Quantity::of(1))]);
    let item = Item {
        sku: sku("BOX"),
        kind: ItemKind::Kit(components),
        scale: 0,
        title: String::new(),
        category: None,
        barcode: None,
        prices: Vec::new(),
    };
    world.decide(&Signal::Command(Command::SetItem(item)));
    world.expect("refused: contains the kit SET");
}

#[test]
fn every_phase_has_its_own_word() {
    for phase in Phase::ALL {
        assert_eq!(Phase::from_word(phase.word()), Some(phase));
    }
    assert_eq!(Phase::from_word("pending"), None);
}
