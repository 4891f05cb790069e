//! Writing, and the probabilities of given texts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

mod tiny;

use std::ops::ControlFlow;

use ordinate_models::decoder::{Cache, End, Piece, Place, Role, Sampling, Writer, decoder, open};

const ASKED: [(Role, &str); 1] = [(Role::User, "ab abc")];

#[test]
fn writing() {
    let (_folder, path) = tiny::gguf_file("qwen2-Q8_0");
    let writer = open(&Place::Gguf(path)).unwrap();
    let prompt = writer.prompt(&ASKED).unwrap();
    assert_eq!(prompt, "<|user|>ab abc<|end|><|assistant|>");
    // The vocabulary is that of the script: merges make words, a space is a sign of its own.
    let tokens = writer.tokens(&prompt).unwrap();
    assert_eq!(tokens, [33, 4, 6, 5, 32, 34]);
    assert_eq!(writer.ends(), [32]);
    let mut told = String::new();
    let greedy = |most, each: &mut dyn FnMut(&Piece) -> ControlFlow<()>| {
        writer.write(&prompt, most, Sampling::default(), each).unwrap()
    };
    let written = greedy(8, &mut |piece| {
        told += &piece.text;
        ControlFlow::Continue(())
    });
    assert_eq!((written.text(), written.read), (told, 6));
    assert!(written.ended || written.pieces.len() == 8);
    assert!(!written.pieces.is_empty());
    assert_eq!(greedy(1, &mut |_| ControlFlow::Continue(())).pieces, written.pieces[..1]);
    assert_eq!(greedy(8, &mut |_| ControlFlow::Break(())).pieces, written.pieces[..1]);
    // Greedy is the most probable token, and its probability is that of the option.
    let logits = writer.log_probabilities(&prompt, &["a", "b", "abc", "z"]).unwrap();
    assert!(logits.iter().all(|&sum| sum < 0.0 && sum.is_finite()));
    let (best, confidence) = writer.choose(&prompt, &["a", "b", "abc", "z"]).unwrap();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: f64 = logits.iter().map(|sum| sum.exp()).sum();
    assert!((logits[best] - most).abs() < 1e-12 && (confidence - most.exp() / shares).abs() < 1e-9);
    // Sampling: the same seed says the same, another one something else.
    let sampled = |seed| {
        let sampling = Sampling { temperature: 1.5, top_p: 0.95, seed };
        writer.write(&prompt, 30, sampling, &mut |_| ControlFlow::Continue(())).unwrap().text()
    };
    assert_eq!(sampled(1), sampled(1));
    assert!((2..9).any(|seed| sampled(seed) != sampled(1)));
    // A prompt that does not fit says so.
    let long = writer.prompt(&[(Role::User, &"abc ".repeat(200))]).unwrap();
    let error = writer.write(&long, 1, Sampling::default(), &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().contains("holds from 1 to 128"), "{error}");
    // Writing ends where the model's room does.
    let nearly = writer.prompt(&[(Role::User, &" abc".repeat(58))]).unwrap();
    let room = 128 - writer.tokens(&nearly).unwrap().len();
    let mut ends = 0;
    for seed in 0..5 {
        let sampling = Sampling { temperature: 1.0, top_p: 1.0, seed };
        let written = writer.write(&nearly, 1_000, sampling, &mut |_| ControlFlow::Continue(())).unwrap();
        assert!(written.ended || written.pieces.len() == room + 1);
        ends += usize::from(!written.ended);
    }
    assert!(room > 0 && ends > 0);
}

/// The probabilities of all one-token continuations are those that the logits give, those of two tokens their product,
/// and an option that begins another is told from it by the end of the text.
#[test]
fn probabilities_of_options() {
    let (_folder, path) = tiny::gguf_file("llama-Q8_0");
    let writer = open(&Place::Gguf(path.clone())).unwrap();
    let decoder = decoder(&Place::Gguf(path)).unwrap().decoder;
    let prompt = writer.prompt(&ASKED).unwrap();
    let tokens = writer.tokens(&prompt).unwrap();
    let log_softmax = |tokens: &[u32], token: u32| {
        let logits = decoder.read(tokens, &mut Cache::default(), 1).unwrap().remove(0);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        f64::from(logits[token as usize]) - sum.ln()
    };
    // "z" and "d" are tokens 31 and 9; "zd" is both.
    let of = |options: &[&str]| writer.log_probabilities(&prompt, options).unwrap();
    let (z, d) = (31, 9);
    let behind = |more: &[u32]| [tokens.as_slice(), more].concat();
    let first = log_softmax(&tokens, z);
    assert!((of(&["z", "d"])[0] - first).abs() < 1e-5);
    let both = first + log_softmax(&behind(&[z]), d);
    assert!((of(&["zd", "d"])[0] - both).abs() < 1e-5);
    let ended = of(&["zd", "z"]);
    assert!((ended[1] - first - log_softmax(&behind(&[z]), 32)).abs() < 1e-5);
    assert!((ended[0] - both - log_softmax(&behind(&[z, d]), 32)).abs() < 1e-5);
    assert!(writer.choose(&prompt, &[]).is_err());
}

fn streamed(writer: &Writer, prompt: &str, sampling: Sampling, stops: &[&str]) -> (Vec<Piece>, End) {
    let mut stream = writer.stream(prompt, 16, sampling, stops).unwrap();
    assert_eq!((stream.end(), stream.first_text()), (None, None));
    let pieces: Vec<Piece> = stream.by_ref().map(Result::unwrap).collect();
    assert!(stream.next().is_none() && pieces.len() <= stream.written());
    let shown = pieces.iter().any(|piece| !piece.text.is_empty());
    assert_eq!(stream.first_text().is_some(), shown);
    (pieces, stream.end().unwrap())
}

/// What stops a text is never shown, nor any part of it, wherever its tokens part; and what only begins like it is.
#[test]
fn stops_never_leak() {
    let (_folder, path) = tiny::gguf_file("pieces-Q8_0");
    let writer = open(&Place::Gguf(path)).unwrap();
    let (mut stopped, mut late) = (0, 0);
    for seed in 0..4 {
        let sampling = Sampling { temperature: 1.5, top_p: 1.0, seed };
        let (pieces, _) = streamed(&writer, "The contract", sampling, &[]);
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let places: Vec<usize> = whole.char_indices().map(|(at, _)| at).chain([whole.len()]).collect();
        for (from, to) in places.iter().zip(&places[3.min(places.len() - 1)..]) {
            let stop = &whole[*from..*to];
            let first = whole.find(stop).unwrap();
            let (pieces, end) = streamed(&writer, "The contract", sampling, &[stop, ""]);
            let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!((text.as_str(), end), (&whole[..first], End::Stop), "{stop:?} in {whole:?}");
            stopped += 1;
            // All but its last character, and one that never comes: everything is shown in the end.
            let missed =
                format!("{}\u{1}", &whole[*from..places[places.iter().position(|at| at == to).unwrap() - 1]]);
            let (pieces, end) = streamed(&writer, "The contract", sampling, &[&missed]);
            let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert!(text == whole && end != End::Stop, "{missed:?} in {whole:?}: {text:?}");
            late += 1;
        }
    }
    assert!(stopped > 40 && late > 40, "{stopped} {late}");
}

/// A prompt that does not fit is an error of the stream, which then ends.
#[test]
fn a_stream_of_a_prompt_that_is_too_long() {
    let (_folder, path) = tiny::gguf_file("pieces-Q8_0");
    let writer = open(&Place::Gguf(path)).unwrap();
    let mut stream = writer.stream(&"龘".repeat(200), 4, Sampling::default(), &[]).unwrap();
    let said = stream.next().unwrap().unwrap_err().to_string();
    assert!(said.contains("does not fit"), "{said}");
    assert!(stream.next().is_none());
}
