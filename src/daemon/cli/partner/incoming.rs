//! Reading in what a partner has done.
//!
//! Each file is asked of the daemon, step by step, under keys that are made of what is in it. Then it is moved to
//! `done`, or to `failed` with the reason beside it. A process that dies in between asks for the same again, and is
//! given the same answers. When no daemon answers nothing is moved.

use std::{fs, path::Path};

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Exchanged,
    manifest::Manifest,
    notice::{Counted, Notice, Shipped, Units},
    outgoing, set_down,
};
use crate::cli::{
    client::{Client, Failure, encode},
    out::show,
};

/// The largest file.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many files are read in at once; the rest next time.
const FILES_MAX: usize = 500;
/// So much of a digest makes a key that no other file has.
const KEY_LENGTH: usize = 32;

pub(super) async fn read_in(
    manifest: &Manifest,
    client: &Client,
    done: &mut Exchanged,
) -> anyhow::Result<()> {
    for name in waiting(&manifest.incoming)? {
        let path = manifest.incoming.join(&name);
        let problems = match load(&name, &path)? {
            Ok((notice, key)) => take(manifest, client, &notice, &key).await?,
            Err(reason) => vec![reason],
        };
        let folder = if problems.is_empty() {
            done.taken += 1;
            "done"
        } else {
            let folder = manifest.incoming.join("failed");
            fs::create_dir_all(&folder)?;
            let reasons = format!("{}\n", problems.join("\n"));
            set_down(
                &folder.join(format!("{name}.reason.txt")),
                reasons.as_bytes(),
            )?;
            done.failed.push(format!("{name}: {}", problems.join("; ")));
            "failed"
        };
        let folder = manifest.incoming.join(folder);
        fs::create_dir_all(&folder)?;
        fs::rename(&path, folder.join(&name))
            .with_context(|| format!("{} cannot be moved", path.display()))?;
    }
    Ok(())
}

/// The names of files that wait, in turn. One that begins with a dot is still being written.
fn waiting(folder: &Path) -> anyhow::Result<Vec<String>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).with_context(|| format!("{shown} cannot be read"))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("{shown} cannot be read"))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_one = name.ends_with(".json") || name.ends_with(".csv");
        if is_one && !name.starts_with('.') && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    names.truncate(FILES_MAX);
    Ok(names)
}

/// What a file says, and the key of it.
fn load(name: &str, path: &Path) -> anyhow::Result<Result<(Notice, String), String>> {
    let shown = path.display();
    let size = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?;
    if size.len() > BYTES_MAX {
        let most = BYTES_MAX / 1024 / 1024;
        return Ok(Err(format!("it has more than {most} MiB: split it")));
    }
    let bytes = fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    let digest = Sha256::digest(&bytes);
    let mut key: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    key.truncate(KEY_LENGTH);
    Ok(Notice::read(name, &bytes).map(|notice| (notice, key)))
}

/// Asks for all that a file says; what was refused, each with the reason.
async fn take(
    manifest: &Manifest,
    client: &Client,
    notice: &Notice,
    key: &str,
) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for (place, shipped) in (1_u32..).zip(&notice.shipments) {
        let key = format!("partner-{key}-{place}");
        if let Err(reason) = refusal(hand_over(manifest, client, shipped, &key).await)? {
            problems.push(format!("shipment {place}, task {}: {reason}", shipped.task));
        }
    }
    if !notice.counts.is_empty() {
        let key = format!("partner-{key}-count");
        let counted_at = notice.counted_at.as_deref();
        match refusal(count(manifest, client, (&notice.counts, counted_at), &key).await)? {
            Ok(again) => problems.extend(again),
            Err(reason) => problems.push(format!("counts: {reason}")),
        }
    }
    Ok(problems)
}

/// What is refused is a matter of the file; that nobody answers is none.
fn refusal<T>(result: anyhow::Result<T>) -> anyhow::Result<Result<T, String>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => match error.downcast_ref::<Failure>() {
            Some(failure) if failure.is_refusal() => match failure {
                Failure::Refused { detail, .. } => Ok(Err(detail.clone())),
                Failure::Unreachable { .. } | Failure::Garbled { .. } => Err(error),
            },
            Some(Failure::Refused {
                status: 404,
                detail,
                ..
            }) => Ok(Err(detail.clone())),
            Some(_) => Err(error),
            // A partner's own mistakes are told as they are.
            None if error.is::<NotSent>() => Ok(Err(error.to_string())),
            None => Err(error),
        },
    }
}

/// A task that this partner never got.
#[derive(Debug, thiserror::Error)]
#[error("no such task was written out for it")]
struct NotSent;

async fn hand_over(
    manifest: &Manifest,
    client: &Client,
    shipped: &Shipped,
    key: &str,
) -> anyhow::Result<()> {
    let order = outgoing::order_of(manifest, &shipped.task)?.ok_or(NotSent)?;
    let task = format!("/orders/{}/tasks/{}", encode(&order), encode(&shipped.task));
    let by = &manifest.name;
    let mut body = json!({
        "carrier": shipped.carrier, "tracking_number": shipped.tracking_number, "by": by,
    });
    if let Some(url) = &shipped.tracking_url {
        body["tracking_url"] = json!(url);
    }
    if !shipped.lines.is_empty() {
        let lines: Value = shipped
            .lines
            .iter()
            .map(|Units { line, units }| json!({ "line": line, "units": units }))
            .collect();
        let named = json!({ "lines": lines, "by": by });
        let picks = format!("{task}/picks");
        client
            .post_once(&picks, &named, &format!("{key}-pick"))
            .await?;
        let parcels = format!("{task}/parcels");
        let packed = client
            .post_once(&parcels, &named, &format!("{key}-pack"))
            .await?;
        body["parcels"] = json!([packed["parcel"]]);
    }
    let step = format!("{task}/hand-over");
    client
        .post_once(&step, &body, &format!("{key}-hand-over"))
        .await?;
    Ok(())
}

/// What was counted goes through a count of these items; those that must be counted again.
async fn count(
    manifest: &Manifest,
    client: &Client,
    (counts, counted_at): (&[Counted], Option<&str>),
    key: &str,
) -> anyhow::Result<Vec<String>> {
    let by = &manifest.name;
    let skus: Vec<&str> = counts.iter().map(|counted| counted.sku.as_str()).collect();
    let mut body = json!({ "location": manifest.location, "skus": skus, "by": by });
    if let Some(above) = manifest.recount_above {
        body["recount_above"] = json!(above);
    }
    let opened = client
        .post_once("/counts", &body, &format!("{key}-open"))
        .await?;
    let path = format!("/counts/{}", encode(&show(&opened, "id")));
    let mut again = Vec::new();
    for (place, counted) in counts.iter().enumerate() {
        let mut body = json!({ "sku": counted.sku, "units": counted.units, "by": by });
        if let Some(at) = counted_at {
            body["as_of"] = json!(at);
        }
        let entries = format!("{path}/entries");
        let of_entry = format!("{key}-{place}");
        let entry = client.post_once(&entries, &body, &of_entry).await;
        match refusal(entry)? {
            Err(reason) => again.push(format!("count of {}: {reason}", counted.sku)),
            Ok(entry) if entry["state"] == "recount" => {
                let text = show(&entry, "text");
                again.push(format!("count of {}: {text}", counted.sku));
            }
            Ok(_) => {}
        }
    }
    let close = json!({ "discard": true, "by": by });
    client
        .post_once(&format!("{path}/close"), &close, &format!("{key}-close"))
        .await?;
    Ok(again)
}
