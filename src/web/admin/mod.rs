//! The admin listener: what people and programs ask and want, each in a handler of a few lines.

pub(crate) mod accounts;
pub(crate) mod adoption;
pub(crate) mod aftersales;
pub(crate) mod allocation;
pub(crate) mod backups;
pub(crate) mod configuration;
pub(crate) mod documents;
pub(crate) mod fulfillment;
pub(crate) mod health;
pub(crate) mod incidents;
pub(crate) mod insight;
pub(crate) mod labels;
pub(crate) mod listings;
pub(crate) mod messages;
pub(crate) mod moves;
pub(crate) mod orders;
pub(crate) mod overview;
pub(crate) mod pausing;
pub(crate) mod people;
pub(crate) mod placing;
pub(crate) mod queues;
pub(crate) mod rules;
pub(crate) mod safety;
pub(crate) mod saved_views;
pub(crate) mod stock;
pub(crate) mod stock_sheet;
pub(crate) mod users;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use domain::{AccountId, Sku, decide::Refusal};
use engine::{Engine, bells::Comparing, users::Role, views};
use tokio::sync::Mutex;

use crate::{
    access::{Access, Tokens},
    ask::sku,
    dashboard::{self, Guessing},
    limits::{Gate, Limits},
    problem::{self, Kind, Problem},
    routes::{Route, routes},
};
use configuration::Configured;

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) engine: Arc<Engine>,
    pub(crate) limits: Limits,
    /// Held from looking an idempotency key up until it is used.
    pub(crate) keys: Arc<Mutex<()>>,
    pub(crate) comparing: Comparing,
    /// Accounts that opening stock is being taken from.
    pub(crate) opening: Comparing,
    /// Wrong passwords.
    pub(crate) guessing: Arc<Guessing>,
    /// What holds, and where it came from.
    pub(crate) configuration: Arc<Vec<Configured>>,
    tokens: Arc<Tokens>,
}

/// The router of the admin listener: every row of the table of routes, and a problem for the rest.
pub fn admin(
    engine: Arc<Engine>,
    tokens: Tokens,
    limits: Limits,
    configuration: Vec<Configured>,
) -> Router {
    let admin = Admin {
        engine: Arc::clone(&engine),
        limits,
        keys: Arc::default(),
        configuration: Arc::new(configuration),
        tokens: Arc::new(tokens),
        comparing: Comparing::default(),
        opening: Comparing::default(),
        guessing: Arc::default(),
    };
    let gate = Gate::new(engine, limits);
    let mut router = Router::new();
    for route in routes() {
        let path = route.path;
        router = router.route(path, guarded(route, &admin, &gate));
    }
    dashboard::add(router, &admin, &gate)
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(admin)
}

/// The least role of a session that may call a route.
fn least(route: &Route) -> Role {
    let of = |part: &str| route.path.starts_with(&format!("/api/v1/{part}"));
    let tells_of_people = of("people") || of("orders/{order}") || of("documents") || of("cases");
    let is_for_admins = of("users")
        || of("config")
        || of("backups")
        || of("adoption")
        || route.path.ends_with("/mode");
    match route.method {
        _ if is_for_admins => Role::Admin,
        "GET" if tells_of_people => Role::Packer,
        "GET" => Role::Viewer,
        _ if route.path.contains("/tasks") => Role::Packer,
        _ => Role::Operator,
    }
}

/// The handler of a route behind its limits and, if it needs one, a token.
fn guarded(route: Route, admin: &Admin, gate: &Gate) -> MethodRouter<Admin> {
    let (admin, gate) = (admin.clone(), gate.clone());
    let (access, path, least) = (route.access, route.path, least(&route));
    let guard = move |request: Request, next: Next| {
        let (admin, gate) = (admin.clone(), gate.clone());
        async move {
            match access {
                Access::Open => {}
                Access::Token => {
                    let (method, headers) = (request.method().clone(), request.headers().clone());
                    if let Err(problem) = admin.admit_to(&method, &headers, least).await {
                        return problem.into_response();
                    }
                }
            }
            gate.pass(path, request, next).await
        }
    };
    route.serve.route_layer(middleware::from_fn(guard))
}

impl Admin {
    /// Lets in whoever has a token, or a session whose role reaches so far.
    async fn admit_to(
        &self,
        method: &Method,
        headers: &HeaderMap,
        least: Role,
    ) -> Result<(), Problem> {
        if self.tokens.admit(headers) {
            return Ok(());
        }
        if dashboard::admit_to_api(self, (method, headers), least).await? {
            return Ok(());
        }
        self.admit(method, headers)
    }

    /// Lets in whoever has a token.
    fn admit(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        if self.tokens.admit(headers) {
            return Ok(());
        }
        tracing::warn!(%method, "A request without a valid token was refused.");
        let detail = "send `Authorization: Bearer TOKEN` with a token of this daemon";
        Err(Problem::new(&problem::UNAUTHORIZED, detail))
    }

    /// An account that a list is narrowed to: one that is configured, or was and has left something here.
    pub(crate) async fn narrowed_to(&self, id: Option<&str>) -> Result<Option<AccountId>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let account = AccountId::new(id);
        if !views::accounts::has_left_something(&self.engine, &account).await? {
            self.account(id)?;
        }
        Ok(Some(account))
    }

    /// An item that an answer is narrowed to.
    pub(crate) async fn narrowed_to_item(
        &self,
        name: Option<&str>,
    ) -> Result<Option<Sku>, Problem> {
        let Some(name) = name else { return Ok(None) };
        let sku = sku(name)?;
        match views::stock::item(&self.engine, &sku).await? {
            Some(_) => Ok(Some(sku)),
            None => Err(Refusal::NoItem(sku).into()),
        }
    }

    /// An account by its name.
    pub(crate) fn account(&self, id: &str) -> Result<Arc<engine::account::Account>, Problem> {
        let known = self.engine.accounts.get(&AccountId::new(id));
        known.cloned().ok_or_else(|| {
            let short: String = id.chars().take(60).collect();
            Problem::new(
                &problem::NO_ACCOUNT,
                format!("there is no account `{short}`"),
            )
            .with("account", short)
        })
    }
}

async fn nothing_here(State(admin): State<Admin>, method: Method, headers: HeaderMap) -> Response {
    if dashboard::wants_a_page(&headers) {
        return dashboard::nothing_here(&admin, &headers).await;
    }
    if let Err(problem) = admin.admit(&method, &headers) {
        return problem.into_response();
    }
    Problem::new(&problem::NOT_FOUND, "the API has no such address").into_response()
}

async fn wrong_method(State(admin): State<Admin>, request: Request) -> Problem {
    if let Err(problem) = admin.admit(request.method(), request.headers()) {
        return problem;
    }
    let detail = format!("this address does not take {}", request.method());
    Problem::new(&problem::METHOD_NOT_ALLOWED, detail)
}

/// The page of a problem.
pub(crate) async fn error_page(uri: Uri, headers: HeaderMap) -> Response {
    let code = uri.path().rsplit('/').next().unwrap_or_default();
    match Kind::find(code) {
        Some(kind) => {
            // A browser would save Markdown rather than show it.
            let form = match dashboard::wants_a_page(&headers) {
                true => HeaderValue::from_static("text/plain; charset=utf-8"),
                false => HeaderValue::from_static("text/markdown; charset=utf-8"),
            };
            ([(header::CONTENT_TYPE, form)], kind.page).into_response()
        }
        None => Problem::new(&problem::NOT_FOUND, "there is no such code").into_response(),
    }
}
