//! What a partner says that it has done, as JSON or CSV.

use serde::Deserialize;
use serde_json::{Value, json};

/// The most entries of one file.
const ENTRIES_MAX: usize = 5_000;

/// All that a file says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    /// Parcels that left.
    #[serde(default)]
    pub(super) shipments: Vec<Shipped>,
    /// Units that lie there.
    #[serde(default)]
    pub(super) counts: Vec<Counted>,
    /// When they were counted; now where nothing is said.
    pub(super) counted_at: Option<String>,
}

/// A parcel that left.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shipped {
    /// The task that it is of.
    pub(super) task: String,
    pub(super) carrier: String,
    pub(super) tracking_number: String,
    pub(super) tracking_url: Option<String>,
    /// What is in it; all of the task where nothing is said.
    #[serde(default)]
    pub(super) lines: Vec<Units>,
}

/// Units of a line.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Units {
    pub(super) line: u32,
    /// A number, or one in quotes.
    pub(super) units: Value,
}

/// Units of an item that lie there.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counted {
    pub(super) sku: String,
    /// A number, or one in quotes.
    pub(super) units: Value,
}

impl Notice {
    /// Reads a file, or says what is wrong with it.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Notice, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}');
        let notice = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("json") => serde_json::from_str(text).map_err(|error| error.to_string())?,
            _ => read_rows(text)?,
        };
        let entries = notice.shipments.len().saturating_add(notice.counts.len());
        match entries {
            0 => Err("it says nothing".to_owned()),
            1..=ENTRIES_MAX => Ok(notice),
            _ => Err(format!("it has more than {ENTRIES_MAX} entries: split it")),
        }
    }
}

/// A row of a CSV file. A file is about parcels, or about counts.
#[derive(Deserialize)]
struct Row {
    task: Option<String>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    line: Option<u32>,
    sku: Option<String>,
    units: Option<String>,
    counted_at: Option<String>,
}

fn read_rows(text: &str) -> Result<Notice, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut notice = Notice::default();
    for (row, number) in reader.deserialize::<Row>().zip(2_u32..) {
        let row = row.map_err(|error| error.to_string())?;
        take_row(&mut notice, row).map_err(|reason| format!("row {number}: {reason}"))?;
    }
    Ok(notice)
}

fn take_row(notice: &mut Notice, row: Row) -> Result<(), String> {
    let Some(task) = row.task.filter(|task| !task.is_empty()) else {
        let sku = row.sku.filter(|sku| !sku.is_empty());
        let sku = sku.ok_or("it needs a `task`, or a `sku`")?;
        let units = json!(row.units.ok_or("it needs `units`")?);
        notice.counts.push(Counted { sku, units });
        notice.counted_at = row.counted_at.or(notice.counted_at.take());
        return Ok(());
    };
    let tracking_number = row.tracking_number.ok_or("it needs a `tracking_number`")?;
    let units = match (row.line, row.units) {
        (Some(line), Some(units)) => Some(Units {
            line,
            units: json!(units),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            return Err("`line` and `units` go together".to_owned());
        }
    };
    // Rows of one parcel follow each other.
    if let Some(last) = notice.shipments.last_mut()
        && last.task == task
        && last.tracking_number == tracking_number
        && let Some(units) = units
    {
        if last.lines.is_empty() {
            return Err("all of the task is in that parcel already".to_owned());
        }
        last.lines.push(units);
        return Ok(());
    }
    notice.shipments.push(Shipped {
        task,
        carrier: row.carrier.ok_or("it needs a `carrier`")?,
        tracking_number,
        tracking_url: row.tracking_url.filter(|url| !url.is_empty()),
        lines: units.into_iter().collect(),
    });
    Ok(())
}
