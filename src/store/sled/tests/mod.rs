//! The suite of every store, and what only this one must do.

mod backups;
mod damage;
mod exports;
mod faults;
mod faulty;
mod keeping;
mod kill;

use std::{path::Path, sync::Arc};

use super::*;
use crate::{
    conformance::{self, model},
    model_steps::steps,
};
use proptest::prelude::*;

/// Options that suit a test: short segments, little memory, and as much of the disk as there is.
pub(super) fn options(dir: &Path) -> Options {
    Options {
        segment_bytes: 64 * 1024,
        cache_bytes: 16 * 1024 * 1024,
        memory_bytes: 4 * 1024,
        free_bytes_min: 0,
        free_ratio_min: 0.0,
        reserve_bytes: 0,
        ..Options::new(dir)
    }
}

fn open_in(dir: &Path) -> Arc<Sled> {
    open(options(dir)).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_what_every_store_does() {
    let dir = tempfile::tempdir().unwrap();
    conformance::run(async |name| open_in(&dir.path().join(name)) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn it_survives_being_closed() {
    let dir = tempfile::tempdir().unwrap();
    conformance::run_reopening(async || open_in(dir.path()) as Arc<dyn Store>).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..Default::default() })]
    #[test]
    fn it_does_what_the_model_does(steps in steps(30)) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let opened = || {
            let store = open_in(dir.path());
            (Arc::clone(&store) as Arc<dyn Store>, store)
        };
        let (store, first) = opened();
        let held = std::cell::RefCell::new((first, 0));
        runtime.block_on(model::check(store, &steps, async |store| {
            // With each second start the rows lie over another export.
            let (sled, starts) = { let held = held.borrow(); (Arc::clone(&held.0), held.1) };
            if starts % 2 == 0 {
                sled.export().await.unwrap();
            }
            store.close().await.unwrap();
            drop((store, sled));
            let (store, again) = opened();
            held.replace((again, starts + 1));
            store
        }));
        drop(held);
        let findings = verify(&options(dir.path())).unwrap();
        prop_assert!(findings.sentences.is_empty(), "{:?}", findings.sentences);
    }
}
