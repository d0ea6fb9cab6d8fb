//! The processes that a bench starts, and what the system says of them.
//!
//! What is measured runs in a process of its own, so that its memory, its time on the processor and what
//! it writes are its own, and not those of whoever makes the load.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use serde::Serialize;

/// How many ticks of processor time there are in a second, in `/proc`. Linux fixed it for programs long ago.
const TICKS_PER_S: u32 = 100;

/// A process of this very binary. Dropping it ends it.
pub(super) struct Process {
    child: Child,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Used {
    /// Time on the processors.
    pub(super) cpu: Duration,
    /// Bytes that were sent to the disk.
    pub(super) written: u64,
    /// The memory that it holds.
    pub(super) resident_bytes: u64,
    /// The most memory that it held at a time.
    pub(super) peak_bytes: u64,
}

impl Process {
    /// Starts this program with other words. What it says on standard error goes into a file.
    pub(super) fn start(words: &[&str], log: &Path) -> anyhow::Result<Process> {
        let program = std::env::current_exe().context("this program has no path")?;
        let log = File::create(log).with_context(|| format!("failed to make {log:?}"))?;
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(log);
        // What its user set for the real daemon must not reach the one that is measured.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ONESHELF__") {
                command.env_remove(name);
            }
        }
        command.env_remove("NOTIFY_SOCKET");
        let child = command.spawn().context("failed to start the process")?;
        Ok(Process { child })
    }

    /// The first line that it prints.
    pub(super) fn first_line(&mut self) -> anyhow::Result<String> {
        let out: ChildStdout = self.child.stdout.take().context("it was read before")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "the process ended without a word");
        Ok(line.trim().to_owned())
    }

    /// Ends it without a word (`kill -9`), and waits until it is gone.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("failed to end the process")?;
        self.child.wait().context("the process does not end")?;
        Ok(())
    }

    /// Whether it still runs.
    pub(super) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has used so far.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        used_by(&self.child.id().to_string())
    }
}

/// What this process has used so far.
pub(super) fn own() -> anyhow::Result<Used> {
    used_by("self")
}

fn used_by(process: &str) -> anyhow::Result<Used> {
    let read = |name: &str| {
        let path = format!("/proc/{process}/{name}");
        fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))
    };
    used(&read("stat")?, &read("io")?, &read("status")?).context("/proc speaks otherwise here")
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn used(stat: &str, io: &str, status: &str) -> Option<Used> {
    // The name of the program may have spaces and brackets in it; after its last bracket come numbers.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(11);
    let mut ticks = || numbers.next()?.parse::<u32>().ok();
    let cpu = Duration::from_secs(1) * (ticks()? + ticks()?) / TICKS_PER_S;
    let value = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Used {
        cpu,
        written: value(io, "write_bytes:")?,
        resident_bytes: value(status, "VmRSS:")? * 1024,
        peak_bytes: value(status, "VmHWM:")? * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_used_is_read_from_proc() {
        let stat = "77 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 9";
        let io = "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 9\n";
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n";
        let used = super::used(stat, io, status).expect("all is there");
        assert_eq!(used.cpu, Duration::from_millis(1500));
        assert_eq!((used.written, used.peak_bytes), (4096, 2 * 1024 * 1024));
        assert_eq!(used.resident_bytes, 1024 * 1024);
        assert!(super::used("77 (x", io, status).is_none());
    }
}
