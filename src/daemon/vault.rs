//! Tokens that channels rotate, in files that only the daemon can read.
//!
//! They are kept apart from the store, so that no export or journal of the order book holds a credential;
//! a backup has them as files of their own, because a channel never gives them again. A token is durable before it is used: written aside, synced, renamed, directory synced.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use channel::{Secret, Vault, VaultError};
use domain::AccountId;

/// The vault of one account.
pub(crate) struct FileVault {
    dir: PathBuf,
}

impl FileVault {
    /// The vault of an account below a directory. Nothing is created before something is stored.
    pub(crate) fn new(dir: &Path, account: &AccountId) -> FileVault {
        // Account ids are checked by the settings: lower case letters, digits and hyphens.
        FileVault {
            dir: dir.join(account.as_str()),
        }
    }

    fn path(&self, name: &str) -> Result<PathBuf, VaultError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(VaultError {
                reason: format!("`{name}` is not a name for a secret"),
            });
        }
        Ok(self.dir.join(name))
    }

    fn write(&self, path: &Path, secret: &Secret) -> std::io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        let aside = path.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(secret.expose().as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(&self.dir)?.sync_all()
    }
}

#[async_trait]
impl Vault for FileVault {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        match fs::read_to_string(self.path(name)?) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError {
                reason: error.to_string(),
            }),
        }
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        let path = self.path(name)?;
        self.write(&path, &secret).map_err(|error| VaultError {
            reason: error.to_string(),
        })
    }
}
