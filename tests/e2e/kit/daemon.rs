//! The real binary as a process: started, killed, asked to end, and read.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use engine::ports::Ports;

use super::until;

/// The binary under test.
pub(crate) const ONESHELF: &str = env!("CARGO_BIN_EXE_oneshelf");

/// How long a command may take.
const RUN_WITHIN: Duration = Duration::from_secs(150);

const SIGTERM: u32 = 15;

/// A running `oneshelf run`. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    ports: Ports,
    stderr: PathBuf,
}

/// What a command said when it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary with nothing of the environment that would change what it does.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(ONESHELF);
    command.args(arguments).stdin(Stdio::null());
    command.env_remove("NOTIFY_SOCKET").env_remove("RUST_LOG");
    for (name, _) in std::env::vars() {
        if name.starts_with("ONESHELF__") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end, which must come in a minute or two.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with(arguments, &[])
}

/// The same with something in its environment.
pub(crate) fn run_with(arguments: &[&str], environment: &[(String, OsString)]) -> Ended {
    let mut command = command(arguments);
    command.envs(environment.iter().cloned());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    let pid = child.id();
    let (tell, told) = std::sync::mpsc::channel();
    let waiting = std::thread::spawn(move || {
        let output = child.wait_with_output();
        // Nobody listens any more when it took too long.
        tell.send(()).ok();
        output
    });
    let is_in_time = told.recv_timeout(RUN_WITHIN).is_ok();
    if !is_in_time {
        signal(pid, "KILL");
    }
    let output = waiting.join().expect("the thread ends");
    let output = output.expect("our own child");
    let ended = Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    assert!(is_in_time, "{arguments:?} did not end: {ended:?}");
    ended
}

fn signal(pid: u32, name: &str) {
    let line = format!("kill -{name} {pid}");
    let told = Command::new("sh").args(["-c", &line]).status();
    assert!(told.expect("a shell").success(), "the signal was sent");
}

impl Daemon {
    /// Starts it. What it says is added to two files in the folder.
    pub(crate) fn start(
        config: &Path,
        logs: &Path,
        ports: &Ports,
        environment: &[(String, OsString)],
    ) -> Daemon {
        let append = |name: &str| -> File {
            let mut options = OpenOptions::new();
            options.create(true).append(true);
            options.open(logs.join(name)).expect("a file for its words")
        };
        let config = config.to_str().expect("a plain path");
        let child = command(&["run", "--config", config])
            .envs(environment.iter().cloned())
            .stdout(append("stdout.log"))
            .stderr(append("stderr.log"))
            .spawn()
            .expect("the binary starts");
        Daemon {
            child,
            ports: ports.clone(),
            stderr: logs.join("stderr.log"),
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it runs; else how it ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("our own child");
    }

    /// Looks at it while it stands still: whether an address can be reached, and whether it hears SIGTERM.
    pub(crate) fn is_reached_and_hears(&self, address: &str) -> (bool, bool) {
        signal(self.pid(), "STOP");
        let status = format!("/proc/{}/status", self.pid());
        let status = loop {
            let status = fs::read_to_string(&status).expect("our own child");
            if !status.contains("State:\tR") && !status.contains("State:\tS") {
                break status;
            }
        };
        let is_reached = TcpStream::connect(address).is_ok();
        signal(self.pid(), "CONT");
        let heard = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let heard = heard.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let heard = heard.expect("the system says what a process hears");
        (is_reached, heard & 1 << (SIGTERM - 1) != 0)
    }

    /// Asks it to end by SIGTERM, and gives its exit code.
    pub(crate) async fn terminate(mut self, within: Duration) -> Option<i32> {
        signal(self.pid(), "TERM");
        self.wait(within).await
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) async fn wait(&mut self, within: Duration) -> Option<i32> {
        let ports = self.ports.clone();
        let status = until(&ports, "the daemon ends", within, async || {
            self.ended().ok_or_else(|| "it runs".to_owned())
        })
        .await;
        status.code()
    }

    /// All that it, and those before it in the same folder, said on standard error.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
