//! Invoices of the real daemon on a real store: issued at once, over a kill, without a gap.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    commands::ask,
    kit::{
        api::Api,
        world::{END_WITHIN, Plan, World},
    },
};

const ACCOUNT: &str = "kind = \"manual\"\nmode = \"live\"\n[settings]\n";
/// A seller whose name stands on all documents.
pub(crate) const SELLER: &str = "
[[sellers]]
id = \"main\"
name = \"Example Pottery\"
address = [\"Kiln Street 1\", \"10115 Berlin\"]
country = \"DE\"
tax_ids = [{ number = \"DE123456788\" }]
time_zone = \"Europe/Berlin\"
due_days = 14
tax_rates = [\"19\", \"7\"]
bank = { iban = \"DE89370400440532013000\" }
invoice = \"RE-{number:05}\"
credit_note = \"GS-{number:05}\"
";
const ORDERS: usize = 120;
/// So many are issued before the daemon is killed under the others.
const BEFORE_THE_KILL: usize = 30;

fn order(at: usize) -> Value {
    json!({
        "account": "phone", "reference": format!("P-{at}"), "currency": "EUR",
        "lines": [{ "sku": "JUG", "units": 1, "price": "11.90", "tax": "1.90" }],
        "tax": "1.90", "pays": "on_invoice",
        "buyer": { "name": "Zoë Müller", "email": "zoe@example.com" },
        "ship_to": { "name": "Zoë Müller", "street": ["Hauptstraße 5"], "city": "Wien", "postal_code": "1010", "country": "AT" },
    })
}

/// Issues an invoice, as often as it takes. Nothing where the daemon is gone.
async fn issue(api: Api, order: String) -> Option<String> {
    let path = format!("/api/v1/orders/{order}/documents");
    let asked = json!({ "kind": "invoice" });
    let reply = api.try_post(&path, None, asked).await.ok()?;
    let number = reply.body["document"]["number"].as_str();
    number.map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_have_no_gap_and_no_double_over_a_kill() {
    let world = World::open(Plan::default()).await;
    fs::write(world.config().join("accounts.d/phone.toml"), ACCOUNT).expect("it is written");
    let main = world.config().join("oneshelf.toml");
    let text = fs::read_to_string(&main).expect("our own file");
    fs::write(&main, format!("{text}{SELLER}")).expect("it is written");
    let daemon = world.start().await;
    let mut orders = Vec::new();
    for at in 0..ORDERS {
        let entered = world.api.post("/api/v1/orders", order(at)).await;
        orders.push(entered["order"].as_str().expect("an order").to_owned());
    }

    let mut asking = JoinSet::new();
    for order in orders.iter().chain(&orders) {
        asking.spawn(issue(world.api.clone(), order.clone()));
    }
    let mut acknowledged = BTreeSet::new();
    while let Some(number) = asking.join_next().await {
        acknowledged.extend(number.expect("it ends"));
        if acknowledged.len() >= BEFORE_THE_KILL {
            break;
        }
    }
    daemon.kill();
    while let Some(number) = asking.join_next().await {
        acknowledged.extend(number.expect("it ends"));
    }

    let daemon = world.start().await;
    let before: BTreeSet<String> = numbers(&world, &orders).await.into_iter().collect();
    assert!(acknowledged.is_subset(&before), "what was told is there");
    let mut asking = JoinSet::new();
    for order in &orders {
        asking.spawn(issue(world.api.clone(), order.clone()));
    }
    while let Some(number) = asking.join_next().await {
        assert!(
            number.expect("it ends").is_some(),
            "each has an invoice now"
        );
    }
    let all = numbers(&world, &orders).await;
    assert_eq!(all.len(), ORDERS, "one for each order");
    let all: BTreeSet<String> = all.into_iter().collect();
    let wanted: BTreeSet<String> = (1..=ORDERS).map(|at| format!("RE-{at:05}")).collect();
    assert_eq!(all, wanted);
    assert!(before.is_subset(&all));

    drawn_by_the_command_line(&world, &orders[0]).await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let found = world.doctor(&world.state());
    assert_eq!(found.code, Some(0), "{found:?}");
}

/// The numbers of what was issued for these orders.
async fn numbers(world: &World, orders: &[String]) -> Vec<String> {
    let mut numbers = Vec::new();
    for order in orders {
        let path = format!("/api/v1/orders/{order}/documents");
        let listed = world.api.get(&path).await;
        let items = listed["items"].as_array().expect("a list").iter();
        numbers.extend(items.map(|one| one["number"].as_str().expect("a number").to_owned()));
    }
    numbers
}

async fn drawn_by_the_command_line(world: &World, order: &str) {
    let file = |name: &str| world.dir.path().join(name).display().to_string();
    for (words, name, begins, said) in [
        (
            vec!["--kind", "invoice"],
            "a.pdf",
            "%PDF-",
            "was issued before",
        ),
        (
            vec![
                "--kind",
                "credit-note",
                "--amount",
                "2.00",
                "--reason",
                "a chip",
            ],
            "b.pdf",
            "%PDF-",
            "GS-00001 is issued",
        ),
        (
            vec!["--number", "GS-00001", "--format", "html"],
            "c.html",
            "<!DOCTYPE html>",
            "Drawn again",
        ),
        (
            vec!["--kind", "confirmation", "--language", "en"],
            "d.pdf",
            "%PDF-",
            "Drawn",
        ),
        (vec!["--kind", "packing-slip"], "e.pdf", "%PDF-", "Drawn"),
    ] {
        let to = file(name);
        let mut all = vec!["orders", "document", order, "--output", &to];
        all.extend(&words);
        let told = ask(world, &all).await;
        assert_eq!(told.code, Some(0), "{words:?}: {told:?}");
        assert!(told.stdout.contains(said), "{words:?}: {told:?}");
        let bytes = fs::read(&to).expect("it is written");
        assert!(bytes.starts_with(begins.as_bytes()), "{words:?}");
    }
    let shown = ask(world, &["orders", "show", order]).await;
    for part in ["RE-", "GS-00001", "2.00 EUR", "issued credit note GS-00001"] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    let beyond = ["--kind", "credit-note", "--amount", "9.91", "--reason", "r"];
    let mut all = vec!["orders", "document", order, "--output", "-"];
    all.extend(beyond);
    let refused = ask(world, &all).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("only 9.90 EUR of invoice"),
        "{refused:?}"
    );
}
