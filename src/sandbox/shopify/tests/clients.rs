//! What official client libraries ask for beyond what our connector does.

use serde_json::{Value, json};

use super::Counter;

impl Counter {
    fn location(&mut self) -> String {
        let number = self.twin.settings()["location_id"].clone();
        format!("gid://shopify/Location/{}", number.as_str().expect("one"))
    }

    /// What a mutation answers, under its own name.
    fn change(&mut self, name: &str, text: &str, variables: &Value) -> Value {
        let answer = self.ask(text, variables);
        assert_eq!(answer["errors"], Value::Null, "{text}: {answer}");
        answer["data"][name].clone()
    }
}

#[test]
fn products_variants_items_and_levels_name_each_other() {
    let mut counter = Counter::open(1);
    let data = counter.data(
        "{ products(first: 9) { nodes { title totalInventory variants(first: 3) { nodes {
               sku product { title } inventoryItem { variant { displayName }
                   inventoryLevels(first: 1) { nodes {
                       item { sku } location { isActive } quantities(names: [\"incoming\"]) {
                           quantity } } } } } } } }
           locations(first: 2) { nodes { inventoryLevels(first: 9) { nodes { item { sku } } } } }
           inventoryItems(first: 9, query: \"sku:PLATE\") { nodes { sku tracked } } }",
    );
    let mug = &data["products"]["nodes"][0];
    assert_eq!(mug["title"], "The MUG");
    assert_eq!(mug["totalInventory"], 10);
    let form = &mug["variants"]["nodes"][0];
    assert_eq!(form["product"]["title"], "The MUG");
    assert_eq!(form["inventoryItem"]["variant"]["displayName"], "The MUG");
    let level = &form["inventoryItem"]["inventoryLevels"]["nodes"][0];
    assert_eq!(level["item"]["sku"], "MUG");
    assert_eq!(level["quantities"], json!([{ "quantity": 0 }]));
    let stocked = data.pointer("/locations/nodes/0/inventoryLevels/nodes");
    assert_eq!(stocked.and_then(Value::as_array).map(Vec::len), Some(2));
    assert_eq!(
        data["inventoryItems"]["nodes"],
        json!([{ "sku": "PLATE", "tracked": true }])
    );
}

#[test]
fn a_search_finds_what_it_names_or_says_that_it_cannot() {
    let mut counter = Counter::open(1);
    counter.buy(&[("MUG", 1)], true);
    counter.buy(&[("PLATE", 1)], false);
    counter.wait(3_000);
    for (query, found) in [
        ("name:#1001", "#1001"),
        ("name:1002", "#1002"),
        ("financial_status:paid", "#1001"),
        ("sku:PLATE AND status:open", "#1002"),
        ("-financial_status:paid", "#1002"),
        ("NOT sku:PLATE", "#1001"),
        ("status:cancelled", ""),
        ("fulfillment_status:unfulfilled", "#1001 #1002"),
        ("status:any", "#1001 #1002"),
        ("created_at:>=2026-11-01 test:false", "#1001 #1002"),
        ("created_at:<2026-11-01", ""),
        ("nobody_knows:1", "#1001 #1002"),
        ("buyer1001@example.com", "#1001"),
    ] {
        let text = "query Q($q: String) {
            orders(first: 9, query: $q) { nodes { name } } ordersCount(query: $q) { count } }";
        let data = counter.ask(text, &json!({ "q": query }))["data"].clone();
        let nodes = data["orders"]["nodes"].as_array().expect("nodes");
        let names: Vec<&str> = nodes
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        assert_eq!(names.join(" "), found, "{query}");
        assert_eq!(data["ordersCount"]["count"], json!(nodes.len()), "{query}");
    }
    for query in ["tag:x", "sku:MUG OR sku:PLATE", "(sku:MUG)", "name:>1"] {
        let text = "query Q($q: String) { orders(first: 9, query: $q) { nodes { name } } }";
        let answer = counter.ask(text, &json!({ "q": query }));
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "BAD_REQUEST",
            "{query}"
        );
    }
}

#[test]
fn levels_are_moved_by_so_many_and_the_change_is_told() {
    let mut counter = Counter::open(1);
    let (item, location) = (counter.item("MUG"), counter.location());
    let text = "mutation M($input: InventoryAdjustQuantitiesInput!, $key: String!) {
        inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
            inventoryAdjustmentGroup { changes(quantityNames: [\"available\"]) {
                name delta quantityAfterChange item { id } location { id } } }
            userErrors { code } } }";
    let input = |delta: i64, from: i64| {
        json!({
            "name": "available",
            "reason": "correction",
            "changes": [{
                "inventoryItemId": item,
                "locationId": location,
                "delta": delta,
                "changeFromQuantity": from,
            }],
        })
    };
    let name = "inventoryAdjustQuantities";
    let variables = json!({ "input": input(-3, 10), "key": "1" });
    let moved = counter.change(name, text, &variables);
    assert_eq!(
        moved["inventoryAdjustmentGroup"]["changes"],
        json!([{
            "name": "available",
            "delta": -3,
            "quantityAfterChange": 7,
            "item": { "id": item },
            "location": { "id": location },
        }])
    );
    let variables = json!({ "input": input(-3, 10), "key": "2" });
    let stale = counter.change(name, text, &variables);
    assert_eq!(stale["userErrors"][0]["code"], "CHANGE_FROM_QUANTITY_STALE");
    let variables = json!({ "input": input(-1, 7), "key": "1" });
    let reused = counter.change(name, text, &variables);
    let code = "IDEMPOTENCY_KEY_PARAMETER_MISMATCH";
    assert_eq!(reused["userErrors"][0]["code"], code);
    let mut open = input(-1, 7);
    open["changes"][0]
        .as_object_mut()
        .expect("a change")
        .remove("changeFromQuantity");
    let answer = counter.ask(text, &json!({ "input": open, "key": "3" }));
    let code = "INVALID_FIELD_ARGUMENTS";
    assert_eq!(answer["errors"][0]["extensions"]["code"], code);
    assert_eq!(counter.counts("MUG"), [7, 0, 7]);
}

#[test]
fn tracking_is_changed_and_a_fulfillment_is_taken_back() {
    let mut counter = Counter::open(1);
    let id = counter.buy(&[("MUG", 3)], true);
    let open = counter.data(&format!(
        "{{ order(id: \"gid://shopify/Order/{id}\") {{
            fulfillmentOrders(first: 1) {{ nodes {{ id }} }} }} }}"
    ));
    let part = &open["order"]["fulfillmentOrders"]["nodes"][0]["id"];
    let ship = "mutation M($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
        fulfillment { id } userErrors { message } } }";
    let wanted =
        json!({ "f": { "lineItemsByFulfillmentOrder": [{ "fulfillmentOrderId": part }] } });
    let made = counter.change("fulfillmentCreate", ship, &wanted);
    let made = made["fulfillment"]["id"].clone();
    let track = "mutation M($id: ID!, $t: FulfillmentTrackingInput!) {
        fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $t) {
            fulfillment { trackingInfo { company number url } } userErrors { message } } }";
    let tracking = json!({ "company": "UPS", "numbers": ["A", "B"] });
    let told = counter.change(
        "fulfillmentTrackingInfoUpdate",
        track,
        &json!({ "id": made, "t": tracking }),
    );
    assert_eq!(
        told["fulfillment"]["trackingInfo"],
        json!([
            { "company": "UPS", "number": "A", "url": null },
            { "company": "UPS", "number": "B", "url": null },
        ])
    );
    assert_eq!(
        counter.twin.truth().orders[0].shipments[0].tracking_number,
        "A"
    );
    assert_eq!(counter.counts("MUG"), [7, 0, 7]);
    let cancel = "mutation M($id: ID!) { fulfillmentCancel(id: $id) { fulfillment { status
        order { displayFulfillmentStatus } } userErrors { message } } }";
    let gone = counter.change("fulfillmentCancel", cancel, &json!({ "id": made }));
    assert_eq!(
        gone["fulfillment"],
        json!({
            "status": "CANCELLED",
            "order": { "displayFulfillmentStatus": "UNFULFILLED" },
        })
    );
    assert_eq!(counter.counts("MUG"), [7, 3, 10]);
    assert_eq!(counter.twin.truth().orders[0].shipments, vec![]);
    let again = counter.change("fulfillmentCancel", cancel, &json!({ "id": made }));
    assert_eq!(again["userErrors"].as_array().map(Vec::len), Some(1));
    counter.wait(1_000);
    let topics = counter.twin.take_deliveries(counter.now);
    let told = |topic: &str| {
        let mut all = topics.iter();
        all.any(|one| one.request.headers()["x-shopify-topic"] == topic)
    };
    assert!(told("fulfillments/create") && told("fulfillments/update"));
    let shipped = counter.change("fulfillmentCreate", ship, &wanted);
    assert_eq!(shipped["userErrors"], json!([]), "it can be shipped again");
}

#[test]
fn a_subscription_is_read_moved_and_deleted() {
    let mut counter = Counter::open(1);
    let create = "mutation M($u: String!) { webhookSubscriptionCreate(topic: RETURNS_APPROVE,
        webhookSubscription: { uri: $u }) { webhookSubscription { id } userErrors { message } } }";
    let uri = json!({ "u": "https://example.com/hooks" });
    let made = counter.change("webhookSubscriptionCreate", create, &uri);
    let id = made["webhookSubscription"]["id"].clone();
    let update = "mutation M($id: ID!) { webhookSubscriptionUpdate(id: $id,
        webhookSubscription: { uri: \"https://example.com/other\" }) {
            webhookSubscription { uri callbackUrl } userErrors { message } } }";
    let moved = counter.change("webhookSubscriptionUpdate", update, &json!({ "id": id }));
    assert_eq!(
        moved["webhookSubscription"],
        json!({
            "uri": "https://example.com/other",
            "callbackUrl": "https://example.com/other",
        })
    );
    let delete = "mutation M($id: ID!) { webhookSubscriptionDelete(id: $id) {
        deletedWebhookSubscriptionId userErrors { message } } }";
    let gone = counter.change("webhookSubscriptionDelete", delete, &json!({ "id": id }));
    assert_eq!(gone["deletedWebhookSubscriptionId"], id);
    let again = counter.change("webhookSubscriptionDelete", delete, &json!({ "id": id }));
    assert_eq!(again["deletedWebhookSubscriptionId"], Value::Null);
    let read = "query Q($id: ID!) { webhookSubscription(id: $id) { uri } }";
    let nothing = counter.change("webhookSubscription", read, &json!({ "id": id }));
    assert_eq!(nothing, Value::Null);
    let filtered = "mutation { webhookSubscriptionCreate(topic: ORDERS_EDITED, webhookSubscription:
        { uri: \"https://example.com/\", filter: \"total_price:>1\" }) { userErrors { field } } }";
    let refused = counter.change("webhookSubscriptionCreate", filtered, &json!({}));
    assert_eq!(
        refused["userErrors"][0]["field"],
        json!(["webhookSubscription", "filter"])
    );
}

#[test]
fn jobs_payments_and_conditions() {
    let mut counter = Counter::open(1);
    let id = format!("gid://shopify/Order/{}", counter.buy(&[("MUG", 1)], false));
    let pay = "mutation M($id: ID!) { orderMarkAsPaid(input: { id: $id }) {
        order { displayFinancialStatus canMarkAsPaid } userErrors { message } } }";
    let paid = counter.change("orderMarkAsPaid", pay, &json!({ "id": id }));
    assert_eq!(
        paid["order"],
        json!({ "displayFinancialStatus": "PAID", "canMarkAsPaid": false })
    );
    let twice = counter.change("orderMarkAsPaid", pay, &json!({ "id": id }));
    assert_eq!(twice["userErrors"].as_array().map(Vec::len), Some(1));
    let cancel = "mutation M($id: ID!) { orderCancel(orderId: $id, reason: STAFF, restock: true) {
        job { id done } orderCancelUserErrors { code } } }";
    let job = counter.change("orderCancel", cancel, &json!({ "id": id }))["job"].clone();
    let read = "query Q($id: ID!) { job(id: $id) { done } }";
    let wanted = json!({ "id": job["id"] });
    assert_eq!(counter.change("job", read, &wanted)["done"], false);
    counter.wait(1_000);
    assert_eq!(counter.change("job", read, &wanted)["done"], true);
    let text = "query Q($no: Boolean!) { shop { name @include(if: $no) id @skip(if: $no) } }";
    let shop = counter.change("shop", text, &json!({ "no": false }));
    let keys = shop.as_object().map(serde_json::Map::len);
    assert_eq!((keys, shop.get("name")), (Some(1), None));
}
