//! The master key and the folder of keys of a state folder.
//!
//! A backup has the folder of keys and not the master key. Whoever loses that one can still read
//! every order, but not what it says of people; so a start without it is refused, and says how to go on.

use std::{fmt::Write as _, fs, io, path::Path, sync::Arc};

use channel::Secret;
use domain::person::Contact;
use engine::sealing::Sealer;
use store::{
    journal::files::Files,
    keys::{Keys, files::KeyFiles},
};

use crate::durably;

/// The folder beside the store that has the keys of orders and raw signals.
pub(crate) const FOLDER: &str = "keys";
/// The master key, where the configuration names none.
const MASTER: &str = "master.key";
/// What tells in the folder of keys whether a master key is the one that they belong to.
const CHECK: &str = "master.check";
/// How many random bytes a master key of ours has.
const MASTER_LENGTH: usize = 32;

/// Opens the keys of a state folder, or says in a sentence why not. `configured` is the master key of the
/// configuration.
pub fn open(state: &Path, configured: Option<&Secret>) -> Result<Arc<Sealer>, String> {
    let folder = state.join(FOLDER);
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        format!("cannot {what} `{}`: {error} (exit 74)", folder.display())
    };
    fs::create_dir_all(&folder).map_err(|error| failed("make", &error))?;
    // Its name must outlive a power cut before anything is sealed.
    let synced = fs::File::open(state).and_then(|dir| dir.sync_all());
    synced.map_err(|error| failed("keep", &error))?;
    let is_new = !folder.join(CHECK).exists();
    let master = match configured {
        Some(key) => key.expose().trim().to_owned(),
        None => own_master(&state.join(MASTER), is_new)?,
    };
    let disk = Arc::new(Files::new());
    let keys = |pool: &str| -> Result<Arc<dyn Keys>, String> {
        let opened = KeyFiles::open(disk.clone(), &folder.join(pool), fill);
        Ok(Arc::new(
            opened.map_err(|error| failed("open the keys in", &error))?,
        ))
    };
    let sealer = Sealer::new(master.as_bytes(), keys("orders")?, keys("signals")?);
    check(&folder, &sealer, is_new)?;
    Ok(Arc::new(sealer))
}

/// The master key that lies in the state folder; the first start makes it.
fn own_master(path: &Path, is_new: bool) -> Result<String, String> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        format!("cannot {what} `{}`: {error} (exit 74)", path.display())
    };
    match fs::read_to_string(path) {
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && is_new => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "`{}` is not there. Put it back from where you keep it, or set `privacy.key`. Without it nobody \
                 reads what orders say of people: to go on so, remove `{FOLDER}/{CHECK}` beside it, and the \
                 channels will tell of open orders again (exit 74)",
                path.display()
            ));
        }
        Err(error) => return Err(failed("read", &error)),
    }
    let mut secret = [0; MASTER_LENGTH];
    fill(&mut secret).map_err(|error| failed("make", &error))?;
    let mut text = String::with_capacity(2 * MASTER_LENGTH);
    for byte in secret {
        write!(text, "{byte:02x}").map_err(|error| failed("make", &error))?;
    }
    durably::write(path, text.as_bytes()).map_err(|error| failed("write", &error))?;
    Ok(text)
}

/// Refuses another master key than the one that the keys were made with.
fn check(folder: &Path, sealer: &Sealer, is_new: bool) -> Result<(), String> {
    let path = folder.join(CHECK);
    let failed = |error: io::Error| format!("cannot read `{}`: {error} (exit 74)", path.display());
    let print = sealer.print(&Contact::Email("master.check".to_owned()));
    if is_new {
        return durably::write(&path, print.as_bytes()).map_err(failed);
    }
    let said = fs::read_to_string(&path).map_err(failed)?;
    if said.trim() == print {
        return Ok(());
    }
    Err(format!(
        "the master key (`privacy.key`, or `{MASTER}` in `store.dir`) is not the one that this store was sealed \
         with: put the right one there. To go on without what orders said of people, remove `{}` (exit 74)",
        path.display()
    ))
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use engine::sealing::Pool;

    use super::*;

    fn seal(sealer: &Sealer) -> Vec<u8> {
        let sealed = sealer.seal(Pool::Orders, b"place", b"text".to_vec(), [1; 16]);
        sealed.expect("a key")
    }

    #[test]
    fn the_first_start_makes_a_key_that_later_ones_read() {
        let state = tempfile::tempdir().expect("a folder");
        let sealed = seal(&open(state.path(), None).expect("opens"));
        let again = open(state.path(), None).expect("opens");
        let text = again.open(Pool::Orders, b"place", &sealed);
        assert_eq!(text.expect("the same keys"), b"text");
    }

    #[test]
    fn without_the_master_key_a_start_is_refused_and_says_how_to_go_on() {
        let state = tempfile::tempdir().expect("a folder");
        let sealed = seal(&open(state.path(), None).expect("opens"));
        let master = fs::read_to_string(state.path().join(MASTER)).expect("it was made");
        fs::remove_file(state.path().join(MASTER)).expect("removed");
        let refusal = open(state.path(), None).err().expect("refused");
        assert!(refusal.contains("Put it back"), "{refusal}");
        assert!(!state.path().join(MASTER).exists(), "nothing is made");
        let other = Secret::new("another key that is long enough to be one");
        let refusal = open(state.path(), Some(&other)).err().expect("refused");
        assert!(refusal.contains("not the one"), "{refusal}");
        let right = open(state.path(), Some(&Secret::new(master))).expect("opens");
        assert!(right.open(Pool::Orders, b"place", &sealed).is_ok());

        fs::remove_file(state.path().join(FOLDER).join(CHECK)).expect("removed");
        let fresh = open(state.path(), None).expect("goes on");
        assert!(fresh.open(Pool::Orders, b"place", &sealed).is_err());
    }
}
