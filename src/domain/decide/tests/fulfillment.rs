//! Tables of fulfillment: what is picked, packed and handed over, and what stops it.

use proptest::prelude::*;

use super::{
    locations::four,
    world::{World, check, check_in, number},
};
use crate::{
    Decimal, Quantity,
    allocation::When,
    fulfillment::{FulfillmentStep, Missing, NewLabel, Task},
    ids::TaskId,
    order::{Counters, Order},
    signal::{Command, Signal},
    stock::LocationId,
};

fn by_itself() -> World {
    let mut world = four();
    world.allocation.when = When::Ready;
    world
}

fn units_of(words: &[&str]) -> Vec<(u32, Decimal)> {
    let pairs = words.iter().filter_map(|word| word.split_once(':'));
    let pairs = pairs.filter_map(|(line, units)| Some((line.parse().ok()?, units)));
    pairs
        .map(|(line, units)| (line, Decimal::whole(number(units))))
        .collect()
}

impl World {
    /// The tasks of an order are numbered from 1; a step means the last of them, or `t2`.
    /// - `task open #1 [@berlin] [1:2 …]`, `task pick #1 [t2] [1:2 …] [missing 1:1 [PLATE]] [empty]`
    /// - `task back #1 [1:2]`, `task pack #1 [1:2 …] [500g]`, `task unpack #1 p1`, `task label #1 p1`,
    ///   `task void #1 p1`, `task hand #1 [p1 …] [number] [to buyer]`
    /// - `task split #1 1:2`, `task merge #1 t1 t2`, `task close #1`
    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    pub(super) fn task_signal(&self, what: &str, name: &str, words: &[&str]) -> Signal {
        let order = &self.book.orders[&self.id(name)];
        let nth = |number: usize| order.tasks.get(number - 1).map(|task| task.id);
        let named = words.iter().filter_map(|word| word.strip_prefix('t'));
        let named: Vec<usize> = named.filter_map(|number| number.parse().ok()).collect();
        let unknown = || TaskId::next(&mut crate::IdSource::new(crate::Time::EPOCH, [9; 16]));
        let last = order.tasks.last().map_or_else(unknown, |task| task.id);
        let task = named.first().map_or(Some(last), |number| nth(*number));
        let task = task.unwrap_or(last);
        let parcels = words.iter().filter_map(|word| word.strip_prefix('p'));
        let parcels: Vec<u32> = parcels.filter_map(|number| number.parse().ok()).collect();
        let parcel = parcels.first().copied().unwrap_or(1);
        let (said, lacking) = match words.iter().position(|word| *word == "missing") {
            Some(at) => words.split_at(at),
            None => (words, [].as_slice()),
        };
        let lines = units_of(said);
        let step = match what {
            "open" => FulfillmentStep::Open {
                location: words
                    .iter()
                    .find_map(|word| word.strip_prefix('@'))
                    .map(LocationId::new),
                lines,
            },
            "pick" => {
                let sku = lacking
                    .last()
                    .filter(|word| super::world::SKUS.contains(word));
                let missing = units_of(lacking).into_iter().map(|(line, units)| Missing {
                    line,
                    units,
                    sku: sku.map(|name| super::world::sku(name)),
                });
                FulfillmentStep::Pick {
                    task,
                    lines,
                    missing: missing.collect(),
                    is_empty: words.contains(&"empty"),
                }
            }
            "back" => FulfillmentStep::PutBack { task, lines },
            "pack" => FulfillmentStep::Pack {
                task,
                lines,
                weight_g: words
                    .iter()
                    .find_map(|word| word.strip_suffix('g')?.parse().ok()),
            },
            "unpack" => FulfillmentStep::Unpack { task, parcel },
            "label" => FulfillmentStep::Label {
                task,
                parcel,
                label: NewLabel {
                    carrier: "DHL".to_owned(),
                    tracking_number: format!("00340{parcel}"),
                    tracking_url: None,
                    reference: None,
                    cost: None,
                },
            },
            "void" => FulfillmentStep::VoidLabel {
                task,
                parcel,
                by_hand: false,
            },
            "hand" => FulfillmentStep::HandOver {
                task,
                parcels,
                carrier: None,
                tracking_number: words.contains(&"number").then(|| "1Z".to_owned()),
                tracking_url: None,
                is_to_buyer: words.contains(&"buyer"),
            },
            "split" => FulfillmentStep::Split { task, lines },
            "merge" => FulfillmentStep::Merge {
                task,
                into: named.get(1).and_then(|number| nth(*number)).unwrap_or(last),
            },
            "close" => FulfillmentStep::Close {
                task,
                reason: "not today".to_owned(),
            },
            _ => panic!("task {what} means nothing"),
        };
        Signal::Command(Command::Fulfill {
            order: order.id,
            step,
            by: "ann".to_owned(),
        })
    }

    /// Each task as `berlin:picking:1=5/3/0/0`: units, picked, packed, left of each line.
    pub(super) fn tasks(&self, name: &str) -> Vec<String> {
        let tasks = self.book.orders[&self.id(name)].tasks.iter();
        let told = tasks.map(|task| {
            let parts = task.lines.iter().map(|part| {
                let numbers = [part.units, part.picked, part.packed, part.left];
                let numbers = numbers.map(|units| units.to_string()).join("/");
                format!(":{}={numbers}", part.line)
            });
            let parts: String = parts.collect();
            format!("{}:{}{parts}", task.location, task.state().word())
        });
        told.collect()
    }

    /// Tasks hold no more than their orders need and are promised, parcels hold what is packed, and the counters of
    /// lines are the sums of their tasks.
    pub(super) fn check_tasks(&self) {
        for order in self.book.orders.values() {
            order.tasks.iter().for_each(check_task);
            for line in &order.lines {
                let in_tasks = order.in_tasks(line.number);
                let claimed = self.book.claimed_units(order, line.number);
                assert!(
                    in_tasks <= claimed.min(line.counters.to_ship()),
                    "{order:?}"
                );
                check_counters(order, line.number, &line.counters);
            }
        }
    }
}

fn check_task(task: &Task) {
    assert!(task.lines.iter().all(|part| part.is_lawful()), "{task:?}");
    assert!(!task.is_open() || !task.is_done(), "{task:?} is over");
    for part in &task.lines {
        let held = task.parcels_here().flat_map(|parcel| &parcel.lines);
        let held: Quantity = held
            .filter(|(line, _)| *line == part.line)
            .map(|(_, units)| *units)
            .sum();
        assert_eq!(held, part.packed.minus(part.left), "{task:?}");
    }
}

fn check_counters(order: &Order, number: u32, counters: &Counters) {
    let parts = || order.tasks.iter().filter_map(|task| task.line(number));
    let picked: Quantity = parts().map(|part| part.picked).sum();
    let packed: Quantity = parts().map(|part| part.packed).sum();
    assert_eq!(counters.picked_net(), picked, "picked of {order:?}");
    assert_eq!(counters.packed_net(), packed, "packed of {order:?}");
}

#[test]
fn an_order_is_picked_packed_labeled_and_handed_over() {
    let world = check_in(
        World::new(),
        "count MUG 10
         order web #1 MUG:3 WRAP:1   => #1 ready
         task open #1                => new, #1 fulfilling, #1 tasks main:open:1=3/0/0/0:2=1/0/0/0, MUG 10-3
         task open #1                => refused: nothing of it waits to be picked
         task pick #1 1:2            => new, #1 tasks main:picking:1=3/2/0/0:2=1/0/0/0
         task pick #1                => #1 tasks main:picked:1=3/3/0/0:2=1/1/0/0
         task pick #1                => refused: nothing of it is to be picked
         task pack #1 1:2 500g       => new
         task pack #1 1:2            => refused: line 1 has 1 picked and to be packed
         task pack #1                => #1 tasks main:packed:1=3/3/3/0:2=1/1/1/0
         task label #1 p1            => new
         task label #1 p1            => refused: has a label
         task unpack #1 p1           => refused: void it
         task label #1 p2            => #1 tasks main:labeled:1=3/3/3/0:2=1/1/1/0
         task hand #1 p1             => new, #1 part_shipped, MUG 8-1
         task hand #1 p1             => refused: was handed over
         task hand #1                => new, #1 shipped, MUG 7-0, #1 tasks main:closed:1=3/3/3/3:2=1/1/1/1
         task pick #1                => refused: that task is closed",
    );
    let order = &world.book.orders[&world.id("#1")];
    let numbers = order
        .shipments
        .iter()
        .map(|one| one.tracking_number.clone());
    let numbers: Vec<String> = numbers.flatten().collect();
    assert_eq!(numbers, ["003401", "003402"], "as on the labels");
    world.expect("intents 2");
}

#[test]
fn a_small_shop_hands_over_in_one_step() {
    check(
        "count MUG 4
         order web #1 MUG:2      => #1 ready
         task open #1            => #1 fulfilling
         task hand #1 number     => new, #1 shipped, MUG 2-0, #1 tasks main:closed:1=2/2/2/2
         order web #2 MUG:2      => #2 ready
         task open #2
         task hand #2 to buyer   => new, #2 delivered, MUG 0-0",
    );
}

#[test]
fn each_location_has_a_task_of_its_own() {
    check_in(
        by_itself(),
        "count MUG 2 @berlin
         count MUG 3 @paris
         order web #1 MUG:5         => #1 leaves berlin:2 paris:3
         task open #1 @berlin       => #1 tasks berlin:open:1=2/0/0/0
         task open #1 @shop         => refused: nothing of it waits to be picked at shop
         task open #1 @fba          => refused: does not serve
         allocate #1 @paris         => refused: being picked at berlin
         unallocate #1              => refused: close that task first
         task open #1               => new, #1 tasks berlin:open:1=2/0/0/0 paris:open:1=3/0/0/0
         task hand #1 t1            => #1 part_shipped, MUG@berlin 0-0
         task hand #1 t2            => #1 shipped, MUG@paris 0-0",
    );
}

#[test]
fn what_is_not_found_leaves_from_elsewhere() {
    check_in(
        by_itself(),
        "count MUG 5 @berlin
         count MUG 5 @paris
         order web #1 to:DE MUG:4          => #1 leaves berlin:4
         task open #1
         task pick #1 missing 1:5          => refused: line 1 has 4 to be picked
         task pick #1 1:2 missing 1:3      => refused: line 1 has 4 to be picked
         task pick #1 missing 1:1          => new, #1 leaves berlin:3 paris:1, MUG@berlin 4-3
         task pick #1                      => refused: nothing of it is to be picked
         task open #1                      => #1 tasks berlin:picked:1=3/3/0/0 paris:open:1=1/0/0/0
         task pick #1 missing 1:1 empty    => new, #1 fulfilling, #1 leaves berlin:4, MUG@paris 0-0",
    );
}

#[test]
fn an_empty_shelf_keeps_what_others_hold_in_their_hands() {
    check(
        "count MUG 10
         order web #1 MUG:2
         order web #2 MUG:3
         task open #1
         task pick #1
         task open #2
         task pick #2 1:1 missing 1:2 empty => new, #2 fulfilling, MUG 3-3, #2 incident gave_way
         task hand #1                       => #1 shipped, MUG 1-1
         task hand #2                       => #2 part_shipped, MUG 0-0",
    );
}

#[test]
fn what_is_canceled_is_put_back_and_does_not_leave() {
    check(
        "count MUG 10
         order web #1 v1 MUG:4
         task open #1
         task pick #1 1:3
         task pack #1 1:2
         order web #1 v2 MUG:4 canceled => #1 after_sales, MUG 10-0, #1 tasks main:stopped:1=0/3/2/0
         task hand #1                   => refused: it was canceled
         task pack #1                   => refused: it was canceled
         task back #1                   => new, #1 tasks main:stopped:1=0/2/2/0
         task back #1                   => refused: unpack parcels first
         task unpack #1 p1              => new
         task back #1                   => new, #1 tasks main:closed:1=0/0/0/0",
    );
}

#[test]
fn a_label_is_voided_before_we_cancel() {
    check(
        "count MUG 10
         order web #2 MUG:1
         task open #2
         task pick #2
         task pack #2
         task label #2 p1
         cancel #2           => refused: void it at the carrier
         task close #2       => refused: void it at the carrier
         task void #2 p1     => new
         task void #2 p1     => refused: has no label
         cancel #2           => new, intents 1
         task close #2       => new, #2 ready, #2 tasks main:closed:1=0/0/0/0
         task open #2        => new, #2 fulfilling",
    );
}

#[test]
fn fewer_units_are_cut_where_nobody_has_fetched_them() {
    check(
        "count MUG 10
         order web #1 v1 MUG:5
         task open #1
         task pick #1 1:3
         order web #1 v2 MUG:4          => #1 tasks main:picking:1=4/3/0/0
         order web #1 v3 MUG:2          => #1 tasks main:stopped:1=2/3/0/0
         task pack #1                   => new, #1 tasks main:stopped:1=2/3/2/0
         order web #1 v4 MUG:1          => #1 tasks main:stopped:1=1/3/2/0
         task hand #1                   => refused: must not leave any more
         task back #1                   => #1 tasks main:stopped:1=1/2/2/0
         task unpack #1 p1
         task back #1                   => #1 tasks main:picked:1=1/1/0/0
         task hand #1                   => new, #1 shipped, MUG 9-0",
    );
}

#[test]
fn a_hold_is_a_stop_sign() {
    check(
        "count MUG 10
         order web #1 MUG:2
         hold #1 keep
         task open #1     => refused: lift the hold first
         release #1
         task open #1
         hold #1 keep     => #1 held, #1 tasks main:open:1=2/0/0/0
         task pick #1     => refused: lift the hold first
         release #1       => #1 fulfilling
         task pick #1     => new
         hold #1 drop     => #1 held, #1 tasks main:stopped:1=0/2/0/0, MUG 10-0
         task hand #1     => refused: lift the hold first
         task back #1     => #1 tasks main:closed:1=0/0/0/0
         release #1       => #1 ready",
    );
}

#[test]
fn what_left_without_its_task_is_what_was_farthest() {
    check(
        "count MUG 10
         order web #1 MUG:5
         task open #1
         task pick #1 1:4
         task pack #1 1:2
         ship #1 1:1                    => new, #1 tasks main:picking:1=5/4/3/1
         ship #1 1:2                    => #1 tasks main:picking:1=5/4/3/3
         ship #1                        => #1 shipped, #1 tasks main:closed:1=5/5/5/5, MUG 5-0
         order web #2 v1 MUG:2
         task open #2
         task pick #2
         task pack #2
         order web #2 v2 MUG:2/shipped2 => #2 shipped, #2 tasks main:closed:1=2/2/2/2, MUG 3-0",
    );
}

#[test]
fn a_till_takes_last_what_somebody_holds_in_their_hands() {
    check(
        "count MUG 4
         order web #1 MUG:2
         order web #2 MUG:2
         task open #2
         task pick #2
         order till #3 MUG:1   => #1 short, #2 fulfilling, #2 tasks main:picked:1=2/2/0/0
         order till #4 MUG:2   => #1 short, #2 fulfilling, #2 tasks main:stopped:1=1/2/0/0
         task hand #2          => #2 part_shipped, MUG 0-0",
    );
}

#[test]
fn tasks_are_split_and_merged() {
    check(
        "count MUG 10
         order web #1 MUG:5 PLATE:1
         count PLATE 1
         task open #1
         task pick #1 1:1
         task split #1 1:9       => refused: line 1 has 4 that nobody has picked
         task split #1           => refused: nothing is named
         task split #1 3:1       => refused: no line 3
         task split #1 1:3       => new, #1 tasks main:picking:1=2/1/0/0:2=1/0/0/0 main:open:1=3/0/0/0
         task merge #1 t2 t2     => refused: this is one task
         task pick #1 t2
         task pack #1 t2         => new
         task merge #1 t2 t1     => new, #1 tasks main:picking:1=5/4/3/0:2=1/0/0/0 main:closed:1=0/0/0/0
         task pick #1 t2         => refused: that task is closed
         task hand #1 t1         => new, #1 part_shipped, MUG 7-2, #1 tasks main:picking:1=5/4/3/3:2=1/0/0/0 main:closed:1=0/0/0/0
         task close #1 t1        => new, #1 part_shipped",
    );
}

#[test]
fn of_a_kit_it_is_said_which_item_was_not_there() {
    check(
        "count MUG 10
         count PLATE 5
         order web #1 SET:2
         task open #1                       => #1 tasks main:open:1=2/0/0/0
         task pick #1 missing 1:1           => refused: say which of its items
         task pick #1 missing 1:1 WRAP      => refused: has no WRAP
         task pick #1 missing 1:1 PLATE     => new, PLATE 4-2, MUG 10-4
         task hand #1                       => #1 part_shipped, PLATE 3-1, MUG 8-2",
    );
}

#[test]
fn what_cannot_be_done_says_why() {
    check(
        "count MUG 10
         order web #1 unpaid MUG:2
         task open #1          => refused: it is not paid yet
         order web #2 MUG:2
         task pick #2          => refused: has no task
         task open #2 1:3      => refused: line 1 has 2 to leave that no task has
         task open #2 1:1
         task pack #2          => refused: pick it first
         task pick #2 1:2      => refused: line 1 has 1 to be picked
         task back #2          => refused: nothing that lies loose
         task pick #2
         task back #2 1:1      => #2 tasks main:open:1=1/0/0/0
         task pick #2
         task pack #2 0g       => refused: give its weight in grams
         task pack #2
         task label #2 p7      => refused: no parcel 7
         task open #2          => #2 tasks main:packed:1=1/1/1/0 main:open:1=1/0/0/0
         task pick #2
         task pack #2 t2       => new
         task merge #2 t1 t2
         task hand #2 number   => refused: 2 parcels cannot have one tracking number
         task hand #2 p2 number => new, #2 part_shipped",
    );
}

fn any_step() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["#1", "#2", "#3"]);
    let what = prop::sample::select(vec![
        "open",
        "open",
        "pick",
        "pick",
        "pick 1:1",
        "pick missing 1:1",
        "pick 1:1 missing 1:1 empty",
        "back",
        "back 1:1",
        "pack",
        "pack 1:1",
        "unpack p1",
        "unpack p2",
        "label p1",
        "void p1",
        "hand",
        "hand p1",
        "hand t1",
        "split 1:1",
        "merge t1 t2",
        "merge t2 t1",
        "close t1",
        "close",
        "pick t1",
        "pack t1 1:1",
        "open @berlin",
        "open @paris 1:1",
    ]);
    let work = (name.clone(), what).prop_map(|(name, what)| match what.split_once(' ') {
        Some((what, rest)) => format!("task {what} {name} {rest}"),
        None => format!("task {what} {name}"),
    });
    let units = 0..6_i64;
    let item = prop::sample::select(vec!["MUG", "MUG", "SET", "PLATE"]);
    let at = prop::sample::select(vec!["@berlin", "@paris", "@shop"]);
    let order = (name.clone(), 1..9_i64, item, 1..5_i64, 0..9_u8).prop_map(
        |(name, version, item, units, kind)| match kind {
            0 => format!("order web {name} v{version} {item}:{units} canceled"),
            1 => format!("order web {name} v{version} {item}:{units}/shipped1"),
            2 => format!("order till #9{version} {item}:1"),
            _ => format!("order web {name} v{version} {item}:{units}"),
        },
    );
    let count = (prop::sample::select(vec!["MUG", "PLATE"]), units, at)
        .prop_map(|(item, units, at)| format!("count {item} {units} {at}"));
    let other = prop::sample::select(vec![
        "hold {} keep",
        "hold {} drop",
        "release {}",
        "ship {}",
        "ship {} 1:1",
        "cancel {}",
        "unallocate {}",
        "expire {}",
    ]);
    let other = (name, other).prop_map(|(name, other)| other.replace("{}", name));
    prop_oneof![6 => work, 3 => order, 1 => count, 2 => other]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order, tasks hold no more than their orders need and are promised, and
    /// nothing leaves that is not there. `World::decide` checks it.
    #[test]
    fn no_sequence_lets_leave_what_is_not_wanted(acts in prop::collection::vec(any_step(), 1..60)) {
        let mut world = by_itself();
        for act in ["count MUG 6 @berlin", "count PLATE 3 @berlin", "count MUG 4 @paris", "order web #1 MUG:3", "order web #2 SET:2", "order web #3 MUG:2"] {
            world.act(act);
        }
        for act in &acts {
            world.act(act);
        }
    }
}
