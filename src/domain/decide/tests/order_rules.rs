//! Rules of orders: when they run, what they do, and that they run once.

use std::sync::Arc;

use super::{
    locations::four,
    reports::{line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    allocation::When,
    order_rules::{
        Condition, ConditionRef, Moment, NAMES, OrderRule, Outcome, RuleHold, Run, Seen, Sort,
        TAGS_MAX, Then, seen,
    },
    signal::Source,
    snapshot::OrderSnapshot,
    stock::LocationId,
};

/// Whether a name has this value, as people read it.
struct Is(Vec<String>, &'static str);

impl Condition for Is {
    fn text(&self) -> &str {
        self.1
    }

    fn names(&self) -> &[String] {
        &self.0
    }

    fn holds(&self, seen: &BTreeMap<&'static str, Seen>) -> Result<bool, String> {
        match seen.get(self.0[0].as_str()) {
            Some(value) => Ok(value.to_string() == self.1),
            None => Err("there is no such value".to_owned()),
        }
    }
}

fn is(name: &str, value: &'static str) -> Option<ConditionRef> {
    Some(ConditionRef(Arc::new(Is(vec![name.to_owned()], value))))
}

fn rule(name: &str, on: Moment, when: Option<ConditionRef>, then: Then) -> OrderRule {
    OrderRule {
        name: name.to_owned(),
        on,
        when,
        then,
    }
}

fn hold(reason: &str) -> Then {
    Then {
        hold: Some(RuleHold {
            reason: reason.to_owned(),
            settle_within: Some(Duration::from_secs(3600)),
            keeps_claim: true,
            ask: None,
        }),
        ..Then::default()
    }
}

fn tag(tag: &str) -> Then {
    Then {
        tag: vec![tag.to_owned()],
        ..Then::default()
    }
}

fn world(rules: Vec<OrderRule>) -> World {
    let mut world = World::new();
    world.act("count MUG 10");
    world.order_rules = rules;
    world
}

fn order<'w>(world: &'w World, name: &str) -> &'w Order {
    &world.book.orders[&world.id(name)]
}

fn tags(world: &World, name: &str) -> String {
    let tags: Vec<&str> = order(world, name).tags.iter().map(String::as_str).collect();
    tags.join(" ")
}

/// The runs of an order: `rule outcome`.
fn runs(world: &World, name: &str) -> Vec<String> {
    let word = |run: &Run| match &run.outcome {
        Outcome::Matched { did } => format!("{} {}", run.rule, did.join(", ")),
        Outcome::NotMatched => format!("{} no", run.rule),
        Outcome::Failed { error } => format!("{} failed: {error}", run.rule),
    };
    order(world, name).runs.iter().map(word).collect()
}

#[test]
fn a_rule_holds_in_the_very_decision_that_takes_the_order_in() {
    let mut world = world(vec![rule(
        "all",
        Moment::Accepted,
        None,
        hold("look at it"),
    )]);
    world.act("order web #1 MUG:2");
    world.expect("#1 held");
    world.expect("MUG 10-2");
    let held: Vec<_> = order(&world, "#1").active_holds().collect();
    assert_eq!(
        (held[0].owner.as_str(), held[0].reason.as_str()),
        ("rule:all", "look at it")
    );
    assert_eq!(
        held[0].until,
        Some(held[0].since.plus(Duration::from_secs(3600)))
    );
    world.act("release #1");
    world.expect("#1 ready");
    world.act("order web #1 v2 MUG:3");
    world.expect("#1 ready");
    assert_eq!(runs(&world, "#1"), ["all held"], "it ran once");
}

#[test]
fn a_hold_that_gives_stock_up_gives_it_up_at_once() {
    let mut then = hold("ask first");
    then.hold.as_mut().expect("a hold").keeps_claim = false;
    let mut world = world(vec![rule(
        "ask",
        Moment::Accepted,
        is("order.units", "2"),
        then,
    )]);
    world.act("order web #1 MUG:2");
    world.expect("#1 held");
    world.expect("MUG 10-0");
    world.act("order web #2 MUG:1");
    world.expect("#2 ready");
}

#[test]
fn rules_run_in_their_order_and_see_what_those_before_did() {
    let mut world = world(vec![
        rule(
            "first",
            Moment::Accepted,
            is("order.account", "web"),
            tag("web"),
        ),
        rule(
            "second",
            Moment::Accepted,
            is("order.tags", "web"),
            tag("seen"),
        ),
        rule(
            "third",
            Moment::Accepted,
            is("order.tags", "web"),
            tag("late"),
        ),
        rule(
            "broken",
            Moment::Accepted,
            is("order.gone", "1"),
            hold("never"),
        ),
        rule(
            "urgent",
            Moment::Accepted,
            is("order.total", "10.00 EUR"),
            Then {
                priority: Some(5),
                ..Then::default()
            },
        ),
    ]);
    world.act("order web #1 MUG:2");
    assert_eq!(tags(&world, "#1"), "seen web");
    assert_eq!(order(&world, "#1").priority, 5);
    let expected = [
        "first tagged web",
        "second tagged seen",
        "third no",
        "broken failed: there is no such value",
        "urgent given priority 5",
    ];
    assert_eq!(runs(&world, "#1"), expected);
    world.expect("#1 ready");
    let saw = &order(&world, "#1").runs[4].saw;
    assert_eq!(*saw, [("order.total".to_owned(), "10.00 EUR".to_owned())]);
    let facts = world.book.facts.iter();
    let failed = facts
        .filter(|fact| matches!(&fact.event, Event::RuleFailed { rule, .. } if rule == "broken"));
    assert_eq!(failed.count(), 1);
}

#[test]
fn each_moment_comes_when_it_comes() {
    let all = Moment::ALL.map(|moment| rule(moment.word(), moment, None, tag(moment.word())));
    let mut world = world(all.to_vec());
    world.act("order web #1 unpaid MUG:2");
    assert_eq!(tags(&world, "#1"), "order.accepted");
    world.act("order web #1 v2 MUG:2");
    assert_eq!(
        tags(&world, "#1"),
        "order.accepted order.changed order.paid order.ready"
    );
    world.act("ship #1");
    assert_eq!(
        tags(&world, "#1"),
        "order.accepted order.changed order.paid order.ready order.shipped"
    );
    // Short at first, and ready when stock comes.
    world.act("order web #2 MUG:9");
    world.expect("#2 short");
    assert_eq!(tags(&world, "#2"), "order.accepted order.paid");
    world.act("adjust MUG 5");
    world.expect("#2 ready");
    assert_eq!(tags(&world, "#2"), "order.accepted order.paid order.ready");
}

#[test]
fn what_is_held_when_it_is_accepted_is_ready_when_it_is_released() {
    let mut world = world(vec![
        rule("ready", Moment::Ready, None, tag("ready")),
        rule("stop", Moment::Accepted, None, hold("stop")),
    ]);
    world.act("order web #1 MUG:2");
    assert_eq!(tags(&world, "#1"), "");
    world.act("release #1");
    assert_eq!(tags(&world, "#1"), "ready");
}

#[test]
fn a_change_runs_its_rules_again_and_a_hold_that_stands_is_not_doubled() {
    let mut world = world(vec![rule(
        "changed",
        Moment::Changed,
        None,
        hold("it was changed"),
    )]);
    world.act("order web #1 MUG:2");
    world.expect("#1 ready");
    world.act("order web #1 v2 MUG:3");
    world.expect("#1 held");
    world.act("order web #1 v3 MUG:4");
    assert_eq!(order(&world, "#1").active_holds().count(), 1);
    assert_eq!(runs(&world, "#1"), ["changed held already"]);
    world.act("release #1");
    world.act("order web #1 v4 MUG:5");
    world.expect("#1 held");
}

#[test]
fn nothing_is_held_of_which_nothing_is_left_to_be_sent() {
    let mut world = world(vec![rule(
        "all",
        Moment::Accepted,
        None,
        hold("look at it"),
    )]);
    world.act("order till #1 MUG:1/shipped1");
    world.act("order web #2 canceled MUG:1");
    for name in ["#1", "#2"] {
        assert_eq!(order(&world, name).active_holds().count(), 0, "{name}");
        assert_eq!(
            runs(&world, name),
            ["all not held, as nothing of it is left to be sent"]
        );
    }
}

#[test]
fn a_route_is_taken_where_all_of_it_can_leave_from_there() {
    let to = |location: &str| Then {
        route: Some(LocationId::new(location)),
        ..Then::default()
    };
    let mut world = four();
    world.allocation.when = When::Ready;
    world.order_rules = vec![rule(
        "abroad",
        Moment::Accepted,
        is("ship.country", "CH"),
        to("paris"),
    )];
    world.act("count MUG 5 @berlin");
    world.act("count MUG 2 @paris");
    world.act("order web #1 to:DE-Bayern MUG:1");
    world.act("order web #2 to:CH-Zug MUG:1");
    world.act("order web #3 to:CH-Zug MUG:3");
    assert_eq!(world.leaves("#1"), ["berlin:1"]);
    assert_eq!(world.leaves("#2"), ["paris:1"]);
    assert_eq!(world.leaves("#3"), ["berlin:3"], "paris has one left");
    let facts = world.book.orders[&world.id("#2")].routed_by.clone();
    assert_eq!(facts.as_deref(), Some("abroad"));
}

#[test]
fn an_order_has_a_bounded_number_of_tags() {
    let many: Vec<OrderRule> = (0..=TAGS_MAX)
        .map(|number| {
            rule(
                &format!("r{number}"),
                Moment::Accepted,
                None,
                tag(&format!("t{number}")),
            )
        })
        .collect();
    let mut world = world(many);
    world.act("order web #1 MUG:2");
    assert_eq!(order(&world, "#1").tags.len(), TAGS_MAX);
}

#[test]
fn conditions_see_exactly_the_names_that_are_listed_and_nothing_of_people() {
    let mut view: OrderSnapshot = order_snapshot("#1");
    view.buyer.name = "Ada Example".to_owned();
    view.buyer.email = "ada@example.com".to_owned();
    view.note = "ring twice".to_owned();
    view.lines = vec![line_snapshot("MUG:2", false)];
    let mut world = world(vec![rule("all", Moment::Accepted, None, tag("x"))]);
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(view),
        source: Source::Read,
    });
    let values = seen(order(&world, "#1"), &world.book);
    let names: Vec<&str> = values.keys().copied().collect();
    let mut listed: Vec<&str> = NAMES.iter().map(|(name, ..)| *name).collect();
    listed.sort_unstable();
    assert_eq!(names, listed);
    for (name, sort, _) in NAMES {
        let is_right = match (&values[name], sort) {
            (Seen::Text(_), Sort::Text)
            | (Seen::Number(_) | Seen::Amount(_), Sort::Number)
            | (Seen::Truth(_), Sort::Truth)
            | (Seen::Texts(_), Sort::Texts)
            | (Seen::Words(_), Sort::Words) => true,
            (_, _) => false,
        };
        assert!(is_right, "{name}");
    }
    let row = serde_json::to_string(order(&world, "#1")).expect("a row");
    let facts = serde_json::to_string(&world.book.facts).expect("facts");
    for private in ["Ada", "ada@", "ring twice"] {
        assert!(
            !row.contains(private) && !facts.contains(private),
            "{private}"
        );
    }
}
