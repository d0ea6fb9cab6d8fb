//! Messages: wished once, not wished any more when what they ask for is there, and never for old news.

use super::{
    reports::{line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    ids::IntentId,
    intent::{Intent, IntentState, Outcome, Wish},
    message::{MESSAGES_MAX, NEWS_WITHIN, Notice, Way},
    order_rules::{Moment, RuleHold, Then},
    signal::Source,
};

fn notice(message: &str) -> Notice {
    Notice {
        message: message.to_owned(),
        way: Way::Mail,
    }
}

fn rule(name: &str, on: Moment, then: Then) -> OrderRule {
    OrderRule {
        name: name.to_owned(),
        on,
        when: None,
        then,
    }
}

fn notifies(messages: &[&str]) -> Then {
    Then {
        notify: messages.iter().map(|name| notice(name)).collect(),
        ..Then::default()
    }
}

fn asks(reason: &str, message: &str) -> Then {
    Then {
        hold: Some(RuleHold {
            reason: reason.to_owned(),
            settle_within: None,
            keeps_claim: true,
            ask: Some(notice(message)),
        }),
        ..Then::default()
    }
}

fn world(rules: Vec<OrderRule>) -> World {
    let mut world = World::new();
    world.act("count MUG 10");
    world.order_rules = rules;
    world.placed_ago = Some(5);
    world
}

/// All messages: `name state`.
fn messages(world: &World) -> Vec<String> {
    let word = |intent: &Intent| {
        let Wish::Message { message, .. } = &intent.wish else {
            return None;
        };
        Some(match &intent.state {
            IntentState::Waiting => format!("{message} waits"),
            IntentState::Done(_) => format!("{message} done"),
            IntentState::Parked(reason) => format!("{message} parked: {reason}"),
            IntentState::Dropped(reason) => format!("{message} dropped: {reason}"),
        })
    };
    // Those of one decision have no order of their own.
    let mut words: Vec<String> = world.book.intents.values().filter_map(word).collect();
    words.sort();
    words
}

fn first(world: &World) -> IntentId {
    *world.book.intents.keys().next().expect("a message")
}

fn tried(world: &mut World, intent: IntentId, outcome: Outcome) {
    world.decide(&Signal::IntentTried { intent, outcome });
}

fn dropped(world: &mut World, intent: IntentId) {
    let by = "ann".to_owned();
    world.decide(&Signal::Command(Command::DropIntent { intent, by }));
}

#[test]
fn a_rule_sends_a_message_once_in_the_decision_that_takes_the_order_in() {
    let mut world = world(vec![
        rule("hello", Moment::Accepted, notifies(&["confirmed", "crm"])),
        rule("bye", Moment::Shipped, notifies(&["shipped"])),
    ]);
    world.act("order web #1 MUG:2");
    assert_eq!(messages(&world), ["confirmed waits", "crm waits"]);
    world.act("order web #1 v2 MUG:1");
    assert_eq!(messages(&world).len(), 2, "it ran once");
    let runs = &world.book.orders[&world.id("#1")].runs;
    let did = crate::order_rules::Outcome::Matched {
        did: vec![
            "`confirmed` is to be sent".to_owned(),
            "`crm` is to be sent".to_owned(),
        ],
    };
    assert_eq!(runs[0].outcome, did);
    let told = world.told.iter().filter_map(|fact| match &fact.event {
        Event::IntentMade {
            wish, is_elsewhere, ..
        } => Some((wish.as_str(), *is_elsewhere)),
        _ => None,
    });
    let told: Vec<(&str, bool)> = told.collect();
    let wished = [
        ("send the message `confirmed`", true),
        ("send the message `crm`", true),
    ];
    assert_eq!(told, wished);
}

#[test]
fn what_happened_long_before_it_became_known_is_no_news() {
    let mut world = world(vec![rule("hello", Moment::Accepted, notifies(&["hi"]))]);
    let seconds = i64::try_from(NEWS_WITHIN.as_secs()).expect("a few days");
    world.placed_ago = Some(seconds + 1);
    world.act("order web #1 MUG:1");
    assert_eq!(messages(&world), [""; 0]);
    world.placed_ago = Some(seconds - 1);
    world.act("order web #2 MUG:1");
    assert_eq!(messages(&world), ["hi waits"]);
}

#[test]
fn what_an_order_is_not_held_for_any_more_is_not_asked() {
    let mut world = world(vec![rule(
        "ask",
        Moment::Accepted,
        asks("colour?", "which"),
    )]);
    world.act("order web #1 MUG:1");
    world.expect("#1 held");
    assert_eq!(messages(&world), ["which waits"]);
    let hold = &world.book.orders[&world.id("#1")].holds[0];
    assert_eq!(hold.asked, Some(first(&world)));
    world.act("release #1");
    assert_eq!(
        messages(&world),
        ["which dropped: the order is not on hold any more"]
    );

    world.act("order web #2 MUG:1");
    let second = *world.book.intents.keys().next_back().expect("a message");
    world.decide(&Signal::IntentStarted { intent: second });
    world.act("release #2");
    assert_eq!(messages(&world)[1], "which waits", "it is on its way");
    tried(&mut world, second, Outcome::Applied { reference: None });
    assert_eq!(messages(&world)[0], "which done");
}

#[test]
fn a_hold_because_of_an_address_asks_for_it_once() {
    let mut world = World::new();
    world.act("count MUG 10");
    world.verify.ask = Some(notice("address wanted"));
    let mut view = order_snapshot("#1");
    view.lines.push(line_snapshot("MUG:1", false));
    view.lines[0].requires_shipping = true;
    view.ship_to = Some(crate::snapshot::Address {
        name: "Ada Example".to_owned(),
        city: "Town".to_owned(),
        country: "DE".to_owned(),
        postal_code: "123".to_owned(),
        ..crate::snapshot::Address::default()
    });
    let mut tell = |world: &mut World, revision: i64, code: &str| {
        view.version.revision = revision;
        if let Some(address) = &mut view.ship_to {
            address.postal_code = code.to_owned();
            address.street = match code.len() {
                5 => vec!["Road 1".to_owned()],
                _ => Vec::new(),
            };
        }
        world.decide(&Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(view.clone()),
            source: Source::Read,
        });
    };
    tell(&mut world, 1, "123");
    assert_eq!(messages(&world), ["address wanted waits"]);
    let order = world.book.orders.values().next().expect("the order");
    assert_eq!(
        order.holds[0].asked,
        Some(first(&world)),
        "{:?}",
        order.holds
    );
    tell(&mut world, 2, "12345");
    let gone = "address wanted dropped: the order is not on hold any more";
    assert_eq!(messages(&world), [gone]);
}

#[test]
fn a_person_sends_retries_and_gives_up() {
    let mut world = world(Vec::new());
    world.act("order web #1 MUG:1");
    let order = world.id("#1");
    let tell = Signal::Command(Command::Tell {
        order,
        notice: notice("hi"),
    });
    world.decide(&tell);
    let intent = first(&world);
    world.decide(&Signal::IntentStarted { intent });
    assert!(world.book.intents[&intent].sent_at.is_some());
    dropped(&mut world, intent);
    world.expect("refused: on its way");
    let reason = "the mail server refused it".to_owned();
    tried(&mut world, intent, Outcome::Park { reason });
    assert_eq!(world.book.intents[&intent].sent_at, None);
    assert_eq!(messages(&world), ["hi parked: the mail server refused it"]);
    world.decide(&Signal::Command(Command::RetryIntent { intent }));
    assert_eq!(messages(&world), ["hi waits"]);
    dropped(&mut world, intent);
    assert_eq!(
        messages(&world),
        ["hi dropped: ann does not want it any more"]
    );
    dropped(&mut world, intent);
    world.expect("duplicate");
    world.decide(&Signal::IntentStarted { intent });
    world.expect("nothing");

    for _ in 1..MESSAGES_MAX {
        world.decide(&tell);
        world.expect("new");
    }
    world.decide(&tell);
    world.expect("refused: messages were sent about order");
    world.act("cancel #1");
    let cancel = *world.book.intents.keys().next_back().expect("an intent");
    dropped(&mut world, cancel);
    world.expect("refused: it is wished on a channel");
}

#[test]
fn whoever_is_forgotten_is_not_written_to() {
    let mut world = world(vec![rule("hello", Moment::Accepted, notifies(&["hi"]))]);
    world.act("order web #1 MUG:1");
    let order = world.id("#1");
    world.act("order web #1 v2 canceled MUG:1");
    world.decide(&Signal::Command(Command::Erase {
        order,
        by: "ann".to_owned(),
    }));
    assert!(world.book.orders[&order].is_erased());
    let gone = "hi dropped: what the order says of people was erased";
    assert_eq!(messages(&world), [gone]);
}
