//! `oneshelf config`: what holds and where each value came from, and what is wrong.

use std::{io::Write, path::Path};

use clap::Subcommand;
use serde_json::json;

use crate::{
    check,
    exit::Exit,
    run,
    settings::{Environment, Held, Origin, Settings},
};

/// Shows what holds and where it came from, or checks it. It reads files as `run` would, and asks no daemon.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows every value that holds, and the line, the variable or the default that it comes from. Secrets
    /// are never shown.
    Show {
        /// One object for each value.
        #[arg(long)]
        json: bool,
        /// Only keys that begin so, such as `schedule` or `accounts.eu-shop`.
        key: Option<String>,
    },
    /// Says everything that is wrong, as `oneshelf check` does.
    Check(check::Args),
}

/// Shows or checks the configuration.
pub fn run(args: &Args, at: &Path, environment: &Environment) -> anyhow::Result<Exit> {
    match &args.what {
        What::Check(args) => check::run(args, at, environment),
        What::Show { json, key } => {
            let mut out = std::io::stdout().lock();
            match run::load_without_secrets(at, environment) {
                Ok(settings) => show(&settings, key.as_deref(), *json, &mut out),
                Err(error) => {
                    out.write_all(error.render().as_bytes())?;
                    Ok(Exit::Configuration)
                }
            }
        }
    }
}

fn show(
    settings: &Settings,
    below: Option<&str>,
    is_json: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let held = settings.effective();
    let is_asked = |held: &&Held| {
        below.is_none_or(|below| {
            let rest = held.key.strip_prefix(below);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let shown: Vec<&Held> = held.iter().filter(is_asked).collect();
    let width = shown.iter().map(|held| held.key.len()).max().unwrap_or(0);
    for held in &shown {
        if is_json {
            writeln!(out, "{}", as_json(held))?;
            continue;
        }
        let value = held.value.as_deref().unwrap_or(SECRET);
        let (key, from) = (&held.key, from(&held.origin));
        writeln!(out, "{key:width$}  {value}  ({from})")?;
    }
    Ok(match shown.is_empty() {
        true => Exit::Finding,
        false => Exit::Good,
    })
}

/// What stands in for a secret.
const SECRET: &str = "(a secret, not shown)";

fn from(origin: &Origin) -> String {
    match origin {
        Origin::Default => "built in".to_owned(),
        Origin::File { name, line } => format!("{name}:{line}"),
        Origin::Environment { name } => name.clone(),
    }
}

fn as_json(held: &Held) -> serde_json::Value {
    let configured = configured(held);
    json!(configured)
}

/// A value as the admin listener tells it.
pub(crate) fn configured(held: &Held) -> web::Configured {
    let (from, place, line) = match &held.origin {
        Origin::Default => ("default", None, None),
        Origin::File { name, line } => ("file", Some(name.clone()), Some(*line)),
        Origin::Environment { name } => ("environment", Some(name.clone()), None),
    };
    web::Configured {
        key: held.key.clone(),
        value: held.value.clone(),
        is_secret: held.value.is_none(),
        from,
        place,
        line,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_value_is_shown_with_where_it_came_from_and_no_secret_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let token = "0123456789abcdef0123456789abcdef";
        fs::write(
            dir.path().join("oneshelf.toml"),
            format!(
                "[store]\ndir = \"/srv/shelf\"\n\n[admin]\ntoken = \"{token}\"\n\n[[items]]\nsku = \"MUG\"\n\
                 prices = [\"12.50 EUR\"]\n"
            ),
        )
        .expect("written");
        let environment = Environment::from([
            ("ONESHELF__LOG__LEVEL".to_owned(), "debug".to_owned()),
            ("OTHER".to_owned(), "x".to_owned()),
        ]);
        let settings = run::load_without_secrets(dir.path(), &environment);
        let settings = settings.unwrap_or_else(|error| panic!("{}", error.render()));
        let mut out = Vec::new();
        show(&settings, None, false, &mut out).expect("shown");
        let text = String::from_utf8(out).expect("text");
        assert!(!text.contains(token), "{text}");
        let line = |key: &str| {
            let of = |line: &&str| line.starts_with(&format!("{key} "));
            text.lines()
                .find(of)
                .unwrap_or_else(|| panic!("{key}: {text}"))
        };
        assert!(line("store.dir").contains("/srv/shelf"), "{text}");
        assert!(line("store.dir").ends_with("oneshelf.toml:2)"), "{text}");
        assert!(
            line("log.level").ends_with("(ONESHELF__LOG__LEVEL)"),
            "{text}"
        );
        assert!(line("schedule.poll").ends_with("30s  (built in)"), "{text}");
        assert!(line("admin.token").contains(SECRET), "{text}");
        assert!(line("items.0.prices").contains("[\"12.50 EUR\"]"), "{text}");

        let mut out = Vec::new();
        show(&settings, Some("store"), true, &mut out).expect("shown");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("\"from\":\"file\""), "{text}");
        let nothing = show(&settings, Some("sto"), true, &mut Vec::new());
        assert_eq!(nothing.expect("shown"), Exit::Finding);
    }
}
