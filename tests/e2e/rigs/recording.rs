//! A daemon whose every write, sync and answer is written down, by the library in `tests/powercut`.

use std::{
    collections::HashMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use crate::kit::{
    daemon::{Daemon, ONESHELF},
    pass,
    world::World,
};

#[path = "../../powercut/record.rs"]
mod record;

use record::HEAD_LENGTH;
pub(super) use record::Kind;

/// How long an operation may take that has begun when everything is to halt.
const HALT_WITHIN: Duration = Duration::from_millis(300);

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    /// A file, by its inode, or a connection, by the port on the other side.
    pub(super) file: u64,
    pub(super) at: u64,
    pub(super) text: &'a [u8],
}

/// A request that was answered.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// How many records there were when the answer was about to go out.
    pub(super) at: usize,
    /// How many there were when the last of the request came in.
    pub(super) asked_at: usize,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    pub(super) status: u16,
}

/// Where a recording is, and what it is of.
pub(super) struct Recording {
    file: PathBuf,
    halt: PathBuf,
    environment: Vec<(String, OsString)>,
}

impl Recording {
    /// A recording of what the daemons of a world do below a folder.
    pub(super) fn of(world: &World, folder: &Path) -> Recording {
        let dir = world.dir.path();
        let (file, halt) = (dir.join("record"), dir.join("halt"));
        let ports = [&world.api.public_url, &world.api.admin_url];
        let ports = ports.map(|url| url.rsplit(':').next().expect("a port").to_owned());
        let environment: [(&str, OsString); 5] = [
            ("LD_PRELOAD", library().into()),
            ("POWERCUT_FOLDER", folder.into()),
            ("POWERCUT_RECORD", file.clone().into()),
            ("POWERCUT_HALT", halt.clone().into()),
            ("POWERCUT_PORTS", ports.join(",").into()),
        ];
        Recording {
            file,
            halt,
            environment: environment
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }

    /// What a daemon needs in its environment to be recorded.
    pub(super) fn environment(&self) -> &[(String, OsString)] {
        &self.environment
    }

    /// The same, with one sync that fails, counted from 1.
    pub(super) fn with_failing_sync(&self, number: u64) -> Vec<(String, OsString)> {
        let failing = ("POWERCUT_FAIL_SYNC".to_owned(), number.to_string().into());
        let mut environment = self.environment.clone();
        environment.push(failing);
        environment
    }

    /// Kills a daemon between two operations, so that the record is whole.
    pub(super) async fn kill(&self, world: &World, daemon: Daemon) {
        fs::write(&self.halt, b"").expect("our own folder");
        pass(&world.ports, HALT_WITHIN).await;
        daemon.kill();
        fs::remove_file(&self.halt).expect("our own file");
    }

    /// All bytes of it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).expect("a daemon was recorded")
    }
}

/// Reads a recording.
pub(super) fn read(bytes: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_at_checked(HEAD_LENGTH) {
        let short = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four"));
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight"));
        let (text, after) = after.split_at(short(4) as usize);
        records.push(Record {
            kind: kind(short(0)),
            file: long(8),
            at: long(16),
            text,
        });
        rest = after;
    }
    assert!(rest.is_empty(), "the recording is cut off");
    records
}

fn kind(number: u32) -> Kind {
    let kinds = [
        Kind::Created,
        Kind::Truncated,
        Kind::Written,
        Kind::Zeroed,
        Kind::SyncBegun,
        Kind::FolderSyncBegun,
        Kind::SyncDone,
        Kind::SyncFailed,
        Kind::FolderMade,
        Kind::Renamed,
        Kind::Removed,
        Kind::Accepted,
        Kind::Received,
        Kind::Answering,
        Kind::Unknown,
    ];
    let found = kinds.into_iter().find(|kind| *kind as u32 == number);
    found.unwrap_or_else(|| panic!("there is no kind {number} of records"))
}

/// Every request that was answered, in order.
pub(super) fn answered(records: &[Record<'_>]) -> Vec<Answered> {
    let mut connections: HashMap<u64, (usize, Vec<u8>)> = HashMap::new();
    let mut all = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let is_talk = matches!(
            record.kind,
            Kind::Accepted | Kind::Received | Kind::Answering
        );
        if !is_talk {
            continue;
        }
        let received = connections.entry(record.file).or_default();
        match record.kind {
            Kind::Accepted => *received = (at, Vec::new()),
            Kind::Received => {
                received.0 = at;
                received.1.extend(record.text);
            }
            Kind::Answering => {
                let (asked_at, request) = std::mem::take(received);
                all.extend(answer((asked_at, at), &request, record.text));
            }
            _ => {}
        }
    }
    all
}

/// A request and its answer; nothing if the request did not come in whole, so that nothing of it counts.
fn answer((asked_at, at): (usize, usize), request: &[u8], answer: &[u8]) -> Option<Answered> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&request[..end]).expect("heads are plain");
    let mut words = head.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let body = request.get(end..end + length.unwrap_or(0))?.to_vec();
    let status = std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
    Some(Answered {
        at,
        asked_at,
        method,
        path,
        body,
        status,
    })
}

/// The library, built when it is first needed.
fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build_library).clone()
}

fn build_library() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/powercut");
    // Beside what is built anyway: target/debug/oneshelf gives target/powercut.
    let target = Path::new(ONESHELF)
        .ancestors()
        .nth(2)
        .expect("a target folder");
    let target = target.join("powercut");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    let build = build
        .args([
            "build",
            "--release",
            "--locked",
            "--quiet",
            "--manifest-path",
        ])
        .arg(sources.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    let built = build.output().expect("cargo starts");
    assert!(
        built.status.success(),
        "tests/powercut does not build: {built:?}"
    );
    target.join("release/libpowercut.so")
}
