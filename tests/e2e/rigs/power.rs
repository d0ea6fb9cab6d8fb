//! The power is cut: the folder is made again as a disk would hold it, and everything that was
//! acknowledged before the cut must be there, with a store that opens and a doctor who finds nothing.

use std::{collections::BTreeMap, path::Path, time::Duration};

use sandbox::{buyers::Pace, faults::Faults};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Share,
    disk::{Disk, Landed},
    kill::assert_claims_fit,
    recording::{self, Answered, Record, Recording},
    say,
};
use crate::kit::{
    book::Book,
    pass,
    people::People,
    world::{END_WITHIN, Plan, World, private_folder},
};

/// How many cuts `cargo test` looks at in each of the two ways.
const CUTS: u32 = 10;
/// How long the daemon lives in each of its lives, in `cargo test` and when more is asked for. A
/// checkpoint comes after half a minute.
const LIVES_S: [u64; 2] = [3, 2];
const LONG_LIVES_S: [u64; 3] = [34, 3, 2];
/// On so many of the disks the daemon itself is started, too.
const STARTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let share = Share::of("power", CUTS);
    let world = shop_street(share.seed).await;
    let recording = Recording::of(&world, world.dir.path());
    let lives: &[u64] = if share.rounds > CUTS {
        &LONG_LIVES_S
    } else {
        &LIVES_S
    };
    live(&world, &recording, share.seed, lives).await;
    let bytes = recording.bytes();
    let records = recording::read(&bytes);
    let answered = recording::answered(&records);
    let cuts = cuts(share, &records, &answered);
    let mut disk = Disk::new(world.dir.path());
    let mut seen = Seen::default();
    let mut next = cuts.iter().peekable();
    for (at, record) in records.iter().enumerate() {
        while let Some(cut) = next.next_if(|cut| cut.at == at) {
            seen.look(&world, &disk, cut, &answered).await;
        }
        disk.take(record);
    }
    let all = disk.differences(&world.state());
    assert_eq!(all, Vec::<String>::new(), "the record tells everything");
    let most = answered.iter().filter(|one| is_acknowledged(one)).count();
    assert!(most > 20, "{most} acknowledgements");
    say(
        "power",
        &format!(
            "{seen:?} of {most} acknowledgements in {} records",
            records.len()
        ),
    );
}

/// A world with something to sell.
pub(super) async fn shop_street(seed: u64) -> World {
    World::open(Plan {
        faults: Faults::none(),
        seed,
        log_level: "warn",
        shelves: 10,
        ..Plan::default()
    })
    .await
}

/// People who buy a lot.
pub(super) fn crowd(world: &World, seed: u64) -> People {
    let mut pace = Pace::busy().with_meddling();
    pace.basket_every = Duration::from_millis(30);
    People::begin(world, seed, pace)
}

/// Lets a daemon live under load for a while, and another one after it, and records all of them.
async fn live(world: &World, recording: &Recording, seed: u64, lives_s: &[u64]) {
    let mut daemon = world.start_with(recording.environment()).await;
    world.adopted().await;
    let people = crowd(world, seed);
    for (life, seconds) in lives_s.iter().enumerate() {
        pass(&world.ports, Duration::from_secs(*seconds)).await;
        assert_eq!(daemon.ended(), None, "it lives:\n{}", daemon.stderr());
        recording.kill(world, daemon).await;
        if life + 1 == lives_s.len() {
            break;
        }
        daemon = world.start_with(recording.environment()).await;
    }
    people.end().await;
}

/// A moment at which the power is cut, and what it leaves.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Before which record.
    at: usize,
    landed: Landed,
}

/// So many moments for each way: half of them anywhere, half soon after an answer went out.
fn cuts(share: Share, records: &[Record<'_>], answered: &[Answered]) -> Vec<Cut> {
    let mut chance = fastrand::Rng::with_seed(share.seed);
    let mut cuts = Vec::new();
    for number in 0..share.rounds as usize * 2 {
        let soon = (number / 2 % 2 == 0).then(|| {
            let one = &answered[chance.usize(..answered.len())];
            one.at + 1 + chance.usize(..4)
        });
        let at = soon.unwrap_or_else(|| chance.usize(..records.len()));
        let landed = match number % 2 {
            0 => Landed::Nothing,
            _ => Landed::Some(chance.u64(..)),
        };
        let at = at.min(records.len() - 1);
        cuts.push(Cut { at, landed });
    }
    cuts.sort_by_key(|cut| cut.at);
    cuts
}

/// What was looked at.
#[derive(Debug, Default)]
struct Seen {
    strict: u32,
    any_part: u32,
    made_anew: u32,
    started: usize,
}

impl Seen {
    async fn look(&mut self, world: &World, disk: &Disk<'_>, cut: &Cut, answered: &[Answered]) {
        let found = Found::new(format!("{cut:?}"));
        disk.restore(cut.landed, &world.state(), found.path());
        let before = &answered[..answered.partition_point(|one| one.at < cut.at)];
        let is_made_anew = check(world, found.path(), before).await;
        self.made_anew += u32::from(is_made_anew);
        match cut.landed {
            Landed::Nothing => self.strict += 1,
            Landed::Some(_) | Landed::Everything => self.any_part += 1,
        }
        if self.started < STARTS && before.len() > 50 {
            self.started += 1;
            start_on(world, found.path()).await;
        }
    }
}

/// What a disk held. If that is not as it should be, it is kept for whoever looks into it.
pub(super) struct Found {
    dir: Option<TempDir>,
    what: String,
}

impl Found {
    pub(super) fn new(what: String) -> Found {
        Found {
            dir: Some(private_folder()),
            what,
        }
    }

    /// The state folder.
    pub(super) fn path(&self) -> &Path {
        self.dir.as_ref().expect("it is there until the end").path()
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            let (what, kept) = (&self.what, dir.keep());
            say("failed", &format!("{what}, kept in {}", kept.display()));
        }
    }
}

/// Opens what a disk held and compares it with what was acknowledged. Says whether rows were made anew.
pub(super) async fn check(world: &World, state: &Path, acknowledged: &[Answered]) -> bool {
    let is_made_anew = read(world, state, acknowledged).await;
    let doctor = world.doctor(state);
    assert_eq!(doctor.code, Some(0), "{doctor:?}");
    is_made_anew
}

/// The same without a doctor.
pub(super) async fn read(world: &World, state: &Path, acknowledged: &[Answered]) -> bool {
    let book = Book::read_at(world, state).await;
    expect_kept(&book, acknowledged);
    assert_claims_fit(&book);
    book.is_made_anew
}

/// Whether an answer promises that something is durable.
pub(super) fn is_acknowledged(one: &Answered) -> bool {
    let is_good = (200..300).contains(&one.status) && one.method == "POST";
    is_good && (one.path.starts_with("/hooks/") || one.path.ends_with("/shipments"))
}

fn expect_kept(book: &Book, answered: &[Answered]) {
    let mut signals: BTreeMap<(String, &[u8]), usize> = BTreeMap::new();
    for signal in &book.signals {
        let name = (signal.account.to_string(), signal.request.body.as_slice());
        *signals.entry(name).or_default() += 1;
    }
    let facts = serde_json::to_string(&book.facts).expect("facts are plain");
    for one in answered.iter().filter(|one| is_acknowledged(one)) {
        let body = String::from_utf8_lossy(&one.body);
        if let Some(rest) = one.path.strip_prefix("/hooks/") {
            let account = rest.split('/').next().unwrap_or_default().to_owned();
            let left = signals.get_mut(&(account, one.body.as_slice()));
            let left = left.filter(|left| **left > 0);
            *left.unwrap_or_else(|| panic!("{} was acknowledged and is lost: {body}", one.path)) -=
                1;
        } else {
            let parcel: Value = serde_json::from_slice(&one.body).expect("our own request");
            let number = parcel["tracking_number"].as_str().expect("our own request");
            assert!(
                facts.contains(number),
                "{} was accepted and is lost: {body}",
                one.path
            );
        }
    }
}

/// The daemon itself begins on what a disk held, and ends when it is asked to.
async fn start_on(world: &World, state: &Path) {
    let store_dir = ("ONESHELF__STORE__DIR".to_owned(), state.into());
    let daemon = world.start_with(&[store_dir]).await;
    let said = daemon.stderr();
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
}
