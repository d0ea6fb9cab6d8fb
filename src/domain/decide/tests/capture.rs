//! Reserved money is taken when parcels leave, where an account is set so: once, and only what the order costs.

use super::{
    reports::{eur, line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    Decimal, Money,
    intent::{Intent, IntentState, Outcome, Wish},
    payment::CaptureOn,
    signal::Source,
    snapshot::{OrderSnapshot, PaymentState},
};

/// Two mugs for ten euros, of which the money is reserved.
fn reserved(capture_on: CaptureOn) -> (World, OrderSnapshot) {
    let mut world = World::new();
    world.capture_on = capture_on;
    world.act("count MUG 10");
    let mut view = order_snapshot("#1");
    view.payment = PaymentState::Authorized;
    view.lines = vec![line_snapshot("MUG:2", false)];
    view.lines[0].total = eur(1000);
    see(&mut world, &mut view);
    (world, view)
}

fn see(world: &mut World, view: &mut OrderSnapshot) {
    view.version.revision += 1;
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(view.clone()),
        source: Source::Read,
    });
}

fn captures(world: &World) -> Vec<Intent> {
    let intents = world.book.intents.values().cloned();
    intents
        .filter(|intent| matches!(intent.wish, Wish::Capture { .. }))
        .collect()
}

fn amounts(world: &World) -> Vec<Money> {
    let amount = |intent: Intent| match intent.wish {
        Wish::Capture { amount } => Some(amount),
        _ => None,
    };
    captures(world).into_iter().filter_map(amount).collect()
}

#[test]
fn money_is_taken_once_with_the_parcel_that_an_account_says() {
    for (capture_on, first, second) in [
        (CaptureOn::Never, 0, 0),
        (CaptureOn::FirstParcel, 1, 1),
        (CaptureOn::LastParcel, 0, 1),
    ] {
        let (mut world, _) = reserved(capture_on);
        assert_eq!(amounts(&world), [], "nothing left yet");
        world.act("ship #1 1:1");
        assert_eq!(amounts(&world).len(), first, "{capture_on:?}");
        world.act("ship #1 1:1");
        assert_eq!(amounts(&world), vec![eur(1000); second], "{capture_on:?}");
    }
}

#[test]
fn nothing_is_taken_of_what_is_paid_or_was_canceled() {
    for payment in [PaymentState::Paid, PaymentState::PartRefunded] {
        let (mut world, mut view) = reserved(CaptureOn::FirstParcel);
        view.payment = payment;
        see(&mut world, &mut view);
        world.act("ship #1 1:2");
        assert_eq!(amounts(&world), []);
    }
    // One of two mugs was taken out on the channel: it is not paid for.
    let (mut world, mut view) = reserved(CaptureOn::LastParcel);
    view.lines[0].canceled = Decimal::whole(1);
    see(&mut world, &mut view);
    world.act("ship #1 1:1");
    assert_eq!(amounts(&world), [eur(500)]);
}

#[test]
fn what_could_not_be_taken_waits_for_a_person_until_the_money_is_there() {
    let (mut world, mut view) = reserved(CaptureOn::FirstParcel);
    world.act("ship #1 1:2");
    let [intent] = captures(&world).try_into().expect("one wish");
    let reason = "The authorization has expired".to_owned();
    world.decide(&Signal::IntentTried {
        intent: intent.id,
        outcome: Outcome::Park { reason },
    });
    see(&mut world, &mut view);
    let parked = |world: &World| matches!(captures(world)[0].state, IntentState::Parked(_));
    assert!(parked(&world), "the money is still only reserved");
    view.payment = PaymentState::Paid;
    see(&mut world, &mut view);
    let state = &captures(&world)[0].state;
    let taken = IntentState::Dropped("the money is taken".to_owned());
    assert_eq!(*state, taken);
    assert_eq!(captures(&world).len(), 1);
}
