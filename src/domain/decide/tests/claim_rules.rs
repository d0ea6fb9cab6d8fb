//! Tables of what a claim does when its order changes: paid late, edited, canceled in part, held; and what
//! is refused.

use super::{super::*, world::*};
use crate::{
    Quantity,
    item::{Item, ItemKind, ItemRefusal},
    signal::Command,
};

#[test]
fn an_order_that_is_paid_late_claims_again_what_is_there() {
    check(
        "count MUG 5
         order web #1 unpaid MUG:2     => #1 awaiting_payment, MUG 5-2
         order market #2 unpaid MUG:2  => MUG 5-4
         expire #1                     => #1 awaiting_payment, #1 lacks 0, MUG 5-2, web.MUG 3
         order web #1 v2 MUG:2         => #1 ready, MUG 5-4, web.MUG 1
         expire #1                     => nothing, MUG 5-4
         expire #2                     => MUG 5-2, market.MUG 3
         order web #3 MUG:3            => #3 ready
         order market #2 v2 MUG:2      => #2 short, #2 lacks 2, #2 incident came_back, MUG 5-5
         order web #3 v2 MUG:1         => #2 ready, #2 over covered",
    );
    // An edit while it has expired claims nothing; one that is canceled owes nothing either.
    check(
        "count MUG 5
         order web #1 unpaid MUG:2
         expire #1
         order web #1 v2 unpaid MUG:4  => #1 awaiting_payment, MUG 5-0
         order web #1 v3 MUG:4         => #1 ready, MUG 5-4
         order market #2 unpaid MUG:1
         expire #2
         order market #2 v2 canceled refunded MUG:1 => #2 canceled, MUG 5-4
         expire #2                     => nothing",
    );
}

#[test]
fn an_edit_claims_and_gives_back_line_by_line() {
    check(
        "count MUG 4
         count PLATE 1
         order web #1 MUG:1                 => #1 ready, MUG 4-1
         order web #1 v2 MUG:1 PLATE:2      => #1 short, #1 lacks 1, MUG 4-1, PLATE 1-1
         order market #2 MUG:3              => #2 ready, MUG 4-4
         order web #1 v3 MUG:2 PLATE:2      => #1 lacks 2, MUG 4-4
         order web #1 v4 MUG:2              => #1 lacks 1, PLATE 1-0, web.PLATE 1
         order market #2 v2 MUG:1           => #1 ready, MUG 4-3, web.MUG 1
         order web #1 v5 SET:1 MUG:2        => #1 short, #1 lacks 1, MUG 4-3, PLATE 1-0
         order web #1 v6 SET:1 MUG:1        => #1 ready, MUG 4-4, PLATE 1-1",
    );
}

#[test]
fn a_part_that_is_canceled_frees_only_that_part() {
    check(
        "count MUG 6
         count PLATE 3
         order web #1 SET:2 MUG:2             => #1 ready, MUG 6-6, PLATE 3-2
         order web #1 v2 SET:2/canceled1 MUG:2 => #1 ready, MUG 6-4, PLATE 3-1, web.SET 1
         order market #2 MUG:3                => #2 short, #2 lacks 1
         order web #1 v3 SET:2/canceled1 MUG:2/canceled2 => #2 ready, MUG 6-5
         order web #1 v4 SET:2/canceled2 MUG:2/canceled2 => MUG 6-3, PLATE 3-0
         order web #1 v5 SET:2/canceled2 MUG:2/canceled1 => #1 ready, MUG 6-4",
    );
}

#[test]
fn a_hold_that_drops_its_claim_may_find_it_gone() {
    check(
        "count MUG 2
         order web #1 MUG:2         => MUG 2-2
         hold #1 keep               => #1 held
         order market #2 MUG:1      => #2 short, MUG 2-2
         release #1                 => #1 ready, #2 short
         hold #1 drop               => #1 held, #2 ready, MUG 2-1
         release #1                 => #1 short, #1 lacks 1, #1 incident came_back, MUG 2-2
         order market #2 v2 canceled refunded MUG:1 => #1 ready, #1 over covered",
    );
}

#[test]
fn a_till_takes_a_promised_unit_of_a_kit_as_well() {
    check(
        "count MUG 2
         count PLATE 1
         order web #1 SET:1         => #1 ready, MUG 2-2, PLATE 1-1
         order till #2 MUG:1        => #2 delivered, #1 short, MUG 1-0, PLATE 1-0, web.PLATE 1, web.MUG 1
         adjust MUG 1               => #1 ready, MUG 2-2, PLATE 1-1",
    );
}

#[test]
fn a_kit_in_a_kit_is_refused_with_what_to_do() {
    let world = World::new();
    let kit = |name: &str, component: &str| Item {
        sku: sku(name),
        kind: ItemKind::Kit([(sku(component), Quantity::of(1))].into()),
        scale: 0,
        title: name.to_owned(),
        category: None,
        barcode: None,
        prices: Vec::new(),
    };
    for component in ["SET", "HAMPER"] {
        let refused = kit("HAMPER", component).check(&world.book.items);
        let nested = ItemRefusal::Nested {
            kit: sku("HAMPER"),
            component: sku(component),
        };
        assert_eq!(refused, Err(nested.clone()));
        let text = Refusal::from(nested).to_string();
        assert!(
            text.contains(&format!("list the components of {component} instead")),
            "{text}"
        );
    }
    assert_eq!(kit("HAMPER", "MUG").check(&world.book.items), Ok(()));
    // A good that a kit holds does not become a kit.
    let signal = Signal::Command(Command::SetItem(kit("MUG", "PLATE")));
    let mut world = world;
    let before = world.book.items.clone();
    world.decide(&signal);
    assert_eq!(world.book.items, before, "MUG stays what it is");
}
