//! The path from a signal to a commit, through the real decider over a store in memory.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

use domain::{
    AccountId, Currency, Decimal, ExternalId, Money, Sku, Time,
    decide::Verdict,
    item::Item,
    signal::{Command, Signal, Source},
    snapshot::{Buyer, LineSnapshot, OrderSnapshot, PaymentState, Standing, Version},
};
use engine::decider::{Decider, Policy};
use rehearse::{
    checkers,
    executor::{Executor, Group, Stopped},
};
use store::Memory;

/// A decider, its store, and a time that stands still.
struct Desk {
    executor: Executor,
    decider: Arc<Decider>,
    memory: Arc<Memory>,
}

impl Desk {
    fn new() -> Desk {
        let executor = Executor::new(1, Time::from_seconds(1_798_000_000));
        let memory = Arc::new(Memory::new());
        let ports = executor.ports(Group(1));
        let decider = Decider::new(memory.clone(), ports, Policy::default());
        Desk {
            executor,
            decider: Arc::new(decider),
            memory,
        }
    }

    fn decide(&mut self, signal: Signal) -> Verdict {
        let (decider, answer) = (Arc::clone(&self.decider), Arc::new(Mutex::new(None)));
        let slot = Arc::clone(&answer);
        self.executor.spawn("decide", Group(1), async move {
            let done = decider.decide(signal).await;
            *slot.lock().expect("nobody panics") = Some(done.expect("it is decided").verdict);
        });
        let stopped = self
            .executor
            .run_until(self.executor.now(), &mut || ControlFlow::Continue(()));
        assert_eq!(stopped, Stopped::Reached);
        let verdict = answer.lock().expect("nobody panics").take();
        verdict.expect("nothing makes it wait")
    }
}

fn order(id: &str, sku: &str, units: i64) -> OrderSnapshot {
    let euro = Currency::new("EUR").expect("a currency");
    let zero = Money::zero(euro);
    let at = Time::from_seconds(1_797_999_000);
    OrderSnapshot {
        external_id: ExternalId::new(id),
        number: id.to_owned(),
        version: Version {
            revision: 0,
            changed_at: at,
        },
        placed_at: at,
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: BTreeMap::new(),
        currency: euro,
        total: zero,
        tax: zero,
        shipping: zero,
        discount: zero,
        refunded: zero,
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        lines: vec![LineSnapshot {
            external_id: ExternalId::new("1"),
            sku: Some(sku.to_owned()),
            listing: None,
            title: sku.to_lowercase(),
            ordered: Decimal::whole(units),
            canceled: Decimal::whole(0),
            shipped: Decimal::whole(0),
            returned: Decimal::whole(0),
            subtracted: Decimal::whole(units),
            unit_price: None,
            total: zero,
            tax: zero,
            requires_shipping: true,
        }],
        note: String::new(),
        ship_by: None,
    }
}

#[test]
fn open_units_are_summed_before_the_listings_of_an_account_are_known() {
    let mut desk = Desk::new();
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Item::good(sku, "Mug");
    desk.decide(Signal::Command(Command::SetItem(item)));
    for id in ["1", "2", "3"] {
        let verdict = desk.decide(Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(order(id, "MUG", 2)),
            source: Source::Read,
        });
        assert_eq!(verdict, Verdict::New);
        assert_eq!(
            checkers::check_all(&desk.memory, &|_| None),
            Vec::<String>::new()
        );
    }
}
