//! What the doctor says of a store on a real disk, with one thing planted in it each.

use std::sync::Arc;

use domain::{
    AccountId, Currency, Decimal, ExternalId, Money, Quantity, Sku, Time,
    decide::Verdict,
    ids::{DocumentId, SeriesId},
    item::Item,
    signal::{Change, Command, Signal, Source},
    snapshot::{Buyer, LineSnapshot, OrderSnapshot, PaymentState, Standing, Version},
    stock::{Condition, LocationId, Stock},
};
use engine::{
    decider::{Decider, Policy},
    ports::system,
    rows,
};
use serde_json::json;
use store::{Batch, Range, Table};

use super::*;
use crate::settings;

fn settings(dir: &Path) -> Settings {
    Settings {
        store: settings::Store {
            dir: dir.join("state"),
            free_min: Some(0),
        },
        ..Settings::default()
    }
}

fn order() -> OrderSnapshot {
    let euro = Currency::new("EUR").expect("a currency");
    let (zero, at) = (Money::zero(euro), Time::from_seconds(1_797_999_000));
    OrderSnapshot {
        external_id: ExternalId::new("17"),
        number: "17".to_owned(),
        version: Version {
            revision: 0,
            changed_at: at,
        },
        placed_at: at,
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: std::collections::BTreeMap::new(),
        currency: euro,
        total: zero,
        tax: zero,
        shipping: zero,
        discount: zero,
        refunded: zero,
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        lines: vec![LineSnapshot {
            external_id: ExternalId::new("1"),
            sku: Some("MUG".to_owned()),
            listing: None,
            title: "Mug".to_owned(),
            ordered: Decimal::whole(2),
            canceled: Decimal::whole(0),
            shipped: Decimal::whole(0),
            returned: Decimal::whole(0),
            subtracted: Decimal::whole(0),
            unit_price: None,
            total: zero,
            tax: zero,
            requires_shipping: true,
        }],
        note: String::new(),
        ship_by: None,
        deliver_by: None,
        risk: None,
        person_print: None,
        extra: None,
        gist: None,
    }
}

/// Five mugs, of which two are sold; and what a test plants in it.
async fn shelf(dir: &Path, plant: impl AsyncFnOnce(&dyn Store)) -> Settings {
    let settings = settings(dir);
    crate::run::prepare_state(&settings.store.dir).expect("a state folder");
    let (store, _) = open(store_options(&settings)).expect("a store");
    let port = Arc::clone(&store) as Arc<dyn Store>;
    let decider = Decider::new(port, system::ports(), Policy::default());
    let sku: Sku = "MUG".parse().expect("a SKU");
    for signal in [
        Signal::Command(Command::SetItem(Item::good(sku.clone(), "Mug"))),
        Signal::Command(Command::Adjust {
            sku,
            location: LocationId::default(),
            condition: Condition::Sellable,
            change: Change::To(Decimal::whole(5)),
            reason: "count".to_owned(),
            by: "ann".to_owned(),
        }),
        Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(order()),
            source: Source::Read,
        },
    ] {
        let done = decider.decide(signal).await.expect("it is decided");
        assert_eq!(done.verdict, Verdict::New);
    }
    plant(store.as_ref()).await;
    store.close().await.expect("it is closed");
    settings
}

async fn change_stock(store: &dyn Store, change: impl FnOnce(&mut Stock)) {
    let key = rows::key(&["MUG"]);
    let row = store.get(rows::STOCK, &key).await.expect("it is read");
    let row = row.expect("a row of stock");
    let mut stock: Stock = rows::decode(rows::STOCK, &row.value).expect("a stock");
    change(&mut stock);
    let puts = vec![(rows::STOCK, key, rows::encode(&stock))];
    write(store, puts, Vec::new()).await;
}

async fn write(
    store: &dyn Store,
    puts: Vec<(Table, Vec<u8>, Vec<u8>)>,
    deletes: Vec<(Table, Vec<u8>)>,
) {
    let batch = Batch {
        puts,
        deletes,
        ..Batch::default()
    };
    store.commit(batch).await.expect("it is written");
}

/// One finding of this kind, which is gone after a rebuild.
async fn finds(settings: &Settings, beginnings: &[&str]) {
    let report = look(false, settings).await.expect("it is looked at");
    assert_eq!(report.wrong.len(), beginnings.len(), "{:?}", report.wrong);
    for (said, beginning) in report.wrong.iter().zip(beginnings) {
        assert!(said.starts_with(beginning), "{said}");
        assert!(said.contains("--rebuild"), "it says what to do: {said}");
    }
    let again = look(false, settings).await.expect("it is looked at");
    assert_eq!(again.wrong, report.wrong, "looking changes nothing");
    let rebuilt = look(true, settings).await.expect("it is made anew");
    assert_eq!(rebuilt.wrong, Vec::<String>::new());
    assert_eq!(rebuilt.done.len(), 2, "{:?}", rebuilt.done);
}

#[tokio::test]
async fn a_sound_store_is_well() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |_| {}).await;
    let report = look(false, &settings).await.expect("it is looked at");
    assert_eq!(report.wrong, Vec::<String>::new());
    let known = (report.known.orders, report.known.items);
    assert_eq!(known, (1, 1));
    assert!(report.known.listed > 3 && report.findings.records > 2);
}

#[tokio::test]
async fn a_wrong_position_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |store| {
        change_stock(store, |stock| {
            let here = stock.positions.entry(LocationId::default()).or_default();
            here.insert(Condition::Sellable, Quantity::of(7));
        })
        .await;
    })
    .await;
    let sentence = "At `main` there are 7 of MUG (sellable) by its row and 5 by its movements;";
    finds(&settings, &[sentence]).await;
}

#[tokio::test]
async fn a_wrong_sum_of_claims_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |store| {
        change_stock(store, |stock| {
            stock.pending = Quantity::of(3);
            stock.owed = Quantity::of(1);
        })
        .await;
    })
    .await;
    let pending = "Of MUG 3 are promised without a location by its row and 2 by its open claims;";
    let owed = "Of MUG 1 are owed by its row and 0 by its orders;";
    finds(&settings, &[pending, owed]).await;
}

#[tokio::test]
async fn a_list_that_lacks_a_row_or_has_one_too_much_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |store| {
        let open = store.scan(rows::OPEN_ORDERS, Range::default(), 10).await;
        let (key, _) = open.expect("it is read").remove(0);
        let phase = rows::key(&["shipped", "ord_0000000000000000000000000000000a"]);
        let puts = vec![(rows::ORDERS_BY_PHASE, phase, rows::encode(&()))];
        write(store, puts, vec![(rows::OPEN_ORDERS, key)]).await;
    })
    .await;
    let stray = "The list `orders_by_phase` has `shipped / ord_0000";
    let missing = "The list `open_orders` lacks `web / ord_";
    finds(&settings, &[stray, missing]).await;
}

/// An invoice of a series, and how far the series says that it has come.
async fn invoice(store: &dyn Store, number: &str, last: u64) {
    let id = "doc_019aaaaaaaaa7aaa8aaaaaaaaaaaaaaa";
    let (order, at) = (
        "ord_019aaaaaaaaa7aaa8aaaaaaaaaaaaaaa",
        "2026-12-05T10:00:00Z",
    );
    let some = json!({ "amount": "1.00", "currency": "EUR" });
    let none = json!({ "amount": "0.00", "currency": "EUR" });
    let issued = json!({
        "id": id, "kind": "invoice", "number": number, "seller": "main", "on": "2026-12-05", "at": at,
        "by": "ann", "order": order, "account": "web", "order_number": "17", "days": {}, "letterhead": {},
        "bill": {
            "currency": "EUR", "prices": "with_tax", "lines": [], "tax": none, "total": some, "paid": some,
        },
    });
    let series = json!({ "seller": "main", "kind": "invoice", "last": last });
    let id: DocumentId = id.parse().expect("an id");
    let puts = vec![
        (
            rows::DOCUMENTS,
            rows::key(&[&id.to_string()]),
            rows::encode(&issued),
        ),
        (
            rows::DOCUMENT_NUMBERS,
            rows::key(&[number]),
            rows::encode(&id),
        ),
        (
            rows::SERIES,
            rows::series_key(&SeriesId::new("RE-")),
            rows::encode(&series),
        ),
    ];
    write(store, puts, Vec::new()).await;
}

#[tokio::test]
async fn a_series_that_would_give_a_number_again_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |store| {
        invoice(store, "RE-00042", 41).await
    })
    .await;
    let sentence = "The series `of / RE-` stands at 41, and 42 was given already;";
    finds(&settings, &[sentence]).await;
    let well = tempfile::tempdir().expect("a folder");
    let settings = shelf(well.path(), async |store| {
        invoice(store, "RE-00042", 42).await
    })
    .await;
    let report = look(false, &settings).await.expect("it is looked at");
    assert_eq!(report.wrong, Vec::<String>::new());
}

#[tokio::test]
async fn rows_that_are_not_what_the_journal_says_come_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |_| {}).await;
    let rows = settings.store.dir.join("store/rows");
    fs::remove_dir_all(&rows).expect("it is removed");
    let report = look(false, &settings).await.expect("it is looked at");
    let first = &report.wrong[0];
    assert!(
        first.starts_with("There are no rows. `oneshelf doctor"),
        "{first}"
    );
    assert!(report.wrong[1].starts_with("Sums and lists were not looked at"));
    let rebuilt = look(true, &settings).await.expect("it is made anew");
    assert_eq!(rebuilt.wrong, Vec::<String>::new());
}

#[tokio::test]
async fn what_others_can_read_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |_| {}).await;
    let token = settings.store.dir.join(SECRETS).join("web/refresh");
    let above = token.parent().expect("a folder");
    fs::create_dir_all(above).expect("a folder");
    fs::write(&token, "t").expect("a file");
    for (path, mode) in [(&token, 0o640), (&settings.store.dir, 0o755)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    }
    for path in [above, &settings.store.dir.join(SECRETS)] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("its mode");
    }
    let report = look(false, &settings).await.expect("it is looked at");
    assert_eq!(report.wrong.len(), 2, "{:?}", report.wrong);
    assert!(report.wrong[0].contains("(mode 755): chmod 700"));
    assert!(report.wrong[1].contains("web/refresh` (mode 640): chmod 600"));
}

#[tokio::test]
async fn a_daemon_that_runs_must_be_stopped_first() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |_| {}).await;
    let (store, _) = open(store_options(&settings)).expect("a store");
    let refused = look(true, &settings).await.expect_err("it is in use");
    assert!(refused.contains("stop the daemon first"), "{refused}");
    drop(store);
    let missing = self::settings(&dir.path().join("elsewhere"));
    let refused = look(false, &missing).await.expect_err("nothing is there");
    assert!(refused.contains("there is no store"), "{refused}");
}

#[tokio::test]
async fn a_restored_store_is_well_and_stays_careful() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = shelf(dir.path(), async |_| {}).await;
    let (store, _) = open(store_options(&settings)).expect("a store");
    let plan = crate::backups::plan(&settings, dir.path().join("backups"));
    let backup = store.backup(plan).await.expect("a backup");
    drop(store);
    let restored = self::settings(&dir.path().join("new"));
    let to = &restored.store.dir;
    store::sled::backup::restore(&backup.path, to).expect("it is restored");
    for is_rebuilding in [false, true] {
        let report = look(is_rebuilding, &restored)
            .await
            .expect("it is looked at");
        assert_eq!(report.wrong, Vec::<String>::new());
        assert_eq!(report.known.orders, 1);
    }
    let (_, opened) = open(store_options(&restored)).expect("it opens");
    assert!(opened.is_after_loss, "nobody was told of the loss yet");
}
