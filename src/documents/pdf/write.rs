//! Pages as the bytes of a PDF: the only file that knows the crate that writes it.
//!
//! Nothing of it comes from the machine or the moment: the same pages give the same bytes.

use pdf_writer::{
    Content, Date, Finish, Name, Pdf, Rect, Ref, Settings, Str, TextStr,
    types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap},
};

use super::{
    Frame, Mark, Page,
    font::{Embedded, Fonts},
};
use crate::sheet::Sheet;

/// Codes are what they say they are: two bytes, and no registered collection of characters.
const SYSTEM: SystemInfo = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

const REGULAR: Name = Name(b"F1");
const BOLD: Name = Name(b"F2");

/// Numbers of objects, in turn.
struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

/// The whole file.
pub(super) fn file(sheet: &Sheet, frame: Frame, pages: &[Page], fonts: &Fonts) -> Vec<u8> {
    let mut numbers = Numbers(0);
    let mut pdf = Pdf::with_settings(Settings { pretty: false });
    let (catalog, tree, info) = (numbers.next(), numbers.next(), numbers.next());
    let regular = font(&mut pdf, &mut numbers, &fonts.regular.embed());
    let bold = font(&mut pdf, &mut numbers, &fonts.bold.embed());
    let pages: Vec<(Ref, Ref, &Page)> = pages
        .iter()
        .map(|page| (numbers.next(), numbers.next(), page))
        .collect();
    let mut root = pdf.catalog(catalog);
    root.pages(tree);
    root.lang(TextStr(sheet.language.code()));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    let kids = pages.iter().map(|(page, ..)| *page);
    let count = i32::try_from(pages.len()).expect("a document has fewer pages");
    pdf.pages(tree).kids(kids).count(count);
    for (id, content, marks) in pages {
        let mut page = pdf.page(id);
        page.parent(tree)
            .media_box(Rect::new(0.0, 0.0, frame.width, frame.height))
            .contents(content);
        page.resources()
            .fonts()
            .pair(REGULAR, regular)
            .pair(BOLD, bold);
        page.finish();
        pdf.stream(content, &drawn(marks, frame));
    }
    let title = format!("{} {}", sheet.kind, sheet.number);
    let mut properties = pdf.document_info(info);
    properties
        .title(TextStr(&title))
        .author(TextStr(&sheet.seller))
        .creator(TextStr("Oneshelf"));
    let (year, month, day) = (sheet.date.year(), sheet.date.month(), sheet.date.day());
    // A day before the year 0 cannot be written, and no document has one.
    if let (Ok(year), Ok(month), Ok(day)) = (year.try_into(), month.try_into(), day.try_into()) {
        properties.creation_date(Date::new(year).month(month).day(day));
    }
    properties.finish();
    pdf.finish()
}

/// Writes a font; its own number is what pages name.
fn font(pdf: &mut Pdf, numbers: &mut Numbers, font: &Embedded) -> Ref {
    let [id, descendant, descriptor, program, meaning, glyphs] =
        std::array::from_fn(|_| numbers.next());
    let name = Name(font.name.as_bytes());
    pdf.type0_font(id)
        .base_font(name)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(descendant)
        .to_unicode(meaning);
    let mut cid = pdf.cid_font(descendant);
    cid.subtype(CidFontType::Type2)
        .base_font(name)
        .system_info(SYSTEM)
        .font_descriptor(descriptor)
        .cid_to_gid_map_stream(glyphs);
    cid.widths().consecutive(0, font.widths.iter().copied());
    cid.finish();
    let [left, bottom, right, top] = font.bounds;
    pdf.font_descriptor(descriptor)
        .name(name)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(0.0)
        .ascent(font.ascent)
        .descent(font.descent)
        .cap_height(font.cap_height)
        .stem_v(font.stem)
        .font_file2(program);
    let length = i32::try_from(font.program.len()).expect("the font is smaller");
    pdf.stream(program, &font.program)
        .pair(Name(b"Length1"), length);
    let mut map: UnicodeCmap<u16> = UnicodeCmap::new(Name(b"Meaning"), SYSTEM);
    for (code, character) in (0..=u16::MAX).zip(&font.characters) {
        map.pair(code, *character);
    }
    pdf.cmap(meaning, &map.finish());
    pdf.stream(glyphs, &font.glyphs);
    id
}

/// What draws a page.
fn drawn(page: &Page, frame: Frame) -> Vec<u8> {
    let mut content = Content::with_settings(Settings { pretty: false });
    for mark in page {
        match mark {
            Mark::Text {
                x,
                y,
                size,
                is_bold,
                gray,
                codes,
            } => {
                let font = if *is_bold { BOLD } else { REGULAR };
                content
                    .begin_text()
                    .set_fill_gray(*gray)
                    .set_font(font, *size)
                    .set_text_matrix([1.0, 0.0, 0.0, 1.0, short(*x), short(frame.height - y)])
                    .show(Str(codes))
                    .end_text();
            }
            Mark::Rule {
                x,
                y,
                width,
                thickness,
                gray,
            } => {
                content
                    .set_fill_gray(*gray)
                    .rect(
                        short(*x),
                        short(frame.height - y),
                        short(*width),
                        *thickness,
                    )
                    .fill_nonzero();
            }
            Mark::Square { x, y, side } => {
                content
                    .set_stroke_gray(0.0)
                    .set_line_width(0.8)
                    .rect(short(*x), short(frame.height - y - side), *side, *side)
                    .stroke();
            }
            Mark::Ground {
                x,
                y,
                width,
                height,
            } => {
                content
                    .set_fill_gray(0.95)
                    .rect(
                        short(*x),
                        short(frame.height - y - height),
                        short(*width),
                        short(*height),
                    )
                    .fill_nonzero();
            }
        }
    }
    content.finish().into_vec()
}

/// A hundredth of a point is finer than any printer, and a third of the digits.
fn short(length: f32) -> f32 {
    (length * 100.0).round() / 100.0
}
