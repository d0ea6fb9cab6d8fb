//! A sheet as one HTML page: no script, no address that is fetched, all text escaped.
//!
//! Text enters the page through [`escaped`] only.

use crate::{
    Paper,
    sheet::{Cell, Column, Row, Sheet, Table},
    text,
};

/// Refuses all that is fetched or run, should an escape ever be forgotten.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "\
:root{color-scheme:light}\
body{margin:0;background:#fff;color:#111;font:10pt/1.4 'Noto Sans','Segoe UI',Helvetica,Arial,sans-serif}\
main{box-sizing:border-box;max-width:190mm;margin:0 auto;padding:12mm 8mm;overflow-wrap:anywhere}\
p,h1,h2,dl,dd,dt{margin:0}\
.head,.about,.foot{display:flex;flex-wrap:wrap;gap:6mm;justify-content:space-between}\
.head{margin-bottom:9mm}\
.head>*,.about>*,.foot>*{flex:1 1 40mm;min-width:0}.head>*{flex-basis:55mm}\
.title{text-align:right}\
h1{font-size:18pt;line-height:1.2}\
h2,.name{font-size:10pt;font-weight:700}\
.name{font-size:12pt}\
.small,.foot{color:#555;font-size:8.5pt}\
.about{margin-bottom:8mm}\
address{font-style:normal}\
.about>dl{flex:1.6 1 62mm}dl{display:grid;grid-template-columns:auto 1fr;gap:0 4mm;align-content:start}\
dt{color:#555}\
table{width:100%;border-collapse:collapse;margin:0 0 5mm}\
caption{text-align:left;font-weight:700;padding-bottom:1mm}\
th,td{padding:1.2mm 1.5mm;text-align:left;vertical-align:top}\
thead th{border-bottom:1.5pt solid #111;font-size:8.5pt;white-space:nowrap}\
tbody td,tbody th{border-bottom:.5pt solid #ccc}\
tbody th{background:#f2f2f2}\
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
.item{width:99%;min-width:30mm}\
.box{display:inline-block;width:4mm;height:4mm;border:1pt solid #111}\
.sums{width:auto;min-width:75mm;margin-left:auto}\
.sums th{font-weight:400;background:none}\
.sums .main>*{font-weight:700;border-bottom:1pt solid #111}\
.note{margin-bottom:4mm;white-space:pre-line}\
.foot{border-top:.5pt solid #999;padding-top:3mm;margin-top:8mm}\
@media print{main{max-width:none;padding:0}thead{display:table-header-group}\
tr,.sums,.note,.foot{break-inside:avoid}}";

/// All that stands in the page's one `style`: whoever serves the page can allow that and nothing else.
pub(crate) fn style(paper: Paper) -> String {
    let size = match paper {
        Paper::A4 => "A4",
        Paper::Letter => "letter",
    };
    format!("@page{{size:{size};margin:15mm}}{STYLE}")
}

/// The page.
pub(crate) fn write(sheet: &Sheet) -> String {
    let style = style(sheet.paper);
    let language = sheet.language.code();
    let kind = escaped(sheet.kind);
    let number = escaped(&sheet.number);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{kind} {number}</title>\n\
         <style>{style}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut page, sheet);
    about(&mut page, sheet);
    for (at, each) in sheet.tables.iter().enumerate() {
        table(&mut page, each);
        if at == 0 {
            sums(&mut page, sheet);
        }
    }
    for (heading, note) in &sheet.notes {
        page.push_str("<section class=\"note\">");
        if !heading.is_empty() {
            page.push_str(&format!("<h2>{}</h2>", escaped(heading)));
        }
        page.push_str(&format!("<p>{}</p></section>\n", escaped(note)));
    }
    foot(&mut page, sheet);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, sheet: &Sheet) {
    let seller = escaped(&sheet.seller);
    let lines = broken(&sheet.seller_lines);
    page.push_str(&format!(
            "<header class=\"head\">\n<div><p class=\"name\">{seller}</p><p class=\"small\">{lines}</p></div>\n\
             <div class=\"title\"><h1>{}</h1><p>{}</p></div>\n</header>\n",
            escaped(sheet.kind),
            escaped(&sheet.number)
        ),
    );
}

fn about(page: &mut String, sheet: &Sheet) {
    page.push_str("<div class=\"about\">\n");
    for party in &sheet.parties {
        let heading = escaped(party.heading);
        let lines = broken(&party.lines);
        page.push_str(&format!(
            "<section><h2>{heading}</h2><address>{lines}</address></section>\n"
        ));
    }
    page.push_str("<dl>\n");
    for (label, fact) in &sheet.facts {
        page.push_str(&format!(
            "<dt>{}</dt><dd>{}</dd>\n",
            escaped(label),
            escaped(fact)
        ));
    }
    page.push_str("</dl>\n</div>\n");
}

fn table(page: &mut String, table: &Table) {
    page.push_str("<table>\n");
    if !table.caption.is_empty() {
        page.push_str(&format!("<caption>{}</caption>\n", escaped(table.caption)));
    }
    page.push_str("<thead><tr>");
    for column in &table.columns {
        let heading = escaped(column.heading);
        page.push_str(&format!(
            "<th scope=\"col\"{}>{heading}</th>",
            class(column)
        ));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (at, row) in table.rows.iter().enumerate() {
        match row {
            Row::Group(heading) => {
                // A heading is of the rows of its own body.
                if at > 0 {
                    page.push_str("</tbody>\n<tbody>\n");
                }
                let width = table.columns.len();
                let heading = escaped(heading);
                page.push_str(&format!(
                    "<tr><th scope=\"rowgroup\" colspan=\"{width}\">{heading}</th></tr>\n"
                ));
            }
            Row::Cells(cells) => {
                page.push_str("<tr>");
                for (cell, column) in cells.iter().zip(&table.columns) {
                    page.push_str(&format!("<td{}>{}</td>", class(column), inner(cell)));
                }
                page.push_str("</tr>\n");
            }
        }
    }
    page.push_str("</tbody>\n</table>\n");
}

fn class(column: &Column) -> &'static str {
    match (column.is_number, column.takes_rest) {
        (true, _) => " class=\"number\"",
        (false, true) => " class=\"item\"",
        (false, false) => "",
    }
}

fn inner(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => escaped(text),
        Cell::Item { title, detail } => format!(
            "{}<br><span class=\"small\">{}</span>",
            escaped(title),
            escaped(detail)
        ),
        Cell::TickBox => "<span class=\"box\"></span>".to_owned(),
    }
}

fn sums(page: &mut String, sheet: &Sheet) {
    if sheet.sums.is_empty() {
        return;
    }
    page.push_str("<table class=\"sums\">\n<tbody>\n");
    for sum in &sheet.sums {
        let class = if sum.is_main { " class=\"main\"" } else { "" };
        let (label, amount) = (escaped(&sum.label), escaped(&sum.amount));
        page.push_str(&format!(
            "<tr{class}><th scope=\"row\">{label}</th><td class=\"number\">{amount}</td></tr>\n"
        ));
    }
    page.push_str("</tbody>\n</table>\n");
}

fn foot(page: &mut String, sheet: &Sheet) {
    if sheet.foot.is_empty() {
        return;
    }
    page.push_str("<footer class=\"foot\">\n");
    for lines in &sheet.foot {
        page.push_str(&format!("<p>{}</p>\n", broken(lines)));
    }
    page.push_str("</footer>\n");
}

/// Lines below each other.
fn broken(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    lines.join("<br>")
}

/// A text as content of an element.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, line) in text::lines(text).iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        for c in line.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
    }
    out
}
