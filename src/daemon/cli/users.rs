//! `oneshelf users`: who may sign in to the dashboard, and what each may do.

use clap::{Subcommand, builder::PossibleValuesParser};
use engine::users::Role;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode},
    out::{Out, show},
};
use crate::exit::Exit;

/// How many users are asked for: all that can be.
const USERS_MAX: usize = engine::users::USERS_MAX;

/// Adds people to the dashboard, and says what each may do.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists who may sign in.
    List,
    /// Adds somebody, and prints the one-time link with which they set a password.
    Add(Add),
    /// Prints a new one-time link, also for a forgotten password; links of before are good no more.
    Link(Named),
    /// Lets somebody do more or less.
    Role(SetRole),
    /// Lets somebody in no more; their sessions end at once.
    Disable(Named),
    /// Lets somebody in again.
    Enable(Named),
    /// Lists what was done to users and by them, the oldest first.
    Log(Log),
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What they sign in with: small letters, digits, and `.`, `-`, `_`, `@`.
    name: String,
    /// What they may do: look, pack, do the daily work, or everything.
    #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.map(Role::word)))]
    role: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
struct SetRole {
    /// Who.
    name: String,
    /// What they may do.
    #[arg(value_parser = PossibleValuesParser::new(Role::ALL.map(Role::word)))]
    role: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Who.
    name: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Log {
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match args.what.as_ref().unwrap_or(&What::List) {
        What::List => {
            let users = client.list("/users", USERS_MAX).await?;
            list(&users, out)?;
        }
        What::Add(asked) => {
            let body = with_by(json!({ "name": asked.name, "role": asked.role }), &asked.by);
            let user = client.post("/users", &body).await?;
            let name = show(&user, "name");
            link(&name, &asked.by, client, out).await?;
        }
        What::Link(asked) => link(&asked.name, &asked.by, client, out).await?,
        What::Role(asked) => {
            let body = with_by(json!({ "role": asked.role }), &asked.by);
            change(&asked.name, "role", &body, client, out).await?;
        }
        What::Disable(asked) => {
            let body = with_by(json!({}), &asked.by);
            change(&asked.name, "disable", &body, client, out).await?;
        }
        What::Enable(asked) => {
            let body = with_by(json!({}), &asked.by);
            change(&asked.name, "enable", &body, client, out).await?;
        }
        What::Log(asked) => {
            let entries = client.list("/audit", asked.limit).await?;
            out.table(
                &entries,
                &[
                    ("AT", &|one| show(one, "at")),
                    ("USER", &|one| show(one, "user")),
                    ("WHAT", &|one| show(one, "text")),
                    ("BY", &|one| show(one, "by")),
                ],
            )?;
        }
    }
    Ok(Exit::Good)
}

fn with_by(mut body: Value, by: &Option<String>) -> Value {
    if let Some(by) = by {
        body["by"] = json!(by);
    }
    body
}

async fn link(
    name: &str,
    by: &Option<String>,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let path = format!("/users/{}/link", encode(name));
    let link = client.post(&path, &with_by(json!({}), by)).await?;
    if out.is_json() {
        return out.objects([&link]);
    }
    let url = client.address(&show(&link, "path"));
    out.line(&format!(
        "{} sets a password and signs in at, once, until {}:",
        show(&link, "user"),
        show(&link, "until")
    ))?;
    out.line(&url)
}

async fn change(
    name: &str,
    what: &str,
    body: &Value,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let path = format!("/users/{}/{what}", encode(name));
    let user = client.post(&path, body).await?;
    list(&[user], out)
}

fn list(users: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    let state = |user: &Value| match (&user["disabled_at"], &user["has_password"]) {
        (Value::String(since), _) => format!("disabled since {since}"),
        (_, Value::Bool(true)) => "may sign in".to_owned(),
        _ => "has no password yet".to_owned(),
    };
    out.table(
        users,
        &[
            ("NAME", &|one| show(one, "name")),
            ("ROLE", &|one| show(one, "role")),
            ("STATE", &state),
            ("SIGNED IN", &|one| show(one, "signed_in_at")),
            ("SESSIONS", &|one| show(one, "sessions")),
        ],
    )
}
