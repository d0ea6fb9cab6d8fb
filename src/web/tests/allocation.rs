//! Where an order leaves from: asked, chosen, and taken back.

use serde_json::json;

use super::api::Reader;

/// Of an order of three mugs that lie at the only place.
pub(super) async fn placed(reader: &mut Reader, path: &str) {
    let at = format!("{path}/allocation");
    let plan = reader.get(&at).await;
    let part = json!({ "line": 1, "sku": "MUG", "location": "main", "units": 3 });
    assert_eq!(
        (&plan["parts"], &plan["bound"]),
        (&json!([part]), &json!([]))
    );
    assert_eq!(plan["places"][0]["standing"], "chosen");
    assert_eq!(
        plan["places"][0]["reason"],
        "no other location can send any of it"
    );
    let again = reader.get(&format!("{at}?line=1&location=main")).await;
    assert_eq!(again["parts"], plan["parts"], "asking changes nothing");
    assert_eq!(again["places"][0]["reason"], "it was named");

    let chosen = reader
        .post(&at, json!({ "line": 1, "location": "main", "by": "ann" }))
        .await;
    assert_eq!(chosen["effect"], "done");
    let order = reader.get(path).await;
    assert_eq!(order["lines"][0]["leaves_from"], json!([part]));
    assert_eq!(order["lines"][1]["leaves_from"], json!([]));
    let twice = reader.post(&at, json!({})).await;
    assert_eq!(twice["effect"], "nothing_to_do");

    let back = format!("{at}?line=1&by=ann");
    let taken_back = reader.ask("DELETE", &back, None).await;
    assert_eq!(taken_back["effect"], "done");
    let plan = reader.get(&at).await;
    assert_eq!(plan["unplaced_by"], "ann");
    assert_eq!(
        (&plan["bound"], &plan["parts"]),
        (&json!([]), &json!([part]))
    );
    let told = reader.get(&format!("{path}/timeline?limit=100")).await;
    let told = told["items"].as_array().expect("a list");
    let told: Vec<&str> = told
        .iter()
        .filter_map(|fact| fact["text"].as_str())
        .collect();
    for sentence in [
        "3 of MUG of line 1 leave from main: ann chose it.",
        "3 of MUG of line 1 do not leave from main any more: ann took it back; they stay promised.",
    ] {
        assert!(told.contains(&sentence), "{sentence} is in {told:?}");
    }
    reader.post(&at, json!({})).await;
}
