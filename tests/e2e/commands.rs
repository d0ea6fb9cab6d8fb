//! The commands that speak to a running daemon, and the demo.

use serde_json::Value;

use crate::kit::{
    daemon::{Ended, run},
    world::{Plan, World},
};

/// All that the demo tells.
const TOLD: [&str; 16] = [
    "orders_placed",
    "orders_in",
    "orders_by_phase",
    "claims",
    "pushes",
    "coalesced",
    "propagation_ms",
    "oversold",
    "oversold_unexplained",
    "levels_wrong",
    "duplicates_dropped",
    "drift_open",
    "reconciles",
    "parked",
    "exit_reason",
    "shipments_told",
];

#[test]
fn the_demo_ends_well_and_tells_everything_in_one_object() {
    let ended = run(&["demo", "--for", "5s", "--json"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 1, "{ended:?}");
    let summary: Value = serde_json::from_str(lines[0]).expect("one JSON object");
    for name in TOLD {
        assert!(!summary[name].is_null(), "{name} is missing: {summary}");
    }
    assert!(summary["propagation_ms"]["p50"].is_u64(), "{summary}");
    assert!(summary["propagation_ms"]["p99"].is_u64(), "{summary}");
    assert!(summary["orders_placed"].as_u64() > Some(3), "{summary}");
    assert_eq!(summary["orders_placed"], summary["orders_in"]);
    for name in ["oversold_unexplained", "levels_wrong", "drift_open"] {
        assert_eq!(summary[name], 0, "{summary}");
    }
    assert!(summary["reconciles"].as_u64() >= Some(2), "{summary}");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn the_simulator_tells_each_seed_and_plays_one_again() {
    let usual = ["--scale", "small", "--crashes", "1", "--json"];
    let sim = |more: &[&str]| {
        let ended = run(&[&["sim"], more, &usual].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let objects = ended.stdout.lines().map(serde_json::from_str);
        let objects: Result<Vec<Value>, _> = objects.collect();
        objects.expect("one object a line")
    };
    let three = sim(&["--seeds", "3", "--from", "5"]);
    let seeds: Vec<&Value> = three.iter().map(|object| &object["seed"]).collect();
    assert_eq!(seeds, [&5.into(), &6.into(), &7.into(), &Value::Null]);
    let sums = &three[3];
    assert_eq!(sums["seeds"], 3, "{sums}");
    assert_eq!(sums["failed"], serde_json::json!([]), "{sums}");
    for counted in ["faults", "decisions", "checkers", "reasons"] {
        assert!(sums["coverage"][counted].is_object(), "{sums}");
    }
    let one = sim(&["--seed", "6"]);
    assert_eq!(one[0]["trace_hash"], three[1]["trace_hash"]);
    assert_eq!(one[0]["violations"], serde_json::json!([]));

    let told = run(&["sim", "--seed", "6", "--scale", "small"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for part in [
        " call shop-",
        " fact {",
        "Looked at by checkers",
        "seed 6, trace ",
    ] {
        assert!(told.stdout.contains(part), "{part}");
    }
}

/// Runs a command against the daemon of a world.
pub(crate) async fn ask(world: &World, arguments: &[&str]) -> Ended {
    let token = world.config().join("secrets/admin-token");
    let mut all: Vec<String> = Vec::new();
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    all.extend(["--url".to_owned(), world.api.admin_url.clone()]);
    all.extend(["--token-file".to_owned(), token.display().to_string()]);
    let asked = tokio::task::spawn_blocking(move || {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        run(&all)
    });
    asked.await.expect("the command was run")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_tell_what_the_running_daemon_knows() {
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    let id = world.buy("market", &[("JUG", 2)]);
    world.expect_order("market", &id).await;
    world.expect_level("web-shop", "JUG", 38).await;
    world.settle().await;

    let explained = ask(&world, &["stock", "explain", "JUG"]).await;
    assert_eq!(explained.code, Some(0), "{explained:?}");
    for part in ["38", "web-shop", "till", "market", "boutique"] {
        assert!(
            explained.stdout.contains(part),
            "{part}: {}",
            explained.stdout
        );
    }
    let verbs: [&[&str]; 7] = [
        &["status"],
        &["orders"],
        &["stock"],
        &["listings"],
        &["accounts"],
        &["outbox"],
        &["rules"],
    ];
    for verb in verbs {
        let told = ask(&world, verb).await;
        assert_eq!(told.code, Some(0), "{verb:?}: {told:?}");
        let mut as_json = verb.to_vec();
        as_json.push("--json");
        let told = ask(&world, &as_json).await;
        assert_eq!(told.code, Some(0), "{verb:?}: {told:?}");
        for line in told.stdout.lines() {
            let read: Result<Value, _> = serde_json::from_str(line);
            assert!(
                read.is_ok_and(|value| value.is_object()),
                "{verb:?}: {line}"
            );
        }
    }
    let orders = ask(&world, &["orders", "--json"]).await;
    assert!(orders.stdout.contains(id.as_str()), "{orders:?}");
    let unknown = ask(&world, &["stock", "explain", "NO-SUCH"]).await;
    assert_ne!(unknown.code, Some(0), "{unknown:?}");

    drop(daemon);
    let gone = ask(&world, &["status"]).await;
    assert_eq!(gone.code, Some(69), "{gone:?}");
}

#[test]
fn shells_and_man_know_every_command() {
    let completed = run(&["completions", "bash"]);
    assert_eq!(completed.code, Some(0), "{completed:?}");
    for word in ["oneshelf", "rehearse", "pick-list", "--token-file"] {
        assert!(completed.stdout.contains(word), "{word} is completed");
    }
    let page = run(&["man", "orders", "ship"]);
    assert_eq!(page.code, Some(0), "{page:?}");
    assert!(page.stdout.contains(".TH oneshelf-orders-ship"), "{page:?}");
    let unknown = run(&["man", "orders", "shop"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    let said = "`oneshelf orders` has no command `shop`; it has: list, show";
    assert!(unknown.stderr.contains(said), "{unknown:?}");

    let dir = tempfile::tempdir().expect("a folder");
    let at = dir.path().to_str().expect("a plain path");
    let all = run(&["man", "--dir", at]);
    assert_eq!(all.code, Some(0), "{all:?}");
    for name in [
        "oneshelf.1",
        "oneshelf-run.1",
        "oneshelf-orders-return-open.1",
    ] {
        let page = std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    let nowhere = run(&["man", "--dir", &format!("{at}/nowhere")]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.stderr.contains("failed to write to"), "{nowhere:?}");
}
