//! The one file that knows the `zstd` crate: blocks of rows, made smaller.

use std::io;

use ::zstd as engine;

/// Rows are much alike, so the lowest level gains nearly all there is to gain.
const LEVEL: i32 = 1;

/// Makes blocks smaller, one after the other.
pub(crate) struct Compressor(engine::bulk::Compressor<'static>);

impl Compressor {
    pub(crate) fn new() -> io::Result<Compressor> {
        engine::bulk::Compressor::new(LEVEL).map(Compressor)
    }

    pub(crate) fn compress(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        self.0.compress(block)
    }
}

/// A block as it was; an error if it would be longer than that.
pub(crate) fn decompress(block: &[u8], length_max: usize) -> io::Result<Vec<u8>> {
    engine::bulk::decompress(block, length_max)
}

/// All that is compressed anywhere in some bytes, as it was: for tests that look for words in files.
#[cfg(any(test, feature = "testing"))]
pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;

    const BEGIN: [u8; 4] = engine::zstd_safe::MAGICNUMBER.to_le_bytes();
    let mut found = Vec::new();
    let starts = bytes.windows(BEGIN.len()).enumerate();
    for (at, _) in starts.filter(|(_, some)| *some == BEGIN) {
        let mut block = Vec::new();
        let frame = engine::stream::read::Decoder::with_buffer(&bytes[at..]);
        let read = frame.and_then(|frame| frame.single_frame().read_to_end(&mut block));
        // What only looks like a beginning is none.
        if read.is_ok() {
            found.extend(block);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_and_no_longer_one() {
        let block = b"rows are much alike ".repeat(100);
        let small = Compressor::new().unwrap().compress(&block).unwrap();
        assert!(small.len() < block.len() / 10);
        assert_eq!(decompress(&small, block.len()).unwrap(), block);
        assert!(decompress(&small, block.len() - 1).is_err());
        assert!(decompress(b"no block at all", 1000).is_err());
        let file = [b"head", &small[..], b"between", &small[..small.len() / 2]].concat();
        assert_eq!(unpacked(&file), block);
    }
}
