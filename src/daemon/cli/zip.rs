//! A ZIP archive of some texts, stored as they are: every system opens one, and it needs no other program's code.
//!
//! Only what is needed for small packs: no compression, no archives beyond 4 GiB. The layout is that of PKWARE's
//! APPNOTE 6.3, sections 4.3 and 4.4.

/// One file of an archive.
pub(super) struct Entry<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// All of it.
    pub(super) content: &'a [u8],
}

/// When its files were made, by the calendar.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    /// From 1980 on.
    pub(super) year: u16,
    /// From 1.
    pub(super) month: u16,
    /// From 1.
    pub(super) day: u16,
    /// Of the day.
    pub(super) hour: u16,
    /// Of the hour.
    pub(super) minute: u16,
    /// Of the minute.
    pub(super) second: u16,
}

/// The version of the format that is needed to read it: 2.0.
const VERSION: u16 = 20;
/// Names are in UTF-8.
const UTF8_NAMES: u16 = 1 << 11;
/// Not compressed.
const STORED: u16 = 0;
/// Made on Unix, so that the permissions count.
const MADE_ON_UNIX: u16 = (3 << 8) | VERSION;
/// A regular file that its owner alone may read and write.
const OWNER_ONLY: u32 = 0o100_600 << 16;

/// The archive, or nothing if it is too large for one.
pub(super) fn archive(entries: &[Entry<'_>], stamp: Stamp) -> Option<Vec<u8>> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = u32::try_from(bytes.len()).ok()?;
        let head = head(entry, stamp)?;
        bytes.extend(0x0403_4b50_u32.to_le_bytes());
        bytes.extend(&head);
        bytes.extend(entry.name.as_bytes());
        bytes.extend(entry.content);

        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(MADE_ON_UNIX.to_le_bytes());
        directory.extend(&head);
        // Comment, disk and internal attributes: none.
        directory.extend([0; 6]);
        directory.extend(OWNER_ONLY.to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let count = u16::try_from(entries.len()).ok()?;
    let (at, length) = (
        u32::try_from(bytes.len()).ok()?,
        u32::try_from(directory.len()).ok()?,
    );
    bytes.extend(&directory);
    bytes.extend(0x0605_4b50_u32.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0; 2]);
    u32::try_from(bytes.len()).ok()?;
    Some(bytes)
}

/// What the local header and the directory say alike: from the version to the length of the extra field.
fn head(entry: &Entry<'_>, stamp: Stamp) -> Option<Vec<u8>> {
    let length = u32::try_from(entry.content.len()).ok()?;
    let time = (stamp.hour << 11) | (stamp.minute << 5) | (stamp.second / 2);
    let date = (stamp.year.checked_sub(1980)? << 9) | (stamp.month << 5) | stamp.day;
    let mut head = Vec::new();
    for word in [VERSION, UTF8_NAMES, STORED, time, date] {
        head.extend(word.to_le_bytes());
    }
    for number in [crc32(entry.content), length, length] {
        head.extend(number.to_le_bytes());
    }
    head.extend(u16::try_from(entry.name.len()).ok()?.to_le_bytes());
    head.extend([0; 2]);
    Some(head)
}

/// The checksum of ISO 3309, as ZIP wants it. Packs are small, so it takes bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = if sum & 1 == 1 { 0xedb8_8320 } else { 0 };
            sum = (sum >> 1) ^ carry;
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        year: 2026,
        month: 11,
        day: 30,
        hour: 14,
        minute: 5,
        second: 9,
    };

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    /// What the directory at the end says, read as a program would.
    fn listed(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let number = |at: usize, length: usize| {
            let bytes = &archive[at..at + length];
            bytes
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
        };
        let end = archive.len() - 22;
        assert_eq!(number(end, 4), 0x0605_4b50);
        let (count, mut at) = (number(end + 10, 2), number(end + 16, 4));
        let mut files = Vec::new();
        for _ in 0..count {
            assert_eq!(number(at, 4), 0x0201_4b50);
            let (length, name_length, local) =
                (number(at + 24, 4), number(at + 28, 2), number(at + 42, 4));
            let name =
                String::from_utf8(archive[at + 46..at + 46 + name_length].to_vec()).expect("UTF-8");
            assert_eq!(number(local, 4), 0x0403_4b50);
            assert_eq!(
                archive[local + 4..local + 30],
                archive[at + 6..at + 32],
                "both heads say the same"
            );
            let start = local + 30 + number(local + 26, 2) + number(local + 28, 2);
            let content = archive[start..start + length].to_vec();
            let sum = u32::try_from(number(at + 16, 4)).expect("four bytes");
            assert_eq!(crc32(&content), sum);
            files.push((name, content));
            at += 46 + name_length;
        }
        assert_eq!(at, end);
        files
    }

    #[test]
    fn what_went_in_is_found_by_its_directory() {
        let entry = |name, content| Entry { name, content };
        let texts = [
            entry("index.txt", &b"all"[..]),
            entry("ü.html", b""),
            entry("b", &[0; 3000]),
        ];
        let archive = archive(&texts, STAMP).expect("it is small");
        let found = listed(&archive);
        assert_eq!(found.len(), 3);
        for (entry, (name, content)) in texts.iter().zip(&found) {
            assert_eq!(
                (entry.name, entry.content),
                (name.as_str(), content.as_slice())
            );
        }
        // 14:05:08 (in steps of two seconds) on 30 November 2026.
        assert_eq!(archive[10..14], [0xa4, 0x70, 0x7e, 0x5d]);
    }
}
