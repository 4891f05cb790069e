//! The fault matrix (rule 6 of the evidence): for each fault what becomes of the item, of the money and of the
//! other items. A fault that passes is retried; one that stays is an error, never a wrong answer or a hole.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::time::{Duration, Instant};

use harness::{PRICE, contender, entry, items, plan, rows, run, simple};
use ordinate_core::task::PromptSection;
use ordinate_faults::{Fault, FaultServer, Script, prompt_of, tokens_of};
use ordinate_measure::{Ended, Measured};
use ordinate_remote::FailureKind;

const FAULTED: &str = "number 7";

/// Item 7 meets the fault: always, or only the first time it is asked.
async fn with_fault(fault: Fault, always: bool) -> (Measured, FaultServer, tempfile::TempDir) {
    let script = Script::saying("up").with_faults(move |call| {
        let hit = prompt_of(call.body).trim_end().ends_with(&format!("{FAULTED}\nLabel:"));
        if hit && (always || call.repeat == 0) { fault.clone() } else { Fault::None }
    });
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 20, folder.path())).await;
    (measured, server, folder)
}

fn transient() -> Vec<(Fault, FailureKind)> {
    vec![
        (Fault::status(500), FailureKind::Overloaded),
        (Fault::status(502), FailureKind::Overloaded),
        (Fault::status(503), FailureKind::Overloaded),
        (Fault::slow_down("0.05"), FailureKind::RateLimited),
        (Fault::CutBeforeHeaders, FailureKind::Cut),
        (Fault::CutBody, FailureKind::Cut),
        (Fault::StallHeaders, FailureKind::TotalTimeout),
        (Fault::StallBody, FailureKind::IdleTimeout),
        (Fault::Trickle(Duration::from_millis(100)), FailureKind::TotalTimeout),
        (Fault::BrokenUtf8, FailureKind::BrokenText),
        (Fault::BrokenJson, FailureKind::BrokenJson),
        (Fault::OtherShape, FailureKind::Shape),
        (Fault::Html, FailureKind::BrokenJson),
        (Fault::ErrorIn200("busy".into()), FailureKind::Overloaded),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_leaves_no_trace() {
    for (fault, kind) in transient() {
        let (measured, server, _folder) = with_fault(fault.clone(), false).await;
        let rows = rows(&measured, 0).await;
        assert_eq!(rows.len(), 20, "{fault:?}");
        for row in &rows {
            assert_eq!((row.output.as_deref(), &row.error), (Some("up"), &None), "{fault:?}");
            assert_eq!(row.tries, if row.item == 7 { 2 } else { 1 }, "{fault:?} item {}", row.item);
        }
        assert_eq!(measured.summaries[0].ended, Ended::Complete);
        assert_eq!(server.counts().asked, 21, "{fault:?}");
        // What may have been billed is counted in full, what was metered exactly.
        let metered: f64 = rows.iter().filter_map(|row| row.cost_usd).sum();
        if kind.may_be_billed() {
            assert!(measured.spent_usd > metered, "{fault:?}: {} {metered}", measured.spent_usd);
        } else {
            assert!((measured.spent_usd - metered).abs() < 1e-12, "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_stays_is_an_error_of_its_item_alone() {
    let bad_request = Fault::Status { code: 400, retry_after: None, message: "context too long".into() };
    let lasting = vec![
        (bad_request, FailureKind::Rejected),
        (Fault::Refusal, FailureKind::Refused),
        (Fault::ContentFilter, FailureKind::Filtered),
        (Fault::Empty, FailureKind::Empty),
        (Fault::EmptyByLength, FailureKind::Empty),
        (Fault::Huge(20 << 20), FailureKind::TooLarge),
    ];
    // A few of the transient ones: all of them together would take long.
    let staying = transient().into_iter().filter(|(fault, _)| {
        matches!(fault, Fault::Status { code: 500 | 429, .. } | Fault::CutBody | Fault::BrokenJson)
    });
    for (fault, kind) in lasting.into_iter().chain(staying) {
        let (measured, server, folder) = with_fault(fault.clone(), true).await;
        let answers = rows(&measured, 0).await;
        assert_eq!(answers.len(), 20, "{fault:?}");
        for row in &answers {
            let expected = (row.item == 7).then_some(kind);
            assert_eq!(row.error.as_ref().map(|error| error.0), expected, "{fault:?} item {}", row.item);
            assert_eq!(row.output.is_none(), row.error.is_some());
        }
        let summary = &measured.summaries[0];
        assert_eq!((summary.done, summary.errors[kind.as_str()]), (20, 1), "{fault:?}");
        drop(measured);

        // The error stands in the next run, and is asked again when that is wanted.
        let again = run(simple(&server, 20, folder.path())).await;
        assert_eq!(again.summaries[0].requests, 0, "{fault:?}");
        drop(again);
        let mut retry = simple(&server, 20, folder.path());
        retry.retry_errors = true;
        let again = run(retry).await;
        assert!(again.summaries[0].requests >= 1 && again.summaries[0].kept == 19, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_answer_is_told_apart_and_kept() {
    let script =
        Script::new(|body| if prompt_of(body).contains(FAULTED) { "up or down" } else { "up" }.into());
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 8, folder.path())).await;
    let rows = rows(&measured, 0).await;
    assert_eq!(rows[7].error.as_ref().map(|error| error.0), Some(FailureKind::Unreadable));
    assert_eq!(rows[7].text.as_deref(), Some("up or down"));
    assert!(rows[7].cost_usd.is_some() && rows[7].output.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn money_and_tokens_are_exact() {
    let server = FaultServer::start(Script::saying("neutral")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 300, folder.path())).await;
    let counts = server.counts();
    let summary = &measured.summaries[0];
    assert_eq!((summary.input_tokens, summary.output_tokens), (counts.input_tokens, counts.output_tokens));
    assert_eq!(counts.output_tokens, 300 * tokens_of("neutral"));
    let cost = PRICE.cost_usd(counts.input_tokens, counts.output_tokens);
    assert!((measured.spent_usd - cost).abs() < 1e-12 && (summary.cost_usd.unwrap() - cost).abs() < 1e-12);
    for row in rows(&measured, 0).await {
        assert_eq!(row.cost_usd, Some(PRICE.cost_usd(row.input_tokens.unwrap(), row.output_tokens.unwrap())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_ends_clearly_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let good = FaultServer::start(Script::saying("up")).await.unwrap();
    let dying =
        FaultServer::start(Script::saying("up").with_latency(Duration::from_millis(20))).await.unwrap();
    let address = dying.address();
    let prompt = PromptSection::default();
    let both = |dying: &ordinate_core::task::OpenAi| {
        plan(
            items(400),
            vec![contender("good", &entry(&good), &prompt), contender("dying", dying, &prompt)],
            folder.path(),
        )
    };
    let its_entry = entry(&dying);
    let killer = tokio::spawn(async move {
        while dying.counts().completed < 50 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dying.stop();
    });
    let start = Instant::now();
    let measured = run(both(&its_entry)).await;
    killer.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(20));
    let [of_good, of_dying] = measured.summaries.as_slice() else { panic!() };
    assert_eq!((of_good.done, &of_good.ended), (400, &Ended::Complete));
    let Ended::Dead(message) = &of_dying.ended else { panic!("{of_dying:?}") };
    assert!(message.contains(&address.to_string()) && message.contains("in a row"), "{message}");
    let kept = rows(&measured, 1).await.iter().filter(|row| row.output.is_some()).count();
    assert!(kept >= 45, "{kept}");
    drop(measured);

    // It comes back: only what is not answered is asked.
    let revived = FaultServer::start_at(Script::saying("up"), address).await.unwrap();
    let measured = run(both(&its_entry)).await;
    assert_eq!(measured.summaries[1].ended, Ended::Complete);
    assert_eq!(measured.summaries[1].errors.len(), 0, "{:?}", measured.summaries[1]);
    assert_eq!(revived.counts().asked as usize, 400 - kept);
    assert_eq!(good.counts().asked, 400);
}

/// Too few items for ten failures in a row, and no answer to any: there is nothing to judge.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answers_nothing_is_dead_with_few_items_too() {
    let script = Script::saying("up").with_faults(|_| Fault::status(503));
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for kept in [false, true] {
        let measured = run(simple(&server, 3, folder.path())).await;
        let Ended::Dead(message) = &measured.summaries[0].ended else { panic!("{:?}", measured.summaries) };
        assert!(message.contains("none of its 3 items") && message.contains("overloaded"), "{message}");
        assert_eq!(measured.summaries[0].requests == 0, kept);
    }
    // One answer is an answer: the others are errors beside it.
    let script = Script::saying("up")
        .with_faults(|call| if call.number == 0 { Fault::None } else { Fault::status(503) });
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 3, folder.path())).await;
    assert_eq!(measured.summaries[0].ended, Ended::Complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_key_stops_at_once() {
    let server = FaultServer::start(Script::saying("up").with_faults(|_| Fault::status(401))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 500, folder.path())).await;
    let Ended::Dead(message) = &measured.summaries[0].ended else { panic!() };
    assert!(message.contains("401") && message.contains("key_env"), "{message}");
    assert!(server.counts().asked <= 16, "{}", server.counts().asked);
    assert_eq!(rows(&measured, 0).await.len(), 0);
}

/// Each pause is short enough; together, without an answer or with some in between, they are not.
#[tokio::test(flavor = "multi_thread")]
async fn many_pauses_end_the_candidate() {
    for (with_answers, says) in [(false, "without an answer in between"), (true, "in all")] {
        let script = Script::saying("up").with_faults(move |call| {
            if with_answers && call.number % 2 == 0 { Fault::None } else { Fault::slow_down("0.2") }
        });
        let server = FaultServer::start(script).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut plan = simple(&server, 60, folder.path());
        plan.concurrency = 1;
        plan.retry.longest_in_a_row = Duration::from_millis(700);
        plan.retry.longest_in_all = Duration::from_millis(1_500);
        let start = Instant::now();
        let measured = run(plan).await;
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let Ended::Dead(message) = &measured.summaries[0].ended else { panic!("{:?}", measured.summaries) };
        assert!(message.contains(says) && message.contains("run again later"), "{message}");
        assert_eq!(measured.summaries[0].done > 0, with_answers, "{:?}", measured.summaries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_429s_slow_down_and_lose_nothing() {
    // Half of all requests are told to slow down.
    let script = Script::saying("up")
        .with_latency(Duration::from_millis(5))
        .with_faults(|call| if call.number % 2 == 0 { Fault::slow_down("0.02") } else { Fault::None });
    let server = FaultServer::start(script).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let measured = run(simple(&server, 200, folder.path())).await;
    let summary = &measured.summaries[0];
    assert_eq!((summary.done, summary.errors.len()), (200, 0), "{summary:?}");
    assert!(server.counts().most_open <= 16, "{}", server.counts().most_open);
}
