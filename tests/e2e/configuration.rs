//! What it says, and with which exit code it ends, when it cannot start.

use std::{fs, path::Path};

use crate::kit::{
    daemon::run,
    world::{END_WITHIN, Plan, World, free_port},
};

fn small() -> Plan {
    Plan {
        shops: vec![("web-shop", "woocommerce")],
        ..Plan::default()
    }
}

fn run_at(config: &Path) -> crate::kit::daemon::Ended {
    run(&["run", "--config", config.to_str().expect("a plain path")])
}

#[test]
fn without_a_configuration_it_names_the_demo() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for path in [dir.path().join("nowhere"), dir.path().to_owned()] {
        let ended = run_at(&path);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        assert!(ended.stderr.contains("oneshelf demo"), "{ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_shown_where_it_is_and_what_was_meant() {
    let world = World::open(small()).await;
    let file = world.config().join("oneshelf.toml");
    let good = fs::read_to_string(&file).expect("a file");
    let line = good
        .lines()
        .position(|line| line.starts_with("opening"))
        .expect("a key")
        + 2;
    let bad = good.replace(
        "opening = \"web-shop\"\n",
        "opening = \"web-shop\"\n  bufer = 2\n",
    );
    fs::write(&file, bad).expect("a file");
    let account = world.config().join("accounts.d/web-shop.toml");
    let good = fs::read_to_string(&account).expect("a file");
    fs::write(&account, good.replace("\"live\"", "\"life\"")).expect("a file");
    for arguments in ["run", "check"] {
        let config = world.config();
        let ended = run(&[
            arguments,
            "--config",
            config.to_str().expect("a plain path"),
        ]);
        assert_eq!(ended.code, Some(78), "{ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        // Both at once, each at its place.
        for part in [
            format!("oneshelf.toml:{line}:3"),
            "bufer".to_owned(),
            "buffer".to_owned(),
            "web-shop.toml:2:8".to_owned(),
            "live".to_owned(),
        ] {
            assert!(said.contains(&part), "{part} is missing:\n{said}");
        }
        for secret in &world.secrets {
            assert!(!said.contains(secret.as_str()), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_refused_with_a_sentence() {
    let world = World::open(small()).await;
    let daemon = world.adopt().await;
    world.buy("web-shop", &[("BOWL", 1)]);
    world.settle().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let store = world.state().join("store");
    let mut segments = Vec::new();
    find_segments(&store, &mut segments);
    let segment = segments.first().expect("a segment of the journal");
    let mut bytes = fs::read(segment).expect("a file");
    // Segments are made longer than what is in them.
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("records");
    let middle = end / 2;
    for byte in &mut bytes[middle..middle + 16] {
        *byte ^= 0x5a;
    }
    fs::write(segment, &bytes).expect("a file");
    let ended = run_at(&world.config());
    assert_eq!(ended.code, Some(74), "{ended:?}");
    assert!(ended.stderr.contains("damaged"), "{ended:?}");
    assert!(ended.stderr.contains("--accept-rollback"), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    let after = fs::read(segment).expect("a file");
    assert_eq!(after, bytes, "nothing was changed");
}

fn find_segments(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_segments(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "journal")
        {
            found.push(path);
        }
    }
    found.sort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_the_same_store_is_told_who_has_it() {
    let world = World::open(small()).await;
    let mut daemon = world.start().await;
    let file = world.config().join("oneshelf.toml");
    let text = fs::read_to_string(&file).expect("a file");
    let (public, admin) = (free_port(), free_port());
    let mut moved = String::new();
    for line in text.lines() {
        let line = match line.split_once(" = ") {
            Some(("public", _)) => format!("public = \"127.0.0.1:{public}\""),
            Some(("admin", _)) => format!("admin = \"127.0.0.1:{admin}\""),
            Some(_) | None => line.to_owned(),
        };
        moved.push_str(&line);
        moved.push('\n');
    }
    fs::write(&file, moved).expect("a file");
    let ended = run_at(&world.config());
    assert_eq!(ended.code, Some(74), "{ended:?}");
    let holder = format!("process {}", daemon.pid());
    assert!(ended.stderr.contains(&holder), "{holder}: {ended:?}");
    assert_eq!(daemon.ended(), None, "the first goes on");
    let reply = world.api.try_get("/readyz").await.expect("an answer");
    assert_eq!(reply.status, 200);
}
