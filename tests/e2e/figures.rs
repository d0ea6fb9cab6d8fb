//! The commands that measure and rehearse, which need no daemon, no secrets and no network.

use std::path::Path;

use serde_json::Value;

use crate::kit::daemon::{Ended, run};

fn objects(ended: &Ended) -> Vec<Value> {
    let objects = ended.stdout.lines().map(serde_json::from_str);
    let objects: Result<Vec<Value>, _> = objects.collect();
    objects.expect("one object a line")
}

#[test]
fn the_table_of_buffers_is_the_same_for_a_seed() {
    let small = ["--hours", "8", "--items", "20", "--seed", "9", "--json"];
    let bench = |more: &[&str]| run(&[&["bench", "buffers"], more].concat());
    let first = bench(&small);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(first.stdout, bench(&small).stdout);
    let rows = objects(&first);
    let policies: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["policy"].as_str())
        .collect();
    assert_eq!(policies, ["none", "1", "2", "3", "4", "5", "auto"]);
    assert_eq!(rows[7]["comparison"]["is_worth_it"], true, "{first:?}");
    let table = bench(&small[..6]);
    assert!(table.stdout.contains("UNIT-HOURS HIDDEN"), "{table:?}");
    assert_eq!(bench(&["--hours", "0"]).code, Some(2));
}

/// What the documentation shows is what the command prints.
#[test]
fn the_documented_table_of_buffers_is_what_the_command_prints() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating/stock.md");
    let text = std::fs::read_to_string(docs).expect("the page is there");
    let (_, from) = text
        .split_once("$ oneshelf bench buffers")
        .expect("the command is shown");
    let (words, rest) = from.split_once('\n').expect("what it prints follows");
    let (shown, _) = rest.split_once("```").expect("the block ends");
    let words = words.split_whitespace();
    let line: Vec<&str> = ["bench", "buffers"].into_iter().chain(words).collect();
    let ended = run(&line);
    assert_eq!(ended.stdout, shown, "{line:?}");
    assert_eq!(ended.code, Some(0));
}

#[test]
fn intake_is_measured_beside_a_baseline_in_the_same_run() {
    let ended = run(&[
        "bench",
        "intake",
        "--orders",
        "200",
        "--connections",
        "2",
        "--accounts",
        "2",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cases = objects(&ended);
    let items: Vec<&str> = cases
        .iter()
        .filter_map(|case| case["items"].as_str())
        .collect();
    assert_eq!(items, ["spread", "one"]);
    for case in &cases {
        assert_eq!(case["figure"], "intake");
        assert_eq!(
            (&case["orders"], &case["put_off"]),
            (&200.into(), &0.into())
        );
        for figure in [
            "orders_per_second",
            "ratio",
            "acknowledged_ratio",
            "cpu_ms_per_order",
        ] {
            assert!(case[figure].as_f64() > Some(0.0), "{figure}: {case}");
        }
        assert!(
            case["baseline"]["per_second"].as_f64() > Some(0.0),
            "{case}"
        );
        assert!(case["bytes_written_per_order"].as_u64() > Some(0), "{case}");
        let decided = &case["decided_ms"];
        assert!(decided["p50"].as_u64() <= decided["p99"].as_u64(), "{case}");
    }
    assert_eq!(run(&["bench", "intake", "--orders", "1"]).code, Some(2));
}

/// What must be so of any round, on any machine.
fn check_round(round: &Value, orders: u64, others: u64) {
    for (figure, expected) in [
        ("orders", orders),
        ("refused", 0),
        ("others", others),
        ("pairs", orders * others),
        ("pairs_shown", orders * others),
        ("wrong_levels", 0),
        ("too_low_levels", 0),
    ] {
        assert_eq!(round[figure], expected, "{figure}: {round}");
    }
    // A level is written at most once for each order and account.
    let (calls, writes) = (round["calls"].as_u64(), round["writes"].as_u64());
    assert!(calls >= Some(others) && writes >= calls, "{round}");
    assert!(writes <= Some(orders * others), "{round}");
    assert!(round["cpu_ms_per_order"].as_f64() > Some(0.0), "{round}");
}

#[test]
fn every_order_is_seen_at_every_other_account_and_compared_with_plain_writes() {
    let ended = run(&[
        "bench",
        "propagation",
        "--rate",
        "40",
        "--seconds",
        "1",
        "--accounts",
        "3",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cases = objects(&ended);
    let items: Vec<&str> = cases
        .iter()
        .filter_map(|case| case["round"]["items"].as_str())
        .collect();
    assert_eq!(items, ["spread", "one"]);
    for case in &cases {
        assert_eq!(case["figure"], "propagation");
        check_round(&case["round"], 40, 2);
        assert!(case["plain"]["p99_ms"].as_f64() > Some(0.0), "{case}");
        let is_reached = case["round"]["is_reached"] == true;
        assert_eq!(case["p99_ratio"].is_number(), is_reached, "{case}");
    }
    let alone = ["bench", "propagation", "--accounts", "1"];
    assert_eq!(run(&alone).code, Some(2));
}

#[test]
fn an_account_that_hangs_loses_no_order_for_the_others() {
    let ended = run(&[
        "bench",
        "isolation",
        "--rate",
        "20",
        "--seconds",
        "1",
        "--accounts",
        "3",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rows = objects(&ended);
    assert_eq!(rows.len(), 3, "{ended:?}");
    for (row, last) in rows.iter().zip(["well", "hung"]) {
        assert_eq!(row["last_account"], last);
        assert!(row["last_account_requests"].as_u64() > Some(0), "{row}");
        check_round(&row["round"], 20, 1);
    }
    assert_eq!(rows[2]["comparison"]["hung_ms"], 30_000, "{ended:?}");
}

#[test]
fn a_store_is_measured_at_every_size_and_opens_again_with_all_of_it() {
    let ended = run(&[
        "bench", "stored", "--orders", "500,1000", "--hooks", "150", "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    let of = |name: &str| -> Vec<&Value> {
        let all = figures.iter();
        all.filter(|figure| figure["figure"] == name).collect()
    };
    for name in ["restart", "rebuild", "memory", "growth"] {
        let orders: Vec<u64> = of(name)
            .iter()
            .filter_map(|figure| figure["orders"].as_u64())
            .collect();
        assert_eq!(orders, [500, 1000], "{name}: {ended:?}");
    }
    for opened in of("restart").into_iter().chain(of("rebuild")) {
        for figure in ["seconds", "reading_seconds", "ratio"] {
            assert!(opened[figure].as_f64() > Some(0.0), "{figure}: {opened}");
        }
    }
    for memory in of("memory") {
        let (at_rest, peak) = (memory["resident_mb"].as_u64(), memory["peak_mb"].as_u64());
        assert!(at_rest > Some(0) && peak >= at_rest, "{memory}");
        // An order cannot have fewer rows than itself, its line in each list, and its facts.
        let export = &memory["disk"]["export"];
        assert!(export["rows_per_order"].as_f64() > Some(5.0), "{memory}");
        assert!(export["bytes_per_order"].as_u64() > Some(500), "{memory}");
        assert!(memory["raw_signal_bytes"].as_u64() > Some(500), "{memory}");
    }
    let growth = of("growth");
    assert_eq!(growth[0]["ratio"], 1.0, "{ended:?}");
    assert!(growth[1]["ratio"].as_f64() > Some(0.0), "{ended:?}");
}

#[test]
fn one_figure_of_a_store_is_measured_alone() {
    let ended = run(&[
        "bench", "restart", "--orders", "500", "--hooks", "100", "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    assert_eq!(figures.len(), 1, "{ended:?}");
    assert_eq!(figures[0]["figure"], "restart");
}

/// What a shop that is away misses is one level for each listing, not one for each order.
#[test]
fn memory_is_measured_while_a_shop_is_away() {
    let ended = run(&[
        "bench",
        "dead",
        "--minutes",
        "5",
        "--basket-every-ms",
        "500",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cases = objects(&ended);
    let [well, dead] = cases.as_slice() else {
        panic!("two cases: {ended:?}");
    };
    for (case, name) in [(well, "well"), (dead, "dead")] {
        assert_eq!(case["last_shop"], name);
        assert!(case["orders"].as_u64() > Some(200), "{case}");
        assert_eq!(case["violations"], serde_json::json!([]), "{case}");
        assert!(case["quiet_after_ms"].as_u64() > Some(0), "{case}");
    }
    assert!(dead["ratio"].as_f64() > Some(0.0), "{dead}");
    assert!(dead["ratio"].as_f64() < Some(2.0), "{dead}");
}

#[test]
fn every_page_of_the_dashboard_is_timed() {
    let ended = run(&[
        "bench", "pages", "--orders", "500", "--rounds", "5", "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    for page in ["/", "/orders", "/orders/…", "/insight?days=90"] {
        let found = figures.iter().find(|figure| figure["page"] == page);
        let found = found.unwrap_or_else(|| panic!("{page}: {ended:?}"));
        let p50 = found["p50_ms"].as_f64();
        assert!(
            p50 > Some(0.0) && found["p99_ms"].as_f64() >= p50,
            "{found}"
        );
        let bytes = found["bytes"].as_u64();
        assert!(bytes > Some(1000) && bytes < Some(100_000), "{found}");
    }
}

#[test]
fn the_list_of_orders_stays_live() {
    let ended = run(&[
        "bench",
        "board",
        "--open",
        "600",
        "--rate",
        "20",
        "--seconds",
        "3",
        "--json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    let [board] = figures.as_slice() else {
        panic!("one figure: {ended:?}");
    };
    assert_eq!(board["changes"], 60, "{board}");
    assert!(board["reads"].as_u64() > Some(1), "{board}");
    // What changed together is told together.
    assert!(board["events"].as_u64() < Some(30), "{board}");
    assert!(board["behind_p99_ms"].as_f64() < Some(10_000.0), "{board}");
    assert!(board["page_bytes"].as_u64() < Some(76_000), "{board}");
}

#[test]
fn every_order_of_a_shop_is_polled_into_the_order_book() {
    let ended = run(&["bench", "backfill", "--orders", "300", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    let [figure] = figures.as_slice() else {
        panic!("one figure: {ended:?}");
    };
    // Beside those that were wanted there may be the one of each item that hooks are learned from.
    assert!(figure["orders"].as_u64() >= Some(300), "{figure}");
    for name in ["orders_per_second", "plain_per_second", "ratio"] {
        assert!(figure[name].as_f64() > Some(0.0), "{name}: {figure}");
    }
    assert_eq!(figure["allowed_per_second"], 1000);
}

#[test]
fn a_comparison_finds_exactly_what_differs() {
    let ended = run(&["bench", "reconcile", "--listings", "1500", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let figures = objects(&ended);
    let [figure] = figures.as_slice() else {
        panic!("one figure: {ended:?}");
    };
    assert_eq!(
        (&figure["listings"], &figure["differing"], &figure["found"]),
        (&1500.into(), &2.into(), &2.into())
    );
    let part = |name: &str| figure[name].as_f64().expect("a number");
    assert!(part("memory_seconds") < part("seconds"), "{figure}");
    assert!(part("rows_seconds") > 0.0, "{figure}");
    assert!(part("paged_per_second") > 0.0, "{figure}");
}

/// Nobody listens at port 1. A machine without pgbench measures everything else and says so.
#[test]
fn a_database_that_cannot_be_compared_with_is_told() {
    let database = "postgres://nobody@127.0.0.1:1/nothing";
    let ended = run(&[
        "bench",
        "intake",
        "--orders",
        "100",
        "--connections",
        "1",
        "--json",
        "--postgres",
        database,
    ]);
    assert!(ended.stderr.contains("pgbench"), "{ended:?}");
    match ended.code {
        Some(0) => assert!(
            objects(&ended)
                .iter()
                .all(|case| case["postgres"].is_null())
        ),
        _ => assert!(ended.stderr.contains("pgbench failed"), "{ended:?}"),
    }
}

#[test]
fn the_example_configuration_is_rehearsed_without_its_secrets() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let config = config.to_str().expect("a plain path");
    let words = [
        "rehearse",
        "--config",
        config,
        "--seeds",
        "1",
        "--busy-for",
        "5m",
        "--weather",
        "calm",
        "--no-compare",
    ];
    let told = run(&words);
    assert_eq!(told.code, Some(0), "{told:?}");
    for account in ["eu-shop", "till-berlin", "us-ebay", "us-shop"] {
        assert!(told.stdout.contains(account), "{told:?}");
    }
    let as_json = run(&[&words[..], &["--json"]].concat());
    let rows = objects(&as_json);
    assert_eq!(rows.len(), 2, "{as_json:?}");
    assert!(
        rows[0]["accounts"]["us-ebay"]["orders"].as_u64() > Some(0),
        "{rows:?}"
    );
    assert_eq!(rows[1]["broken"], serde_json::json!([]));
    let nowhere = run(&["rehearse", "--config", "/nowhere/at/all"]);
    assert_eq!(nowhere.code, Some(78), "{nowhere:?}");
}
