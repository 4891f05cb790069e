//! Every fault of the fault server, asked once: what kind of failure it is (rule 6 of the evidence).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use ordinate_core::Item;
use ordinate_core::task::{OpenAi, PromptSection, TimeOuts};
use ordinate_faults::{Fault, FaultServer, Script, Style, tokens_of};
use ordinate_remote::{Chat, Embeddings, Failure, FailureKind, Prompt, Reply, Usage, confidence};
use ordinate_tasks::kinds::Classify;

fn entry(server: &FaultServer, stream: bool) -> OpenAi {
    OpenAi {
        model: "m".into(),
        base_url: Some(server.base_url()),
        stream: Some(stream),
        timeouts: Some(TimeOuts { connect_s: 1.0, first_token_s: 0.4, idle_s: 0.4, total_s: 1.5 }),
        ..OpenAi::default()
    }
}

async fn ask(entry: &OpenAi) -> Result<Reply, Failure> {
    let chat = Chat::new(entry, &Classify).unwrap();
    let labels = ["up", "down"].map(String::from);
    let prompt = Prompt::new(&Classify, &labels, &PromptSection::default(), false).unwrap();
    let item = Item { id: "1".into(), input: "gold 金价 rises".into(), ..Item::default() };
    chat.ask(&chat.body(&prompt.render(&item, &[]).unwrap())).await
}

#[tokio::test]
async fn each_fault_has_its_kind() {
    let bad_request =
        Fault::Status { code: 400, retry_after: None, message: "use max_completion_tokens".into() };
    let no_money = Fault::status(402);
    type Case = (Fault, FailureKind, FailureKind, &'static str);
    let cases: Vec<Case> = vec![
        (Fault::status(500), FailureKind::Overloaded, FailureKind::Overloaded, "HTTP 500"),
        (Fault::status(503), FailureKind::Overloaded, FailureKind::Overloaded, "as told"),
        (Fault::slow_down("7"), FailureKind::RateLimited, FailureKind::RateLimited, "Rate limit"),
        (bad_request, FailureKind::Rejected, FailureKind::Rejected, "extra = {"),
        (no_money, FailureKind::Denied, FailureKind::Denied, "402"),
        (Fault::status(404), FailureKind::NotFound, FailureKind::NotFound, "base_url"),
        (Fault::status(307), FailureKind::Rejected, FailureKind::Rejected, "redirects"),
        (Fault::EchoKey, FailureKind::Denied, FailureKind::Denied, "key_env"),
        (Fault::CutBeforeHeaders, FailureKind::Cut, FailureKind::Cut, "broke"),
        (Fault::CutBody, FailureKind::Cut, FailureKind::Cut, "broke"),
        // A whole answer begins when it is finished: only a stream can be late with its first token.
        (Fault::StallHeaders, FailureKind::TotalTimeout, FailureKind::FirstTokenTimeout, "within|after"),
        (Fault::StallBody, FailureKind::IdleTimeout, FailureKind::IdleTimeout, "half-way"),
        (
            Fault::Trickle(Duration::from_millis(100)),
            FailureKind::TotalTimeout,
            FailureKind::TotalTimeout,
            "after 1.5 s",
        ),
        (
            Fault::Pings(Duration::from_millis(100)),
            FailureKind::IdleTimeout,
            FailureKind::IdleTimeout,
            "half-way",
        ),
        (Fault::BrokenUtf8, FailureKind::BrokenText, FailureKind::BrokenText, "UTF-8"),
        (Fault::BrokenJson, FailureKind::BrokenJson, FailureKind::BrokenJson, "chat API"),
        (Fault::OtherShape, FailureKind::Shape, FailureKind::Shape, "no choices|before the answer"),
        (Fault::Html, FailureKind::BrokenJson, FailureKind::BrokenJson, "HTML"),
        (Fault::ErrorIn200("busy".into()), FailureKind::Overloaded, FailureKind::Overloaded, "busy"),
        (Fault::Refusal, FailureKind::Refused, FailureKind::Refused, "can't help"),
        (Fault::ContentFilter, FailureKind::Filtered, FailureKind::Filtered, "filter"),
        (Fault::Empty, FailureKind::Empty, FailureKind::Empty, "no text"),
        (Fault::EmptyByLength, FailureKind::Empty, FailureKind::Empty, "max_tokens"),
        (Fault::Huge(20 << 20), FailureKind::TooLarge, FailureKind::TooLarge, "far more than"),
    ];
    for (fault, whole, streamed, says) in cases {
        let rule = fault.clone();
        let script = Script::saying("up, or so it seems to me").with_faults(move |_| rule.clone());
        let server = FaultServer::start(script).await.unwrap();
        for (stream, kind) in [(false, whole), (true, streamed)] {
            let start = Instant::now();
            let failure = ask(&entry(&server, stream)).await.expect_err(&format!("{fault:?}"));
            assert_eq!(failure.kind, kind, "{fault:?}, stream {stream}: {failure}");
            assert!(says.split('|').any(|says| failure.message.contains(says)), "{fault:?}: {failure}");
            assert!(start.elapsed() < Duration::from_secs(3), "{fault:?} took {:?}", start.elapsed());
        }
    }
}

#[tokio::test]
async fn what_a_failure_used_up_and_asks_for_is_known() {
    let retry =
        FaultServer::start(Script::saying("up").with_faults(|_| Fault::slow_down("7"))).await.unwrap();
    let failure = ask(&entry(&retry, false)).await.unwrap_err();
    assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    let refusal = FaultServer::start(Script::saying("up").with_faults(|_| Fault::Refusal)).await.unwrap();
    for stream in [false, true] {
        let failure = ask(&entry(&refusal, stream)).await.unwrap_err();
        assert!(failure.usage.is_some_and(|usage| usage.input_tokens > 10), "{failure:?}");
    }
}

#[tokio::test]
async fn good_answers_whole_and_streamed() {
    let style =
        Style { latency: Duration::from_millis(50), between: Duration::from_millis(20), ..Style::default() };
    let server = FaultServer::start(Script::saying("上涨 up").with_style(style)).await.unwrap();
    for stream in [false, true] {
        let with = OpenAi { logprobs: Some(true), ..entry(&server, stream) };
        let reply = ask(&with).await.unwrap();
        assert_eq!(reply.text, "上涨 up");
        assert_eq!(reply.usage.map(|usage| usage.output_tokens), Some(tokens_of("上涨 up")));
        assert!(reply.latency >= Duration::from_millis(50));
        assert_eq!(reply.first_token.is_some(), stream);
        if let Some(first) = reply.first_token {
            assert!(
                first >= Duration::from_millis(50) && first < reply.latency,
                "{first:?} {:?}",
                reply.latency
            );
        }
        let text: String = reply.logprobs.iter().map(|token| token.token.as_str()).collect();
        assert_eq!(text, reply.text);
        let sure = confidence::of_span(&reply.logprobs, &reply.text, &(0..reply.text.len()), true).unwrap();
        assert!((sure - (-0.1_f64).exp()).abs() < 1e-9);
    }
}

#[tokio::test]
async fn an_answer_without_usage_is_an_answer() {
    let server = FaultServer::start(Script::saying("up").with_faults(|_| Fault::NoUsage)).await.unwrap();
    for stream in [false, true] {
        assert_eq!(ask(&entry(&server, stream)).await.unwrap().usage, None);
    }
}

#[tokio::test]
async fn a_stream_that_is_given_up_is_no_answer() {
    let script = Script::saying("up, or so it seems to me").with_faults(|_| Fault::GivenUp);
    let server = FaultServer::start(script).await.unwrap();
    let failure = ask(&entry(&server, true)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Cut, "{failure}");
    assert!(failure.message.contains("concurrency = 1"), "{failure}");
    assert_eq!(ask(&entry(&server, false)).await.unwrap().text, "up, or so it seems to me");
}

#[tokio::test]
async fn nobody_at_home() {
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let entry = entry(&server, false);
    let address = server.address();
    server.stop();
    let failure = ask(&entry).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Connect, "{failure}");
    assert!(failure.message.contains(&address.to_string()), "{failure}");
}

#[tokio::test]
async fn embeddings() {
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let embeddings = Embeddings::new(&entry(&server, false)).unwrap();
    let vector = async |text: &str| {
        let reply = embeddings.ask(&embeddings.body(text)).await.unwrap();
        (reply.vector.unwrap(), reply.usage)
    };
    let (a, usage) = vector("a").await;
    assert_eq!((a.clone(), usage), vector("a").await);
    assert_ne!(a, vector("bcd").await.0);
    assert_eq!(usage, Some(Usage { input_tokens: 1, output_tokens: 0 }));
    let broken = FaultServer::start(Script::saying("").with_faults(|_| Fault::OtherShape)).await.unwrap();
    let embeddings = Embeddings::new(&entry(&broken, false)).unwrap();
    let failure = embeddings.ask(&embeddings.body("a")).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Shape, "{failure}");
}
