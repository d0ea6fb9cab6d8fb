//! `oneshelf stock import` and `export`: counts from a CSV file, tried out first, and a file to count in.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    client::Client,
    out::{Out, count, show},
};
use crate::exit::Exit;

/// The largest file: as much as the daemon takes in one body.
const BYTES_MAX: u64 = 1024 * 1024;

/// Enters counts from a CSV file; says first what would change
///
/// Columns: sku and count, and where there are several, location and condition. A row without a count is left as it is.
/// All rows are tried before one is entered. The same file is entered once, however often it is sent within two days.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Import {
    /// The file.
    file: PathBuf,
    /// Why, as the movements will say.
    #[arg(long)]
    reason: Option<String>,
    /// Who counted.
    #[arg(long)]
    by: Option<String>,
    /// Enter them; without it is only said what would change.
    #[arg(long)]
    yes: bool,
}

/// Prints all goods with what lies where, as a CSV file that can be counted in and imported.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Where to write it, instead of printing it.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(super) async fn import(
    args: &Import,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let csv = read(&args.file)?;
    let mut body = json!({ "csv": csv });
    for (name, said) in [("reason", &args.reason), ("by", &args.by)] {
        if let Some(said) = said {
            body[name] = json!(said);
        }
    }
    let tried = client.post("/stock/import?dry_run=true", &body).await?;
    let mistakes = tried["mistakes"].as_array().map_or(&[][..], Vec::as_slice);
    if !mistakes.is_empty() {
        return tell_mistakes(mistakes, out);
    }
    if !args.yes {
        return tell_changes(&tried, out);
    }
    let done = client.post("/stock/import", &body).await?;
    if out.is_json() {
        out.objects([&done])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(&done, path);
    out.line(&format!(
        "{} entered, {} before.",
        count(&of("done"), "count"),
        of("done_before")
    ))?;
    Ok(Exit::Good)
}

pub(super) async fn export(
    args: &Export,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (_, csv) = client.fetch("/stock/export").await?;
    match &args.to {
        Some(file) => {
            std::fs::write(file, csv)
                .with_context(|| format!("cannot write {}", file.display()))?;
            out.line(&format!("Written to {}.", file.display()))?;
        }
        None => out.text(String::from_utf8_lossy(&csv).trim_end())?,
    }
    Ok(Exit::Good)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let name = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{name} cannot be read"))?;
    anyhow::ensure!(
        size.len() < BYTES_MAX,
        "{name} has more than {} KiB: split it",
        BYTES_MAX / 1024
    );
    let bytes = std::fs::read(file).with_context(|| format!("{name} cannot be read"))?;
    String::from_utf8(bytes).with_context(|| format!("{name} is no UTF-8: save it as CSV UTF-8"))
}

fn tell_mistakes(mistakes: &[Value], out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if out.is_json() {
        out.objects(mistakes)?;
        return Ok(Exit::Data);
    }
    for one in mistakes {
        let (row, what) = (show(one, "row"), show(one, "mistake"));
        out.line(&match one["column"].as_str() {
            Some(column) => format!("row {row}, {column}: {what}"),
            None => format!("row {row}: {what}"),
        })?;
    }
    out.line("")?;
    out.line("Nothing was entered.")?;
    Ok(Exit::Data)
}

fn tell_changes(tried: &Value, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let changes = tried["changes"].as_array().map_or(&[][..], Vec::as_slice);
    out.table(
        changes,
        &[
            ("ROW", &|one| show(one, "row")),
            ("SKU", &|one| show(one, "sku")),
            ("LOCATION", &|one| show(one, "location")),
            ("CONDITION", &|one| show(one, "condition")),
            ("IS", &|one| show(one, "from")),
            ("COUNTED", &|one| show(one, "to")),
        ],
    )?;
    if !out.is_json() {
        let (rows, skipped) = (show(tried, "rows"), show(tried, "skipped"));
        out.line("")?;
        out.line(&format!(
            "{}, {skipped} without a count. Nothing was entered. Enter them with --yes.",
            count(&rows, "row")
        ))?;
    }
    Ok(Exit::Finding)
}
