//! What official client libraries ask for beyond what our connector does.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{Currency, Money, Sku, Time};
use serde_json::{Value, json};

use super::{Options, Woo};
use crate::{Act, Odd, Product, ProductKind, Shop, Twin};

/// A shop, and the merchant's way in.
struct Counter {
    twin: Woo,
    login: String,
}

impl Counter {
    fn open() -> Counter {
        let euro = Currency::new("EUR").expect("a currency");
        let product = |code: &str, kind| Product {
            sku: Sku::new(code).expect("a SKU"),
            title: format!("The {code}"),
            price: Money::parse("10.00", euro).expect("a price"),
            kind,
            level: 10,
        };
        let cup = || ProductKind::Variation {
            parent: "Cup".to_owned(),
        };
        let shop = Shop {
            name: "web-shop".to_owned(),
            api_url: "https://127.0.0.1:4711".to_owned(),
            hook_url: "https://127.0.0.1:8080/hooks/web-shop".to_owned(),
            products: vec![
                product("MUG", ProductKind::Simple),
                product("CUP-RED", cup()),
                product("CUP-BLUE", cup()),
            ],
            seed: 7,
        };
        let twin = Woo::new(shop, Options::default());
        let settings = twin.settings();
        let text = |key: &str| settings[key].as_str().expect("a text").to_owned();
        let pair = format!("{}:{}", text("consumer_key"), text("consumer_secret"));
        Counter {
            twin,
            login: format!("Basic {}", BASE64_STANDARD.encode(pair)),
        }
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, body, _) = self.ask(method, path, body);
        (status, body)
    }

    /// Status, body, and the header that names other pages.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value, String) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://127.0.0.1:4711/wp-json/wc/v3/{path}"))
            .header("authorization", &self.login)
            .body(match body {
                Value::Null => Vec::new(),
                body => body.to_string().into_bytes(),
            })
            .expect("a request");
        let now = Time::parse_utc("2026-11-01T10:00:00Z").expect("a time");
        let answer = self.twin.handle(&request, now);
        let links = answer.headers().get("link");
        let links = links.map_or("", |links| links.to_str().expect("a text"));
        let body = serde_json::from_slice(answer.body()).expect("JSON");
        (answer.status().as_u16(), body, links.to_owned())
    }

    fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A field of every thing in a list.
    fn list(&mut self, path: &str, field: &str) -> Vec<Value> {
        let body = self.get(path);
        let things = body.as_array().expect("a list").iter();
        things.map(|thing| thing[field].clone()).collect()
    }

    fn order(&mut self, body: &Value) -> u64 {
        let (status, order) = self.call("POST", "orders", body);
        assert_eq!(status, 201, "{order}");
        order["id"].as_u64().expect("an id")
    }
}

#[test]
fn every_filter_of_products_counts_or_is_refused() {
    let mut counter = Counter::open();
    let mug = counter.get("products?sku=MUG")[0]["id"].clone();
    for (query, found) in [
        ("type=variable", "Cup"),
        ("type=simple", "The MUG"),
        ("search=mug", "The MUG"),
        ("search_name_or_sku=mug", "The MUG"),
        ("slug=mug", "The MUG"),
        ("stock_status=outofstock", ""),
        ("sku=CUP-RED", "Cup - The CUP-RED"),
        ("orderby=id&order=asc&per_page=1&offset=1", "Cup"),
        ("orderby=id&order=asc&per_page=1&page=2", "Cup"),
        ("page=9", ""),
    ] {
        let names = counter.list(&format!("products?{query}"), "name");
        let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
        assert_eq!(names.join(", "), found, "{query}");
    }
    let others = counter.list(&format!("products?exclude={mug}"), "name");
    assert_eq!(others, [json!("Cup")]);
    for filter in ["category=1", "on_sale=true", "min_price=5"] {
        let (status, body) = counter.call("GET", &format!("products?{filter}"), &Value::Null);
        assert_eq!(
            (status, &body["data"]["status"]),
            (501, &json!(501)),
            "{filter}"
        );
    }
    let (status, _) = counter.call("GET", "products?type=nothing", &Value::Null);
    assert_eq!(status, 400);
}

#[test]
fn orders_are_found_by_good_buyer_and_text() {
    let mut counter = Counter::open();
    let mug = counter.get("products?sku=MUG")[0]["id"].clone();
    let one = counter.order(&json!({
        "line_items": [{ "product_id": mug, "quantity": 1 }],
        "billing": { "email": "buyer@example.com" },
    }));
    let two = counter.order(&json!({ "line_items": [{ "sku": "CUP-RED" }], "set_paid": true }));
    let all = [two, one];
    for (query, found) in [
        (format!("product={mug}"), vec![one]),
        ("search=buyer@example.com".to_owned(), vec![one]),
        (format!("search={two}"), vec![two]),
        ("customer=5".to_owned(), vec![]),
        ("customer=0".to_owned(), all.to_vec()),
        (format!("exclude={one}"), vec![two]),
        (format!("include[0]={one}&include[1]={two}"), all.to_vec()),
        ("status[]=pending&status[]=failed".to_owned(), vec![one]),
        ("status=pending,processing".to_owned(), all.to_vec()),
    ] {
        let ids = counter.list(&format!("orders?orderby=id&{query}"), "id");
        assert_eq!(ids, found, "{query}");
    }
    let (status, body) = counter.call("GET", "orders?status=shipped", &Value::Null);
    assert_eq!((status, &body["code"]), (400, &json!("rest_invalid_param")));
}

#[test]
fn an_answer_holds_the_fields_that_are_asked_for_and_names_the_other_pages() {
    let mut counter = Counter::open();
    let id = counter.order(&json!({ "billing": { "email": "buyer@example.com" } }));
    let one = counter.get(&format!("orders/{id}?_fields=id,billing.email"));
    assert_eq!(
        one,
        json!({ "id": id, "billing": { "email": "buyer@example.com" } })
    );
    let fields = "products?_fields[]=sku&per_page=1&orderby=id&order=asc";
    let (_, list, links) = counter.ask("GET", fields, &Value::Null);
    assert_eq!(list, json!([{ "sku": "MUG" }]));
    assert!(links.ends_with("&page=2>; rel=\"next\""), "{links}");
    assert!(links.starts_with("<https://127.0.0.1:4711/wp-json/wc/v3/products?"));
    let (_, _, links) = counter.ask("GET", "products?per_page=1&page=2", &Value::Null);
    assert!(links.ends_with("&page=1>; rel=\"prev\""), "{links}");
}

#[test]
fn batches_create_update_and_delete() {
    let mut counter = Counter::open();
    let mug = counter.get("products?sku=MUG")[0]["id"].clone();
    let (status, done) = counter.call(
        "POST",
        "products/batch",
        &json!({
            "create": [{ "name": "New", "sku": "NEW", "manage_stock": true, "stock_quantity": 3 }],
            "update": [{ "id": mug, "stock_quantity": 4 }, { "id": 999_999 }],
            "delete": [999_999],
        }),
    );
    assert_eq!(status, 200);
    assert_eq!(done["create"][0]["stock_quantity"], 3);
    assert_eq!(done["update"][0]["stock_quantity"], 4);
    for failed in [&done["update"][1], &done["delete"][0]] {
        assert_eq!(failed["error"]["data"]["status"], 400, "{failed}");
    }
    let id = counter.order(&json!({}));
    let (_, done) = counter.call(
        "POST",
        "orders/batch",
        &json!({ "update": [{ "id": id, "status": "completed" }], "delete": [id] }),
    );
    assert_eq!(done["update"][0]["status"], "completed");
    assert_eq!(done["delete"][0]["id"], id);
    let (status, _) = counter.call("GET", &format!("orders/{id}"), &Value::Null);
    assert_eq!(status, 404);
    let many = vec![json!({ "id": mug }); 101];
    let (status, _) = counter.call("POST", "products/batch", &json!({ "update": many }));
    assert_eq!(status, 413);
}

#[test]
fn force_is_true_as_python_writes_it() {
    let mut counter = Counter::open();
    let id = counter.order(&json!({}));
    let path = format!("orders/{id}/notes");
    let (_, note) = counter.call("POST", &path, &json!({ "note": "hello" }));
    let note = format!("{path}/{}", note["id"]);
    assert_eq!(counter.get(&note)["note"], "hello");
    assert_eq!(counter.call("DELETE", &note, &Value::Null).0, 501);
    for path in [note, format!("orders/{id}")] {
        let forced = format!("{path}?force=True");
        assert_eq!(
            counter.call("DELETE", &forced, &Value::Null).0,
            200,
            "{path}"
        );
        assert_eq!(counter.call("GET", &path, &Value::Null).0, 404, "{path}");
    }
}

#[test]
fn an_address_is_written_field_by_field() {
    let mut counter = Counter::open();
    let id = counter.order(&json!({ "billing": { "email": "buyer@example.com" } }));
    let path = format!("orders/{id}");
    let city = json!({ "billing": { "city": "Berlin" } });
    let (_, order) = counter.call("PUT", &path, &city);
    assert_eq!(order["billing"]["email"], "buyer@example.com");
    assert_eq!(order["billing"]["city"], "Berlin");
    assert_eq!(order["billing"]["postcode"], "");
}

#[test]
fn a_variation_says_what_makes_it_differ() {
    let mut counter = Counter::open();
    let parent = counter.get("products?type=variable")[0].clone();
    let options = &parent["attributes"][0]["options"];
    assert_eq!(options.as_array().map(Vec::len), Some(2));
    let path = format!("products/{}/variations", parent["id"]);
    let form = counter.get(&path)[0].clone();
    assert_eq!(form["attributes"][0]["option"], form["name"]);
    assert_eq!(form.get("variations"), None);
    let one = format!("{path}/{}", form["id"]);
    let gone = counter.call("DELETE", &format!("{one}?force=true"), &Value::Null);
    assert_eq!((gone.0, &gone.1["id"]), (200, &form["id"]));
    assert_eq!(counter.call("GET", &one, &Value::Null).0, 404);
}

#[test]
fn what_is_not_here_is_told_from_what_is_nowhere() {
    let mut counter = Counter::open();
    for (path, status, code) in [
        ("customers", 501, "woocommerce_rest_not_in_sandbox"),
        (
            "products/categories",
            501,
            "woocommerce_rest_not_in_sandbox",
        ),
        ("nothing", 404, "rest_no_route"),
        (
            "orders/1/nothing",
            404,
            "woocommerce_rest_shop_order_invalid_id",
        ),
    ] {
        let (answered, body) = counter.call("GET", path, &Value::Null);
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{path}");
    }
    assert_eq!(counter.get("")["namespace"], "wc/v3");
}

#[test]
fn a_product_whose_sku_nobody_typed_in_has_none_in_lists_and_orders() {
    let mut counter = Counter::open();
    let now = Time::parse_utc("2026-11-01T10:00:00Z").expect("a time");
    let mug = Sku::new("MUG").expect("a SKU");
    let made = counter
        .twin
        .act(&Act::Make(mug.clone(), Odd::Nameless), now);
    made.expect("it has no SKU any more");
    let basket = vec![(mug.clone(), 1)];
    let bought = counter.twin.act(&Act::Buy { basket, paid: true }, now);
    bought.expect("it is sold all the same");
    assert!(counter.list("products", "sku").contains(&json!("")));
    let lines = &counter.get("orders")[0]["line_items"];
    assert_eq!(
        (&lines[0]["sku"], lines[0]["name"].as_str()),
        (&json!(""), Some("The MUG"))
    );
    assert_eq!(counter.twin.truth().orders[0].lines, [(mug.clone(), 1)]);
    let locked = counter.twin.act(&Act::Make(mug, Odd::Locked), now);
    assert!(locked.is_err(), "no listing is locked here");
}
