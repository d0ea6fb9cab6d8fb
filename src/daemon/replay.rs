//! `oneshelf replay`: plays a case again that `oneshelf incidents export` made.
//!
//! It needs no daemon, no configuration and no network, and touches no store: all of it happens in this
//! process. What is decided and compared is in [`engine::cases`]; this only reads the file and tells.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use engine::cases::{
    FILE_BYTES_MAX,
    replay::{CaseFile, NotACase, Replay, Told},
};
use serde_json::json;

use crate::exit::{self, Exit};

/// Plays an exported incident again and says where it parts from the record; needs no daemon.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The case, as `oneshelf incidents export` wrote it.
    file: PathBuf,
    /// Print JSON, one object a line: the steps, then what came of it.
    #[arg(long)]
    json: bool,
}

/// Plays it. Whoever closed the pipe has read enough.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match play(args, &mut out) {
        Ok(exit) => Ok(exit),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(error.into()),
    }
}

fn play(args: &Args, out: &mut dyn Write) -> std::io::Result<Exit> {
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(error) => {
            exit::tell(&format!("error: {}: {error}\n", args.file.display()));
            return Ok(Exit::NoInput);
        }
    };
    let played = CaseFile::read(&text)
        .map_err(|error| said(&error))
        .and_then(|case| Ok((replay(&case)?, case)));
    match played {
        Ok((replay, _)) if args.json => tell_json(&replay, out),
        Ok((replay, case)) => tell(&case, &replay, out),
        Err(reason) => {
            exit::tell(&format!("error: {}: {reason}\n", args.file.display()));
            Ok(Exit::Data)
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let limit = FILE_BYTES_MAX / (1024 * 1024);
        let reason = format!("it is larger than {limit} MiB, and no case is");
        return Err(std::io::Error::other(reason));
    }
    Ok(text)
}

fn said(error: &NotACase) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Plays it on a thread of its own: numbers that no decision of ours ever made, in a file that somebody
/// changed, end that thread and not this program.
fn replay(case: &CaseFile) -> Result<Replay, String> {
    let case = case.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let replay = runtime.block_on(case.replay());
        replay.map_err(|error| said(&error))
    });
    let ended = thread.join();
    ended.unwrap_or_else(|_| {
        Err("it holds numbers that cannot be together: the file was changed".to_owned())
    })
}

fn outcome(replay: &Replay) -> Exit {
    match replay.parts {
        Some(_) => Exit::Finding,
        None => Exit::Good,
    }
}

fn tell_json(replay: &Replay, out: &mut dyn Write) -> std::io::Result<Exit> {
    for step in &replay.steps {
        writeln!(out, "{}", json!(step))?;
    }
    let sums = json!({
        "steps": replay.steps.len(),
        "happened": replay.happened,
        "parts": replay.parts,
        "differing": replay.differing,
        "not_compared": replay.not_compared,
    });
    writeln!(out, "{sums}")?;
    Ok(outcome(replay))
}

fn tell(case: &CaseFile, replay: &Replay, out: &mut dyn Write) -> std::io::Result<Exit> {
    writeln!(out, "{}", printable(&head(case)))?;
    if !case.left_out.is_empty() {
        writeln!(out, "\nNot in this case:")?;
    }
    for left_out in &case.left_out {
        writeln!(out, "  {}", printable(left_out))?;
    }
    writeln!(out, "\nWhat was decided:")?;
    let runs = replay
        .steps
        .chunk_by(|one, next| is_quiet(one) && is_quiet(next));
    for run in runs {
        match run {
            [first, .., last] => tell_quiet(first, last, run, out)?,
            [step] => tell_step(step, out)?,
            [] => {}
        }
    }
    if !replay.happened.is_empty() {
        writeln!(out, "\nIn short:")?;
    }
    for happened in &replay.happened {
        let line = format!(
            "{:>6}  {:<24}  {}",
            happened.step,
            happened.at.to_string(),
            happened.said
        );
        writeln!(out, "{}", printable(&line))?;
    }
    writeln!(out, "\n{}", printable(&sum(replay)))?;
    Ok(outcome(replay))
}

fn head(case: &CaseFile) -> String {
    let about = &case.incident;
    let skus: Vec<&str> = about.skus.iter().map(domain::Sku::as_str).collect();
    let others: Vec<String> = about.others.iter().map(ToString::to_string).collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!(" It is told together with {}.", others.join(", ")),
    };
    let end = match about.ended_at {
        Some(at) => format!("over since {at}"),
        None => "not over".to_owned(),
    };
    format!(
        "Incident {} about {}: open since {}, {end}.{others} Exported by Oneshelf {}.",
        about.id,
        skus.join(", "),
        about.opened_at,
        case.oneshelf
    )
}

/// Whether nothing was recorded, as it should be: levels that agreed, news that came twice.
fn is_quiet(step: &Told) -> bool {
    step.decided.is_empty() && step.elsewhere == 0 && step.is_same == Some(true)
}

/// Several of these in one line.
fn tell_quiet(first: &Told, last: &Told, run: &[Told], out: &mut dyn Write) -> std::io::Result<()> {
    let mut said: Vec<&str> = run.iter().map(|step| step.said.as_str()).collect();
    said.sort_unstable();
    said.dedup();
    let steps = format!("{}-{}", first.step, last.step);
    let line = format!(
        "{steps:>8}  {:<24}  {} decisions of which nothing was recorded: {}",
        first.at.to_string(),
        run.len(),
        said.join(" ")
    );
    writeln!(out, "{}", printable(&line))
}

fn tell_step(step: &Told, out: &mut dyn Write) -> std::io::Result<()> {
    let mark = match step.is_same {
        Some(true) => " ",
        Some(false) => "!",
        None => "?",
    };
    let head = format!(
        "{mark} {:>6}  {:<24}  {}",
        step.step,
        step.at.to_string(),
        step.said
    );
    writeln!(out, "{}", printable(&head))?;
    for line in &step.decided {
        writeln!(out, "            {}", printable(line))?;
    }
    match step.elsewhere {
        0 => Ok(()),
        1 => writeln!(out, "            And 1 fact about another item."),
        more => writeln!(out, "            And {more} facts about other items."),
    }
}

fn sum(replay: &Replay) -> String {
    let skipped = match replay.not_compared {
        0 => String::new(),
        1 => " 1 decision was not compared.".to_owned(),
        skipped => format!(" {skipped} decisions were not compared."),
    };
    let Some(parting) = &replay.parts else {
        let all = match replay.steps.len() {
            1 => "1 decision".to_owned(),
            all => format!("{all} decisions"),
        };
        return format!("It comes out as recorded: {all}.{skipped}");
    };
    let more = match replay.differing.saturating_sub(1) {
        0 => String::new(),
        1 => " 1 later decision differs too.".to_owned(),
        more => format!(" {more} later decisions differ too."),
    };
    format!(
        "It parts from the record at {}.{more}{skipped}",
        parting.how
    )
}

/// Without control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}
