//! Backups of a running daemon: what the engine asks for, done with the store's own files.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use engine::backups::{BackupView, KeepBackups, NoBackup};
use store::sled::{
    Sled,
    backup::{self, Backup, BackupError, Listed, Manifest, Plan},
};

use crate::{keys, settings::Settings};

/// The folder beside the store that belongs to a backup: what channels gave us and never give again.
pub(crate) const SECRETS: &str = "secrets";

/// Copies an open store into the configured folder.
pub(crate) struct Keeper {
    store: Arc<Sled>,
    plan: Plan,
}

impl Keeper {
    pub(crate) fn new(store: Arc<Sled>, plan: Plan) -> Keeper {
        Keeper { store, plan }
    }

    /// A folder below the configured one. Nobody who may ask for a backup may write anywhere else.
    fn below(&self, to: &str) -> Result<PathBuf, NoBackup> {
        let dir = self.plan.dir.join(to);
        let is_plain = Path::new(to)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        // What has the name of a backup is one, and is counted and removed as one.
        let inner = dir.strip_prefix(&self.plan.dir).ok();
        let is_free = inner.is_some_and(|inner| {
            let mut names = inner.components();
            names.all(|name| !name.as_os_str().to_string_lossy().starts_with("oneshelf-"))
        });
        if is_plain && is_free {
            return Ok(dir);
        }
        Err(NoBackup::Elsewhere(format!(
            "a running daemon writes backups below `{}` only",
            self.plan.dir.display()
        )))
    }
}

#[async_trait]
impl KeepBackups for Keeper {
    fn place(&self) -> String {
        self.plan.dir.display().to_string()
    }

    async fn make(&self, to: Option<&str>) -> Result<BackupView, NoBackup> {
        let mut plan = self.plan.clone();
        if let Some(to) = to {
            plan.dir = self.below(to)?;
            // Somebody wanted this one; none of those is too old by itself.
            plan.keep = 0;
        }
        let made = self.store.backup(plan).await;
        made.map(|backup| view(&backup))
            .map_err(|error| failed(&error))
    }

    async fn list(&self) -> Result<Vec<BackupView>, NoBackup> {
        let found = backup::list(&self.plan.dir).map_err(|error| failed(&error))?;
        Ok(found.iter().map(view_listed).collect())
    }

    fn check(&self, to: &str) -> Result<(), NoBackup> {
        self.below(to).map(drop)
    }
}

/// What belongs to a backup of this configuration.
pub(crate) fn plan(settings: &Settings, dir: PathBuf) -> Plan {
    Plan {
        dir,
        // After the store: what it has as of the mark has keys by then.
        beside: [SECRETS, keys::FOLDER]
            .map(|folder| (folder.to_owned(), settings.store.dir.join(folder)))
            .into(),
        program: format!("oneshelf {}", env!("CARGO_PKG_VERSION")),
        keep: usize::try_from(settings.backup.keep).unwrap_or(usize::MAX),
    }
}

/// A backup as people and programs are shown it.
pub(crate) fn view(backup: &Backup) -> BackupView {
    view_of(&backup.path, &backup.manifest)
}

pub(crate) fn view_listed(listed: &Listed) -> BackupView {
    match &listed.manifest {
        Ok(manifest) => view_of(&listed.path, manifest),
        Err(problem) => BackupView {
            name: name_of(&listed.path),
            path: listed.path.display().to_string(),
            made_at: None,
            position: 0,
            orders: 0,
            rows: 0,
            bytes: 0,
            problem: Some(problem.clone()),
        },
    }
}

fn view_of(path: &Path, manifest: &Manifest) -> BackupView {
    BackupView {
        name: name_of(path),
        path: path.display().to_string(),
        made_at: Some(manifest.made_at),
        position: manifest.position.0,
        orders: manifest.count("orders"),
        rows: manifest.rows,
        bytes: manifest.bytes(),
        problem: None,
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn failed(error: &BackupError) -> NoBackup {
    NoBackup::Failed(chain(error))
}

/// An error with everything behind it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_written_outside_of_the_configured_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut options = store::sled::Options::new(dir.path().join("state/store"));
        options.free_bytes_min = 0;
        let (store, _) = store::sled::open(options).expect("a store");
        let settings = Settings {
            store: crate::settings::Store {
                dir: dir.path().join("state"),
                free_min: None,
            },
            ..Settings::default()
        };
        let keeper = Keeper::new(store, plan(&settings, dir.path().join("backups")));
        let inside = dir.path().join("backups/deep/er");
        let inside = inside.to_string_lossy().into_owned();
        for (to, is_taken) in [
            ("before-upgrade", true),
            ("a/b", true),
            (inside.as_str(), true),
            ("..", false),
            ("a/../..", false),
            ("/tmp", false),
            ("oneshelf-20261121T030000.000Z", false),
        ] {
            let checked = keeper.check(to);
            assert_eq!(checked.is_ok(), is_taken, "{to}");
            assert_eq!(keeper.make(Some(to)).await.is_ok(), is_taken, "{to}");
        }
        let made = keeper.make(None).await.expect("a backup");
        let listed = keeper.list().await.expect("a list");
        assert_eq!(listed, [made]);
    }
}
