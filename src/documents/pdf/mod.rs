//! A sheet as a PDF: `bands` says what stands below what and in which style, `flow` breaks that into pages,
//! `font` turns text into glyphs, and `write` makes the bytes.
//!
//! Lengths are points (1/72 inch), from the top left corner of a page; only `write` knows that a PDF counts
//! from the bottom.

mod bands;
mod flow;
mod font;
#[cfg(test)]
mod tests;
mod wrap;
mod write;

use crate::{Paper, sheet::Sheet};

/// The size of a page, and what of it is used.
#[derive(Clone, Copy)]
struct Frame {
    width: f32,
    height: f32,
}

impl Frame {
    /// White to the left and right.
    const SIDE: f32 = 48.0;
    /// White above.
    const TOP: f32 = 44.0;
    /// White below all.
    const BOTTOM: f32 = 30.0;

    fn of(paper: Paper) -> Frame {
        let (width, height) = match paper {
            Paper::A4 => (595.28, 841.89),
            Paper::Letter => (612.0, 792.0),
        };
        Frame { width, height }
    }

    /// What a line may be wide.
    fn inner(self) -> f32 {
        self.width - 2.0 * Frame::SIDE
    }
}

/// One thing on a page.
enum Mark {
    /// Glyphs, on a baseline.
    Text {
        x: f32,
        y: f32,
        size: f32,
        is_bold: bool,
        gray: f32,
        codes: Vec<u8>,
    },
    /// A horizontal line.
    Rule {
        x: f32,
        y: f32,
        width: f32,
        thickness: f32,
        gray: f32,
    },
    /// The outline of a square, by its upper left corner.
    Square { x: f32, y: f32, side: f32 },
    /// A gray ground.
    Ground {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
}

/// What is on one page, in the order in which it is drawn and read.
type Page = Vec<Mark>;

/// The file.
pub(crate) fn write(sheet: &Sheet) -> Vec<u8> {
    let (pages, fonts) = pages(sheet);
    write::file(sheet, Frame::of(sheet.paper), &pages, &fonts)
}

/// What is on each page, and the fonts with what was used of them.
fn pages(sheet: &Sheet) -> (Vec<Page>, font::Fonts) {
    let frame = Frame::of(sheet.paper);
    let mut fonts = font::Fonts::new();
    let foot = bands::foot(sheet, &fonts, frame);
    let mut bands = bands::all(sheet, &fonts, frame);
    // One that would take the page stands once, at the end.
    let on_each = match sheet.foot.is_empty() || foot.height() > flow::FOOT_MAX {
        true => {
            bands.push(flow::Flowing::alone(foot));
            None
        }
        false => Some(foot),
    };
    let pages = flow::pages(&bands, on_each.as_ref(), sheet, frame, &mut fonts);
    (pages, fonts)
}
