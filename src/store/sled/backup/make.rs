//! Making a backup.
//!
//! First an export, so that whoever restores need not replay the whole journal. Then the committer says
//! where the journal ends ([`Mark`]), and everything up to there is copied: what is appended meanwhile is
//! not, because a group of which only the end was copied looks like damage. The turn of exports is held
//! all the while, so no segment is let go of. The copy is folded and read back before it gets its name.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use domain::Time;
use tokio::sync::oneshot;

use super::{
    super::{
        Sled,
        committer::{Job, Mark},
        export::{Export, Exported, start},
        export_file::Extent,
    },
    Backup, BackupError, Plan, STORE, UNFINISHED,
    check::{check_files, fold},
    files::{PREFIX, Turn, below, copy, is_backup, remove_dir, sync_dirs, write},
    manifest::{Entry, MANIFEST, Manifest, SUMS},
};
use crate::journal::{disk::Disk, segment::segment_path, witness::Testimony};

impl Sled {
    /// Makes a backup and reads it back, while the store goes on working. It goes on when the caller
    /// stops waiting.
    pub async fn backup(&self, plan: Plan) -> Result<Backup, BackupError> {
        let turn = Arc::clone(&self.exporting).lock_owned().await;
        let (answer, answered) = oneshot::channel();
        let making = Making {
            export: self.exporter()?,
            plan,
        };
        let dir = making.plan.dir.clone();
        let started = start(move || {
            let made = making.run();
            drop(turn);
            if answer.send(made).is_err() {
                tracing::debug!("Nobody waits for the backup any more.");
            }
        });
        started.map_err(|error| BackupError::io("begin a backup in", &dir, error))?;
        answered.await.map_err(|_| super::super::gone())?
    }
}

/// One backup on its way.
struct Making {
    export: Export,
    plan: Plan,
}

type Copied = BTreeMap<String, Entry>;

impl Making {
    fn run(&self) -> Result<Backup, BackupError> {
        let (disk, dir) = (self.disk(), &self.plan.dir);
        let made = disk.create_dir(dir);
        made.map_err(|error| BackupError::io("make", dir, error))?;
        let _turn = Turn::take(dir)?;
        remove_unfinished(disk.as_ref(), dir)?;
        let exported = self.export.run(Extent::Whole)?;
        let mark: Mark = self.export.ask(|answer| Job::Mark { answer })?;
        self.check_space(&exported, &mark)?;
        let made_at = Time::from_millis(i64::try_from(disk.unix_ms()).unwrap_or(i64::MAX));
        let name = name_of(made_at);
        let unfinished = dir.join(format!("{name}{UNFINISHED}"));
        let files = self.copy_all(&unfinished, &exported, &mark)?;
        let manifest = self.describe(&unfinished, made_at, &exported, &mark, files)?;
        write(disk.as_ref(), &unfinished.join(MANIFEST), &manifest.text())?;
        write(disk.as_ref(), &unfinished.join(SUMS), &manifest.sums())?;
        sync_dirs(disk.as_ref(), &unfinished, manifest.files.keys())?;
        check_files(disk.as_ref(), &unfinished, &manifest)?;
        let path = dir.join(&name);
        let renamed = disk.rename(&unfinished, &path);
        renamed.map_err(|error| BackupError::io("rename", &unfinished, error))?;
        let synced = disk.sync_dir(dir);
        synced.map_err(|error| BackupError::io("sync", dir, error))?;
        // There is one backup more now, whatever becomes of those that are too old.
        if let Err(error) = self.drop_old(&name, &manifest.store) {
            tracing::warn!(%error, "An old backup could not be removed.");
        }
        Ok(Backup { path, manifest })
    }

    fn disk(&self) -> &Arc<dyn Disk> {
        &self.export.options.disk
    }

    /// A backup on the disk of the store must not take the space that writing needs.
    fn check_space(&self, exported: &Exported, mark: &Mark) -> Result<(), BackupError> {
        let (disk, dir, options) = (self.disk(), &self.plan.dir, &self.export.options);
        let failed = |error| BackupError::io("ask for the space of", dir, error);
        let space = disk.space(dir).map_err(failed)?;
        let export = disk.open(&exported.path, crate::journal::disk::Mode::Read);
        let export = export.and_then(|file| file.length());
        let export = export.map_err(|error| BackupError::io("read", &exported.path, error))?;
        let needed = export + mark.segments.iter().map(|(_, end)| end).sum::<u64>();
        let ratio_min = (space.total as f64 * options.free_ratio_min) as u64;
        if space.free < needed + options.free_bytes_min.min(ratio_min) {
            return Err(BackupError::NoSpace {
                dir: dir.clone(),
                needed,
                free: space.free,
            });
        }
        Ok(())
    }

    fn copy_all(&self, to: &Path, exported: &Exported, mark: &Mark) -> Result<Copied, BackupError> {
        let mut files = Copied::new();
        let name_of = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        self.make_dirs(to)?;
        let name = format!("{STORE}/exports/{}", name_of(&exported.path));
        self.take(&mut files, to, name, &exported.path, None)?;
        let journal = self.export.options.dir.join("journal");
        for (segment, end) in &mark.segments {
            let from = segment_path(&journal, segment.head.first);
            let name = format!("{STORE}/journal/{}", name_of(&from));
            self.take(&mut files, to, name, &from, Some(*end))?;
        }
        for (folder, from) in &self.plan.beside {
            for inner in below(from)? {
                // One that is being replaced is a whole one all the same, before or after.
                if inner.ends_with(".new") {
                    continue;
                }
                let name = format!("{folder}/{inner}");
                self.take(&mut files, to, name, &from.join(&inner), None)?;
            }
        }
        Ok(files)
    }

    fn make_dirs(&self, to: &Path) -> Result<(), BackupError> {
        for dir in ["exports", "journal"] {
            let dir = to.join(STORE).join(dir);
            let made = self.disk().create_dir(&dir);
            made.map_err(|error| BackupError::io("make", &dir, error))?;
        }
        Ok(())
    }

    fn take(
        &self,
        files: &mut Copied,
        to: &Path,
        name: String,
        from: &Path,
        length: Option<u64>,
    ) -> Result<(), BackupError> {
        let target = to.join(&name);
        if let Some(above) = target.parent() {
            let made = self.disk().create_dir(above);
            made.map_err(|error| BackupError::io("make", above, error))?;
        }
        let entry = copy(self.disk().as_ref(), from, &target, length)?;
        files.insert(name, entry);
        Ok(())
    }

    /// Folds what was copied, and describes it. What is damaged here was damaged in the store.
    fn describe(
        &self,
        copied: &Path,
        made_at: Time,
        exported: &Exported,
        mark: &Mark,
        files: Copied,
    ) -> Result<Manifest, BackupError> {
        let first = mark.segments.first().map(|(segment, _)| segment.head);
        let first = first.ok_or_else(super::super::gone)?;
        let said = Testimony {
            store_id: first.store_id,
            last: mark.last,
            oldest: first.first,
        };
        let folded = fold(self.disk(), copied, said, exported.last)?;
        Ok(Manifest {
            format: Manifest::format(),
            program: self.plan.program.clone(),
            store: format!("{:016x}", first.store_id),
            made_at,
            position: mark.last,
            exported: exported.last,
            oldest: first.first,
            rows: folded.applied.count,
            weight: format!("{:016x}", folded.applied.sum),
            tables: folded.tables,
            files,
        })
    }

    /// Removes the oldest backups of this store. One gets another name first, so that a stop in between
    /// leaves no half of it under the name of a whole one.
    fn drop_old(&self, newest: &str, store: &str) -> Result<(), BackupError> {
        let (disk, dir) = (self.disk().as_ref(), &self.plan.dir);
        if self.plan.keep == 0 {
            return Ok(());
        }
        let names = disk.list(dir);
        let mut names = names.map_err(|error| BackupError::io("list", dir, error))?;
        names.retain(|name| {
            let manifest = || Manifest::read(disk, &dir.join(name));
            is_backup(name) && name != newest && manifest().is_ok_and(|it| it.store == store)
        });
        let others = self.plan.keep - 1;
        for name in names.iter().rev().skip(others) {
            let (path, aside) = (dir.join(name), dir.join(format!("{name}{UNFINISHED}")));
            let renamed = disk.rename(&path, &aside);
            renamed.map_err(|error| BackupError::io("remove", &path, error))?;
            remove_dir(&aside)?;
        }
        Ok(())
    }
}

/// What is called by its time sorts by it.
fn name_of(made_at: Time) -> String {
    let text = made_at.to_string();
    let seconds: String = text
        .chars()
        .filter(|c| !"-:".contains(*c))
        .take(15)
        .collect();
    format!(
        "{PREFIX}{seconds}.{:03}Z",
        made_at.millis().rem_euclid(1000)
    )
}

fn remove_unfinished(disk: &dyn Disk, dir: &Path) -> Result<(), BackupError> {
    let names = disk.list(dir);
    let names = names.map_err(|error| BackupError::io("list", dir, error))?;
    for name in names {
        if name.starts_with(PREFIX) && name.ends_with(UNFINISHED) {
            remove_dir(&dir.join(name))?;
        }
    }
    Ok(())
}
