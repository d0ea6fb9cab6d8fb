//! How a record of a run looks: shared by the library that writes it and the rigs that read it.
//!
//! A record is a head and a text. Records of one program stand in the order in which things happened.

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file was made; the text is its path.
    Created = 1,
    /// A file got a length, which is `at`.
    Truncated,
    /// The text was written at `at`.
    Written,
    /// Zeros were written at `at`; the text is how many, in eight bytes.
    Zeroed,
    /// A sync of a file began; `at` is its number.
    SyncBegun,
    /// A sync of a folder began; `at` is its number, the text the path.
    FolderSyncBegun,
    /// The sync with the number `at` has succeeded.
    SyncDone,
    /// The sync with the number `at` was made to fail.
    SyncFailed,
    /// A folder was made; the text is its path.
    FolderMade,
    /// The text is the old path and the new one, with a zero between them.
    Renamed,
    /// A file or an empty folder is gone; the text is its path.
    Removed,
    /// A connection was accepted. `file` is the port on the other side, here and below.
    Accepted,
    /// The text came in.
    Received,
    /// An answer is about to go out; the text is how it begins.
    Answering,
    /// Something was asked of a file that no rig understands; the text names it.
    Unknown,
}

/// The head of a record: kind and length of the text in four bytes each, file and `at` in eight, all
/// little-endian. A file is named by its inode.
pub(crate) const HEAD_LENGTH: usize = 24;
