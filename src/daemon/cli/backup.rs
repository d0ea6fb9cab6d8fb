//! `oneshelf backup`: copies of everything, made by the running daemon or, without one, by this command.
//!
//! A daemon is asked over its API. Where none answers, the store is opened here under its own lock, so
//! the two are never at it together. Reading a backup needs neither.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use engine::{
    backups::BackupView,
    ports::{Clock, system},
};
use serde_json::{Value, json};
use store::Store as _;
use store::sled::backup::{self, BackupError};

use super::{
    client::{Client, Connect, Failure},
    out::{Out, count, show},
};
use crate::{
    backups::{chain, plan, view, view_listed},
    exit::{self, Exit},
    run::{load_without_secrets, refuse_stranger, store_options},
    settings::{Environment, Settings},
};

/// How often it is asked whether a backup is there.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Makes, lists and checks copies of everything.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    connect: Connect,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Makes a backup: the running daemon does, or this command where none runs.
    Create {
        /// The folder for it; a running daemon takes one below `backup.dir` only.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Lists the backups in `backup.dir`, the oldest first.
    List,
    /// Reads a backup, all of it, and says what it has.
    Verify {
        /// The folder of one backup.
        path: PathBuf,
    },
}

/// Does it.
pub async fn run(args: &Args, at: &Path, environment: &Environment) -> anyhow::Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    let mut out = Out::new(&mut stdout, args.connect.json);
    let exit = match &args.what {
        What::Verify { path } => verify(path, &mut out),
        What::Create { to } => {
            let client = args.connect.client(environment)?;
            match create(&client, to.as_deref(), &mut out).await {
                Err(error) if is_unreachable(&error) => {
                    create_here(at, environment, to.as_deref(), &mut out).await
                }
                asked => asked,
            }
        }
        What::List => {
            let client = args.connect.client(environment)?;
            match list(&client, &mut out).await {
                Err(error) if is_unreachable(&error) => list_here(at, environment, &mut out),
                asked => asked,
            }
        }
    };
    super::settle(exit).map(ExitCode::from)
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    let failure = error.downcast_ref::<Failure>();
    failure.is_some_and(|failure| matches!(failure, Failure::Unreachable { .. }))
}

/// Has the daemon make one, and waits for it.
pub(super) async fn create(
    client: &Client,
    to: Option<&Path>,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let to = to.map(|to| to.display().to_string());
    let begun = client.post("/backups", &json!({ "to": to })).await?;
    let clock = system::ports().clock;
    let kept = loop {
        let kept = client.get("/backups").await?;
        if kept["is_under_way"] != true {
            break kept;
        }
        wait(clock.as_ref()).await;
    };
    if let Some(failure) = kept["failure"].as_str() {
        exit::tell(&format!("error: no backup was made: {failure}\n"));
        return Ok(Exit::Finding);
    }
    if begun["status"] == "under_way" && !out.is_json() {
        out.line("One was being made already; this is it.")?;
    }
    tell(&kept["last"], "Made and read back", out)
}

async fn wait(clock: &dyn Clock) {
    clock.sleep_until(clock.now().plus(ASK_EVERY)).await;
}

async fn list(client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let kept = client.get("/backups").await?;
    let items = kept["items"].as_array().cloned().unwrap_or_default();
    if !out.is_json() {
        if kept["is_configured"] != true {
            out.line("No backups are configured: set `backup.dir`.")?;
        }
        if let Some(failure) = kept["failure"].as_str() {
            out.line(&format!("The last one failed: {failure}."))?;
        }
    }
    table(&items, out)
}

fn table(items: &[Value], out: &mut Out<'_>) -> anyhow::Result<Exit> {
    out.table(
        items,
        &[
            ("MADE", &|one| show(one, "made_at")),
            ("ORDERS", &|one| show(one, "orders")),
            ("ROWS", &|one| show(one, "rows")),
            ("BYTES", &|one| show(one, "bytes")),
            ("NAME", &|one| show(one, "name")),
            ("PROBLEM", &|one| show(one, "problem")),
        ],
    )?;
    let is_bad = items.iter().any(|one| !one["problem"].is_null());
    Ok(if is_bad { Exit::Finding } else { Exit::Good })
}

fn tell(one: &Value, what: &str, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if out.is_json() {
        out.objects([one])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(one, path);
    out.line(&format!("{what}: {}", of("path")))?;
    out.line(&format!(
        "  of {}: {} and {} in all, up to position {}, {}",
        of("made_at"),
        count(&of("orders"), "order"),
        count(&of("rows"), "row"),
        of("position"),
        count(&of("bytes"), "byte")
    ))?;
    Ok(Exit::Good)
}

fn settings(at: &Path, environment: &Environment) -> Result<Settings, Exit> {
    load_without_secrets(at, environment).map_err(|error| {
        exit::tell(&error.render());
        Exit::Configuration
    })
}

/// Makes one of a store that nobody has open.
async fn create_here(
    at: &Path,
    environment: &Environment,
    to: Option<&Path>,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let settings = match settings(at, environment) {
        Ok(settings) => settings,
        Err(exit) => return Ok(exit),
    };
    let Some(dir) = to.or(settings.backup.dir.as_deref()) else {
        exit::tell("error: say where with --to, or set `backup.dir`\n");
        return Ok(Exit::Configuration);
    };
    let options = store_options(&settings);
    if !options.dir.exists() {
        let dir = options.dir.display();
        exit::tell(&format!("error: there is no store in `{dir}`\n"));
        return Ok(Exit::Storage);
    }
    if let Some(sentence) = refuse_stranger(&options.dir) {
        exit::tell(&format!("error: {sentence}\n"));
        return Ok(Exit::Storage);
    }
    let mut plan = plan(&settings, dir.to_owned());
    if to.is_some() {
        plan.keep = 0;
    }
    let store = match store::sled::open(options) {
        Ok((store, _)) => store,
        Err(error) => {
            let text = chain(&error);
            exit::tell(&format!(
                "error: no daemon answers, and the store cannot be opened: {text}\n"
            ));
            return Ok(Exit::Storage);
        }
    };
    let made = store.backup(plan).await;
    let closed = store.close().await;
    let made = match made {
        Ok(made) => made,
        Err(error) => return Ok(refuse(&error)),
    };
    if let Err(error) = closed {
        exit::tell(&format!("error: the store could not be closed: {error}\n"));
        return Ok(Exit::Storage);
    }
    tell(&json(&view(&made)), "Made and read back", out)
}

fn list_here(at: &Path, environment: &Environment, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let settings = match settings(at, environment) {
        Ok(settings) => settings,
        Err(exit) => return Ok(exit),
    };
    let Some(dir) = &settings.backup.dir else {
        exit::tell("error: no backups are configured: set `backup.dir`\n");
        return Ok(Exit::Configuration);
    };
    let found = match backup::list(dir) {
        Ok(found) => found,
        Err(error) => return Ok(refuse(&error)),
    };
    let items: Vec<Value> = found.iter().map(|one| json(&view_listed(one))).collect();
    table(&items, out)
}

fn verify(path: &Path, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match backup::verify(path) {
        Ok(backup) => tell(&json(&view(&backup)), "Whole", out),
        Err(error) => Ok(refuse(&error)),
    }
}

fn json(view: &BackupView) -> Value {
    serde_json::to_value(view).expect("a view has only text keys")
}

/// Says why not, one problem a line, and how to end.
pub(crate) fn refuse(error: &BackupError) -> Exit {
    if let BackupError::Damaged { path, problems } = error {
        let path = path.display();
        exit::tell(&format!(
            "error: the backup `{path}` is damaged; use another one\n"
        ));
        for problem in problems {
            exit::tell(&format!("  {problem}\n"));
        }
    } else {
        exit::tell(&format!("error: {}\n", chain(error)));
    }
    match error {
        BackupError::Damaged { .. } | BackupError::Unlike { .. } => Exit::Finding,
        BackupError::NoBackup { .. } => Exit::NoInput,
        BackupError::NotEmpty { .. } | BackupError::Newer { .. } => Exit::Data,
        BackupError::Busy { .. }
        | BackupError::NoSpace { .. }
        | BackupError::Io { .. }
        | BackupError::Export(_)
        | BackupError::Store(_) => Exit::Storage,
    }
}
