//! One seed, from the first order until the world is quiet, and many of them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::Time;
use sandbox::{faults::Fault, judge::Judgment};
use serde::Serialize;

use crate::{
    disk::lock,
    plan::{Scale, Weather},
    quiet::{self, Scene},
    trace::Trace,
    world::{Tamper, Untouched, World},
};

/// How often it is asked whether the world is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What came of a seed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Two runs of one seed have the same.
    pub trace_hash: String,
    /// How many lines the trace has.
    pub trace_lines: u64,
    /// Virtual time in all.
    pub virtual_ms: u64,
    /// How long the world took to become quiet; nothing when it never did.
    pub quiet_after_ms: Option<u64>,
    /// Orders that were placed.
    pub orders: u64,
    /// Facts that were recorded.
    pub facts: u64,
    /// Hooks that reached us.
    pub hooks: u64,
    /// How often each fault happened.
    pub faults: BTreeMap<&'static str, u64>,
    /// How often the process died.
    pub crashes: u32,
    /// What did not hold, in sentences.
    pub violations: Vec<String>,
    /// The judgment at the end.
    pub judgment: Judgment,
    /// The end of the trace, or all of it.
    #[serde(skip)]
    pub trace: Vec<String>,
}

/// Runs a seed.
pub fn run(seed: u64, scale: &Scale) -> Report {
    run_with(seed, scale, Trace::default(), Arc::new(Untouched))
}

/// Runs a seed with a trace of the caller's choice, and with changes to its parts.
pub fn run_with(seed: u64, scale: &Scale, trace: Trace, tamper: Arc<dyn Tamper>) -> Report {
    let mut world = World::new(seed, scale, trace, tamper);
    let begins_at = world.now();
    world.run_until(begins_at.plus(scale.busy_for));
    world.settle();
    let settles_at = world.now();
    let until = settles_at.plus(scale.quiet_within);
    let mut quiet_after_ms = None;
    let (mut judgment, mut wrong) = look(&world);
    while quiet_after_ms.is_none() && world.now() < until && !world.is_broken() {
        world.run_until(world.now().plus(LOOK_EVERY));
        if !world.is_running() {
            continue;
        }
        (judgment, wrong) = look(&world);
        if wrong.is_empty() {
            quiet_after_ms = Some(millis(settles_at, world.now()));
        }
    }
    let now = world.now();
    let mut watch = lock(&world.watch);
    if !world.is_broken() {
        watch.look_at_all(&world.memory, now);
    }
    watch.add(now, wrong);
    let count = |hooks: &AtomicU64| hooks.load(Ordering::Relaxed);
    let (accepted, refused) = (count(&world.hooks.accepted), count(&world.hooks.refused));
    if accepted > watch.appended {
        let kept = watch.appended;
        let lost = format!("P1: {accepted} hooks were acknowledged, and {kept} are durable");
        watch.add(now, vec![lost]);
    }
    // A key that a hook is proved with may come garbled in bad weather, and then it is not believed.
    if refused > 0 && scale.weather == Weather::Calm {
        watch.add(
            now,
            vec![format!("P1: {refused} genuine hooks were refused")],
        );
    }
    Report {
        seed,
        trace_hash: world.trace.hash(),
        trace_lines: world.trace.count(),
        virtual_ms: millis(begins_at, now),
        quiet_after_ms,
        orders: judgment.orders_placed,
        facts: watch.facts.len() as u64,
        hooks: count(&world.hooks.posted),
        faults: words(&world.faults()),
        crashes: world.crashes,
        violations: watch.violations.clone(),
        judgment,
        trace: world.trace.lines(),
    }
}

fn look(world: &World) -> (Judgment, Vec<String>) {
    let watch = lock(&world.watch);
    quiet::check(Scene {
        memory: &world.memory,
        facts: &watch.facts,
        truths: world.truths(),
        bills: world.plan.bills(),
        stock: world.plan.stock.clone(),
        edits: world.edits.clone(),
    })
}

fn millis(from: Time, to: Time) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

fn words(faults: &BTreeMap<Fault, u64>) -> BTreeMap<&'static str, u64> {
    let words = faults.iter();
    words.map(|(fault, hits)| (fault.word(), *hits)).collect()
}

/// Runs many seeds, on as many threads as the machine has; the reports come in the order of the seeds.
pub fn run_many(seeds: std::ops::Range<u64>, scale: &Scale) -> Vec<Report> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(seeds.start);
    let reports = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let report = run(seed, scale);
                    lock(&reports).insert(seed, report);
                }
            });
        }
    });
    let reports = reports
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner());
    reports.into_values().collect()
}
