//! What a request asks, read strictly: a key that is not known is a mistake, not a wish to be ignored.

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::request::Parts,
};
use domain::{Decimal, Sku, Time, ids::NotAnId};
use serde::{Deserialize, Deserializer, de};

use crate::problem::{self, Problem};

/// The parts of the path that vary.
pub(crate) struct At<T>(pub(crate) T);

/// The query.
pub(crate) struct Ask<T>(pub(crate) T);

/// The page of a list that has no filters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<usize>,
}

/// Where a page begins, how long it is, and from which end it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderedQuery {
    #[serde(default)]
    pub(crate) newest_first: bool,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<usize>,
}

/// A quantity in whole units: a JSON number, or a text for those who do not trust theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

impl<S: Send + Sync, T: de::DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        let Path(at) = read.map_err(|error| bad_parameter("path", plain(&error.body_text())))?;
        Ok(At(at))
    }
}

impl<S: Send + Sync, T: de::DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Ask<T>, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        let Query(ask) = read.map_err(|error| bad_parameter("query", plain(&error.body_text())))?;
        Ok(Ask(ask))
    }
}

/// What a library says of a parameter, in the words of those who wrote it.
fn plain(text: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("Failed to deserialize query string: ", ""),
        ("Invalid URL: ", ""),
        (
            "invalid digit found in string",
            "write a whole number, as 50",
        ),
        (
            "cannot parse integer from empty string",
            "write a whole number, as 50",
        ),
        (
            "number too large to fit in target type",
            "write a smaller whole number",
        ),
        (
            "provided string was not `true` or `false`",
            "write true or false",
        ),
    ];
    let said = |text: String, (theirs, ours): &(&str, &str)| text.replace(theirs, ours);
    WORDS.iter().fold(text.to_owned(), said)
}

pub(crate) fn bad_parameter(name: &str, detail: impl std::fmt::Display) -> Problem {
    Problem::new(&problem::BAD_PARAMETER, format!("{name}: {detail}")).with("parameter", name)
}

/// Reads a moment of the past: RFC 3339, or how long ago.
pub(crate) fn moment(name: &str, text: &str, now: Time) -> Result<Time, Problem> {
    let moment = Time::parse_moment(text, now).map_err(|error| {
        Problem::new(&problem::BAD_TIME, format!("{name}: {error}")).with("parameter", name)
    })?;
    if moment > now {
        let detail = format!("{name}: {moment} has not come yet; it is {now}");
        let problem = Problem::new(&problem::TIME_AHEAD, detail).with("parameter", name);
        return Err(problem.with("now", now.to_string()));
    }
    Ok(moment)
}

/// Reads one of our ids from a path.
pub(crate) fn id<T: std::str::FromStr<Err = NotAnId>>(
    name: &str,
    text: &str,
) -> Result<T, Problem> {
    text.parse().map_err(|error| bad_parameter(name, error))
}

/// Reads a SKU from a path.
pub(crate) fn sku(text: &str) -> Result<Sku, Problem> {
    Sku::new(text).map_err(|error| bad_parameter("sku", error))
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        struct Reader;

        impl de::Visitor<'_> for Reader {
            type Value = Amount;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Amount, E> {
                // The shortest text that means this double is what was written, up to 15 digits.
                self.visit_str(&number.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map(Amount).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use axum::{extract::FromRequestParts, http::Request};

    use super::*;

    #[tokio::test]
    async fn a_wrong_parameter_is_told_with_what_to_write() {
        for (query, said) in [
            ("limit=ten", "query: limit: write a whole number, as 50"),
            ("limit=", "query: limit: write a whole number, as 50"),
            (
                "limit=99999999999999999999999",
                "query: limit: write a smaller whole number",
            ),
            ("limti=3", "query: limti: unknown field `limti`, expected"),
        ] {
            let request = Request::get(format!("/?{query}")).body(());
            let (mut parts, ()) = request.expect("a request").into_parts();
            let read = Ask::<PageQuery>::from_request_parts(&mut parts, &()).await;
            let problem = read.err().expect("it is refused").body().to_string();
            assert!(problem.contains(said), "{query}: {problem}");
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        for (json, read) in [
            ("3", Some("3")),
            ("-2", Some("-2")),
            ("2.5", Some("2.5")),
            ("0.1", Some("0.1")),
            ("\"0.125\"", Some("0.125")),
            ("1e2", Some("100")),
            ("1e300", None),
            ("\"a\"", None),
            ("null", None),
            ("[1]", None),
            ("99999999999999999999", None),
        ] {
            let amount: Result<Amount, _> = serde_json::from_str(json);
            let text = amount.ok().map(|amount| amount.0.to_string());
            assert_eq!(text.as_deref(), read, "{json}");
        }
    }
}
