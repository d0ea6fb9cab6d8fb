//! The configuration: `oneshelf.toml`, one file per account in `accounts.d`, and the environment.
//!
//! [`load`] reads all of it and tells every mistake at its place, not only the first; what it
//! returns is plain data that the daemon wires. It reads files and fetches secrets, and does nothing
//! else: no connection is made and nothing is written. It takes the environment as a value.
//!
//! Layers, from weak to strong: what is built in, the file, `ONESHELF__SECTION__KEY`. Start reading
//! at [`shape`] for what can be set, and at [`document`] for how a mistake gets its place.

mod accounts;
mod capture;
mod document;
mod effective;
mod files;
mod idle;
mod incidents;
mod labels;
mod layers;
mod locations;
mod log;
mod meaning;
mod messages;
mod mistakes;
mod offers;
mod order_rules;
mod owing;
mod places;
mod privacy;
mod promised;
mod read;
mod schema;
mod secrets;
mod sellers;
mod shape;
#[cfg(test)]
mod tests;
mod values;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use channel::Connector;
use domain::{AccountId, Time, locations::Location, order_rules::OrderRule};

pub(crate) use accounts::closed_port;
use accounts::read_account;
pub use capture::Capture;
use document::Document;
pub use document::Origin;
pub use effective::Held;
pub use incidents::CancelPenalty;
pub use labels::LabelSeller;
use layers::Override;
pub use log::{Log, LogFormat, LogLevel};
pub use messages::{MailServer, Messages, Notify};
pub use mistakes::{At, LoadError, Mistake, Severity};
pub(crate) use order_rules::Place;
pub use places::Excerpt;
pub use privacy::Privacy;
use secrets::Need;
use shape::Main;
pub use shape::{
    Account, Admin, Allocation, Authority, Backorder, Backup, Breaker, Decides, Item, ItemKind,
    LastUnits, Limits, Listen, Mode, Network, Offer, Preorder, Rule, Schedule, Stock, Store,
};
pub(crate) use values::parse_duration;
pub use values::{Risk, Share};
pub use verify::Verify;

/// Everything that an admin can set, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Where to listen.
    pub listen: Listen,
    /// How channels reach the public listener, without a slash at the end.
    pub public_url: Option<String>,
    /// Where everything is kept.
    pub store: Store,
    /// Where calls may go.
    pub network: Network,
    /// What is logged, and how.
    pub log: Log,
    /// How much is taken from outside.
    pub limits: Limits,
    /// Who may use the admin interface.
    pub admin: Admin,
    /// How much of the stock is offered.
    pub stock: Stock,
    /// Items that are more than a good on its own.
    pub items: Vec<Item>,
    /// Where stock can lie; where nothing is declared, at one place.
    pub locations: Vec<Location>,
    /// How orders get the location that they leave from.
    pub allocation: Allocation,
    /// What is looked at in each order.
    pub verify: Verify,
    /// What is done with orders that are such and such, in their order.
    pub rules: Vec<OrderRule>,
    /// Through what messages go.
    pub notify: Notify,
    /// What can be told to buyers, to people of the house and to programs.
    pub messages: Messages,
    /// Who sells labels.
    pub label_providers: Vec<LabelSeller>,
    /// How often things are done.
    pub schedule: Schedule,
    /// When too much happens at once.
    pub breaker: Breaker,
    /// Copies of everything.
    pub backup: Backup,
    /// How long what tells of people is kept, and what it is sealed with.
    pub privacy: Privacy,
    /// Who issues documents for which accounts, and what stands on them.
    pub sellers: engine::issuing::Sellers,
    /// What is done about incidents while nobody has chosen.
    pub incidents: Vec<domain::policy::Rule>,
    /// The configured shops.
    pub accounts: BTreeMap<AccountId, Account>,
    /// What works but should be looked at.
    pub warnings: Vec<Mistake>,
    /// Where each value that was set came from, by its dotted key (`store.dir`,
    /// `accounts.eu-shop.mode`); what is not in here is built in.
    pub origins: BTreeMap<String, Origin>,
    /// How each value reads that was set, by its dotted key; nothing where it is a secret.
    pub values: BTreeMap<String, Option<String>>,
}

impl Settings {
    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }
}

/// The environment, as the process found it.
pub type Environment = BTreeMap<String, String>;

/// Says in a sentence what is wrong with a cron expression, if anything is.
pub type ScheduleCheck = fn(&str) -> Result<(), String>;

/// What settings are checked against.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The kinds of channels that there are.
    pub connectors: &'a [&'a dyn Connector],
    /// Which cron expressions are good.
    pub schedule: ScheduleCheck,
    /// What time it is.
    pub now: Time,
}

/// Reads the configuration at a folder, or at the path of its main file.
pub fn load(at: &Path, environment: &Environment, known: Known<'_>) -> Result<Settings, LoadError> {
    load_with(at, environment, known, Need::All)
}

/// The same where nobody will be called: something stands in for secrets that are not here.
pub fn load_without_secrets(
    at: &Path,
    environment: &Environment,
    known: Known<'_>,
) -> Result<Settings, LoadError> {
    load_with(at, environment, known, Need::None)
}

fn load_with(
    at: &Path,
    environment: &Environment,
    known: Known<'_>,
    need: Need,
) -> Result<Settings, LoadError> {
    let files = files::read(at)?;
    let environment = &with_credentials(environment, &files.credentials);
    let mut mistakes = files.mistakes;
    let ids: BTreeSet<String> = files
        .accounts
        .iter()
        .map(|file| file.stem.clone())
        .collect();
    let mut overrides = route(environment, &ids, &mut mistakes);

    let mut settings = Settings::default();
    let main = overrides.remove("").unwrap_or_default();
    let mut document = None;
    if let Some(text) = files.main.text {
        let given = (environment, need);
        match read_main(&files.main.name, &text, main, given, known, &ids) {
            Ok((read, opened)) => (settings, document) = (read, Some(opened)),
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    let mut of_accounts = Vec::new();
    for file in &files.accounts {
        let Some(text) = &file.text else { continue };
        let own = overrides.remove(&file.stem).unwrap_or_default();
        let reading = read_account(file, text, own, environment, known.connectors, need);
        of_accounts.extend(reading.mistakes);
        settings.origins.extend(reading.origins);
        settings.values.extend(reading.values);
        let account = reading.account.map(|account| (account.id.clone(), account));
        settings.accounts.extend(account);
    }
    if let Some(mut document) = document {
        idle::warn(&mut document, &settings, &ids, known.now);
        mistakes.extend(document.into_mistakes());
    }
    mistakes.extend(of_accounts);
    if mistakes.iter().any(|m| m.severity == Severity::Error) {
        return Err(LoadError::Mistakes(mistakes));
    }
    settings.warnings = mistakes;
    Ok(settings)
}

/// Reads `[stock]`, `[[items]]`, `[[locations]]` and `[allocation]` of one file, for accounts that are not configured in files.
pub fn load_stock(
    file: &Path,
    accounts: &BTreeSet<String>,
    known: Known<'_>,
) -> Result<Settings, LoadError> {
    let name = file.display().to_string();
    let whole = |problem: String| Mistake {
        severity: Severity::Error,
        at: At::Whole { name: name.clone() },
        key: String::new(),
        problem,
        help: None,
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| LoadError::Mistakes(vec![whole(format!("cannot read it: {error}"))]))?;
    let nothing = Environment::new();
    let (mut settings, mut document) = read_main(
        &name,
        &text,
        Vec::new(),
        (&nothing, Need::All),
        known,
        accounts,
    )
    .map_err(|mistake| LoadError::Mistakes(vec![*mistake]))?;
    idle::warn(&mut document, &settings, accounts, known.now);
    let told = document.into_mistakes();
    if told.iter().any(|m| m.severity == Severity::Error) {
        return Err(LoadError::Mistakes(told));
    }
    settings.warnings = told;
    Ok(settings)
}

/// Reads `[[rules]]` of one file that is not in force, for accounts and locations that are known elsewhere. What else
/// stands in it is only looked at for slips.
pub(crate) fn load_rules(
    file: &Path,
    accounts: &BTreeSet<String>,
    places: &[Place],
) -> Result<Vec<OrderRule>, LoadError> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        LoadError::Mistakes(vec![Mistake {
            severity: Severity::Error,
            at: At::Whole { name: name.clone() },
            key: String::new(),
            problem: format!("cannot read it: {error}"),
            help: None,
        }])
    })?;
    let schema = schemars::schema_for!(Main).to_value();
    let document = Document::open(&name, &text, Vec::new(), vec![(Vec::new(), schema)]);
    let mut document = document.map_err(|mistake| LoadError::Mistakes(vec![*mistake]))?;
    document.take_out(&["admin".to_owned()]);
    document.take_out(&["privacy".to_owned()]);
    document.take_out(&["notify".to_owned()]);
    document.take_out(&["label_providers".to_owned()]);
    let main: Main = document.read();
    let declared = locations::locations(&mut document, main.locations, accounts);
    let mut places = places.to_vec();
    places.extend(declared.iter().map(Place::of));
    let rules = order_rules::rules(&mut document, main.rules, accounts, &places, None);
    let told = document.into_mistakes();
    match told
        .iter()
        .any(|mistake| mistake.severity == Severity::Error)
    {
        true => Err(LoadError::Mistakes(told)),
        false => Ok(rules),
    }
}

/// The environment with a place for credentials: where no service manager hands them over, the folder
/// that the unit loads them from will do.
fn with_credentials(environment: &Environment, folder: &Path) -> Environment {
    let mut environment = environment.clone();
    if !environment.contains_key(secrets::CREDENTIALS) && folder.is_dir() {
        let folder = folder.to_string_lossy().into_owned();
        environment.insert(secrets::CREDENTIALS.to_owned(), folder);
    }
    environment
}

fn read_main(
    name: &str,
    text: &str,
    overrides: Vec<Override>,
    (environment, need): (&Environment, Need),
    known: Known<'_>,
    accounts: &BTreeSet<String>,
) -> Result<(Settings, Document), Box<Mistake>> {
    let schema = schemars::schema_for!(Main).to_value();
    let mut document = Document::open(name, text, overrides, vec![(Vec::new(), schema)])?;
    document.fetch_secrets(&["admin".to_owned()], environment, need);
    document.fetch_secrets(&["notify".to_owned()], environment, need);
    document.fetch_secrets(&["label_providers".to_owned()], environment, need);
    let main: Main = document.read();
    meaning::check_plain(&mut document, &main, known.schedule);
    let items = meaning::items(&mut document, main.items);
    let stock = offers::stock(&mut document, main.stock, accounts, &items);
    let locations = locations::locations(&mut document, main.locations, accounts);
    locations::check_allocation(&mut document, &main.allocation);
    let incidents = incidents::rules(&mut document, main.incidents, accounts);
    let sellers = sellers::sellers(&mut document, main.sellers, accounts);
    let verify = verify::read(&mut document, main.verify);
    let places: Vec<Place> = locations.iter().map(Place::of).collect();
    let label_providers = labels::providers(&mut document, main.label_providers);
    let notify = messages::notify(&mut document, main.notify, need);
    let messages = messages::messages(&mut document, main.messages, &notify);
    let of = Some(&messages);
    let rules = order_rules::rules(&mut document, main.rules, accounts, &places, of);
    let settings = Settings {
        incidents,
        sellers,
        verify,
        rules,
        notify,
        messages,
        label_providers,
        listen: main.listen,
        public_url: main.public_url,
        store: main.store,
        network: main.network,
        log: main.log,
        limits: main.limits,
        admin: main.admin,
        stock,
        items,
        locations,
        allocation: main.allocation,
        schedule: main.schedule,
        breaker: main.breaker,
        backup: main.backup,
        privacy: main.privacy,
        accounts: BTreeMap::new(),
        warnings: Vec::new(),
        origins: document.origins(""),
        values: document.readings(""),
    };
    Ok((settings, document))
}

/// Gives each document the variables that set something in it: the main file under the empty name,
/// accounts under theirs. In a variable, `-` is written `_`.
fn route(
    environment: &Environment,
    accounts: &BTreeSet<String>,
    mistakes: &mut Vec<Mistake>,
) -> BTreeMap<String, Vec<Override>> {
    let mut routed: BTreeMap<String, Vec<Override>> = BTreeMap::new();
    for mut entry in layers::overrides(environment) {
        let mut refuse = |problem: String, help: Option<String>| {
            mistakes.push(Mistake {
                severity: Severity::Error,
                at: At::Environment {
                    name: entry.name.clone(),
                },
                key: entry.path.join("."),
                problem,
                help,
            });
        };
        if !entry.path.iter().all(|step| is_key(step)) {
            refuse("no key has such a name".to_owned(), None);
            continue;
        }
        if entry.path.first().is_none_or(|first| first != "accounts") {
            routed.entry(String::new()).or_default().push(entry);
            continue;
        }
        let wanted = entry.path.get(1).map_or("", String::as_str).to_owned();
        let account = accounts.iter().find(|id| id.replace('-', "_") == wanted);
        match account {
            Some(account) if entry.path.len() > 2 => {
                entry.path.drain(..2);
                routed.entry(account.clone()).or_default().push(entry);
            }
            Some(_) => refuse("this names an account and no key of it".to_owned(), None),
            None => {
                let known: Vec<&str> = accounts.iter().map(String::as_str).collect();
                refuse(
                    format!("there is no account `{wanted}`"),
                    mistakes::suggestion_or_list(&wanted.replace('_', "-"), &known, "there are"),
                );
            }
        }
    }
    routed
}

fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
