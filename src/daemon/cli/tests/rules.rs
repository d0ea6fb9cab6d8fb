//! What commands about rules ask and print.

use serde_json::{Value, json};

use super::{page, run};
use crate::exit::Exit;

fn dear() -> Value {
    json!({
        "name": "dear", "on": "order.accepted", "when": "order.total > 500", "hold": "look at it", "hold_for_s": null,
        "keeps_claim": true, "tag": ["abroad"], "route": "berlin", "priority": 5,
    })
}

#[tokio::test]
async fn rules_are_listed() {
    let ran = run("rules", &[(200, json!({ "rules": [dear()] }))]).await;
    assert_eq!(ran.calls(), ["GET http://daemon:8081/api/v1/rules"]);
    assert_eq!(
        ran.text,
        "\
RULE  ON              WHEN               THEN
dear  order.accepted  order.total > 500  hold: look at it, tag abroad, route berlin,\u{2026}
"
    );
    let ran = run("rules|list", &[(200, json!({ "rules": [] }))]).await;
    assert_eq!(
        ran.text,
        "There are no rules: write [[rules]] in oneshelf.toml.\n"
    );
}

fn trial() -> Value {
    json!({
        "looked_at": 2, "is_cut_off": true,
        "rules": [
            { "rule": "dear", "on": "order.accepted", "matched": 1, "failed": 0 },
            { "rule": "odd", "on": "order.paid", "matched": 0, "failed": 1 },
        ],
        "orders": [{
            "order": "ord_1", "number": "#17", "account": "web", "placed_at": "T",
            "runs": [
                {
                    "rule": "dear", "on": "order.accepted", "at": null, "outcome": "matched",
                    "saw": { "order.total": "612.00 EUR" }, "did": ["held: look at it", "tagged abroad"], "error": null,
                },
                {
                    "rule": "odd", "on": "order.paid", "at": null, "outcome": "failed",
                    "saw": {}, "did": [], "error": "nobody knows",
                },
            ],
        }],
    })
}

#[tokio::test]
async fn rules_are_tried_out_on_past_orders() {
    let ran = run(
        "rules|test|--since|2026-11-01T00:00:00Z|--rule|dear",
        &[(200, trial())],
    )
    .await;
    assert_eq!(ran.calls(), ["POST http://daemon:8081/api/v1/rules/test"]);
    assert_eq!(
        ran.body(0),
        json!({ "limit": 200, "since": "2026-11-01T00:00:00Z", "rule": "dear" })
    );
    assert_eq!(
        ran.text,
        "\
#17 on web, placed T (ord_1)
  dear matches (order.total is 612.00 EUR): would be held: look at it, tagged abroad
  odd fails: nobody knows

dear: matches 1 of 2 orders.
odd: matches 0 of 2 orders; it would fail for 1.
There are more orders: say --since or --limit to look at others.
Orders were looked at as they stand now. Nothing was changed.
"
    );
}

#[tokio::test]
async fn rules_of_a_file_are_checked_before_they_are_tried_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("candidate.toml");
    let line = format!("rules|test|--order|ord_1|--file|{}", file.display());
    let known = [
        page(json!([{ "id": "web" }]), None),
        page(json!([{ "id": "berlin", "kind": "warehouse" }]), None),
    ];
    let good = "[[rules]]\nname = \"dear\"\non = \"order.accepted\"\nwhen = \"order.account == 'web'\"\nthen = { hold = \
                \"look\", hold_for = \"1h\", route = \"berlin\" }\n";
    std::fs::write(&file, good).expect("written");
    let mut answers = known.to_vec();
    answers.push((200, trial()));
    let ran = run(&line, &answers).await;
    assert_eq!(ran.exit, Exit::Good, "{}", ran.text);
    let rule = &ran.body(2)["rules"][0];
    assert_eq!(ran.body(2)["order"], "ord_1");
    assert_eq!(
        (&rule["hold"], &rule["hold_for_s"], &rule["route"]),
        (&json!("look"), &json!(3600), &json!("berlin"))
    );
    assert_eq!(rule["when"], "order.account == 'web'");

    std::fs::write(&file, good.replace("'web'", "'wob'")).expect("written");
    let ran = run(&line, &known).await;
    assert_eq!(ran.exit, Exit::Data);
    assert_eq!(ran.asked.len(), 2, "it was not tried out");
    assert!(
        ran.text.contains("there is no account `wob`"),
        "{}",
        ran.text
    );
}

#[tokio::test]
async fn an_order_says_what_rules_made_of_it() {
    let mut order = json!({
        "id": "ord_1", "account": "web", "number": "#17", "phase": "held", "total": { "amount": "612.00", "currency": "EUR" },
        "tags": ["abroad", "vip"], "priority": 5, "route": { "location": "berlin", "rule": "dear" },
        "duplicates": ["ord_0"],
    });
    order["rules"] = json!([
        {
            "rule": "dear", "on": "order.accepted", "at": "T", "outcome": "matched",
            "saw": { "order.total": "612.00 EUR" }, "did": ["held", "tagged abroad"], "error": null,
        },
        {
            "rule": "near", "on": "order.accepted", "at": "T", "outcome": "not_matched",
            "saw": { "ship.country": "CH" }, "did": [], "error": null,
        },
    ]);
    let ran = run(
        "orders|show|ord_1",
        &[(200, order.clone()), page(json!([]), None)],
    )
    .await;
    for said in [
        "tags      abroad, vip",
        "priority  5",
        "route     berlin",
        "It looks ordered twice: the same buyer ordered the same shortly before, as ord_0.",
        "order.accepted: dear matches (order.total is 612.00 EUR): held, tagged abroad",
        "order.accepted: near does not match (ship.country is CH)",
    ] {
        assert!(ran.text.contains(said), "{said}: {}", ran.text);
    }
    let ran = run(
        "orders|list|--tag|vip|--by-priority",
        &[page(
            json!([{ "id": "ord_2", "priority": 0, "tags": [] }, order]),
            None,
        )],
    )
    .await;
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/orders?tag=vip&limit=200"]
    );
    let lines: Vec<&str> = ran.text.lines().collect();
    assert!(
        lines[0].ends_with("TAGS")
            && lines[1].starts_with("ord_1")
            && lines[1].ends_with("abroad, vip"),
        "{}",
        ran.text
    );
}

#[tokio::test]
async fn a_line_that_is_no_item_says_which_it_may_be() {
    let order = json!({
        "id": "ord_1", "lines": [
            { "number": 1, "sku": "MUG" },
            { "number": 2, "channel_sku": "mug-blu", "suggestions": [
                { "sku": "MUG-BLUE", "title": "Blue mug", "because": "SKU alike, 86 %" },
            ] },
        ],
    });
    let ran = run("orders|show|ord_1", &[(200, order), page(json!([]), None)]).await;
    let said = "Line 2 may be MUG-BLUE, Blue mug (SKU alike, 86 %): `oneshelf orders map ord_1 2 MUG-BLUE` says so.";
    assert!(ran.text.contains(said), "{}", ran.text);
}

#[tokio::test]
async fn orders_of_a_saved_view_are_listed_as_the_dashboard_shows_them() {
    let views = json!([
        { "name": "Held", "query": "phase=held", "filters": { "phase": "held", "account": "shop" } },
        { "name": "Late", "query": "late=ship", "filters": { "late": "ship" } },
    ]);
    let ran = run(
        "orders|list|--view|Held|--of|ann|--account|till",
        &[page(views.clone(), None), page(json!([]), None)],
    )
    .await;
    assert_eq!(
        ran.calls(),
        [
            "GET http://daemon:8081/api/v1/users/ann/views",
            "GET http://daemon:8081/api/v1/orders?account=till&phase=held&newest_first=true&limit=200",
        ]
    );
}
