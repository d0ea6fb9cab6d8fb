//! What staff write beside an order, and what a channel changes of it.

use super::{
    reports::{eur, line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    notes::{NOTES_MAX, NoteRefusal, NoteText},
    person::{PersonEdit, PersonPart},
    signal::Source,
    snapshot::{Address, OrderSnapshot, Version},
};

fn snapshot(revision: i64) -> OrderSnapshot {
    let mut snapshot = order_snapshot("#1");
    snapshot.version = Version {
        revision,
        changed_at: Time::from_seconds(revision),
    };
    snapshot.buyer.name = "Ada Example".to_owned();
    snapshot.ship_to = Some(Address {
        name: "Ada Example".to_owned(),
        street: vec!["Some Street 1".to_owned()],
        postal_code: "12345".to_owned(),
        city: "Town".to_owned(),
        country: "DE".to_owned(),
        ..Address::default()
    });
    snapshot.words = BTreeMap::from([("status".to_owned(), "new".to_owned())]);
    snapshot.lines.push(line_snapshot("MUG:2", false));
    snapshot
}

fn read(world: &mut World, snapshot: OrderSnapshot) {
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    });
}

fn world_with_an_order() -> (World, OrderId) {
    let mut world = World::new();
    world.act("count MUG 10");
    read(&mut world, snapshot(1));
    let order = *world.book.orders.keys().next().expect("the order");
    (world, order)
}

fn note(world: &mut World, order: OrderId, text: &str) -> Result<Verdict, Refusal> {
    world.ask(Command::Note {
        order,
        text: NoteText(text.to_owned()),
        by: "ann".to_owned(),
    })
}

fn changes(world: &World) -> Vec<String> {
    let facts = world.book.facts.iter();
    facts
        .filter_map(|fact| match &fact.event {
            Event::OrderChanged { what, from, to } => Some(format!("{what}: {from} -> {to}")),
            _ => None,
        })
        .collect()
}

#[test]
fn a_note_is_beside_the_order_and_in_no_fact() {
    let (mut world, order) = world_with_an_order();
    assert_eq!(
        note(&mut world, order, "Ada calls on Monday"),
        Ok(Verdict::New)
    );
    assert_eq!(note(&mut world, order, "she did"), Ok(Verdict::New));
    let notes = &world.book.persons[&order].notes;
    let told: Vec<_> = notes.iter().map(|one| (one.number, &*one.text.0)).collect();
    assert_eq!(told, [(1, "Ada calls on Monday"), (2, "she did")]);
    let kept = format!("{:?}{:?}", world.book.facts, world.book.orders);
    assert!(!kept.contains("Ada") && !format!("{notes:?}").contains("Ada"));
    let json = serde_json::to_string(&world.book.facts).expect("text keys");
    assert!(
        json.contains("note_added") && !json.contains("Monday"),
        "{json}"
    );
}

#[test]
fn notes_outlive_the_next_view_and_go_with_the_people() {
    let (mut world, order) = world_with_an_order();
    note(&mut world, order, "ring twice").expect("a note");
    let mut later = snapshot(2);
    later.words.clear();
    read(&mut world, later);
    assert_eq!(world.book.persons[&order].notes.len(), 1);

    world.act("ship #1");
    let by = "bob".to_owned();
    world.decide(&Signal::Command(Command::Erase { order, by }));
    assert!(world.book.persons.is_empty());
    let refused = Err(Refusal::Note(NoteRefusal::Erased));
    assert_eq!(note(&mut world, order, "too late"), refused);
    assert!(world.book.persons.is_empty());
}

#[test]
fn no_order_keeps_more_notes_than_its_row_holds() {
    let (mut world, order) = world_with_an_order();
    for number in 0..NOTES_MAX {
        assert_eq!(note(&mut world, order, "n"), Ok(Verdict::New), "{number}");
    }
    let refused = Err(Refusal::Note(NoteRefusal::TooMany));
    assert_eq!(note(&mut world, order, "n"), refused);
}

#[test]
fn what_a_channel_changes_later_is_told_by_what_from_and_to() {
    let (mut world, _) = world_with_an_order();
    world.book.facts.clear();
    let mut later = snapshot(2);
    later.words = BTreeMap::from([
        ("status".to_owned(), "paid".to_owned()),
        ("tag".to_owned(), "gift".to_owned()),
    ]);
    later.number = "#1-B".to_owned();
    later.shipping = eur(490);
    later.lines[0].total = eur(777);
    let price = format!(
        "line 1 price: {:?} -> 7.77 EUR",
        line_snapshot("MUG:2", false).total
    );
    read(&mut world, later);
    assert_eq!(
        changes(&world),
        [
            "word status: Some(\"new\") -> Some(\"paid\")",
            "word tag: None -> Some(\"gift\")",
            "number: \"#1\" -> \"#1-B\"",
            "shipping: 0.00 EUR -> 4.90 EUR",
            price.as_str(),
        ]
    );
}

#[test]
fn another_address_is_told_beside_the_people_and_in_no_fact() {
    let (mut world, order) = world_with_an_order();
    world.book.facts.clear();
    for number in 2..100 {
        let mut later = snapshot(number);
        let to = later.ship_to.as_mut().expect("an address");
        to.street = vec![format!("Other Street {number}")];
        read(&mut world, later);
    }
    let edits = &world.book.persons[&order].edits;
    assert_eq!(
        edits.len(),
        PersonEdit::KEPT_MAX,
        "the oldest are forgotten"
    );
    let last = edits.last().expect("an edit");
    assert_eq!(last.part, PersonPart::ShipTo);
    assert_eq!(last.from, "Ada Example, Other Street 98, 12345 Town, DE");
    assert_eq!(last.to, "Ada Example, Other Street 99, 12345 Town, DE");
    assert_eq!(changes(&world), [""; 0]);
    assert!(!format!("{:?}{last:?}", world.book.facts).contains("Street"));
}

#[test]
fn what_was_closed_and_is_looked_after_again_says_so() {
    let (mut world, order) = world_with_an_order();
    let now = Time::from_seconds(world.now);
    world.book.orders.get_mut(&order).expect("it").closed_at = Some(now);
    world.book.facts.clear();
    let mut later = snapshot(2);
    later.words.clear();
    read(&mut world, later);
    let told = changes(&world);
    assert!(
        told.iter()
            .any(|one| one.starts_with("closed_at: Some(") && one.ends_with("-> None"))
    );
    assert_eq!(world.book.orders[&order].closed_at, None);
}
