//! Conditions of order rules: what they may be made of, and where in a text something is wrong.
//!
//! A condition compares, adds and subtracts; it neither multiplies nor divides. So every number in it can be
//! taken in millionths, as a whole number, and an amount of money is compared exactly, by its decimals in the
//! order's currency: no float comes near it. What a condition may name, and of which sort each name is, is
//! [`domain::order_rules::NAMES`]. The evaluation itself is in [`super::formula`].

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use domain::{
    Decimal,
    order_rules::{Condition, ConditionRef, NAMES, Seen, Sort},
};

use super::formula::{NotAFormula, Operand, Truth};

/// The longest condition; a longer one is a program.
const LENGTH_MAX: usize = 1000;
/// With so many decimals numbers are compared. Currencies have at most four, quantities six.
const DECIMALS: usize = 6;
/// The functions that there are.
pub(super) const FUNCTIONS: [&str; 3] = ["starts_with", "contains", "lower"];
/// Words of the language itself.
const KEYWORDS: [&str; 8] = ["and", "or", "not", "in", "if", "else", "true", "false"];
/// The name below which any word may stand.
const WORDS: &str = "order.words";

/// A condition that was read and tried.
struct Compiled {
    text: String,
    names: Vec<String>,
    truth: Truth,
}

/// A text that a condition compares a name with, so that whoever knows more can say whether it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The name.
    pub name: String,
    /// The text.
    pub text: String,
    /// Where the text stands, in bytes, with its quotes.
    pub at: Range<usize>,
}

/// A condition, and what it compares.
#[derive(Debug)]
pub struct Read {
    /// The condition.
    pub condition: ConditionRef,
    /// The texts in it that stand beside a name.
    pub compared: Vec<Compared>,
}

/// What a condition may name, for whoever made a slip.
pub fn known_names() -> Vec<&'static str> {
    let names = NAMES.iter().map(|(name, ..)| *name);
    names.chain(FUNCTIONS).collect()
}

/// Reads a condition, and tries it with values of every sort.
pub fn compile(text: &str) -> Result<Read, NotAFormula> {
    if text.len() > LENGTH_MAX {
        return Err(wrong(
            format!("a condition has at most {LENGTH_MAX} characters"),
            None,
        ));
    }
    let tokens = tokens(text)?;
    // Its grammar, with the places as they were written.
    Truth::compile(text.to_owned())?;
    let names = check_names(&tokens)?;
    check_sorts(&tokens)?;
    let compared = compared(&tokens);
    let compiled = Compiled {
        text: text.to_owned(),
        names,
        truth: Truth::compile(in_millionths(text, &tokens)?)?,
    };
    for values in samples() {
        if let Err(problem) = compiled.holds(&values) {
            return Err(wrong(problem, None));
        }
    }
    Ok(Read {
        condition: ConditionRef(Arc::new(compiled)),
        compared,
    })
}

/// The texts that stand in a condition.
pub(crate) fn texts_of(text: &str) -> Vec<String> {
    let tokens = tokens(text).unwrap_or_default().into_iter();
    let texts = tokens.filter(|token| token.kind == Kind::Text);
    texts.map(|token| token.text).collect()
}

impl Condition for Compiled {
    fn text(&self) -> &str {
        &self.text
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn holds(&self, seen: &BTreeMap<&'static str, Seen>) -> Result<bool, String> {
        let mut tables: BTreeMap<String, Operand> = BTreeMap::new();
        for (name, value) in seen {
            let (table, key) = name.split_once('.').unwrap_or((name, ""));
            let slot = tables.entry(table.to_owned());
            let slot = slot.or_insert_with(|| Operand::Table(BTreeMap::new()));
            if let Operand::Table(inner) = slot {
                inner.insert(key.to_owned(), operand(value)?);
            }
        }
        self.truth.holds(&tables)
    }
}

fn wrong(problem: String, at: Option<Range<usize>>) -> NotAFormula {
    NotAFormula {
        problem,
        at,
        unknown: None,
    }
}

fn operand(value: &Seen) -> Result<Operand, String> {
    let number = |digits: i64, scale: u8| {
        let missing = DECIMALS.checked_sub(usize::from(scale));
        let factor = missing.and_then(|missing| 10_i128.checked_pow(u32::try_from(missing).ok()?));
        let number = factor.map(|factor| Operand::Number(i128::from(digits) * factor));
        number.ok_or_else(|| format!("{value} has too many decimals"))
    };
    match value {
        Seen::Text(text) => Ok(Operand::Text(text.clone())),
        Seen::Number(decimal) => {
            let (digits, scale) = decimal.parts();
            number(digits, scale)
        }
        Seen::Amount(amount) => number(amount.minor(), amount.currency().exponent()),
        Seen::Truth(truth) => Ok(Operand::Truth(*truth)),
        Seen::Texts(texts) => Ok(Operand::List(texts.clone())),
        Seen::Words(words) => {
            let words = words
                .iter()
                .map(|(name, word)| (name.clone(), Operand::Text(word.clone())));
            Ok(Operand::Table(words.collect()))
        }
    }
}

/// A part of a text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    kind: Kind,
    text: String,
    at: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A name, with its points.
    Name,
    /// A word before an opening parenthesis.
    Function,
    /// A word of the language.
    Keyword,
    /// A number.
    Number,
    /// A text; without its quotes.
    Text,
    /// Anything else.
    Sign,
}

/// Takes a text apart. What cannot be in a condition is told at its place.
fn tokens(text: &str) -> Result<Vec<Token>, NotAFormula> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if first.is_whitespace() {
            continue;
        }
        let token = token(text, start, first)?;
        while rest.peek().is_some_and(|(next, _)| *next < token.at.end) {
            rest.next();
        }
        if token.text == "[" && token.kind == Kind::Sign && tokens.last().is_some_and(is_operand) {
            let problem =
                "a condition looks at no single element: ask whether something is `in` it";
            return Err(wrong(problem.to_owned(), Some(token.at)));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

/// The token that begins here.
fn token(text: &str, start: usize, first: char) -> Result<Token, NotAFormula> {
    let run = |is_in: fn(char) -> bool| {
        let tail = text.get(start..).unwrap_or_default();
        let length = tail.find(|c| !is_in(c)).unwrap_or(tail.len());
        start..start + length
    };
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let (kind, at) = match first {
        c if c.is_alphabetic() || c == '_' => (Kind::Name, run(is_part)),
        c if c.is_ascii_digit() => (Kind::Number, run(is_part)),
        '"' | '\'' => {
            let tail = text.get(start + 1..).unwrap_or_default();
            let Some(length) = tail.find(first) else {
                let problem = "this text does not end: write the same quote after it".to_owned();
                return Err(wrong(problem, Some(start..text.len())));
            };
            (Kind::Text, start..start + length + 2)
        }
        '=' | '!' | '<' | '>' => (Kind::Sign, run(|c| matches!(c, '=' | '!' | '<' | '>'))),
        '(' | ')' | '[' | ']' | ',' | '+' | '-' => (Kind::Sign, start..start + 1),
        other => {
            let problem =
                format!("a condition compares, adds and subtracts: it knows no `{other}`");
            return Err(wrong(problem, Some(start..start + other.len_utf8())));
        }
    };
    let said = text.get(at.clone()).unwrap_or_default();
    let is_called = || {
        let tail = text.get(at.end..).unwrap_or_default();
        tail.trim_start().starts_with('(')
    };
    let (kind, said) = match kind {
        Kind::Text if said.contains('\\') => {
            let problem = "a text in a condition holds no `\\`".to_owned();
            return Err(wrong(problem, Some(at)));
        }
        Kind::Text => (kind, said.trim_matches(first)),
        Kind::Name if KEYWORDS.contains(&said) => (Kind::Keyword, said),
        Kind::Name if is_called() => (Kind::Function, said),
        Kind::Name | Kind::Function | Kind::Keyword | Kind::Number | Kind::Sign => (kind, said),
    };
    Ok(Token {
        kind,
        text: said.to_owned(),
        at,
    })
}

/// Whether a value ends here.
fn is_operand(token: &Token) -> bool {
    match token.kind {
        Kind::Name | Kind::Number | Kind::Text => true,
        Kind::Sign => token.text == ")" || token.text == "]",
        Kind::Function | Kind::Keyword => false,
    }
}

/// The names that a condition looks at, each once; one that is not known is told.
fn check_names(tokens: &[Token]) -> Result<Vec<String>, NotAFormula> {
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        let is_known = match token.kind {
            Kind::Name => sort_of(&token.text).is_some(),
            Kind::Function => FUNCTIONS.contains(&token.text.as_str()),
            Kind::Keyword | Kind::Number | Kind::Text | Kind::Sign => true,
        };
        if !is_known {
            return Err(NotAFormula {
                problem: format!("a condition knows no `{}`", token.text),
                at: Some(token.at.clone()),
                unknown: Some(token.text.clone()),
            });
        }
        if token.kind == Kind::Name && !names.contains(&token.text) {
            names.push(token.text.clone());
        }
    }
    Ok(names)
}

/// What stands behind a name.
fn sort_of(name: &str) -> Option<Sort> {
    let found = NAMES.iter().find(|(known, ..)| *known == name);
    if let Some((_, sort, _)) = found {
        return Some(*sort);
    }
    let word = name.strip_prefix(WORDS)?.strip_prefix('.')?;
    let is_word = !word.is_empty() && !word.contains('.');
    is_word.then_some(Sort::Text)
}

/// A number is compared with numbers and a text with texts, where both stand side by side.
fn check_sorts(tokens: &[Token]) -> Result<(), NotAFormula> {
    let sort = |token: &Token| match token.kind {
        Kind::Name => sort_of(&token.text),
        Kind::Number => Some(Sort::Number),
        Kind::Text => Some(Sort::Text),
        Kind::Keyword if token.text == "true" || token.text == "false" => Some(Sort::Truth),
        Kind::Function | Kind::Keyword | Kind::Sign => None,
    };
    for triple in tokens.windows(3) {
        let [left, between, right] = triple else {
            continue;
        };
        let (Some(one), Some(other)) = (sort(left), sort(right)) else {
            continue;
        };
        let is_order = between.text.starts_with(['<', '>']);
        let compares = between.kind == Kind::Sign && (is_order || between.text.contains('='));
        let asks_in = between.kind == Kind::Keyword && between.text == "in";
        let problem = if compares && one != other {
            format!(
                "{} is compared with {}: that is never so",
                named(left, one),
                named(right, other)
            )
        } else if compares && matches!(one, Sort::Texts | Sort::Words) {
            format!("{} is several: ask whether something is `in` it", left.text)
        } else if is_order && one != Sort::Number {
            format!(
                "{} is no number, and neither more nor less than another",
                left.text
            )
        } else if asks_in
            && !(one == Sort::Text && matches!(other, Sort::Texts | Sort::Words | Sort::Text))
        {
            format!("{} is not in {}", named(left, one), named(right, other))
        } else {
            continue;
        };
        return Err(wrong(problem, Some(left.at.start..right.at.end)));
    }
    Ok(())
}

fn named(token: &Token, sort: Sort) -> String {
    let what = match sort {
        Sort::Text => "a text",
        Sort::Number => "a number",
        Sort::Truth => "true or false",
        Sort::Texts | Sort::Words => "several texts",
    };
    match token.kind {
        Kind::Text => format!("{what} (\"{}\")", token.text),
        _ => format!("{what} ({})", token.text),
    }
}

/// Texts beside a name: `name == "text"`, `"text" in name`, `name in ["text", …]`.
fn compared(tokens: &[Token]) -> Vec<Compared> {
    let mut compared = Vec::new();
    let mut note = |name: &Token, text: &Token| {
        if name.kind == Kind::Name && text.kind == Kind::Text {
            compared.push(Compared {
                name: name.text.clone(),
                text: text.text.clone(),
                at: text.at.clone(),
            });
        }
    };
    for (index, between) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| tokens.get(at));
        let (Some(left), Some(right)) = (before, tokens.get(index + 1)) else {
            continue;
        };
        let is_equal = between.text == "==" || between.text == "!=";
        match between.kind {
            Kind::Sign if is_equal => {
                note(left, right);
                note(right, left);
            }
            Kind::Keyword if between.text == "in" => {
                note(right, left);
                // `not in` has a keyword before it.
                let name = if left.text == "not" {
                    index.checked_sub(2)
                } else {
                    index.checked_sub(1)
                };
                let Some(name) = name.and_then(|at| tokens.get(at)) else {
                    continue;
                };
                let listed = tokens
                    .iter()
                    .skip(index + 2)
                    .take_while(|token| token.text != "]");
                for text in listed.filter(|_| right.text == "[") {
                    note(name, text);
                }
                if left.text == "not" {
                    note(right, name);
                }
            }
            Kind::Name
            | Kind::Function
            | Kind::Keyword
            | Kind::Number
            | Kind::Text
            | Kind::Sign => {}
        }
    }
    compared
}

/// The same condition with every number in millionths.
fn in_millionths(text: &str, tokens: &[Token]) -> Result<String, NotAFormula> {
    let mut written = String::new();
    let mut end = 0;
    for token in tokens.iter().filter(|token| token.kind == Kind::Number) {
        let number =
            millionths(&token.text).map_err(|problem| wrong(problem, Some(token.at.clone())))?;
        written.push_str(text.get(end..token.at.start).unwrap_or_default());
        written.push_str(&number);
        end = token.at.end;
    }
    written.push_str(text.get(end..).unwrap_or_default());
    Ok(written)
}

fn millionths(number: &str) -> Result<String, String> {
    let decimal: Decimal = number
        .parse()
        .map_err(|_| format!("`{number}` is no number: write 500 or 12.50"))?;
    let (digits, scale) = decimal.parts();
    let missing = DECIMALS.checked_sub(usize::from(scale));
    let missing = missing.ok_or_else(|| format!("`{number}` has more than {DECIMALS} decimals"))?;
    let zeros = "0".repeat(missing);
    Ok(match digits {
        0 => "0".to_owned(),
        digits => format!("{digits}{zeros}"),
    })
}

/// Values of every sort, empty ones among them.
fn samples() -> Vec<BTreeMap<&'static str, Seen>> {
    let value = |sort: Sort, is_full: bool| match (sort, is_full) {
        (Sort::Text, true) => Seen::Text("DE".to_owned()),
        (Sort::Text, false) => Seen::Text(String::new()),
        (Sort::Number, true) => Seen::Number(Decimal::whole(1000)),
        (Sort::Number, false) => Seen::Number(Decimal::ZERO),
        (Sort::Truth, is_so) => Seen::Truth(is_so),
        (Sort::Texts, true) => Seen::Texts(vec!["DE".to_owned()]),
        (Sort::Texts, false) => Seen::Texts(Vec::new()),
        (Sort::Words, _) => Seen::Words(BTreeMap::new()),
    };
    let sample = |is_full: bool| {
        NAMES
            .iter()
            .map(|(name, sort, _)| (*name, value(*sort, is_full)))
            .collect()
    };
    vec![sample(true), sample(false)]
}

#[cfg(test)]
mod tests {
    use domain::{Currency, Money};

    use super::*;

    fn values(total: &str, currency: &str) -> BTreeMap<&'static str, Seen> {
        let currency = Currency::new(currency).expect("a currency");
        let mut values = samples().remove(0);
        let total = Money::parse(total, currency).expect("an amount");
        values.insert("order.total", Seen::Amount(total));
        values.insert(
            "order.units",
            Seen::Number("2.5".parse().expect("a decimal")),
        );
        values.insert("order.tags", Seen::Texts(vec!["vip".to_owned()]));
        let words = BTreeMap::from([("status".to_owned(), "on-hold".to_owned())]);
        values.insert("order.words", Seen::Words(words));
        values.insert("ship.country", Seen::Text("CH".to_owned()));
        values.insert("bill.country", Seen::Text("DE".to_owned()));
        values
    }

    fn holds(text: &str, values: &BTreeMap<&'static str, Seen>) -> bool {
        let read = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        read.condition.0.holds(values).expect(text)
    }

    #[test]
    fn conditions_are_so_or_not() {
        let values = values("500.10", "EUR");
        for (text, is_so) in [
            ("order.total > 500 and ship.country != bill.country", true),
            ("order.total > 500.1", false),
            ("order.total >= 500.1", true),
            ("order.total == 500.10", true),
            ("order.total - 0.10 == 500", true),
            ("500.10 <= order.total", true),
            ("order.units == 2.5", true),
            ("order.units > 2 and order.units < 3", true),
            ("ship.country in [\"AT\", \"CH\"]", true),
            ("ship.country not in ['AT', 'CH']", false),
            ("\"vip\" in order.tags", true),
            ("not \"vip\" in order.tags", false),
            ("order.words.status == \"on-hold\"", true),
            ("order.words.gone == \"on-hold\"", false),
            ("order.words.gone != \"on-hold\"", true),
            ("contains(order.words.gone, \"x\")", false),
            (
                "starts_with(ship.country, \"C\") and contains(lower(order.words.status), \"hold\")",
                true,
            ),
            ("order.is_short", true),
            ("order.is_short == false", false),
            ("order.total > 100 if order.is_short else true", true),
        ] {
            assert_eq!(holds(text, &values), is_so, "{text}");
        }
    }

    /// By floats, 0.1 + 0.2 is not 0.3, and large amounts lose their cents.
    #[test]
    fn money_is_compared_exactly_in_every_currency() {
        for (total, currency, text, is_so) in [
            ("0.30", "EUR", "order.total == 0.1 + 0.2", true),
            ("0.30", "EUR", "order.total > 0.1 + 0.2", false),
            (
                "9999999999999.99",
                "EUR",
                "order.total > 9999999999999.98",
                true,
            ),
            (
                "9999999999999.99",
                "EUR",
                "order.total >= 10000000000000",
                false,
            ),
            ("500", "JPY", "order.total == 500", true),
            ("500.001", "KWD", "order.total > 500", true),
            ("-0.01", "EUR", "order.total < 0", true),
        ] {
            assert_eq!(
                holds(text, &values(total, currency)),
                is_so,
                "{total} {currency}: {text}"
            );
        }
        let step = |cents: i64| {
            let text = format!("order.total == {}.{:02}", cents / 100, cents % 100);
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            holds(&text, &values(&amount, "EUR"))
        };
        assert!((0..2_000).all(step));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of what is wrong")]
    fn what_is_no_condition_is_told_at_its_place() {
        for (text, problem, at) in [
            (
                "order.totl > 5",
                "a condition knows no `order.totl`",
                Some(0..10),
            ),
            (
                "order.total > limit",
                "a condition knows no `limit`",
                Some(14..19),
            ),
            (
                "upper(ship.country) == \"CH\"",
                "a condition knows no `upper`",
                Some(0..5),
            ),
            ("order.words", "the result is neither true nor false", None),
            (
                "order.words.a.b == \"x\"",
                "a condition knows no `order.words.a.b`",
                Some(0..15),
            ),
            (
                "order.total * 2 > 5",
                "a condition compares, adds and subtracts: it knows no `*`",
                Some(12..13),
            ),
            (
                "ship.country | upper == \"A\"",
                "a condition compares, adds and subtracts: it knows no `|`",
                Some(13..14),
            ),
            (
                "order.total > \"500\"",
                "a number (order.total) is compared with a text (\"500\"): that is never so",
                Some(0..19),
            ),
            (
                "ship.country > bill.country",
                "ship.country is no number",
                Some(0..27),
            ),
            (
                "order.tags == \"vip\"",
                "several texts (order.tags) is compared with a text",
                Some(0..19),
            ),
            (
                "order.total in order.tags",
                "a number (order.total) is not in several texts",
                Some(0..25),
            ),
            (
                "order.skus[0] == \"A\"",
                "a condition looks at no single element",
                Some(10..11),
            ),
            (
                "order.total > 500 EUR",
                "unexpected input after expression",
                Some(18..21),
            ),
            (
                "order.total > 5.1234567",
                "`5.1234567` has more than 6 decimals",
                Some(14..23),
            ),
            (
                "order.total > 5e3",
                "`5e3` is no number: write 500 or 12.50",
                Some(14..17),
            ),
            ("order.total", "the result is neither true nor false", None),
            (
                "order.total >",
                "unexpected end of input, expected expression",
                None,
            ),
            (
                "order.total > 5 and",
                "unexpected end of input, expected expression",
                None,
            ),
            ("\"DE", "this text does not end", Some(0..3)),
            (
                "ship.country == \"a\\n\"",
                "a text in a condition holds no `\\`",
                Some(16..21),
            ),
            ("", "unexpected end of input, expected expression", None),
        ] {
            let error = compile(text).expect_err(text);
            assert!(error.problem.starts_with(problem), "{text}: {error:?}");
            if at.is_some() {
                assert_eq!(error.at, at, "{text}");
            }
        }
        assert!(compile(&"(".repeat(900)).is_err());
        assert!(compile(&"not ".repeat(240)).is_err());
    }

    #[test]
    fn what_a_condition_looks_at_and_compares_is_known() {
        let text = "order.account == \"eu\" and \"vip\" in order.tags and ship.country not in [\"DE\", 'AT'] \
                    and order.account != 'us' and \"a\" not in order.skus";
        let read = compile(text).expect("a condition");
        assert_eq!(
            read.condition.0.names(),
            ["order.account", "order.tags", "ship.country", "order.skus"]
        );
        let said: Vec<String> = read
            .compared
            .iter()
            .map(|one| format!("{} {}", one.name, one.text))
            .collect();
        let expected = [
            "order.account eu",
            "order.tags vip",
            "ship.country DE",
            "ship.country AT",
            "order.account us",
            "order.skus a",
        ];
        assert_eq!(said, expected);
        assert_eq!(text.get(read.compared[0].at.clone()), Some("\"eu\""));
    }
}
