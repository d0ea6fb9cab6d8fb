//! Backups over the API: begun, listed, and said to be late or to have failed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use engine::backups::{BackupView, KeepBackups, NoBackup};
use serde_json::json;

use super::{api::Reader, rig::rig};

/// Makes what it is told to, one after the other.
#[derive(Default)]
struct Keeps(Mutex<Vec<BackupView>>);

fn backup(position: u64) -> BackupView {
    BackupView {
        name: format!("oneshelf-{position}"),
        path: format!("/backups/oneshelf-{position}"),
        made_at: Some(domain::Time::from_millis(0)),
        position,
        orders: 1,
        rows: 2,
        bytes: 3,
        problem: None,
    }
}

#[async_trait]
impl KeepBackups for Keeps {
    fn place(&self) -> String {
        "/backups".to_owned()
    }

    async fn make(&self, to: Option<&str>) -> Result<BackupView, NoBackup> {
        if to == Some("full") {
            return Err(NoBackup::Failed("there is no space".to_owned()));
        }
        let mut made = self.0.lock().expect("no holder panics");
        let position = made.len() as u64;
        made.push(backup(position));
        Ok(backup(position))
    }

    async fn list(&self) -> Result<Vec<BackupView>, NoBackup> {
        Ok(self.0.lock().expect("no holder panics").clone())
    }

    fn check(&self, to: &str) -> Result<(), NoBackup> {
        match to {
            "/etc" => Err(NoBackup::Elsewhere("not there".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Every route of backups, held against the description.
pub(super) async fn backed_up(reader: &mut Reader) {
    let none = reader.get("/api/v1/backups").await;
    assert_eq!(
        (&none["is_configured"], &none["items"]),
        (&json!(false), &json!([]))
    );
    let refused = reader.post("/api/v1/backups", json!({})).await;
    assert_eq!(refused["code"], "no-backups");
    let engine = Arc::clone(&reader.rig.engine);
    let nightly = "0 3 * * *".parse().expect("a schedule");
    engine
        .keep_backups(Arc::new(Keeps::default()), nightly)
        .await;
    engine.make_backup(None).await.expect("a backup");
    engine
        .make_backup(Some("full"))
        .await
        .expect_err("no space");
    let kept = reader.get("/api/v1/backups").await;
    assert_eq!(kept["failure"], "there is no space");
    assert_eq!(
        (&kept["last"]["position"], &kept["is_late"]),
        (&json!(0), &json!(true))
    );
    let summary = reader.get("/api/v1/metrics/summary").await;
    assert_eq!(summary["backups"]["last"]["name"], "oneshelf-0");
    let refused = reader
        .post("/api/v1/backups", json!({ "to": "/etc" }))
        .await;
    assert_eq!(refused["code"], "bad-body");
    let begun = reader
        .post("/api/v1/backups", json!({ "to": "mine" }))
        .await;
    assert_eq!(begun["status"], "begins");
    // Nobody works on it in these tests, so it stays under way.
    let again = reader.post("/api/v1/backups", json!({})).await;
    assert_eq!(again["status"], "under_way");
}

#[tokio::test]
async fn metrics_say_when_there_was_a_backup_and_that_it_is_late() {
    let rig = rig().await;
    let before = rig.get("/metrics").await;
    assert!(!before.text.contains("backup"), "none are configured");
    let nightly = "0 3 * * *".parse().expect("a schedule");
    rig.engine
        .keep_backups(Arc::new(Keeps::default()), nightly)
        .await;
    rig.engine.make_backup(None).await.expect("a backup");
    let after = rig.get("/metrics").await.text;
    for line in [
        "oneshelf_last_backup_timestamp_seconds 0.0",
        "oneshelf_backup_late 1",
        "oneshelf_backup_failed 0",
    ] {
        assert!(after.contains(line), "{line} is not in {after}");
    }
}

#[tokio::test]
async fn after_a_loss_an_account_waits_for_its_comparison_also_over_a_restart() {
    use engine::rows::{TO_COMPARE, encode, key};
    use store::{Batch, Memory, Store};
    let memory = Memory::new();
    let batch = Batch {
        puts: vec![(TO_COMPARE, key(&["shop"]), encode(&()))],
        ..Batch::default()
    };
    memory.commit(batch).await.expect("it is written");
    let rig = super::rig::rig_on(memory, crate::Limits::default()).await;
    let shop = &rig.engine.accounts[&domain::AccountId::new("shop")];
    assert!(shop.compares_first() && !shop.may_write());
    rig.engine.reconcile(shop).await.expect("it is compared");
    assert!(!shop.compares_first() && shop.may_write());
    let row = rig.engine.store.get(TO_COMPARE, &key(&["shop"])).await;
    assert_eq!(row.expect("it is read"), None);
}
