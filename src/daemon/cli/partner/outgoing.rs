//! Writing out what a partner is to do: a file a task, under the name of the task.
//!
//! What was written is kept beside, in `.sent`, and in `.done` for some time when it has left: it says which order a
//! task is of, and whether anything changed since.
//! A task that changed is written again under its name; one that is given up or held is taken back by a file of its own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use domain::Decimal;
use serde_json::{Value, json};

use super::{
    Exchanged,
    manifest::{Format, Manifest},
    set_down,
};
use crate::cli::{
    client::{Client, Failure, encode, query},
    out::show,
};

/// How many orders and tasks are looked at in one exchange.
const TASKS_MAX: usize = 2_000;
/// What is kept of what was written and is not done.
const SENT: &str = ".sent";
/// What is kept of what was done, so that a file that arrives again is known.
const DONE: &str = ".done";
/// So many of these are kept.
const DONE_MAX: usize = 10_000;
/// The columns of a task as CSV.
const COLUMNS: [&str; 16] = [
    "task",
    "order",
    "account",
    "ship_by",
    "name",
    "company",
    "street",
    "city",
    "region",
    "postal_code",
    "country",
    "phone",
    "line",
    "sku",
    "title",
    "units",
];

pub(super) async fn write_out(
    manifest: &Manifest,
    client: &Client,
    done: &mut Exchanged,
) -> anyhow::Result<()> {
    for kept in [SENT, DONE] {
        fs::create_dir_all(manifest.outgoing.join(kept))
            .with_context(|| format!("{} cannot be made", manifest.outgoing.display()))?;
    }
    open_tasks(manifest, client, done).await?;
    let at = query(&[("location", Some(manifest.location.clone()))]);
    let tasks = client.list(&format!("/tasks{at}"), TASKS_MAX).await?;
    let mut open = BTreeSet::new();
    for task in &tasks {
        let name = show(task, "id");
        if !is_name(&name) || task["is_stopped"] == true {
            continue;
        }
        let order = client
            .get(&format!("/orders/{}", encode(&show(task, "order"))))
            .await?;
        // It is taken back, and written again when the hold is lifted.
        if order["phase"] == "held" {
            continue;
        }
        open.insert(name.clone());
        let content = content(task, &order);
        if content["lines"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let marker = marker(manifest, SENT, &name);
        let known = fs::read(&marker).ok();
        let text = content.to_string().into_bytes();
        if known.as_deref() == Some(&text[..]) {
            continue;
        }
        let file = manifest
            .outgoing
            .join(format!("{name}.{}", manifest.format.ending()));
        let bytes = match manifest.format {
            Format::Json => format!("{content:#}\n").into_bytes(),
            Format::Csv => rows(&content)?,
        };
        set_down(&file, &bytes).with_context(|| format!("{} cannot be written", file.display()))?;
        set_down(&marker, &text)?;
        done.written += 1;
    }
    withdraw(manifest, client, &open, done).await
}

/// Begins every order that waits there.
async fn open_tasks(
    manifest: &Manifest,
    client: &Client,
    done: &mut Exchanged,
) -> anyhow::Result<()> {
    let at = query(&[("location", Some(manifest.location.clone()))]);
    let waiting = client
        .list(&format!("/tasks/waiting{at}"), TASKS_MAX)
        .await?;
    for order in &waiting {
        let path = format!("/orders/{}/tasks", encode(&show(order, "id")));
        let body = json!({ "location": manifest.location, "by": manifest.name });
        match client.post(&path, &body).await {
            Ok(_) => {}
            Err(error) => match error.downcast_ref::<Failure>() {
                Some(Failure::Refused { detail, .. }) => {
                    done.refused
                        .push(format!("order {}: {detail}", show(order, "number")));
                }
                Some(_) | None => return Err(error),
            },
        }
    }
    Ok(())
}

/// Takes back what is not to be done any more, and puts aside what was done.
async fn withdraw(
    manifest: &Manifest,
    client: &Client,
    open: &BTreeSet<String>,
    done: &mut Exchanged,
) -> anyhow::Result<()> {
    for name in names(&manifest.outgoing.join(SENT))? {
        if open.contains(&name) {
            continue;
        }
        let Some(order) = order_of(manifest, &name)? else {
            continue;
        };
        let order = client.get(&format!("/orders/{}", encode(&order))).await?;
        let mut tasks = order["tasks"].as_array().into_iter().flatten();
        let task = tasks.find(|task| task["id"] == name.as_str());
        // There may be more tasks than were looked at.
        let is_over = |task: &Value| task["state"] == "closed" || task["state"] == "stopped";
        if task.is_some_and(|task| !is_over(task)) && order["phase"] != "held" {
            continue;
        }
        let marker = marker(manifest, SENT, &name);
        if task.is_some_and(has_left) {
            fs::rename(&marker, self::marker(manifest, DONE, &name))?;
            continue;
        }
        let file = manifest.outgoing.join(format!("{name}.withdrawn.json"));
        let content = json!({ "task": name, "withdrawn": true });
        set_down(&file, format!("{content:#}\n").as_bytes())?;
        fs::remove_file(&marker)?;
        done.withdrawn += 1;
    }
    // Names begin with the time, so the oldest come first.
    let kept = names(&manifest.outgoing.join(DONE))?;
    let too_many = kept.len().saturating_sub(DONE_MAX);
    for name in kept.iter().take(too_many) {
        fs::remove_file(marker(manifest, DONE, name))?;
    }
    Ok(())
}

/// The tasks that a folder has something of, in turn.
fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        names.extend(
            entry?
                .file_name()
                .into_string()
                .ok()
                .filter(|name| is_name(name)),
        );
    }
    Ok(names)
}

/// Whether some of a task was handed over.
fn has_left(task: &Value) -> bool {
    let mut lines = task["lines"].as_array().into_iter().flatten();
    lines.any(|line| number(&line["left"]).is_some_and(|left| left != Decimal::ZERO))
}

/// Which order a task is of that was written out.
pub(super) fn order_of(manifest: &Manifest, task: &str) -> anyhow::Result<Option<String>> {
    if !is_name(task) {
        return Ok(None);
    }
    let kept = [SENT, DONE].map(|kept| marker(manifest, kept, task));
    let Some(marker) = kept.iter().find(|marker| marker.exists()) else {
        return Ok(None);
    };
    let kept = fs::read(marker).with_context(|| format!("{} cannot be read", marker.display()))?;
    let kept: Value = serde_json::from_slice(&kept)
        .with_context(|| format!("{} is damaged: remove it", marker.display()))?;
    Ok(kept["order_id"].as_str().map(str::to_owned))
}

/// Whether it can be a file's name and nothing else.
fn is_name(task: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !task.is_empty() && task.len() <= 80 && task.chars().all(is_plain)
}

fn marker(manifest: &Manifest, kept: &str, task: &str) -> PathBuf {
    manifest.outgoing.join(kept).join(task)
}

fn content(task: &Value, order: &Value) -> Value {
    let lines = task["lines"].as_array().into_iter().flatten();
    let lines: Value = lines
        .filter_map(|line| {
            let units = number(&line["units"])?.minus(number(&line["left"])?)?;
            let is_left = units != Decimal::ZERO;
            is_left.then(|| {
                json!({
                    "line": line["line"], "sku": line["sku"], "title": line["title"],
                    "units": units.to_string(),
                })
            })
        })
        .collect();
    json!({
        "task": task["id"],
        "order": task["number"],
        "order_id": task["order"],
        "account": task["account"],
        "ship_by": task["ship_by"],
        "ship_to": order["ship_to"],
        "lines": lines,
    })
}

/// A number of units, as the API writes it.
fn number(units: &Value) -> Option<Decimal> {
    match units {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn rows(content: &Value) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    let plain = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            parts.join(", ")
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    let to = &content["ship_to"];
    for line in content["lines"].as_array().into_iter().flatten() {
        let cells = COLUMNS.iter().map(|column| match *column {
            "task" | "order" | "account" | "ship_by" => plain(&content[*column]),
            "line" | "sku" | "title" | "units" => plain(&line[*column]),
            of_address => plain(&to[of_address]),
        });
        writer.write_record(cells)?;
    }
    Ok(writer.into_inner()?)
}
