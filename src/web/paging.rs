//! Lists in pages: `?cursor=&limit=`.
//!
//! A cursor is the place in one list with its filters, and worth nothing elsewhere. Programs pass it
//! on as it is.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use engine::views::Page;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::problem::{self, Problem};

/// How many items a page has when nobody says how many.
const LIMIT_USUAL: usize = 50;
/// The most items of a page.
const LIMIT_MAX: usize = 200;
/// How many bytes at the beginning of a cursor say to which list it belongs.
const TAG_LENGTH: usize = 4;

/// Where a page begins, and how long it is.
#[derive(Debug)]
pub(crate) struct Place {
    tag: [u8; TAG_LENGTH],
    /// The key that the page before ended with.
    pub(crate) after: Option<Vec<u8>>,
    /// The most items.
    pub(crate) limit: usize,
}

impl Place {
    /// Reads cursor and limit of a list; `list` names it with all its filters.
    pub(crate) fn read(
        list: &impl std::fmt::Debug,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Place, Problem> {
        let limit = limit.unwrap_or(LIMIT_USUAL);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let detail = format!("limit: {limit} is not between 1 and {LIMIT_MAX}");
            return Err(Problem::new(&problem::BAD_PARAMETER, detail).with("parameter", "limit"));
        }
        let digest = Sha256::digest(format!("{list:?}"));
        let mut tag = [0; TAG_LENGTH];
        tag.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        let after = match cursor {
            None => None,
            Some(text) => Some(read_cursor(text, tag)?),
        };
        Ok(Place { tag, after, limit })
    }

    /// The cursor of what follows a key.
    pub(crate) fn cursor(&self, key: Vec<u8>) -> String {
        let cursor: Vec<u8> = self.tag.into_iter().chain(key).collect();
        BASE64_URL_SAFE_NO_PAD.encode(cursor)
    }

    /// A page as it is sent.
    pub(crate) fn show<T: Serialize>(&self, page: Page<T>) -> Value {
        let next = page.next.map(|key| self.cursor(key));
        json!({ "items": page.items, "next": next })
    }
}

fn read_cursor(text: &str, tag: [u8; TAG_LENGTH]) -> Result<Vec<u8>, Problem> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let key = bytes
        .as_deref()
        .and_then(|bytes| bytes.strip_prefix(&tag))
        .map(<[u8]>::to_vec);
    key.ok_or_else(|| {
        let detail = "the cursor was not handed out by this list with these filters";
        Problem::new(&problem::BAD_CURSOR, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_in_its_own_list_only() {
        let place = Place::read(&"orders", None, Some(2)).expect("a place");
        let page = Page {
            items: vec![1, 2],
            next: Some(b"key".to_vec()),
        };
        let shown = place.show(page);
        let cursor = shown["next"].as_str().expect("there is more");
        let again = Place::read(&"orders", Some(cursor), None).expect("a place");
        assert_eq!(again.after.as_deref(), Some(&b"key"[..]));
        for (list, cursor) in [
            ("stock", cursor),
            ("orders", ""),
            ("orders", "%%%"),
            ("orders", "AAAA"),
            ("orders", &format!("{cursor}=")),
        ] {
            assert!(Place::read(&list, Some(cursor), None).is_err(), "{cursor}");
        }
        for limit in [0, 201] {
            assert!(Place::read(&"orders", None, Some(limit)).is_err());
        }
    }
}
