//! Stands between a program and the C library, and writes down, in one order, everything that the
//! program asks of the files in a folder, and what it answers on its ports meanwhile. From that a rig
//! can make the folder as a disk with a volatile cache would hold it at any moment (tests/e2e/rigs).
//!
//! - `POWERCUT_FOLDER`: what is below it is written down,
//! - `POWERCUT_RECORD`: where to; several programs after each other may add to it,
//! - `POWERCUT_PORTS`: on which ports answers matter, as in `8080,8081`,
//! - `POWERCUT_FAIL_SYNC`: the number of the sync, from 1, that fails with EIO and is not done. Those
//!   after it succeed, as they do on Linux, where a sync says only once what went wrong,
//! - `POWERCUT_HALT`: as long as there is such a file, no operation begins; who is killed meanwhile has
//!   left a whole record.
//!
//! A write is done and written down under one lock, so that the order is the one in which the pages
//! changed. A sync is written down when it begins and when it is done: only what was written before
//! its beginning is then durable. An answer is written down *before* it goes out: nobody can have
//! seen it earlier. What is not understood here is written down as such, and what is called past the C
//! library does not come by: a rig must compare what it makes of the record with the real folder.

mod calls;
mod record;

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString, OsStr, c_int},
    os::unix::ffi::OsStrExt as _,
    sync::{Mutex, MutexGuard, OnceLock},
};

use record::{HEAD_LENGTH, Kind};

/// What is asked for in the environment.
struct Plan {
    folder: Vec<u8>,
    ports: Vec<u16>,
    fail_sync: u64,
    halt: Option<CString>,
    record: c_int,
}

/// What is known so far.
#[derive(Default)]
struct State {
    /// Inodes of the files that were opened below the folder.
    files: BTreeSet<u64>,
    syncs: u64,
}

static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
static STATE: Mutex<State> = Mutex::new(State {
    files: BTreeSet::new(),
    syncs: 0,
});

/// What is asked for; nothing in programs that are only started along the way.
fn plan() -> Option<&'static Plan> {
    PLAN.get_or_init(read_plan).as_ref()
}

fn read_plan() -> Option<Plan> {
    let value = |name: &str| std::env::var_os(format!("POWERCUT_{name}"));
    let record = CString::new(value("RECORD")?.as_bytes()).ok()?;
    let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT | libc::O_CLOEXEC;
    // SAFETY: the path ends with a zero.
    let record = unsafe {
        libc::syscall(
            libc::SYS_openat,
            libc::AT_FDCWD,
            record.as_ptr(),
            flags,
            0o600,
        )
    };
    let number = |text: &OsStr| text.to_str()?.parse::<u64>().ok();
    let ports = value("PORTS").unwrap_or_default();
    let ports = ports.to_str()?.split(',');
    Some(Plan {
        folder: value("FOLDER")?.as_bytes().to_vec(),
        ports: ports.filter_map(|port| port.parse().ok()).collect(),
        fail_sync: value("FAIL_SYNC")
            .and_then(|text| number(&text))
            .unwrap_or(0),
        halt: value("HALT").and_then(|path| CString::new(path.as_bytes()).ok()),
        record: c_int::try_from(record).ok()?,
    })
}

impl Plan {
    /// Whether a path is that of the folder or below it.
    fn holds(&self, path: &[u8]) -> bool {
        path.strip_prefix(self.folder.as_slice())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// Adds to the record. Whoever cannot do that must not go on: the record would lie.
    fn note(&self, _: &MutexGuard<'_, State>, kind: Kind, file: u64, at: u64, text: &[u8]) {
        let mut head = [0; HEAD_LENGTH];
        head[..4].copy_from_slice(&(kind as u32).to_le_bytes());
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        head[4..8].copy_from_slice(&length.to_le_bytes());
        head[8..16].copy_from_slice(&file.to_le_bytes());
        head[16..24].copy_from_slice(&at.to_le_bytes());
        let whole = [head.as_slice(), text].concat();
        let mut rest = whole.as_slice();
        while !rest.is_empty() {
            // SAFETY: the bytes live as long as the call.
            let written =
                unsafe { libc::syscall(libc::SYS_write, self.record, rest.as_ptr(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(_) => std::process::abort(),
            }
        }
    }
}

fn state() -> MutexGuard<'static, State> {
    let Ok(state) = STATE.lock() else {
        // Nothing here panics while it holds the lock; if it did, the record would be worth nothing.
        std::process::abort()
    };
    let halt = plan().and_then(|plan| plan.halt.as_ref());
    // SAFETY: the path ends with a zero.
    let is_halted = |path: &CString| unsafe {
        libc::syscall(
            libc::SYS_faccessat,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::F_OK,
        ) == 0
    };
    while halt.is_some_and(is_halted) {
        // SAFETY: it only waits. The lock is kept, so that nobody does anything any more.
        unsafe { libc::poll(std::ptr::null_mut(), 0, 1000) };
    }
    state
}

/// What an open file is.
enum Open {
    /// A file below the folder.
    File(u64),
    /// A folder below the folder.
    Folder(u64),
    /// None of our business.
    Other,
}

/// What is behind a descriptor.
fn look(fd: c_int, state: &State) -> Open {
    // SAFETY: all zeros is a value of this plain struct, and the call fills it in.
    let (failed, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut stat) != 0, stat)
    };
    if failed || !state.files.contains(&stat.st_ino) {
        return Open::Other;
    }
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => Open::File(stat.st_ino),
        libc::S_IFDIR => Open::Folder(stat.st_ino),
        _ => Open::Other,
    }
}

/// The inode behind a descriptor, and how long the file is.
fn inode(fd: c_int) -> (u64, i64) {
    // SAFETY: as above.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        match libc::fstat(fd, &raw mut stat) {
            0 => (stat.st_ino, stat.st_size),
            _ => (0, 0),
        }
    }
}

/// The whole path of a name, as the program means it.
fn whole(folder: c_int, name: &CStr) -> Vec<u8> {
    let name = name.to_bytes();
    if name.starts_with(b"/") {
        return name.to_vec();
    }
    let mut path = match folder {
        libc::AT_FDCWD => std::env::current_dir()
            .map(|at| at.as_os_str().as_bytes().to_vec())
            .unwrap_or_default(),
        folder => path_of(folder),
    };
    path.push(b'/');
    path.extend(name);
    path
}

/// The path of a descriptor.
fn path_of(fd: c_int) -> Vec<u8> {
    let link = std::fs::read_link(format!("/proc/self/fd/{fd}"));
    link.map(|path| path.as_os_str().as_bytes().to_vec())
        .unwrap_or_default()
}
