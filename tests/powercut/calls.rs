//! The functions of the C library that are stood in for. Each does what it is asked by the system call
//! of the same name, which nobody stands in for.
//!
//! Functions that take more arguments in some cases are declared with all of them: on the systems that
//! this is for, a caller who leaves the last one out is not told apart.

use std::ffi::{CStr, c_char, c_int, c_void};

use libc::{
    AT_FDCWD, AT_REMOVEDIR, O_ACCMODE, O_CREAT, O_RDONLY, O_TRUNC, iovec, mode_t, off_t, size_t,
    sockaddr, socklen_t, ssize_t, syscall,
};

use super::{Open, inode, look, path_of, plan, record::Kind, state, whole};

/// The text of a path that a program has handed over.
///
/// # Safety
/// It is what the C library asks of its caller: a pointer to a text that ends with a zero.
unsafe fn text<'a>(path: *const c_char) -> &'a CStr {
    // SAFETY: see above.
    unsafe { CStr::from_ptr(path) }
}

/// The bytes that a program has handed over.
///
/// # Safety
/// It is what the C library asks of its caller: so many bytes can be read there.
unsafe fn bytes<'a>(from: *const c_void, length: size_t) -> &'a [u8] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: see above.
    unsafe { std::slice::from_raw_parts(from.cast(), length) }
}

unsafe fn open_any(folder: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    let real = || unsafe { syscall(libc::SYS_openat, folder, path, flags, mode) as c_int };
    let Some(plan) = plan() else { return real() };
    // SAFETY: the caller's promise.
    let name = whole(folder, unsafe { text(path) });
    if !plan.holds(&name) {
        return real();
    }
    let mut state = state();
    // SAFETY: the caller's path, as it is.
    let is_new = flags & O_CREAT != 0
        && unsafe { syscall(libc::SYS_faccessat, folder, path, libc::F_OK) } != 0;
    let fd = real();
    if fd < 0 {
        return fd;
    }
    let (file, length) = inode(fd);
    state.files.insert(file);
    if is_new {
        plan.note(&state, Kind::Created, file, 0, &name);
    } else if flags & O_TRUNC != 0 && flags & O_ACCMODE != O_RDONLY && length == 0 {
        plan.note(&state, Kind::Truncated, file, 0, &[]);
    }
    fd
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { open_any(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { open_any(AT_FDCWD, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { open_any(at, path, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn openat64(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { open_any(at, path, flags, mode) }
}

/// Does a write and notes it; without a place, at the end or where the file stands.
unsafe fn write_any(
    fd: c_int,
    from: *const c_void,
    length: size_t,
    place: Option<off_t>,
) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    let real = || unsafe {
        match place {
            Some(at) => syscall(libc::SYS_pwrite64, fd, from, length, at) as ssize_t,
            None => syscall(libc::SYS_write, fd, from, length) as ssize_t,
        }
    };
    let Some(plan) = plan() else { return real() };
    let state = state();
    let Open::File(file) = look(fd, &state) else {
        drop(state);
        // SAFETY: the caller's promise.
        answering(fd, unsafe { bytes(from, length) });
        return real();
    };
    let written = real();
    if written <= 0 {
        return written;
    }
    let at = place.unwrap_or_else(|| {
        // SAFETY: it only asks where the file stands.
        let end = unsafe { syscall(libc::SYS_lseek, fd, 0, libc::SEEK_CUR) as off_t };
        end - written as off_t
    });
    // SAFETY: the caller's promise; no more than that was written.
    let text = unsafe { bytes(from, written as size_t) };
    if text.iter().all(|byte| *byte == 0) {
        let count = (text.len() as u64).to_le_bytes();
        plan.note(&state, Kind::Zeroed, file, at as u64, &count);
    } else {
        plan.note(&state, Kind::Written, file, at as u64, text);
    }
    written
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, length: size_t) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    unsafe { write_any(fd, from, length, None) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, from: *const c_void, length: size_t, at: off_t) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    unsafe { write_any(fd, from, length, Some(at)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(
    fd: c_int,
    from: *const c_void,
    length: size_t,
    at: off_t,
) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    unsafe { write_any(fd, from, length, Some(at)) }
}

/// To a socket it is passed on whole; to a file of ours only its first part is written, which is what a
/// system may do with any call of this kind, so callers go on.
#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller's promise: there are so many parts.
    let first = unsafe {
        let parts = std::slice::from_raw_parts(parts, usize::try_from(count).unwrap_or(0));
        parts.iter().find(|part| part.iov_len > 0)
    };
    if let (Some(_), Some(part)) = (plan(), first) {
        let state = state();
        if let Open::File(_) = look(fd, &state) {
            drop(state);
            // SAFETY: the caller's promise, for this part.
            return unsafe { write_any(fd, part.iov_base, part.iov_len, None) };
        }
        drop(state);
        // SAFETY: the caller's promise, for this part.
        answering(fd, unsafe { bytes(part.iov_base, part.iov_len) });
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_writev, fd, parts, count) as ssize_t }
}

unsafe fn truncate_any(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    let real = || unsafe { syscall(libc::SYS_ftruncate, fd, length) as c_int };
    let Some(plan) = plan() else { return real() };
    let state = state();
    let done = real();
    if let (Open::File(file), 0) = (look(fd, &state), done) {
        plan.note(&state, Kind::Truncated, file, length as u64, &[]);
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { truncate_any(fd, length) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { truncate_any(fd, length) }
}

fn sync_any(fd: c_int, call: libc::c_long) -> c_int {
    // SAFETY: a descriptor is only a number.
    let real = || unsafe { syscall(call, fd) as c_int };
    let Some(plan) = plan() else { return real() };
    let mut before = state();
    let (kind, file, path) = match look(fd, &before) {
        Open::File(file) => (Kind::SyncBegun, file, Vec::new()),
        Open::Folder(file) => (Kind::FolderSyncBegun, file, path_of(fd)),
        Open::Other => {
            drop(before);
            return real();
        }
    };
    before.syncs += 1;
    let number = before.syncs;
    // Unique over the programs that share a record: their numbers start anew.
    let ticket = (u64::from(std::process::id()) << 32) | number;
    plan.note(&before, kind, file, ticket, &path);
    if number == plan.fail_sync {
        plan.note(&before, Kind::SyncFailed, file, ticket, &[]);
        // SAFETY: it is a place of this thread's own.
        unsafe { *libc::__errno_location() = libc::EIO };
        return -1;
    }
    drop(before);
    let done = real();
    if done == 0 {
        plan.note(&state(), Kind::SyncDone, file, ticket, &[]);
    }
    done
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync_any(fd, libc::SYS_fsync)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync_any(fd, libc::SYS_fdatasync)
}

/// Notes that a path changed, if it is ours and that was done.
unsafe fn path_call(
    kind: Kind,
    folder: c_int,
    path: *const c_char,
    real: impl Fn() -> c_int,
) -> c_int {
    let Some(plan) = plan() else { return real() };
    // SAFETY: the caller's promise.
    let name = whole(folder, unsafe { text(path) });
    if !plan.holds(&name) {
        return real();
    }
    let state = state();
    let done = real();
    if done == 0 {
        plan.note(&state, kind, 0, 0, &name);
    }
    done
}

unsafe fn unlink_any(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe {
        path_call(Kind::Removed, folder, path, || {
            syscall(libc::SYS_unlinkat, folder, path, flags) as c_int
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { unlink_any(AT_FDCWD, path, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(path: *const c_char) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { unlink_any(AT_FDCWD, path, AT_REMOVEDIR) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(folder: c_int, path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { unlink_any(folder, path, flags) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdirat(folder: c_int, path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe {
        path_call(Kind::FolderMade, folder, path, || {
            syscall(libc::SYS_mkdirat, folder, path, mode) as c_int
        })
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { mkdirat(AT_FDCWD, path, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(
    from_folder: c_int,
    from: *const c_char,
    to_folder: c_int,
    to: *const c_char,
) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    let real =
        || unsafe { syscall(libc::SYS_renameat2, from_folder, from, to_folder, to, 0) as c_int };
    let Some(plan) = plan() else { return real() };
    // SAFETY: the caller's promise.
    let (old, new) = unsafe { (whole(from_folder, text(from)), whole(to_folder, text(to))) };
    if !plan.holds(&old) && !plan.holds(&new) {
        return real();
    }
    let state = state();
    let done = real();
    if done == 0 {
        let text = [old.as_slice(), &[0], &new].concat();
        plan.note(&state, Kind::Renamed, 0, 0, &text);
    }
    done
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { renameat(AT_FDCWD, from, AT_FDCWD, to) }
}

// ---- what the store does not use: if it ever does, the rigs must learn of it

fn unknown(fd: c_int, name: &str) {
    let Some(plan) = plan() else { return };
    let state = state();
    if let Open::File(file) | Open::Folder(file) = look(fd, &state) {
        plan.note(&state, Kind::Unknown, file, 0, name.as_bytes());
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fallocate(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    unknown(fd, "fallocate");
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_fallocate, fd, mode, at, length) as c_int }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fallocate64(fd: c_int, mode: c_int, at: off_t, length: off_t) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    unsafe { fallocate(fd, mode, at, length) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev(fd: c_int, parts: *const iovec, count: c_int, at: off_t) -> ssize_t {
    unknown(fd, "pwritev");
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_pwritev, fd, parts, count, at, 0) as ssize_t }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwritev64(fd: c_int, parts: *const iovec, count: c_int, at: off_t) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    unsafe { pwritev(fd, parts, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn copy_file_range(
    from: c_int,
    from_at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    length: size_t,
    flags: u32,
) -> ssize_t {
    unknown(to, "copy_file_range");
    // SAFETY: the caller's arguments, as they are.
    unsafe {
        let call = libc::SYS_copy_file_range;
        syscall(call, from, from_at, to, to_at, length, flags) as ssize_t
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendfile64(to: c_int, from: c_int, at: *mut off_t, count: size_t) -> ssize_t {
    unknown(to, "sendfile");
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_sendfile, to, from, at, count) as ssize_t }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mmap(
    address: *mut c_void,
    length: size_t,
    rights: c_int,
    flags: c_int,
    fd: c_int,
    at: off_t,
) -> *mut c_void {
    let is_shared = flags & libc::MAP_SHARED != 0 && rights & libc::PROT_WRITE != 0;
    if fd >= 0 && is_shared {
        unknown(fd, "mmap");
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_mmap, address, length, rights, flags, fd, at) as *mut c_void }
}

// ---- what is answered

/// The port of this side and of the other, if it is a socket on one of ours.
fn ports(fd: c_int) -> Option<u64> {
    let plan = plan()?;
    type Name = unsafe extern "C" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;
    let port = |name: Name| {
        // SAFETY: all zeros is a value of this plain struct, and it is long enough for any address.
        unsafe {
            let mut address: libc::sockaddr_storage = std::mem::zeroed();
            let mut length = size_of_val(&address) as socklen_t;
            let failed = name(fd, (&raw mut address).cast(), &raw mut length) != 0;
            let at: *const libc::sockaddr_in = (&raw const address).cast();
            let is_net = [libc::AF_INET, libc::AF_INET6].contains(&c_int::from(address.ss_family));
            (!failed && is_net).then(|| u16::from_be((*at).sin_port))
        }
    };
    let own = port(libc::getsockname)?;
    if !plan.ports.contains(&own) {
        return None;
    }
    port(libc::getpeername).map(u64::from)
}

/// Notes that an answer goes out, before it does.
fn answering(fd: c_int, text: &[u8]) {
    if text.starts_with(b"HTTP/1.1 ")
        && let (Some(plan), Some(port)) = (plan(), ports(fd))
    {
        let beginning = text.get(..12).unwrap_or(text);
        plan.note(&state(), Kind::Answering, port, 0, beginning);
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, from: *const c_void, length: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's promise.
    answering(fd, unsafe { bytes(from, length) });
    // SAFETY: the caller's arguments, as they are.
    unsafe { syscall(libc::SYS_sendto, fd, from, length, flags, 0, 0) as ssize_t }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, to: *mut c_void, length: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, as they are.
    let count = unsafe { syscall(libc::SYS_recvfrom, fd, to, length, flags, 0, 0) as ssize_t };
    if count > 0
        && flags & libc::MSG_PEEK == 0
        && let (Some(plan), Some(port)) = (plan(), ports(fd))
    {
        // SAFETY: so many bytes were just put there.
        let text = unsafe { bytes(to, count as size_t) };
        plan.note(&state(), Kind::Received, port, 0, text);
    }
    count
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept4(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's arguments, as they are.
    let accepted = unsafe { syscall(libc::SYS_accept4, fd, address, length, flags) as c_int };
    if accepted >= 0
        && let (Some(plan), Some(port)) = (plan(), ports(accepted))
    {
        plan.note(&state(), Kind::Accepted, port, 0, &[]);
    }
    accepted
}
