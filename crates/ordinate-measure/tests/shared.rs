//! The answer store in all of its places, a file of SQLite, a database of PostgreSQL and a folder of Parquet files, by the same tests; and
//! what only a shared one has to stand: many runs at once, some of which die, and a server that goes away.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod harness;

use std::time::Duration;

use harness::{PRICE, rows, run, simple};
use ordinate_faults::{FaultServer, PASSWORD, Postgres, Script};
use ordinate_measure::{
    AnswerStore, Ended, Key, MeasureError, Plan, Saved, Server, SharedPlace, StoreError, StorePlace, measure,
};
use ordinate_remote::{Doubt, FailureKind, TokenLogprob};
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio_util::sync::CancellationToken;

/// A server, or `None` after saying that the test is skipped.
fn postgres() -> Option<Postgres> {
    let server = Postgres::start().unwrap();
    if server.is_none() {
        println!("skipped: no PostgreSQL; install it (Debian: postgresql)");
    }
    server
}

/// A database of its own for each name; it shares nothing with others.
async fn database(server: &Postgres, name: &str) -> Server {
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    let make = format!("CREATE DATABASE {name}");
    connection.execute(sqlx::AssertSqlSafe(make)).await.unwrap();
    connection.close().await.unwrap();
    Server::parse(&url(server, name)).unwrap()
}

fn url(server: &Postgres, name: &str) -> String {
    server.url().replace("/postgres", &format!("/{name}"))
}

/// Does this in a database, as another program would.
async fn does(server: &Postgres, name: &str, statement: &str) {
    let mut connection = PgConnection::connect(&url(server, name)).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

fn saved(item: &str) -> Saved {
    Saved {
        candidate: "a".into(),
        item: item.into(),
        text: Some("上涨 \0 up \u{1a}0".into()),
        confidence: Some(0.25),
        probabilities: vec![("上涨 \0".into(), 0.75), ("".into(), 0.25)],
        input_tokens: Some(7),
        cost_usd: Some(0.1),
        charged_usd: 0.1,
        tries: 2,
        vector: Some(vec![0.5, -1.25e-7]),
        logprobs: vec![TokenLogprob { token: "u".into(), logprob: -0.5 }],
        model: Some("other".into()),
        doubt: Some(Doubt::Disagrees),
        ..Saved::default()
    }
}

async fn answers_come_back_as_they_were(place: &StorePlace) {
    let keys: Vec<Key> = ["1", "2", "3"].map(|request| Key::of("m", request)).to_vec();
    assert!(!AnswerStore::is_made(place).await.unwrap());
    {
        let store = AnswerStore::open(place).await.unwrap();
        store.put(&[(keys[0], saved("1")), (keys[2], saved("3"))]).await.unwrap();
        if let StorePlace::File(_) = place {
            assert!(matches!(AnswerStore::open(place).await, Err(StoreError::InUse(_))));
        }
    }
    let store = AnswerStore::open(place).await.unwrap();
    let found = store.find(&[keys[2], keys[1], keys[0], keys[2]]).await.unwrap();
    assert_eq!(found, [Some(saved("3")), None, Some(saved("1")), Some(saved("3"))]);
    let error = Saved { error: Some((FailureKind::Cut, "br\0ke".into())), text: None, ..saved("1") };
    // The same key twice in one commit, as of two candidates that are the same.
    store.put(&[(keys[0], error.clone()), (keys[1], saved("2")), (keys[0], error)]).await.unwrap();
    let again = store.find(&keys[..1]).await.unwrap().remove(0).unwrap();
    assert_eq!(again.error, Some((FailureKind::Cut, "br\0ke".into())));
    store.close().await;
    assert_eq!(AnswerStore::peek(place).await, Some(3));
}

/// The tables of this place were made by an earlier version, and lack what came later.
async fn tables_are_widened(place: &StorePlace) {
    let store = AnswerStore::open(place).await.unwrap();
    let key = Key::of("m", "wide");
    store.put(&[(key, saved("wide"))]).await.unwrap();
    assert_eq!(store.find(&[key]).await.unwrap(), [Some(saved("wide"))]);
    store.close().await;
}

async fn what_was_paid_is_still_paid(place: &StorePlace) {
    let store = AnswerStore::open(place).await.unwrap();
    let key = Key::of("m", "1");
    for times in 1..=3 {
        store.put(&[(key, saved("1"))]).await.unwrap();
        let there = store.find(&[key]).await.unwrap().remove(0).unwrap();
        assert!((there.charged_usd - 0.1 * f64::from(times)).abs() < 1e-12, "{there:?}");
        assert_eq!(there.tries, 2 * u64::try_from(times).unwrap());
    }
    store.close().await;
}

fn in_place(plan: Plan, place: &StorePlace) -> Plan {
    Plan { store: place.clone(), ..plan }
}

async fn a_run_is_gone_on_with(place: &StorePlace) {
    let folder = tempfile::tempdir().unwrap();
    let script = Script::saying("up").with_latency(Duration::from_millis(40));
    let server = FaultServer::start(script).await.unwrap();
    let mut plan = in_place(simple(&server, 300, folder.path()), place);
    let cancel = CancellationToken::new();
    let (stop, stopped) = (cancel.clone(), plan.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(120)).await;
        stop.cancel();
    });
    let measured = measure(stopped, &(), cancel).await.unwrap();
    let asked = server.counts().asked;
    assert!(asked < 300 && measured.summaries[0].ended == Ended::Cancelled, "{asked}");
    measured.close().await.unwrap();
    let measured = run(plan.clone()).await;
    assert_eq!(server.counts().by_prompt.len(), 300);
    assert!(server.counts().by_prompt.values().all(|count| count.completed == 1));
    assert_eq!(rows(&measured, 0).await.len(), 300);
    measured.close().await.unwrap();
    plan.retry_errors = true;
    run(plan).await.close().await.unwrap();
    assert_eq!(server.counts().completed, 300);
}

async fn max_spend_is_kept(place: &StorePlace) {
    let folder = tempfile::tempdir().unwrap();
    let server =
        FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(2))).await.unwrap();
    let mut plan = in_place(simple(&server, 1_000, folder.path()), place);
    plan.max_spend = Some(0.05);
    for _ in 0..2 {
        let measured = run(plan.clone()).await;
        assert_eq!(measured.summaries[0].ended, Ended::Budget);
        let counts = server.counts();
        let paid = PRICE.cost_usd(counts.input_tokens, counts.output_tokens);
        assert!(paid <= 0.05 && paid > 0.045, "{paid}");
        assert!((measured.spent_usd - paid).abs() < 1e-9, "{} {paid}", measured.spent_usd);
        measured.close().await.unwrap();
    }
}

/// `fresh` is another place of the same kind, and `folder` the run folder of both.
async fn many_runs_share_it(shared: &StorePlace, fresh: &StorePlace, folder: &std::path::Path) {
    // Whoever is first makes the tables.
    let opened = (0..8).map(|_| {
        let place = shared.clone();
        tokio::spawn(async move { AnswerStore::open(&place).await.map(drop) })
    });
    for one in opened.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    // Two runs with one purse, at the same time: the second waits, and finds what the first has paid for.
    let api = FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(2))).await.unwrap();
    let mut plan = in_place(simple(&api, 1_000, folder), shared);
    plan.max_spend = Some(0.05);
    let (one, two) = tokio::join!(run(plan.clone()), run(plan));
    let counts = api.counts();
    let paid = PRICE.cost_usd(counts.input_tokens, counts.output_tokens);
    assert!(paid <= 0.05, "{paid}");
    assert!(counts.by_prompt.values().all(|count| count.asked == 1));
    assert!((one.spent_usd - two.spent_usd).abs() < 1e-12);
    // What a run folder had before its store was shared is not paid for again.
    let alone = StorePlace::of(None, folder);
    run(in_place(simple(&api, 40, folder), &alone)).await.close().await.unwrap();
    let asked = api.counts().asked;
    assert_eq!(AnswerStore::take_over(fresh).await.unwrap(), 40);
    assert_eq!(AnswerStore::take_over(fresh).await.unwrap(), 0);
    run(in_place(simple(&api, 40, folder), fresh)).await.close().await.unwrap();
    assert_eq!(api.counts().asked, asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_parquet_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let shared = SharedPlace::Folder(folder.path().join(name));
        StorePlace::of(Some(&shared), folder.path())
    };
    answers_come_back_as_they_were(&place("a")).await;
    what_was_paid_is_still_paid(&place("b")).await;
    a_run_is_gone_on_with(&place("c")).await;
    max_spend_is_kept(&place("d")).await;
    many_runs_share_it(&place("e"), &place("f"), folder.path()).await;
    // Two runs about the same, at the same time: what one asks the other does not.
    let api = FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(5))).await.unwrap();
    let plan = in_place(simple(&api, 400, folder.path()), &place("g"));
    let (one, two) = tokio::join!(run(plan.clone()), run(plan));
    assert_eq!((rows(&one, 0).await.len(), rows(&two, 0).await.len()), (400, 400));
    assert!(api.counts().by_prompt.values().all(|count| count.asked == 1));
    one.close().await.unwrap();
    two.close().await.unwrap();
    // What cannot be written is in the run folder, and is sent by the next run.
    let StorePlace::Folder { shared, .. } = place("h") else { panic!("it is a folder") };
    let store = AnswerStore::open(&place("h")).await.unwrap();
    std::fs::rename(shared.join("answers"), shared.join("answers away")).unwrap();
    let said = store.put(&[(Key::of("m", "1"), saved("1"))]).await.unwrap_err().to_string();
    assert!(said.contains("see that it is there"), "{said}");
    assert!(StorePlace::unsent_in(folder.path()).is_file());
    std::fs::rename(shared.join("answers away"), shared.join("answers")).unwrap();
    AnswerStore::open(&place("h")).await.unwrap().close().await;
    assert_eq!(AnswerStore::peek(&place("h")).await, Some(1));
    assert!(!StorePlace::unsent_in(folder.path()).exists());
    // What is damaged, or no store, is said.
    std::fs::write(shared.join("answers/0-x.parquet"), "no Parquet").unwrap();
    let said = AnswerStore::open(&place("h")).await.unwrap_err().to_string();
    assert!(said.contains("0-x.parquet") && said.contains("put a copy of the file back"), "{said}");
    std::fs::create_dir(folder.path().join("i")).unwrap();
    std::fs::write(folder.path().join("i/thesis.tex"), "").unwrap();
    let said = AnswerStore::open(&place("i")).await.unwrap_err().to_string();
    assert!(said.contains("thesis.tex is in it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| StorePlace::from(folder.path().join(name));
    answers_come_back_as_they_were(&place("a")).await;
    let path = folder.path().join("a");
    let mut connection = SqliteConnection::connect(&path.display().to_string()).await.unwrap();
    connection.execute("ALTER TABLE answer DROP COLUMN probabilities").await.unwrap();
    connection.close().await.unwrap();
    tables_are_widened(&place("a")).await;
    what_was_paid_is_still_paid(&place("b")).await;
    a_run_is_gone_on_with(&place("c")).await;
    max_spend_is_kept(&place("d")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_postgresql() {
    let Some(server) = postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = async |name: &str| StorePlace::of(Some(&database(&server, name).await.into()), folder.path());
    let first = place("a").await;
    answers_come_back_as_they_were(&first).await;
    does(&server, "a", "ALTER TABLE ordinate.answer DROP COLUMN probabilities").await;
    tables_are_widened(&first).await;
    what_was_paid_is_still_paid(&place("b").await).await;
    a_run_is_gone_on_with(&place("c").await).await;
    max_spend_is_kept(&place("d").await).await;
    many_runs_share_it(&place("e").await, &place("f").await, folder.path()).await;
    // What is not given right is said, and the password is not.
    let wrong = url(&server, "f").replace("xK9", "yK9").replace("%78%4B", "%79%4B");
    for url in [wrong, url(&server, "nowhere"), "postgres://me:hush@127.0.0.1:9/answers".to_owned()] {
        let place = StorePlace::of(Some(&Server::parse(&url).unwrap().into()), folder.path());
        let said = AnswerStore::open(&place).await.unwrap_err().to_string();
        println!("{said}");
        assert!(said.contains("the answer store postgres://") && said.contains("; "), "{said}");
        assert!(!said.contains("hush") && !said.contains(PASSWORD) && !said.contains("%"), "{said}");
    }
}

/// The server crashes in the middle and comes back; then it does not, and what was paid for waits in the run folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_loses_nothing() {
    let Some(server) = postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let api = FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(20))).await.unwrap();
    let database = database(&server, "lost").await;
    let place = StorePlace::of(Some(&database.clone().into()), folder.path());
    let plan = in_place(simple(&api, 400, folder.path()), &place);
    let going = tokio::spawn(run(plan));
    while api.counts().completed < 150 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    server.crash().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(StorePlace::unsent_in(folder.path()).is_file(), "what came meanwhile is on this disk");
    server.resume().unwrap();
    going.await.unwrap().close().await.unwrap();
    assert_eq!(api.counts().asked, 400, "nothing is asked twice");
    assert!(!StorePlace::unsent_in(folder.path()).exists());

    // For good, as far as this run can wait.
    let impatient =
        StorePlace::of(Some(&database.with_patience(Duration::from_millis(200)).into()), folder.path());
    let mut plan = in_place(simple(&api, 800, folder.path()), &impatient);
    plan.concurrency = 8;
    let going = tokio::spawn(measure(plan, &(), CancellationToken::new()));
    while api.counts().completed < 600 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    server.crash().unwrap();
    let error = going.await.unwrap().unwrap_err();
    let said = error.to_string();
    println!("{said}");
    assert!(matches!(error, MeasureError::Store(StoreError::Lost { unsent: Some(_), .. })), "{said}");
    assert!(said.contains("answers.sqlite.unsent; run the same command again"), "{said}");
    server.resume().unwrap();
    does(&server, "lost", "UPDATE ordinate.claim SET until = now()").await;
    let measured = run(in_place(simple(&api, 800, folder.path()), &place)).await;
    assert_eq!(rows(&measured, 0).await.len(), 800);
    assert_eq!(api.counts().asked, 800, "what was paid for is not asked for again");
    assert!(!StorePlace::unsent_in(folder.path()).exists());
}
