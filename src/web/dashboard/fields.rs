//! A form that somebody sent from one of our pages.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header, request::Parts},
};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::visitor::{Visitor, is_of_ours};
use crate::{
    admin::Admin,
    limits::read_body,
    problem::{self, Problem},
};

/// The most fields of a form.
const FIELDS_MAX: usize = 2000;

/// The fields of a form, by name; of several with one name the last.
#[derive(Clone, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// What a field says; nothing when it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }

    /// What a field says, as it was written.
    pub(super) fn whole(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A body of the API with these of the fields that say something.
    pub(super) fn body(&self, names: &[&str]) -> Map<String, Value> {
        let said = names.iter().filter_map(|name| {
            let text = self.get(name)?;
            Some(((*name).to_owned(), Value::from(text)))
        });
        said.collect()
    }

    /// The names of the fields that begin so, without that beginning.
    pub(super) fn named<'f>(&'f self, beginning: &'f str) -> impl Iterator<Item = &'f str> {
        let names = self.0.keys();
        names.filter_map(move |name| name.strip_prefix(beginning))
    }

    /// The same fields, and one more.
    #[must_use]
    pub(super) fn with(&self, name: &str, value: &str) -> Fields {
        let mut fields = self.clone();
        fields.0.insert(name.to_owned(), value.to_owned());
        fields
    }

    /// The digest that tells one form from another.
    pub(super) fn digest(&self, path: &str) -> String {
        use sha2::{Digest, Sha256};
        let mut digest = Sha256::new();
        digest.update(path);
        for (name, value) in &self.0 {
            for part in [name, value] {
                digest.update([0]);
                digest.update(part);
            }
        }
        let digest = digest.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A form of somebody who is not signed in yet.
pub(super) struct Opening {
    pub(super) head: Parts,
    pub(super) fields: Fields,
}

impl FromRequest<Admin> for Opening {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Opening, Problem> {
        let (head, body) = request.into_parts();
        if !is_of_ours(&head.headers) {
            return Err(not_ours());
        }
        let bytes = read_body(&head.headers, body, &admin.limits).await?;
        let fields = read(&head.headers, &bytes)?;
        Ok(Opening { head, fields })
    }
}

impl FromRequest<Admin> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Fields, Problem> {
        let visitor = request.extensions().get::<Visitor>().cloned();
        let Opening { fields, .. } = Opening::from_request(request, admin).await?;
        let is_theirs = visitor.is_some_and(|visitor| visitor.owns(fields.whole("token")));
        if is_theirs {
            Ok(fields)
        } else {
            Err(not_ours())
        }
    }
}

fn not_ours() -> Problem {
    let detail = "the form was not sent from a page of this session: open the page again, and send it from there";
    Problem::new(&problem::FORBIDDEN, detail)
}

fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Fields, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    if kind.is_none_or(|kind| kind.trim() != "application/x-www-form-urlencoded") {
        let detail = "Content-Type is not application/x-www-form-urlencoded";
        return Err(Problem::new(&problem::BAD_MEDIA_TYPE, detail));
    }
    let pairs = form_urlencoded::parse(bytes).take(FIELDS_MAX);
    let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
    Ok(Fields(pairs.collect()))
}
