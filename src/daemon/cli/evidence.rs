//! `oneshelf orders evidence`: a dated pack for a dispute, as one file that only its owner can read.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    client::Client,
    orders::find,
    out::{Out, show},
    zip::{Entry, Stamp, archive},
};
use crate::exit::Exit;

/// Which pack is made.
#[derive(Debug, clap::Args)]
pub(super) struct Evidence {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Where it is written; a file in this folder that is named by order and time when it is not said.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Who asks for it; it is recorded.
    #[arg(long)]
    by: Option<String>,
}

pub(super) async fn make(
    asked: &Evidence,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    if let Some(path) = asked.output.as_ref().filter(|path| path.exists()) {
        anyhow::bail!(
            "{} is there already; name another file with --output",
            path.display()
        );
    }
    let path = format!("/orders/{}/evidence", find(&asked.order, client).await?);
    let body = asked
        .by
        .as_ref()
        .map_or(json!({}), |by| json!({ "by": by }));
    let pack = client.post(&path, &body).await?;
    let bytes = zipped(&pack).context("the answer is no pack that fits into a ZIP file")?;
    let path = asked.output.clone().unwrap_or_else(|| usual_name(&pack));
    write_for_owner(&path, &bytes)
        .with_context(|| format!("failed to write {}", path.display()))?;
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if out.is_json() {
        out.objects([&json!({
            "file": path.display().to_string(), "sha256": digest, "bytes": bytes.len(), "made_at": pack["made_at"],
        })])?;
        return Ok(Exit::Good);
    }
    out.line(&format!(
        "Wrote {} ({} bytes), which only you can read. It tells of people: hand it to nobody but those who must see it.",
        path.display(),
        bytes.len()
    ))?;
    out.line(&format!("SHA-256 {digest}"))?;
    out.line(&format!(
        "That it was made by {} is recorded with the order.",
        show(&pack, "made_by")
    ))?;
    Ok(Exit::Good)
}

/// All files of a pack as one archive.
fn zipped(pack: &Value) -> Option<Vec<u8>> {
    let files = pack["files"].as_array()?;
    let entries = files.iter().map(|file| {
        let (name, text) = (file["name"].as_str()?, file["text"].as_str()?);
        let content = text.as_bytes();
        // It lands on a disk by this name.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_name = !name.starts_with('.') && name.chars().all(is_plain);
        is_name.then_some(Entry { name, content })
    });
    let entries: Option<Vec<Entry<'_>>> = entries.collect();
    archive(&entries?, stamp(pack["made_at"].as_str()?)?)
}

/// The calendar of a time in RFC 3339 and UTC.
fn stamp(time: &str) -> Option<Stamp> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse().ok();
    Some(Stamp {
        year: number(0, 4)?,
        month: number(5, 7)?,
        day: number(8, 10)?,
        hour: number(11, 13)?,
        minute: number(14, 16)?,
        second: number(17, 19)?,
    })
}

/// `evidence-1001-20261130T140509Z.zip`: a number may be anything, a name of a file may not.
fn usual_name(pack: &Value) -> PathBuf {
    let plain = |text: &str, also: &str| -> String {
        text.chars()
            .filter(|c| c.is_ascii_alphanumeric() || also.contains(*c))
            .collect()
    };
    let number = plain(&show(pack, "number"), "_-");
    let made_at = show(pack, "made_at");
    let second = made_at
        .split('.')
        .next()
        .unwrap_or(&made_at)
        .trim_end_matches('Z');
    PathBuf::from(format!("evidence-{number}-{}Z.zip", plain(second, "")))
}

/// A new file that nobody else can read; what is there is never written over.
fn write_for_owner(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
