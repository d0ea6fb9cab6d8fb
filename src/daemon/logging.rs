//! What the daemon says of itself: text for people, JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `level` is a filter such as `info` or `info,engine=debug`.
/// Fails when the filter cannot be read, or when logging was started before.
pub fn start(format: Format, level: &str) -> Result<(), String> {
    let filter: EnvFilter = level
        .parse()
        .map_err(|error| format!("log level: {error}"))?;
    let is_terminal = std::io::stderr().is_terminal();
    let is_json = match format {
        Format::Auto => !is_terminal,
        Format::Text => false,
        Format::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = if is_json {
        registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .try_init()
    } else {
        let layer = fmt::layer()
            .with_ansi(is_terminal)
            .with_writer(std::io::stderr);
        registry.with(layer).try_init()
    };
    started.map_err(|error| error.to_string())
}
