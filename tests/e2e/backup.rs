//! A copy of everything, made while shops sell, and life after putting it back.

use std::fs;

use serde_json::{Value, json};

use crate::kit::{
    daemon::{Ended, run},
    world::{END_WITHIN, Plan, SHOPS, World},
};

/// The last line that a command printed, as JSON.
fn told(ended: &Ended) -> Value {
    let line = ended.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn offline(world: &World, arguments: &[&str]) -> Ended {
    let config = world.config().display().to_string();
    run(&[arguments, &["--config", &config]].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_found_again_and_nothing_is_written_before_it_was_compared() {
    let world = World::open(Plan::default()).await;
    world.keep_backups();
    let daemon = world.adopt().await;
    for (account, _) in SHOPS {
        world.buy(account, &[("BOWL", 1)]);
    }
    world.settle().await;

    let api = ["--url", &world.api.admin_url, "--token", &world.api.token];
    let online = |arguments: &[&str]| run(&[arguments, &api].concat());
    let made = online(&["backup", "create", "--json"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let backup = told(&made);
    assert_eq!(backup["orders"], 4);
    let path = backup["path"].as_str().expect("a path");
    let elsewhere = online(&["backup", "create", "--to", "/tmp"]);
    assert_eq!(elsewhere.code, Some(1), "{elsewhere:?}");
    let listed = online(&["backup", "list", "--json"]);
    assert_eq!(told(&listed)["path"], path);
    let verified = run(&["backup", "verify", path, "--json"]);
    assert_eq!((verified.code, told(&verified)), (Some(0), backup.clone()));
    let busy = offline(&world, &["doctor"]);
    assert_eq!(busy.code, Some(74), "{busy:?}");
    assert!(busy.stderr.contains("stop the daemon first"), "{busy:?}");

    // This is lost with the disk.
    let later = world.buy("market", &[("VASE", 1)]);
    world.expect_order("market", &later).await;
    world.settle().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let well = offline(&world, &["doctor", "--json"]);
    assert_eq!(
        (well.code, &told(&well)["is_well"]),
        (Some(0), &json!(true)),
        "{well:?}"
    );
    let here = offline(&world, &["backup", "create", "--json"]);
    assert_eq!(
        (here.code, &told(&here)["orders"]),
        (Some(0), &json!(5)),
        "{here:?}"
    );
    fs::rename(world.state(), world.dir.path().join("lost")).expect("our own folder");

    let state = world.state().display().to_string();
    let restored = run(&["restore", path, "--to", &state, "--json"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let again = run(&["restore", path, "--to", &state]);
    assert_eq!(again.code, Some(65), "{again:?}");
    let well = offline(&world, &["doctor"]);
    assert_eq!(well.code, Some(0), "{well:?}");
    let refused = offline(&world, &["run"]);
    assert_eq!(refused.code, Some(74), "no backup has the master key");
    assert!(refused.stderr.contains("Put it back"), "{refused:?}");
    let lost = world.dir.path().join("lost").join("master.key");
    fs::copy(lost, world.state().join("master.key")).expect("it was kept");

    let daemon = world.start().await;
    world.settle().await;
    assert!(daemon.stderr().contains("History was lost"), "it says so");
    for account in world.api.all("/api/v1/accounts").await.expect("accounts") {
        assert_eq!(account["may_write"], true, "all was compared: {account}");
    }
    for (account, _) in SHOPS {
        world.expect_level(account, "VASE", 8).await;
    }
    let orders = world.api.all("/api/v1/orders").await.expect("orders");
    assert_eq!(orders.len(), 5, "none is lost, none is doubled");
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let well = offline(&world, &["doctor"]);
    assert_eq!(well.code, Some(0), "{well:?}");
}
