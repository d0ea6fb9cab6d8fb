//! Formulas that an admin wrote: expressions over a few numbers, and nothing else.
//!
//! They know no text, no list, no filter and no clock, so the same numbers always give the same
//! result. A formula is tried out when it is read; what fails then is a mistake of the configuration.
//! [`fill`] fills the templates of messages. [`Truth`] is what the conditions of order rules are evaluated with; what these may be made of is said in
//! [`super::condition`].

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, LazyLock},
};

use domain::{
    Quantity,
    rules::{Formula, FormulaRef, Given, Ratio},
};
use minijinja::{AutoEscape, Environment, Expression, UndefinedBehavior, Value, value::ValueKind};

/// The longest formula; a longer one is a program.
const LENGTH_MAX: usize = 500;
/// What a formula may name, beside the functions.
const NAMES: [&str; 5] = ["sellable", "share", "shared", "buffer", "max"];
/// The functions that there are.
const FUNCTIONS: [&str; 2] = ["smaller", "larger"];
/// What begins a text, a list or a table.
const FOREIGN: [char; 7] = ['"', '\'', '[', '{', '|', '~', '\0'];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.add_function("smaller", |a: Value, b: Value| if a <= b { a } else { b });
    environment.add_function("larger", |a: Value, b: Value| if a >= b { a } else { b });
    environment
});

/// What conditions are evaluated in: there are no filters and no tests, and what nobody told is nothing.
static CONDITIONS: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_debug(true);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    environment.add_function("starts_with", move |all: Value, part: Value| {
        text(&all).starts_with(&text(&part))
    });
    environment.add_function("contains", move |all: Value, part: Value| {
        text(&all).contains(&text(&part))
    });
    environment.add_function("lower", move |all: Value| text(&all).to_lowercase());
    environment
});

/// What messages are filled in: a name that does not exist is a mistake, and HTML is escaped.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.set_auto_escape_callback(|name| match name {
        HTML => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    environment.add_filter("upper", move |value: Value| text(&value).to_uppercase());
    environment.add_filter("lower", move |value: Value| text(&value).to_lowercase());
    environment.add_filter("join", move |list: Value, between: String| {
        let parts = list.try_iter();
        parts.map(|parts| {
            parts
                .map(|part| text(&part))
                .collect::<Vec<_>>()
                .join(&between)
        })
    });
    environment
});

/// The name of a template whose values are escaped.
const HTML: &str = "html";

/// Fills a template with values.
pub(crate) fn fill(
    template: &str,
    is_html: bool,
    values: &serde_json::Value,
) -> Result<String, String> {
    let name = if is_html { HTML } else { "text" };
    let filled = TEMPLATES.render_named_str(name, template, value_of(values));
    filled.map_err(|error| {
        let at = error.range().and_then(|at| template.get(at));
        match at {
            Some(at) if !said(&error).contains(at) => format!("{}, at `{at}`", said(&error)),
            Some(_) | None => said(&error),
        }
    })
}

fn value_of(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(is_so) => Value::from(*is_so),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::from(number),
            None => Value::from(number.to_string()),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(values) => {
            Value::from(values.iter().map(value_of).collect::<Vec<Value>>())
        }
        serde_json::Value::Object(values) => {
            let values = values
                .iter()
                .map(|(name, value)| (name.clone(), value_of(value)));
            Value::from(values.collect::<BTreeMap<String, Value>>())
        }
    }
}

/// A value that an expression looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// A whole number.
    Number(i128),
    /// A text.
    Text(String),
    /// Yes or no.
    Truth(bool),
    /// Texts.
    List(Vec<String>),
    /// Values by name.
    Table(BTreeMap<String, Operand>),
}

impl From<&Operand> for Value {
    fn from(operand: &Operand) -> Value {
        match operand {
            Operand::Number(number) => Value::from(*number),
            Operand::Text(text) => Value::from(text.as_str()),
            Operand::Truth(truth) => Value::from(*truth),
            Operand::List(texts) => Value::from(texts.clone()),
            Operand::Table(table) => {
                let values = table
                    .iter()
                    .map(|(name, value)| (name.clone(), Value::from(value)));
                Value::from(values.collect::<BTreeMap<String, Value>>())
            }
        }
    }
}

/// An expression that is true or false.
pub(super) struct Truth(Expression<'static, 'static>);

impl Truth {
    /// Reads it.
    pub(super) fn compile(text: String) -> Result<Truth, NotAFormula> {
        let expression = CONDITIONS.compile_expression_owned(text);
        let expression = expression.map_err(|error| NotAFormula {
            problem: said(&error),
            at: error.range(),
            unknown: None,
        })?;
        Ok(Truth(expression))
    }

    /// Whether it is so with these values.
    pub(super) fn holds(&self, values: &BTreeMap<String, Operand>) -> Result<bool, String> {
        let values = values
            .iter()
            .map(|(name, value)| (name.as_str(), Value::from(value)));
        let values: BTreeMap<&str, Value> = values.collect();
        let value = self
            .0
            .eval(Value::from(values))
            .map_err(|error| said(&error))?;
        match value.kind() {
            ValueKind::Bool => Ok(value.is_true()),
            _ => Err("the result is neither true nor false: compare it with something".to_owned()),
        }
    }
}

/// A formula that was read and tried.
struct Compiled {
    text: String,
    expression: Expression<'static, 'static>,
}

/// Why a text is no formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct NotAFormula {
    /// What is wrong.
    pub problem: String,
    /// Where in the text, in bytes; nothing for all of it.
    pub at: Option<Range<usize>>,
    /// A word that is not known, so that whoever tells it can say what was meant.
    pub unknown: Option<String>,
}

/// What a formula may name, for whoever made a slip.
pub fn known_names() -> Vec<&'static str> {
    NAMES.iter().chain(&FUNCTIONS).copied().collect()
}

/// Reads a formula, and tries it with numbers of every sort.
pub fn compile(text: &str) -> Result<FormulaRef, NotAFormula> {
    let wrong = |problem: String, at: Option<Range<usize>>| NotAFormula {
        problem,
        at,
        unknown: None,
    };
    if text.len() > LENGTH_MAX {
        let problem = format!("a formula has at most {LENGTH_MAX} characters");
        return Err(wrong(problem, None));
    }
    if let Some((at, foreign)) = text.char_indices().find(|(_, c)| FOREIGN.contains(c)) {
        let problem =
            format!("a formula is made of numbers, names and operators, not of `{foreign}`");
        return Err(wrong(problem, Some(at..at + foreign.len_utf8())));
    }
    let expression = ENVIRONMENT
        .compile_expression_owned(text.to_owned())
        .map_err(|error| wrong(said(&error), error.range()))?;
    let mut unknown: Vec<String> = expression
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !known_names().contains(&name.as_str()))
        .collect();
    unknown.sort();
    if let Some(name) = unknown.into_iter().next() {
        return Err(NotAFormula {
            problem: format!("a formula knows no `{name}`"),
            at: place_of(text, &name),
            unknown: Some(name),
        });
    }
    let compiled = Compiled {
        text: text.to_owned(),
        expression,
    };
    for given in samples() {
        if let Err(problem) = compiled.evaluate(&given) {
            let (sellable, buffer) = (given.sellable, given.buffer);
            let problem = format!("with sellable = {sellable} and buffer = {buffer}: {problem}");
            return Err(wrong(problem, None));
        }
    }
    Ok(FormulaRef(Arc::new(compiled)))
}

impl Formula for Compiled {
    fn text(&self) -> &str {
        &self.text
    }

    fn evaluate(&self, given: &Given) -> Result<Quantity, String> {
        let number = |quantity| number(quantity, given.scale);
        let names = BTreeMap::from([
            ("sellable", number(given.sellable)),
            ("share", ratio(given.share)),
            ("shared", number(given.shared)),
            ("buffer", number(given.buffer)),
            ("max", number(given.max)),
        ]);
        let value = self
            .expression
            .eval(Value::from(names))
            .map_err(|error| said(&error))?;
        units(&value, given.scale)
    }
}

/// In whole units: a whole number of what is counted in pieces.
fn number(quantity: Quantity, scale: u8) -> Value {
    if scale == 0 {
        return Value::from(quantity.units());
    }
    let decimal: f64 = quantity
        .to_decimal(scale)
        .to_string()
        .parse()
        .unwrap_or_default();
    Value::from(decimal)
}

fn ratio(share: Ratio) -> Value {
    Value::from(f64::from(share.numerator) / f64::from(share.denominator.max(1)))
}

/// A result in smallest units, rounded down.
fn units(value: &Value, scale: u8) -> Result<Quantity, String> {
    let unit = 10_i64.pow(u32::from(scale.min(6)));
    let too_large = || "the result is too large".to_owned();
    if value.kind() != ValueKind::Number {
        return Err(match value.kind() {
            ValueKind::Bool => "the result is true or false, not a number".to_owned(),
            _ => "the result is no number".to_owned(),
        });
    }
    if value.is_integer() {
        let whole = i64::try_from(value.clone()).map_err(|_| too_large())?;
        let units = whole.checked_mul(unit).ok_or_else(too_large)?;
        return Quantity::new(units).map_err(|_| too_large());
    }
    let fraction = f64::try_from(value.clone()).map_err(|error| said(&error))?;
    // Half a millionth of a unit is noise of the arithmetic, not something to sell.
    let units = (fraction * f64::from(u32::try_from(unit).unwrap_or(1)) + 1e-6).floor();
    if !units.is_finite() || units.abs() > 1e12 {
        return Err(too_large());
    }
    let text = format!("{units:.0}");
    let units = text.parse().map_err(|_| too_large())?;
    Quantity::new(units).map_err(|_| too_large())
}

/// What an error says, without its place.
fn said(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// Where a name stands as a word of its own.
fn place_of(text: &str, name: &str) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name)
        .map(|(at, _)| at..at + name.len())
        .find(|at| {
            let (before, after) = (&text[..at.start], &text[at.end..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
}

/// Numbers of every sort, the last unit and none at all among them.
fn samples() -> impl Iterator<Item = Given> {
    [0, 1, 2, 3, 10, 999].into_iter().flat_map(|sellable| {
        let sellable = Quantity::of(sellable);
        [0, 2].into_iter().flat_map(move |buffer| {
            [sellable, Quantity::of(5)]
                .into_iter()
                .map(move |max| Given {
                    sellable,
                    share: Ratio::WHOLE,
                    shared: sellable,
                    buffer: Quantity::of(buffer),
                    max,
                    scale: 0,
                })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(sellable: i32, scale: u8) -> Given {
        Given {
            sellable: Quantity::of(sellable),
            share: Ratio {
                numerator: 1,
                denominator: 2,
            },
            shared: Quantity::of(sellable / 2),
            buffer: Quantity::of(2),
            max: Quantity::of(5),
            scale,
        }
    }

    #[test]
    fn formulas_are_computed_and_rounded_down() {
        for (text, sellable, scale, result) in [
            ("sellable - buffer", 9, 0, 7),
            ("smaller(sellable, max)", 9, 0, 5),
            ("larger(shared - buffer, 1)", 4, 0, 1),
            ("sellable if sellable < 3 else shared", 9, 0, 4),
            ("sellable * share", 9, 0, 4),
            ("sellable * 0.7", 10, 0, 7),
            ("sellable // 3", 10, 0, 3),
            ("sellable - 100", 10, 0, -90),
            ("(sellable - 1) / 4", 10, 0, 2),
            // Of what is counted in grams, in kilograms.
            ("sellable - 0.25", 2_500, 3, 2_250),
            ("1", 2_500, 3, 1_000),
        ] {
            let formula = compile(text).expect(text);
            assert_eq!(
                formula.0.evaluate(&given(sellable, scale)),
                Ok(Quantity::of(result)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_formula_is_told_with_its_place() {
        for (text, problem, at) in [
            (
                "sellable - bufer",
                "a formula knows no `bufer`",
                Some(11..16),
            ),
            (
                "sellables + sell",
                "a formula knows no `sell`",
                Some(12..16),
            ),
            (
                "sellable -",
                "unexpected end of input, expected expression",
                None,
            ),
            ("sellable - ) 1", "unexpected `)`", None),
            (
                "'a'",
                "a formula is made of numbers, names and operators, not of `'`",
                Some(0..1),
            ),
            (
                "sellable | abs",
                "a formula is made of numbers, names and operators, not of `|`",
                Some(9..10),
            ),
            (
                "sellable > 3",
                "with sellable = 0 and buffer = 0: the result is true or false, not a number",
                None,
            ),
            (
                "100 // sellable",
                "with sellable = 0 and buffer = 0: ",
                None,
            ),
            (
                "10 ** sellable",
                "with sellable = 999 and buffer = 0: ",
                None,
            ),
            ("1 / 0", "with sellable = 0 and buffer = 0: ", None),
            ("sellable(1)", "with sellable = 0 and buffer = 0: ", None),
            ("smaller(1)", "with sellable = 0 and buffer = 0: ", None),
            ("", "unexpected end of input, expected expression", None),
        ] {
            let error = compile(text).expect_err(text);
            assert!(error.problem.starts_with(problem), "{text}: {error:?}");
            if at.is_some() {
                assert_eq!(error.at, at, "{text}");
            }
        }
        assert!(compile(&"(".repeat(400)).is_err());
        assert!(compile(&"1+".repeat(400)).is_err());
    }
}
