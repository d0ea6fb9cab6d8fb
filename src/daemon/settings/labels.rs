//! `[[label_providers]]`: who sells labels.

use channel::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    document::Document,
    meaning::{inner, keys, tell},
    messages::is_safe_address,
};

/// The longest name of a provider or a service.
const TEXT_MAX: usize = 60;

/// `[[label_providers]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct LabelSellerText {
    /// A word of your own for it.
    name: String,
    /// Where it listens: `https://labels.example.com/v1`.
    url: String,
    /// What it knows us by.
    token: Option<Secret>,
    /// Its service, where nobody names one.
    service: Option<String>,
}

/// Who sells labels.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelSeller {
    /// The admin's word for it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What it knows us by.
    pub token: Option<Secret>,
    /// Its service, where nobody names one.
    pub service: Option<String>,
}

/// Checks them, and says what they mean.
pub(super) fn providers(document: &mut Document, texts: Vec<LabelSellerText>) -> Vec<LabelSeller> {
    let mut sellers: Vec<LabelSeller> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let path = keys(&format!("label_providers/{index}"));
        let name_path = inner(&path, "name");
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name =
            !text.name.is_empty() && text.name.len() <= TEXT_MAX && text.name.chars().all(is_word);
        if !is_name && !document.is_wrong(&name_path) {
            let at = if text.name.is_empty() {
                &path
            } else {
                &name_path
            };
            let problem = "a provider of labels needs a `name` of letters, digits, `-` and `_`";
            tell(document, at, problem, Some("name = \"bridge\""));
        }
        if sellers.iter().any(|other| other.name == text.name) {
            let problem = format!("there are two providers of labels `{}`", text.name);
            tell(document, &name_path, &problem, None);
        }
        let url_path = inner(&path, "url");
        if !is_safe_address(&text.url) && !document.is_wrong(&url_path) {
            let at = if text.url.is_empty() {
                &path
            } else {
                &url_path
            };
            let help = "url = \"https://labels.example.com/v1\"; http only to this machine";
            let problem = "a provider of labels needs an address with https";
            tell(document, at, problem, Some(help));
        }
        sellers.push(LabelSeller {
            name: text.name,
            url: text.url,
            token: text.token,
            service: text.service,
        });
    }
    sellers
}
