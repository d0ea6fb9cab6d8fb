//! Rehearsals of small configurations, in this process.

use clap::Parser;
use serde_json::Value;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const WEB: &str = "kind = \"woocommerce\"\nmode = \"live\"\n[settings]\nurl = \"https://shop.example.com\"\n\
    consumer_key = \"ck\"\nconsumer_secret = { credential = \"web\" }\nwebhook_secret = { env = \"NOT_SET\" }\n";
const TILL: &str = "kind = \"square\"\n[offer]\nbuffer = 1\n[settings]\nlocation_id = \"L1\"\n\
    access_token = { file = \"/nowhere/token\" }\n";

fn folder(main: &str, accounts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("accounts.d")).expect("a folder");
    std::fs::write(folder.path().join("oneshelf.toml"), main).expect("it is written");
    for (id, text) in accounts {
        let file = folder.path().join(format!("accounts.d/{id}.toml"));
        std::fs::write(file, text).expect("it is written");
    }
    folder
}

fn rehearsed(folder: &tempfile::TempDir, words: &[&str]) -> (Exit, String) {
    let line = ["rehearse"].iter().chain(words);
    let line = Line::try_parse_from(line).expect("good options");
    let mut out = Vec::new();
    let nothing = Environment::new();
    let exit = rehearse(&line.args, folder.path(), &nothing, &mut out).expect("it is printed");
    (exit, String::from_utf8(out).expect("text"))
}

const SHORT: [&str; 8] = [
    "--busy-for",
    "3m",
    "--orders-per-hour",
    "2400",
    "--seeds",
    "2",
    "--weather",
    "calm",
];

#[test]
fn it_needs_no_secrets_and_tells_what_each_account_would_do() {
    let main = "[stock]\nopening = \"web\"\n[[stock.rules]]\nsku = \"MUG\"\nmax = 3\n\
                [[items]]\nsku = \"TEA\"\nscale = 3\n\
                [[items]]\nsku = \"SET\"\nkind = \"kit\"\ncomponents = { MUG = 2, PLATE = 1 }\n";
    let folder = folder(main, &[("web", WEB), ("till", TILL)]);
    let (exit, text) = rehearsed(&folder, &SHORT);
    assert_eq!(exit, Exit::Good, "{text}");
    for part in [
        "Rehearsing 2 accounts: seeds 0 to 1, calm weather, 2400 orders an hour for 3 minutes.",
        "Not rehearsed, because the sandbox shops sell whole pieces: TEA.",
        "some are made up: GOOD-01,",
        "The opening stock is what web shows",
        "till is only observed",
        "units sold twice in 1000 orders",
        "as configured",
        "auto",
        "Every promise was kept in all 2 seeds.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("GIFT-SET"), "there is a kit already\n{text}");
    assert_eq!(text, rehearsed(&folder, &SHORT).1, "a seed tells it again");
}

#[test]
fn figures_add_up_and_rules_cost_what_they_hide() {
    let main = "public_url = \"https://hooks.example.com\"\n[stock]\nbuffer = 2\n";
    let folder = folder(main, &[("web", WEB), ("till", TILL)]);
    let words: Vec<&str> = SHORT.into_iter().chain(["--json"]).collect();
    let (exit, text) = rehearsed(&folder, &words);
    assert_eq!(exit, Exit::Good, "{text}");
    let objects: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    assert_eq!(
        objects.len(),
        3 * 2 + 1,
        "two seeds three times, and the sums"
    );
    let sums = &objects[6]["sums"];
    let hidden = |at: usize, account: &str| {
        let figures = &sums[at]["accounts"][account];
        figures["hidden_unit_seconds"].as_u64().expect("a number")
    };
    assert_eq!(sums[1]["buffers"], "none");
    assert_eq!((hidden(1, "web"), hidden(1, "till")), (0, 0));
    assert!(hidden(0, "web") > 0 && hidden(0, "till") > 0, "{sums:#}");
    for at in 0..3 {
        let orders = |account: &str| sums[at]["accounts"][account]["orders"].as_u64();
        let all = orders("web")
            .zip(orders("till"))
            .map(|(web, till)| web + till);
        assert_eq!(all, sums[at]["total"]["orders"].as_u64());
        assert!(all > Some(50), "{sums:#}");
        assert!(
            sums[at]["accounts"]["web"]["lag_p99_ms"].as_u64() > Some(0),
            "{sums:#}"
        );
    }
    for seed in 0..2 {
        let sum: u64 = ["web", "till"]
            .map(|account| {
                objects[seed]["accounts"][account]["orders"]
                    .as_u64()
                    .expect("a number")
            })
            .iter()
            .sum();
        assert!(sum > 20, "{sum}");
    }
}

#[test]
fn a_wrong_configuration_and_one_of_nobody_are_told() {
    let wrong = folder("[stock]\nbufer = 1\n", &[("web", WEB)]);
    let (exit, text) = rehearsed(&wrong, &[]);
    assert_eq!(exit, Exit::Configuration);
    assert!(text.contains("oneshelf.toml:2:1"), "{text}");
    let off = WEB.replace("\"live\"", "\"off\"");
    let nobody = folder("", &[("web", &off)]);
    let (exit, text) = rehearsed(&nobody, &[]);
    assert_eq!(exit, Exit::Configuration);
    assert!(text.contains("web is off, and is left out."), "{text}");
    assert!(text.contains("no account can be rehearsed"), "{text}");
}
