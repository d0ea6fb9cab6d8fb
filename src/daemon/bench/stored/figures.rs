//! The figures of a stored size, for programs and as tables.

use std::io::Write;

use serde::Serialize;

use super::super::common::shown;
use crate::table;

/// How long it took to open a store.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Opened {
    /// `restart` on what the daemon left, `rebuild` without the rows.
    pub(super) figure: &'static str,
    pub(super) orders: u64,
    pub(super) items: usize,
    /// From starting the process until it says that it is ready.
    pub(super) seconds: f64,
    /// The memory that it held then.
    pub(super) resident_mb: u64,
    /// How long it takes only to read the files that it needs, from cold as well.
    pub(super) reading_seconds: f64,
    /// The one as a multiple of the other.
    pub(super) ratio: Option<f64>,
}

/// What a store takes of the disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Disk {
    /// Everything, with the reserve.
    pub(super) all_bytes: u64,
    /// The rows as sled keeps them.
    pub(super) rows_bytes: u64,
    pub(super) journal_bytes: u64,
    /// As many exports as are kept.
    pub(super) exports_bytes: u64,
    pub(super) export: Export,
}

/// What an export has, which is each row and fact once and nothing else. Those of items are shared out among
/// the orders.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Export {
    pub(super) rows_per_order: f64,
    pub(super) bytes_per_order: u64,
}

/// What a size takes of memory and disk.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Memory {
    pub(super) figure: &'static str,
    pub(super) orders: u64,
    /// Of these.
    pub(super) open: u64,
    pub(super) items: usize,
    /// Soon after the start, when the shop was read.
    pub(super) resident_mb: u64,
    /// The most while hooks came.
    pub(super) peak_mb: u64,
    pub(super) disk: Disk,
    /// Rows, exports and journal.
    pub(super) bytes_per_order: u64,
    /// What one hook of an order would add to the journal: the orders in there came without.
    pub(super) raw_signal_bytes: usize,
}

/// How fast new orders are taken at a size.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Growth {
    pub(super) figure: &'static str,
    pub(super) orders: u64,
    pub(super) items: usize,
    pub(super) hooks: u64,
    pub(super) connections: u32,
    /// From the first hook to the last durable claim.
    pub(super) orders_per_second: f64,
    /// As a part of the rate at the smallest size.
    pub(super) ratio: Option<f64>,
    pub(super) cpu_ms_per_order: f64,
    pub(super) bytes_written_per_order: u64,
}

/// The figures of all sizes.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    pub(super) restart: Vec<Opened>,
    pub(super) rebuild: Vec<Opened>,
    pub(super) memory: Vec<Memory>,
    pub(super) growth: Vec<Growth>,
}

impl Sizes {
    /// Prints a table of each figure that there is.
    pub(super) fn show(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for opened in [&self.restart, &self.rebuild] {
            show_opened(opened, out)?;
        }
        self.show_memory(out)?;
        self.show_growth(out)
    }

    fn show_memory(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let head = [
            "MEMORY: ORDERS",
            "ITEMS",
            "RSS MB",
            "PEAK MB",
            "ROWS MB",
            "EXPORTS MB",
            "JOURNAL MB",
            "BYTES/ORDER",
            "ROWS/ORDER",
            "EXPORTED",
            "RAW SIGNAL",
        ];
        let mb = |bytes: u64| (bytes / 1_000_000).to_string();
        let row = |memory: &Memory| {
            vec![
                memory.orders.to_string(),
                memory.items.to_string(),
                memory.resident_mb.to_string(),
                memory.peak_mb.to_string(),
                mb(memory.disk.rows_bytes),
                mb(memory.disk.exports_bytes),
                mb(memory.disk.journal_bytes),
                memory.bytes_per_order.to_string(),
                format!("{:.1}", memory.disk.export.rows_per_order),
                memory.disk.export.bytes_per_order.to_string(),
                memory.raw_signal_bytes.to_string(),
            ]
        };
        table_of(&head, &self.memory, row, out)
    }

    fn show_growth(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let head = [
            "GROWTH: ORDERS",
            "ITEMS",
            "ORDERS/S",
            "RATIO",
            "CPU MS",
            "BYTES",
        ];
        let row = |growth: &Growth| {
            vec![
                growth.orders.to_string(),
                growth.items.to_string(),
                format!("{:.0}", growth.orders_per_second),
                shown(growth.ratio, 2),
                format!("{:.3}", growth.cpu_ms_per_order),
                growth.bytes_written_per_order.to_string(),
            ]
        };
        table_of(&head, &self.growth, row, out)
    }
}

fn show_opened(opened: &[Opened], out: &mut dyn Write) -> std::io::Result<()> {
    let Some(first) = opened.first() else {
        return Ok(());
    };
    let orders = format!("{}: ORDERS", first.figure.to_uppercase());
    let head = [
        orders.as_str(),
        "ITEMS",
        "SECONDS",
        "READING",
        "RATIO",
        "RSS MB",
    ];
    let row = |opened: &Opened| {
        vec![
            opened.orders.to_string(),
            opened.items.to_string(),
            format!("{:.2}", opened.seconds),
            format!("{:.2}", opened.reading_seconds),
            shown(opened.ratio, 1),
            opened.resident_mb.to_string(),
        ]
    };
    table_of(&head, opened, row, out)
}

/// A table of figures, if there are any.
fn table_of<T>(
    head: &[&str],
    figures: &[T],
    row: impl Fn(&T) -> Vec<String>,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    if figures.is_empty() {
        return Ok(());
    }
    let rows: Vec<Vec<String>> = figures.iter().map(row).collect();
    table::print(out, head, &rows)
}
