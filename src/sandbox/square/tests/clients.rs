//! What official client libraries ask for beyond what our connector does.

use serde_json::{Value, json};

use super::{Desk, later, now};

fn ids(answer: &Value, list: &str, path: &str) -> Vec<String> {
    let list = answer[list].as_array().cloned().unwrap_or_default();
    let texts = list.iter().filter_map(|one| one.pointer(path)?.as_str());
    texts.map(str::to_owned).collect()
}

#[test]
fn every_filter_of_a_search_of_orders_counts() {
    let mut desk = Desk::open();
    let counter = desk.buy(1, true, now());
    let online = desk.buy(1, false, later(1));
    let here = desk.location.clone();
    let mut found = |filter: Value| {
        let body = json!({
            "location_ids": [here],
            "query": { "filter": filter, "sort": { "sort_order": "ASC" } },
        });
        let (status, answer) = desk.call("POST", "/v2/orders/search", &body, later(2));
        assert_eq!(status, 200, "{answer}");
        ids(&answer, "orders", "/id")
    };
    let shipments = |states: Value| json!({ "fulfillment_filter": states });
    let sources = |name: &str| json!({ "source_filter": { "source_names": [name] } });
    let (counter, online) = (vec![counter], vec![online]);
    assert_eq!(
        found(shipments(json!({ "fulfillment_types": ["SHIPMENT"] }))),
        online
    );
    assert_eq!(
        found(shipments(json!({ "fulfillment_states": ["PROPOSED"] }))),
        online
    );
    assert!(found(shipments(json!({ "fulfillment_types": ["PICKUP"] }))).is_empty());
    assert_eq!(found(sources("Square Point of Sale")), counter);
    assert!(found(sources("Nobody")).is_empty());
    assert!(found(json!({ "customer_filter": { "customer_ids": ["C"] } })).is_empty());
    assert_eq!(
        found(json!({ "state_filter": { "states": ["OPEN"] } })),
        online
    );
    let body = json!({
        "location_ids": [desk.location],
        "query": { "filter": { "state_filter": { "states": ["LOST"] } } },
    });
    assert_eq!(
        desk.refused("POST", "/v2/orders/search", &body),
        "INVALID_ENUM_VALUE"
    );
}

#[test]
fn counts_are_adjusted_paged_and_remembered() {
    let mut desk = Desk::open();
    let mug = desk.variation("MUG");
    let create = "/v2/inventory/changes/batch-create";
    for (key, from, to, units, level) in [
        ("a", "NONE", "IN_STOCK", "5", 15),
        ("b", "IN_STOCK", "WASTE", "2", 13),
        ("c", "IN_STOCK", "SOLD", "1", 12),
        ("d", "UNLINKED_RETURN", "WASTE", "3", 12),
    ] {
        let body = json!({ "idempotency_key": key, "changes": [{
            "type": "ADJUSTMENT",
            "adjustment": {
                "catalog_object_id": mug,
                "location_id": desk.location,
                "from_state": from,
                "to_state": to,
                "quantity": units,
                "occurred_at": now().to_string(),
            },
        }] });
        let (status, answer) = desk.call("POST", create, &body, now());
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["changes"][0]["adjustment"]["to_state"], to);
        assert_eq!(desk.level(), level, "{from} to {to}");
    }
    let mut wrong = desk.count("5", now());
    wrong["type"] = json!("ADJUSTMENT");
    wrong["adjustment"] = wrong["physical_count"].clone();
    wrong["adjustment"]["from_state"] = json!("WASTE");
    wrong["adjustment"]["to_state"] = json!("IN_STOCK");
    let body = json!({ "idempotency_key": "e", "changes": [wrong] });
    assert_eq!(desk.refused("POST", create, &body), "INVALID_VALUE");

    let changes = "/v2/inventory/changes/batch-retrieve";
    let (_, first) = desk.call("POST", changes, &json!({ "limit": 3 }), now());
    let next = json!({ "limit": 3, "cursor": first["cursor"] });
    let (_, second) = desk.call("POST", changes, &next, now());
    assert_eq!(first["changes"].as_array().map(Vec::len), Some(3));
    assert_eq!(second["changes"].as_array().map(Vec::len), Some(1));
    assert_eq!(second.get("cursor"), None);
    let id = second["changes"][0]["adjustment"]["id"].as_str();
    let path = format!("/v2/inventory/adjustments/{}", id.expect("an id"));
    let (_, one) = desk.call("GET", &path, &Value::Null, now());
    assert_eq!(one["adjustment"], second["changes"][0]["adjustment"]);

    let (_, counts) = desk.call("GET", &format!("/v2/inventory/{mug}"), &Value::Null, now());
    assert_eq!(counts["counts"][0]["quantity"], "12");
    let counts = "/v2/inventory/counts/batch-retrieve";
    let since = json!({ "updated_after": later(1).to_string() });
    let (_, none) = desk.call("POST", counts, &since, later(2));
    assert_eq!(none, json!({}));
    let limit = json!({ "limit": 1001 });
    assert_eq!(desk.refused("POST", counts, &limit), "INVALID_VALUE");
}

#[test]
fn the_catalog_is_read_by_object_type_and_by_sku() {
    let mut desk = Desk::open();
    let mug = desk.variation("MUG");
    let (_, forms) = desk.call(
        "GET",
        "/v2/catalog/list?types=ITEM_VARIATION",
        &Value::Null,
        now(),
    );
    assert!(ids(&forms, "objects", "/id").contains(&mug));
    let path = format!("/v2/catalog/object/{mug}?include_related_objects=true");
    let (_, one) = desk.call("GET", &path, &Value::Null, now());
    assert_eq!(one["object"]["item_variation_data"]["sku"], "MUG");
    assert_eq!(one["related_objects"][0]["type"], "ITEM");
    assert_eq!(
        desk.refused("GET", "/v2/catalog/object/X", &Value::Null),
        "NOT_FOUND"
    );
    let mut found = |query: Value| {
        let body = json!({ "object_types": ["ITEM_VARIATION"], "query": query });
        let (_, answer) = desk.call("POST", "/v2/catalog/search", &body, now());
        ids(&answer, "objects", "/item_variation_data/sku")
    };
    let exact =
        |sku: &str| json!({ "exact_query": { "attribute_name": "sku", "attribute_value": sku } });
    assert_eq!(found(exact("MUG")), ["MUG"]);
    assert!(found(exact("NOTHING")).is_empty());
    let many = json!({ "attribute_name": "sku", "attribute_values": ["MUG", "WRAP"] });
    assert_eq!(found(json!({ "set_query": many })), ["MUG", "WRAP"]);
    let prefix = json!({ "attribute_name": "sku", "attribute_prefix": "wr" });
    assert_eq!(found(json!({ "prefix_query": prefix })), ["WRAP"]);
    let range = json!({ "query": { "range_query": {} } });
    assert_eq!(
        desk.refused("POST", "/v2/catalog/search", &range),
        "NOT_IMPLEMENTED"
    );
}

#[test]
fn an_order_is_made_and_paid_through_the_api() {
    let mut desk = Desk::open();
    let body = json!({ "idempotency_key": "o", "order": {
        "location_id": desk.location,
        "reference_id": "ours",
        "line_items": [{ "catalog_object_id": desk.variation("MUG"), "quantity": "2" }],
        "fulfillments": [{
            "type": "SHIPMENT",
            "shipment_details": { "recipient": { "display_name": "Sandbox Buyer" } },
        }],
    } });
    let (status, answer) = desk.call("POST", "/v2/orders", &body, now());
    assert_eq!(status, 200, "{answer}");
    let order = &answer["order"];
    assert_eq!((&order["state"], desk.level()), (&json!("OPEN"), 10));
    let mut pay = json!({
        "idempotency_key": "p",
        "source_id": "cnon:card-nonce-ok",
        "order_id": order["id"],
        "amount_money": { "amount": 1, "currency": "EUR" },
    });
    assert_eq!(
        desk.refused("POST", "/v2/payments", &pay),
        "PAYMENT_AMOUNT_MISMATCH"
    );
    pay["amount_money"] = order["net_amount_due_money"].clone();
    let (status, paid) = desk.call("POST", "/v2/payments", &pay, now());
    assert_eq!(status, 200, "{paid}");
    assert_eq!(
        (&paid["payment"]["status"], desk.level()),
        (&json!("COMPLETED"), 8)
    );
    let (_, payments) = desk.call("GET", "/v2/payments", &Value::Null, now());
    assert_eq!(payments["payments"][0], paid["payment"]);

    let refund = json!({
        "idempotency_key": "r",
        "payment_id": paid["payment"]["id"],
        "amount_money": { "amount": 100, "currency": "EUR" },
    });
    let (_, refunded) = desk.call("POST", "/v2/refunds", &refund, now());
    let id = refunded["refund"]["id"].as_str().expect("an id");
    let path = format!("/v2/refunds/{id}");
    let (_, one) = desk.call("GET", &path, &Value::Null, later(5));
    assert_eq!(one["refund"]["status"], "COMPLETED");
    for (status, count) in [("COMPLETED", 1), ("PENDING", 0)] {
        let path = format!("/v2/refunds?status={status}");
        let (_, listed) = desk.call("GET", &path, &Value::Null, later(6));
        assert_eq!(ids(&listed, "refunds", "/id").len(), count, "{status}");
    }
}

#[test]
fn fields_of_an_order_are_written_and_cleared() {
    let mut desk = Desk::open();
    let id = desk.buy(1, false, now());
    let path = format!("/v2/orders/{id}");
    let here = desk.location.clone();
    let (_, answer) = desk.call("GET", &path, &Value::Null, now());
    let uid = answer["order"]["fulfillments"][0]["uid"].clone();
    let body = json!({ "order": {
        "location_id": here,
        "version": 1,
        "reference_id": "ours",
        "metadata": { "a": "b" },
        "fulfillments": [{ "uid": uid, "shipment_details": { "carrier": "DHL" } }],
    } });
    let (_, written) = desk.call("PUT", &path, &body, now());
    let order = &written["order"];
    assert_eq!(order["reference_id"], "ours");
    assert_eq!(order["metadata"], json!({ "a": "b" }));
    assert_eq!(
        order["fulfillments"][0]["shipment_details"]["carrier"],
        "DHL"
    );
    let carrier = format!(
        "fulfillments[{}].shipment_details.carrier",
        uid.as_str().expect("uid")
    );
    let mut clear = json!({
        "order": { "location_id": here, "version": 2 },
        "fields_to_clear": ["reference_id", "metadata", carrier],
    });
    let (_, cleared) = desk.call("PUT", &path, &clear, now());
    let order = &cleared["order"];
    assert_eq!(
        (order.get("reference_id"), order.get("metadata")),
        (None, None)
    );
    assert_eq!(
        order.pointer("/fulfillments/0/shipment_details/carrier"),
        None
    );
    clear["order"]["version"] = json!(3);
    clear["fields_to_clear"] = json!(["line_items"]);
    assert_eq!(desk.refused("PUT", &path, &clear), "NOT_IMPLEMENTED");
}

#[test]
fn a_token_tells_what_it_may_do_until_it_is_revoked() {
    let mut desk = Desk::open();
    let settings = crate::Twin::settings(&desk.twin);
    let oauth = &settings["oauth"];
    let mut grant = json!({
        "client_id": oauth["client_id"],
        "client_secret": oauth["client_secret"],
        "grant_type": "refresh_token",
        "refresh_token": oauth["refresh_token"],
        "short_lived": true,
    });
    let (_, answer) = desk.call("POST", "/oauth2/token", &grant, now());
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    let (_, status) = desk.call_as(&token, "POST", "/oauth2/token/status", &json!({}), now());
    assert_eq!(status["client_id"], oauth["client_id"]);
    assert_eq!(status["expires_at"], later(24 * 3600).to_string());
    let revoke = json!({ "client_id": oauth["client_id"], "access_token": token });
    assert_eq!(
        desk.refused("POST", "/oauth2/revoke", &revoke),
        "UNAUTHORIZED",
        "the secret is missing"
    );
    let request = http::Request::builder()
        .method("POST")
        .uri("http://127.0.0.1:4711/oauth2/revoke")
        .header(
            "authorization",
            format!(
                "Client {}",
                oauth["client_secret"].as_str().expect("a secret")
            ),
        )
        .body(revoke.to_string().into_bytes())
        .expect("a request");
    let answer = crate::Twin::handle(&mut desk.twin, &request, now());
    assert_eq!(answer.status(), 200);
    let (status, answer) = desk.call_as(&token, "GET", "/v2/locations", &Value::Null, now());
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (401, &json!("ACCESS_TOKEN_REVOKED"))
    );
    assert_eq!(
        desk.refused("POST", "/oauth2/token", &grant),
        "UNAUTHORIZED"
    );
    grant["grant_type"] = json!("authorization_code");
    assert_eq!(
        desk.refused("POST", "/oauth2/token", &grant),
        "UNAUTHORIZED"
    );
}

#[test]
fn what_is_not_here_is_said_in_three_ways() {
    let mut desk = Desk::open();
    for (method, path, status, code) in [
        ("GET", "/v2/customers", 501, "NOT_IMPLEMENTED"),
        ("POST", "/v2/orders/calculate", 501, "NOT_IMPLEMENTED"),
        ("POST", "/v2/events", 501, "NOT_IMPLEMENTED"),
        ("DELETE", "/v2/orders/X", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v2/orders/search/more", 404, "NOT_FOUND"),
        ("GET", "/nothing", 404, "NOT_FOUND"),
    ] {
        let (answered, answer) = desk.call(method, path, &json!({}), now());
        assert_eq!(
            (answered, &answer["errors"][0]["code"]),
            (status, &json!(code)),
            "{method} {path}"
        );
    }
}

#[test]
fn a_subscription_is_renamed_tested_and_given_another_key() {
    let mut desk = Desk::open();
    let hooks = "/v2/webhooks/subscriptions";
    let (_, listed) = desk.call("GET", &format!("{hooks}?limit=1"), &Value::Null, now());
    let subscription = &listed["subscriptions"][0];
    let id = subscription["id"].as_str().expect("an id").to_owned();
    let path = format!("{hooks}/{id}");
    let rename = json!({ "subscription": { "name": "renamed" } });
    let (_, renamed) = desk.call("PUT", &path, &rename, now());
    assert_eq!(renamed["subscription"]["name"], "renamed");
    let key = format!("{path}/signature-key");
    let (_, renewed) = desk.call("POST", &key, &json!({}), now());
    assert_ne!(renewed["signature_key"], subscription["signature_key"]);
    let test = json!({ "event_type": "order.created" });
    let (_, tested) = desk.call("POST", &format!("{path}/test"), &test, now());
    let payload = tested["subscription_test_result"]["payload"].as_str();
    let sent = crate::Twin::take_deliveries(&mut desk.twin, later(1));
    assert_eq!(
        sent[0].request.body().as_slice(),
        payload.expect("a payload").as_bytes()
    );
    let other = json!({ "event_type": "vendor.created" });
    assert_eq!(
        desk.refused("POST", &format!("{path}/test"), &other),
        "INVALID_VALUE"
    );
}
