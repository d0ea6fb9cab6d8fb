//! Sums of days: what they are of, that they follow the orders, and that the doctor sees what does not.

use std::time::Duration;

use domain::{
    AccountId, Time,
    signal::{Signal, Source},
    snapshot::{OrderSnapshot, Standing},
};
use engine::users::Role;
use serde_json::{Value, json};
use store::{Batch, Range, Table};

use super::{
    api::Reader,
    dashboard::Browser,
    rig::{Rig, now, rig, snapshot},
};

/// Brings the sums up to what was decided.
async fn fold(rig: &Rig) {
    while rig
        .engine
        .fold_insight()
        .await
        .expect("it is summed")
        .has_more
    {}
}

async fn takes(rig: &Rig, account: &str, snapshot: OrderSnapshot) {
    rig.decide(Signal::Order {
        account: AccountId::new(account),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    })
    .await;
}

/// The routes once, as the description has them.
pub(super) async fn shown(reader: &mut Reader) {
    fold(&reader.rig).await;
    let found = reader.get("/api/v1/insight?days=90&account=shop").await;
    assert_eq!(found["is_summing"], false);
    assert!(found["times"].as_array().is_some_and(|all| all.len() == 4));
    let bad = reader.get("/api/v1/insight?days=8").await;
    assert_eq!(bad["code"], "bad-parameter");
    reader.get("/api/v1/insight/days?days=7").await;
}

fn placed(id: &str, sku: &str, units: i64, at: Time) -> OrderSnapshot {
    OrderSnapshot {
        placed_at: at,
        ..snapshot(id, &[(sku, units)])
    }
}

async fn wrong(rig: &Rig) -> Vec<String> {
    let store = rig.engine.store.as_ref();
    engine::doctor::examine(store)
        .await
        .expect("it looks")
        .sentences
}

#[tokio::test]
async fn days_are_sums_of_their_orders_and_follow_them() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 50).await;
    rig.stock("shop", "CUP", 20).await;
    let yesterday = now().minus(Duration::from_secs(24 * 3600));
    takes(&rig, "shop", placed("1", "MUG", 3, yesterday)).await;
    takes(&rig, "shop", placed("2", "MUG", 1, now())).await;
    takes(&rig, "quiet", placed("1", "CUP", 2, now())).await;
    // What came before the first fold is summed as the past, what comes later behind the log.
    fold(&rig).await;
    takes(&rig, "shop", placed("3", "CUP", 1, now())).await;
    fold(&rig).await;
    let days = async |query: &str| -> Vec<Value> {
        let found = rig.get(&format!("/api/v1/insight{query}")).await.json();
        let days = found["days"].as_array().cloned().unwrap_or_default();
        days.iter()
            .map(|day| {
                json!([
                    day["account"],
                    day["orders"],
                    day["canceled"],
                    day["takings"][0]["total"]["amount"]
                ])
            })
            .collect()
    };
    let right = [
        json!(["shop", 1, 0, "10.00"]),
        json!(["quiet", 1, 0, "10.00"]),
        json!(["shop", 2, 0, "20.00"]),
    ];
    assert_eq!(days("").await, right);
    assert_eq!(days("?account=quiet").await, right[1..2]);
    assert_eq!(wrong(&rig).await, Vec::<String>::new());
    // One is canceled, and a parcel of another leaves.
    let mut gone = placed("2", "MUG", 1, now());
    gone.standing = Standing::Canceled;
    gone.version.revision = 2;
    takes(&rig, "shop", gone).await;
    fold(&rig).await;
    let right = json!(["shop", 2, 1, "10.00"]);
    assert_eq!(days("?account=shop").await[1], right);
    let csv = rig.get("/api/v1/insight/days?account=shop").await;
    assert_eq!(
        csv.text.lines().collect::<Vec<_>>(),
        [
            "day,account,placed,canceled,currency,orders,total,refunded",
            "2026-11-20,shop,1,0,EUR,1,10.00,0.00",
            "2026-11-21,shop,2,1,EUR,1,10.00,0.00",
        ]
    );
    let found = rig.get("/api/v1/insight").await.json();
    let best = &found["best"][0];
    assert_eq!(
        (&best["sku"], &best["on_hand"]),
        (&json!("MUG"), &json!(50))
    );
    assert_eq!(found["takings"][0]["orders"], 3);
    what_runs_out_first_is_listed_first(&rig, &found).await;
    assert_eq!(wrong(&rig).await, Vec::<String>::new());
}

async fn what_runs_out_first_is_listed_first(rig: &Rig, found: &Value) {
    // Three of each were sold, and of cups fewer are left.
    let low: Vec<&Value> = (0..2).map(|at| &found["low"][at]["sku"]).collect();
    assert_eq!(low, [&json!("CUP"), &json!("MUG")], "{}", found["low"]);
    let lasts = |at: usize| found["low"][at]["days_left"].as_u64();
    let both = lasts(0).zip(lasts(1));
    assert!(
        both.is_some_and(|(first, second)| first < second),
        "{}",
        found["low"]
    );
    let mut browser = Browser::of(rig, Role::Viewer).await;
    let page = browser.get("/stock").await.text;
    let list = page.find("Runs out first").expect("the list");
    let rows = &page[list..];
    let both = rows.find(">CUP<").zip(rows.find(">MUG<"));
    assert!(both.is_some_and(|(first, second)| first < second), "{page}");
}

#[tokio::test]
async fn the_doctor_sees_a_sum_that_is_wrong_and_mends_it() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 50).await;
    takes(&rig, "shop", placed("1", "MUG", 3, now())).await;
    fold(&rig).await;
    let store = rig.engine.store.as_ref();
    for table in ["insight_days", "insight_sold"].map(Table) {
        let rows = store.scan(table, Range::default(), 9).await.expect("rows");
        let (key, row) = rows.into_iter().next().expect("a row");
        for value in [None, Some(b"\x01{}".to_vec())] {
            let mut batch = Batch::default();
            match value {
                Some(value) => batch.puts.push((table, key.clone(), value)),
                None => batch.deletes.push((table, key.clone())),
            }
            store.commit(batch).await.expect("room");
            let found = engine::doctor::examine(store).await.expect("it looks");
            assert!(
                found.sentences[0].contains("are not those of its orders"),
                "{:?}",
                found.sentences
            );
            engine::doctor::mend(store, &found).await.expect("it mends");
            let mended = store.get(table, &key).await.expect("it is read");
            assert_eq!(mended.map(|row| row.value), Some(row.value.clone()));
            assert_eq!(wrong(&rig).await, Vec::<String>::new());
        }
    }
    // What the fold has not seen yet is no finding.
    takes(&rig, "shop", placed("2", "MUG", 1, now())).await;
    assert_eq!(wrong(&rig).await, Vec::<String>::new());
}

#[tokio::test]
async fn charts_stand_beside_tables_with_the_same_numbers() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 50).await;
    let mut browser = Browser::of(&rig, Role::Viewer).await;
    let empty = browser.get("/insight").await;
    assert!(
        empty
            .text
            .contains("Orders of before are still being summed")
            && empty.text.contains("Nothing was sold in this time"),
        "{}",
        empty.text
    );
    takes(&rig, "shop", placed("1", "MUG", 3, now())).await;
    takes(&rig, "quiet", placed("2", "MUG", 3, now())).await;
    fold(&rig).await;
    for (language, total) in [
        ("en", "€20.00"),
        ("de", "20,00\u{a0}€"),
        ("es", "20,00\u{a0}€"),
    ] {
        let headers = [("accept-language", language)];
        let page = browser.send("GET", "/insight?days=7", None, &headers).await;
        let text = &page.text;
        assert!(text.contains(total), "{language}: {text}");
        assert_eq!(text.matches("<svg class=\"chart\"").count(), 2, "{text}");
        assert_eq!(text.matches("class=\"swatch").count(), 4);
        assert!(text.contains("class=\"c0\"") && text.contains("class=\"c1\""));
        assert!(text.contains("/api/v1/insight/days?days=7"), "{text}");
        assert!(text.contains("href=\"/stock/MUG\""), "{text}");
    }
    assert_eq!(browser.get("/insight?days=8").await.status, 400);
}
