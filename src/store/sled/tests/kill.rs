//! Killing the process at any moment, again and again.
//!
//! The test runs itself as another process, which writes and tells of everything that was acknowledged;
//! kills it after a random number of those, also while it opens; and looks at what is there. With
//! `ONESHELF_LONG` set there are many more kills.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;

use super::{super::*, options};
use crate::{
    Expect, INBOX,
    dice::{Dice, is_long, rounds},
};

const DIR: &str = "ONESHELF_KILL_DIR";
const TEST: &str = "sled::tests::kill::a_killed_process_loses_nothing";
const ACCOUNTS: Table = Table("accounts");
const ACCOUNT_COUNT: u64 = 20;
const EACH: u64 = 100;
/// So often one store is killed.
const KILLS: u64 = 10;

type Acknowledged = BTreeMap<u64, String>;

#[test]
fn a_killed_process_loses_nothing() {
    if let Some(dir) = std::env::var_os(DIR) {
        return write_until_killed(&dir);
    }
    for round in rounds(if is_long() { 30 } else { 1 }) {
        let mut dice = Dice(round + 1);
        let dir = tempfile::tempdir().unwrap();
        let mut acknowledged = Acknowledged::new();
        for kill in 0..KILLS {
            run_and_kill(dir.path(), &mut dice, &mut acknowledged);
            look(dir.path(), &acknowledged, round * KILLS + kill);
        }
        let count = acknowledged.len() as u64;
        assert!(count > KILLS * 20, "only {count} acknowledgements");
    }
}

fn run_and_kill(dir: &Path, dice: &mut Dice, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = lines.map_while(Result::ok).filter_map(|line| {
        let (kind, rest) = line.split_once(' ')?;
        (kind == "told").then(|| rest.to_owned())
    });
    let mut note = |line: String| {
        if let Some((seq, text)) = line.split_once(' ')
            && let Some(text) = text.strip_suffix('.')
        {
            acknowledged.insert(seq.parse().unwrap(), text.to_owned());
        }
    };
    // The first line says that it opens now; some kills come soon after that.
    let count = [1, 2, 20, 200, 600][dice.roll(5) as usize] + dice.roll(5);
    told.by_ref().take(count as usize).for_each(&mut note);
    for _ in 0..dice.roll(3000) {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    told.for_each(&mut note);
    child.wait().unwrap();
}

fn write_until_killed(dir: &OsString) {
    tell("opening");
    let options = Options {
        checkpoint_every: Duration::from_millis(20),
        ..options(Path::new(dir))
    };
    let (store, _) = open(options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        found_accounts(&store).await;
        let mut writers = JoinSet::new();
        for writer in 0..6 {
            writers.spawn(write(Arc::clone(&store), writer));
        }
        writers.join_all().await;
    });
}

fn tell(what: &str) {
    let mut out = std::io::stdout().lock();
    // The full stop shows that the line is whole. A parent that is gone wants to hear nothing.
    if writeln!(out, "told {what}.")
        .and_then(|()| out.flush())
        .is_err()
    {
        std::process::exit(0);
    }
}

async fn found_accounts(store: &Sled) {
    let batch = Batch {
        expects: vec![expect(0, None)],
        puts: (0..ACCOUNT_COUNT).map(|n| put(n, EACH)).collect(),
        ..Batch::default()
    };
    match store.commit(batch).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Takes in signals and decides each with a transfer between two accounts, in one commit.
async fn write(store: Arc<Sled>, writer: u64) {
    let mut dice = Dice(writer + u64::from(std::process::id()) * 100);
    for n in 0.. {
        let text = format!(
            "signal {writer} {n} {}",
            "x".repeat(dice.roll(3000) as usize)
        );
        let signal = Append {
            body: text.clone().into_bytes(),
            note: vec![writer as u8],
        };
        let at = store.append(vec![signal]).await.unwrap()[0];
        tell(&format!("{} {text}", at.0));
        loop {
            let (from, to) = (dice.roll(ACCOUNT_COUNT), dice.roll(ACCOUNT_COUNT));
            if from == to {
                continue;
            }
            let fact = format!("fact {} {from} {to}", at.0);
            match store
                .commit(transfer(&store, at, from, to, &fact).await)
                .await
            {
                Ok(seq) => break tell(&format!("{} {fact}", seq.0)),
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

async fn transfer(store: &Sled, at: Seq, from: u64, to: u64, fact: &str) -> Batch {
    let (from_version, from_has) = account(store, from).await;
    let (to_version, to_has) = account(store, to).await;
    let amount = from_has.min(1);
    let inbox = at.0.to_be_bytes().to_vec();
    Batch {
        expects: vec![
            expect(from, Some(from_version)),
            expect(to, Some(to_version)),
            Expect {
                table: INBOX,
                key: inbox.clone(),
                version: Some(at),
            },
        ],
        puts: vec![put(from, from_has - amount), put(to, to_has + amount)],
        deletes: vec![(INBOX, inbox)],
        facts: vec![fact.as_bytes().to_vec()],
    }
}

fn expect(account: u64, version: Option<Seq>) -> Expect {
    let key = account.to_be_bytes().to_vec();
    Expect {
        table: ACCOUNTS,
        key,
        version,
    }
}

fn put(account: u64, has: u64) -> (Table, Vec<u8>, Vec<u8>) {
    let key = account.to_be_bytes().to_vec();
    (ACCOUNTS, key, has.to_be_bytes().to_vec())
}

async fn account(store: &Sled, account: u64) -> (Seq, u64) {
    let row = store.get(ACCOUNTS, &account.to_be_bytes()).await;
    let row = row.unwrap().expect("accounts are never deleted");
    (
        row.version,
        u64::from_be_bytes(row.value.try_into().unwrap()),
    )
}

/// Opens the store and holds it against what was acknowledged.
fn look(dir: &Path, acknowledged: &Acknowledged, kill: u64) {
    let (store, opened) = open(options(dir)).unwrap();
    assert!(!opened.is_rebuilt, "kill {kill}: {:?}", opened.repairs);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut decided = std::collections::BTreeSet::new();
        for (seq, text) in acknowledged {
            let kept = match text.starts_with("signal") {
                true => store.body(Seq(*seq)).await.unwrap(),
                false => store.fact(Seq(*seq)).await.unwrap(),
            };
            assert!(
                kept.as_deref() == Some(text.as_bytes()),
                "kill {kill}: {seq} is lost"
            );
            if let Some(rest) = text.strip_prefix("fact ") {
                decided.insert(rest.split(' ').next().unwrap().parse::<u64>().unwrap());
            }
        }
        let accounts = store.scan(ACCOUNTS, Range::default(), 1000).await.unwrap();
        let has = |row: &Row| u64::from_be_bytes(row.value.as_slice().try_into().unwrap());
        let total: u64 = accounts.iter().map(|(_, row)| has(row)).sum();
        assert!(
            accounts.is_empty() || total == ACCOUNT_COUNT * EACH,
            "kill {kill}: {total}"
        );
        for (key, _) in store.scan(INBOX, Range::default(), 1000).await.unwrap() {
            let at = u64::from_be_bytes(key.try_into().unwrap());
            assert!(
                !decided.contains(&at),
                "kill {kill}: {at} is undecided again"
            );
        }
    });
    drop(store);
    let findings = verify(&options(dir)).unwrap();
    assert!(
        findings.sentences.is_empty(),
        "kill {kill}: {:?}",
        findings.sentences
    );
}
