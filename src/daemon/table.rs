//! Tables of figures for people: the first column to the left, numbers to the right.

use std::io::Write;

/// Prints rows below their heads.
pub(crate) fn print(
    out: &mut dyn Write,
    heads: &[&str],
    rows: &[Vec<String>],
) -> std::io::Result<()> {
    let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all = || std::iter::once(&heads).chain(rows);
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = all().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in all() {
        let mut line = String::new();
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            line.push_str(&match at {
                0 => format!("{cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Thousandths as people write them: `1.25`.
pub(crate) fn milli(thousandths: u64) -> String {
    let hundredths = thousandths.saturating_add(5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut out = Vec::new();
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["web", "7", "a"]), row(["market", "1234", ""])];
        print(&mut out, &["ACCOUNT", "N", "WHY"], &rows).expect("it is printed");
        let text = String::from_utf8(out).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            ["ACCOUNT     N  WHY", "web         7    a", "market   1234"]
        );
        assert_eq!(
            (milli(0), milli(1234), milli(1999)),
            ("0.00".into(), "1.23".into(), "2.00".into())
        );
    }
}
