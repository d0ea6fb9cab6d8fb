//! What intake is also compared with: a database that does in one transaction what a decision comes down
//! to, one guarded change of stock and one order with the body of its hook.
//!
//! `pgbench` is the client, so it is PostgreSQL's own tool that measures it. It has nothing to verify, to read
//! or to offer anywhere, and no HTTP.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use serde::Serialize;

use super::{hooks::Baskets, rig::ITEMS};

/// Where Debian and its descendants keep the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// More units than any bench sells.
const LEVEL: i64 = 100_000_000;

/// A database that may be used.
pub(super) struct Postgres {
    pgbench: PathBuf,
    url: String,
    dir: PathBuf,
}

/// What it did.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Figure {
    /// Durable transactions a second.
    pub(super) per_second: f64,
    /// How long one took on average.
    pub(super) mean_ms: f64,
}

impl Postgres {
    /// Finds the client. The sentence says why there is none.
    pub(super) fn find(url: &str, dir: &Path) -> Result<Postgres, String> {
        let pgbench = pgbench().ok_or_else(|| {
            "pgbench was not found, so there is no comparison with PostgreSQL.".to_owned()
        })?;
        Ok(Postgres {
            pgbench,
            url: url.to_owned(),
            dir: dir.to_owned(),
        })
    }

    /// Makes the tables anew and measures so many transactions on so many connections.
    pub(super) fn measure(
        &self,
        baskets: Baskets,
        body: &[u8],
        transactions: u64,
        connections: u32,
    ) -> anyhow::Result<Figure> {
        self.run("setup", &setup(), 1, 1)?;
        let each = transactions.div_ceil(u64::from(connections)).max(1);
        let said = self.run("order", &order(baskets, body), each, connections)?;
        self.run("end", &teardown(), 1, 1)?;
        read(&said).with_context(|| format!("pgbench speaks otherwise here:\n{said}"))
    }

    fn run(&self, name: &str, sql: &str, each: u64, connections: u32) -> anyhow::Result<String> {
        let script = self.dir.join(format!("{name}.sql"));
        fs::write(&script, sql)?;
        let mut command = Command::new(&self.pgbench);
        command
            .args(["--no-vacuum", "--file"])
            .arg(&script)
            .args(["--client", &connections.to_string()])
            .args(["--jobs", &connections.min(2).to_string()])
            .args(["--transactions", &each.to_string(), &self.url])
            // Whatever the server's default is, an answer must mean that it is on the disk.
            .env("PGOPTIONS", "-c synchronous_commit=on")
            .stdin(Stdio::null());
        let ended = command.output().context("failed to start pgbench")?;
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&ended.stderr);
        anyhow::ensure!(ended.status.success(), "pgbench failed:\n{complaint}{said}");
        Ok(said)
    }
}

/// The client: one that is found by its name, else that of a version.
fn pgbench() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let versions = versions.map(|version| version.path().join("bin/pgbench"));
    let mut programs = std::iter::once(PathBuf::from("pgbench")).chain(versions);
    programs.find(|program| {
        let mut asked = Command::new(program);
        asked.arg("--version").stdin(Stdio::null());
        asked.output().is_ok_and(|said| said.status.success())
    })
}

/// Tables of ours, and an error where the server does not sync at all.
fn setup() -> String {
    format!(
        "{}\
         DO $$ BEGIN\n\
         IF current_setting('fsync') <> 'on' THEN\n\
         RAISE 'fsync is off there: nothing that it says is durable'; END IF; END $$;\n\
         CREATE TABLE oneshelf_bench_stock (item int PRIMARY KEY, level bigint NOT NULL);\n\
         CREATE TABLE oneshelf_bench_order (id bigserial PRIMARY KEY, item int NOT NULL, body bytea NOT NULL);\n\
         INSERT INTO oneshelf_bench_stock SELECT item, {LEVEL} FROM generate_series(1, {ITEMS}) AS item;\n",
        teardown()
    )
}

fn teardown() -> String {
    "DROP TABLE IF EXISTS oneshelf_bench_order, oneshelf_bench_stock;\n".to_owned()
}

/// An order of one unit: nothing is sold that is not there. The body is in hexadecimal digits, where
/// pgbench finds no name of a variable.
fn order(baskets: Baskets, body: &[u8]) -> String {
    let last = baskets.bought(ITEMS);
    let body: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "\\set item random(1, {last})\n\
         BEGIN;\n\
         UPDATE oneshelf_bench_stock SET level = level - 1 WHERE item = :item AND level >= 1;\n\
         INSERT INTO oneshelf_bench_order (item, body) VALUES (:item, '\\x{body}');\n\
         COMMIT;\n"
    )
}

fn read(said: &str) -> Option<Figure> {
    let number = |begins: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(begins))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Figure {
        per_second: number("tps = ")?,
        mean_ms: number("latency average = ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "transaction type: order.sql\nlatency average = 1.500 ms\n\
                    initial connection time = 9.1 ms\ntps = 2666.667 (without initial connection time)\n";
        let figure = read(said).expect("it is all there");
        assert_eq!((figure.per_second, figure.mean_ms), (2666.667, 1.5));
        assert!(read("tps = ?").is_none());
    }

    #[test]
    fn a_body_has_no_names_of_variables() {
        let sql = order(Baskets::One, b"{\"a\":b}");
        assert!(sql.contains("'\\x7b2261223a627d'"), "{sql}");
        assert!(sql.contains("random(1, 1)"), "{sql}");
    }
}
