//! One seed, from the first order until the world is quiet, and many of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use domain::Time;
use sandbox::judge::Judgment;
use serde::Serialize;

use crate::{
    alarms,
    coverage::Coverage,
    disk::lock,
    findings::{Checker, Findings},
    goods,
    plan::{Scale, Weather},
    quiet::{self, Scene},
    trace::Trace,
    world::{Tamper, Untouched, World},
    worth::lacks,
};

/// How often it is asked whether the world is quiet.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The longer it takes, the less often: about so many times each time that it takes twice as long.
const LOOKS_MAX: u32 = 400;
/// How many times as long as planned buyers come at most, until there are enough orders.
const AT_MOST: u32 = 30;
/// How long a machine is off that rests for a day: long enough for what is done to be closed.
const DAY: Duration = Duration::from_secs(25 * 3600);

/// What came of a seed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many shops there were.
    pub accounts: usize,
    /// On how many channels.
    pub channels: usize,
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
    /// What it came across.
    pub coverage: Coverage,
    /// How often the process died.
    pub crashes: u32,
    /// Cases of drift that nobody's edit explains, in sentences.
    pub false_alarms: Vec<String>,
    /// What it lacks of what its scale promises, in sentences.
    pub lacks: Vec<String>,
    /// What did not hold, in sentences.
    pub violations: Vec<String>,
    /// Who found that.
    #[serde(skip)]
    pub found_by: BTreeSet<Checker>,
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
    let busy = |world: &mut World| world.run_until(world.now().plus(scale.busy_for));
    play(seed, &mut world, scale, busy)
}

/// Plays an evening of which the caller says what happens while it is busy.
pub(crate) fn play(
    seed: u64,
    world: &mut World,
    scale: &Scale,
    busy: impl FnOnce(&mut World),
) -> Report {
    let begins_at = world.now();
    busy(world);
    let latest = begins_at.plus(scale.busy_for * AT_MOST);
    while world.orders() < scale.orders_min && world.now() < latest && !world.is_broken() {
        world.run_until(world.now().plus(LOOK_EVERY));
    }
    world.settle();
    let mut end = become_quiet(world, scale);
    if scale.rests_a_day && end.quiet_after_ms.is_some() {
        world.rest_for(DAY);
        end = become_quiet(world, scale);
    }
    let End {
        quiet_after_ms,
        judgment,
        found,
    } = end;
    let now = world.now();
    let mut watch = lock(&world.watch);
    if !world.is_broken() {
        watch.look_at_all(&world.memory, now);
        watch.ask_doctor(&world.memory, now);
    }
    watch.add(now, found);
    let hooks = check_hooks(world, watch.appended, scale);
    watch.add(now, hooks);
    let mut coverage = world.decided();
    coverage.take_faults(&world.faults());
    coverage.take_facts(&watch.kinds);
    coverage.take_findings(&watch.found);
    coverage.take_judgment(&judgment);
    let channels: BTreeSet<_> = world
        .plan
        .shops
        .iter()
        .map(|(channel, _)| channel)
        .collect();
    let mut report = Report {
        seed,
        false_alarms: alarms::find_false(&world.memory, &world.edits),
        lacks: Vec::new(),
        accounts: world.plan.shops.len(),
        channels: channels.len(),
        trace_hash: world.trace.hash(),
        trace_lines: world.trace.count(),
        virtual_ms: millis(begins_at, now),
        quiet_after_ms,
        orders: judgment.orders_placed,
        facts: watch.facts.len() as u64,
        hooks: world.hooks.posted.load(Ordering::Relaxed),
        coverage,
        crashes: world.crashes,
        violations: watch.found.sentences(),
        found_by: watch.found.found_by(),
        judgment,
        trace: world.trace.lines(),
    };
    report.lacks = lacks(&report, scale);
    report
}

/// How a run ended.
struct End {
    quiet_after_ms: Option<u64>,
    judgment: Judgment,
    found: Findings,
}

/// Lets the world go on until nothing is wrong any more, or for as long as it may take.
fn become_quiet(world: &mut World, scale: &Scale) -> End {
    let settles_at = world.now();
    let until = settles_at.plus(scale.quiet_within);
    let mut quiet_after_ms = None;
    let mut seen = None;
    while quiet_after_ms.is_none() && world.now() < until && !world.is_broken() {
        world.put_right();
        let waited = world.now().since(settles_at);
        let every = LOOK_EVERY.max(waited / LOOKS_MAX);
        world.run_until(world.now().plus(every));
        seen = None;
        // As long as anything waits there is no need to look at all the rest.
        if !world.is_running() || quiet::is_waiting(&world.memory) {
            continue;
        }
        let (judgment, found) = look(world);
        if found.are_none() {
            quiet_after_ms = Some(millis(settles_at, world.now()));
        }
        seen = Some((judgment, found));
    }
    let (judgment, found) = seen.unwrap_or_else(|| look(world));
    End {
        quiet_after_ms,
        judgment,
        found,
    }
}

/// P1: what was acknowledged is durable, and what was really sent was believed.
fn check_hooks(world: &World, kept: u64, scale: &Scale) -> Findings {
    let mut found = Findings::default();
    let count = |hooks: &AtomicU64| hooks.load(Ordering::Relaxed);
    let (accepted, refused) = (count(&world.hooks.accepted), count(&world.hooks.refused));
    found.look(Checker::Acknowledged, usize::from(accepted > 0));
    if accepted > kept {
        let sentence = format!("P1: {accepted} hooks were acknowledged, and {kept} are durable");
        found.add(Checker::Acknowledged, sentence);
    }
    // A key that a hook is proved with may come garbled in bad weather, and then it is not believed.
    if scale.weather == Weather::Calm {
        found.look(Checker::Believed, usize::from(accepted > 0));
        if refused > 0 {
            let sentence = format!("P1: {refused} genuine hooks were refused");
            found.add(Checker::Believed, sentence);
        }
    }
    found.look(Checker::Alive, 1);
    found
}

fn look(world: &World) -> (Judgment, Findings) {
    let watch = lock(&world.watch);
    // When a task panicked the store may have died, and nobody took what it left.
    let left = world.is_broken().then(|| world.memory.fork());
    let memory = left.as_ref().unwrap_or(&world.memory);
    quiet::check(Scene {
        memory,
        facts: &watch.facts,
        truths: world.truths_with(memory),
        by_hand: world.plan.by_hand.as_ref(),
        told: &world.told(),
        bills: world.plan.bills(),
        stock: goods::there(&world.plan.stock, &watch.facts),
        edits: world.edits.clone(),
        locations: &world.plan.locations,
        may_owe: world.plan.may_be_owed(),
        now: world.now(),
        compares: world.plan.compares(),
    })
}

fn millis(from: Time, to: Time) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// Runs many seeds, on as many threads as the machine has; the reports come in the order of the seeds.
pub fn run_many(seeds: std::ops::Range<u64>, scale: &Scale) -> Vec<Report> {
    let mut reports = Vec::new();
    let tamper: Arc<dyn Tamper> = Arc::new(Untouched);
    run_each(seeds, scale, &tamper, &mut |report| {
        reports.push(report);
        ControlFlow::Continue(())
    });
    reports
}

/// Runs many seeds on all processors, and hands on each report in the order of the seeds, until all are
/// done or the caller has seen enough.
pub fn run_each(
    seeds: std::ops::Range<u64>,
    scale: &Scale,
    tamper: &Arc<dyn Tamper>,
    take: &mut dyn FnMut(Report) -> ControlFlow<()>,
) {
    on_all_processors(
        seeds,
        &|seed| run_with(seed, scale, Trace::default(), Arc::clone(tamper)),
        take,
    );
}

/// Plays many seeds on all processors, and hands on what came of each in their order.
pub(crate) fn on_all_processors<R: Send>(
    seeds: std::ops::Range<u64>,
    play: &(dyn Fn(u64) -> R + Sync),
    take: &mut dyn FnMut(R) -> ControlFlow<()>,
) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = AtomicU64::new(seeds.start);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (next, sender) = (&next, sender.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if sender.send((seed, play(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut waiting, mut expected) = (BTreeMap::new(), seeds.start);
        'all: for (seed, report) in receiver {
            waiting.insert(seed, report);
            while let Some(report) = waiting.remove(&expected) {
                expected += 1;
                if take(report).is_break() {
                    next.store(seeds.end, Ordering::Relaxed);
                    break 'all;
                }
            }
        }
    });
}
