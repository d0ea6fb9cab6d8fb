//! Files that are damaged, gone or older than they were: the daemon makes its rows anew, or ends with 74
//! and says what to do. It passes nothing over, and nobody sees a panic. The store's own tests do the
//! same by the thousand (`damage_is_never_passed_over`); here it is the real binary.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::Value;

use super::{
    Share,
    faults::acknowledged,
    power::{self, Found, crowd, shop_street},
    recording::Answered,
    say,
};
use crate::kit::{
    SOON,
    daemon::run,
    pass, until,
    world::{END_WITHIN, World, copy_folder, copy_state},
};

/// How many damages `cargo test` tries.
const DAMAGES: u32 = 16;
/// The parts of a store that hold something.
const PARTS: [&str; 4] = ["journal", "rows", "witness", "exports"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_mended_or_refused_in_words() {
    let share = Share::of("damage", DAMAGES);
    let world = shop_street(share.seed).await;
    world.keep_backups();
    let daemon = world.adopt().await;
    let people = crowd(&world, share.seed);
    pass(&world.ports, Duration::from_secs(1)).await;
    export(&world);
    pass(&world.ports, Duration::from_secs(1)).await;
    daemon.kill();
    let older = world.copy_of_state();
    let daemon = world.start().await;
    pass(&world.ports, Duration::from_secs(1)).await;
    export(&world);
    pass(&world.ports, Duration::from_secs(1)).await;
    daemon.kill();
    people.end().await;
    let newer = world.copy_of_state();
    let exports = newer.path().join("store/exports");
    let exports = fs::read_dir(exports).expect("our own copy").count();
    assert_eq!(exports, 2, "the rows lie over one, and there is another");
    let told = acknowledged(&world, &people);
    assert!(told.len() > 20, "{} acknowledgements", told.len());

    let mut chance = fastrand::Rng::with_seed(share.seed);
    let mut outcomes = BTreeMap::new();
    for number in 0..share.rounds {
        let found = Found::new(format!("damage {number}"));
        copy_state(newer.path(), found.path());
        let store = found.path().join("store");
        let how = damage(&store, &older.path().join("store"), &mut chance);
        let outcome = try_out(&world, found.path(), &told, &how).await;
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    say(
        "damage",
        &format!("{outcomes:?}, with {} acknowledgements", told.len()),
    );
    assert!(outcomes.contains_key("refused"), "{outcomes:?}");
}

/// Has the rows exported, which is part of a backup.
fn export(world: &World) {
    let (url, token) = (&world.api.admin_url, &world.api.token);
    let made = run(&["backup", "create", "--url", url, "--token", token]);
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// Does something bad to a store; says what.
fn damage(store: &Path, older: &Path, chance: &mut fastrand::Rng) -> String {
    let part = PARTS[chance.usize(..PARTS.len())];
    if chance.u8(..5) == 0 {
        remove(&store.join(part));
        copy_folder(&older.join(part), store);
        return format!("{part} is an older one");
    }
    let file = pick(&store.join(part), chance);
    let mut bytes = fs::read(&file).expect("our own copy");
    // Most of a file that is made ahead is zeros: damage there would try nothing.
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let at = chance.usize(..=used.saturating_sub(1));
    let end = (at + 4096).min(bytes.len());
    let how = match chance.u8(..5) {
        0 if used > 0 => {
            bytes[at] ^= 1 << chance.u8(..8);
            "a bit flipped"
        }
        1 => {
            bytes[at..end].fill(0);
            "a page zeroed"
        }
        2 => {
            bytes[at..end].fill_with(|| chance.u8(..));
            "a page of noise"
        }
        3 => {
            bytes.truncate(at);
            "cut off"
        }
        _ => {
            remove(&file);
            return format!("{} is gone", file.display());
        }
    };
    fs::write(&file, bytes).expect("our own copy");
    format!("{}: {how} at {at}", file.display())
}

/// A file of a part, which may be one itself.
fn pick(part: &Path, chance: &mut fastrand::Rng) -> std::path::PathBuf {
    let mut files = Vec::new();
    let mut folders = vec![part.to_owned()];
    while let Some(path) = folders.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("our own copy");
            folders.extend(entries.map(|entry| entry.expect("our own copy").path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files.swap_remove(chance.usize(..files.len()))
}

fn remove(path: &Path) {
    let removed = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    removed.expect("our own copy");
}

/// Starts the daemon on a damaged store.
async fn try_out(world: &World, state: &Path, told: &[Answered], how: &str) -> &'static str {
    let log = world.dir.path().join("stderr.log");
    fs::write(&log, "").expect("our own file");
    let store_dir = ("ONESHELF__STORE__DIR".to_owned(), state.into());
    let mut daemon = world.spawn_with(&[store_dir]);
    let code = until(&world.ports, how, SOON, async || {
        if let Some(status) = daemon.ended() {
            return Ok(status.code());
        }
        match world.api.try_get("/readyz").await {
            Ok(reply) if reply.status == 200 => Ok(None),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let said = daemon.stderr();
    assert!(!said.contains("panicked"), "{how}: {said}");
    if code.is_some() {
        assert_eq!(code, Some(74), "{how}: {said}");
        let is_advised = said.contains("--accept-rollback") && said.contains("(exit 74)");
        assert!(is_advised, "{how}: it does not say what to do: {said}");
        return "refused";
    }
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0), "{how}");
    let is_made_anew = state.join("store/aside").exists();
    power::read(world, state, told).await;
    let doctor = world.doctor(state);
    if doctor.code != Some(0) {
        // An export that is not needed now is told, and mended by the next one.
        let said: Value = serde_json::from_str(&doctor.stdout).expect("it speaks JSON");
        let findings = said["findings"].as_array().cloned().unwrap_or_default();
        let is_spare = |finding: &Value| finding.to_string().contains("No row lies over it");
        let is_mere = findings.len() == 1 && findings.iter().all(is_spare);
        assert!(is_mere && how.contains("/exports/"), "{how}: {doctor:?}");
        return "spare";
    }
    match is_made_anew {
        true => "made anew",
        false => "harmless",
    }
}
