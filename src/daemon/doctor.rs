//! `oneshelf doctor`: looks a stopped store over, from its bytes to what the engine knows.
//!
//! It holds the store's lock, so no daemon can be at it. Nothing is changed unless `--rebuild` says so;
//! then what follows from other things is made anew, and what does not is told.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use engine::doctor::{Diagnosis, examine, mend};
use serde_json::json;
use store::Store;
use store::sled::{Findings, OpenError, Options, open, rebuild, verify};

use crate::{
    backups::{SECRETS, chain},
    exit::{self, Exit},
    run::{load_without_secrets, refuse_stranger, store_options},
    settings::{Environment, Settings},
};

/// Looks a stopped store over, and says what to do about what is wrong.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Make the rows, sums and lists anew that follow from other things.
    #[arg(long)]
    pub rebuild: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What was found, part by part.
#[derive(Debug, Default)]
struct Report {
    findings: Findings,
    known: Diagnosis,
    /// What is wrong, and stays.
    wrong: Vec<String>,
    /// What was done.
    done: Vec<String>,
}

/// Looks.
pub async fn run(args: &Args, at: &Path, environment: &Environment) -> anyhow::Result<ExitCode> {
    let settings = match load_without_secrets(at, environment) {
        Ok(settings) => settings,
        Err(error) => {
            exit::tell(&error.render());
            return Ok(Exit::Configuration.into());
        }
    };
    let report = match look(args.rebuild, &settings).await {
        Ok(report) => report,
        Err(sentence) => {
            exit::tell(&format!("error: {sentence}\n"));
            return Ok(Exit::Storage.into());
        }
    };
    report.print(args.json)?;
    let exit = match report.wrong.is_empty() {
        true => Exit::Good,
        false => Exit::Finding,
    };
    Ok(exit.into())
}

async fn look(is_rebuilding: bool, settings: &Settings) -> Result<Report, String> {
    let options = store_options(settings);
    if !options.dir.exists() {
        return Err(format!("there is no store in `{}`", options.dir.display()));
    }
    if let Some(sentence) = refuse_stranger(&options.dir) {
        return Err(sentence);
    }
    let mut report = Report {
        findings: verify(&options).map_err(|error| cannot(&error))?,
        ..Report::default()
    };
    if is_rebuilding {
        let opened = rebuild(&options).map_err(|error| cannot(&error))?;
        report.done.extend(opened.repairs);
        report.findings = verify(&options).map_err(|error| cannot(&error))?;
    }
    let what_to_do = match is_rebuilding {
        false => "`oneshelf doctor --rebuild` makes the rows anew.",
        true => "Making the rows anew does not mend this: restore a backup.",
    };
    let told = report.findings.sentences.iter();
    let rows = told.map(|sentence| format!("{sentence} {what_to_do}"));
    report.wrong.extend(rows);
    if report.wrong.is_empty() {
        let (known, mended) = look_inside(&options, is_rebuilding).await?;
        report.wrong.extend(known.sentences.iter().cloned());
        report.known = known;
        if mended > 0 {
            report.done.push(format!(
                "{mended} rows of sums and lists were written anew."
            ));
        }
    } else {
        let sentence = "Sums and lists were not looked at: the rows must be whole first.";
        report.wrong.push(sentence.to_owned());
    }
    let spare = report.findings.spare.iter();
    let spare =
        spare.map(|sentence| format!("{sentence} No row lies over it: the daemon makes another."));
    report.wrong.extend(spare);
    report.wrong.extend(crowded(&options));
    report.wrong.extend(readable(settings));
    Ok(report)
}

/// What the engine knows.
async fn look_inside(options: &Options, is_mending: bool) -> Result<(Diagnosis, usize), String> {
    let (store, _) = open(options.clone()).map_err(|error| cannot(&error))?;
    let known = async {
        let found = examine(store.as_ref()).await?;
        if !is_mending || found.mendable() == 0 {
            return Ok((found, 0));
        }
        let mended = mend(store.as_ref(), &found).await?;
        Ok((examine(store.as_ref()).await?, mended))
    };
    let known: Result<_, store::StoreError> = known.await;
    let closed = store.close().await;
    let known = known.map_err(|error| chain(&error))?;
    closed.map_err(|error| chain(&error))?;
    Ok(known)
}

fn cannot(error: &OpenError) -> String {
    if matches!(error, OpenError::Locked { .. }) {
        return format!("{error}: stop the daemon first (systemctl stop oneshelf)");
    }
    chain(error)
}

/// Whether there is less space than writing needs.
fn crowded(options: &Options) -> Option<String> {
    let space = options.disk.space(&options.dir).ok()?;
    let ratio_min = (space.total as f64 * options.free_ratio_min) as u64;
    let least = options.free_bytes_min.min(ratio_min);
    (space.free < least).then(|| {
        format!(
            "{} bytes are free in `{}`, and below {least} nothing is written: make space there.",
            space.free,
            options.dir.display()
        )
    })
}

/// What others can read and must not: the state folder, and every token in it.
fn readable(settings: &Settings) -> Vec<String> {
    let dir = &settings.store.dir;
    let mut paths = vec![dir.clone()];
    below(&dir.join(SECRETS), &mut paths);
    let mut sentences = Vec::new();
    for path in paths {
        let Ok(metadata) = fs::metadata(&path) else {
            continue;
        };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let right = if metadata.is_dir() { "700" } else { "600" };
            let path = path.display();
            sentences.push(format!(
                "Others can use `{path}` (mode {mode:o}): chmod {right} '{path}'."
            ));
        }
    }
    sentences
}

fn below(dir: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    paths.push(dir.to_owned());
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&entry.path(), paths);
        } else {
            paths.push(entry.path());
        }
    }
}

impl Report {
    fn print(&self, is_json: bool) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let Report {
            findings,
            known,
            wrong,
            done,
        } = self;
        if is_json {
            let told = json!({
                "is_well": wrong.is_empty(),
                "records": findings.records,
                "rows": findings.rows,
                "orders": known.orders,
                "items": known.items,
                "listed": known.listed,
                "findings": wrong,
                "done": done,
            });
            writeln!(out, "{told}")?;
            return Ok(());
        }
        for sentence in done {
            writeln!(out, "done: {sentence}")?;
        }
        for sentence in wrong {
            writeln!(out, "found: {sentence}")?;
        }
        writeln!(
            out,
            "Looked at {} records of the journal, {} rows, {} orders, {} items and {} rows of lists: {}.",
            findings.records,
            findings.rows,
            known.orders,
            known.items,
            known.listed,
            match wrong.len() {
                0 => "all is well".to_owned(),
                1 => "1 finding".to_owned(),
                many => format!("{many} findings"),
            }
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
