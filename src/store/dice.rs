//! Numbers that a seed fixes, for tests.

/// Gives the same numbers for the same seed.
pub(crate) struct Dice(pub u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % sides
    }
}

/// How often a rig does what it does, and from which seed: as `ONESHELF_RIG_ROUNDS` and
/// `ONESHELF_RIG_SEED` say, or so often and from 0.
pub(crate) fn rounds(usual: u64) -> std::ops::Range<u64> {
    let asked = |name: &str| {
        let text = std::env::var_os(name)?.into_string().ok()?;
        let number = text.parse::<u64>();
        Some(number.unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
    };
    let seed = asked("ONESHELF_RIG_SEED").unwrap_or(0);
    seed..seed + asked("ONESHELF_RIG_ROUNDS").unwrap_or(usual)
}

/// Whether somebody asked for the long form of a test.
pub(crate) fn is_long() -> bool {
    std::env::var_os("ONESHELF_LONG").is_some()
}
