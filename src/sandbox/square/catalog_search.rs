//! Searching the catalog by the queries that find a good by what it is called.

use serde_json::{Value, json};

use super::{
    Square,
    api::{Fail, OPENED, array, instant},
    catalog::{listed, page_of},
};

/// Objects on a page by default, and at most. Source: SearchCatalogObjects.
const LIMIT: usize = 100;
const LIMIT_MAX: u64 = 1000;

impl Square {
    pub(super) fn search_catalog(&self, body: &Value) -> Result<Value, Fail> {
        let types = match body.get("object_types") {
            None | Some(Value::Null) => Vec::new(),
            Some(_) => array(body, "object_types")?.to_vec(),
        };
        // Without types, those that stand on their own.
        let is_wanted =
            |kind: &str| types.contains(&json!(kind)) || (types.is_empty() && kind == "ITEM");
        let is_changed = match body.get("begin_time").and_then(Value::as_str) {
            Some(begin) => instant(begin, "begin_time")? < instant(OPENED, "begin_time")?,
            None => true,
        };
        let query = Question::of(body.get("query"))?;
        let mut objects = self.objects(is_wanted);
        objects.retain(|object| is_changed && query.takes(object));
        let limit = match body.get("limit") {
            None | Some(Value::Null) => LIMIT,
            Some(limit) => limit
                .as_u64()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .and_then(|limit| usize::try_from(limit).ok())
                .ok_or_else(|| Fail::value("limit", "The limit must be from 1 to 1000."))?,
        };
        let first = match body.get("cursor").and_then(Value::as_str) {
            Some(cursor) => cursor.parse().map_err(|_| Fail::cursor())?,
            None => 0,
        };
        let (objects, cursor) = page_of(objects, first, limit)?;
        let mut answer = self.with_related(listed(objects, cursor), body);
        answer["latest_time"] = json!(OPENED);
        Ok(answer)
    }
}

/// What an object must be.
enum Question {
    Anything,
    /// The attribute is one of these.
    Exact(String, Vec<String>),
    /// The attribute begins so.
    Prefix(String, String),
    /// All words stand in one of its texts.
    Words(Vec<String>),
}

impl Question {
    fn of(query: Option<&Value>) -> Result<Question, Fail> {
        let Some(query) = query.and_then(Value::as_object) else {
            return Ok(Question::Anything);
        };
        let mut asked = query.iter().filter(|(_, value)| !value.is_null());
        let Some((kind, how)) = asked.next() else {
            return Ok(Question::Anything);
        };
        let text = |key: &str| {
            let text = how.get(key).and_then(Value::as_str);
            text.map(str::to_lowercase)
                .ok_or_else(|| Fail::missing(&format!("query.{kind}.{key}")))
        };
        let texts = |key: &str| {
            let texts = array(how, key)?.iter().filter_map(Value::as_str);
            Ok(texts.map(str::to_lowercase).collect())
        };
        match kind.as_str() {
            "exact_query" => Ok(Question::Exact(
                text("attribute_name")?,
                vec![text("attribute_value")?],
            )),
            "set_query" => Ok(Question::Exact(
                text("attribute_name")?,
                texts("attribute_values")?,
            )),
            "prefix_query" => Ok(Question::Prefix(
                text("attribute_name")?,
                text("attribute_prefix")?,
            )),
            "text_query" => Ok(Question::Words(texts("keywords")?)),
            other => Err(Fail::not_here(format!("This sandbox has no {other}."))),
        }
    }

    fn takes(&self, object: &Value) -> bool {
        let data = object
            .get("item_data")
            .or(object.get("item_variation_data"));
        let text = |name: &str| {
            let text = data.and_then(|data| data.get(name))?.as_str()?;
            Some(text.to_lowercase())
        };
        match self {
            Question::Anything => true,
            Question::Exact(name, values) => text(name).is_some_and(|text| values.contains(&text)),
            Question::Prefix(name, prefix) => {
                text(name).is_some_and(|text| text.starts_with(prefix))
            }
            Question::Words(words) => {
                let texts: Vec<String> = ["name", "sku"].into_iter().filter_map(text).collect();
                let mut words = words.iter();
                words.all(|word| texts.iter().any(|text| text.contains(word)))
            }
        }
    }
}
