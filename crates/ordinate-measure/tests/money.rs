//! `max_spend`, the estimate, duplicates, changes of prompt and model, cancelling and early stopping.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{PRICE, contender, entry, items, plan, rows, run, simple};
use ordinate_core::task::{OpenAi, PromptSection};
use ordinate_core::{Goal, Needs};
use ordinate_faults::{Fault, FaultServer, Script, prompt_of};
use ordinate_measure::{EarlyStopping, Ended, Estimate, Observer, Progress, estimate, measure};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn max_spend_is_never_exceeded_and_nearly_used() {
    let script = Script::saying("up").with_latency(Duration::from_millis(5));
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut limited = simple(&server, 1_000, folder.path());
    let limit = 0.05;
    limited.max_spend = Some(limit);
    let measured = run(limited.clone()).await;
    let counts = server.counts();
    let paid = PRICE.cost_usd(counts.input_tokens, counts.output_tokens);
    assert_eq!(measured.summaries[0].ended, Ended::Budget);
    assert!(paid <= limit && paid > 0.9 * limit, "{paid}");
    assert!((measured.spent_usd - paid).abs() < 1e-9);
    drop(measured);

    // The limit is of the whole plan: a second run may not spend it again.
    let measured = run(limited.clone()).await;
    assert_eq!(server.counts().asked, counts.asked);
    // It ends at the first item that it has no money for; every answer is in the evidence all the same.
    assert_eq!(rows(&measured, 0).await.len() as u64, counts.completed);
    drop(measured);

    // Twice the money: about twice the items, and no item twice.
    limited.max_spend = Some(2.0 * limit);
    run(limited).await;
    let counts = server.counts();
    assert!(PRICE.cost_usd(counts.input_tokens, counts.output_tokens) <= 2.0 * limit);
    assert!(counts.by_prompt.values().all(|count| count.asked == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_may_be_billed_count_against_the_limit() {
    let server = FaultServer::start(Script::saying("up").with_faults(|_| Fault::CutBody)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut limited = simple(&server, 1_000, folder.path());
    limited.max_spend = Some(0.01);
    let measured = run(limited).await;
    assert!(measured.spent_usd <= 0.01);
    // Each cut answer may have cost about 0.003 USD, if the server wrote all that it may.
    assert!(server.counts().asked <= 5, "{}", server.counts().asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_comes_first_and_is_near() {
    #[derive(Clone, Default)]
    struct Watch(Arc<Mutex<Vec<Vec<Estimate>>>>, Arc<Mutex<Vec<Progress>>>);
    impl Observer for Watch {
        fn estimated(&self, estimates: &[Estimate]) {
            self.0.lock().unwrap().push(estimates.to_vec());
        }
        fn progress(&self, candidates: &[Progress], _: f64) {
            *self.1.lock().unwrap() = candidates.to_vec();
        }
    }
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let before = estimate(&simple(&server, 100, folder.path())).await.unwrap();
    assert_eq!((before[0].to_ask, before[0].kept, server.counts().asked), (100, 0, 0));
    let watch = Watch::default();
    let measured =
        measure(simple(&server, 100, folder.path()), &watch, CancellationToken::new()).await.unwrap();
    assert!(measured.spent_usd <= before[0].most_usd.unwrap());
    drop(measured);
    assert_eq!(watch.0.lock().unwrap().as_slice(), [before]);
    let last = watch.1.lock().unwrap()[0].clone();
    assert_eq!((last.done, last.in_flight), (100, 0));

    // With answers at hand it is nearly exact.
    let more = estimate(&simple(&server, 400, folder.path())).await.unwrap().remove(0);
    assert_eq!((more.to_ask, more.kept), (300, 100));
    let measured = run(simple(&server, 400, folder.path())).await;
    let cost = measured.spent_usd - more.paid_usd;
    assert!((more.cost_usd.unwrap() - cost).abs() < 0.02 * cost, "{more:?} {cost}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_asks_only_what_changed() {
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let prompt =
        |instruction: &str| PromptSection { instruction: Some(instruction.into()), ..Default::default() };
    let two = |model: &str, instruction: &str| {
        let other = OpenAi { model: model.into(), ..entry(&server) };
        let candidates = vec![
            contender("a", &entry(&server), &prompt("same")),
            contender("b", &other, &prompt(instruction)),
        ];
        plan(items(50), candidates, folder.path())
    };
    let mut asked = 0;
    for (model, instruction, new) in [
        ("m2", "first", 100), // two candidates
        ("m2", "first", 0),
        ("m2", "second", 50), // another prompt for one of them
        ("m3", "second", 50), // another model
        ("m2", "first", 0),   // and back: it is all still there
    ] {
        run(two(model, instruction)).await;
        asked += new;
        assert_eq!(server.counts().asked, asked, "{model} {instruction}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_the_same_text_are_asked_once() {
    let server =
        FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(20))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut twice = items(100);
    for at in 0..50 {
        twice[at + 50].input = twice[at].input.clone();
    }
    let measured =
        run(plan(twice, vec![contender("m", &entry(&server), &PromptSection::default())], folder.path()))
            .await;
    assert_eq!(server.counts().asked, 50);
    assert_eq!(rows(&measured, 0).await.iter().filter(|row| row.output.is_some()).count(), 100);
    assert_eq!(measured.summaries[0].done, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_keeps_what_is_in_flight() {
    let server =
        FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(100))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let later = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(350)).await;
        later.cancel();
    });
    let measured = measure(simple(&server, 5_000, folder.path()), &(), cancel).await.unwrap();
    assert_eq!(measured.summaries[0].ended, Ended::Cancelled);
    let counts = server.counts();
    assert_eq!(counts.asked, counts.completed, "nothing that was sent was given up");
    assert_eq!(rows(&measured, 0).await.len() as u64, counts.completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beaten_candidate_is_no_longer_asked() {
    let right = |body: &serde_json::Value| {
        let prompt = prompt_of(body);
        let number: usize =
            prompt.rsplit("number ").next().unwrap().split('\n').next().unwrap().parse().unwrap();
        if number.is_multiple_of(3) { "up" } else { "down" }
    };
    let good = FaultServer::start(Script::new(move |body| right(body).into())).await.unwrap();
    let bad = FaultServer::start(Script::saying("up")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let prompt = PromptSection::default();
    let mut race = plan(
        items(3_000),
        vec![contender("good", &entry(&good), &prompt), contender("bad", &entry(&bad), &prompt)],
        folder.path(),
    );
    race.concurrency = 16;
    let targets: Vec<String> = items(3_000).into_iter().map(|item| item.target.unwrap()).collect();
    race.early = Some(EarlyStopping {
        scorer: Arc::new(move |at, output| f64::from(u8::from(output == Some(targets[at].as_str())))),
        alpha: 0.05,
        needs: Needs { goal: Goal::Quality, ..Needs::default() },
        seed: 1,
    });
    let measured = run(race).await;
    assert_eq!(measured.summaries[0].ended, Ended::Complete);
    let Ended::Beaten { why, saved_items, saved_usd } = &measured.summaries[1].ended else {
        panic!("{:?}", measured.summaries[1])
    };
    assert!(why.contains("against 1.000 of good"), "{why}");
    assert!(*saved_items > 2_500 && saved_usd.unwrap() > 0.0, "{saved_items}");
    // Those that had their turn and were not sent yet when it was beaten are not counted as saved.
    let told = bad.counts().asked + saved_items;
    assert!(told <= 3_000 && told + 16 >= 3_000, "{told}");
}
