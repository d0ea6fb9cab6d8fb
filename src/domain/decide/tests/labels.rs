//! Labels of a provider: one for each parcel, given back, and never forgotten when they come too late.

use super::{world::World, *};
use crate::{
    Money,
    fulfillment::{FulfillmentStep, NewLabel, Parcel},
    ids::{IntentId, TaskId},
    intent::{IntentState, Outcome, Wish},
};

/// An order of two mugs, all of it in one parcel.
fn packed() -> (World, OrderId, TaskId) {
    let mut world = World::new();
    world.act("count MUG 10");
    world.act("order web #1 MUG:2");
    world.act("task open #1");
    world.act("task pick #1");
    world.act("task pack #1");
    let order = world.id("#1");
    let task = world.book.orders[&order].tasks[0].id;
    (world, order, task)
}

fn step(world: &mut World, step: FulfillmentStep) {
    let order = world.id("#1");
    let by = "ann".to_owned();
    world.decide(&Signal::Command(Command::Fulfill { order, step, by }));
}

fn buy(world: &mut World, task: TaskId) {
    let asked = FulfillmentStep::BuyLabel {
        task,
        parcel: 1,
        provider: "bridge".to_owned(),
        service: None,
    };
    step(world, asked);
}

fn void(world: &mut World, task: TaskId, by_hand: bool) {
    let asked = FulfillmentStep::VoidLabel {
        task,
        parcel: 1,
        by_hand,
    };
    step(world, asked);
}

fn label(number: &str) -> NewLabel {
    NewLabel {
        carrier: "DHL".to_owned(),
        tracking_number: number.to_owned(),
        tracking_url: None,
        reference: Some(format!("lbl-{number}")),
        cost: Money::from_minor(490, crate::Currency::new("EUR").expect("a currency")).ok(),
    }
}

fn last(world: &World) -> IntentId {
    *world.book.intents.keys().next_back().expect("a wish")
}

fn tried(world: &mut World, outcome: Outcome) {
    let intent = last(world);
    world.decide(&Signal::IntentTried { intent, outcome });
}

fn parcel(world: &World) -> &Parcel {
    &world.book.orders[&world.id("#1")].tasks[0].parcels[0]
}

#[test]
fn a_label_is_bought_once_and_kept_with_its_cost() {
    let (mut world, _, task) = packed();
    buy(&mut world, task);
    world.expect("new");
    for what in [
        "task unpack #1 1",
        "task hand #1",
        "task close #1",
        "cancel #1",
    ] {
        world.act(what);
        world.expect("refused: is being bought or given back");
    }
    buy(&mut world, task);
    world.expect("refused: is being bought or given back");
    tried(&mut world, Outcome::Labeled { label: label("1") });
    let put = parcel(&world).label().expect("a label").clone();
    assert_eq!(put.provider.as_deref(), Some("bridge"));
    assert_eq!(put.cost, label("1").cost);
    assert_eq!(put.by, "labels:bridge");
    world.act("cancel #1");
    world.expect("refused: has a label");

    void(&mut world, task, false);
    let asked = &world.book.intents[&last(&world)].wish;
    assert!(matches!(asked, Wish::VoidLabel { reference, .. } if reference == "lbl-1"));
    assert!(parcel(&world).label().is_some(), "it is not void yet");
    tried(&mut world, Outcome::Applied { reference: None });
    assert_eq!(parcel(&world).label(), None);
    assert_eq!(
        parcel(&world).labels[0].cost,
        label("1").cost,
        "it was spent"
    );
    world.act("cancel #1");
    world.expect("new");
}

#[test]
fn what_the_provider_refused_keeps_nothing_waiting() {
    let (mut world, _, task) = packed();
    buy(&mut world, task);
    let reason = "no such postal code".to_owned();
    tried(&mut world, Outcome::Park { reason });
    world.act("task hand #1");
    world.expect("new");
}

#[test]
fn a_label_that_may_have_been_bought_is_not_given_up() {
    let (mut world, _, task) = packed();
    buy(&mut world, task);
    let retry = Outcome::Retry {
        at: Time::END,
        reason: "no answer".to_owned(),
        is_ambiguous: true,
    };
    tried(&mut world, retry);
    let by = "ann".to_owned();
    let intent = last(&world);
    world.decide(&Signal::Command(Command::DropIntent { intent, by }));
    world.expect("refused: may have been bought");
    world.act("task unpack #1 1");
    world.expect("refused: is being bought");
}

#[test]
fn a_label_that_comes_too_late_is_given_back() {
    let (mut world, order, task) = packed();
    buy(&mut world, task);
    let bought = last(&world);
    // A channel's own cancellation is never refused.
    world.act("order web #1 v2 canceled MUG:2");
    tried(&mut world, Outcome::Labeled { label: label("1") });
    assert_eq!(parcel(&world).label(), None);
    let state = &world.book.intents[&bought].state;
    assert!(matches!(state, IntentState::Done(Some(id)) if id.as_str() == "lbl-1"));
    let given = &world.book.intents[&last(&world)];
    assert_eq!(given.order, order);
    assert!(matches!(&given.wish, Wish::VoidLabel { reference, .. } if reference == "lbl-1"));
    tried(&mut world, Outcome::Applied { reference: None });
    assert!(!world.book.intents[&last(&world)].is_open());
}

#[test]
fn a_label_that_was_typed_in_or_given_back_by_hand_is_void_at_once() {
    let (mut world, _, task) = packed();
    let typed = FulfillmentStep::Label {
        task,
        parcel: 1,
        label: label("7"),
    };
    step(&mut world, typed);
    void(&mut world, task, false);
    assert_eq!(parcel(&world).label(), None);
    assert!(world.book.intents.is_empty(), "nobody is asked");
    buy(&mut world, task);
    tried(&mut world, Outcome::Labeled { label: label("8") });
    void(&mut world, task, true);
    assert_eq!(parcel(&world).label(), None);
    assert_eq!(world.book.intents.len(), 1, "nobody is asked");
}
