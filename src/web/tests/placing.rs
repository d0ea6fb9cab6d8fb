//! Orders are entered, paid and canceled by people.

use serde_json::{Value, json};

use super::{
    api::Reader,
    rig::{bearer, rig},
};

fn order() -> Value {
    json!({
        "account": "phone",
        "currency": "EUR",
        "lines": [{ "sku": "MUG", "units": 2, "price": "9.90" }, { "title": "A drawing", "units": "1", "total": 5 }],
        "shipping": "4.90",
        "buyer": { "name": "Ada Example", "email": "ada@example.com" },
        "ship_to": { "name": "Ada Example", "street": ["High St 1"], "city": "Town", "postal_code": "10115", "country": "de" },
        "payments": [{ "method": "cash", "amount": "10" }],
        "by": "ann",
    })
}

/// Tries an order out, enters it, and pays the rest.
pub(super) async fn entered(reader: &mut Reader) {
    let tried = reader.post("/api/v1/orders/preview", order()).await;
    // The mugs are gone by now.
    assert_eq!(tried["phase"], "short");
    let known = reader.get("/api/v1/orders?account=phone").await;
    assert_eq!(known["items"], json!([]), "nothing was changed");

    let receipt = reader.post("/api/v1/orders", order()).await;
    assert_eq!(receipt["effect"], "done");
    let path = format!(
        "/api/v1/orders/{}",
        receipt["order"].as_str().expect("an order")
    );
    let found = reader.get(&path).await;
    assert_eq!(found["number"], "1001");
    assert_eq!(found["payment"], "part_paid");
    assert_eq!(found["total"]["amount"], "29.70");
    assert_eq!(found["amounts"]["shipping"]["amount"], "4.90");
    assert_eq!(found["ship_to"]["country"], "DE");
    assert_eq!(found["payments"][0]["by"], "ann");
    let rest = json!({
        "method": "bank_transfer",
        "amount": { "amount": "19.70", "currency": "EUR" },
        "reference": "TX 1",
        "by": "ann",
    });
    let paid = reader.post(&format!("{path}/payments"), rest).await;
    assert_eq!(paid["phase"], "short");
    let some = json!({ "lines": [{ "line": 2, "units": 1 }], "reason": "sold out" });
    let canceled = reader
        .ask("POST", &format!("{path}/cancel"), Some(some))
        .await;
    assert_eq!(canceled["effect"], "done");
    assert_eq!(canceled["intent"], Value::Null, "nobody is to be asked");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of what is wrong")]
async fn what_cannot_be_entered_is_named_by_its_key() {
    let rig = rig().await;
    let with = |key: &str, value: Value| {
        let mut order = order();
        order[key] = value;
        order
    };
    let line = |key: &str, value: Value| {
        let mut line = json!({ "sku": "MUG", "units": 2, "price": "9.90" });
        line[key] = value;
        with("lines", json!([line]))
    };
    for (body, status, code, part) in [
        (with("currency", json!("Euro")), 400, "bad-body", "currency"),
        (with("account", json!("nope")), 404, "no-account", "nope"),
        (with("account", json!("shop")), 409, "not-by-hand", "shop"),
        (with("total", json!("1")), 422, "bad-order", "29.70 EUR"),
        (
            with("lines", json!([])),
            422,
            "bad-order",
            "at least one line",
        ),
        (
            with("shipping", json!("0.001")),
            400,
            "bad-body",
            "shipping",
        ),
        (with("discount", json!(-1)), 422, "bad-order", "discount"),
        (
            with("reference", json!("x".repeat(65))),
            400,
            "bad-body",
            "reference",
        ),
        (with("note", json!("a\u{7}b")), 400, "bad-body", "note"),
        (
            with("ship_to", json!({ "country": "Germany" })),
            400,
            "bad-body",
            "ship_to.country",
        ),
        (with("pays", json!("later")), 400, "bad-body", "pays"),
        (
            with("lines", json!(vec![json!({}); 501])),
            400,
            "bad-body",
            "lines",
        ),
        (line("units", json!(0)), 422, "bad-order", "line 1"),
        (line("price", json!("x")), 400, "bad-body", "lines[0].price"),
        (line("total", json!("1")), 422, "bad-order", "19.80 EUR"),
        (
            with(
                "payments",
                json!([{ "method": "cash", "amount": 5, "step": "refunded" }]),
            ),
            422,
            "bad-payment",
            "0.00 EUR",
        ),
        (
            with("payments", json!([{ "method": "shells", "amount": 5 }])),
            400,
            "bad-body",
            "payments[0].method",
        ),
    ] {
        let said = body.to_string();
        let answer = rig
            .ask("POST", "/api/v1/orders", Some(body), &[bearer()])
            .await;
        let problem = answer.json();
        assert_eq!(answer.status, status, "{problem} of {said}");
        assert_eq!(problem["code"], code, "{problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part), "{detail}");
    }
    let known = rig.ask("GET", "/api/v1/orders", None, &[bearer()]).await;
    assert_eq!(known.json()["items"], json!([]));
}

#[tokio::test]
async fn a_reference_makes_one_order() {
    let rig = rig().await;
    let with = |units: i64, replaces: bool| {
        let mut order = order();
        order["reference"] = json!("A-7");
        order["lines"] = json!([{ "sku": "MUG", "units": units, "price": "9.90" }]);
        order["replaces"] = json!(replaces);
        order
    };
    let enter = async |body: Value| {
        rig.ask("POST", "/api/v1/orders", Some(body), &[bearer()])
            .await
    };
    let first = enter(with(1, false)).await.json();
    assert_eq!(first["effect"], "done");
    let again = enter(with(1, false)).await.json();
    assert_eq!(again["effect"], "nothing_to_do");
    assert_eq!(again["order"], first["order"]);
    let other = enter(with(2, false)).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.json()["code"], "reference-used");
    assert_eq!(other.json()["order"], first["order"]);
    let replaced = enter(with(2, true)).await.json();
    assert_eq!(replaced["order"], first["order"]);
    let path = format!("/api/v1/orders/{}", first["order"].as_str().expect("an id"));
    let found = rig.ask("GET", &path, None, &[bearer()]).await.json();
    assert_eq!(found["lines"][0]["counters"]["ordered"], 2);
    assert_eq!(
        found["payments"].as_array().map(Vec::len),
        Some(1),
        "not paid again"
    );
}

#[tokio::test]
async fn lists_are_right_after_orders_of_the_same_item_on_an_account_without_listings() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 9).await;
    for _ in 0..3 {
        let lines = json!([{ "sku": "MUG", "units": 2, "price": "9.90" }]);
        let asked = json!({ "account": "phone", "currency": "EUR", "lines": lines });
        let placed = rig
            .ask("POST", "/api/v1/orders", Some(asked), &[bearer()])
            .await;
        assert_eq!(placed.status, 201, "{}", placed.text);
    }
    let found = engine::doctor::examine(rig.engine.store.as_ref()).await;
    assert_eq!(found.expect("it is looked over").sentences, [""; 0]);
}
