//! Bugs that are planted at the ports, each of which the simulator must find: one that does not find
//! them proves nothing. They are in no shipped binary.
//!
//! Each row names who must find it, so switching that checker off fails the test, and every checker is
//! named by some row.

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc, time::Duration};

use channel::Connector;
use rehearse::{
    Checker, Scale, Weather, run, run_each, run_with, shrink::shrink, trace::Trace, world::Tamper,
};
use store::Store;

use super::{
    channels::{InChannel, Mistake},
    stores::{Bug, InStore},
};

/// How many seeds it may take.
const SEEDS: u64 = 200;

/// A bug: what it is, where it is tried, how it gets in, and who must find it.
type Planted = (&'static str, Sky, Arc<dyn Tamper>, Checker);

/// Where a bug is tried.
#[derive(Clone, Copy)]
enum Sky {
    Calm,
    Harsh,
    /// With many goods that are bought and canceled all the time, and people who edit levels.
    Busy,
    /// With an office at a second process over the same store.
    Office,
    /// With few of each good, some of which may be owed.
    Scarce,
    /// With an office that also moves and counts stock at several locations.
    Places,
    /// All shops on a channel.
    On(&'static str),
}

impl Sky {
    /// What is broken never becomes quiet, and there is no need to wait for it; without the bug these
    /// evenings are quiet by then.
    fn scale(self) -> Scale {
        let mut scale = Scale::small(Weather::Calm);
        (scale.busy_for, scale.quiet_within) = (Duration::from_secs(25), Duration::from_secs(150));
        match self {
            Sky::Calm => {}
            Sky::Harsh => {
                scale = Scale::small(Weather::Harsh);
                scale.quiet_within = Duration::from_secs(600);
            }
            Sky::Busy => {
                (scale.goods, scale.meddling, scale.stock) = (16, true, 10..30);
                (scale.busy_for, scale.basket_every) =
                    (Duration::from_secs(60), Duration::from_millis(250));
            }
            Sky::Office => (scale.has_office, scale.busy_for) = (true, Duration::from_secs(60)),
            Sky::Scarce => {
                (scale.has_office, scale.stock) = (true, 1..4);
                (scale.busy_for, scale.quiet_within) =
                    (Duration::from_secs(120), Duration::from_secs(300));
            }
            Sky::Places => {
                (scale.has_office, scale.has_places) = (true, true);
                scale.busy_for = Duration::from_secs(90);
            }
            Sky::On(channel) => scale.channels = vec![channel],
        }
        scale
    }
}

fn store(name: &'static str, sky: Sky, bug: Bug, finder: Checker) -> Planted {
    (name, sky, Arc::new(InStore(bug)), finder)
}

fn channel(name: &'static str, sky: Sky, mistake: Mistake, finder: Checker) -> Planted {
    (name, sky, Arc::new(InChannel(mistake)), finder)
}

#[rustfmt::skip]
fn bugs() -> Vec<Planted> {
    use Checker as By;
    use Sky::{Busy, Calm, Harsh, Office, On, Places, Scarce};
    vec![
        store("skip dedupe", Calm, Bug::ForgetsReferences, By::References),
        store("ack before durable", Calm, Bug::AnswersBeforeWriting, By::Acknowledged),
        store("drop the version check", Office, Bug::DropsExpectations, By::Claims),
        channel("push blindly", On("shopify"), Mistake::PushesBlindly, By::Replaced),
        store("forget the echo", Calm, Bug::ForgetsTheEcho, By::Echo),
        store("count a kit once", Calm, Bug::CountsKitsOnce, By::Goods),
        store("double release", Calm, Bug::ReleasesTwice, By::Claims),
        channel("lose the cursor overlap", Calm, Mistake::LosesTheOverlap, By::Known),
        store("apply an older snapshot", Harsh, Bug::ForgetsVersions, By::Orders),
        store("claim outside the commit", Calm, Bug::WritesClaimsLater, By::Claims),
        store("push rises first", Busy, Bug::SendsRisesFirst, By::FallsFirst),
        channel("ignore Ambiguous", Harsh, Mistake::IgnoresAmbiguous, By::Parcels),
        store("subtract twice in to_channel", Calm, Bug::SubtractsTwice, By::Wanted),
        channel("resend with another body under the same key", On("square"), Mistake::ReusesKeys, By::Waiting),
        store("claim more than is there", Calm, Bug::ClaimsTooMuch, By::Promised),
        store("forget what is missing", Calm, Bug::ForgetsWhatIsMissing, By::Incidents),
        store("lose movements", Calm, Bug::LosesMovements, By::OnHand),
        store("lose open units", Calm, Bug::LosesOpenUnits, By::Taken),
        store("forget by when what is owed ships", Scarce, Bug::ForgetsDates, By::Owed),
        store("keep old phases in the list", Calm, Bug::KeepsOldPhases, By::OrderLists),
        store("keep what was pushed in the list", Calm, Bug::KeepsOldDues, By::OfferLists),
        store("keep what was done in the outbox", Calm, Bug::KeepsOldIntents, By::IntentLists),
        store("give all lines one number", Calm, Bug::NumbersLinesAlike, By::Counters),
        store("give a number twice", Office, Bug::ForgetsNumbers, By::Documents),
        store("lose labels that were bought", Office, Bug::LosesLabels, By::Errands),
        store("say that a program was told", Office, Bug::SaysItWasTold, By::Errands),
        store("count as of now", Places, Bug::CountsAsOfNow, By::Counted),
        channel("push changes", Calm, Mistake::PushesChanges, By::Levels),
        channel("write no levels", Calm, Mistake::WritesNoLevels, By::Levels),
        channel("show five more", Calm, Mistake::ShowsFiveMore, By::Oversold),
        channel("tell of parcels twice", Calm, Mistake::TellsTwice, By::Parcels),
        channel("tell nobody of parcels", Calm, Mistake::TellsNobody, By::Parcels),
        channel("put parcels off for ever", Calm, Mistake::NeverTells, By::Waiting),
        channel("read no orders", Calm, Mistake::ReadsNoOrders, By::Known),
        channel("believe no hook", Calm, Mistake::BelievesNoHook, By::Believed),
        channel("cancel nothing", Calm, Mistake::CancelsNothing, By::Wishes),
        channel("panic", Calm, Mistake::Panics, By::Alive),
    ]
}

/// The first seed at which somebody finds a bug.
fn catch(scale: &Scale, tamper: &Arc<dyn Tamper>, finder: Checker) -> Option<u64> {
    let mut caught = None;
    run_each(0..SEEDS, scale, tamper, &mut |report| {
        if report.found_by.contains(&finder) {
            caught = Some(report.seed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    caught
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for (name, sky, tamper, finder) in bugs() {
        let scale = sky.scale();
        match catch(&scale, &tamper, finder) {
            Some(seed) => {
                let sound = run(seed, &scale);
                assert_eq!(sound.violations, Vec::<String>::new(), "without {name}");
                // With that checker switched off this row is missed, whoever else notices.
                let unheard: Arc<dyn Tamper> = Arc::new(Unheard(tamper, finder));
                let report = run_with(seed, &scale, Trace::default(), unheard);
                assert!(!report.found_by.contains(&finder), "{name} with it off");
                let others: Vec<&str> = report.found_by.iter().map(|by| by.word()).collect();
                let finder = finder.word();
                println!("{name}: caught by {finder} with seed {seed}; without it by {others:?}");
            }
            None => missed.push((name, finder.word())),
        }
    }
    assert!(missed.is_empty(), "in {SEEDS} seeds: {missed:?}");
}

/// A bug with nobody listening to the checker that is to find it.
struct Unheard(Arc<dyn Tamper>, Checker);

impl Tamper for Unheard {
    fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        self.0.store(store)
    }

    fn connector(&self, connector: &'static dyn Connector) -> &'static dyn Connector {
        self.0.connector(connector)
    }

    fn off(&self) -> BTreeSet<Checker> {
        BTreeSet::from([self.1])
    }
}

/// Two bugs that nobody else notices: without their finder they would be in the shipped binary.
#[test]
fn a_bug_is_not_caught_by_a_checker_that_is_switched_off() {
    for name in ["forget the echo", "double release"] {
        let bug = bugs().into_iter().find(|bug| bug.0 == name);
        let (_, sky, tamper, finder) = bug.expect("it is in the table");
        let scale = sky.scale();
        let seed = catch(&scale, &tamper, finder).expect("it is caught");
        let unheard: Arc<dyn Tamper> = Arc::new(Unheard(tamper, finder));
        let report = run_with(seed, &scale, Trace::default(), unheard);
        assert_eq!(report.found_by, BTreeSet::new(), "{name}");
    }
}

#[test]
fn every_checker_has_a_bug_to_find() {
    let finders: BTreeSet<Checker> = bugs().into_iter().map(|(.., finder)| finder).collect();
    let idle: Vec<_> = Checker::ALL
        .into_iter()
        .filter(|one| !finders.contains(one))
        .collect();
    assert_eq!(idle, Vec::<Checker>::new());
}

#[test]
fn what_fails_is_made_small_and_still_fails() {
    let tamper: Arc<dyn Tamper> = Arc::new(InChannel(Mistake::TellsNobody));
    let mut scale = Sky::Harsh.scale();
    (scale.crashes, scale.outages, scale.meddling) = (1, 1, true);
    (scale.busy_for, scale.quiet_within) = (Duration::from_secs(25), Duration::from_secs(150));
    let broken = BTreeSet::from([Checker::Parcels]);
    let seed = catch(&scale, &tamper, Checker::Parcels).expect("it is caught");
    let shrunk = shrink(seed, &scale, &broken, &tamper);
    let small = &shrunk.scale;
    assert!(
        shrunk.report.found_by.contains(&Checker::Parcels),
        "{small:?}"
    );
    assert_eq!(
        (small.weather, small.crashes, small.outages),
        (Weather::Calm, 0, 0)
    );
    assert!(
        small.shops < scale.shops && small.busy_for < scale.busy_for,
        "{small:?}"
    );
    assert!(
        shrunk
            .report
            .trace
            .iter()
            .any(|line| line.contains(" violation "))
    );
}
