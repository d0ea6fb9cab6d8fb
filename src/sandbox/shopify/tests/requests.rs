//! Requests: what they select, their mistakes, their cost, their keys.

use serde_json::{Value, json};

use super::Counter;

#[test]
fn only_what_is_selected_is_answered_under_the_names_that_were_asked_for() {
    let mut counter = Counter::open(1);
    let id = counter.buy(&[("MUG", 2), ("WRAP", 1)], true);
    let data = counter.data(&format!(
        "query Q {{
            __typename
            one: order(id: \"gid://shopify/Order/{id}\") {{ ...Name id }}
            node(id: \"gid://shopify/Order/{id}\") {{
                __typename
                ... on Order {{ number lines: lineItems(first: 1) {{
                    nodes {{ quantity }} pageInfo {{ hasNextPage }}
                }} }}
                ... on Location {{ name }}
            }}
            shop {{ name }}
            shop {{ currencyCode }}
            nodes(ids: [\"gid://shopify/Order/1\", \"gid://shopify/Nothing/1\"]) {{ id }}
        }}
        fragment Name on Order {{ name }}"
    ));
    assert_eq!(
        data,
        json!({
            "__typename": "QueryRoot",
            "one": { "name": "#1001", "id": format!("gid://shopify/Order/{id}") },
            "node": {
                "__typename": "Order",
                "number": 1001,
                "lines": { "nodes": [{ "quantity": 2 }], "pageInfo": { "hasNextPage": true } },
            },
            "shop": { "name": "eu-shop", "currencyCode": "EUR" },
            "nodes": [null, null],
        })
    );
}

/// Requests, and the codes of their mistakes; a text that is not GraphQL has none.
#[rustfmt::skip]
const REQUESTS_WITH_MISTAKES: &[(&str, &str)] = &[
    ("{ shop { nme } }", "undefinedField"),
    ("{ shop }", "selectionMismatch"),
    ("{ shop { name { first } } }", "selectionMismatch"),
    ("{ shop(id: 1) { name } }", "argumentNotAccepted"),
    ("{ order { id } }", "missingRequiredArguments"),
    ("{ order(id: [1]) { id } }", "argumentLiteralsIncompatible"),
    ("{ orders(first: 1, sortKey: \"ID\") { nodes { id } } }", "argumentLiteralsIncompatible"),
    ("{ orders(first: 1, sortKey: NEWEST) { nodes { id } } }", "argumentLiteralsIncompatible"),
    ("{ order(id: \"17\") { id } }", "argumentLiteralsIncompatible"),
    ("query Q($id: ID!) { shop { name } }", "variableNotUsed"),
    ("query Q { order(id: $id) { id } }", "variableNotDefined"),
    ("query Q($id: Int) { order(id: $id) { id } }", "variableMismatch"),
    ("{ shop { ...Nothing } }", "useAndDefineFragment"),
    ("{ shop { name } } fragment F on Shop { name }", "useAndDefineFragment"),
    ("{ shop { ...F } } fragment F on Shop { ...F }", "fragmentsAreFinite"),
    ("{ shop @loud { name } }", "undefinedDirective"),
    ("{ orders { nodes { id } } }", "BAD_REQUEST"),
    ("{ orders(first: 251) { nodes { id } } }", "BAD_REQUEST"),
    ("{ orders(first: 1, after: \"x\") { nodes { id } } }", "BAD_REQUEST"),
    ("{ orders(first: 1, query: \"updated_at:>soon\") { nodes { id } } }", "BAD_REQUEST"),
    ("query A { shop { name } } query B { shop { name } }", "BAD_REQUEST"),
    ("", "BAD_REQUEST"),
    ("{ shop {", ""),
    ("{ shop { name } } }", ""),
    ("{ shop { \"name\" } }", ""),
    ("{ order(id: \"open) { id } }", ""),
    ("{ order(id: \u{0}) { id } }", ""),
    ("query Q($i: [[[[ID) { shop { name } }", ""),
];

#[test]
fn mistakes_in_a_request_are_found_before_anything_is_done() {
    let mut counter = Counter::open(1);
    let deep = format!("{{ shop {} name {} }}", "{ name".repeat(60), "}".repeat(60));
    for (query, code) in REQUESTS_WITH_MISTAKES
        .iter()
        .copied()
        .chain([(deep.as_str(), "")])
    {
        let answer = counter.ask(query, &json!({}));
        let error = &answer["errors"][0];
        assert!(error["message"].is_string(), "{query}: {answer}");
        assert_eq!(
            error["extensions"]["code"].as_str().unwrap_or(""),
            code,
            "{query}: {error}"
        );
    }
    let cycles: String = (0..30)
        .map(|n| {
            format!(
                "fragment F{n} on Shop {{ ...F{next} ...F{next} }} ",
                next = n + 1
            )
        })
        .collect();
    let bomb = format!("{{ shop {{ ...F0 }} }} {cycles} fragment F30 on Shop {{ name }}");
    assert!(counter.ask(&bomb, &json!({}))["errors"].is_array());
}

#[test]
fn variables_are_held_against_their_types() {
    let mut counter = Counter::open(1);
    let query = "mutation S($input: InventorySetQuantitiesInput!) {
        inventorySetQuantities(input: $input) @idempotent(key: \"k\") { userErrors { code } } }";
    for (variables, expected) in [
        (
            json!({}),
            "Variable $input of type InventorySetQuantitiesInput! was provided invalid",
        ),
        (json!({ "input": 17 }), "invalid value"),
        (
            json!({ "input": { "name": "available" } }),
            "for quantities (Expected value to not be null)",
        ),
        (
            json!({ "input": { "name": "available", "reason": "correction", "amounts": [] } }),
            "for amounts (Field is not defined on InventorySetQuantitiesInput)",
        ),
        (
            json!({ "input": { "name": "available", "reason": "correction", "quantities": [
                { "inventoryItemId": "gid://shopify/InventoryItem/1",
                  "locationId": "gid://shopify/Location/1", "quantity": "4" },
            ] } }),
            "for quantities.0.quantity",
        ),
        (
            json!({ "input": { "name": "available", "reason": "correction", "quantities": [
                { "inventoryItemId": "gid://shopify/InventoryItem/1",
                  "locationId": "gid://shopify/Location/1", "quantity": 3_000_000_000_i64 },
            ] } }),
            "for quantities.0.quantity",
        ),
    ] {
        let answer = counter.ask(query, &variables);
        let message = answer["errors"][0]["message"].as_str().expect("a message");
        assert!(message.contains(expected), "{variables}: {message}");
        assert_eq!(
            answer["errors"][0]["extensions"]["code"],
            "INVALID_VARIABLE"
        );
    }
}

#[test]
fn a_door_without_a_key_stays_shut() {
    let mut counter = Counter::open(1);
    let query = json!({ "query": "{ shop { name } }" }).to_string();
    let path = "/admin/api/2026-10/graphql.json";
    assert_eq!(counter.post(path, &query).0, 200);
    assert_eq!(
        counter.post("/admin/api/2026-10/orders.json", &query).0,
        404
    );
    assert_eq!(
        counter.post("/admin/api/2031-01/graphql.json", &query).0,
        404
    );
    assert_eq!(
        counter.post("/admin/api/latest/graphql.json", &query).0,
        404
    );
    assert_eq!(counter.post(path, "{").0, 400);
    assert_eq!(counter.post(path, "{}").0, 400);
    counter.wait(24 * 3_600_000);
    assert_eq!(counter.post(path, &query).0, 401, "a token lives a day");
    let mut counter = Counter::open(1);
    counter.twin.expire_tokens();
    assert_eq!(counter.post(path, &query).0, 401);
    counter.token = "guessed".to_owned();
    assert_eq!(counter.post(path, &query).0, 401);
    for form in [
        json!({ "grant_type": "client_credentials", "client_id": "app-of-eu-shop" }),
        json!({ "grant_type": "password" }),
        json!(17),
    ] {
        assert_eq!(
            counter
                .post("/admin/oauth/access_token", &form.to_string())
                .0,
            400
        );
    }
}

/// A write of 5 mugs instead of `expected`, with what is put in the places of its parts.
fn write(item: &str, location: &str, from: &str, directive: &str) -> String {
    format!(
        "mutation {{ inventorySetQuantities(input: {{ name: \"available\", reason: \"correction\",
            quantities: [{{ inventoryItemId: \"{item}\", quantity: 5, {from}
                locationId: \"gid://shopify/Location/{location}\" }}] }})
            {directive} {{ inventoryAdjustmentGroup {{ id }} userErrors {{ code }} }} }}"
    )
}

#[test]
fn a_key_stands_for_one_write() {
    let mut counter = Counter::open(1);
    let item = counter.item("MUG");
    let location = counter.twin.settings()["location_id"]
        .as_str()
        .expect("a number")
        .to_owned();
    let mut send = |from: &str, directive: &str| {
        let answer = counter.ask(&write(&item, &location, from, directive), &json!({}));
        let payload = &answer["data"]["inventorySetQuantities"];
        let error = &answer["errors"][0]["extensions"]["code"];
        let code = payload["userErrors"][0]["code"].as_str().or(error.as_str());
        (
            code.unwrap_or("done").to_owned(),
            payload["inventoryAdjustmentGroup"]["id"].clone(),
        )
    };
    let from_10 = "changeFromQuantity: 10,";
    assert_eq!(send(from_10, "").0, "BAD_REQUEST");
    assert_eq!(send(from_10, "@idempotent(key: \" \")").0, "BAD_REQUEST");
    assert_eq!(
        send("", "@idempotent(key: \"a\")").0,
        "INVALID_FIELD_ARGUMENTS"
    );
    let stale = send("changeFromQuantity: 9,", "@idempotent(key: \"a\")");
    assert_eq!(stale.0, "CHANGE_FROM_QUANTITY_STALE");
    let again = send("changeFromQuantity: 9,", "@idempotent(key: \"a\")");
    assert_eq!(again.0, "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED");
    assert_eq!(
        send(from_10, "@idempotent(key: \"a\")").0,
        "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    );
    let done = send(from_10, "@idempotent(key: \"b\")");
    assert_eq!(done.0, "done");
    assert_eq!(
        send(from_10, "@idempotent(key: \"b\")"),
        done,
        "the stored answer"
    );
    assert_eq!(
        send(from_10, "@idempotent(key: \"c\")").0,
        "CHANGE_FROM_QUANTITY_STALE"
    );
    assert_eq!(
        send("changeFromQuantity: null,", "@idempotent(key: \"d\")").0,
        "done"
    );
    counter.wait(25 * 3_600_000);
    counter.knock();
    let forgotten = write(&item, &location, from_10, "@idempotent(key: \"b\")");
    let answer = counter.ask(&forgotten, &json!({}));
    let code = &answer["data"]["inventorySetQuantities"]["userErrors"][0]["code"];
    assert_eq!(
        code, "CHANGE_FROM_QUANTITY_STALE",
        "a key is remembered for a day"
    );
    assert_eq!(counter.twin.truth().level_writes.len(), 1);
}

#[test]
fn the_bucket_is_charged_what_a_call_cost_and_fills_with_time() {
    let mut counter = Counter::open(1);
    for _ in 0..4 {
        counter.buy(&[("WRAP", 1)], true);
    }
    counter.wait(3_000);
    let query = "{ orders(first: 250) { nodes { totalPriceSet { shopMoney { amount } }
        lineItems(first: 250) { nodes { id variant { inventoryItem { id } } } } } } }";
    let mut calls = 0;
    let refused = loop {
        let answer = counter.ask(query, &json!({}));
        let cost = &answer["extensions"]["cost"];
        let status = &cost["throttleStatus"];
        assert_eq!(
            (&status["maximumAvailable"], &status["restoreRate"]),
            (&json!(2000), &json!(100))
        );
        if answer["errors"][0]["extensions"]["code"] == "THROTTLED" {
            assert_eq!(answer["data"], Value::Null);
            assert_eq!(cost["actualQueryCost"], Value::Null);
            break cost.clone();
        }
        let points = |key: &str| cost[key].as_u64().expect("points");
        assert!(points("actualQueryCost") < points("requestedQueryCost"));
        calls += 1;
        assert!(calls < 1_000, "the bucket has no bottom");
    };
    let missing = refused["requestedQueryCost"].as_u64().expect("points")
        - refused["throttleStatus"]["currentlyAvailable"]
            .as_u64()
            .expect("points");
    counter.wait(missing * 10);
    assert_eq!(counter.ask(query, &json!({}))["errors"], Value::Null);
    let wide = query.replace("inventoryItem { id }", "inventoryItem { id a: id }");
    let lines = "lineItems(first: 250) { nodes { id variant { inventoryItem { id } } } }";
    let dear: String = (0..9).map(|n| format!("l{n}: {lines} ")).collect();
    let answer = counter.ask(
        &wide.replace("totalPriceSet", &format!("{dear} totalPriceSet")),
        &json!({}),
    );
    assert_eq!(
        answer["errors"][0]["extensions"]["code"],
        "MAX_COST_EXCEEDED"
    );
    assert!(counter.twin.throttled().status().is_success());
}

#[test]
fn lists_are_paged_forwards_backwards_and_from_the_end() {
    let mut counter = Counter::open(1);
    let ids: Vec<String> = (0..5)
        .map(|_| format!("gid://shopify/Order/{}", counter.buy(&[("WRAP", 1)], true)))
        .collect();
    counter.wait(3_000);
    let page = |counter: &mut Counter, arguments: &str| {
        let data = counter.data(&format!(
            "{{ orders({arguments}) {{ edges {{ node {{ id }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        ));
        let edges = data["orders"]["edges"].as_array().expect("edges").clone();
        let ids: Vec<Value> = edges
            .iter()
            .map(|edge| edge["node"]["id"].clone())
            .collect();
        let info = &data["orders"]["pageInfo"];
        (
            ids,
            info["hasNextPage"] == true,
            info["endCursor"].as_str().unwrap_or("").to_owned(),
        )
    };
    let (first, more, cursor) = page(&mut counter, "first: 3, sortKey: ID");
    assert_eq!(
        (first, more),
        (ids[..3].iter().map(|id| json!(id)).collect(), true)
    );
    let (second, more, _) = page(
        &mut counter,
        &format!("first: 3, sortKey: ID, after: \"{cursor}\""),
    );
    assert_eq!(
        (second, more),
        (ids[3..].iter().map(|id| json!(id)).collect(), false)
    );
    let (last, _, cursor) = page(&mut counter, "first: 2, sortKey: ID, reverse: true");
    assert_eq!(last, [json!(ids[4]), json!(ids[3])]);
    let (rest, more, _) = page(
        &mut counter,
        &format!("first: 9, sortKey: ID, reverse: true, after: \"{cursor}\""),
    );
    assert_eq!((rest.len(), more), (3, false));
}
