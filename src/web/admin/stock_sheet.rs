//! Counts in a CSV file: tried out whole before one is entered, every mistake by row and column, and entered
//! once, however often the file is sent within two days.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    Decimal, Sku, Time,
    signal::{Change, Command, Signal},
    stock::{Condition, LocationId},
};
use engine::{
    Engine,
    decider::DecideError,
    views::{self, Units, stock::StockView, words},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    Admin,
    accounts::{DryRun, SOMEBODY},
};
use crate::{
    ask::Ask,
    limits::see_through,
    problem::{self, Problem},
    write::{Write, optional_text},
};

/// The most rows of a file.
const ROWS_MAX: usize = 5_000;
/// So many mistakes are told.
const MISTAKES_MAX: usize = 200;
/// How many items are read at once when all are written to a file.
const ITEMS: usize = 200;
/// The columns that are read. `title` is there for people, and is not.
const COLUMNS: [&str; 5] = ["sku", "title", "location", "condition", "count"];
/// Without these nothing is a count.
const NEEDED: [&str; 2] = ["sku", "count"];

/// A file, as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSheet {
    csv: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    by: Option<String>,
}

/// A count of a file.
struct Row {
    /// As a spreadsheet counts it: the heading is row 1.
    number: u64,
    sku: Sku,
    location: LocationId,
    condition: Condition,
    count: Decimal,
}

/// A mistake, where it stands.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Mistake {
    pub(crate) row: u64,
    /// The column, where it is one.
    pub(crate) column: Option<&'static str>,
    /// What is wrong, and what to do.
    pub(crate) mistake: String,
}

/// What a row changes.
#[derive(Debug, Serialize)]
pub(crate) struct Counted {
    pub(crate) row: u64,
    pub(crate) sku: Sku,
    pub(crate) location: LocationId,
    pub(crate) condition: &'static str,
    /// What is there now; nothing where it was never counted.
    pub(crate) from: Option<Units>,
    pub(crate) to: Decimal,
}

/// What became, or would become, of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Imported {
    pub(crate) at: Time,
    pub(crate) is_dry_run: bool,
    pub(crate) rows: usize,
    /// Rows without a number, which say nothing.
    pub(crate) skipped: usize,
    /// Rows that were entered.
    pub(crate) done: usize,
    /// Rows that the same file entered before.
    pub(crate) done_before: usize,
    /// Each row that is not what is there already.
    pub(crate) changes: Vec<Counted>,
    pub(crate) mistakes: Vec<Mistake>,
}

pub(crate) async fn import(
    State(admin): State<Admin>,
    Ask(ask): Ask<DryRun>,
    write: Write<NewSheet>,
) -> Result<Response, Problem> {
    let NewSheet { csv, reason, by } = write.body;
    let by = optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned());
    let reason = optional_text("reason", reason)?;
    let reason = reason.unwrap_or_else(|| "counted, from a file".to_owned());
    let imported = enter(&admin, csv, (reason, by), ask.is_dry()).await?;
    if imported.is_dry_run || imported.mistakes.is_empty() {
        return Ok(Json(imported).into_response());
    }
    let told = imported.mistakes.iter().map(Mistake::text);
    let told = told.collect::<Vec<_>>().join("; ");
    Err(Problem::new(&problem::BAD_SHEET, told))
}

impl Mistake {
    /// As a sentence.
    pub(crate) fn text(&self) -> String {
        let Mistake {
            row,
            column,
            mistake,
        } = self;
        match column {
            Some(column) => format!("row {row}, {column}: {mistake}"),
            None => format!("row {row}: {mistake}"),
        }
    }
}

/// Enters a file, or says what would become of it. With a mistake in it nothing is entered.
pub(crate) async fn enter(
    admin: &Admin,
    csv: String,
    (reason, by): (String, String),
    is_dry_run: bool,
) -> Result<Imported, Problem> {
    let engine = &admin.engine;
    let mut imported = Imported {
        at: engine.ports.clock.now(),
        is_dry_run,
        rows: 0,
        skipped: 0,
        done: 0,
        done_before: 0,
        changes: Vec::new(),
        mistakes: Vec::new(),
    };
    let home = engine.decider.policy().home.clone();
    let Read {
        rows,
        skipped,
        mistakes,
    } = read(&csv, &home);
    imported.rows = rows.len();
    imported.skipped = skipped;
    imported.mistakes = mistakes;
    let commands: Vec<(u64, Command)> = rows
        .iter()
        .map(|row| (row.number, command(row, &reason, &by)))
        .collect();
    for (row, command) in &commands {
        let signal = Signal::Command(command.clone());
        match engine.decider.preview(&signal).await {
            Ok(_) => {}
            Err(DecideError::Refused(refusal)) => {
                let problem = Problem::from(refusal);
                imported.mistakes.push(Mistake {
                    row: *row,
                    column: column_of(problem.code()),
                    mistake: problem.detail().to_owned(),
                });
            }
            Err(error @ DecideError::Store(_)) => return Err(error.into()),
        }
        if imported.mistakes.len() >= MISTAKES_MAX {
            break;
        }
    }
    imported.mistakes.sort_by_key(|one| one.row);
    imported.changes = changes(engine, &rows).await?;
    if is_dry_run || !imported.mistakes.is_empty() {
        return Ok(imported);
    }
    let (keys, file) = (Arc::clone(&admin.keys), digest(&csv));
    let work = carry_out(Arc::clone(engine), keys, file, commands);
    let done = see_through(engine, work).await;
    let done = done.unwrap_or_else(|| Err(Problem::new(&problem::STORAGE, "the work was cut off")));
    (imported.done, imported.done_before) = done?;
    Ok(imported)
}

/// Enters each row once: how many were, and how many had been before.
async fn carry_out(
    engine: Arc<Engine>,
    keys: Arc<tokio::sync::Mutex<()>>,
    file: String,
    commands: Vec<(u64, Command)>,
) -> Result<(usize, usize), Problem> {
    let (mut done, mut before) = (0, 0);
    for (row, command) in commands {
        let key = format!("stock sheet {file} {row}");
        let _turn = keys.lock().await;
        if engine.recall(&key).await?.is_some() {
            before += 1;
            continue;
        }
        let rows = engine.use_key(&key, &key).await?;
        let entered = engine
            .decide_alongside(Signal::Command(command), rows)
            .await;
        entered.map_err(|error| {
            let problem = Problem::from(error);
            let told = format!(
                "row {row}: {}; rows before it are entered, and are not entered twice: correct it, and send \
                 the file again",
                problem.detail()
            );
            Problem::new(&problem::BAD_SHEET, told)
        })?;
        done += 1;
    }
    Ok((done, before))
}

fn command(row: &Row, reason: &str, by: &str) -> Command {
    Command::Adjust {
        sku: row.sku.clone(),
        location: row.location.clone(),
        condition: row.condition,
        change: Change::To(row.count),
        reason: reason.to_owned(),
        by: by.to_owned(),
    }
}

fn digest(csv: &str) -> String {
    let digest = Sha256::digest(csv);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The column that a refusal is about.
fn column_of(code: &str) -> Option<&'static str> {
    match code {
        "no-item" | "not-stocked" | "kit-quantity" => Some("sku"),
        "no-location" | "no-place" | "channel-owned" => Some("location"),
        "bad-quantity" | "promised" => Some("count"),
        _ => None,
    }
}

/// Rows that are not what is there already.
async fn changes(engine: &Engine, rows: &[Row]) -> Result<Vec<Counted>, Problem> {
    let mut known: BTreeMap<&Sku, Option<StockView>> = BTreeMap::new();
    let mut changes = Vec::new();
    for row in rows {
        if let Entry::Vacant(slot) = known.entry(&row.sku) {
            slot.insert(views::stock::detail(engine, &row.sku).await?);
        }
        let stock = known.get(&row.sku).and_then(Option::as_ref);
        let from = stock.filter(|stock| stock.is_counted).map(|stock| {
            let mut places = stock.locations.iter();
            let place = places.find(|place| place.location == row.location);
            match (place, row.condition) {
                (None, _) => Units::default(),
                (Some(place), Condition::Sellable) => place.on_hand,
                (Some(place), other) => {
                    let unsellable = place.unsellable.get(words::condition(other));
                    unsellable.copied().unwrap_or_default()
                }
            }
        });
        if from.is_some_and(|from| from.decimal() == row.count) {
            continue;
        }
        changes.push(Counted {
            row: row.number,
            sku: row.sku.clone(),
            location: row.location.clone(),
            condition: words::condition(row.condition),
            from,
            to: row.count,
        });
    }
    Ok(changes)
}

/// What is in a file.
#[derive(Default)]
struct Read {
    rows: Vec<Row>,
    /// Rows without a number.
    skipped: usize,
    mistakes: Vec<Mistake>,
}

impl Read {
    /// A file of which no row can be read.
    fn wrong(mistakes: Vec<Mistake>) -> Read {
        Read {
            mistakes,
            ..Read::default()
        }
    }
}

/// Reads a whole file: all counts, and all mistakes.
fn read(text: &str, home: &LocationId) -> Read {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let heading = match reader.headers() {
        Ok(heading) => heading.iter().map(str::to_lowercase).collect::<Vec<_>>(),
        Err(error) => return Read::wrong(vec![whole(1, error.to_string())]),
    };
    let wrong = in_heading(&heading);
    if !wrong.is_empty() {
        return Read::wrong(wrong);
    }
    rows_below(&heading, reader, home)
}

/// Reads what stands below a heading.
fn rows_below(heading: &[String], mut reader: csv::Reader<&[u8]>, home: &LocationId) -> Read {
    let mut seen = BTreeMap::new();
    let Read {
        mut rows,
        mut skipped,
        mut mistakes,
    } = Read::default();
    for record in reader.records() {
        if mistakes.len() >= MISTAKES_MAX {
            break;
        }
        if rows.len() == ROWS_MAX {
            let what = format!("it has more than {ROWS_MAX} rows: split it");
            mistakes.push(whole(0, what));
            break;
        }
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let row = error.position().map_or(0, csv::Position::line);
                mistakes.push(whole(row, error.to_string()));
                continue;
            }
        };
        let number = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let cell = |name: &str| {
            let at = heading.iter().position(|column| column == name)?;
            record.get(at).filter(|text| !text.is_empty())
        };
        // What was never counted has no number in a file of ours either.
        if cell("count").is_none() {
            skipped += 1;
            continue;
        }
        match row(number, &cell, home) {
            Err(more) => mistakes.extend(more),
            Ok(row) => {
                let place = (row.sku.clone(), row.location.clone(), row.condition);
                if let Some(first) = seen.insert(place, number) {
                    let what =
                        format!("row {first} counts the same there already: leave one of them out");
                    mistakes.push(in_column(number, "sku", what));
                }
                rows.push(row);
            }
        }
    }
    Read {
        rows,
        skipped,
        mistakes,
    }
}

fn row<'a>(
    number: u64,
    cell: &impl Fn(&str) -> Option<&'a str>,
    home: &LocationId,
) -> Result<Row, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let sku = match cell("sku").map(Sku::new) {
        Some(Ok(sku)) => Some(sku),
        Some(Err(error)) => {
            mistakes.push(in_column(number, "sku", error.to_string()));
            None
        }
        None => {
            mistakes.push(in_column(number, "sku", "it says no item".to_owned()));
            None
        }
    };
    let count = match cell("count").map(str::parse::<Decimal>) {
        Some(Ok(count)) => Some(count),
        Some(Err(error)) => {
            mistakes.push(in_column(number, "count", error.to_string()));
            None
        }
        None => None,
    };
    let word = cell("condition").unwrap_or("sellable");
    let condition = serde_json::from_value::<Condition>(word.into());
    if condition.is_err() {
        let what = format!("`{word}` is none of sellable, damaged, quality, returned_unchecked");
        mistakes.push(in_column(number, "condition", what));
    }
    let location = cell("location").map_or_else(|| home.clone(), LocationId::new);
    match (sku, count, condition) {
        (Some(sku), Some(count), Ok(condition)) => Ok(Row {
            number,
            sku,
            location,
            condition,
            count,
        }),
        _ => Err(mistakes),
    }
}

/// What is wrong with the names of columns.
fn in_heading(heading: &[String]) -> Vec<Mistake> {
    let known = COLUMNS.join(", ");
    let mut mistakes = Vec::new();
    for name in heading {
        if !COLUMNS.contains(&name.as_str()) {
            let short: String = name.chars().take(40).collect();
            mistakes.push(whole(
                1,
                format!("there is no column `{short}`; there are {known}"),
            ));
        }
        if heading.iter().filter(|other| *other == name).count() > 1 {
            mistakes.push(whole(1, format!("the column `{name}` is there twice")));
        }
    }
    for name in NEEDED {
        if !heading.iter().any(|column| column == name) {
            mistakes.push(whole(
                1,
                format!("the column `{name}` is missing; there are {known}"),
            ));
        }
    }
    mistakes
}

/// What stands between columns: what the heading has most of.
fn delimiter(text: &str) -> u8 {
    let heading = text.lines().next().unwrap_or_default();
    let count = |of: u8| heading.bytes().filter(|byte| *byte == of).count();
    let most = [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|of| count(*of));
    most.unwrap_or(b',')
}

fn whole(row: u64, mistake: String) -> Mistake {
    Mistake {
        row,
        column: None,
        mistake,
    }
}

fn in_column(row: u64, column: &'static str, mistake: String) -> Mistake {
    Mistake {
        row,
        column: Some(column),
        mistake,
    }
}

/// All goods with what lies where, in the form in which counts are read.
pub(crate) async fn export(State(admin): State<Admin>) -> Result<Response, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let broken = |error: csv::Error| Problem::new(&problem::STORAGE, error.to_string());
    writer.write_record(COLUMNS).map_err(broken)?;
    let (home, mut after) = (admin.engine.decider.policy().home.clone(), None);
    loop {
        let page = views::stock::list(&admin.engine, after, ITEMS).await?;
        for stock in page.items.iter().filter(|stock| stock.kind == "good") {
            for record in records(stock, &home) {
                writer.write_record(record).map_err(broken)?;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let csv = writer.into_inner();
    let csv = csv.map_err(|error| Problem::new(&problem::STORAGE, error.to_string()))?;
    let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
    let name = (
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"stock.csv\"",
    );
    Ok((StatusCode::OK, [kind, name], csv).into_response())
}

/// The rows of an item. What was never counted has one without a number.
fn records(stock: &StockView, home: &LocationId) -> Vec<[String; 5]> {
    let record = |location: &LocationId, condition: &str, count: String| {
        let (sku, title) = (stock.sku.to_string(), stock.title.clone());
        [
            sku,
            title,
            location.to_string(),
            condition.to_owned(),
            count,
        ]
    };
    if !stock.is_counted || stock.locations.is_empty() {
        let count = if stock.is_counted { "0" } else { "" };
        return vec![record(home, "sellable", count.to_owned())];
    }
    let mut records = Vec::new();
    for place in &stock.locations {
        records.push(record(
            &place.location,
            "sellable",
            place.on_hand.to_string(),
        ));
        for (condition, units) in &place.unsellable {
            records.push(record(&place.location, condition, units.to_string()));
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(text: &str) -> Vec<String> {
        let Read { mistakes, .. } = read(text, &LocationId::new("main"));
        assert!(!mistakes.is_empty(), "{text}");
        mistakes.iter().map(Mistake::text).collect()
    }

    #[test]
    fn a_file_is_read_whatever_stands_between_its_columns() {
        for text in [
            "sku,count\nMUG,3\n",
            "\u{feff}SKU;Count;Condition\nMUG;3;sellable\n\n",
            "count\tsku\ttitle\n3\tMUG\tA mug, blue\n",
        ] {
            let Read { rows, mistakes, .. } = read(text, &LocationId::new("main"));
            assert!(mistakes.is_empty(), "{text}");
            assert_eq!(rows.len(), 1, "{text}");
            assert_eq!(
                (rows[0].sku.as_str(), rows[0].count, rows[0].number),
                ("MUG", Decimal::whole(3), 2),
                "{text}"
            );
            assert_eq!(rows[0].location, LocationId::new("main"), "{text}");
        }
    }

    #[test]
    fn every_mistake_has_its_row_and_column() {
        let text = "sku,location,count\nMUG,main,x\n,main,1\nCUP,main,1\nCUP,main,2\nPOT,main,\n";
        let told = mistakes_of(text);
        assert_eq!(told.len(), 3, "{told:?}");
        for (at, wanted) in [
            "row 2, count: ",
            "row 3, sku: it says no item",
            "row 5, sku: row 4 counts the same there already",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(told[at].starts_with(wanted), "{wanted}: {told:?}");
        }
        assert_eq!(
            mistakes_of("sku,amount\nMUG,1\n"),
            [
                "row 1: there is no column `amount`; there are sku, title, location, condition, count",
                "row 1: the column `count` is missing; there are sku, title, location, condition, count",
            ]
        );
        let told = mistakes_of("sku,condition,count\nMUG,torn,1\n");
        assert!(
            told[0].starts_with("row 2, condition: `torn` is none of"),
            "{told:?}"
        );
    }
}
