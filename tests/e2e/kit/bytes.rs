//! What stands in the files of a folder, down to what is compressed in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every file below a folder, with what is compressed in it. Bytes that are no text are replaced, and those
/// beside them are as they were; a text is sought quickly even without optimization.
pub(crate) fn everything_below(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("our own folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).expect("our own file");
            bytes.extend(store::sled::unpacked(&bytes));
            all.push((path, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    all
}
