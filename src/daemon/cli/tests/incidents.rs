//! What commands about incidents ask and print.

use clap::Parser;
use serde_json::{Value, json};

use super::{Line, page, run};

#[tokio::test]
async fn a_case_is_written_to_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("case.json");
    let case = json!({ "left_out": ["Plates."], "steps": [{}, { "not_compared": "why" }] });
    let line = format!(
        "incidents|export|inc_1|--hide-skus|--out|{}",
        file.display()
    );
    let ran = run(&line, &[(200, case.clone())]).await;
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/incidents/inc_1/export?hide_skus=true"]
    );
    for part in [
        "2 decisions",
        "oneshelf replay",
        "1 decision not compared",
        "Not in it: Plates.",
    ] {
        assert!(ran.text.contains(part), "{part}: {}", ran.text);
    }
    let written = std::fs::read(&file).expect("the file");
    let written: Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(written, case);
    let ran = run("incidents|export|inc_1", &[(200, case.clone())]).await;
    assert_eq!(ran.text, format!("{case:#}\n"));
}

#[tokio::test]
async fn a_way_out_is_shown_and_chosen() {
    let mut incident = json!({
        "id": "inc_1", "state": "open", "account": "web", "order": "ord_1", "number": "#17",
        "phase": "short", "line": 1, "sku": "MUG", "missing": 2, "ordered": 3, "why": "late_news",
        "opened_at": "T", "ship_by": null, "explanation": "It was sold before.", "choice": null,
        "ending": null,
        "competing": [{
            "order": "ord_2", "number": "#18", "account": "app", "units": 2, "placed_at": "U",
            "is_paid": false,
        }],
        "ways": [
            { "way": "take_from", "from": "ord_2", "because": "that order is younger and not paid" },
            { "way": "wait", "from": null, "because": "there is time" },
        ],
    });
    let ran = run("incidents", &[page(json!([incident]), None)]).await;
    assert_eq!(
        ran.calls(),
        ["GET http://daemon:8081/api/v1/incidents?open=true&limit=200"]
    );
    assert_eq!(
        ran.text,
        "\
ID     STATE  ACCOUNT  ORDER  LINE  SKU  MISSING  SINCE  WHY
inc_1  open   web      #17    1     MUG  2        T      late_news
"
    );
    let ran = run("incidents|show|inc_1", &[(200, incident.clone())]).await;
    assert_eq!(
        ran.text,
        "\
incident  inc_1
state     open
order     #17 of web (ord_1), short
missing   2 of 3 MUG, line 1
since     T
ship by   -

It was sold before.

ALSO PROMISED TO  NUMBER  ACCOUNT  UNITS  PLACED  PAID
ord_2             #18     app      2      U       no

Ways out, the best first:
  1. take-from --from ord_2: that order is younger and not paid
  2. wait: there is time
"
    );
    incident["state"] = json!("closed");
    incident["ending"] = json!("covered");
    let answers = [(200, json!({ "effect": "done" })), (200, incident)];
    let line = "incidents|resolve|inc_1|take-from|--from|ord_2|--by|ann";
    let ran = run(line, &answers).await;
    assert_eq!(
        ran.body(0),
        json!({ "way": "take_from", "from": "ord_2", "by": "ann" })
    );
    assert_eq!(ran.text, "It is over: covered.\n");
    for (line, is_right) in [
        ("incidents resolve inc_1 take-from", false),
        ("incidents resolve inc_1 cancel-units", false),
        ("incidents resolve inc_1 cancel-units --amount 5.00", false),
        (
            "incidents resolve inc_1 cancel-units --amount 5.00 --currency EUR",
            true,
        ),
        ("incidents resolve inc_1 pray", false),
        ("incidents resolve inc_1 wait", true),
    ] {
        let words = std::iter::once("oneshelf").chain(line.split(' '));
        assert_eq!(Line::try_parse_from(words).is_ok(), is_right, "{line}");
    }
}
