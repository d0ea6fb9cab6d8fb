//! The list of orders: by phase and account, by what is late, and by what somebody looks for.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{deadlines::Due, order::Phase};
use engine::{
    users::views::ViewError,
    views::{
        self,
        due::{self, Standing},
        orders::{Filter, OrderSummary},
        search::{Sought, search},
    },
};
use serde::Deserialize;

use super::{
    fields::Fields,
    format::Moment,
    page::{Badge, Choice, Chrome, Part, go, send},
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::Admin,
    ask::{Ask, bad_parameter},
    paging::Place,
    problem::{self, Problem},
};

/// How many orders a page shows.
const ROWS: usize = 50;
/// What may be late, as the filter has it.
const LATE: [&str; 3] = ["ship", "deliver", "parcel"];
/// The list in the order in which orders came.
const OLDEST: &str = "oldest";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    phase: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    late: String,
    /// A tag, which a rule gave them.
    #[serde(default)]
    tag: String,
    /// `oldest` for the oldest first.
    #[serde(default)]
    sort: String,
    done: Option<String>,
    cursor: Option<String>,
}

impl Asked {
    /// All orders with a tag.
    fn of_tag(tag: &str) -> Asked {
        Asked {
            tag: tag.to_owned(),
            ..Asked::default()
        }
    }
}

impl Row {
    /// What the box that chooses it is called.
    fn choose(&self, chrome: &Chrome) -> String {
        fill(chrome.t.lists.choose, &[("number", &self.number)])
    }
}

/// One order of the list.
struct Row {
    id: String,
    href: String,
    number: String,
    account: String,
    placed: Moment,
    ship_by: Option<Moment>,
    total: String,
    lines: String,
    badge: Badge,
    flags: Vec<&'static str>,
    tags: Vec<Tag>,
}

/// What a rule called an order, and the list of all that it called so.
struct Tag {
    name: String,
    href: String,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Page {
    chrome: Chrome,
    rows: Vec<Row>,
    phases: Vec<Choice>,
    accounts: Vec<Choice>,
    lates: Vec<Choice>,
    sorts: Vec<Choice>,
    views: Vec<ViewRow>,
    /// The query of this list, to be saved.
    query: String,
    is_filtered: bool,
    /// Whether there is more to look at although the page is not full.
    is_part: bool,
    next: Option<String>,
    is_first: bool,
}

/// A view that was saved.
struct ViewRow {
    name: String,
    href: String,
    is_here: bool,
}

/// A part of the list.
struct Found {
    items: Vec<OrderSummary>,
    next: Option<String>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.orders;
    let mut chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Orders, title);
    chrome.confirm(asked.done.as_deref());
    let found = find(&admin, &chrome, &asked).await?;
    let is_all = found.next.is_none() && asked.cursor.is_none();
    if let ([only], true, false) = (found.items.as_slice(), is_all, asked.q.trim().is_empty()) {
        return Ok(go(&format!("/orders/{}", only.id)));
    }
    let views = admin.engine.saved_views(&visitor.user.name).await?;
    let states = chrome.t.states;
    let phases = Phase::ALL.iter().rev();
    let chosen = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (phase, account) = (chosen(&asked.phase), chosen(&asked.account));
    let query = query(&asked, &[]);
    let page = Page {
        rows: found.items.iter().map(|one| row(&chrome, one)).collect(),
        phases: phases
            .map(|one| Choice::new(one.word(), states.phase(*one), phase.as_deref()))
            .collect(),
        accounts: admin
            .engine
            .accounts
            .keys()
            .map(|id| Choice::new(id.as_str(), id.as_str(), account.as_deref()))
            .collect(),
        lates: lates(&chrome, &asked.late),
        sorts: [("", chrome.t.lists.newest), (OLDEST, chrome.t.lists.oldest)]
            .map(|(word, text)| Choice::new(word, text, Some(asked.sort.as_str())))
            .into(),
        views: views
            .into_iter()
            .map(|view| ViewRow {
                href: format!("/orders?{}", view.query),
                is_here: view.query == query,
                name: view.name,
            })
            .collect(),
        is_filtered: [
            &asked.phase,
            &asked.account,
            &asked.q,
            &asked.late,
            &asked.tag,
        ]
        .iter()
        .any(|text| !text.is_empty()),
        is_part: found.next.is_some() && found.items.len() < ROWS,
        next: found
            .next
            .map(|cursor| address(&asked, &[("cursor", cursor.as_str())])),
        is_first: asked.cursor.is_none(),
        query,
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// What may be late.
fn lates(chrome: &Chrome, chosen: &str) -> Vec<Choice> {
    let states = chrome.t.states;
    let texts = [states.late_to_ship, states.late_to_deliver, states.no_news];
    let lates = LATE.into_iter().zip(texts);
    lates
        .map(|(word, text)| Choice::new(word, text, Some(chosen)))
        .collect()
}

/// The query of the same list, and more.
fn query(asked: &Asked, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, text) in [
        ("phase", &asked.phase),
        ("account", &asked.account),
        ("late", &asked.late),
        ("tag", &asked.tag),
        ("sort", &asked.sort),
    ] {
        if !text.is_empty() {
            query.append_pair(name, text);
        }
    }
    query.extend_pairs(more);
    query.finish()
}

/// The address of the same list, and more. What is looked for may be somebody's address, so it is in no saved view.
fn address(asked: &Asked, more: &[(&str, &str)]) -> String {
    let sought = Some(("q", asked.q.trim())).filter(|(_, text)| !text.is_empty());
    let more: Vec<(&str, &str)> = sought.into_iter().chain(more.iter().copied()).collect();
    format!("/orders?{}", query(asked, &more))
}

impl Asked {
    /// The part of a view that is called so.
    fn part(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "phase" => Some(&mut self.phase),
            "account" => Some(&mut self.account),
            "late" => Some(&mut self.late),
            "tag" => Some(&mut self.tag),
            "sort" => Some(&mut self.sort),
            _ => None,
        }
    }
}

/// What of a query that was sent by a form is one of this list.
fn read_query(text: &str) -> String {
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        if let Some(part) = asked.part(&name) {
            *part = value.into_owned();
        }
    }
    query(&asked, &[])
}

/// The query of a view that a program sent, or what is wrong with it.
pub(crate) fn read_view(text: &str) -> Result<String, String> {
    let mut asked = Asked::default();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let Some(part) = asked.part(&name) else {
            let short: String = name.chars().take(60).collect();
            return Err(format!(
                "`{short}` is no filter of the list; use phase, account, late, tag or sort"
            ));
        };
        *part = value.into_owned();
    }
    let is_one_of = |text: &str, words: &[&str]| text.is_empty() || words.contains(&text);
    if !asked.phase.is_empty() && Phase::from_word(&asked.phase).is_none() {
        return Err("there is no such phase".to_owned());
    }
    if !is_one_of(&asked.late, &LATE) {
        return Err("late is ship, deliver or parcel".to_owned());
    }
    if !is_one_of(&asked.sort, &[OLDEST]) {
        return Err("sort is oldest, or left out".to_owned());
    }
    Ok(query(&asked, &[]))
}

/// Why a view was not saved.
pub(crate) fn not_saved(error: ViewError) -> Problem {
    match error {
        ViewError::Store(error) => error.into(),
        ViewError::BadName | ViewError::TooMany => {
            Problem::new(&problem::BAD_BODY, error.to_string()).with("path", "name")
        }
    }
}

pub(super) async fn save_view(
    State(admin): State<Admin>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let query = read_query(fields.whole("query"));
    let saved = admin
        .engine
        .save_view(&visitor.user.name, fields.whole("name"), &query);
    saved.await.map_err(not_saved)?;
    Ok(go(&after(&query)))
}

pub(super) async fn drop_view(
    State(admin): State<Admin>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let (user, name) = (&visitor.user.name, fields.whole("name"));
    admin.engine.drop_view(user, name).await?;
    Ok(go(&after(&read_query(fields.whole("query")))))
}

/// The list again, which says that it was done.
fn after(query: &str) -> String {
    match query {
        "" => "/orders?done=done".to_owned(),
        query => format!("/orders?{query}&done=done"),
    }
}

async fn find(admin: &Admin, chrome: &Chrome, asked: &Asked) -> Result<Found, Problem> {
    let account = Some(asked.account.as_str()).filter(|text| !text.is_empty());
    let account = admin.narrowed_to(account).await?;
    let cursor = asked.cursor.as_deref();
    let text = asked.q.trim();
    if !asked.late.is_empty() && text.is_empty() {
        return late(admin, &asked.late, account, cursor).await;
    }
    let phase = Some(asked.phase.as_str()).filter(|text| !text.is_empty());
    let phase = phase.map(|word| {
        Phase::from_word(word).ok_or_else(|| bad_parameter("phase", "there is no such phase"))
    });
    let filter = Filter {
        account,
        phase: phase.transpose()?,
        tag: Some(asked.tag.clone()).filter(|tag| !tag.is_empty()),
        newest_first: asked.sort != OLDEST,
        ..Filter::default()
    };
    if !text.is_empty() {
        return look_for(admin, chrome, (text, &filter), cursor).await;
    }
    let place = Place::read(&("orders page", &filter), cursor, Some(ROWS))?;
    let after = place.after.clone();
    let page = views::orders::list(&admin.engine, &filter, after, place.limit).await?;
    Ok(Found {
        next: page.next.map(|key| place.cursor(key)),
        items: page.items,
    })
}

/// Orders of which something is late.
async fn late(
    admin: &Admin,
    what: &str,
    account: Option<domain::AccountId>,
    cursor: Option<&str>,
) -> Result<Found, Problem> {
    let filter = due::Filter {
        account,
        state: Some(Standing::Late),
        within: due::WITHIN_USUAL,
    };
    let kind = Due::ALL.into_iter().find(|kind| kind.word() == what);
    let kind = kind.ok_or_else(|| bad_parameter("late", "use ship, deliver or parcel"))?;
    let place = Place::read(&("late page", what, &filter), cursor, Some(ROWS))?;
    let after = place.after.clone();
    let page = due::list_of(&admin.engine, &[kind], &filter, after, place.limit).await?;
    let mut items = Vec::new();
    for one in &page.items {
        items.extend(views::orders::summary(&admin.engine, one.id).await?);
    }
    Ok(Found {
        next: page.next.map(|key| place.cursor(key)),
        items,
    })
}

/// Orders by what somebody has at hand.
async fn look_for(
    admin: &Admin,
    chrome: &Chrome,
    (text, filter): (&str, &Filter),
    cursor: Option<&str>,
) -> Result<Found, Problem> {
    let sought = Sought {
        text,
        filter,
        by_people: chrome.may_pack(),
    };
    let place = Place::read(&("search page", &sought), cursor, Some(ROWS))?;
    let after = place.after.clone();
    let page = search(&admin.engine, &sought, after, place.limit).await?;
    Ok(Found {
        next: page.next.map(|key| place.cursor(key)),
        items: page.items,
    })
}

/// What a phase looks like.
pub(super) fn phase_badge(chrome: &Chrome, phase: Phase) -> Badge {
    let kind = match phase {
        Phase::Exception => "bad",
        Phase::NeedsMapping | Phase::Short | Phase::Held => "act",
        Phase::Received
        | Phase::AwaitingPayment
        | Phase::Fulfilling
        | Phase::PartShipped
        | Phase::Shipped
        | Phase::InDelivery
        | Phase::AfterSales => "wait",
        Phase::Ready | Phase::Delivered => "ok",
        Phase::Closed | Phase::Canceled => "off",
    };
    Badge::new(kind, chrome.t.states.phase(phase))
}

fn row(chrome: &Chrome, order: &OrderSummary) -> Row {
    Row {
        id: order.id.to_string(),
        href: format!("/orders/{}", order.id),
        number: order.number.clone(),
        account: order.account.to_string(),
        placed: chrome.moment(order.placed_at),
        ship_by: order.ship_by.map(|at| chrome.moment(at)),
        total: chrome.money(order.total),
        lines: chrome.language.count(order.line_count),
        badge: phase_badge(chrome, order.phase),
        flags: order
            .flags
            .iter()
            .map(|flag| chrome.t.states.flag(flag))
            .collect(),
        tags: order
            .tags
            .iter()
            .map(|tag| Tag {
                href: address(&Asked::of_tag(tag), &[]),
                name: tag.clone(),
            })
            .collect(),
    }
}
