//! One order, told in every order in which its news can arrive: by hook, twice, by poll, late, around
//! a change of it, and around the death of the process. It is always one order with one claim.
//!
//! The list of interleavings is complete for a small world. Beside the engine runs a model of a few
//! lines that says after each event what must be known; a failure names the interleaving.

use std::{
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sandbox::Act;
use store::memory::Fate;

use crate::small_world::{SmallWorld, Story, View};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The hooks of the first view come.
    First,
    /// The order changes in the shop.
    Change,
    /// The hooks of the second view come.
    Second,
    /// A poll asks, and the shop answers.
    Ask,
    /// The answer arrives.
    Answer,
    /// A poll asks, and is answered at once.
    Poll,
    /// The process ends when nothing is under way, and another begins.
    Stop,
    /// The process dies before anything follows from the last event, and another begins.
    Crash,
}

use Event::{Answer, Ask, Change, Crash, First, Poll, Second, Stop};

const fn view(phase: &'static str, promised: i64, on_hand: i64, wanted: i64) -> View {
    View {
        phase,
        promised,
        on_hand,
        wanted,
    }
}

/// A WooCommerce shop: its hooks carry the whole order.
const WOO: Story = Story {
    name: "WooCommerce, paid later",
    channel: "woocommerce",
    is_paid: false,
    then: Act::Pay,
    is_same_version: false,
    is_seen_in_level: false,
    is_told_whole: true,
    is_listed_whole: true,
    lists_orders: "/wc/v3/orders?",
    is_of_orders: "order.",
    views: [view("awaiting_payment", 2, 5, 3), view("ready", 2, 5, 3)],
};

/// A Square seller: its hooks name the order. What is not paid is not off its level.
const SQUARE: Story = Story {
    name: "Square, paid later",
    channel: "square",
    is_seen_in_level: true,
    is_told_whole: false,
    lists_orders: "/v2/orders/search",
    is_of_orders: "\"type\":\"order.",
    views: [view("awaiting_payment", 2, 5, 3), view("ready", 2, 5, 3)],
    ..WOO
};

static STORIES: [Story; 9] = [
    WOO,
    Story {
        name: "WooCommerce, canceled",
        is_paid: true,
        then: Act::Cancel,
        views: [view("ready", 2, 5, 3), view("after_sales", 0, 5, 5)],
        ..WOO
    },
    Story {
        name: "WooCommerce, shipped past us",
        is_paid: true,
        then: Act::Ship,
        views: [view("ready", 2, 5, 3), view("shipped", 0, 3, 3)],
        ..WOO
    },
    Story {
        name: "WooCommerce, canceled within the second",
        is_paid: true,
        then: Act::Cancel,
        is_same_version: true,
        views: [view("ready", 2, 5, 3), view("after_sales", 0, 5, 5)],
        ..WOO
    },
    SQUARE,
    Story {
        name: "Square, canceled",
        is_seen_in_level: false,
        then: Act::Cancel,
        views: [view("awaiting_payment", 2, 5, 3), view("canceled", 0, 5, 5)],
        ..SQUARE
    },
    Story {
        name: "Shopify, canceled",
        channel: "shopify",
        is_paid: true,
        then: Act::Cancel,
        is_told_whole: false,
        is_listed_whole: false,
        lists_orders: "orders(first",
        is_of_orders: "orders/",
        views: [view("ready", 2, 5, 3), view("canceled", 0, 5, 5)],
        ..WOO
    },
    Story {
        name: "Shopify, shipped past us",
        channel: "shopify",
        is_paid: true,
        then: Act::Ship,
        is_told_whole: false,
        is_listed_whole: false,
        lists_orders: "orders(first",
        is_of_orders: "orders/",
        views: [view("ready", 2, 5, 3), view("shipped", 0, 3, 3)],
        ..WOO
    },
    Story {
        name: "eBay, shipped past us",
        channel: "ebay",
        is_paid: true,
        then: Act::Ship,
        is_told_whole: false,
        lists_orders: "/sell/fulfillment/v1/order?filter",
        is_of_orders: "\"topic\":",
        views: [view("ready", 2, 5, 3), view("shipped", 0, 3, 3)],
        ..WOO
    },
];

/// What must be known, by the rules: the newest view that was told wins, and a hint is followed as
/// soon as no poll is under way. Where the version does not tell which is newer, the order is read.
#[derive(Default)]
struct Model {
    /// The view that the shop has: the first or the second.
    current: usize,
    known: Option<usize>,
    /// What the poll that waits for its answer will be told.
    held: Option<usize>,
    /// Whether that poll is the first of its process, which reads all open orders one by one as well.
    is_thorough: bool,
    /// Whether a hint waits for that poll.
    is_hinted: bool,
    /// The hooks that are acknowledged while nothing is decided.
    waiting: Option<usize>,
}

impl Model {
    fn learn(&mut self, story: &Story, view: usize) {
        match self.known {
            // Which is newer cannot be told: it is asked for by its id.
            Some(known) if story.is_same_version => self.is_hinted |= known != view,
            Some(_) | None => self.known = self.known.max(Some(view)),
        }
    }

    fn read(&mut self) {
        self.known = Some(self.current);
    }

    fn is_answered(&mut self, story: &Story) {
        let Some(listed) = self.held.take() else {
            return;
        };
        let is_all = story.is_listed_whole && !self.is_thorough;
        // A level that we are about to write shows at once that more happened than we know.
        let is_found_out = story.is_seen_in_level && self.known.is_none();
        if is_all && !is_found_out {
            self.learn(story, listed);
        } else {
            self.read();
        }
    }

    fn happens(&mut self, story: &Story, event: Event) {
        match event {
            First => self.waiting = Some(0),
            Second => self.waiting = Some(1),
            Change => self.current = 1,
            Ask => {
                self.held = Some(self.current);
                self.is_thorough = false;
            }
            Answer => self.is_answered(story),
            Poll => {
                if self.held.is_none() {
                    self.happens(story, Ask);
                }
                self.is_answered(story);
            }
            // A poll begins with the process, and hints that were only heard are forgotten.
            Stop | Crash => {
                self.held = Some(self.current);
                self.is_thorough = true;
                self.is_hinted = false;
            }
        }
    }

    /// Everything follows that follows.
    fn settles(&mut self, story: &Story) {
        match self.waiting.take() {
            Some(told) if story.is_told_whole => self.learn(story, told),
            Some(_) => self.is_hinted = true,
            None => {}
        }
        if self.is_hinted && self.held.is_none() {
            self.is_hinted = false;
            self.read();
        }
    }
}

/// Runs an interleaving to its end, and looks at the book after each event. An error says how far it
/// came.
fn run(story: &'static Story, events: &[Event], seed: u64) -> Result<(), String> {
    let mut told = String::new();
    let result = run_telling(story, events, seed, &mut told);
    result.map_err(|wrong| {
        format!(
            "{}, {events:?}, seed {seed}:{told}\n    {wrong}",
            story.name
        )
    })
}

fn run_telling(
    story: &'static Story,
    events: &[Event],
    seed: u64,
    told: &mut String,
) -> Result<(), String> {
    let mut world = SmallWorld::new(story, seed)?;
    let mut model = Model::default();
    for (place, event) in events.iter().enumerate() {
        let known = model.known;
        write!(told, "\n    {event:?}").expect("a text takes everything");
        model.happens(story, *event);
        happen(&mut world, *event)?;
        if events.get(place + 1) == Some(&Crash) {
            // What arrived is lost with the process, unless it was acknowledged.
            model.known = known;
            continue;
        }
        world.settle()?;
        model.settles(story);
        let seen = world.look()?;
        write!(told, " -> {seen:?}").expect("a text takes everything");
        let expected = match model.known {
            Some(known) => story.views[known],
            None => View::NOTHING,
        };
        if seen != expected {
            return Err(format!("expected {expected:?}"));
        }
    }
    end(story, &mut world, model.current)
}

fn happen(world: &mut SmallWorld, event: Event) -> Result<(), String> {
    match event {
        First => world.post(0).map(drop),
        Second => world.post(1).map(drop),
        Change => world.change(),
        Ask => world.ask(),
        Answer => {
            world.answer();
            Ok(())
        }
        Poll => {
            world.ask()?;
            world.answer();
            Ok(())
        }
        Stop | Crash => world.restart(),
    }
}

/// In the end everything is known, whatever happened.
fn end(story: &Story, world: &mut SmallWorld, current: usize) -> Result<(), String> {
    world.go_quiet()?;
    let seen = world.look()?;
    let expected = story.views[current];
    match seen == expected {
        true => Ok(()),
        false => Err(format!("in the end {seen:?}, expected {expected:?}")),
    }
}

/// All orders of events that can be. A poll may be answered at once, when only that is asked for.
fn interleavings(events: &[Event]) -> Vec<Vec<Event>> {
    let mut found = Vec::new();
    extend(&mut Vec::new(), events, &mut found);
    found
}

fn extend(begun: &mut Vec<Event>, left: &[Event], found: &mut Vec<Vec<Event>>) {
    let mut is_complete = true;
    for (place, event) in left.iter().enumerate() {
        let is_repeated = left[..place].contains(event);
        if is_repeated || !is_possible(begun, *event) {
            continue;
        }
        is_complete = false;
        let mut rest = left.to_vec();
        rest.remove(place);
        begun.push(*event);
        extend(begun, &rest, found);
        begun.pop();
    }
    if is_complete {
        found.push(begun.clone());
    }
}

/// A hook comes after what it tells of, an answer after its question. A crash differs from an orderly
/// end only while something is under way.
fn is_possible(begun: &[Event], event: Event) -> bool {
    let last_of_poll = begun
        .iter()
        .rev()
        .find(|event| matches!(event, Ask | Answer | Poll | Stop | Crash));
    let is_asked = last_of_poll.is_some_and(|last| !matches!(last, Answer | Poll));
    match event {
        Second => begun.contains(&Change),
        Answer => is_asked,
        Ask => !is_asked,
        Crash => matches!(begun.last(), Some(First | Second | Answer | Poll)),
        First | Change | Poll | Stop => true,
    }
}

/// Runs many on all processors; what failed, in sentences.
fn failures<T: Sync>(cases: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(wrong) = run(case) {
                        failed.lock().expect("nobody panics").push(wrong);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("nobody panics")
}

/// The shortest failures tell most.
fn assert_none(mut failed: Vec<String>, of: usize) {
    failed.sort_by_key(String::len);
    let count = failed.len();
    let shown: Vec<String> = failed.into_iter().take(4).collect();
    assert!(count == 0, "{count} of {of} failed:\n{}", shown.join("\n"));
}

/// The worlds that are tried out: hooks, a poll that is answered at once, and an end of the process; and
/// a poll whose answer is long under way.
const WORLDS: [&[Event]; 3] = [
    &[First, First, Change, Second, Poll, Stop],
    &[First, First, Change, Second, Poll, Crash],
    &[First, First, Change, Second, Ask, Answer],
];

/// What is tried out completely: a story, and the worlds. Of the rest, every fortieth; all of it is in
/// the longer test.
const COMPLETE: [(&str, &[usize]); 3] = [
    ("WooCommerce, canceled", &[0, 2]),
    ("WooCommerce, canceled within the second", &[2]),
    ("Square, paid later", &[0]),
];

#[test]
fn one_order_is_one_order_with_one_claim_in_every_interleaving() {
    let mut cases = Vec::new();
    for (number, story) in STORIES.iter().enumerate() {
        for (place, world) in WORLDS.iter().enumerate() {
            let is_complete = COMPLETE
                .iter()
                .any(|(name, worlds)| *name == story.name && worlds.contains(&place));
            let every = if is_complete { 1 } else { 40 };
            // Each of the other stories tries others of them.
            let all = interleavings(world).into_iter();
            let chosen = all.skip(number * 7 % every).step_by(every);
            cases.extend(chosen.map(|events| (story, events)));
        }
    }
    let failed = failures(&cases, |(story, events)| run(story, events, 1));
    assert_none(failed, cases.len());
}

/// Longer ones, in more ways than one: a few of them, and all with `ONESHELF_LONG` set.
#[test]
fn longer_interleavings_are_no_different() {
    let is_long = std::env::var_os("ONESHELF_LONG").is_some();
    let every = if is_long { 1 } else { 997 };
    let mut cases = Vec::new();
    for end in [Stop, Crash] {
        for events in interleavings(&[First, First, Change, Second, Ask, Answer, end]) {
            for story in &STORIES {
                cases.push((story, events.clone()));
            }
        }
    }
    let cases: Vec<_> = cases.into_iter().step_by(every).collect();
    for seed in 1..3 {
        let failed = failures(&cases, |(story, events)| run(story, events, seed));
        assert_none(failed, cases.len());
    }
}

/// All that is told arrives in one moment, and chance decides what is looked at first.
#[test]
fn news_that_come_together_are_sorted_out() {
    let mut cases = Vec::new();
    for story in &STORIES {
        cases.extend((0..5).map(|seed| (story, seed)));
    }
    let failed = failures(&cases, |(story, seed)| {
        together(story, *seed).map_err(|wrong| format!("{}, seed {seed}: {wrong}", story.name))
    });
    assert_none(failed, cases.len());
}

fn together(story: &'static Story, seed: u64) -> Result<(), String> {
    let mut world = SmallWorld::new(story, seed)?;
    for event in [Ask, Change, Second, First, Answer, First, Second] {
        happen(&mut world, event)?;
    }
    world.settle()?;
    let seen = world.look()?;
    if seen != story.views[1] {
        return Err(format!("{seen:?}"));
    }
    end(story, &mut world, 1)
}

/// The process dies at each of its writes, just before and just after it is durable.
#[test]
fn a_death_at_any_write_changes_nothing() {
    let mut cases = Vec::new();
    let names = COMPLETE.map(|(name, _)| name);
    for story in STORIES.iter().filter(|story| names.contains(&story.name)) {
        for events in [
            [First, First, Change, Second, Poll],
            [First, Ask, Change, Second, Answer],
        ] {
            for fate in [Fate::DieBefore, Fate::DieAfter] {
                cases.push((story, events, fate));
            }
        }
    }
    let failed = failures(&cases, |(story, events, fate)| {
        let mut writes = 0;
        while die(story, events, writes, *fate).map_err(|wrong| {
            format!(
                "{}, {events:?}, {fate:?} at write {writes}: {wrong}",
                story.name
            )
        })? {
            writes += 1;
        }
        match writes > 5 {
            true => Ok(()),
            false => Err(format!("{}, {events:?}: only {writes} writes", story.name)),
        }
    });
    assert_none(failed, cases.len());
}

/// Says whether it died.
fn die(story: &'static Story, events: &[Event], writes: u64, fate: Fate) -> Result<bool, String> {
    let mut world = SmallWorld::new(story, 1)?;
    world.doom(writes, fate);
    let mut acknowledged = None;
    for event in events {
        match event {
            First | Second => {
                let view = usize::from(*event == Second);
                if world.post(view)? && story.is_told_whole && !story.is_same_version {
                    acknowledged = acknowledged.max(Some(view));
                }
            }
            Change | Ask | Answer | Poll | Stop | Crash => happen(&mut world, *event)?,
        }
        world.settle()?;
        let seen = world.look()?;
        let known = story.views.iter().position(|view| *view == seen);
        if known < acknowledged {
            return Err(format!(
                "after {event:?}, {seen:?}: what was acknowledged is lost"
            ));
        }
    }
    let current = usize::from(events.contains(&Change));
    end(story, &mut world, current)?;
    Ok(!world.is_doomed())
}
