//! What single steps on the way of an order cost: a hook that is read, a decision, sealing, a commit that is durable.
//!
//! Each stands beside a plain step that does the least of the same kind, so that a ratio within one run says something on
//! any machine: `cargo bench -p tests`. `cargo test` takes each of them once. How fast all of it is together is what
//! `oneshelf bench` measures.

use std::{fs::File, hint::black_box, io::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use channel::{
    Channel, HookRequest, HttpPort, Port, Verdict,
    http::{Request, Response, SendError},
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use domain::{
    AccountId, Currency, ExternalId, Money, Sku, Time,
    item::Item,
    signal::{Command, Signal, Source},
    snapshot::{Observation, OrderSnapshot},
};
use engine::{
    decider::{Decider, Policy},
    ports::system,
    rows,
    sealing::{Pool, Sealer},
};
use rehearse::{hooks::hook_request, port::MemoryVault};
use sandbox::{Act, Product, ProductKind, Shop};
use store::{Batch, Memory, Store, sled};
use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOOK_URL: &str = "http://127.0.0.1:8080/hooks/shop";
/// How many rows an order changes, about.
const ROWS: u32 = 20;
/// How long one of them is, about.
const ROW_LENGTH: usize = 400;
/// As long as what an order says of people.
const PERSON_LENGTH: usize = 600;

/// Nobody is called here.
struct Nowhere;

#[async_trait]
impl HttpPort for Nowhere {
    async fn send(&self, _: Request) -> Result<Response, SendError> {
        Err(SendError::NotSent("nobody is called".to_owned()))
    }

    fn now(&self) -> Time {
        now()
    }

    fn nonce(&self) -> String {
        String::new()
    }
}

fn now() -> Time {
    Time::from_seconds(1_798_000_000)
}

fn mug() -> Sku {
    Sku::new("MUG").expect("a SKU")
}

/// A hook of a new order, signed by a shop, and the account that it is for.
fn hook() -> (Box<dyn Channel>, HookRequest) {
    let open = sandbox::TWINS.iter().find(|(id, _)| *id == "woocommerce");
    let (_, open) = open.expect("there is such a twin");
    let euro = Currency::new("EUR").expect("a currency");
    let mut twin = open(Shop {
        name: "shop".to_owned(),
        api_url: "https://shop.example.com".to_owned(),
        hook_url: HOOK_URL.to_owned(),
        products: vec![Product {
            sku: mug(),
            title: "Mug".to_owned(),
            price: Money::from_minor(1250, euro).expect("a price"),
            kind: ProductKind::Simple,
            level: 1_000,
        }],
        seed: 3,
    });
    let port = Port {
        http: Arc::new(Nowhere),
        vault: Arc::new(MemoryVault::default()),
    };
    let connector = connectors::find("woocommerce").expect("every twin has its connector");
    let channel = connector.open(twin.settings(), port);
    let channel = channel.expect("the settings of a twin are whole");
    let basket = vec![(mug(), 2)];
    twin.act(&Act::Buy { basket, paid: true }, now())
        .expect("it is bought");
    let deliveries = twin.take_deliveries(now().plus(Duration::from_secs(60)));
    let hooks = deliveries
        .iter()
        .map(|one| hook_request(&one.request, HOOK_URL));
    let of_order = |hook: &HookRequest| !orders_of(channel.as_ref(), hook).is_empty();
    let hook = hooks
        .into_iter()
        .find(of_order)
        .expect("the shop tells of its order");
    (channel, hook)
}

/// What a hook tells of orders, if it is genuine.
fn orders_of(channel: &dyn Channel, hook: &HookRequest) -> Vec<OrderSnapshot> {
    let reader = channel.read_hooks().expect("it sends hooks");
    let Verdict::Verified(verified) = reader.verify(hook, now()) else {
        return Vec::new();
    };
    let told = reader.read(&verified).expect("it can be read");
    let orders = told.into_iter().filter_map(|one| match one {
        Observation::Order(order) => Some(*order),
        _ => None,
    });
    orders.collect()
}

fn reading(criterion: &mut Criterion) {
    let (channel, hook) = hook();
    let mut group = criterion.benchmark_group("a hook of an order");
    group.bench_function("verified and read", |bencher| {
        bencher.iter(|| orders_of(channel.as_ref(), black_box(&hook)));
    });
    group.bench_function("plain: its JSON", |bencher| {
        bencher.iter(|| {
            let value = serde_json::from_slice::<serde_json::Value>(black_box(&hook.body));
            value.expect("it is JSON")
        });
    });
    group.finish();
}

fn deciding(criterion: &mut Criterion) {
    let (channel, hook) = hook();
    let order = orders_of(channel.as_ref(), &hook).remove(0);
    let runtime = Runtime::new().expect("threads");
    let decider = Decider::new(Arc::new(Memory::new()), system::ports(), Policy::default());
    let decide = |signal: Signal| {
        let done = runtime.block_on(decider.decide(signal));
        done.expect("it is decided").verdict
    };
    decide(Signal::Command(Command::SetItem(Item::good(mug(), "Mug"))));
    let mut number = 0_u64;
    let mut next = || {
        number += 1;
        let mut order = order.clone();
        order.external_id = ExternalId::new(number.to_string());
        Signal::Order {
            account: AccountId::new("shop"),
            snapshot: Box::new(order),
            source: Source::Hook,
        }
    };
    let mut group = criterion.benchmark_group("an order");
    group.bench_function("decided, in memory", |bencher| {
        bencher.iter_batched(&mut next, decide, BatchSize::SmallInput);
    });
    group.bench_function("plain: written as JSON and read again", |bencher| {
        bencher.iter(|| {
            let written = serde_json::to_vec(black_box(&order)).expect("text keys");
            serde_json::from_slice::<OrderSnapshot>(&written).expect("it was written")
        });
    });
    group.finish();
}

fn sealing(criterion: &mut Criterion) {
    let sealer = Sealer::in_memory();
    let text = vec![b'a'; PERSON_LENGTH];
    let mut group = criterion.benchmark_group("what an order says of people");
    group.bench_function("sealed under a key of its own, and opened", |bencher| {
        bencher.iter(|| {
            let sealed = sealer.seal(Pool::Orders, b"place", text.clone(), [7; 16]);
            let sealed = sealed.expect("there are keys");
            sealer
                .open(Pool::Orders, b"place", &sealed)
                .expect("it opens")
        });
    });
    group.bench_function("plain: copied twice", |bencher| {
        bencher.iter(|| black_box(text.clone()).clone());
    });
    group.finish();
}

fn committing(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = sled::open(sled::Options::new(folder.path().join("store")));
    let (store, _) = opened.expect("it opens");
    let runtime = Runtime::new().expect("threads");
    let mut number = 0_u32;
    let mut next = || {
        number += ROWS;
        let rows = (number..number + ROWS).map(|row| {
            let value = row.to_be_bytes().repeat(ROW_LENGTH / 4);
            (rows::ORDERS, row.to_be_bytes().to_vec(), value)
        });
        Batch {
            puts: rows.collect(),
            ..Batch::default()
        }
    };
    let mut group = criterion.benchmark_group("the rows of an order");
    group.bench_function("committed and durable", |bencher| {
        let commit = |batch| {
            runtime
                .block_on(store.commit(batch))
                .expect("it is written")
        };
        bencher.iter_batched(&mut next, commit, BatchSize::SmallInput);
    });
    let mut file = File::create(folder.path().join("plain")).expect("a file");
    let bytes = vec![7_u8; ROWS as usize * ROW_LENGTH];
    group.bench_function("plain: appended to a file and synced", |bencher| {
        bencher.iter(|| {
            file.write_all(&bytes).expect("it is written");
            file.sync_data().expect("it is synced");
        });
    });
    group.finish();
    runtime.block_on(store.close()).expect("it closes");
}

criterion_group! {
    name = steps;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    targets = reading, deciding, sealing, committing
}
criterion_main!(steps);
