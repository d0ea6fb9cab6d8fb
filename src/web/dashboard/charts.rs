//! Charts as SVG, drawn by the server: columns over days, each with what it says as text. Beside every chart is a
//! table with the same numbers.

/// How wide a chart is, in units of its own.
const WIDTH: u64 = 1000;
/// How high the part is in which columns stand.
pub(super) const HEIGHT: u64 = 200;
/// What is left of it for the numbers of the axis.
const LEFT: u64 = 200;
/// How many colors there are; more series share the last.
const COLORS: usize = 6;

/// A part of a column.
pub(super) struct Part {
    pub(super) y: u64,
    pub(super) height: u64,
    /// Which color.
    pub(super) color: usize,
}

/// A column.
pub(super) struct Column {
    pub(super) x: u64,
    pub(super) width: u64,
    /// What it says.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

/// A name of a color.
pub(super) struct Key {
    pub(super) color: usize,
    pub(super) text: String,
}

/// A chart and its table.
pub(super) struct Chart {
    /// What tells it from others of a page.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) columns: Vec<Column>,
    /// Lines across, with their numbers.
    pub(super) lines: Vec<(u64, String)>,
    /// Days below it, where they stand.
    pub(super) days: Vec<(u64, String)>,
    /// What the colors mean; nothing where there is only one.
    pub(super) keys: Vec<Key>,
    pub(super) heads: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// What is to be drawn: numbers of each series, day by day.
pub(super) struct Numbers {
    pub(super) id: String,
    pub(super) title: String,
    /// What the first column of the table is called.
    pub(super) day: String,
    pub(super) series: Vec<String>,
    /// The day as people write it, and a number of each series.
    pub(super) days: Vec<(String, Vec<u64>)>,
}

/// The least number that is easy to read and not less.
fn round_up(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let round = power.saturating_mul(step);
            if round >= most.max(1) || round == u64::MAX {
                return round;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Draws numbers; `say` writes one as people do.
pub(super) fn draw(numbers: Numbers, say: impl Fn(u64) -> String) -> Chart {
    let sum = |(_, values): &(String, Vec<u64>)| values.iter().sum::<u64>();
    let most = round_up(numbers.days.iter().map(sum).max().unwrap_or_default());
    let share = |value: u64| {
        let height = u128::from(value) * u128::from(HEIGHT) / u128::from(most);
        u64::try_from(height).unwrap_or(HEIGHT)
    };
    let count = numbers.days.len().max(1) as u64;
    let step = (WIDTH - LEFT) / count;
    let place = |at: usize| LEFT + step * at as u64;
    let column = |(at, (day, values)): (usize, &(String, Vec<u64>))| {
        let mut below = 0;
        let mut parts = Vec::new();
        for (series, value) in values.iter().enumerate() {
            let (from, to) = (share(below), share(below + value));
            below += value;
            if to > from {
                parts.push(Part {
                    y: HEIGHT - to,
                    height: to - from,
                    color: series.min(COLORS - 1),
                });
            }
        }
        Column {
            x: place(at),
            width: (step - step / 5).max(1),
            text: format!("{day}: {}", say(below)),
            parts,
        }
    };
    let last = numbers.days.len().saturating_sub(1);
    let mut marked = vec![0, last / 2, last];
    marked.dedup();
    let day = |at: usize| Some((place(at), numbers.days.get(at)?.0.clone()));
    let row = |(day, values): &(String, Vec<u64>)| {
        let mut row = vec![day.clone()];
        row.extend(values.iter().map(|value| say(*value)));
        row
    };
    let mut lines = vec![0, most / 2, most];
    lines.dedup();
    let is_told = |(_, values): &&(String, Vec<u64>)| values.iter().any(|value| *value > 0);
    Chart {
        columns: numbers.days.iter().enumerate().map(column).collect(),
        lines: lines
            .into_iter()
            .map(|value| (HEIGHT - share(value), say(value)))
            .collect(),
        days: marked.into_iter().filter_map(day).collect(),
        keys: match numbers.series.len() {
            0 | 1 => Vec::new(),
            _ => numbers
                .series
                .iter()
                .enumerate()
                .map(|(series, text)| Key {
                    color: series.min(COLORS - 1),
                    text: text.clone(),
                })
                .collect(),
        },
        rows: numbers.days.iter().rev().filter(is_told).map(row).collect(),
        heads: std::iter::once(numbers.day).chain(numbers.series).collect(),
        id: numbers.id,
        title: numbers.title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_numbers_that_are_easy_to_read() {
        for (most, end) in [
            (0, 1),
            (1, 1),
            (3, 5),
            (7, 10),
            (11, 20),
            (450, 500),
            (501, 1000),
        ] {
            assert_eq!(round_up(most), end);
        }
        assert_eq!(round_up(u64::MAX), u64::MAX);
    }

    #[test]
    fn columns_are_as_high_as_their_numbers_and_stacked() {
        let numbers = Numbers {
            id: "orders".to_owned(),
            title: "Orders".to_owned(),
            day: "Day".to_owned(),
            series: vec!["shop".to_owned(), "till".to_owned()],
            days: vec![
                ("1".to_owned(), vec![3, 2]),
                ("2".to_owned(), vec![0, 10]),
                ("3".to_owned(), vec![0, 0]),
            ],
        };
        let chart = draw(numbers, |value| value.to_string());
        let parts: Vec<Vec<(u64, u64, usize)>> = chart
            .columns
            .iter()
            .map(|column| column.parts.iter())
            .map(|parts| {
                parts
                    .map(|part| (part.y, part.height, part.color))
                    .collect()
            })
            .collect();
        let right = vec![vec![(140, 60, 0), (100, 40, 1)], vec![(0, 200, 1)], vec![]];
        assert_eq!(parts, right);
        assert_eq!(chart.columns[0].text, "1: 5");
        assert_eq!(chart.rows, [["2", "0", "10"], ["1", "3", "2"]]);
        let columns = &chart.columns;
        assert!(
            columns
                .windows(2)
                .all(|two| two[0].x + two[0].width <= two[1].x)
        );
        assert!(
            columns
                .iter()
                .all(|column| column.x + column.width <= WIDTH)
        );
    }
}
