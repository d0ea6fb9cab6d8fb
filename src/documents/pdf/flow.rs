//! Bands of text laid below each other, over as many pages as they need.
//!
//! A band is kept on one page where it fits on one, and is broken between two lines where it does not, so no
//! text is too long to be shown. A table's heading stands again on each page that the table reaches.

use unicode_normalization::UnicodeNormalization as _;

use super::{
    Frame, Mark, Page,
    font::{Font, Fonts},
    wrap::wrap,
};
use crate::{labels::Label, sheet::Sheet};

/// The highest foot that stands on each page.
pub(super) const FOOT_MAX: f32 = 110.0;

/// What the line with the number of the page takes at the foot.
const PAGE_LINE: f32 = 16.0;

/// How a line looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) size: f32,
    pub(super) is_bold: bool,
    /// 0 is black, 1 white.
    pub(super) gray: f32,
}

/// One line.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Lines below each other.
#[derive(Default)]
pub(super) struct Cell {
    /// From the left margin.
    pub(super) x: f32,
    pub(super) width: f32,
    pub(super) is_right: bool,
    pub(super) pieces: Vec<Piece>,
    /// A box to be ticked instead.
    pub(super) has_box: bool,
}

/// Cells beside each other.
#[derive(Default)]
pub(super) struct Band {
    pub(super) cells: Vec<Cell>,
    /// White above; not at the top of a page.
    pub(super) above: f32,
    /// White within, above and below the lines.
    pub(super) pad: f32,
    /// From where to where a line is drawn below, how thick and how gray.
    pub(super) rule: Option<(f32, f32, f32, f32)>,
    /// Whether it stands on a gray ground.
    pub(super) has_ground: bool,
}

/// A band in the flow.
pub(super) struct Flowing {
    pub(super) band: Band,
    /// The place of the band that stands above it again on a new page.
    pub(super) header: Option<usize>,
    /// Whether no page ends behind it.
    pub(super) keeps_next: bool,
}

impl Style {
    /// From one line to the next.
    pub(super) fn leading(self) -> f32 {
        self.size * 1.36
    }

    /// From the top of a line to what letters stand on.
    fn baseline(self) -> f32 {
        self.size * 1.05
    }
}

impl Flowing {
    /// A band that needs no other.
    pub(super) fn alone(band: Band) -> Flowing {
        Flowing {
            band,
            header: None,
            keeps_next: false,
        }
    }
}

impl Cell {
    /// The side of a box.
    const BOX: f32 = 9.0;

    /// The lines of a text.
    pub(super) fn add(&mut self, text: &str, style: Style, fonts: &Fonts) {
        let font: &Font = fonts.of(style.is_bold);
        // What is measured at size 1 and multiplied may be a hair wider than the same once multiplied.
        let width = self.width / style.size + 0.001;
        // A letter and its accent may be two characters, which the font has as one, and better.
        let text: String = text.nfc().collect();
        let lines = wrap(&text, width, |c| font.advance(c));
        self.pieces
            .extend(lines.into_iter().map(|text| Piece { text, style }));
    }

    fn height_from(&self, first: usize) -> f32 {
        let lines: f32 = self
            .pieces
            .iter()
            .skip(first)
            .map(|piece| piece.style.leading())
            .sum();
        match self.has_box && first == 0 {
            true => lines.max(Cell::BOX + 2.0),
            false => lines,
        }
    }

    /// How many lines fit, from one on.
    fn fitting(&self, first: usize, room: f32) -> usize {
        let mut left = room;
        let fits = |piece: &&Piece| {
            left -= piece.style.leading();
            left >= -0.01
        };
        self.pieces.iter().skip(first).take_while(fits).count()
    }
}

impl Band {
    /// With all that is white in it.
    pub(super) fn height(&self) -> f32 {
        let inner = self.cells.iter().map(|cell| cell.height_from(0));
        self.above + 2.0 * self.pad + inner.fold(0.0, f32::max)
    }
}

/// The pages: all bands, and on each page the foot and the number of the page.
pub(super) fn pages(
    bands: &[Flowing],
    foot: Option<&Band>,
    sheet: &Sheet,
    frame: Frame,
    fonts: &mut Fonts,
) -> Vec<Page> {
    let foot_height = foot.map_or(0.0, Band::height);
    let bottom = frame.height - Frame::BOTTOM - PAGE_LINE - foot_height;
    let mut flow = Flow {
        bottom,
        y: Frame::TOP,
        pages: vec![Page::new()],
        fonts,
    };
    for (at, flowing) in bands.iter().enumerate() {
        let header = flowing.header.and_then(|header| bands.get(header));
        flow.make_room(kept_height(&bands[at..]), header);
        flow.put(&flowing.band, header);
    }
    let count = flow.pages.len();
    let mut pages = flow.pages;
    for (page, number) in pages.iter_mut().zip(1_usize..) {
        let mut marks = std::mem::take(page);
        if let Some(foot) = foot {
            marks.push(Mark::Rule {
                x: Frame::SIDE,
                y: bottom + foot.above - 5.0,
                width: frame.inner(),
                thickness: 0.4,
                gray: 0.6,
            });
            draw(
                foot,
                &vec![0; foot.cells.len()],
                bottom + foot.above,
                &mut marks,
                fonts,
            );
        }
        page_line(sheet, frame, (number, count), &mut marks, fonts);
        *page = marks;
    }
    pages
}

/// How much the first band and those that it may not be parted from take.
fn kept_height(bands: &[Flowing]) -> f32 {
    let mut height = 0.0;
    for flowing in bands {
        height += flowing.band.height();
        if !flowing.keeps_next {
            break;
        }
    }
    height
}

struct Flow<'a> {
    /// Where pages end.
    bottom: f32,
    /// Where the next band begins.
    y: f32,
    pages: Vec<Page>,
    fonts: &'a mut Fonts,
}

impl Flow<'_> {
    /// Begins a page when what comes would fit on one, and not on this.
    fn make_room(&mut self, height: f32, header: Option<&Flowing>) {
        let whole = self.bottom - Frame::TOP - header.map_or(0.0, |header| header.band.height());
        if height > self.bottom - self.y && height <= whole {
            self.begin_page(header);
        }
    }

    fn begin_page(&mut self, header: Option<&Flowing>) {
        self.pages.push(Page::new());
        self.y = Frame::TOP;
        if let Some(header) = header {
            let first = vec![0; header.band.cells.len()];
            self.y += self.draw_here(&header.band, &first);
        }
    }

    fn is_at_top(&self) -> bool {
        self.y <= Frame::TOP
    }

    fn put(&mut self, band: &Band, header: Option<&Flowing>) {
        let mut first = vec![0; band.cells.len()];
        let mut is_forced = false;
        loop {
            let room = self.bottom - self.y - 2.0 * band.pad - band.above;
            let part = part_of(band, &first, room, is_forced);
            let takes = part
                .cells
                .iter()
                .any(|cell| !cell.pieces.is_empty() || cell.has_box);
            let is_rest = first
                .iter()
                .zip(&band.cells)
                .all(|(at, cell)| *at >= cell.pieces.len());
            if takes || is_rest {
                let height = self.draw_here(&part, &vec![0; part.cells.len()]);
                self.y += height;
                for (at, cell) in first.iter_mut().zip(&part.cells) {
                    *at += cell.pieces.len();
                }
            }
            if first
                .iter()
                .zip(&band.cells)
                .all(|(at, cell)| *at >= cell.pieces.len())
            {
                return;
            }
            self.begin_page(header);
            // A page takes at least a line, whatever its height.
            is_forced = true;
        }
    }

    fn draw_here(&mut self, band: &Band, first: &[usize]) -> f32 {
        let above = if self.is_at_top() { 0.0 } else { band.above };
        let page = self.pages.last_mut().expect("there is always a page");
        let height = draw(band, first, self.y + above, page, self.fonts);
        above + height
    }
}

/// What of a band fits, from given lines on.
fn part_of(band: &Band, first: &[usize], room: f32, is_forced: bool) -> Band {
    let part = |(cell, first): (&Cell, &usize)| {
        let least = usize::from(is_forced);
        let count = cell.fitting(*first, room).max(least);
        let pieces = cell.pieces.iter().skip(*first).take(count);
        Cell {
            x: cell.x,
            width: cell.width,
            is_right: cell.is_right,
            pieces: pieces
                .map(|piece| Piece {
                    text: piece.text.clone(),
                    style: piece.style,
                })
                .collect(),
            has_box: cell.has_box && *first == 0,
        }
    };
    Band {
        cells: band.cells.iter().zip(first).map(part).collect(),
        ..*band
    }
}

/// Draws a band without the white above it; says how high it is.
fn draw(band: &Band, first: &[usize], top: f32, page: &mut Page, fonts: &mut Fonts) -> f32 {
    let inner = band
        .cells
        .iter()
        .zip(first)
        .map(|(cell, first)| cell.height_from(*first));
    let height = 2.0 * band.pad + inner.fold(0.0, f32::max);
    if band.has_ground {
        let ends = band.cells.iter().map(|cell| cell.x + cell.width);
        page.push(Mark::Ground {
            x: Frame::SIDE - 3.0,
            y: top,
            width: ends.fold(0.0, f32::max) + 6.0,
            height,
        });
    }
    for (cell, first) in band.cells.iter().zip(first) {
        draw_cell(cell, *first, top + band.pad, page, fonts);
    }
    if let Some((from, to, thickness, gray)) = band.rule {
        page.push(Mark::Rule {
            x: Frame::SIDE + from,
            y: top + height,
            width: to - from,
            thickness,
            gray,
        });
    }
    height
}

fn draw_cell(cell: &Cell, first: usize, top: f32, page: &mut Page, fonts: &mut Fonts) {
    if cell.has_box && first == 0 {
        page.push(Mark::Square {
            x: Frame::SIDE + cell.x,
            y: top + 1.0,
            side: Cell::BOX,
        });
    }
    let mut y = top;
    for piece in cell.pieces.iter().skip(first) {
        let Style {
            size,
            is_bold,
            gray,
        } = piece.style;
        let indent = match cell.is_right {
            true => cell.width - fonts.of(is_bold).width(&piece.text) * size,
            false => 0.0,
        };
        if !piece.text.is_empty() {
            page.push(Mark::Text {
                x: Frame::SIDE + cell.x + indent,
                y: y + piece.style.baseline(),
                size,
                is_bold,
                gray,
                codes: fonts.encode(&piece.text, is_bold),
            });
        }
        y += piece.style.leading();
    }
}

/// The line at the very end of a page.
fn page_line(
    sheet: &Sheet,
    frame: Frame,
    (number, count): (usize, usize),
    page: &mut Page,
    fonts: &mut Fonts,
) {
    let style = Style {
        size: 7.5,
        is_bold: false,
        gray: 0.35,
    };
    let inner = frame.inner();
    let pages = [number.to_string(), count.to_string()];
    let pages = sheet.language.fill(Label::Page, &[&pages[0], &pages[1]]);
    let mut what = Cell {
        width: inner * 0.7,
        ..Cell::default()
    };
    what.add(
        &format!("{} {} · {}", sheet.kind, sheet.number, sheet.seller),
        style,
        fonts,
    );
    // All of it stands at the top of the first page.
    if what.pieces.len() > 1 {
        what.pieces.truncate(1);
        what.pieces[0].text.push('…');
    }
    let mut which = Cell {
        x: inner * 0.75,
        width: inner * 0.25,
        is_right: true,
        ..Cell::default()
    };
    which.add(&pages, style, fonts);
    let top = frame.height - Frame::BOTTOM - style.leading();
    for cell in [what, which] {
        draw_cell(&cell, 0, top, page, fonts);
    }
}
