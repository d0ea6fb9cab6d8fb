//! The font: which glyph a character has, how wide it is, and the part of the font that a file carries.
//!
//! Each character of a file gets a code of its own, also when it shares its glyph with others. So text that
//! is copied is exactly the text that was given: a blank that does not break stays one, and a character that
//! the font lacks is drawn as the replacement and copied as itself.
//!
//! Latin, Greek and Cyrillic are set one character after the other, without kerning and ligatures. Scripts
//! that need more are not in the font.

use std::collections::BTreeMap;

use subsetter::GlyphRemapper;
use ttf_parser::{Face, GlyphId};

use crate::text::REPLACEMENT;

/// The code of characters for which no code is left: a file has 65,535 of them.
const NO_CODE: u16 = 0;

/// Both weights, with what a file used of them so far.
pub(super) struct Fonts {
    pub(super) regular: Font,
    pub(super) bold: Font,
}

/// One weight.
pub(super) struct Font {
    face: Face<'static>,
    data: &'static [u8],
    name: &'static str,
    /// What is drawn for what the font lacks.
    replacement: GlyphId,
    codes: BTreeMap<char, u16>,
    /// By code: what it means, and its glyph.
    used: Vec<(char, GlyphId)>,
}

/// What a file needs of a font.
pub(super) struct Embedded {
    /// The name, with a mark of which part it is.
    pub(super) name: String,
    /// The font program, with the glyphs that are used.
    pub(super) program: Vec<u8>,
    /// By code: what it means.
    pub(super) characters: Vec<char>,
    /// By code: the width in thousandths of the size.
    pub(super) widths: Vec<f32>,
    /// By code: the number of the glyph in the program, as two bytes.
    pub(super) glyphs: Vec<u8>,
    /// Left, bottom, right, top of the largest glyph, in thousandths, as the measures below.
    pub(super) bounds: [f32; 4],
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) cap_height: f32,
    /// How thick a stem is; no font says it, and no reader of embedded fonts needs it.
    pub(super) stem: f32,
}

impl Fonts {
    pub(super) fn new() -> Fonts {
        Fonts {
            regular: Font::new(notosans::REGULAR_TTF, "NotoSans-Regular"),
            bold: Font::new(notosans::BOLD_TTF, "NotoSans-Bold"),
        }
    }

    pub(super) fn of(&self, is_bold: bool) -> &Font {
        match is_bold {
            true => &self.bold,
            false => &self.regular,
        }
    }

    /// The codes of a text.
    pub(super) fn encode(&mut self, text: &str, is_bold: bool) -> Vec<u8> {
        match is_bold {
            true => self.bold.encode(text),
            false => self.regular.encode(text),
        }
    }
}

impl Font {
    fn new(data: &'static [u8], name: &'static str) -> Font {
        let face = Face::parse(data, 0).expect("the font that is built in can be read");
        // Without the sign there is the box that each font has for what it lacks.
        let replacement = face.glyph_index(REPLACEMENT).unwrap_or(GlyphId(0));
        Font {
            face,
            data,
            name,
            replacement,
            codes: BTreeMap::new(),
            used: vec![(REPLACEMENT, replacement)],
        }
    }

    /// How wide a text is at size 1.
    pub(super) fn width(&self, text: &str) -> f32 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    /// How wide a character is at size 1.
    pub(super) fn advance(&self, c: char) -> f32 {
        self.glyph(c).map_or(0.0, |glyph| self.advance_of(glyph)) / 1000.0
    }

    /// The glyph of a character; nothing for one that is never seen.
    pub(super) fn glyph(&self, c: char) -> Option<GlyphId> {
        match self.face.glyph_index(c) {
            Some(glyph) => Some(glyph),
            None if is_never_seen(c) => None,
            None => Some(self.replacement),
        }
    }

    fn advance_of(&self, glyph: GlyphId) -> f32 {
        self.thousandths(self.face.glyph_hor_advance(glyph).unwrap_or(0))
    }

    fn thousandths(&self, units: impl Into<f32>) -> f32 {
        units.into() * 1000.0 / f32::from(self.face.units_per_em())
    }

    fn encode(&mut self, text: &str) -> Vec<u8> {
        let mut codes = Vec::with_capacity(text.len() * 2);
        for c in text.chars() {
            if let Some(glyph) = self.glyph(c) {
                codes.extend(self.code(c, glyph).to_be_bytes());
            }
        }
        codes
    }

    fn code(&mut self, c: char, glyph: GlyphId) -> u16 {
        if let Some(code) = self.codes.get(&c) {
            return *code;
        }
        let Ok(code) = u16::try_from(self.used.len()) else {
            return NO_CODE;
        };
        self.used.push((c, glyph));
        self.codes.insert(c, code);
        code
    }

    /// What codes mean, and how wide they are at size 1.
    #[cfg(test)]
    pub(super) fn read(&self, codes: &[u8]) -> (String, f32) {
        let codes = codes
            .chunks(2)
            .map(|code| u16::from_be_bytes([code[0], code[1]]));
        let used = codes.map(|code| self.used[usize::from(code)]);
        let (text, widths): (String, Vec<f32>) = used
            .map(|(c, glyph)| (c, self.advance_of(glyph) / 1000.0))
            .unzip();
        (text, widths.iter().sum())
    }

    /// What the file needs of this font, by all that was encoded.
    pub(super) fn embed(&self) -> Embedded {
        let mut numbers = GlyphRemapper::new();
        let glyphs = self.used.iter();
        let glyphs = glyphs.flat_map(|(_, glyph)| numbers.remap(glyph.0).to_be_bytes());
        let glyphs = glyphs.collect();
        let program = subsetter::subset(self.data, 0, &numbers)
            .expect("a part of the font that is built in can be made");
        let bounds = self.face.global_bounding_box();
        let bounds = [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max];
        Embedded {
            name: format!("{}+{}", self.mark(), self.name),
            program,
            characters: self.used.iter().map(|(c, _)| *c).collect(),
            widths: self
                .used
                .iter()
                .map(|(_, glyph)| self.advance_of(*glyph))
                .collect(),
            glyphs,
            bounds: bounds.map(|edge| self.thousandths(edge)),
            ascent: self.thousandths(self.face.ascender()),
            descent: self.thousandths(self.face.descender()),
            cap_height: self.thousandths(self.face.capital_height().unwrap_or(0)),
            stem: 80.0,
        }
    }

    /// Six letters by which readers tell parts of one font in several files apart: from what is in it.
    fn mark(&self) -> String {
        let mix = |hash: u64, (c, _): &(char, GlyphId)| {
            (hash ^ u64::from(*c)).wrapping_mul(0x0000_0100_0000_01b3)
        };
        let mut hash = self.used.iter().fold(0xcbf2_9ce4_8422_2325, mix);
        let mut letter = || {
            let letter = u8::try_from(hash % 26).unwrap_or(0);
            hash /= 26;
            char::from(b'A' + letter)
        };
        (0..6).map(|_| letter()).collect()
    }
}

/// Characters that only tell how others are to be set, and are never seen themselves: a soft hyphen, joiners,
/// marks of direction, selectors of variants.
fn is_never_seen(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{2060}'..='\u{2065}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_have_the_letters_of_europe_and_the_signs_of_money() {
        let fonts = Fonts::new();
        let letters = "ABCxyz0189 ÄÖÜäöüßẞ ÁÉÍÓÚñÑ¿¡ ÇçÀàŒœ ŁłŻżĄąĘę ŘřŠšŽžĚě ŐőŰű ȘșȚț ĞğİıŞş Ææ Øø Åå ĀāĢģĶķ \
                       ΑΩάώ АЯя €$£¥₹ №%‰ §©®™ –—…„“”‚‘’«»·•°²³½×÷±−";
        for c in letters.chars() {
            for font in [&fonts.regular, &fonts.bold] {
                assert!(font.face.glyph_index(c).is_some(), "{c:?} in {}", font.name);
            }
        }
    }

    #[test]
    fn what_the_font_lacks_is_drawn_as_something_that_can_be_seen() {
        let fonts = Fonts::new();
        for font in [&fonts.regular, &fonts.bold] {
            assert!(font.face.glyph_bounding_box(font.replacement).is_some());
            assert!(font.advance_of(font.replacement) > 200.0);
            assert_eq!(font.glyph('日'), Some(font.replacement));
            assert_eq!(font.glyph('\u{1F600}'), Some(font.replacement));
        }
    }

    #[test]
    fn characters_that_share_a_glyph_keep_their_own_codes() {
        let mut font = Fonts::new().regular;
        assert_eq!(font.encode(" \u{A0} 日本"), [0, 1, 0, 2, 0, 1, 0, 3, 0, 4]);
        let embedded = font.embed();
        assert_eq!(
            embedded.characters,
            [REPLACEMENT, ' ', '\u{A0}', '日', '本']
        );
        assert_eq!(embedded.glyphs[6..8], embedded.glyphs[0..2]);
        assert_eq!(embedded.glyphs[8..10], embedded.glyphs[0..2]);
    }

    #[test]
    fn more_characters_than_there_are_codes_are_replaced() {
        let mut font = Fonts::new().regular;
        let all: String = ('\u{100}'..='\u{12000}').collect();
        let codes = font.encode(&all);
        assert_eq!(codes[codes.len() - 2..], NO_CODE.to_be_bytes());
        assert_eq!(font.used.len(), 65_536);
        assert_eq!(font.embed().widths.len(), 65_536);
    }
}
