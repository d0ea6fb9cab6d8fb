//! Orders that are entered by hand: the shops show less at once, and nobody else is told.

use std::{fs, time::Duration};

use crate::{
    commands::ask,
    kit::world::{Plan, World},
};

const ACCOUNT: &str = "kind = \"manual\"\nmode = \"live\"\n[settings]\n";
const FILE: &str = "reference;currency;sku;units;price\nA-1;EUR;JUG;1;20,00\n";

/// What is asked, the exit code, and what is said.
const STEPS: &[(&str, i32, &str)] = &[
    (
        "orders add --account phone --currency EUR --line JUG=2@20.00 --paid cash=15",
        0,
        "order 1001",
    ),
    ("orders ship 1001", 1, "wrong-phase"),
    ("orders pay 1001 --method card --amount 25.00", 0, "ready"),
    ("orders ship 1001", 0, "shipped"),
    ("orders track 1001 --state lost", 0, "exception"),
    ("orders resend 1001 --reason lost", 0, "part_shipped"),
    ("orders ship 1001", 0, "shipped"),
    (
        "orders track 1001 --state delivered",
        1,
        "name one with --parcel",
    ),
    (
        "orders return open 1001 --reason does_not_fit --line 1=1",
        0,
        "after_sales",
    ),
    ("orders return receive 1001", 0, "after_sales"),
    (
        "orders return inspect 1001 --verdict restock --note fine",
        0,
        "shipped",
    ),
    (
        "orders pay 1001 --method card --amount 41 --step refunded",
        1,
        "40.00 EUR",
    ),
    ("import FILE --account phone", 1, "would be entered"),
    ("import FILE --account phone --yes", 0, "entered"),
    ("import FILE --account phone --yes", 0, "entered before"),
    ("import FILE --account till", 65, "not-by-hand"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_taken_by_phone_is_paid_leaves_twice_and_comes_back_in_part() {
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    let within = Duration::from_secs(60);
    assert_eq!(daemon.terminate(within).await, Some(0));
    fs::write(world.config().join("accounts.d/phone.toml"), ACCOUNT).expect("it is written");
    let daemon = world.start().await;
    let file = world.dir.path().join("orders.csv");
    fs::write(&file, FILE).expect("it is written");
    let file = file.display().to_string();
    for (step, code, said) in STEPS {
        let words: Vec<&str> = step.split_whitespace().collect();
        let words: Vec<&str> = words
            .into_iter()
            .map(|word| if word == "FILE" { file.as_str() } else { word })
            .collect();
        let told = ask(&world, &words).await;
        assert_eq!(told.code, Some(*code), "{step}: {told:?}");
        let all = format!("{}{}", told.stdout, told.stderr);
        assert!(all.contains(said), "{step}: {all}");
    }
    levels_follow(&world).await;
    assert_eq!(daemon.terminate(within).await, Some(0));
}

async fn levels_follow(world: &World) {
    // Forty less the two that left, the two that left again, and the one that is promised; one came back.
    world.expect_level("web-shop", "JUG", 36).await;
    let canceled = ask(world, &["orders", "cancel", "A-1", "--reason", "no"]).await;
    assert_eq!(canceled.code, Some(0), "{canceled:?}");
    world.expect_level("web-shop", "JUG", 37).await;
    let outbox = ask(world, &["outbox"]).await;
    assert!(!outbox.stdout.contains("phone"), "{outbox:?}");
}
