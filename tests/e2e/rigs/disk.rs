//! A folder as a disk with a volatile cache holds it, made from the record of a run.
//!
//! The model, which is what ext4 promises and no more. The bytes and the length of a file are durable
//! once a sync of the file, begun after they were written, has succeeded. A name is durable once a sync
//! of its folder has; a name that moves from one folder to another, once both have. Of names that are
//! not, those up to some moment may have landed, because a journal of names is written in order. Of
//! bytes that are not, any pieces of 4 KiB may have landed, in any order. A sync that failed makes
//! nothing durable, and neither does a later one: the system takes those pages for clean.
//! `sync_file_range` makes nothing durable.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fs::{self, DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    rc::Rc,
};

use super::recording::{Kind, Record};

const PIECE: u64 = 4096;

/// What of all that was not synced has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// Nothing.
    Nothing,
    /// Everything: what a killed process leaves.
    Everything,
    /// Any part, by this seed.
    Some(u64),
}

/// The folder.
pub(super) struct Disk<'a> {
    /// What was recorded: this folder, which was there before, and all below it.
    recorded: PathBuf,
    /// By inode; one that is used again is another file.
    files: HashMap<u64, File<'a>>,
    names: Vec<Change<'a>>,
    /// What is being synced, by the number of the sync.
    syncs: HashMap<u64, Sync<'a>>,
}

type File<'a> = Rc<RefCell<Content<'a>>>;

/// A sync, and how many changes there were when it began.
enum Sync<'a> {
    File(File<'a>, usize),
    Folder(PathBuf, usize),
}

#[derive(Default)]
struct Content<'a> {
    /// What a program sees.
    cached: Image,
    durable: Image,
    pending: Vec<Pending<'a>>,
    /// How many changes came before those that are pending.
    settled: usize,
}

/// A change of a file that is not durable.
struct Pending<'a> {
    what: Edit<'a>,
    /// A sync of it has failed.
    is_lost: bool,
}

#[derive(Clone, Copy)]
enum Edit<'a> {
    Write(u64, &'a [u8]),
    Zero(u64, u64),
    Truncate(u64),
}

/// A change of names, and the folders whose sync it still needs.
struct Change<'a> {
    what: Naming<'a>,
    waits_for: Vec<PathBuf>,
}

enum Naming<'a> {
    Created(PathBuf, File<'a>),
    FolderMade(PathBuf),
    Renamed(PathBuf, PathBuf),
    Removed(PathBuf),
}

/// Files by path; nothing stands for a folder.
type Tree<'a> = BTreeMap<PathBuf, Option<File<'a>>>;

impl<'a> Disk<'a> {
    /// A folder of which nothing has been recorded yet.
    pub(super) fn new(recorded: &Path) -> Disk<'a> {
        Disk {
            recorded: recorded.to_owned(),
            files: HashMap::new(),
            names: Vec::new(),
            syncs: HashMap::new(),
        }
    }

    /// Goes on by one record.
    pub(super) fn take(&mut self, record: &Record<'a>) {
        let path = || path(record.text);
        match record.kind {
            Kind::Created => {
                let file = File::default();
                self.files.insert(record.file, Rc::clone(&file));
                self.rename(Naming::Created(path(), file), &[path()]);
            }
            Kind::Truncated => self.edit(record.file, Edit::Truncate(record.at)),
            Kind::Written => self.edit(record.file, Edit::Write(record.at, record.text)),
            Kind::Zeroed => {
                let length = record.text.try_into().map(u64::from_le_bytes);
                let length = length.expect("a length in eight bytes");
                self.edit(record.file, Edit::Zero(record.at, length));
            }
            Kind::SyncBegun => {
                let file = Rc::clone(self.file(record.file));
                let count = file.borrow().count();
                self.syncs.insert(record.at, Sync::File(file, count));
            }
            Kind::FolderSyncBegun => {
                let sync = Sync::Folder(path(), self.names.len());
                self.syncs.insert(record.at, sync);
            }
            Kind::SyncDone => self.synced(record.at, true),
            Kind::SyncFailed => self.synced(record.at, false),
            Kind::FolderMade => self.rename(Naming::FolderMade(path()), &[path()]),
            Kind::Renamed => {
                let mut both = record.text.splitn(2, |byte| *byte == 0);
                let mut next = || self::path(both.next().expect("two paths"));
                let (from, to) = (next(), next());
                self.rename(Naming::Renamed(from.clone(), to.clone()), &[from, to]);
            }
            Kind::Removed => self.rename(Naming::Removed(path()), &[path()]),
            Kind::Accepted | Kind::Received | Kind::Answering => {}
            Kind::Unknown => panic!(
                "this rig does not understand what was asked of a file: {}",
                String::from_utf8_lossy(record.text)
            ),
        }
    }

    fn file(&self, inode: u64) -> &File<'a> {
        let file = self.files.get(&inode);
        file.unwrap_or_else(|| panic!("inode {inode} was written, and never made"))
    }

    fn edit(&mut self, inode: u64, what: Edit<'a>) {
        let mut content = self.file(inode).borrow_mut();
        content.cached.apply(what);
        content.pending.push(Pending {
            what,
            is_lost: false,
        });
    }

    fn rename(&mut self, what: Naming<'a>, paths: &[PathBuf]) {
        let folders = paths.iter().filter_map(|path| path.parent());
        let folders = folders.filter(|folder| folder.starts_with(&self.recorded));
        let waits_for = folders.map(Path::to_owned).collect();
        self.names.push(Change { what, waits_for });
    }

    fn synced(&mut self, number: u64, has_succeeded: bool) {
        match self.syncs.remove(&number).expect("it began") {
            Sync::File(file, count) => file.borrow_mut().settle(count, has_succeeded),
            Sync::Folder(path, count) if has_succeeded => {
                for change in &mut self.names[..count] {
                    change.waits_for.retain(|folder| *folder != path);
                }
            }
            Sync::Folder(..) => {}
        }
    }

    /// The files below a folder as they are found after a cut.
    fn found(&self, landed: Landed, root: &Path) -> BTreeMap<PathBuf, Option<Image>> {
        let mut chance = fastrand::Rng::with_seed(match landed {
            Landed::Some(seed) => seed,
            Landed::Nothing | Landed::Everything => 0,
        });
        let (percent, names) = match landed {
            Landed::Nothing => (0, 0),
            Landed::Everything => (100, self.names.len()),
            Landed::Some(_) => (
                [0, 50, 50, 100][chance.usize(..4)],
                chance.usize(..=self.names.len()),
            ),
        };
        let mut tree = Tree::new();
        for (at, change) in self.names.iter().enumerate() {
            if change.waits_for.is_empty() || at < names {
                change.what.apply(&mut tree);
            }
        }
        let mut found = BTreeMap::new();
        for (path, file) in tree {
            // What is in a folder that has not landed is nowhere.
            let is_there = path.parent().is_some_and(|above| found.contains_key(above));
            if path == root || is_there {
                let image = file.map(|file| match landed {
                    Landed::Everything => file.borrow().cached.clone(),
                    Landed::Nothing | Landed::Some(_) => file.borrow().cut(percent, &mut chance),
                });
                found.insert(path, image);
            }
        }
        found
    }

    /// Makes what is found below `root` after a cut, below another folder that exists.
    pub(super) fn restore(&self, landed: Landed, root: &Path, into: &Path) {
        for (path, image) in self.found(landed, root) {
            let to = into.join(path.strip_prefix(root).expect("it is below"));
            match image {
                // The root itself may be there already.
                None if to.is_dir() => {}
                None => {
                    let made = DirBuilder::new().mode(0o700).create(&to);
                    made.unwrap_or_else(|error| panic!("{}: {error}", to.display()));
                }
                Some(image) => image.write_to(&to),
            }
        }
    }

    /// What of a real folder is not as a program should see it by the record. If anything is, something
    /// was done that the record does not tell.
    pub(super) fn differences(&self, root: &Path) -> Vec<String> {
        let mut differences = Vec::new();
        let mut real = Vec::new();
        list(root, &mut real);
        let known = self.found(Landed::Everything, root);
        for path in real.iter().filter(|path| !known.contains_key(*path)) {
            differences.push(format!("{} is not known", path.display()));
        }
        for (path, image) in known {
            let Some(image) = image else { continue };
            match fs::read(&path) {
                Ok(bytes) if image.is(&bytes) => {}
                Ok(_) => differences.push(format!("{} differs", path.display())),
                Err(error) => differences.push(format!("{}: {error}", path.display())),
            }
        }
        differences
    }
}

fn list(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            list(&path, found);
        }
        found.push(path);
    }
}

fn path(text: &[u8]) -> PathBuf {
    std::str::from_utf8(text).expect("plain paths").into()
}

impl<'a> Naming<'a> {
    /// Does it, as far as what it needs is there: what it needs may not have landed.
    fn apply(&self, tree: &mut Tree<'a>) {
        match self {
            Naming::Created(path, file) => {
                tree.insert(path.clone(), Some(Rc::clone(file)));
            }
            Naming::FolderMade(path) => {
                tree.insert(path.clone(), None);
            }
            Naming::Renamed(from, to) => {
                let moved = tree.keys().filter(|path| path.starts_with(from));
                for path in moved.cloned().collect::<Vec<_>>() {
                    let rest = path.strip_prefix(from).expect("it starts so");
                    let new = if rest == Path::new("") {
                        to.clone()
                    } else {
                        to.join(rest)
                    };
                    let file = tree.remove(&path).expect("it was just seen");
                    tree.insert(new, file);
                }
            }
            Naming::Removed(path) => {
                tree.remove(path);
            }
        }
    }
}

impl Content<'_> {
    fn count(&self) -> usize {
        self.settled + self.pending.len()
    }

    /// The changes up to a count were synced, or could not be.
    fn settle(&mut self, count: usize, has_succeeded: bool) {
        let fresh = count.saturating_sub(self.settled);
        if !has_succeeded {
            let lost = self.pending.iter_mut().take(fresh);
            lost.for_each(|change| change.is_lost = true);
            return;
        }
        for change in self.pending.drain(..fresh) {
            if !change.is_lost {
                self.durable.apply(change.what);
            }
        }
        self.settled += fresh;
    }

    /// What is there after a cut, when so many of a hundred pieces that were not synced have landed.
    fn cut(&self, percent: u32, chance: &mut fastrand::Rng) -> Image {
        let mut image = self.durable.clone();
        for change in self.pending.iter().filter(|change| !change.is_lost) {
            for piece in change.what.pieces() {
                if chance.u32(..100) < percent {
                    image.apply(piece);
                }
            }
        }
        image
    }
}

impl<'a> Edit<'a> {
    /// It, in parts that lie in one piece of the disk each.
    fn pieces(self) -> Vec<Edit<'a>> {
        let (at, length) = match self {
            Edit::Write(at, bytes) => (at, bytes.len() as u64),
            Edit::Zero(at, length) => (at, length),
            Edit::Truncate(_) => return vec![self],
        };
        spans(at, length)
            .map(|(from, to)| match self {
                Edit::Write(_, bytes) => {
                    Edit::Write(from, &bytes[(from - at) as usize..(to - at) as usize])
                }
                Edit::Zero(..) | Edit::Truncate(_) => Edit::Zero(from, to - from),
            })
            .collect()
    }
}

/// A range of bytes, cut where pieces of the disk end.
fn spans(at: u64, length: u64) -> impl Iterator<Item = (u64, u64)> {
    let end = at + length;
    let next = move |from: u64| ((from / PIECE + 1) * PIECE).min(end);
    let first = (length > 0).then(|| (at, next(at)));
    std::iter::successors(first, move |(_, from)| {
        (*from < end).then(|| (*from, next(*from)))
    })
}

/// Bytes, of which most are zeros.
#[derive(Clone, Default)]
struct Image {
    pieces: BTreeMap<u64, Box<[u8; PIECE as usize]>>,
    length: u64,
}

impl Image {
    fn apply(&mut self, edit: Edit<'_>) {
        match edit {
            Edit::Write(at, bytes) => {
                for (from, to) in spans(at, bytes.len() as u64) {
                    let piece = self.pieces.entry(from / PIECE);
                    let piece = piece.or_insert_with(|| Box::new([0; PIECE as usize]));
                    let inside = (from % PIECE) as usize;
                    let part = &bytes[(from - at) as usize..(to - at) as usize];
                    piece[inside..inside + part.len()].copy_from_slice(part);
                }
                self.length = self.length.max(at + bytes.len() as u64);
            }
            Edit::Zero(at, length) => {
                for (from, to) in spans(at, length) {
                    if let Some(piece) = self.pieces.get_mut(&(from / PIECE)) {
                        let inside = (from % PIECE) as usize;
                        piece[inside..inside + (to - from) as usize].fill(0);
                    }
                }
                self.length = self.length.max(at + length);
            }
            Edit::Truncate(length) => {
                if length < self.length {
                    let rest = self.length - length;
                    self.apply(Edit::Zero(length, rest));
                    self.pieces.split_off(&length.div_ceil(PIECE));
                }
                self.length = length;
            }
        }
    }

    fn write_to(&self, path: &Path) {
        let mut options = OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let file = options
            .open(path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (number, piece) in &self.pieces {
            let at = number * PIECE;
            file.write_all_at(piece.as_slice(), at)
                .expect("space for a store");
        }
        file.set_len(self.length).expect("space for a store");
    }

    fn is(&self, bytes: &[u8]) -> bool {
        let zeros = [0; PIECE as usize];
        bytes.len() as u64 == self.length
            && (0..)
                .zip(bytes.chunks(PIECE as usize))
                .all(|(number, real)| {
                    let piece = self.pieces.get(&number).map_or(&zeros, |piece| piece);
                    piece[..real.len()] == *real
                })
    }
}
