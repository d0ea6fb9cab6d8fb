//! What of a sheet stands below what, in which style and column.

use super::{
    Frame,
    flow::{Band, Cell, Flowing, Style},
    font::Fonts,
};
use crate::sheet::{self, Row, Sheet, Table};

const BODY: Style = style(9.0, false, 0.0);
const STRONG: Style = style(9.0, true, 0.0);
const SMALL: Style = style(7.5, false, 0.35);
const HEADING: Style = style(8.0, true, 0.0);
const LABEL: Style = style(9.0, false, 0.35);
const SELLER: Style = style(12.0, true, 0.0);
const TITLE: Style = style(18.0, true, 0.0);
const NUMBER: Style = style(11.0, false, 0.0);

/// White between columns.
const GAP: f32 = 10.0;

/// The widest that a column becomes that does not take the rest.
const COLUMN_MAX: f32 = 110.0;

/// How much of the width such columns may take together.
const COLUMNS_SHARE_MAX: f32 = 0.68;

/// How wide the sums are.
const SUMS_WIDTH: f32 = 274.0;

/// How much of that the labels take.
const SUMS_LABEL_SHARE: f32 = 0.56;

const fn style(size: f32, is_bold: bool, gray: f32) -> Style {
    Style {
        size,
        is_bold,
        gray,
    }
}

/// All of it but the foot.
pub(super) fn all(sheet: &Sheet, fonts: &Fonts, frame: Frame) -> Vec<Flowing> {
    let inner = frame.inner();
    let mut bands = vec![
        Flowing::alone(head(sheet, fonts, inner)),
        Flowing::alone(about(sheet, fonts, inner)),
    ];
    for (at, table) in sheet.tables.iter().enumerate() {
        table_bands(table, fonts, inner, &mut bands);
        if at == 0 {
            sums(sheet, fonts, inner, &mut bands);
        }
    }
    for (heading, note) in &sheet.notes {
        notes(heading, note, fonts, inner, &mut bands);
    }
    bands
}

/// The seller once more, in columns.
pub(super) fn foot(sheet: &Sheet, fonts: &Fonts, frame: Frame) -> Band {
    let inner = frame.inner();
    let columns = shares(sheet.foot.len(), 0.0, inner);
    let mut cells = Vec::new();
    for (lines, (x, width)) in sheet.foot.iter().zip(columns) {
        let mut cell = at(x, width);
        for line in lines {
            cell.add(line, SMALL, fonts);
        }
        cells.push(cell);
    }
    Band {
        cells,
        above: 22.0,
        ..Band::default()
    }
}

fn at(x: f32, width: f32) -> Cell {
    Cell {
        x,
        width,
        ..Cell::default()
    }
}

/// Equal columns: where each begins, and how wide it is.
fn shares(count: usize, from: f32, to: f32) -> Vec<(f32, f32)> {
    let parts = (1..=count).map(|_| 1.0).sum::<f32>().max(1.0);
    let share = (to - from + GAP) / parts;
    let mut x = from;
    let mut columns = Vec::new();
    for _ in 0..count {
        columns.push((x, share - GAP));
        x += share;
    }
    columns
}

fn head(sheet: &Sheet, fonts: &Fonts, inner: f32) -> Band {
    let half = (inner - GAP) / 2.0;
    let mut seller = at(0.0, half);
    seller.add(&sheet.seller, SELLER, fonts);
    for line in &sheet.seller_lines {
        seller.add(line, SMALL, fonts);
    }
    let mut title = at(half + GAP, half);
    title.is_right = true;
    title.add(sheet.kind, TITLE, fonts);
    title.add(&sheet.number, NUMBER, fonts);
    Band {
        cells: vec![seller, title],
        ..Band::default()
    }
}

fn about(sheet: &Sheet, fonts: &Fonts, inner: f32) -> Band {
    let facts_from = match sheet.parties.len() {
        0 => 0.0,
        1 => inner * 0.5,
        _ => inner * 0.6,
    };
    let mut cells = Vec::new();
    let columns = shares(sheet.parties.len(), 0.0, facts_from - GAP);
    for (party, (x, width)) in sheet.parties.iter().zip(columns) {
        let mut cell = at(x, width);
        cell.add(party.heading, STRONG, fonts);
        for line in &party.lines {
            cell.add(line, BODY, fonts);
        }
        cells.push(cell);
    }
    let half = ((inner - facts_from - GAP) * 0.45).min(110.0);
    let mut labels = at(facts_from, half);
    let values_from = facts_from + half + GAP;
    let mut values = at(values_from, inner - values_from);
    for (label, fact) in &sheet.facts {
        labels.add(label, LABEL, fonts);
        values.add(fact, BODY, fonts);
        level(&mut labels, &mut values, fonts);
    }
    cells.extend([labels, values]);
    Band {
        cells,
        above: 22.0,
        ..Band::default()
    }
}

/// Fills the shorter of two cells with empty lines, so that what comes next begins beside each other.
fn level(one: &mut Cell, other: &mut Cell, fonts: &Fonts) {
    let lines = one.pieces.len().max(other.pieces.len());
    for cell in [one, other] {
        while cell.pieces.len() < lines {
            cell.add("", BODY, fonts);
        }
    }
}

fn table_bands(table: &Table, fonts: &Fonts, inner: f32, bands: &mut Vec<Flowing>) {
    let mut above = 20.0;
    if !table.caption.is_empty() {
        let mut caption = at(0.0, inner);
        caption.add(table.caption, STRONG, fonts);
        bands.push(Flowing {
            band: Band {
                cells: vec![caption],
                above,
                ..Band::default()
            },
            header: None,
            keeps_next: true,
        });
        above = 2.0;
    }
    let columns = widths(table, fonts, inner);
    let header = bands.len();
    let cells = table
        .columns
        .iter()
        .zip(&columns)
        .map(|(column, (x, width))| {
            let mut cell = at(*x, *width);
            cell.is_right = column.is_number;
            cell.add(column.heading, HEADING, fonts);
            cell
        });
    bands.push(Flowing {
        band: Band {
            cells: cells.collect(),
            above,
            pad: 2.5,
            rule: Some((0.0, inner, 1.0, 0.0)),
            has_ground: false,
        },
        header: None,
        keeps_next: !table.rows.is_empty(),
    });
    for row in &table.rows {
        bands.push(Flowing {
            band: row_band(row, table, &columns, fonts, inner),
            header: Some(header),
            keeps_next: matches!(row, Row::Group(_)),
        });
    }
}

fn row_band(row: &Row, table: &Table, columns: &[(f32, f32)], fonts: &Fonts, inner: f32) -> Band {
    let cells = match row {
        Row::Group(heading) => {
            let mut cell = at(0.0, inner);
            cell.add(heading, STRONG, fonts);
            vec![cell]
        }
        Row::Cells(cells) => {
            let columns = cells.iter().zip(&table.columns).zip(columns);
            let cells = columns.map(|((content, column), (x, width))| {
                let mut cell = at(*x, *width);
                cell.is_right = column.is_number;
                match content {
                    sheet::Cell::Text(text) => cell.add(text, BODY, fonts),
                    sheet::Cell::Item { title, detail } => {
                        cell.add(title, BODY, fonts);
                        cell.add(detail, SMALL, fonts);
                    }
                    sheet::Cell::TickBox => cell.has_box = true,
                }
                cell
            });
            cells.collect()
        }
    };
    Band {
        cells,
        above: 0.0,
        pad: 3.0,
        rule: Some((0.0, inner, 0.4, 0.75)),
        has_ground: matches!(row, Row::Group(_)),
    }
}

/// Where each column begins, and how wide it is: as wide as what is in it, and one takes the rest.
fn widths(table: &Table, fonts: &Fonts, inner: f32) -> Vec<(f32, f32)> {
    let widest = |text: &str, style: Style| {
        let lines = crate::text::lines(text);
        let widths = lines
            .iter()
            .map(|line| fonts.of(style.is_bold).width(line) * style.size);
        widths.fold(0.0, f32::max)
    };
    let natural = |(at, column): (usize, &sheet::Column)| {
        if column.takes_rest {
            return 0.0;
        }
        let cells = table.rows.iter().filter_map(|row| match row {
            Row::Group(_) => None,
            Row::Cells(cells) => cells.get(at),
        });
        let cells = cells.map(|cell| match cell {
            sheet::Cell::Text(text) => widest(text, BODY),
            sheet::Cell::Item { title, .. } => widest(title, BODY),
            sheet::Cell::TickBox => 0.0,
        });
        cells
            .fold(widest(column.heading, HEADING), f32::max)
            .min(COLUMN_MAX)
    };
    let mut widths: Vec<f32> = table.columns.iter().enumerate().map(natural).collect();
    let gaps = table.columns.iter().skip(1).map(|_| GAP).sum::<f32>();
    let taken: f32 = widths.iter().sum();
    let most = inner * COLUMNS_SHARE_MAX - gaps;
    if taken > most {
        widths.iter_mut().for_each(|width| *width *= most / taken);
    }
    let rest = inner - gaps - widths.iter().sum::<f32>();
    let mut x = 0.0;
    let columns = table.columns.iter().zip(widths).map(|(column, width)| {
        let width = if column.takes_rest { rest } else { width };
        let place = (x, width);
        x += width + GAP;
        place
    });
    columns.collect()
}

fn sums(sheet: &Sheet, fonts: &Fonts, inner: f32, bands: &mut Vec<Flowing>) {
    let from = inner - SUMS_WIDTH;
    let labels = (SUMS_WIDTH - GAP) * SUMS_LABEL_SHARE;
    for (place, sum) in sheet.sums.iter().enumerate() {
        let style = if sum.is_main { STRONG } else { BODY };
        let mut label = at(from, labels);
        label.add(&sum.label, style, fonts);
        let mut amount = at(from + labels + GAP, SUMS_WIDTH - GAP - labels);
        amount.is_right = true;
        amount.add(&sum.amount, style, fonts);
        bands.push(Flowing {
            band: Band {
                cells: vec![label, amount],
                above: if place == 0 { 8.0 } else { 0.0 },
                pad: 1.5,
                rule: sum.is_main.then_some((from, inner, 0.8, 0.0)),
                has_ground: false,
            },
            header: None,
            keeps_next: place + 1 < sheet.sums.len(),
        });
    }
}

fn notes(heading: &str, note: &str, fonts: &Fonts, inner: f32, bands: &mut Vec<Flowing>) {
    let mut above = 10.0;
    if !heading.is_empty() {
        let mut cell = at(0.0, inner);
        cell.add(heading, STRONG, fonts);
        bands.push(Flowing {
            band: Band {
                cells: vec![cell],
                above,
                ..Band::default()
            },
            header: None,
            keeps_next: true,
        });
        above = 1.0;
    }
    let mut cell = at(0.0, inner);
    cell.add(note, BODY, fonts);
    bands.push(Flowing::alone(Band {
        cells: vec![cell],
        above,
        ..Band::default()
    }));
}
