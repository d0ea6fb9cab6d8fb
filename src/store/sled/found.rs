//! The rows as a start finds them: which folder of them counts, and whether they are whole.
//!
//! There is one, named by the export that it lies over. While an export was made there were two, the older
//! with all rows and the newer with what changed above it. When that export is there, the newer counts;
//! otherwise the older does, and the journal has what changed since.

use std::{fs, io};

use super::{
    base::{Base, Check},
    export::ExportError,
    export_file::Extent,
    options::{OpenError, Options},
    rebuild::remove_dir,
    row::Standing,
    rows::{Rows, RowsError},
    stack::{Stack, folder},
    weigh::weigh,
};
use crate::Seq;

/// The rows as they were found.
pub(super) enum Found {
    /// Whole, as far as they go.
    Sound(Stack, Standing),
    /// There are none yet.
    Empty(Rows),
    /// Of no use, and why.
    Unsound(String),
}

/// Opens the rows and weighs them.
pub(super) fn find_rows(options: &Options) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Io {
        dir: options.dir.clone(),
        source,
    };
    move_early(options).map_err(failed)?;
    let folders = folders(options).map_err(failed)?;
    let mut why = None;
    for base in folders.iter().rev() {
        match look(options, *base)? {
            Found::Empty(rows) if *base == Seq(0) && folders.len() == 1 => {
                return Ok(Found::Empty(rows));
            }
            Found::Empty(_) => {
                why.get_or_insert_with(|| "they are missing".to_owned());
            }
            Found::Unsound(reason) => {
                why.get_or_insert(reason);
            }
            sound => return Ok(sound),
        }
    }
    if let Some(reason) = why {
        return Ok(Found::Unsound(reason));
    }
    fs::create_dir_all(options.rows_dir()).map_err(failed)?;
    look(options, Seq(0))
}

/// Opens the rows over one export.
fn look(options: &Options, base: Seq) -> Result<Found, OpenError> {
    let dir = folder(&options.rows_dir(), base);
    let opened = Rows::open(&dir, options.cache_bytes);
    let weighed = opened.and_then(|rows| Ok((weigh(&rows)?, rows)));
    let (standing, rows) = match weighed {
        Ok((Some(standing), rows)) => (standing, rows),
        Ok((None, rows)) => return Ok(Found::Empty(rows)),
        Err(RowsError::Damaged(reason)) => return Ok(Found::Unsound(reason)),
        Err(error) => return Err(OpenError::rows(&options.dir, error)),
    };
    if standing.base != base {
        return Ok(Found::Unsound("they lie over another export".to_owned()));
    }
    if base == Seq(0) {
        return Ok(Found::Sound(Stack::new(rows, Vec::new()), standing));
    }
    match open_bases(options, base, Check::Everything)? {
        Ok(bases) if bases[0].applied().store_id == standing.applied.store_id => {
            Ok(Found::Sound(Stack::new(rows, bases), standing))
        }
        Ok(_) => Ok(Found::Unsound(
            "they lie over an export of another store".to_owned(),
        )),
        Err(reason) => Ok(Found::Unsound(reason)),
    }
}

/// The exports that rows lie over, each over the next; at least one. The inner error says why they are of no
/// use.
pub(super) fn open_bases(
    options: &Options,
    mut last: Seq,
    check: Check,
) -> Result<Result<Vec<Base>, String>, OpenError> {
    let mut bases: Vec<Base> = Vec::new();
    loop {
        let base = match open_base(options, last, check)? {
            Ok(base) => base,
            Err(reason) => return Ok(Err(reason)),
        };
        let standing = base.standing();
        let is_other = (bases.first())
            .is_some_and(|first| first.applied().store_id != standing.applied.store_id);
        let is_endless = standing.base >= last && last > Seq(0);
        if standing.applied.last != last || is_endless || is_other {
            let reason = format!("the export as of position {} is another", last.0);
            return Ok(Err(reason));
        }
        bases.push(base);
        if standing.base == Seq(0) {
            return Ok(Ok(bases));
        }
        last = standing.base;
    }
}

/// One of them. Where there is one with all rows, that is it.
fn open_base(
    options: &Options,
    last: Seq,
    check: Check,
) -> Result<Result<Base, String>, OpenError> {
    for extent in [Extent::Whole, Extent::Changes] {
        let path = extent.path(options, last);
        let opened = Base::open(options.disk.as_ref(), &path, check, options.blocks());
        match opened {
            Ok(base) => return Ok(Ok(base)),
            Err(ExportError::Io { source, .. }) if source.kind() != io::ErrorKind::NotFound => {
                let dir = options.dir.clone();
                return Err(OpenError::Io { dir, source });
            }
            Err(ExportError::Io { .. }) => {}
            Err(error) => return Ok(Err(error.to_string())),
        }
    }
    let reason = format!("the export as of position {} is missing", last.0);
    Ok(Err(reason))
}

/// The folders of rows that there are, by the exports that they lie over.
fn folders(options: &Options) -> io::Result<Vec<Seq>> {
    let entries = match fs::read_dir(options.rows_dir()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.parse().ok()).map(Seq));
    }
    found.sort();
    Ok(found)
}

/// Removes the folders of rows that do not count.
pub(super) fn keep_only(options: &Options, base: Seq) {
    let removed = folders(options).and_then(|found| {
        let others = found.into_iter().filter(|other| *other != base);
        let mut dirs = others.map(|other| folder(&options.rows_dir(), other));
        dirs.try_for_each(|dir| remove_dir(&dir))
    });
    if let Err(error) = removed {
        tracing::warn!(%error, "Rows that are not needed any more could not be removed.");
    }
}

/// Earlier versions had the one folder of rows where there are folders of them now.
fn move_early(options: &Options) -> io::Result<()> {
    let (dir, early) = (options.rows_dir(), options.dir.join("rows-early"));
    let disk = options.disk.as_ref();
    if dir.join("db").is_file() {
        disk.rename(&dir, &early)?;
        disk.sync_dir(&options.dir)?;
    }
    // A stop in between leaves it there.
    if early.is_dir() {
        disk.create_dir(&dir)?;
        disk.rename(&early, &folder(&dir, Seq(0)))?;
        disk.sync_dir(&dir)?;
        disk.sync_dir(&options.dir)?;
    }
    Ok(())
}
