//! Tokens that channels rotate, in files that only the daemon can read.
//!
//! They are kept apart from the store, so that no export or journal of the order book holds a credential;
//! a backup has them as files of their own, because a channel never gives them again. They are sealed under the
//! master key, which no backup has. A token is durable before it is used: written aside, synced, renamed,
//! directory synced.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use channel::{Secret, Vault, VaultError};
use domain::AccountId;
use engine::ports::Ports;

use crate::durably;

/// The vault of one account.
pub(crate) struct FileVault {
    dir: PathBuf,
    account: AccountId,
    ports: Ports,
}

impl FileVault {
    /// The vault of an account below a directory. Nothing is created before something is stored.
    pub(crate) fn new(dir: &Path, account: &AccountId, ports: &Ports) -> FileVault {
        // Account ids are checked by the settings: lower case letters, digits and hyphens.
        FileVault {
            dir: dir.join(account.as_str()),
            account: account.clone(),
            ports: ports.clone(),
        }
    }

    /// What a secret is sealed for: it opens nowhere else.
    fn place(&self, name: &str) -> Vec<u8> {
        format!("secret {} {name}", self.account).into_bytes()
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

    fn write(&self, path: &Path, sealed: &[u8]) -> std::io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        durably::write(path, sealed)
    }
}

#[async_trait]
impl Vault for FileVault {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        let failed = |reason: String| VaultError { reason };
        let sealed = match fs::read(self.path(name)?) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let opened = self.ports.sealer.open_lasting(&self.place(name), &sealed);
        let text = opened.map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|error| failed(error.to_string()))?;
        Ok(Some(Secret::new(text)))
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        let path = self.path(name)?;
        let (text, seed) = (secret.expose().as_bytes(), self.ports.entropy.seed());
        let sealer = &self.ports.sealer;
        let sealed = sealer.seal_lasting(&self.place(name), text.to_vec(), seed);
        self.write(&path, &sealed).map_err(|error| VaultError {
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::ports::system;

    use super::*;

    #[tokio::test]
    async fn a_secret_is_found_again_and_in_no_byte_of_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let ports = system::ports();
        let vault = |account: &str| FileVault::new(dir.path(), &AccountId::new(account), &ports);
        let stored = vault("shop")
            .store("token", Secret::new("canary-7281"))
            .await;
        stored.expect("stored");
        let found = vault("shop").load("token").await.expect("read");
        assert_eq!(found, Some(Secret::new("canary-7281")));
        assert_eq!(vault("shop").load("other").await.expect("read"), None);
        let path = dir.path().join("shop").join("token");
        let bytes = fs::read(&path).expect("read");
        assert!(!bytes.windows(6).any(|some| some == b"canary"));
        fs::create_dir(dir.path().join("other")).expect("a folder");
        fs::copy(&path, dir.path().join("other").join("token")).expect("copied");
        assert!(
            vault("other").load("token").await.is_err(),
            "it is not of that account"
        );
    }
}
