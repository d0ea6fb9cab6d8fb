//! A filter for the keys of a block (Bloom's): it says "no" only of keys that are not there, and of nearly all of
//! those. So a row that is in none of many exports costs no block of each to be read.

/// How much of memory and disk it takes for each key. Of keys that are not there it takes 2 % for some that are.
const BYTES_EACH: usize = 1;
/// So many bits are set for each key.
const PROBES: u64 = 5;

/// The filter for keys with these hashes.
pub(super) fn make(hashes: &[u64]) -> Vec<u8> {
    let mut filter = vec![0; hashes.len() * BYTES_EACH];
    for hash in hashes {
        for bit in bits(*hash, filter.len()) {
            filter[bit / 8] |= 1 << (bit % 8);
        }
    }
    filter
}

/// Whether a key may be there.
pub(super) fn may_have(filter: &[u8], key: &[u8]) -> bool {
    !filter.is_empty()
        && bits(hash(key), filter.len()).all(|bit| filter[bit / 8] & 1 << (bit % 8) != 0)
}

/// What a filter knows of a key. It is on disk with the filter, so it never changes.
pub(super) fn hash(key: &[u8]) -> u64 {
    // The checksum is quick and spreads keys well, but a key that differs a little gives bits that do, too:
    // the steps of SplitMix64 mix them.
    let mut hash = u64::from(crc32c::crc32c(key)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn bits(hash: u64, length: usize) -> impl Iterator<Item = usize> {
    let (first, step) = (hash & 0xffff_ffff, (hash >> 32) | 1);
    let bits = length as u64 * 8;
    (0..PROBES).map(move |probe| {
        let bit = (first + probe * step) % bits;
        usize::try_from(bit).expect("it is less than a length")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_every_key_and_few_others() {
        for count in [1_usize, 3, 20, 150, 2000] {
            let key = |number: usize| format!("orders\0ord_{number:032x}").into_bytes();
            let hashes: Vec<u64> = (0..count).map(|number| hash(&key(number))).collect();
            let filter = make(&hashes);
            assert_eq!(filter.len(), count);
            assert!((0..count).all(|number| may_have(&filter, &key(number))));
            let strangers =
                (count..count + 10_000).filter(|number| may_have(&filter, &key(*number)));
            let strangers = strangers.count();
            // With few keys it is a matter of luck how many bits are set.
            let most = if count < 100 { 2000 } else { 400 };
            assert!(strangers < most, "{strangers} of 10,000 beside {count}");
        }
        assert!(!may_have(&[], b"anything"));
    }
}
