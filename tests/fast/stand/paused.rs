//! Work with an account is paused: nothing is written or read that is, nothing is lost, and what must fall
//! goes first when it goes on.

use std::sync::Arc;

use domain::Decimal;
use engine::{decider::Alongside, pausing::Flow};

use super::{Authority, Change, Command, LocationId, Signal, Stand, Street, sku};

/// More than the lane of levels looks at in one go.
const MANY: usize = 620;

impl Street {
    fn pause(&mut self, flow: Flow, is_paused: bool) {
        self.have(move |engine| async move {
            let account = Arc::clone(engine.accounts.values().next().expect("one"));
            let (flows, rows) = ([flow], Alongside::default());
            let set = engine.set_paused(&account, (&flows, is_paused), "ann", rows);
            set.await.expect("set");
        });
    }

    fn count_one(&mut self, number: usize, units: i64) {
        self.have(move |engine| async move {
            let adjust = Command::Adjust {
                sku: sku(&format!("G-{number:03}")),
                location: LocationId::default(),
                condition: domain::stock::Condition::Sellable,
                change: Change::To(Decimal::whole(units)),
                reason: "counted".to_owned(),
                by: "ann".to_owned(),
            };
            engine.decide(Signal::Command(adjust)).await.expect("done");
        });
    }
}

#[test]
fn what_must_fall_is_written_first_when_stock_goes_on() {
    let stand = Stand::new(MANY);
    let mut street = Street::new(stand, Authority::Ledger);
    stand.shelf().written.clear();
    street.pause(Flow::Stock, true);
    street.count(9, MANY - 2);
    street.count_one(MANY - 1, 2);
    street.count_one(MANY - 2, 1);
    street.pass(120);
    assert!(
        stand.shelf().written.is_empty(),
        "nothing is written while it is paused"
    );

    street.kill();
    street.start();
    street.pass(120);
    assert!(stand.shelf().written.is_empty(), "it outlives us");

    street.pause(Flow::Stock, false);
    street.pass(300);
    let shelf = stand.shelf();
    let mut first: Vec<&str> = shelf
        .written
        .iter()
        .take(2)
        .map(|(name, _)| name.as_str())
        .collect();
    first.sort_unstable();
    assert_eq!(
        first,
        ["G-618", "G-619"],
        "far behind six hundred that rise"
    );
    assert_eq!(
        shelf.written.len(),
        MANY,
        "each listing once, with its newest level"
    );
    assert_eq!((shelf.levels["G-000"], shelf.levels["G-619"]), (9, 2));
}

#[test]
fn orders_that_are_paused_are_not_read_and_no_level_is_judged_without_them() {
    let stand = Stand::new(3);
    let mut street = Street::new(stand, Authority::Ledger);
    street.pause(Flow::Orders, true);
    let before = stand.shelf().polls;
    // Somebody bought two, and nobody may look at the order.
    stand.shelf().levels.insert("G-001".to_owned(), 3);
    street.pass(700);
    assert_eq!(stand.shelf().polls, before);
    assert!(street.cases().is_empty(), "it may have been a sale");
    street.count_one(0, 7);
    assert_eq!(
        stand.shelf().levels["G-000"],
        7,
        "levels are written nevertheless"
    );
    street.kill();
    street.start();
    street.pass(400);
    assert_eq!(stand.shelf().polls, before, "it outlives us");

    street.pause(Flow::Orders, false);
    assert!(stand.shelf().polls > before, "it is read at once");
    street.pass(400);
    assert_eq!(street.cases().len(), 1, "no order explains it");
    assert_eq!(stand.shelf().levels["G-001"], 5);
}

#[test]
fn orders_are_read_back_once_from_the_time_that_is_named() {
    let stand = Stand::new(1);
    let mut street = Street::new(stand, Authority::Ledger);
    let since = street
        .executor
        .now()
        .minus(std::time::Duration::from_secs(864_000));
    let (usual, asked) = (stand.shelf().since, since);
    assert!(usual.is_some_and(|usual| usual > asked));
    street.have(move |engine| async move {
        let account = Arc::clone(engine.accounts.values().next().expect("one"));
        let rows = Alongside::default();
        let asked = engine.backfill(&account, since, rows).await;
        asked.expect("it is asked for");
        assert!(!account.backfill().expect("asked for").is_done);
    });
    let earliest = stand.shelf().earliest;
    assert!(
        earliest.is_some_and(|earliest| earliest <= since),
        "{earliest:?}"
    );
    street.have(|engine| async move {
        let account = engine.accounts.values().next().expect("one");
        assert!(account.backfill().expect("asked for").is_done);
    });
    street.pass(120);
    let usual = stand.shelf().since;
    assert!(usual.is_some_and(|usual| usual > since), "only once");
}
