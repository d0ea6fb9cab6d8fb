//! The Store port on PostgreSQL, in the plainest way that is right.
//!
//! One row holds the last position. Every write begins by raising it, and so waits for the one before
//! it: positions are given in the order of commits, a failed write gives its positions back, and an
//! expectation read after that cannot change any more. It is what a backend has to be at least as good
//! as, and no backend: it has no group commit and does not come back from a lost connection.
#![expect(clippy::unwrap_used, reason = "this is a test: a panic is the report")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use store::{
    Append, Batch, INBOX, Range, Row, SCAN_LIMIT_MAX, Seq, Stats, Store, StoreError, Table, limits,
};
use tokio::{
    sync::{Mutex, MutexGuard, mpsc},
    task::JoinSet,
};
use tokio_postgres::{AsyncMessage, Client, NoTls, Transaction};

const TABLES: &str = "
    CREATE TABLE position (only_one BOOLEAN PRIMARY KEY CHECK (only_one), last BIGINT NOT NULL);
    INSERT INTO position VALUES (TRUE, 0);
    CREATE TABLE rows (
        name TEXT COLLATE \"C\", key BYTEA, version BIGINT NOT NULL, value BYTEA NOT NULL,
        PRIMARY KEY (name, key)
    );
    CREATE TABLE facts (seq BIGINT PRIMARY KEY, fact BYTEA NOT NULL);
    CREATE TABLE signals (seq BIGINT PRIMARY KEY, body BYTEA NOT NULL);
";

/// A store in a schema of its own.
pub(crate) struct Spike {
    clients: Vec<Mutex<Client>>,
    next: AtomicUsize,
    is_closed: AtomicBool,
    schema: String,
}

/// A connection that works in one schema, which is made anew if so wished.
pub(crate) async fn connect(url: &str, schema: &str, is_new: bool) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let mut driver = JoinSet::new();
    // It ends with its client; an error shows in the next query.
    driver.spawn(async move { drop(connection.await) });
    driver.detach_all();
    if is_new {
        let make = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema};");
        client.batch_execute(&make).await.unwrap();
    }
    let path = format!("SET search_path TO {schema}; SET synchronous_commit TO on;");
    client.batch_execute(&path).await.unwrap();
    client
}

/// The notices of a schema's commits.
pub(crate) async fn listen(url: &str, schema: &str) -> mpsc::UnboundedReceiver<String> {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let (tell, notices) = mpsc::unbounded_channel();
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notice) = message
                && tell.send(notice.payload().to_owned()).is_err()
            {
                break;
            }
        }
    });
    client
        .batch_execute(&format!("LISTEN {schema}"))
        .await
        .unwrap();
    driver.spawn(async move {
        std::future::pending::<()>().await;
        drop(client);
    });
    driver.detach_all();
    notices
}

impl Spike {
    /// An empty store.
    pub(crate) async fn open(url: &str, schema: &str, connections: usize) -> Spike {
        let client = connect(url, schema, true).await;
        client.batch_execute(TABLES).await.unwrap();
        Spike::reopen(url, schema, connections).await
    }

    /// The store that is there.
    pub(crate) async fn reopen(url: &str, schema: &str, connections: usize) -> Spike {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Mutex::new(connect(url, schema, false).await));
        }
        Spike {
            clients,
            next: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            schema: schema.to_owned(),
        }
    }

    async fn client(&self) -> Result<MutexGuard<'_, Client>, StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            let reason = "it is closed".to_owned();
            return Err(StoreError::Unavailable { reason });
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(self.clients[n % self.clients.len()].lock().await)
    }

    /// Begins a write: takes so many positions and keeps everybody else from doing so.
    async fn begin<'a>(
        &self,
        client: &'a mut Client,
        span: i64,
    ) -> Result<(Transaction<'a>, i64), tokio_postgres::Error> {
        let write = client.transaction().await?;
        let raise = "UPDATE position SET last = last + $1 RETURNING last";
        let last: i64 = write.query_one(raise, &[&span]).await?.get(0);
        Ok((write, last - span + 1))
    }

    async fn write(&self, batch: &Batch) -> Result<Result<Seq, StoreError>, Failed> {
        let mut client = self.client().await?;
        let span = batch.facts.len().max(1) as i64;
        let (write, version) = self.begin(&mut client, span).await?;
        for expect in &batch.expects {
            let select = "SELECT version FROM rows WHERE name = $1 AND key = $2";
            let row = write
                .query_opt(select, &[&expect.table.0, &expect.key])
                .await?;
            let version = row.map(|row| Seq(row.get::<_, i64>(0) as u64));
            if version != expect.version {
                write.rollback().await?;
                let table = expect.table;
                return Ok(Err(StoreError::Conflict { table }));
            }
        }
        for (table, key, value) in &batch.puts {
            put(&write, *table, key, version, value).await?;
        }
        for (table, key) in &batch.deletes {
            let delete = "DELETE FROM rows WHERE name = $1 AND key = $2";
            write.execute(delete, &[&table.0, key]).await?;
        }
        for (at, fact) in (version..).zip(&batch.facts) {
            write
                .execute("INSERT INTO facts VALUES ($1, $2)", &[&at, fact])
                .await?;
        }
        let notify = "SELECT pg_notify($1, $2)";
        write
            .execute(notify, &[&self.schema, &version.to_string()])
            .await?;
        write.commit().await?;
        Ok(Ok(Seq(version as u64)))
    }

    async fn keep(&self, signals: &[Append]) -> Result<Vec<Seq>, Failed> {
        let mut client = self.client().await?;
        let (write, first) = self.begin(&mut client, signals.len() as i64).await?;
        let mut seqs = Vec::new();
        for (at, signal) in (first..).zip(signals) {
            let insert = "INSERT INTO signals VALUES ($1, $2)";
            write.execute(insert, &[&at, &signal.body]).await?;
            put(&write, INBOX, &at.to_be_bytes(), at, &signal.note).await?;
            seqs.push(Seq(at as u64));
        }
        write.commit().await?;
        Ok(seqs)
    }

    async fn bytes_at(&self, select: &str, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(at) = i64::try_from(at.0) else {
            return self.client().await.map(|_| None);
        };
        let row = self.client().await?.query_opt(select, &[&at]).await;
        Ok(row.map_err(Failed::from)?.map(|row| row.get(0)))
    }
}

async fn put(
    write: &Transaction<'_>,
    table: Table,
    key: &[u8],
    version: i64,
    value: &[u8],
) -> Result<(), tokio_postgres::Error> {
    let upsert = "INSERT INTO rows VALUES ($1, $2, $3, $4)
        ON CONFLICT (name, key) DO UPDATE SET version = $3, value = $4";
    write
        .execute(upsert, &[&table.0, &key, &version, &value])
        .await?;
    Ok(())
}

/// What PostgreSQL said, as the port says it.
struct Failed(StoreError);

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Failed {
        let reason = error.to_string();
        Failed(StoreError::Unavailable { reason })
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed(error)
    }
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> StoreError {
        failed.0
    }
}

#[async_trait]
impl Store for Spike {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        drop(self.client().await?);
        limits::check_append(&signals)?;
        if signals.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.keep(&signals).await?)
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        drop(self.client().await?);
        limits::check_batch(&batch)?;
        self.write(&batch).await?
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let limit = limit.min(SCAN_LIMIT_MAX) as i64;
        let select = "SELECT seq, fact FROM facts WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows = self.client().await?.query(select, &[&after, &limit]).await;
        let fact = |row: &tokio_postgres::Row| (Seq(row.get::<_, i64>(0) as u64), row.get(1));
        Ok(rows.map_err(Failed::from)?.iter().map(fact).collect())
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.bytes_at("SELECT fact FROM facts WHERE seq = $1", at)
            .await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.bytes_at("SELECT body FROM signals WHERE seq = $1", at)
            .await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let client = self.client().await?;
        limits::check_row(table, key)?;
        let select = "SELECT version, value FROM rows WHERE name = $1 AND key = $2";
        let row = client.query_opt(select, &[&table.0, &key]).await;
        let row = row.map_err(Failed::from)?;
        Ok(row.map(|row| Row {
            version: Seq(row.get::<_, i64>(0) as u64),
            value: row.get(1),
        }))
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let client = self.client().await?;
        limits::check_row(table, &range.prefix)?;
        let limit = limit.min(SCAN_LIMIT_MAX) as i64;
        let select = "SELECT key, version, value FROM rows WHERE name = $1 AND key >= $2
            AND ($3::BYTEA IS NULL OR key > $3) AND ($4::BYTEA IS NULL OR key < $4)
            ORDER BY key LIMIT $5";
        let end = end_of(&range.prefix);
        let rows = client
            .query(
                select,
                &[&table.0, &range.prefix, &range.after, &end, &limit],
            )
            .await;
        let row = |row: &tokio_postgres::Row| {
            let version = Seq(row.get::<_, i64>(1) as u64);
            let value = row.get(2);
            (row.get(0), Row { version, value })
        };
        Ok(rows.map_err(Failed::from)?.iter().map(row).collect())
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let client = self.client().await?;
        limits::check_row(table, &range.prefix)?;
        let limit = limit.min(SCAN_LIMIT_MAX) as i64;
        let select = "SELECT key, version, value FROM rows WHERE name = $1 AND key >= $2
            AND ($3::BYTEA IS NULL OR key < $3) AND ($4::BYTEA IS NULL OR key < $4)
            ORDER BY key DESC LIMIT $5";
        let end = end_of(&range.prefix);
        let rows = client
            .query(
                select,
                &[&table.0, &range.prefix, &range.after, &end, &limit],
            )
            .await;
        let row = |row: &tokio_postgres::Row| {
            let version = Seq(row.get::<_, i64>(1) as u64);
            let value = row.get(2);
            (row.get(0), Row { version, value })
        };
        Ok(rows.map_err(Failed::from)?.iter().map(row).collect())
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        let select = "SELECT last FROM position";
        let row = self.client().await?.query_one(select, &[]).await;
        let last: i64 = row.map_err(Failed::from)?.get(0);
        Ok(Stats {
            durable: Seq(last as u64),
            ..Stats::default()
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.is_closed.store(true, Ordering::Release);
        Ok(())
    }
}

/// The first key behind all keys with a prefix, if there is one.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}
