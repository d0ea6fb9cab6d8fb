//! Business documents of an order, as HTML and as PDF: order confirmation, packing slip, pick list,
//! invoice, credit note.
//!
//! This crate is pure: plain data in, text or bytes out. It knows no clock, no randomness, no file and no
//! network, gives no numbers and decides nothing about orders. The same document gives the same bytes. What
//! it does decide is whether the amounts fit together: a document whose sums are wrong is refused.
//!
//! Start reading at [`Document`]; then `sheet`, which says what stands where, and `html` and `pdf`, which
//! only draw that.
#![warn(missing_docs)]

mod address;
mod check;
mod document;
mod html;
mod labels;
mod locale;
mod pdf;
mod sheet;
mod text;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod trials;

pub use check::{Difference, Error, LINES_MAX, Part};
pub use document::{
    Bank, Body, Correction, Document, Line, PackedLine, Packing, Paper, Parcel, Pick, PickOrder,
    Picking, Prices, References, Seller, Sequence, Statement, TaxId, TaxLine,
};
pub use locale::{Language, NotALanguage};

/// The document as one HTML page that needs nothing else: styles are in it, for the screen and for print, and
/// all text is escaped.
///
/// Fails when the amounts do not fit together or something without which the document means nothing is
/// missing; the error says what.
pub fn to_html(document: &Document) -> Result<String, Error> {
    check::check(document)?;
    Ok(html::write(&sheet::lay_out(document)))
}

/// The style sheet in the pages of [`to_html`], for a policy that allows it by its hash and no other.
pub fn style(paper: Paper) -> String {
    html::style(paper)
}

/// The document as a PDF, with the fonts in it and text that can be searched and copied.
///
/// Characters that the font lacks are drawn as a replacement that can be seen; copied text has them as they
/// were. Fails as [`to_html`] does, and for no other reason.
pub fn to_pdf(document: &Document) -> Result<Vec<u8>, Error> {
    check::check(document)?;
    Ok(pdf::write(&sheet::lay_out(document)))
}
