//! A sync that fails, and a disk that is full: nothing more is acknowledged, the daemon ends with 74 or
//! waits for space, and the next one finds everything.

use std::{
    fs::{self, DirBuilder, File},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    Share,
    disk::{Disk, Landed},
    power::{Found, check, crowd, is_acknowledged, shop_street},
    recording::{self, Answered, Kind, Record, Recording},
    say, skipped,
};
use crate::kit::{
    SOON,
    hooks::signed,
    pass,
    people::People,
    until,
    world::{END_WITHIN, World},
};

/// How many syncs `cargo test` lets fail.
const FAILURES: u32 = 3;
/// Which one: the first ones are those of a new store, the others come under load.
const FAILS_AT: std::ops::Range<u64> = 1..300;
/// How long a daemon may live until that many syncs were asked for.
const FAILS_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_sync_that_failed_nothing_more_is_acknowledged() {
    let share = Share::of("sync", FAILURES);
    let mut chance = fastrand::Rng::with_seed(share.seed);
    let (mut acknowledged, mut early) = (0, 0);
    for round in 0..share.rounds {
        // One is among the first, so that a new store is not forgotten.
        let last = if round % 3 == 0 { 40 } else { FAILS_AT.end };
        let number = chance.u64(FAILS_AT.start..last);
        let count = fail_one_sync(share.seed + u64::from(round), number).await;
        acknowledged += count;
        early += u32::from(count == 0);
    }
    say(
        "sync",
        &format!(
            "{} syncs failed, {early} of them before anything was acknowledged; \
             0 of {acknowledged} acknowledgements lost",
            share.rounds
        ),
    );
}

/// Gives how much was acknowledged.
async fn fail_one_sync(seed: u64, number: u64) -> usize {
    let world = shop_street(seed).await;
    let store = world.state().join("store");
    let recording = Recording::of(&world, &store);
    let mut daemon = world.spawn_with(&recording.with_failing_sync(number));
    let people = crowd(&world, seed);
    let end = world.ports.clock.now().plus(FAILS_WITHIN);
    while daemon.ended().is_none() && world.ports.clock.now() < end {
        pass(&world.ports, Duration::from_millis(50)).await;
    }
    let ended = daemon.ended();
    let said = daemon.stderr();
    match ended {
        Some(_) => drop(daemon),
        None => recording.kill(&world, daemon).await,
    }
    people.end().await;

    let bytes = recording.bytes();
    let records = recording::read(&bytes);
    let failed_at = records.iter().position(|one| one.kind == Kind::SyncFailed);
    let failed_at = failed_at.unwrap_or_else(|| panic!("there was no sync {number}"));
    let what = format!("sync {number} of seed {seed}");
    match ended {
        Some(status) => assert_eq!(status.code(), Some(74), "{what}: {said}"),
        // Only the reserve holds nothing: that it may not be there is no reason to end.
        None => assert!(
            is_reserve(&records, failed_at),
            "{what}: it lives on: {said}"
        ),
    }
    assert!(!said.contains("panicked"), "{what}: {said}");
    let answered = recording::answered(&records);
    let late =
        |one: &&Answered| ended.is_some() && one.asked_at > failed_at && is_acknowledged(one);
    let late: Vec<_> = answered.iter().filter(late).collect();
    assert!(late.is_empty(), "{what}: acknowledged after it: {late:?}");

    // The cache is lost with what was not synced; then the machine goes on with its cache as it was.
    let mut disk = Disk::new(&store);
    records.iter().for_each(|record| disk.take(record));
    let differences = disk.differences(&store);
    assert_eq!(
        differences,
        Vec::<String>::new(),
        "the record tells everything"
    );
    for landed in [Landed::Nothing, Landed::Some(seed)] {
        let found = Found::new(format!("{what}, {landed:?}"));
        let into = found.path().join("store");
        DirBuilder::new()
            .mode(0o700)
            .create(&into)
            .expect("our own folder");
        disk.restore(landed, &store, &into);
        check(&world, found.path(), &answered).await;
    }
    let daemon = world.start().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    check(&world, &world.state(), &answered).await;
    answered.iter().filter(|one| is_acknowledged(one)).count()
}

/// Whether the sync that failed was that of the reserve.
fn is_reserve(records: &[Record<'_>], failed_at: usize) -> bool {
    let file = records[failed_at].file;
    let made = records[..failed_at].iter();
    let made = made
        .rev()
        .find(|one| one.kind == Kind::Created && one.file == file);
    made.is_some_and(|made| made.text.ends_with(b"/reserve"))
}

/// Hooks of this size are sent to a full disk, so many at most: more than is made ahead.
const LARGE_BYTES: usize = 900 * 1024;
const LARGE_MAX: usize = 12;
/// How large the disk is that gets full.
const DISK: &str = "160m";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_lost_and_with_space_it_goes_on() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        return skipped("full_disk", "only root can mount a small disk");
    }
    let share = Share::of("full disk", 2);
    for round in 0..share.rounds {
        let seed = share.seed + u64::from(round);
        // With a watermark it stops in time; without, it goes on until the disk says no.
        let free_min = ["1MiB", "0MiB"][round as usize % 2];
        let waits = match share.rounds {
            0..=2 => Duration::from_secs(4),
            // Rows are brought to disk twice a minute.
            _ => Duration::from_secs(2 + seed % 36),
        };
        let world = shop_street(seed).await;
        world.set_free_min(free_min);
        let Some(mount) = Mount::at(&world.state()) else {
            return skipped("full_disk", "a tmpfs cannot be mounted here");
        };
        let how = fill_and_free(&world, seed, waits).await;
        drop(mount);
        say(
            "full disk",
            &format!("seed {seed}, watermark {free_min}: {how}"),
        );
    }
}

/// A small disk. It is gone when this is dropped.
struct Mount(PathBuf);

impl Mount {
    fn at(folder: &Path) -> Option<Mount> {
        let made = DirBuilder::new().mode(0o700).create(folder);
        made.expect("our own folder");
        let options = format!("size={DISK},mode=700");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "oneshelf-rig"]);
        let is_mounted = mount
            .arg(folder)
            .output()
            .is_ok_and(|done| done.status.success());
        is_mounted.then(|| Mount(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Nobody uses it any more, or the test has failed anyway.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

async fn fill_and_free(world: &World, seed: u64, waits: Duration) -> String {
    let mut daemon = world.start().await;
    world.adopted().await;
    let people = crowd(world, seed);
    pass(&world.ports, Duration::from_secs(1)).await;
    let ballast = world.state().join("ballast");
    let free = fill(&ballast);
    let mut large = send_until_refused(world).await;
    pass(&world.ports, waits).await;
    // Whoever still writes a log or a part of a row has what was left; now nothing is.
    fill(&ballast);
    pass(&world.ports, Duration::from_secs(1)).await;
    let ended = daemon.ended();
    let told = acknowledged(world, &people);
    fs::remove_file(&ballast).expect("our own file");
    let how = match ended {
        Some(status) => {
            assert_eq!(status.code(), Some(74), "{}", daemon.stderr());
            drop(daemon);
            daemon = world.start().await;
            "it ended"
        }
        None => "it waited",
    };
    until(
        &world.ports,
        "hooks are taken again",
        SOON,
        async || match acknowledged(world, &people).len() > told.len() {
            true => Ok(()),
            false => Err("none".to_owned()),
        },
    )
    .await;
    people.end().await;
    let said = daemon.stderr();
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let mut all = acknowledged(world, &people);
    all.append(&mut large);
    check(world, &world.state(), &all).await;
    format!(
        "{how} with {free} bytes left at first; 0 of {} acknowledgements lost, {} of them before",
        all.len(),
        told.len()
    )
}

/// Sends hooks that are as large as they may be, until the disk has no space left for one: some is made
/// ahead. Gives those that were acknowledged.
async fn send_until_refused(world: &World) -> Vec<Answered> {
    let mut taken = Vec::new();
    for number in 0..LARGE_MAX {
        let body = format!(
            "{{\"id\":{number},\"note\":\"{}\"}}",
            "x".repeat(LARGE_BYTES)
        );
        let hook = signed(world, body.as_bytes());
        match world.api.hook(hook).await {
            Ok(200) => taken.push(answered("/hooks/web-shop".to_owned(), body.into_bytes())),
            // It says to come again, or it has ended.
            Ok(503) | Err(_) => return taken,
            Ok(status) => panic!("a full disk is answered with {status}"),
        }
    }
    panic!("{LARGE_MAX} large hooks found space on a full disk");
}

/// Takes all space. Says how much there was.
fn fill(ballast: &Path) -> u64 {
    let mut options = File::options();
    let file = options.create(true).append(true).open(ballast);
    let mut file = file.expect("a name takes no space");
    let before = file.metadata().expect("our own file").len();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    file.metadata().expect("our own file").len() - before
}

fn answered(path: String, body: Vec<u8>) -> Answered {
    Answered {
        at: 0,
        asked_at: 0,
        method: "POST".to_owned(),
        path,
        body,
        status: 200,
    }
}

/// What people were told.
pub(super) fn acknowledged(world: &World, people: &People) -> Vec<Answered> {
    let hooks = world.post.acknowledged().into_iter();
    let hooks = hooks.map(|hook| answered(format!("/hooks/{}", hook.account), hook.body));
    let parcels = people.parcels().into_iter();
    let parcels = parcels.filter(|parcel| parcel.status == Some(201));
    let parcels = parcels.map(|parcel| {
        let body = serde_json::json!({ "tracking_number": parcel.tracking_number });
        let path = format!("/api/v1/orders/{}/shipments", parcel.order);
        answered(path, body.to_string().into_bytes())
    });
    hooks.chain(parcels).collect()
}
