//! Orders in a CSV file: what its rows say, and every mistake in them by row and column.
//!
//! A row is a line of an order. Rows with one reference are one order; what belongs to the whole order is said
//! in its first row, and may be said again in the others if it is the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Where a column goes.
enum Place {
    /// Into the line.
    Line(&'static str),
    /// Into the order.
    Order(&'static str),
    /// Into a part of the order.
    Part(&'static str, &'static str),
    /// A payment: how much, and by which means.
    Paid,
    Method,
}

/// The columns that can be in a file, with what they mean for people.
const COLUMNS: [(&str, Place); 27] = [
    ("reference", Place::Order("reference")),
    ("placed_at", Place::Order("placed_at")),
    ("currency", Place::Order("currency")),
    ("sku", Place::Line("sku")),
    ("title", Place::Line("title")),
    ("units", Place::Line("units")),
    ("price", Place::Line("price")),
    ("line_total", Place::Line("total")),
    ("line_tax", Place::Line("tax")),
    ("shipping", Place::Order("shipping")),
    ("discount", Place::Order("discount")),
    ("tax", Place::Order("tax")),
    ("total", Place::Order("total")),
    ("pays", Place::Order("pays")),
    ("paid", Place::Paid),
    ("method", Place::Method),
    ("note", Place::Order("note")),
    ("ship_by", Place::Order("ship_by")),
    ("name", Place::Part("buyer", "name")),
    ("email", Place::Part("buyer", "email")),
    ("phone", Place::Part("buyer", "phone")),
    ("ship_name", Place::Part("ship_to", "name")),
    ("street", Place::Part("ship_to", "street")),
    ("city", Place::Part("ship_to", "city")),
    ("postal_code", Place::Part("ship_to", "postal_code")),
    ("region", Place::Part("ship_to", "region")),
    ("country", Place::Part("ship_to", "country")),
];
/// Without these nothing is an order.
const NEEDED: [&str; 3] = ["reference", "units", "currency"];
/// What is a number.
const NUMBERS: [&str; 9] = [
    "units",
    "price",
    "line_total",
    "line_tax",
    "shipping",
    "discount",
    "tax",
    "total",
    "paid",
];
/// So many mistakes are told.
const MISTAKES_MAX: usize = 200;

/// A mistake, where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// The row as a spreadsheet counts it: the heading is row 1.
    pub(super) row: u64,
    /// The column, where it is one.
    pub(super) column: String,
    /// What is wrong, and what to do.
    pub(super) what: String,
}

/// An order of a file.
#[derive(Debug)]
pub(super) struct Sheet {
    /// The row in which it begins.
    pub(super) row: u64,
    /// Its reference.
    pub(super) reference: String,
    /// As the API takes it, but for the account.
    pub(super) body: Value,
}

impl Sheet {
    /// A file has one payment of an order; the API takes many.
    fn name_payments(&mut self) {
        let Some(body) = self.body.as_object_mut() else {
            return;
        };
        let payment = body.remove("payment").unwrap_or_default();
        let payments = match payment["amount"].is_null() {
            true => json!([]),
            false => json!([payment]),
        };
        body.insert("payments".to_owned(), payments);
    }
}

/// Reads a whole file: all orders, or all mistakes.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Vec<Mistake>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let row = before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        vec![whole(row, "it is no UTF-8: save the file as CSV UTF-8")]
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let heading = reader.headers().cloned();
    let heading = heading.map_err(|error| vec![whole(1, &error.to_string())])?;
    let heading: Vec<String> = heading.iter().map(str::to_lowercase).collect();
    let mistakes = in_heading(&heading);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut orders: Vec<Sheet> = Vec::new();
    let mut mistakes = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let row = error.position().map_or(0, csv::Position::line);
                mistakes.push(whole(row, &error.to_string()));
                continue;
            }
        };
        let row = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != heading.len() {
            let what = format!(
                "it has {} columns, and the heading {}: put texts with a separator in quotes",
                record.len(),
                heading.len()
            );
            mistakes.push(whole(row, &what));
            continue;
        }
        let cells: BTreeMap<&str, &str> = heading
            .iter()
            .map(String::as_str)
            .zip(record.iter())
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        take_row(row, &cells, &mut known, &mut orders, &mut mistakes);
    }
    if orders.is_empty() && mistakes.is_empty() {
        mistakes.push(whole(
            2,
            "there is no order: write one row for each line of one",
        ));
    }
    for order in &mut orders {
        order.name_payments();
    }
    mistakes.truncate(MISTAKES_MAX);
    match mistakes.is_empty() {
        true => Ok(orders),
        false => Err(mistakes),
    }
}

fn whole(row: u64, what: &str) -> Mistake {
    Mistake {
        row,
        column: "-".to_owned(),
        what: what.to_owned(),
    }
}

/// What stands between the columns, by the heading.
fn delimiter(text: &str) -> u8 {
    let heading = text.lines().next().unwrap_or_default();
    let count = |mark: u8| heading.bytes().filter(|byte| *byte == mark).count();
    let marks = [b',', b';', b'\t'];
    marks
        .into_iter()
        .max_by_key(|mark| count(*mark))
        .unwrap_or(b',')
}

fn in_heading(heading: &[String]) -> Vec<Mistake> {
    let known: BTreeSet<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let mut mistakes = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |column: &str, what: String| {
        mistakes.push(Mistake {
            row: 1,
            column: column.to_owned(),
            what,
        });
    };
    for name in heading {
        if !known.contains(name.as_str()) {
            let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
            add(
                name,
                format!("there is no such column; there are {}", known.join(", ")),
            );
        } else if !seen.insert(name) {
            add(name, "it is there twice: leave one of them out".to_owned());
        }
    }
    for name in NEEDED {
        if !heading.iter().any(|known| known == name) {
            add(name, "it is missing: add the column".to_owned());
        }
    }
    mistakes
}

fn take_row(
    row: u64,
    cells: &BTreeMap<&str, &str>,
    known: &mut BTreeMap<String, usize>,
    orders: &mut Vec<Sheet>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut wrong = |column: &str, what: String| {
        mistakes.push(Mistake {
            row,
            column: column.to_owned(),
            what,
        });
    };
    let Some(reference) = cells.get("reference") else {
        return wrong(
            "reference",
            "it is empty: say which order the row belongs to".to_owned(),
        );
    };
    let at = *known.entry((*reference).to_owned()).or_insert(orders.len());
    if at == orders.len() {
        orders.push(Sheet {
            row,
            reference: (*reference).to_owned(),
            body: json!({ "lines": [], "buyer": {}, "payment": {} }),
        });
    }
    let Some(order) = orders.get_mut(at) else {
        return;
    };
    let is_first = order.row == row;
    if is_first && !cells.contains_key("currency") {
        wrong(
            "currency",
            "it is empty: write a currency, as EUR".to_owned(),
        );
    }
    let line = fill(row, cells, order, &mut wrong);
    let is_empty = |name: &str| !cells.contains_key(name);
    if is_empty("units") {
        wrong("units", "it is empty: say how many".to_owned());
    }
    if is_empty("sku") && is_empty("title") {
        wrong(
            "sku",
            "it is empty: name the item, or give the line a title".to_owned(),
        );
    }
    if is_empty("price") && is_empty("line_total") {
        wrong(
            "price",
            "it is empty: give the price of one, or line_total".to_owned(),
        );
    }
    if let Some(lines) = order.body["lines"].as_array_mut() {
        lines.push(Value::Object(line));
    }
    if is_first {
        finish_head(order, &mut wrong);
    }
}

/// Puts the cells of a row where they belong: into its order, or into the line that is given back.
fn fill(
    row: u64,
    cells: &BTreeMap<&str, &str>,
    order: &mut Sheet,
    wrong: &mut impl FnMut(&str, String),
) -> Map<String, Value> {
    let is_first = order.row == row;
    let mut line = Map::new();
    for (name, place) in &COLUMNS {
        let Some(cell) = cells.get(name) else {
            continue;
        };
        let value = if NUMBERS.contains(name) {
            match number(cell) {
                Some(number) => json!(number),
                None => {
                    wrong(name, format!("`{cell}` is no number: write it as 12.50"));
                    continue;
                }
            }
        } else if *name == "currency" {
            json!(cell.to_uppercase())
        } else if *name == "street" {
            json!([cell])
        } else {
            json!(cell)
        };
        let slot = match place {
            Place::Line(key) => {
                line.insert((*key).to_owned(), value);
                continue;
            }
            Place::Order(key) => &mut order.body[*key],
            Place::Part(part, key) => &mut order.body[*part][*key],
            Place::Paid => &mut order.body["payment"]["amount"],
            Place::Method => &mut order.body["payment"]["method"],
        };
        if slot.is_null() && is_first {
            *slot = value;
        } else if *slot != value {
            let first = order.row;
            wrong(
                name,
                format!("it belongs to the whole order, and row {first} says something else"),
            );
        }
    }
    line
}

/// What only holds together: a payment has a means, and an address a country.
fn finish_head(order: &Sheet, wrong: &mut impl FnMut(&str, String)) {
    let payment = &order.body["payment"];
    let (has_amount, has_method) = (payment["amount"].is_string(), payment["method"].is_string());
    match (has_amount, has_method) {
        (true, false) => wrong(
            "method",
            "it is empty: say by which means it was paid".to_owned(),
        ),
        (false, true) => wrong("paid", "it is empty: say how much was paid".to_owned()),
        (true, true) | (false, false) => {}
    }
    let address = &order.body["ship_to"];
    if address.is_object() && address["country"].is_null() {
        wrong(
            "country",
            "it is empty: write two letters, as DE".to_owned(),
        );
    }
}

/// A number as people write it in a sheet: with a point, or a comma for it.
fn number(cell: &str) -> Option<String> {
    let plain = match (cell.contains('.'), cell.matches(',').count()) {
        (false, 1) => cell.replace(',', "."),
        _ => cell.to_owned(),
    };
    plain.parse::<domain::Decimal>().ok()?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Vec<(u64, String)> {
        let mistakes = read(text.as_bytes()).expect_err("there are mistakes");
        let told = mistakes.into_iter();
        told.map(|mistake| (mistake.row, mistake.column)).collect()
    }

    #[test]
    fn rows_with_one_reference_are_one_order() {
        let text = "\u{feff}Reference;currency;sku;units;price;shipping;name;country;street;paid;method\n\
                    A-1;eur;MUG;2;9,90;4,90;Ada Example;de;\"High St 1; yard\";10;cash\n\
                    ;;;;;;;;;;\n\
                    A-1;;PLATE;1;5.00;;Ada Example;;;;\n\
                    A-2;EUR;MUG;1;9.90;;;;;;\n";
        let orders = read(text.as_bytes()).expect("it is read");
        assert_eq!(orders.len(), 2);
        assert_eq!((orders[0].row, orders[1].row), (2, 5));
        let body = &orders[0].body;
        assert_eq!(body["currency"], "EUR");
        assert_eq!(body["shipping"], "4.90");
        assert_eq!(body["ship_to"]["street"], json!(["High St 1; yard"]));
        assert_eq!(
            body["payments"],
            json!([{ "amount": "10", "method": "cash" }])
        );
        assert_eq!(
            body["lines"],
            json!([
                { "sku": "MUG", "units": "2", "price": "9.90" },
                { "sku": "PLATE", "units": "1", "price": "5.00" },
            ])
        );
        assert_eq!(orders[1].body["payments"], json!([]));
        assert_eq!(orders[1].body["ship_to"], Value::Null);
    }

    #[test]
    fn every_mistake_is_told_by_row_and_column() {
        let at = |row: u64, column: &str| (row, column.to_owned());
        assert_eq!(
            wrong("sku,units,colour,units\n"),
            [
                at(1, "colour"),
                at(1, "units"),
                at(1, "reference"),
                at(1, "currency")
            ]
        );
        let heading = "reference,currency,sku,units,price,name,paid,method,city,country\n";
        for (rows, mistakes) in [
            ("", vec![at(2, "-")]),
            (",EUR,MUG,1,1,,,,,\n", vec![at(2, "reference")]),
            (
                "A,,,x,,,,,,\n",
                vec![
                    at(2, "currency"),
                    at(2, "units"),
                    at(2, "sku"),
                    at(2, "price"),
                ],
            ),
            ("A,EUR,MUG,1,1,,5,,,\n", vec![at(2, "method")]),
            ("A,EUR,MUG,1,1,,,cash,,\n", vec![at(2, "paid")]),
            ("A,EUR,MUG,1,1,,,,Town,\n", vec![at(2, "country")]),
            (
                "A,EUR,MUG,1,1,Ada,,,,\nA,USD,MUG,1,1,Bob,,,,\nB,EUR,MUG,1\n",
                vec![at(3, "currency"), at(3, "name"), at(4, "-")],
            ),
        ] {
            assert_eq!(wrong(&format!("{heading}{rows}")), mistakes, "{rows}");
        }
        let foreign = read(b"reference,sku\nA,caf\xe9\n").expect_err("it is no UTF-8");
        assert_eq!(foreign[0].row, 2);
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (cell, number_is) in [
            ("12", Some("12")),
            ("12.50", Some("12.50")),
            ("12,50", Some("12.50")),
            ("1,234.50", None),
            ("1.234,50", None),
            ("12 EUR", None),
        ] {
            assert_eq!(number(cell).as_deref(), number_is, "{cell}");
        }
    }
}
