//! An order folded from its facts is as it was, at every moment of whatever happened to it.

use super::{reports::eur, world::World, *};
use crate::{
    Decimal,
    delivery::{DeliveryStep, Tracking},
    past::{Then, order_at},
    payment::{Method, Pays, Step},
    placement::{NewPayment, PlacedLine, Placement},
    returns::{ReturnReason, ReturnStep, Verdict as Judged},
    snapshot::Buyer,
};

/// Chance that is the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.roll(of.len().try_into().expect("few"));
        of[usize::try_from(at).expect("few")]
    }
}

/// An order as it was after each decision, and all its facts.
struct Watched {
    world: World,
    facts: Vec<(Time, Event)>,
    seen: Vec<(Time, Order)>,
}

impl Watched {
    fn new() -> Watched {
        let mut world = World::new();
        world.act("count MUG 6");
        world.act("count PLATE 4");
        Watched {
            world,
            facts: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn note(&mut self, name: &str) {
        let Some(id) = self.world.names.get(name).copied() else {
            return;
        };
        let facts = self.world.told.drain(..);
        let facts = facts.filter(|fact| fact.order == Some(id));
        self.facts.extend(facts.map(|fact| (fact.at, fact.event)));
        let now = Time::from_seconds(self.world.now);
        self.seen.push((now, self.world.book.orders[&id].clone()));
    }

    fn check(&self, what: &str) {
        let (_, last) = self.seen.last().expect("an order");
        for (at, then) in &self.seen {
            let Then { order, unknown } = order_at(last, &self.facts, *at)
                .unwrap_or_else(|| panic!("{what}: nothing was known at {at}"));
            assert_eq!(told(&order), told(then), "{what} at {at}");
            assert_eq!(unknown, [""; 0], "{what} at {at}");
            for is_short in [false, true] {
                assert_eq!(
                    order.phase(is_short),
                    then.phase(is_short),
                    "{what} at {at}"
                );
            }
        }
        let before = last.accepted_at.minus(Duration::from_millis(1));
        assert_eq!(order_at(last, &self.facts, before), None);
    }
}

/// All that is told of an order as it was.
fn told(order: &Order) -> Vec<String> {
    let mut told = vec![
        format!("{:?} {:?} {:?}", order.standing, order.payment, order.pays),
        format!("{} {} {}", order.number, order.total, order.refunded),
        format!(
            "{:?} {:?} {:?}",
            order.ship_by, order.closed_at, order.expired_at
        ),
        format!("{:?}", order.holds),
        format!("{:?}", order.payments),
        format!("{:?}", order.shipments),
        format!("{:?}", order.returns),
    ];
    told.extend(order.tasks.iter().map(|task| {
        // What was in a parcel that is gone is said to be unknown.
        let parts = task.lines.iter();
        let parts = parts.map(|part| (part.line, part.units, part.picked, part.left));
        let parts: Vec<_> = parts.collect();
        format!(
            "{} {} {:?} {parts:?}",
            task.id, task.location, task.closed_at
        )
    }));
    told.extend(order.lines.iter().map(|line| {
        let (number, item, total) = (line.number, &line.item, line.total);
        format!("{number} {item:?} {total} {:?}", line.counters)
    }));
    told
}

/// Something that happens to order #1, whether it makes sense then or not.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each thing that can happen"
)]
fn act(watched: &mut Watched, dice: &mut Dice, version: &mut i64) -> String {
    let world = &mut watched.world;
    let known = world
        .names
        .get("#1")
        .and_then(|id| world.book.orders.get(id))
        .cloned();
    let Some(order) = known else {
        let first = dice.pick(&[
            "order web #1 v1 MUG:3",
            "order web #1 v1 unpaid MUG:2 PLATE:1",
        ]);
        world.act(first);
        return first.to_owned();
    };
    let (id, by) = (order.id, "ann".to_owned());
    if dice.roll(3) == 0 {
        let text = dice.pick(&[
            "task open #1",
            "task open #1",
            "task pick #1",
            "task pick #1 1:1",
            "task pick #1 1:1 missing 1:1",
            "task back #1 1:1",
            "task pack #1",
            "task pack #1 1:1",
            "task unpack #1 p1",
            "task label #1 p1",
            "task void #1 p1",
            "task hand #1",
            "task split #1 1:1",
            "task merge #1 t2 t1",
            "task close #1",
        ]);
        world.act(text);
        return text.to_owned();
    }
    let step = match dice.roll(16) {
        0..5 => {
            *version += 1;
            let state = dice.pick(&["", "unpaid", "refunded", "repaid", "word:odd", "canceled"]);
            let mugs = dice.pick(&[
                "MUG:3",
                "MUG:2",
                "MUG:4",
                "MUG:3/shipped1",
                "MUG:3/shipped1/returned1",
            ]);
            let more = dice.pick(&["", "PLATE:1", "SET:1", "MUG-X:1"]);
            let text = format!("order web #1 v{version} {state} {mugs} {more}");
            world.act(&text);
            return text;
        }
        5 => {
            world.act(&format!("order web #{} v1 MUG:2", 100 + *version));
            *version += 1;
            return "another order".to_owned();
        }
        6 => "hold #1 keep",
        7 => "hold #1 drop",
        8 => "release #1",
        9 => dice.pick(&["expire #1", "close #1", "gone web #1", "cancel #1"]),
        10 | 11 => dice.pick(&["ship #1", "ship #1 1:1"]),
        12 => {
            world.act("after 90000");
            "close #1"
        }
        13 => {
            let Some(parcel) = order.shipments.first() else {
                return "nothing".to_owned();
            };
            let step = match dice.roll(3) {
                0 => DeliveryStep::Settle {
                    shipment: parcel.id,
                    note: "seen to".to_owned(),
                },
                1 => DeliveryStep::Resend {
                    shipment: Some(parcel.id),
                    lines: Vec::new(),
                    reason: "lost".to_owned(),
                },
                _ => DeliveryStep::Track {
                    shipment: parcel.id,
                    state: dice.pick(&Tracking::ALL),
                    at: None,
                    place: None,
                },
            };
            let said = format!("{step:?}");
            world.decide(&Signal::Command(Command::Deliver {
                order: id,
                step,
                by,
            }));
            return said;
        }
        _ => {
            let open = order
                .returns
                .iter()
                .find(|one| one.is_open())
                .map(|one| one.id);
            let step = match (open, dice.roll(4)) {
                (None, _) => ReturnStep::Open {
                    lines: Vec::new(),
                    reason: ReturnReason::Other,
                    note: None,
                    tracking_number: None,
                    anyway: true,
                },
                (Some(id), 0) => ReturnStep::Receive {
                    id,
                    lines: vec![(1, Decimal::whole(1))],
                    location: None,
                },
                (Some(id), 1) => ReturnStep::Close {
                    id,
                    reason: "enough".to_owned(),
                },
                (Some(id), _) => ReturnStep::Inspect {
                    id,
                    lines: Vec::new(),
                    verdict: dice.pick(&[Judged::Restock, Judged::Damaged, Judged::Scrap]),
                    note: "seen".to_owned(),
                },
            };
            let said = format!("{step:?}");
            world.decide(&Signal::Command(Command::Return {
                order: id,
                step,
                by,
            }));
            return said;
        }
    };
    world.act(step);
    step.to_owned()
}

#[test]
fn whatever_happened_to_an_order_it_was_as_its_facts_say() {
    let mut phases = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let (mut watched, mut version) = (Watched::new(), 1);
        let mut story = Vec::new();
        for _ in 0..25 {
            story.push(act(&mut watched, &mut dice, &mut version));
            watched.note("#1");
            watched.note("#1");
        }
        watched.check(&format!("seed {seed}: {story:#?}"));
        let all = watched
            .seen
            .iter()
            .map(|(_, order)| order.phase(false).word());
        phases.extend(all);
    }
    assert!(phases.len() >= 9, "much happened: {phases:?}");
}

#[test]
fn money_and_terms_of_an_order_that_was_entered_are_as_they_were() {
    let mut watched = Watched::new();
    let placed = |units, pays, replaces| {
        let line = PlacedLine {
            sku: Some("MUG".to_owned()),
            title: String::new(),
            units: Decimal::whole(units),
            price: Some(eur(500)),
            total: None,
            tax: None,
            requires_shipping: true,
        };
        Signal::Command(Command::Place(Box::new(Placement {
            account: AccountId::new("phone"),
            reference: Some(ExternalId::new("A-1")),
            placed_at: None,
            lines: vec![line],
            shipping: eur(0),
            discount: eur(0),
            tax: eur(0),
            total: None,
            buyer: Buyer::default(),
            ship_to: None,
            bill_to: None,
            note: String::new(),
            ship_by: None,
            pays,
            payments: Vec::new(),
            by: "ann".to_owned(),
            replaces,
            person_print: None,
            gist: None,
        })))
    };
    watched.world.decide(&placed(2, Pays::Before, false));
    watched.note("A-1");
    let order = watched.world.id("A-1");
    for (step, amount) in [(Step::Paid, 400), (Step::Paid, 600), (Step::Refunded, 200)] {
        let payment = NewPayment {
            step,
            method: Method::Cash,
            amount: eur(amount),
            reference: String::new(),
            at: None,
            by: "ann".to_owned(),
        };
        watched
            .world
            .decide(&Signal::Command(Command::Pay { order, payment }));
        watched.note("A-1");
    }
    watched.world.decide(&placed(3, Pays::OnInvoice, true));
    watched.note("A-1");
    watched.check("an order by phone");
    let last = &watched.seen.last().expect("it").1;
    let first = order_at(last, &watched.facts, watched.seen[0].0).expect("it was there");
    assert_eq!(
        (first.order.pays, first.order.payments.len()),
        (Pays::Before, 0)
    );
    assert_eq!((last.pays, last.payments.len()), (Pays::OnInvoice, 3));
}

#[test]
fn what_was_not_recorded_is_said_and_not_guessed() {
    let mut watched = Watched::new();
    watched.world.act("order web #1 v1 MUG:1");
    watched.note("#1");
    let (at, order) = watched.seen[0].clone();
    // Earlier versions opened a closed order again without a fact.
    let (from, to) = ("None".to_owned(), format!("Some({at})"));
    let what = "closed_at".to_owned();
    let closed = Event::OrderChanged { what, from, to };
    watched.facts.push((at, closed));
    let then = order_at(&order, &watched.facts, at).expect("it was there");
    assert_eq!(then.unknown.len(), 1, "{:?}", then.unknown);
    assert!(then.unknown[0].contains("closed_at"), "{:?}", then.unknown);

    let mut longer = order.clone();
    longer.timeline_length = u64::try_from(watched.facts.len()).expect("few") + 2;
    let then = order_at(&longer, &watched.facts, at).expect("it was there");
    assert!(
        then.unknown
            .iter()
            .any(|one| one.starts_with("2 of its facts are missing"))
    );
}
